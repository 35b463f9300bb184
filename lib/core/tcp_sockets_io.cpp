// The user's calls on an open TCP socket: data, readiness, names.
#include "core/tcp_sockets.hpp"

#include <algorithm>

namespace tapio::core {

namespace {

/// To its user a connection in TIME-WAIT is closed, as on Linux.
bool over(tcp_state s) noexcept { return s == tcp_state::closed || s == tcp_state::time_wait; }
} // namespace

result<std::size_t> tcp_sockets::send(tcp_id id, const_buffer_list from, time_point now, bool out_of_band)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection) return errno_code(EPIPE); // as Linux, listeners included
    const auto taken = s->connection->send(from, out_of_band, now);
    if (taken && *taken > 0) follow(id, *s, now);
    return taken;
}

result<std::size_t> tcp_sockets::receive(tcp_id id, mutable_buffer_list into, receive_flags flags, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection) return errno_code(ENOTCONN);
    if (flags.out_of_band) return s->connection->receive_urgent(into, flags.peek);
    const bool waited = s->connection->waits_for_data();
    const auto got = s->connection->receive(into, flags.peek, now);
    if (waited || (got && *got > 0 && !flags.peek)) follow(id, *s, now); // the window may have opened
    return got;
}

result<std::size_t> tcp_sockets::send(tcp_id id, std::span<const slice> from, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection) return errno_code(EPIPE);
    const auto taken = s->connection->send(from, now);
    if (taken && *taken > 0) follow(id, *s, now);
    return taken;
}

result<std::size_t> tcp_sockets::receive(tcp_id id, std::vector<slice>& into, std::size_t limit, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection) return errno_code(ENOTCONN);
    const bool waited = s->connection->waits_for_data();
    const auto got = s->connection->receive(into, limit, now);
    if (waited || (got && *got > 0)) follow(id, *s, now);
    return got;
}

error_code tcp_sockets::shutdown(tcp_id id, shutdown_type how, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->listening) { // as Linux: the sending half of a listener is nobody's
        if (how != shutdown_type::send) close_listener(*s, now);
        return {};
    }
    if (!s->connection || over(s->connection->state())) return errno_code(ENOTCONN);
    if (tcp::is_opening(s->connection->state()) && !s->fast_opened_by) return errno_code(ENOTCONN);
    error_code failed;
    const auto before = s->connection->state();
    if (how != shutdown_type::send) s->connection->shutdown_receive();
    if (how != shutdown_type::receive) failed = s->connection->shutdown_send(now);
    state_changed(id, *s, before, now);
    follow(id, *s, now);
    return failed;
}

readiness tcp_sockets::poll(tcp_id id) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return readiness::error;
    auto ready = readiness::none;
    if (s->listening) return s->listening->established.empty() ? readiness::none : readiness::readable;
    if (!s->connection) return readiness::writable | readiness::readable; // as Linux: a call would fail at once
    if (s->readable()) ready |= readiness::readable;
    if (s->connection->writable()) ready |= readiness::writable;
    if (s->connection->has_error() || s->connection->has_urgent() || s->error) ready |= readiness::error;
    return ready;
}

error_code tcp_sockets::take_error(tcp_id id)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error) return std::exchange(s->error, {});
    return s->connection ? s->connection->take_error() : error_code();
}

result<endpoint> tcp_sockets::local_endpoint(tcp_id id) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return s->local;
}

result<endpoint> tcp_sockets::remote_endpoint(tcp_id id) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection || over(s->connection->state()) || s->connection->state() == tcp_state::syn_sent)
        return errno_code(ENOTCONN);
    return s->remote;
}

result<std::size_t> tcp_sockets::available(tcp_id id) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->listening) return errno_code(EINVAL);
    return s->connection ? static_cast<std::size_t>(s->connection->unread()) : 0;
}

bool tcp_sockets::at_mark(tcp_id id) const
{
    const tcp_socket* s = find(id);
    return s != nullptr && s->connection && s->connection->at_mark();
}

result<tcp_info> tcp_sockets::info(tcp_id id, time_point now) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->connection) return s->connection->info(now);
    tcp_info out;
    out.max_pacing_rate = s->options.max_pacing_rate;
    if (!s->listening) return out;
    out.state = tcp_state::listen;
    out.waiting = static_cast<std::uint32_t>(s->listening->established.size());
    out.backlog = s->listening->backlog;
    return out;
}

} // namespace tapio::core
