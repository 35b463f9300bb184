// Sockets: creation and end, native handles, asynchronous operations, calls that never wait.
#include "asio/core_calls.hpp"
#include "asio/engine.hpp"
#include "base/pooled.hpp"

#include <tapio/detail/socket.hpp>
#include <tapio/detail/socket_service.hpp>

#include <atomic>
#include <limits>
#include <map>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

/// Sockets by native handle. A handle carries a socket from accept to assign(), or from release() to assign().
class handle_table
{
public:
    int add(const std::shared_ptr<socket>& s)
    {
        const std::lock_guard lock(mutex_);
        while (sockets_.contains(next_)) advance();
        const int handle = next_;
        advance();
        sockets_[handle] = {s, nullptr};
        return handle;
    }
    void keep(int handle, std::shared_ptr<socket> s)
    {
        const std::lock_guard lock(mutex_);
        sockets_[handle].kept = std::move(s);
    }
    std::shared_ptr<socket> adopt(int handle)
    {
        const std::lock_guard lock(mutex_);
        const auto at = sockets_.find(handle);
        if (at == sockets_.end()) return nullptr;
        auto s = at->second.known.lock();
        at->second.kept.reset();
        return s;
    }
    std::shared_ptr<socket> find(int handle)
    {
        const std::lock_guard lock(mutex_);
        const auto at = sockets_.find(handle);
        return at == sockets_.end() ? nullptr : at->second.known.lock();
    }
    void remove(int handle)
    {
        const std::lock_guard lock(mutex_);
        sockets_.erase(handle);
    }

private:
    static constexpr int first = 0x4000'0000; ///< larger than any file descriptor

    struct entry
    {
        std::weak_ptr<socket> known;
        std::shared_ptr<socket> kept; ///< owns a released socket until it is adopted
    };

    void advance() noexcept { next_ = next_ == std::numeric_limits<int>::max() ? first : next_ + 1; }

    std::mutex mutex_;
    std::map<int, entry> sockets_;
    int next_ = first;
};

/// Never destroyed: it owns sockets that were released and not adopted, and their destructors use it.
handle_table& handles()
{
    static auto* const table = new handle_table;
    return *table;
}

/// connect() of an IPv6 socket to an IPv4 endpoint that is not given as an IPv4-mapped address: as on Linux only UDP takes it.
error_code check_v4_peer(const core::socket_protocol& p, core::socket_id id)
{
    const bool connected = p.remote_endpoint(id).has_value(); // then the protocol's error is another
    if (p.type() == core::socket_type::stream) return connected ? error_code() : error_code(error::invalid_argument);
    const auto only = p.get_option(id, core::socket_option::v6_only);
    const bool six_alone = p.type() == core::socket_type::raw || (only && *only != 0);
    return six_alone ? error_code(error::address_family_not_supported) : error_code();
}

core::socket_protocol& protocol_of(core::host& h, socket_kind kind) noexcept
{
    switch (kind) {
    case socket_kind::udp: return h.udp();
    case socket_kind::raw: return h.raw();
    case socket_kind::ping: return h.ping();
    case socket_kind::link: return h.link();
    default: return h.tcp();
    }
}

} // namespace

std::uint64_t next_operation_id() noexcept
{
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
}

int readable_command() noexcept { return FIONREAD; }

// -- life -----------------------------------------------------------------------------------------------------------

socket::socket(std::shared_ptr<engine> owner, core::socket_protocol& protocol, core::socket_id id, core::family f) noexcept
    : engine_(std::move(owner)), protocol_(protocol), id_(id), family_(f)
{
}

socket::~socket()
{
    if (!closed_) end();
}

std::shared_ptr<socket> socket::open(std::shared_ptr<engine> owner, socket_kind kind, int family, int protocol, error_code& ec)
{
    const bool link = kind == socket_kind::link;
    if (link ? family != AF_PACKET : family != AF_INET && family != AF_INET6)
        return ec = error::address_family_not_supported, nullptr;
    const auto f = family == AF_INET6 ? core::family::v6 : core::family::v4;
    engine& e = *owner;
    engine::user_turn t(e);
    if (e.is_shut_down()) return ec = error::bad_descriptor, nullptr;
    core::socket_protocol& sockets = protocol_of(t.host(), kind);
    const auto id = sockets.open(f, link ? ntohs(static_cast<std::uint16_t>(protocol)) : protocol);
    if (link) e.follow_taps();
    if (!id) return ec = id.error(), nullptr;
    ec = {};
    const auto s = std::allocate_shared<socket>(core::pooling_allocator<socket>(), std::move(owner), sockets, *id, f);
    e.enlist(s.get());
    sockets.set_owner(*id, s.get());
    return s;
}

core::endpoint socket::to_core(const core::endpoint& e) const
{
    const bool six_alone = protocol_.type() == core::socket_type::raw; // IPv6 raw sockets do not send over IPv4
    if (family_ == core::family::v4 || six_alone || e.address.is_v4() || !e.address.to_v6().is_v4_mapped()) return e;
    return {boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, e.address.to_v6()), e.port};
}

core::address socket::to_user(const core::address& a) const
{
    if (family_ == core::family::v4 || a.is_v6()) return a;
    return boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, a.to_v4());
}

core::tcp_sockets* socket::as_tcp() const noexcept
{
    core::tcp_sockets& tcp = engine_->host().tcp();
    return &protocol_ == &tcp ? &tcp : nullptr;
}

core::raw_sockets* socket::as_raw() const noexcept
{
    core::raw_sockets& all = engine_->host().raw();
    return &protocol_ == &all ? &all : nullptr;
}

core::link_sockets* socket::as_link() const noexcept
{
    core::link_sockets& all = engine_->host().link();
    return &protocol_ == &all ? &all : nullptr;
}

int socket::native_handle()
{
    if (native_handle_ < 0) native_handle_ = handles().add(shared_from_this());
    return native_handle_;
}

int socket::release()
{
    const int handle = native_handle();
    handles().keep(handle, shared_from_this());
    return handle;
}

std::shared_ptr<socket> socket::find(int native_handle) { return handles().find(native_handle); }
std::shared_ptr<socket> socket::adopt(int native_handle) { return handles().adopt(native_handle); }

void socket::abort_all(operation_queue& done)
{
    for (operation_queue& q : pending_) {
        while (operation* const op = q.pop()) {
            op->result = error::operation_aborted;
            done.push(op);
        }
    }
}

/// Closes the socket. Under the lock.
void socket::leave(operation_queue& done)
{
    closed_ = true;
    abort_all(done);
    const bool was_open = open_;
    open_ = false;
    if (has_timeouts_) engine_->forget_timeouts(this);
    has_timeouts_ = false;
    if (!was_open || engine_->is_shut_down()) return;
    engine_->delist(this);
    protocol_.close(id_, engine_->turn_began());
    if (as_link() != nullptr) engine_->follow_taps();
}

/// How long close() waits (SO_LINGER); zero: it does not.
core::duration socket::linger_time() const
{
    if (as_tcp() == nullptr || !open_) return {};
    const auto seconds = protocol_.get_option(id_, core::socket_option::linger);
    return std::chrono::seconds(seconds ? std::max(*seconds, 0) : 0);
}

void socket::close()
{
    if (native_handle_ >= 0) handles().remove(std::exchange(native_handle_, -1));
    core::duration patience{};
    core::time_point began{};
    {
        engine::user_turn t(*engine_);
        patience = linger_time();
        began = t.now();
        leave(t.done());
    }
    if (patience > core::duration::zero()) wait_until_finished(began + patience);
}

void socket::end()
{
    if (native_handle_ >= 0) handles().remove(std::exchange(native_handle_, -1));
    engine::user_turn t(*engine_);
    if (user_set_linger_ && open_) protocol_.set_option(id_, core::socket_option::linger, -1, t.now());
    leave(t.done());
}

/// Precondition: a TCP socket.
void socket::wait_until_finished(core::time_point deadline)
{
    for (;;) {
        std::uint64_t seen = 0;
        {
            const engine::user_turn t(*engine_);
            if (engine_->is_shut_down() || !as_tcp()->is_closing(id_)) return;
            seen = engine_->turns() + 1; // the present turn is counted when it ends
        }
        if (engine_->wait_for_turn_after(seen, deadline) != engine::waited::went_on) return;
    }
}

void socket::discard()
{
    operation_queue gone;
    {
        const engine::user_turn t(*engine_);
        leave(gone);
    }
    while (operation* const op = gone.pop()) op->destroy();
}

void socket::detach(operation_queue& done)
{
    abort_all(done);
    open_ = false;
    // After async_drain(), no RST is sent to a peer that has acknowledged everything: it might discard data that its user has not
    // read.
    const core::tcp_sockets* const tcp = as_tcp();
    if (tcp != nullptr && !(engine_->is_drained() && tcp->is_finished(id_)))
        protocol_.set_option(id_, core::socket_option::linger, 0, engine_->turn_began());
    protocol_.close(id_, engine_->turn_began());
}

// -- operations -------------------------------------------------------------------------------------------------------

void socket::start(direction d, operation* op)
{
    {
        engine::user_turn t(*engine_);
        operation_queue& q = pending_[static_cast<std::size_t>(d)];
        if (!open_) op->result = error::bad_descriptor;
        const bool finished = !open_ || (q.empty() && try_once(d, *op));
        if (!finished) return q.push(op);
        if (!op->has_immediate_executor) return t.done().push(op);
    }
    op->complete_at_once();
}

/// A write is usually followed by another, from its completion handler: the handler runs before the end of this write is sent.
bool socket::try_once(direction d, operation& op)
{
    if (d == direction::write && as_tcp() != nullptr) engine_->expect_more(id_);
    return op.perform(*this);
}

void socket::cancel()
{
    engine::user_turn t(*engine_);
    abort_all(t.done());
}

void socket::cancel(std::uint64_t id)
{
    engine::user_turn t(*engine_);
    for (operation_queue& q : pending_) {
        operation* const op = q.remove(id);
        if (op == nullptr) continue;
        op->result = error::operation_aborted;
        t.done().push(op);
        return;
    }
}

void socket::expect_no_more()
{
    if (core::tcp_sockets* const tcp = as_tcp()) tcp->expect_no_more(id_);
}

void socket::advance(direction d, operation_queue& done)
{
    operation_queue& q = pending_[static_cast<std::size_t>(d)];
    while (!q.empty() && try_once(d, *q.front())) done.push(q.pop());
}

void socket::ready(core::readiness what, core::time_point)
{
    operation_queue& done = engine_->finished();
    if (any(what & (core::readiness::readable | core::readiness::error))) advance(direction::read, done);
    if (any(what & (core::readiness::writable | core::readiness::error))) advance(direction::write, done);
    advance(direction::error, done); // poll() reports the end of both directions as an error, too
}

// -- tries, under the lock --------------------------------------------------------------------------------------------

bool socket::try_send(const_buffer_list from, const core::endpoint* destination, int flags, std::size_t& n, error_code& ec)
{
    wrote_ = true;
    core::send_hints hints;
    hints.out_of_band = (flags & MSG_OOB) != 0;
    hints.do_not_route = (flags & MSG_DONTROUTE) != 0;
    hints.more = (flags & MSG_MORE) != 0;
    std::optional<core::endpoint> to;
    if (destination != nullptr) to = to_core(*destination);
    const bool raw_v6 = family_ == core::family::v6 && protocol_.type() == core::socket_type::raw;
    if (raw_v6 && to && to->address.is_v4()) return ec = error::invalid_argument, true; // as Linux
    n = value_or(protocol_.send(id_, from, to ? &*to : nullptr, engine_->turn_began(), hints), ec);
    if (ec && destination != nullptr) ec = engine_->explained(ec, destination->address);
    return !would_block(ec);
}

bool socket::try_receive(mutable_buffer_list into, int flags, core::endpoint* sender, std::size_t& n, error_code& ec)
{
    const bool whole_size = (flags & MSG_TRUNC) != 0;
    core::received_message about;
    core::received_message* const wanted = sender != nullptr || whole_size ? &about : nullptr;
    n = value_or(protocol_.receive(id_, into, receive_flags_of(flags), wanted, engine_->turn_began()), ec);
    if (!ec && whole_size) n = about.full_size;
    if (!ec && sender != nullptr) *sender = to_user(about.sender);
    return !would_block(ec);
}

bool socket::try_send(std::span<core::slice> from, std::size_t& n, error_code& ec)
{
    n = 0;
    core::tcp_sockets* const tcp = as_tcp();
    if (tcp == nullptr) return ec = error::operation_not_supported, true;
    wrote_ = true;
    n = value_or(tcp->send(id_, from, engine_->turn_began()), ec);
    std::size_t left = n;
    for (auto s = from.begin(); left > 0; ++s) {
        const std::size_t taken = std::min(left, s->size());
        taken == s->size() ? void(*s = core::slice()) : s->remove_prefix(taken);
        left -= taken;
    }
    return !would_block(ec);
}

bool socket::try_receive(std::vector<core::slice>& into, std::size_t limit, std::size_t& n, error_code& ec)
{
    n = 0;
    core::tcp_sockets* const tcp = as_tcp();
    if (tcp == nullptr) return ec = error::operation_not_supported, true;
    n = value_or(tcp->receive(id_, into, limit, engine_->turn_began()), ec);
    if (!ec && n == 0 && limit > 0) ec = error::eof;
    return !would_block(ec);
}

bool socket::try_connect(const core::endpoint& peer, bool& started, error_code& ec)
{
    if (!std::exchange(started, true)) {
        ec = family_ == core::family::v6 && peer.address.is_v4() ? check_v4_peer(protocol_, id_) : error_code();
        if (!ec) ec = engine_->explained(protocol_.connect(id_, to_core(peer), engine_->turn_began()), peer.address);
        if (ec != error::in_progress) return true;
    }
    ec = {};
    if (!any(protocol_.poll(id_) & core::readiness::writable)) return false;
    ec = protocol_.take_error(id_);
    return true;
}

bool socket::try_accept(std::shared_ptr<socket>& accepted, core::endpoint& peer, error_code& ec)
{
    const auto child = protocol_.accept(id_, peer, engine_->turn_began());
    ec = child ? error_code() : child.error();
    if (would_block(ec)) return false;
    if (ec) return true;
    accepted = std::allocate_shared<socket>(core::pooling_allocator<socket>(), engine_, protocol_, *child, family_);
    peer = to_user(peer);
    if (has_timeouts_) { // as Linux: inherited
        engine_->timeouts(accepted.get()) = engine_->timeouts(this);
        accepted->has_timeouts_ = true;
    }
    engine_->enlist(accepted.get());
    protocol_.set_owner(*child, accepted.get());
    return true;
}

bool socket::try_wait(int what, error_code& ec)
{
    const auto ready = protocol_.poll(id_);
    ec = {};
    using base = boost::asio::socket_base;
    const auto wanted = what == base::wait_read    ? core::readiness::readable
                        : what == base::wait_write ? core::readiness::writable
                                                   : core::readiness::error;
    return any(ready & wanted);
}

// -- plain calls ------------------------------------------------------------------------------------------------------

void socket::bind(const core::endpoint& local, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    if (family_ == core::family::v6 && local.address.is_v4()) return void(ec = error::invalid_argument); // as Linux
    ec = engine_->explained(protocol_.bind(id_, to_core(local)), local.address);
    if (as_link() != nullptr) engine_->follow_taps();
}

void socket::listen(int backlog, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    ec = protocol_.listen(id_, backlog, t.now());
}

void socket::shutdown(int what, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    const auto how = static_cast<core::shutdown_type>(what); // receive, send, both: same values
    ec = protocol_.shutdown(id_, how, t.now());
}

core::endpoint socket::local_endpoint(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, core::endpoint();
    return to_user(value_or(protocol_.local_endpoint(id_), ec));
}

core::endpoint socket::remote_endpoint(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, core::endpoint();
    const core::endpoint peer = value_or(protocol_.remote_endpoint(id_), ec);
    return ec ? core::endpoint() : to_user(peer);
}

std::size_t socket::available(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, std::size_t{0};
    return value_or(protocol_.available(id_), ec);
}

bool socket::at_mark(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, false;
    const core::tcp_sockets* const tcp = as_tcp();
    if (tcp == nullptr) return ec = error::not_socket, false; // as Asio on Linux
    ec = {};
    return tcp->at_mark(id_);
}

core::tcp_info socket::info(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, core::tcp_info();
    const core::tcp_sockets* const tcp = as_tcp();
    if (tcp == nullptr) return ec = error::operation_not_supported, core::tcp_info();
    ec = {};
    return *tcp->info(id_, t.now());
}

} // namespace tapio::detail
