// The user's calls on an open TCP socket: data, readiness, names, options.
#include "core/tcp_sockets.hpp"

#include <algorithm>

namespace tapio::core {

namespace {

int milliseconds(duration d) noexcept
{
    return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}
int seconds(duration d) noexcept { return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(d).count()); }

bool opening(tcp_state s) noexcept { return s == tcp_state::syn_sent || s == tcp_state::syn_received; }

} // namespace

result<std::size_t> tcp_sockets::send(tcp_id id, const_buffer_list from, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection) return errno_code(EPIPE); // as Linux, listeners included
    const auto taken = s->connection->send(from, now);
    if (taken && *taken > 0) run(id, now);
    return taken;
}

result<std::size_t> tcp_sockets::receive(tcp_id id, mutable_buffer_list into, receive_flags flags, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (flags.out_of_band) return errno_code(EINVAL); // urgent data is read in line (RFC 6093)
    if (!s->connection) return errno_code(ENOTCONN);
    const auto got = s->connection->receive(into, flags.peek, now);
    if (got && *got > 0 && !flags.peek) run(id, now); // the window may have opened
    return got;
}

error_code tcp_sockets::shutdown(tcp_id id, shutdown_type how, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connection || s->connection->state() == tcp_state::closed || opening(s->connection->state()))
        return errno_code(ENOTCONN);
    error_code failed;
    const auto before = s->connection->state();
    if (how != shutdown_type::send) s->connection->shutdown_receive();
    if (how != shutdown_type::receive) failed = s->connection->shutdown_send(now);
    state_changed(id, *s, before, now);
    run(id, now);
    return failed;
}

readiness tcp_sockets::poll(tcp_id id) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return readiness::error;
    auto ready = readiness::none;
    if (s->listening) return s->listening->established.empty() ? readiness::none : readiness::readable;
    if (!s->connection) return readiness::writable | readiness::readable; // as Linux: a call would fail at once
    if (s->connection->readable()) ready |= readiness::readable;
    if (s->connection->writable()) ready |= readiness::writable;
    if (s->connection->has_error() || s->error) ready |= readiness::error;
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
    if (!s->connection || s->connection->state() == tcp_state::closed || s->connection->state() == tcp_state::syn_sent)
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

result<tcp_info> tcp_sockets::info(tcp_id id, time_point) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->connection) return s->connection->info();
    tcp_info out;
    out.state = s->listening ? tcp_state::listen : tcp_state::closed;
    return out;
}

error_code tcp_sockets::set_option(tcp_id id, socket_option option, int value, time_point now)
{
    using namespace std::chrono;
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    tcp_options& o = s->options;
    const auto positive = [value](auto& field, auto unit) -> error_code {
        if (value < 1) return errno_code(EINVAL);
        field = unit(value);
        return {};
    };
    const auto count = [](int v) { return static_cast<std::uint32_t>(v); };
    error_code failed;
    switch (option) {
    case socket_option::reuse_address:
        if (s->connection && s->reuse_address != (value != 0)) return errno_code(EINVAL); // ports are accounted by it
        s->reuse_address = value != 0;
        break;
    case socket_option::reuse_port: s->reuse_port = value != 0; break;
    case socket_option::broadcast:
    case socket_option::oob_inline: break; // without effect on TCP here: urgent data is always in line
    case socket_option::keep_alive: o.keep_alive = value != 0; break;
    case socket_option::linger: o.linger = value; break;
    case socket_option::receive_buffer_size: o.receive_buffer = count(std::clamp(value, 2304, 64 * 1024 * 1024)); break;
    case socket_option::send_buffer_size: o.send_buffer = count(std::clamp(value, 4608, 64 * 1024 * 1024)); break;
    case socket_option::no_delay: o.no_delay = value != 0; break;
    case socket_option::quick_ack: o.quick_ack = value != 0; break;
    case socket_option::max_segment:
        if (value != 0 && (value < 88 || value > 32767)) return errno_code(EINVAL); // Linux's bounds
        o.max_segment = static_cast<std::uint16_t>(value);
        break;
    case socket_option::keep_idle: failed = positive(o.keep_idle, [](int v) { return std::chrono::seconds(v); }); break;
    case socket_option::keep_interval: failed = positive(o.keep_interval, [](int v) { return std::chrono::seconds(v); }); break;
    case socket_option::keep_count: failed = positive(o.keep_count, count); break;
    case socket_option::syn_count: failed = positive(o.syn_retries, count); break;
    case socket_option::user_timeout:
        if (value < 0) return errno_code(EINVAL);
        o.user_timeout = std::chrono::milliseconds(value);
        break;
    case socket_option::min_rto: failed = positive(o.min_rto, [](int v) { return std::chrono::milliseconds(v); }); break;
    case socket_option::ttl:
        if (value < 1 || value > 255) return errno_code(EINVAL);
        o.ttl = static_cast<std::uint8_t>(value);
        break;
    case socket_option::tos: o.tos = static_cast<std::uint8_t>(value); break;
    case socket_option::dont_fragment: break; // TCP always sets DF (RFC 1191)
    }
    if (!failed && s->connection) {
        s->connection->options_changed(o, now);
        run(id, now);
    }
    return failed;
}

result<int> tcp_sockets::get_option(tcp_id id, socket_option option) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const tcp_options& o = s->options;
    switch (option) {
    case socket_option::reuse_address: return s->reuse_address ? 1 : 0;
    case socket_option::reuse_port: return s->reuse_port ? 1 : 0;
    case socket_option::broadcast: return 0;
    case socket_option::oob_inline: return 1;
    case socket_option::keep_alive: return o.keep_alive ? 1 : 0;
    case socket_option::linger: return o.linger;
    case socket_option::receive_buffer_size: return static_cast<int>(o.receive_buffer);
    case socket_option::send_buffer_size: return static_cast<int>(o.send_buffer);
    case socket_option::no_delay: return o.no_delay ? 1 : 0;
    case socket_option::quick_ack: return o.quick_ack ? 1 : 0;
    case socket_option::max_segment:
        return s->connection ? static_cast<int>(s->connection->info().send_mss) : o.max_segment == 0 ? 536 : o.max_segment;
    case socket_option::keep_idle: return seconds(o.keep_idle);
    case socket_option::keep_interval: return seconds(o.keep_interval);
    case socket_option::keep_count: return static_cast<int>(o.keep_count);
    case socket_option::syn_count: return static_cast<int>(o.syn_retries);
    case socket_option::user_timeout: return milliseconds(o.user_timeout);
    case socket_option::min_rto: return milliseconds(o.min_rto);
    case socket_option::ttl: return o.ttl;
    case socket_option::tos: return o.tos;
    case socket_option::dont_fragment: return 1;
    }
    return errno_code(ENOPROTOOPT);
}

} // namespace tapio::core
