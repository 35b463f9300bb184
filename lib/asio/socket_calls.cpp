// The synchronous calls of a socket that may wait.
#include "asio/core_calls.hpp"
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>

#include <algorithm>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

} // namespace

/// Repeats `attempt` until it would not block. In between it sleeps if another thread drives the stack, else drives the stack.
/// The second attempt follows at once: what the first one caused (over loopback, say) may have made it possible.
template <class Try>
void socket::block(error_code& ec, bool may_wait, core::time_point deadline, Try&& attempt, error_code expired)
{
    for (unsigned tries = 0;; ++tries) {
        std::uint64_t seen = 0;
        {
            engine::user_turn t(*engine_);
            if (!open_) return void(ec = error::bad_descriptor);
            if (attempt()) return;
            seen = engine_->turns() + 1; // the present turn is counted when it ends
        }
        if (tries == 0) continue;
        if (!may_wait) return void(ec = error::would_block);
        switch (engine_->wait_for_turn_after(seen, deadline)) {
        case engine::waited::went_on: break;
        case engine::waited::timed_out: return void(ec = expired);
        case engine::waited::for_ever: return void(ec = make_error_code(boost::system::errc::resource_deadlock_would_occur));
        }
    }
}

/// The deadline of a call that begins now, from SO_RCVTIMEO or SO_SNDTIMEO.
core::time_point socket::patience(direction d) const
{
    const engine::user_turn t(*engine_);
    if (!has_timeouts_) return core::never;
    const core::duration timeout = engine_->timeouts(this).of[static_cast<std::size_t>(d)];
    return timeout == core::duration::zero() ? core::never : t.now() + timeout;
}

/// As recv(2) and send(2): would_block when the timeout expires.
template <class Try>
void socket::block(error_code& ec, direction d, Try&& attempt)
{
    block(ec, !non_blocking_, has_timeouts_ ? patience(d) : core::never, attempt, error::would_block);
}

std::size_t socket::send(const_buffer_list from, const core::endpoint* destination, int flags, error_code& ec)
{
    std::size_t n = 0;
    block(ec, direction::write, [&] { return expect_no_more(), try_send(from, destination, flags, n, ec); });
    return n;
}

std::size_t socket::receive(mutable_buffer_list into, int flags, core::endpoint* sender, error_code& ec)
{
    const bool waits_for_all = (flags & MSG_WAITALL) != 0 && (flags & (MSG_PEEK | MSG_OOB)) == 0;
    if (waits_for_all && protocol_.type() == core::socket_type::stream && !non_blocking_) return receive_all(into, ec);
    std::size_t n = 0;
    block(ec, direction::read, [&] { return try_receive(into, flags, sender, n, ec) || waits_in_vain(ec); });
    return n;
}

/// A datagram socket whose receiving side was shut down: a receive that would wait gets an empty datagram, since none will
/// arrive.
bool socket::waits_in_vain(error_code& ec) const
{
    if (non_blocking_ || !protocol_.is_receive_shut(id_)) return false;
    ec = {};
    return true;
}

/// MSG_WAITALL: receives until the buffers are full or the stream has ended. Behind data it stops at an error, at the end of the
/// stream and at the urgent mark, and leaves the error to the next receive, as Linux does.
std::size_t socket::receive_all(mutable_buffer_list into, error_code& ec)
{
    const auto stream_pauses = [this] {
        if (as_tcp()->at_mark(id_)) return true;
        const auto octets = protocol_.available(id_); // readable without octets: an error or the end is next
        return octets && *octets == 0 && any(protocol_.poll(id_) & core::readiness::readable);
    };
    std::size_t total = 0;
    for (core::mutable_bytes left : into) {
        while (!left.empty()) {
            std::size_t n = 0;
            block(ec, direction::read, [&] {
                return (total > 0 && stream_pauses()) || try_receive({&left, 1}, 0, nullptr, n, ec);
            });
            if (total > 0 && n == 0) ec = {}; // also a timeout
            if (n == 0) return total;
            left = left.subspan(n);
            total += n;
        }
    }
    return total;
}

std::size_t socket::send(std::span<core::slice> from, error_code& ec)
{
    std::size_t size = 0, sent = 0;
    for (const core::slice& s : from) size += s.size();
    do {
        std::size_t n = 0;
        block(ec, direction::write, [&] { return expect_no_more(), try_send(from, n, ec); });
        sent += n;
    } while (!ec && sent < size && !non_blocking_);
    return sent;
}

std::size_t socket::receive(std::vector<core::slice>& into, std::size_t limit, error_code& ec)
{
    std::size_t n = 0;
    block(ec, direction::read, [&] { return try_receive(into, limit, n, ec); });
    return n;
}

std::size_t socket::send_message(const_buffer_list from, const core::endpoint& destination, const message_info& info,
                                 error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, std::size_t{0};
    core::packet_info way{info.interface, {}};
    if (!info.local.is_unspecified()) way.source = to_core({info.local, 0}).address;
    const bool connected = destination.port == 0 && destination.address.is_unspecified();
    const core::endpoint to = to_core(destination);
    return value_or(protocol_.send(id_, from, connected ? nullptr : &to, t.now(), {way}), ec);
}

std::size_t socket::receive_message(mutable_buffer_list into, int flags, bool may_wait, core::endpoint& sender,
                                    message_info& info, error_code& ec)
{
    std::size_t n = 0;
    const bool waits = may_wait && !non_blocking_;
    const auto attempt = [&] { return try_receive_message(into, flags, sender, info, n, ec); };
    block(ec, waits, waits && has_timeouts_ ? patience(direction::read) : core::never, attempt, error::would_block);
    return n;
}

bool socket::try_receive_message(mutable_buffer_list into, int flags, core::endpoint& sender, message_info& info, std::size_t& n,
                                 error_code& ec)
{
    core::received_message m;
    n = value_or(protocol_.receive(id_, into, receive_flags_of(flags), &m, engine_->turn_began()), ec);
    if (ec) return !would_block(ec);
    sender = to_user(m.sender);
    if (m.end_of_stream) return ec = error::eof, true;
    const std::chrono::steady_clock::time_point received(m.received.time_since_epoch());
    info = {m.interface, to_user(m.destination), m.ttl, m.tos, received, m.unread};
    return true;
}

std::size_t socket::receive_error(mutable_buffer_list into, core::endpoint& sent_to, error_info& info, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, std::size_t{0};
    const auto got = protocol_.take_error_message(id_);
    ec = got ? error_code() : got.error();
    if (!got) return 0;
    sent_to = to_user(got->peer);
    info = {got->why, to_user(got->offender), got->type, got->code, static_cast<std::uint32_t>(got->mtu)};
    std::size_t n = 0;
    for (const core::mutable_bytes b : into) n += got->payload.copy_to(b, n);
    return n;
}

/// Waits even if non_blocking() is set, as Asio's connect() does (socket_ops::sync_connect). As connect(2): in_progress when
/// SO_SNDTIMEO expires; the attempt continues.
void socket::connect(const core::endpoint& peer, error_code& ec)
{
    connect(peer, true, has_timeouts_ ? patience(direction::write) : core::never, ec, error::in_progress);
}
void socket::connect_until(const core::endpoint& peer, core::time_point deadline, error_code& ec)
{
    connect(peer, true, deadline, ec, error::timed_out);
}

void socket::connect(const core::endpoint& peer, bool may_wait, core::time_point deadline, error_code& ec, error_code expired)
{
    bool started = false;
    block(
        ec, may_wait, deadline, [&] { return try_connect(peer, started, ec); }, expired);
    if (started && ec == error::would_block) ec = error::in_progress;
    core::tcp_sockets* const tcp = as_tcp();
    if (tcp == nullptr) return;
    engine::user_turn t(*engine_);
    if (ec) return started && ec != error::in_progress ? tcp->disconnected(id_) : void();
    (void)tcp->connect(id_, to_core(peer), t.now()); // records that the user knows of the success
}

std::shared_ptr<socket> socket::accept(core::endpoint& peer, error_code& ec)
{
    std::shared_ptr<socket> accepted;
    block(ec, direction::read, [&] { return try_accept(accepted, peer, ec); });
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
