// The synchronous calls of a socket.
#include "asio/core_calls.hpp"
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>

#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

} // namespace

/// Tries until it would not block, sleeping in between while somebody else drives the stack, or driving it. The second try
/// comes at once: what the first one set off (over loopback, say) may have let it through.
template <class Try>
void socket::block(error_code& ec, bool may_wait, core::time_point deadline, Try&& attempt)
{
    for (unsigned tries = 0;; ++tries) {
        std::uint64_t seen = 0;
        {
            engine::user_turn t(*engine_);
            if (!open_) return void(ec = error::bad_descriptor);
            if (attempt()) return;
            seen = engine_->turns() + 1; // this one counts when it ends
        }
        if (tries == 0) continue;
        if (!may_wait) return void(ec = error::would_block);
        switch (engine_->wait_for_turn_after(seen, deadline)) {
        case engine::waited::went_on: break;
        case engine::waited::timed_out: return void(ec = error::timed_out);
        case engine::waited::for_ever: return void(ec = make_error_code(boost::system::errc::resource_deadlock_would_occur));
        }
    }
}

std::size_t socket::send(const_buffer_list from, const core::endpoint* destination, int flags, error_code& ec)
{
    std::size_t n = 0;
    block(ec, !non_blocking_, core::never, [&] { return expect_no_more(), try_send(from, destination, flags, n, ec); });
    return n;
}

std::size_t socket::receive(mutable_buffer_list into, int flags, core::endpoint* sender, error_code& ec)
{
    std::size_t n = 0;
    block(ec, !non_blocking_, core::never, [&] { return try_receive(into, flags, sender, n, ec); });
    return n;
}

std::size_t socket::send(std::span<core::slice> from, error_code& ec)
{
    std::size_t size = 0, sent = 0;
    for (const core::slice& s : from) size += s.size();
    do {
        std::size_t n = 0;
        block(ec, !non_blocking_, core::never, [&] { return expect_no_more(), try_send(from, n, ec); });
        sent += n;
    } while (!ec && sent < size && !non_blocking_);
    return sent;
}

std::size_t socket::receive(std::vector<core::slice>& into, std::size_t limit, error_code& ec)
{
    std::size_t n = 0;
    block(ec, !non_blocking_, core::never, [&] { return try_receive(into, limit, n, ec); });
    return n;
}

std::size_t socket::send_message(const_buffer_list from, const core::endpoint& destination, const message_info& info,
                                 error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, std::size_t{0};
    if (kind_ == socket_kind::tcp) return ec = error::operation_not_supported, std::size_t{0};
    core::udp_sockets::send_hints hints;
    hints.via = info.interface;
    if (!info.local.is_unspecified()) hints.source = info.local;
    const bool connected = destination.port == 0 && destination.address.is_unspecified();
    return value_or(t.host().udp().send(udp(id_), from, connected ? nullptr : &destination, t.now(), hints), ec);
}

std::size_t socket::receive_message(mutable_buffer_list into, int flags, bool may_wait, core::endpoint& sender,
                                    message_info& info, error_code& ec)
{
    std::size_t n = 0;
    if (kind_ == socket_kind::tcp) return ec = error::operation_not_supported, n;
    block(ec, may_wait && !non_blocking_, core::never, [&] {
        const auto got = engine_->host().udp().receive(udp(id_), into, (flags & MSG_PEEK) != 0);
        ec = got ? error_code() : got.error();
        if (would_block(ec)) return false;
        if (!got) return true;
        n = got->size;
        sender = got->sender;
        info = {got->info.interface, got->info.destination, got->info.ttl, got->info.tos};
        return true;
    });
    return n;
}

std::size_t socket::receive_error(mutable_buffer_list into, core::endpoint& sent_to, error_info& info, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, std::size_t{0};
    if (kind_ == socket_kind::tcp) return ec = error::operation_not_supported, std::size_t{0};
    const auto got = t.host().udp().take_error_message(udp(id_));
    ec = got ? error_code() : got.error();
    if (!got) return 0;
    sent_to = got->peer;
    info = {got->why, got->offender, got->type, got->code, static_cast<std::uint32_t>(got->mtu)};
    std::size_t n = 0;
    for (const core::mutable_bytes b : into) n += got->payload.copy_to(b, n);
    return n;
}

/// Waits also where non_blocking() is set, as Asio's does (socket_ops::sync_connect).
void socket::connect(const core::endpoint& peer, error_code& ec) { connect(peer, true, core::never, ec); }
void socket::connect_until(const core::endpoint& peer, core::time_point deadline, error_code& ec)
{
    connect(peer, true, deadline, ec);
}

void socket::connect(const core::endpoint& peer, bool may_wait, core::time_point deadline, error_code& ec)
{
    bool started = false;
    block(ec, may_wait, deadline, [&] { return try_connect(peer, started, ec); });
    if (started && ec == error::would_block) ec = error::in_progress;
    if (ec || kind_ != socket_kind::tcp) return;
    engine::user_turn t(*engine_);
    (void)t.host().tcp().connect(tcp(id_), peer, t.now()); // takes note that success was told
}

std::shared_ptr<socket> socket::accept(core::endpoint& peer, error_code& ec)
{
    std::shared_ptr<socket> accepted;
    block(ec, !non_blocking_, core::never, [&] { return try_accept(accepted, peer, ec); });
    return accepted;
}

void socket::wait(int what, error_code& ec)
{
    block(ec, !non_blocking_, core::never, [&] { return try_wait(what, ec); });
}

void socket::wait_until(int what, core::time_point deadline, error_code& ec)
{
    block(ec, true, deadline, [&] { return try_wait(what, ec); });
}

} // namespace tapio::detail
