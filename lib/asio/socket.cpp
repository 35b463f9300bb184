// The life of a socket and its operations.
#include "asio/core_calls.hpp"
#include "asio/engine.hpp"
#include "base/pooled.hpp"

#include <tapio/detail/socket.hpp>
#include <tapio/detail/socket_service.hpp>

#include <atomic>
#include <limits>
#include <map>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;

/// Sockets that travel as native handles: from accept to the peer's assign, or released by the user.
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
    static constexpr int first = 0x4000'0000; ///< no file descriptor is as large

    struct entry
    {
        std::weak_ptr<socket> known;
        std::shared_ptr<socket> kept; ///< while nobody else holds it
    };

    void advance() noexcept { next_ = next_ == std::numeric_limits<int>::max() ? first : next_ + 1; }

    std::mutex mutex_;
    std::map<int, entry> sockets_;
    int next_ = first;
};

/// Never destroyed: sockets that were released and not adopted again are in it, and need it when they end.
handle_table& handles()
{
    static auto* const table = new handle_table;
    return *table;
}

} // namespace

std::uint64_t next_operation_id() noexcept
{
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
}

int readable_command() noexcept { return FIONREAD; }

// -- life -----------------------------------------------------------------------------------------------------------

socket::socket(std::shared_ptr<engine> owner, socket_kind kind, core_handle id) noexcept
    : engine_(std::move(owner)), kind_(kind), id_(id)
{
}

socket::~socket()
{
    if (!closed_) end();
}

std::shared_ptr<socket> socket::open(std::shared_ptr<engine> owner, socket_kind kind, int family, int protocol, error_code& ec)
{
    const auto f = family == AF_INET ? core::family::v4 : core::family::v6;
    engine& e = *owner;
    engine::user_turn t(e);
    if (e.is_shut_down()) return ec = error::bad_descriptor, nullptr;
    core_handle id;
    if (kind == socket_kind::tcp) {
        const auto opened = t.host().tcp().open(f);
        if (!opened) return ec = opened.error(), nullptr;
        id = {opened->index, opened->generation};
    } else {
        const bool raw = kind == socket_kind::raw;
        if (raw && (protocol < 1 || protocol > 255)) return ec = core::errno_code(EPROTONOSUPPORT), nullptr;
        const auto opened = t.host().udp().open(f, raw ? static_cast<std::uint8_t>(protocol) : std::uint8_t{0});
        if (!opened) return ec = opened.error(), nullptr;
        id = {opened->index, opened->generation};
    }
    ec = {};
    const auto s = std::allocate_shared<socket>(core::pooling_allocator<socket>(), std::move(owner), kind, id);
    e.enlist(s.get());
    if (kind == socket_kind::tcp) t.host().tcp().set_owner(tcp(id), s.get());
    if (kind != socket_kind::tcp) t.host().udp().set_owner(udp(id), s.get());
    return s;
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

/// The end, under the lock.
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
    if (kind_ == socket_kind::tcp) engine_->host().tcp().close(tcp(id_), engine_->turn_began());
    if (kind_ != socket_kind::tcp) engine_->host().udp().close(udp(id_));
}

/// SO_LINGER; zero also where close() does not wait.
core::duration socket::linger_time() const
{
    if (kind_ != socket_kind::tcp || !open_) return {};
    const auto seconds = engine_->host().tcp().get_option(tcp(id_), core::socket_option::linger);
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
    if (user_set_linger_ && open_) engine_->host().tcp().set_option(tcp(id_), core::socket_option::linger, -1, t.now());
    leave(t.done());
}

void socket::wait_until_finished(core::time_point deadline)
{
    for (;;) {
        std::uint64_t seen = 0;
        {
            const engine::user_turn t(*engine_);
            if (engine_->is_shut_down() || !engine_->host().tcp().is_closing(tcp(id_))) return;
            seen = engine_->turns() + 1; // this one counts when it ends
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
    if (kind_ != socket_kind::tcp) return engine_->host().udp().close(udp(id_));
    core::tcp_sockets& all = engine_->host().tcp();
    // After async_drain(): a peer that has acknowledged everything is not told of a reset, for which it might drop what it has
    // not read yet.
    if (!engine_->is_drained() || !all.is_finished(tcp(id_)))
        all.set_option(tcp(id_), core::socket_option::linger, 0, engine_->turn_began());
    all.close(tcp(id_), engine_->turn_began());
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

/// A write is followed by another, more often than not: its handler comes to that before the end of it is sent.
bool socket::try_once(direction d, operation& op)
{
    if (d == direction::write && kind_ == socket_kind::tcp) engine_->expect_more(tcp(id_));
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
    if (kind_ == socket_kind::tcp) engine_->host().tcp().expect_no_more(tcp(id_));
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
    advance(direction::error, done); // the end of both directions counts as one
}

// -- tries, under the lock --------------------------------------------------------------------------------------------

bool socket::try_send(const_buffer_list from, const core::endpoint* destination, int flags, std::size_t& n, error_code& ec)
{
    core::host& h = engine_->host();
    const auto now = engine_->turn_began();
    wrote_ = true;
    const bool more = (flags & MSG_MORE) != 0;
    core::udp_sockets::send_hints hints;
    hints.do_not_route = (flags & MSG_DONTROUTE) != 0;
    hints.more = more;
    n = value_or(kind_ == socket_kind::tcp ? h.tcp().send(tcp(id_), from, now, {(flags & MSG_OOB) != 0, more})
                                           : h.udp().send(udp(id_), from, destination, now, hints),
                 ec);
    if (ec && destination != nullptr) ec = engine_->explained(ec, destination->address);
    return !would_block(ec);
}

bool socket::try_receive(mutable_buffer_list into, int flags, core::endpoint* sender, std::size_t& n, error_code& ec)
{
    core::host& h = engine_->host();
    const bool peek = (flags & MSG_PEEK) != 0;
    if (kind_ == socket_kind::tcp) {
        n = value_or(h.tcp().receive(tcp(id_), into, {peek, (flags & MSG_OOB) != 0}, engine_->turn_began()), ec);
        if (!ec && sender != nullptr) *sender = {};
    } else {
        const auto got = h.udp().receive(udp(id_), into, peek);
        ec = got ? error_code() : got.error();
        n = got ? (flags & MSG_TRUNC) != 0 ? got->full_size : got->size : 0;
        if (got && sender != nullptr) *sender = got->sender;
    }
    return !would_block(ec);
}

bool socket::try_send(std::span<core::slice> from, std::size_t& n, error_code& ec)
{
    n = 0;
    if (kind_ != socket_kind::tcp) return ec = error::operation_not_supported, true;
    wrote_ = true;
    n = value_or(engine_->host().tcp().send(tcp(id_), from, engine_->turn_began()), ec);
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
    if (kind_ != socket_kind::tcp) return ec = error::operation_not_supported, true;
    n = value_or(engine_->host().tcp().receive(tcp(id_), into, limit, engine_->turn_began()), ec);
    if (!ec && n == 0 && limit > 0) ec = error::eof;
    return !would_block(ec);
}

bool socket::try_connect(const core::endpoint& peer, bool& started, error_code& ec)
{
    core::host& h = engine_->host();
    if (kind_ != socket_kind::tcp) {
        ec = engine_->explained(h.udp().connect(udp(id_), peer), peer.address);
        return true;
    }
    if (!std::exchange(started, true)) {
        ec = engine_->explained(h.tcp().connect(tcp(id_), peer, engine_->turn_began()), peer.address);
        if (ec != error::in_progress) return true;
    }
    ec = {};
    if (!any(h.tcp().poll(tcp(id_)) & core::readiness::writable)) return false;
    ec = h.tcp().take_error(tcp(id_));
    return true;
}

bool socket::try_accept(std::shared_ptr<socket>& accepted, core::endpoint& peer, error_code& ec)
{
    core::host& h = engine_->host();
    const auto child = h.tcp().accept(tcp(id_), peer, engine_->turn_began());
    ec = child ? error_code() : child.error();
    if (would_block(ec)) return false;
    if (ec) return true;
    accepted = std::allocate_shared<socket>(core::pooling_allocator<socket>(), engine_, socket_kind::tcp,
                                            core_handle{child->index, child->generation});
    if (has_timeouts_) { // as Linux: it inherits them
        engine_->timeouts(accepted.get()) = engine_->timeouts(this);
        accepted->has_timeouts_ = true;
    }
    engine_->enlist(accepted.get());
    h.tcp().set_owner(*child, accepted.get());
    return true;
}

bool socket::try_wait(int what, error_code& ec)
{
    core::host& h = engine_->host();
    const auto ready = kind_ == socket_kind::tcp ? h.tcp().poll(tcp(id_)) : h.udp().poll(udp(id_));
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
    ec = kind_ == socket_kind::tcp ? t.host().tcp().bind(tcp(id_), local) : t.host().udp().bind(udp(id_), local);
    ec = engine_->explained(ec, local.address);
}

void socket::listen(int backlog, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    ec = kind_ == socket_kind::tcp ? t.host().tcp().listen(tcp(id_), backlog, t.now())
                                   : error_code(error::operation_not_supported);
}

void socket::shutdown(int what, error_code& ec)
{
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    const auto how = static_cast<core::shutdown_type>(what); // receive, send, both: the same numbers
    ec = kind_ == socket_kind::tcp ? t.host().tcp().shutdown(tcp(id_), how, t.now()) : t.host().udp().shutdown(udp(id_), how);
}

core::endpoint socket::local_endpoint(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, core::endpoint();
    return value_or(kind_ == socket_kind::tcp ? t.host().tcp().local_endpoint(tcp(id_)) : t.host().udp().local_endpoint(udp(id_)),
                    ec);
}

core::endpoint socket::remote_endpoint(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, core::endpoint();
    return value_or(
        kind_ == socket_kind::tcp ? t.host().tcp().remote_endpoint(tcp(id_)) : t.host().udp().remote_endpoint(udp(id_)), ec);
}

std::size_t socket::available(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, std::size_t{0};
    return value_or(kind_ == socket_kind::tcp ? t.host().tcp().available(tcp(id_)) : t.host().udp().available(udp(id_)), ec);
}

bool socket::at_mark(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, false;
    if (kind_ != socket_kind::tcp) return ec = error::not_socket, false; // as Asio says on Linux
    ec = {};
    return t.host().tcp().at_mark(tcp(id_));
}

core::tcp_info socket::info(error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return ec = error::bad_descriptor, core::tcp_info();
    if (kind_ != socket_kind::tcp) return ec = error::operation_not_supported, core::tcp_info();
    ec = {};
    return *t.host().tcp().info(tcp(id_), t.now());
}

} // namespace tapio::detail
