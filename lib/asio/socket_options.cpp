// Translates the option numbers and values of setsockopt(2), as Asio's option objects have them, to the core's.
#include "asio/engine.hpp"
#include "asio/linux_tcp_info.hpp"

#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>

namespace tapio::detail {

namespace {

namespace error = boost::asio::error;
using core::socket_option;

constexpr int local_port_range_option = 51;    // IP_LOCAL_PORT_RANGE, missing in <netinet/in.h> of Debian 12
constexpr int fast_open_no_cookie_option = 34; // TCP_FASTOPEN_NO_COOKIE
constexpr int ipv6_header_included = 36;       // IPV6_HDRINCL

std::optional<socket_option> at_socket_level(int name) noexcept
{
    switch (name) {
    case SO_REUSEADDR: return socket_option::reuse_address;
    case SO_REUSEPORT: return socket_option::reuse_port;
    case SO_BROADCAST: return socket_option::broadcast;
    case SO_KEEPALIVE: return socket_option::keep_alive;
    case SO_LINGER: return socket_option::linger;
    case SO_RCVBUF: return socket_option::receive_buffer_size;
    case SO_SNDBUF: return socket_option::send_buffer_size;
    case SO_OOBINLINE: return socket_option::oob_inline;
    case SO_SNDLOWAT: return socket_option::send_low_watermark;
    case SO_TIMESTAMP: return socket_option::timestamp;
    case SO_TIMESTAMPNS: return socket_option::timestamp_ns;
    case SO_TIMESTAMPING: return socket_option::timestamping;
    case SO_DEBUG: return socket_option::debug;
    case SO_DONTROUTE: return socket_option::do_not_route;
    case SO_RCVLOWAT: return socket_option::receive_low_watermark;
    case SO_MAX_PACING_RATE: return socket_option::max_pacing_rate; // -1: none
    case SO_BINDTOIFINDEX: return socket_option::bound_interface;
    case SO_ACCEPTCONN: return socket_option::accept_connections;
    case SO_PROTOCOL: return socket_option::protocol;
    default: return std::nullopt;
    }
}

std::optional<socket_option> at_tcp_level(int name) noexcept
{
    switch (name) {
    case TCP_NODELAY: return socket_option::no_delay;
    case TCP_INQ: return socket_option::inq;
    case TCP_NOTSENT_LOWAT: return socket_option::not_sent_low_watermark;
    case TCP_CORK: return socket_option::cork;
    case TCP_LINGER2: return socket_option::linger_2;
    case TCP_MAXSEG: return socket_option::max_segment;
    case TCP_KEEPIDLE: return socket_option::keep_idle;
    case TCP_KEEPINTVL: return socket_option::keep_interval;
    case TCP_KEEPCNT: return socket_option::keep_count;
    case TCP_USER_TIMEOUT: return socket_option::user_timeout;
    case TCP_SYNCNT: return socket_option::syn_count;
    case TCP_QUICKACK: return socket_option::quick_ack;
    case TCP_DEFER_ACCEPT: return socket_option::defer_accept;
    case TCP_FASTOPEN: return socket_option::fast_open;
    case fast_open_no_cookie_option: return socket_option::fast_open_without_cookie;
    case TCP_FASTOPEN_CONNECT: return socket_option::fast_open_connect;
    default: return std::nullopt;
    }
}

std::optional<socket_option> at_ip_level(int name) noexcept
{
    switch (name) {
    case IP_TTL: return socket_option::ttl;
    case IP_TOS: return socket_option::tos;
    case IP_MTU_DISCOVER: return socket_option::mtu_discover;
    case IP_MTU: return socket_option::path_mtu;
    case IP_MULTICAST_TTL: return socket_option::multicast_hops;
    case IP_MULTICAST_LOOP: return socket_option::multicast_loopback;
    case IP_MULTICAST_ALL: return socket_option::multicast_all;
    case IP_PKTINFO: return socket_option::packet_info;
    case IP_RECVTTL: return socket_option::receive_ttl;
    case IP_RECVTOS: return socket_option::receive_tos;
    case local_port_range_option: return socket_option::local_port_range;
    case IP_RECVERR: return socket_option::receive_errors;
    case IP_HDRINCL: return socket_option::header_included;
    default: return std::nullopt;
    }
}

/// The options of both families are one: an IPv6 socket may also send over IPv4.
std::optional<socket_option> at_ipv6_level(int name) noexcept
{
    constexpr int multicast_all = 29; // IPV6_MULTICAST_ALL, missing in <netinet/in.h> of Debian 12
    switch (name) {
    case IPV6_V6ONLY: return socket_option::v6_only;
    case IPV6_UNICAST_HOPS: return socket_option::ttl;
    case IPV6_TCLASS: return socket_option::tos;
    case IPV6_MTU_DISCOVER: return socket_option::mtu_discover;
    case IPV6_MTU: return socket_option::path_mtu;
    case IPV6_MULTICAST_HOPS: return socket_option::multicast_hops;
    case IPV6_MULTICAST_LOOP: return socket_option::multicast_loopback;
    case multicast_all: return socket_option::multicast_all;
    case IPV6_RECVPKTINFO: return socket_option::packet_info;
    case IPV6_RECVHOPLIMIT: return socket_option::receive_ttl;
    case IPV6_RECVTCLASS: return socket_option::receive_tos;
    case IPV6_RECVERR: return socket_option::receive_errors;
    case IPV6_ADDR_PREFERENCES: return socket_option::source_preferences;
    case ipv6_header_included: return socket_option::header_included;
    case IPV6_CHECKSUM: return socket_option::checksum_offset;
    default: return std::nullopt;
    }
}

/// Linux's own level of raw sockets. Of RFC 3542's options it also has those that this level alone allows on ICMPv6 sockets.
std::optional<socket_option> at_raw_level(int name) noexcept
{
    switch (name) {
    case IPV6_CHECKSUM: return socket_option::checksum_offset;
    case ipv6_header_included: return socket_option::header_included;
    default: return std::nullopt;
    }
}

std::optional<socket_option> at_udp_level(int name) noexcept
{
    switch (name) {
    case UDP_SEGMENT: return socket_option::segment_size;
    case UDP_CORK: return socket_option::datagram_cork;
    default: return std::nullopt;
    }
}

std::optional<socket_option> option_of(int level, int name) noexcept
{
    switch (level) {
    case SOL_SOCKET: return at_socket_level(name);
    case IPPROTO_TCP: return at_tcp_level(name);
    case IPPROTO_IP: return at_ip_level(name);
    case IPPROTO_IPV6: return at_ipv6_level(name);
    case IPPROTO_UDP: return at_udp_level(name);
    case IPPROTO_RAW: return at_raw_level(name);
    default: return std::nullopt;
    }
}

bool is_read_only(socket_option o) noexcept
{
    return o == socket_option::accept_connections || o == socket_option::protocol || o == socket_option::path_mtu ||
           o == socket_option::send_low_watermark;
}

/// The bounds of IPv6's options that differ from those of the options of IPv4 for which the core takes them.
error_code check_v6(int name, core::socket_type type, int& value) noexcept
{
    const bool stream = type == core::socket_type::stream;
    switch (name) {
    case IPV6_TCLASS:
        if (value < -1 || value > 255) return error::invalid_argument;
        value = std::max(value, 0); // RFC 3542 §6.5: -1 for the default
        return {};
    case IPV6_MULTICAST_LOOP: return value == 0 || value == 1 ? error_code() : error_code(error::invalid_argument);
    case IPV6_MULTICAST_HOPS: return stream ? error_code(error::no_protocol_option) : error_code();
    default: return {};
    }
}

/// Reads an int. SO_LINGER's `struct linger` becomes one: -1 for off, else seconds.
bool read_value(int level, socket_option o, const void* data, std::size_t size, int& value) noexcept
{
    if (o == socket_option::linger) {
        ::linger l{};
        if (size < sizeof l) return false;
        std::memcpy(&l, data, sizeof l);
        value = l.l_onoff != 0 ? l.l_linger : -1;
        return true;
    }
    if (size < sizeof value) { // Linux accepts one octet for some options
        if (size != 1 || level == IPPROTO_IPV6 || level == IPPROTO_RAW) return false;
        value = *static_cast<const std::uint8_t*>(data);
        return true;
    }
    std::memcpy(&value, data, sizeof value);
    return true;
}

bool write_value(int level, socket_option o, int value, void* data, std::size_t* size) noexcept
{
    if (o == socket_option::linger) {
        const ::linger l{value >= 0 ? 1 : 0, value >= 0 ? value : 0};
        if (*size < sizeof l) return false;
        std::memcpy(data, &l, sizeof l);
        *size = sizeof l;
        return true;
    }
    if (*size < sizeof value && level != IPPROTO_IPV6) { // and returns one octet
        if (*size == 0 || value < 0 || value > 255) return false;
        *static_cast<std::uint8_t*>(data) = static_cast<std::uint8_t>(value);
        *size = 1;
        return true;
    }
    *size = std::min(*size, sizeof value);
    std::memcpy(data, &value, *size);
    return true;
}

/// As getsockopt(2): copies as much as fits, and sets `*size` to that.
void copy_out(const void* from, std::size_t have, void* data, std::size_t* size) noexcept
{
    *size = std::min(*size, have);
    std::memcpy(data, from, *size);
}

constexpr int meminfo_option = 55; // SO_MEMINFO, which <sys/socket.h> does not always have

/// SO_MEMINFO: by Linux's SK_MEMINFO_..., of which those that tapio has are RCVBUF, SNDBUF and DROPS.
std::array<std::uint32_t, 9> meminfo_of(const core::socket_protocol& p, core::socket_id id)
{
    std::array<std::uint32_t, 9> out{};
    out[1] = static_cast<std::uint32_t>(*p.get_option(id, socket_option::receive_buffer_size));
    out[3] = static_cast<std::uint32_t>(*p.get_option(id, socket_option::send_buffer_size));
    out[8] = *p.drops(id);
    return out;
}

constexpr std::size_t congestion_name_size = 16; ///< Linux's TCP_CA_NAME_MAX

} // namespace

void socket::set_option(int level, int name, const void* data, std::size_t size, error_code& ec)
{
    if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
        engine::user_turn t(*engine_);
        if (!open_) return void(ec = error::bad_descriptor);
        const std::string_view wanted(static_cast<const char*>(data), strnlen(static_cast<const char*>(data), size));
        core::tcp_sockets* const tcp = as_tcp();
        ec = tcp != nullptr ? tcp->set_congestion_control(id_, wanted, t.now()) : error_code(error::no_protocol_option);
        return;
    }
    const bool v6 = family_ == core::family::v6, v6_raw = v6 && protocol_.type() == core::socket_type::raw;
    if (set_filter(level, name, data, size, ec) || set_link_option(level, name, data, size, ec)) return;
    if (v6_raw && level == IPPROTO_IP) return void(ec = error::no_protocol_option);
    if (set_interface_option(level, name, data, size, ec) || set_source_option(level, name, data, size, ec) ||
        set_icmp_filter(level, name, data, size, ec) || set_shell_option(level, name, data, size, ec))
        return;
    const bool mtu = level == IPPROTO_IPV6 && name == IPV6_MTU; // what is set is not what is read: that is the path's
    const auto option = mtu ? socket_option::longest_packet : option_of(level, name);
    int value = 0;
    const bool known = option && (level != IPPROTO_IPV6 || v6) && (level != IPPROTO_RAW || v6_raw);
    if (!known || is_read_only(*option)) return void(ec = error::no_protocol_option);
    if (!read_value(level, *option, data, size, value)) return void(ec = error::invalid_argument);
    ec = level == IPPROTO_IPV6 ? check_v6(name, protocol_.type(), value) : error_code();
    if (level == IPPROTO_IP && name == IP_TTL && value == 0) ec = error::invalid_argument; // a hop limit of 0 is IPv6's
    if (ec) return;
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    if (level == IPPROTO_IPV6 && option == socket_option::checksum_offset && is_raw_icmp()) // RFC 3542 §3.1
        return void(ec = error::invalid_argument);
    ec = protocol_.set_option(id_, *option, value, t.now());
    if (!ec && option == socket_option::linger) user_set_linger_ = true;
}

/// Options that are no socket_option of the core: SO_TYPE and the like, and those whose value is not an integer.
bool socket::get_fact(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    const core::tcp_sockets* const tcp = level == IPPROTO_TCP ? as_tcp() : nullptr;
    int value = 0;
    if (level == SOL_SOCKET && name == SO_TYPE) {
        value = static_cast<int>(protocol_.type());
    } else if (level == SOL_SOCKET && name == SO_DOMAIN) {
        value = as_link() != nullptr ? AF_PACKET : family_ == core::family::v4 ? AF_INET : AF_INET6;
    } else if (level == SOL_SOCKET && name == meminfo_option) {
        const auto info = meminfo_of(protocol_, id_);
        return copy_out(info.data(), sizeof info, data, size), true;
    } else if (level == SOL_SOCKET && name == SO_ERROR) {
        value = protocol_.take_error(id_).value();
    } else if (tcp != nullptr && name == TCP_CONGESTION) {
        std::string named(*tcp->congestion_control_of(id_));
        named.resize(std::max<std::size_t>(named.size() + 1, congestion_name_size));
        return copy_out(named.data(), named.size(), data, size), true;
    } else if (tcp != nullptr && name == TCP_INFO) {
        const auto info = linux_info(*tcp->info(id_, engine_->turn_began()));
        return copy_out(&info, sizeof info, data, size), true;
    } else {
        return false;
    }
    ec = write_value(level, socket_option::keep_alive, value, data, size) ? error_code() : error_code(error::invalid_argument);
    return true;
}

void socket::get_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    ec = {};
    if (get_link_option(level, name, data, size, ec)) return;
    if (get_fact(level, name, data, size, ec) || get_interface_option(level, name, data, size, ec) ||
        get_source_option(level, name, data, size, ec) || get_icmp_filter(level, name, data, size, ec) ||
        get_shell_option(level, name, data, size, ec))
        return;
    const int own = static_cast<int>(protocol_.number());
    const bool v6 = family_ == core::family::v6, of_v4 = level == IPPROTO_IP && !(v6 && own == IPPROTO_RAW);
    if (level != SOL_SOCKET && level != own && !of_v4 && !(level == IPPROTO_IPV6 && v6)) // the errors are Linux's
        return void(ec = v6 ? error_code(error::no_protocol_option) : error_code(error::operation_not_supported));
    const auto option = option_of(level, name);
    if (!option) return void(ec = error::no_protocol_option);
    const auto got = protocol_.get_option(id_, *option);
    if (!got) return void(ec = got.error());
    ec = write_value(level, *option, *got, data, size) ? error_code() : error_code(error::invalid_argument);
}

} // namespace tapio::detail
