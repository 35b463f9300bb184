// The options of a TCP socket, with Linux's bounds and errors.
#include "core/local_ports.hpp"
#include "core/tcp_sockets.hpp"

#include <algorithm>

namespace tapio::core {

namespace {

int milliseconds(duration d) noexcept
{
    return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}
int seconds(duration d) noexcept { return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(d).count()); }

/// `value` within [least, most], or invalid_argument.
template <class Field, class Value>
error_code set_within(Field& field, int value, int least, int most, Value&& convert)
{
    if (value < least || value > most) return errno_code(EINVAL);
    field = convert(value);
    return {};
}
constexpr auto as_seconds = [](int v) { return std::chrono::seconds(v); };
constexpr auto as_milliseconds = [](int v) { return std::chrono::milliseconds(v); };
constexpr auto as_count = [](int v) { return static_cast<unsigned>(v); };

constexpr int longest_keep_alive = 32767; // s; Linux's MAX_TCP_KEEPIDLE
constexpr int largest = std::numeric_limits<int>::max();

/// The upper bound of SO_RCVLOWAT: half of the largest receive buffer. With more, a reader might wait for more data than fits.
int highest_watermark(const tcp_options& o) noexcept
{
    const std::uint32_t most = o.tune_receive_buffer ? std::max(o.receive_buffer, o.receive_buffer_limit) : o.receive_buffer;
    return static_cast<int>(std::max(most / 2, 1U));
}

/// The bit of tcp_options::remembered for an option that is accepted without effect; 0 for any other option.
std::uint16_t bit_of(socket_option option) noexcept
{
    switch (option) {
    case socket_option::inq: return 1;
    case socket_option::packet_info: return 2;
    case socket_option::receive_ttl: return 4;
    case socket_option::receive_tos: return 8;
    case socket_option::receive_errors: return 16;
    case socket_option::multicast_loopback: return 32;
    case socket_option::multicast_all: return 64;
    case socket_option::timestamp: return 128;
    case socket_option::timestamp_ns: return 256;
    default: return 0;
    }
}

error_code remember(tcp_options& o, socket_option option, int value)
{
    const auto bit = bit_of(option);
    if (option == socket_option::inq && (value < 0 || value > 1)) return errno_code(EINVAL);
    if (option == socket_option::timestamp || option == socket_option::timestamp_ns) // mutually exclusive
        o.remembered &= static_cast<std::uint16_t>(~(bit_of(socket_option::timestamp) | bit_of(socket_option::timestamp_ns)));
    o.remembered = static_cast<std::uint16_t>(value != 0 ? o.remembered | bit : o.remembered & ~bit);
    return {};
}

/// As Linux, TCP_DEFER_ACCEPT rounds seconds up to a number of SYN,ACK retransmissions, with intervals of 1, 2, 4 ... 120 s.
constexpr int longest_syn_ack_wait = 120;            // s
unsigned retransmissions_within(int wanted) noexcept // at most 255
{
    if (wanted <= 0) return 0;
    unsigned n = 1;
    for (int step = 1, period = 1; wanted > period && n < 255; ++n) {
        step = std::min(step * 2, longest_syn_ack_wait);
        period += step;
    }
    return n;
}
int duration_of(unsigned retransmissions) noexcept
{
    int period = 0;
    for (int step = 1; retransmissions-- > 0; step = std::min(step * 2, longest_syn_ack_wait)) period += step;
    return period;
}

} // namespace

duration tcp_sockets::patience_of(const tcp_socket& listener) noexcept
{
    return std::chrono::seconds(duration_of(listener.defer_accept));
}

std::optional<error_code> tcp_sockets::set_socket_level(tcp_socket& s, socket_option option, int value)
{
    tcp_options& o = s.options;
    switch (option) {
    case socket_option::reuse_address:
        if (s.connection && s.reuse_address != (value != 0)) return errno_code(EINVAL); // port_use::without_reuse counts it
        s.reuse_address = value != 0;
        return error_code();
    case socket_option::reuse_port: s.reuse_port = value != 0; return error_code();
    case socket_option::broadcast: s.broadcast = value != 0; return error_code();
    case socket_option::debug: s.debug = value != 0; return error_code();
    case socket_option::do_not_route: s.do_not_route = value != 0; return error_code();
    case socket_option::oob_inline: o.urgent_in_line = value != 0; return error_code();
    case socket_option::keep_alive: o.keep_alive = value != 0; return error_code();
    case socket_option::bound_interface:
        if (value < 0 || static_cast<std::size_t>(value) > net_.interfaces().size()) return errno_code(ENODEV);
        s.device = value == 0 ? std::nullopt : std::optional(static_cast<interface_id>(value - 1));
        if (s.connection) s.route = net_.routes().none(); // looked up before the next segment
        return error_code();
    case socket_option::linger: o.linger = value; return error_code();
    case socket_option::timestamping:
        if ((value & ~known_timestamping) != 0) return errno_code(EINVAL);
        o.timestamping = value;
        return error_code();
    case socket_option::receive_low_watermark:
        s.receive_low_watermark = std::clamp(value < 0 ? largest : value, 1, highest_watermark(o));
        return error_code();
    case socket_option::receive_buffer_size:
        o.receive_buffer = as_count(std::clamp(value, least_receive_buffer, 64 * 1024 * 1024));
        o.tune_receive_buffer = false;
        return error_code();
    case socket_option::send_buffer_size:
        o.send_buffer = as_count(std::clamp(value, least_send_buffer, 64 * 1024 * 1024));
        o.tune_send_buffer = false;
        return error_code();
    default: return std::nullopt;
    }
}

std::optional<error_code> tcp_sockets::set_tcp_level(tcp_socket& s, socket_option option, int value)
{
    tcp_options& o = s.options;
    switch (option) {
    case socket_option::no_delay:
        o.no_delay = value != 0;
        if (o.no_delay && s.connection) s.connection->push(); // also overrides TCP_CORK (tcp(7))
        return error_code();
    case socket_option::not_sent_low_watermark: o.not_sent_low_watermark = static_cast<std::uint32_t>(value); return error_code();
    case socket_option::cork: o.cork = value != 0; return error_code();
    case socket_option::quick_ack: o.quick_ack = value != 0; return error_code();
    case socket_option::max_segment:
        if (value == 0) return o.max_segment = 0, error_code();
        return set_within(o.max_segment, value, 88, 32767, [](int v) { return static_cast<std::uint16_t>(v); });
    case socket_option::keep_idle: return set_within(o.keep_idle, value, 1, longest_keep_alive, as_seconds);
    case socket_option::keep_interval: return set_within(o.keep_interval, value, 1, longest_keep_alive, as_seconds);
    case socket_option::keep_count: return set_within(o.keep_count, value, 1, 127, as_count);
    case socket_option::syn_count: return set_within(o.syn_retries, value, 1, 127, as_count);
    case socket_option::defer_accept:
        s.defer_accept = static_cast<std::uint8_t>(retransmissions_within(value));
        return error_code();
    case socket_option::fast_open: // as Linux: only a listener, or a socket that may still listen
        if (value < 0 || s.connection) return errno_code(EINVAL);
        s.fast_open_queue = static_cast<std::uint16_t>(std::min(value, 4096)); // Linux's somaxconn
        return error_code();
    case socket_option::fast_open_without_cookie:
        if (value < 0 || value > 1 || s.connection) return errno_code(EINVAL);
        s.fast_open_without_cookie = value != 0;
        return error_code();
    case socket_option::fast_open_connect:
        if (value < 0 || value > 1 || s.connection || s.listening) return errno_code(EINVAL);
        s.fast_open_connect = value != 0;
        return error_code();
    case socket_option::user_timeout: return set_within(o.user_timeout, value, 0, largest, as_milliseconds);
    case socket_option::ecn: o.offer_ecn = value != 0; return error_code();
    case socket_option::max_pacing_rate:
        o.max_pacing_rate = value < 0 ? 0 : static_cast<std::uint64_t>(value);
        return error_code();
    case socket_option::min_rto: return set_within(o.min_rto, value, 1, largest, as_milliseconds);
    case socket_option::linger_2:
        s.linger_2 = static_cast<std::int8_t>(value < 0 ? -1 : std::min(value, 120));
        o.fin_wait_2 = value == 0 ? defaults_.fin_wait_2 : duration(std::chrono::seconds(std::max<int>(s.linger_2, 0)));
        return error_code();
    default: return std::nullopt;
    }
}

std::optional<error_code> tcp_sockets::set_ip_level(tcp_socket& s, socket_option option, int value)
{
    switch (option) {
    case socket_option::ttl:
        if (value == -1) return s.options.own_ttl = false, s.options.ttl = defaults_.ttl, error_code();
        if (value < (s.family == family::v6 ? 0 : 1) || value > 255) return errno_code(EINVAL);
        s.options.own_ttl = true;
        s.options.ttl = static_cast<std::uint8_t>(value);
        return error_code();
    case socket_option::tos: s.options.tos = static_cast<std::uint8_t>(value & 0xfc); return error_code(); // without ECN bits
    case socket_option::source_preferences: return s.preferences.set(value);
    case socket_option::local_port_range:
        if (!is_port_range(value)) return errno_code(EINVAL);
        s.local_ports = value;
        return error_code();
    case socket_option::multicast_hops: return errno_code(EINVAL); // as Linux for stream sockets
    case socket_option::v6_only:
        if (s.family != family::v6) return errno_code(ENOPROTOOPT);
        if (s.bound || s.connection) return errno_code(EINVAL);
        s.v6_only = value != 0;
        return error_code();
    case socket_option::longest_packet: // as on Linux it has no effect on TCP, which has TCP_MAXSEG
        return is_longest_packet(value) ? error_code() : errno_code(EINVAL);
    case socket_option::mtu_discover:
        return set_within(s.options.mtu_discover, value, 0, 5, [](int v) { return static_cast<std::uint8_t>(v); });
    default: return std::nullopt;
    }
}

error_code tcp_sockets::set_option(tcp_id id, socket_option option, int value, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    auto failed = bit_of(option) != 0 ? std::optional(remember(s->options, option, value)) : set_socket_level(*s, option, value);
    if (!failed) failed = set_tcp_level(*s, option, value);
    if (!failed) failed = set_ip_level(*s, option, value);
    if (!failed) return errno_code(ENOPROTOOPT);
    if (!*failed && s->connection) {
        s->connection->options_changed(s->options, now);
        follow(id, *s, now);
    }
    return *failed;
}

result<int> tcp_sockets::get_option(tcp_id id, socket_option option) const
{
    const tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const tcp_options& o = s->options;
    if (const auto bit = bit_of(option)) return (o.remembered & bit) != 0 ? 1 : 0;
    switch (option) {
    case socket_option::reuse_address: return s->reuse_address ? 1 : 0;
    case socket_option::reuse_port: return s->reuse_port ? 1 : 0;
    case socket_option::broadcast: return s->broadcast ? 1 : 0;
    case socket_option::oob_inline: return o.urgent_in_line ? 1 : 0;
    case socket_option::keep_alive: return o.keep_alive ? 1 : 0;
    case socket_option::linger: return o.linger;
    case socket_option::receive_buffer_size: return static_cast<int>(o.receive_buffer);
    case socket_option::send_buffer_size: return static_cast<int>(o.send_buffer);
    case socket_option::receive_low_watermark: return s->receive_low_watermark;
    case socket_option::send_low_watermark: return 1; // as Linux
    case socket_option::debug: return s->debug ? 1 : 0;
    case socket_option::do_not_route: return s->do_not_route ? 1 : 0;
    case socket_option::accept_connections: return s->listening ? 1 : 0;
    case socket_option::protocol: return static_cast<int>(number());
    case socket_option::not_sent_low_watermark: return static_cast<int>(o.not_sent_low_watermark);
    case socket_option::no_delay: return o.no_delay ? 1 : 0;
    case socket_option::cork: return o.cork ? 1 : 0;
    case socket_option::quick_ack: return o.quick_ack ? 1 : 0;
    case socket_option::max_segment:
        return s->connection        ? static_cast<int>(s->connection->send_mss())
               : o.max_segment == 0 ? sizes_of(family::v4).default_mss // as Linux, also of IPv6
                                    : o.max_segment;
    case socket_option::keep_idle: return seconds(o.keep_idle);
    case socket_option::keep_interval: return seconds(o.keep_interval);
    case socket_option::keep_count: return static_cast<int>(o.keep_count);
    case socket_option::syn_count: return static_cast<int>(o.syn_retries);
    case socket_option::bound_interface: return s->device ? static_cast<int>(*s->device) + 1 : 0;
    case socket_option::defer_accept: return duration_of(s->defer_accept);
    case socket_option::fast_open: return static_cast<int>(s->fast_open_queue);
    case socket_option::fast_open_without_cookie: return s->fast_open_without_cookie ? 1 : 0;
    case socket_option::fast_open_connect: return s->fast_open_connect ? 1 : 0;
    case socket_option::user_timeout: return milliseconds(o.user_timeout);
    case socket_option::ecn: return o.offer_ecn ? 1 : 0;
    case socket_option::max_pacing_rate: return o.max_pacing_rate == 0 ? -1 : static_cast<int>(o.max_pacing_rate);
    case socket_option::min_rto: return milliseconds(o.min_rto);
    case socket_option::linger_2: return s->linger_2 == 0 ? seconds(o.fin_wait_2) : s->linger_2;
    case socket_option::ttl: // as on Linux: without one of its own, that of the packets it sends
        return o.own_ttl || !s->connection ? o.ttl : net_.hop_limit(*s->route, o.ttl);
    case socket_option::v6_only: return s->family == family::v6 ? result<int>(s->v6_only ? 1 : 0) : errno_code(ENOPROTOOPT);
    case socket_option::tos: return o.tos;
    case socket_option::source_preferences: return s->preferences.flags();
    case socket_option::local_port_range: return s->local_ports;
    case socket_option::mtu_discover: return o.mtu_discover;
    case socket_option::multicast_hops: return 1;
    case socket_option::timestamping: return o.timestamping;
    case socket_option::path_mtu:
        if (!s->connection) return errno_code(ENOTCONN);
        return static_cast<int>(s->connection->path_mss() + sizes_of(s->flow.family()).tcp_headers);
    default: return errno_code(ENOPROTOOPT);
    }
}

error_code tcp_sockets::set_congestion_control(tcp_id id, std::string_view name, time_point now)
{
    tcp_socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const auto* const found = congestion_.find(name);
    if (found == nullptr) return errno_code(ENOENT);
    s->congestion = found;
    if (s->connection) s->connection->use_congestion_control(found->second(), now);
    return {};
}

result<std::string_view> tcp_sockets::congestion_control_of(tcp_id id) const
{
    const tcp_socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return std::string_view(s->congestion->first);
}

} // namespace tapio::core
