// Calls on an open TCP socket: send, receive, shutdown, readiness, endpoints.
#include "core/tcp_sockets.hpp"

#include <algorithm>

namespace tapio::core {

namespace {

/// As on Linux, a connection in TIME-WAIT is closed for its user.
bool over(tcp_state s) noexcept { return s == tcp_state::closed || s == tcp_state::time_wait; }

/// As Linux: a pending error, else EPIPE; also for a listener.
error_code cannot_send(tcp_socket& s)
{
    const error_code failed = s.connection ? s.connection->take_error() : error_code();
    return failed ? failed : errno_code(EPIPE);
}

/// The result of a receive without a connection.
result<std::size_t> nothing_received(const tcp_socket& s)
{
    if (s.receive_shut) return std::size_t{0};
    return errno_code(ENOTCONN);
}

} // namespace

result<std::size_t> tcp_sockets::send(tcp_id id, const_buffer_list from, time_point now, tcp::send_flags flags)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection || s->send_shut) return cannot_send(*s);
    const auto taken = s->connection->send(from, flags, now);
    if (taken && *taken > 0) follow(id, *s, now);
    return taken;
}

result<std::size_t> tcp_sockets::receive(tcp_id id, mutable_buffer_list into, receive_flags flags, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (flags.out_of_band && !s->listening && (!s->connection || s->disconnected)) return errno_code(EINVAL);
    if (!s->connection || s->disconnected) return nothing_received(*s);
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
    if (!s->connection || s->send_shut) return cannot_send(*s);
    const auto taken = s->connection->send(from, now);
    if (taken && *taken > 0) follow(id, *s, now);
    return taken;
}

result<std::size_t> tcp_sockets::receive(tcp_id id, std::vector<slice>& into, std::size_t limit, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection || s->disconnected) return nothing_received(*s);
    const bool waited = s->connection->waits_for_data();
    const auto got = s->connection->receive(into, limit, now);
    if (waited || (got && *got > 0)) follow(id, *s, now);
    return got;
}

result<std::size_t> tcp_sockets::send(tcp_id id, const_buffer_list from, const endpoint*, time_point now, const send_hints& hints)
{
    if (hints.info) return errno_code(EOPNOTSUPP);
    return send(id, from, now, {hints.out_of_band, hints.more});
}

result<std::size_t> tcp_sockets::receive(tcp_id id, mutable_buffer_list into, receive_flags flags, received_message* about,
                                         time_point now)
{
    const auto got = receive(id, into, flags, now);
    if (!got || about == nullptr) return got;
    const tcp_socket& s = *find(id);
    *about = {};
    about->full_size = *got;
    about->end_of_stream = *got == 0 && std::any_of(into.begin(), into.end(), [](mutable_bytes b) { return !b.empty(); });
    if (!s.connection) return got;
    about->received = s.connection->last_received();
    about->unread = static_cast<std::size_t>(s.connection->unread());
    return got;
}

error_code tcp_sockets::shutdown(tcp_id id, shutdown_type how, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->listening) { // as Linux: SHUT_WR has no effect on a listener
        if (how != shutdown_type::send) close_listener(*s, now);
        return {};
    }
    if (!s->connection || over(s->connection->state())) { // as Linux: the call fails, but takes effect
        s->receive_shut = s->receive_shut || how != shutdown_type::send;
        s->send_shut = s->send_shut || how != shutdown_type::receive;
        return errno_code(ENOTCONN);
    }
    const auto before = s->connection->state();
    error_code failed;
    if (before == tcp_state::syn_sent) { // as Linux: ends the connect(), whichever half is shut
        s->error = errno_code(ECONNRESET);
        s->connection->abort(now);
    } else {
        if (how != shutdown_type::send) s->connection->shutdown_receive();
        if (how != shutdown_type::receive) failed = s->connection->shutdown_send(now);
    }
    state_changed(id, *s, before, now);
    follow(id, *s, now);
    return failed;
}

void tcp_sockets::disconnected(tcp_id id)
{
    tcp_socket* s = find(id);
    if (s != nullptr && s->connection && s->connection->state() == tcp_state::closed) s->disconnected = true;
}

readiness tcp_sockets::poll(tcp_id id) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return readiness::error;
    auto ready = readiness::none;
    if (s->listening) return s->listening->established.empty() ? readiness::none : readiness::readable;
    if (!s->connection) return readiness::writable | readiness::readable | readiness::error; // as Linux: calls would fail
    if (s->readable()) ready |= readiness::readable;
    if (s->connection->writable()) ready |= readiness::writable;
    const bool hung_up = over(s->connection->state()) || s->connection->is_shut_both_ways(); // as Linux: POLLHUP
    if (s->connection->has_error() || s->connection->has_urgent() || s->error || hung_up) ready |= readiness::error;
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
    return s->local();
}

result<endpoint> tcp_sockets::remote_endpoint(tcp_id id) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection || over(s->connection->state()) || s->connection->state() == tcp_state::syn_sent)
        return errno_code(ENOTCONN);
    return s->remote();
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
