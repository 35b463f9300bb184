// Berkeley's option numbers and values, as Asio's option objects carry them, to the core's.
#include "asio/engine.hpp"

#include <tapio/detail/socket.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
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
    case SO_RCVLOWAT: return socket_option::receive_low_watermark;
    case SO_MAX_PACING_RATE: return socket_option::max_pacing_rate; // -1: none
    case SO_BINDTOIFINDEX: return socket_option::bound_interface;
    case SO_ACCEPTCONN: return socket_option::accept_connections;
    default: return std::nullopt;
    }
}

std::optional<socket_option> at_tcp_level(int name) noexcept
{
    switch (name) {
    case TCP_NODELAY: return socket_option::no_delay;
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
    case TCP_FASTOPEN_CONNECT: return socket_option::fast_open_connect;
    default: return std::nullopt;
    }
}

std::optional<socket_option> at_ip_level(int name) noexcept
{
    switch (name) {
    case IP_TTL: return socket_option::ttl;
    case IP_TOS: return socket_option::tos;
    case IP_MTU_DISCOVER: return socket_option::dont_fragment;
    case IP_MTU: return socket_option::path_mtu;
    case IP_MULTICAST_TTL: return socket_option::multicast_hops;
    case IP_MULTICAST_LOOP: return socket_option::multicast_loopback;
    case IP_MULTICAST_ALL: return socket_option::multicast_all;
    case IP_PKTINFO: return socket_option::packet_info;
    case IP_RECVTTL: return socket_option::receive_ttl;
    case IP_RECVTOS: return socket_option::receive_tos;
    case IP_RECVERR: return socket_option::receive_errors;
    default: return std::nullopt;
    }
}

std::optional<socket_option> at_udp_level(int name) noexcept
{
    return name == UDP_SEGMENT ? std::optional(socket_option::segment_size) : std::nullopt;
}

std::optional<socket_option> option_of(int level, int name) noexcept
{
    switch (level) {
    case SOL_SOCKET: return at_socket_level(name);
    case IPPROTO_TCP: return at_tcp_level(name);
    case IPPROTO_IP: return at_ip_level(name);
    case IPPROTO_UDP: return at_udp_level(name);
    default: return std::nullopt;
    }
}

/// The options whose value is a `struct linger` are one integer in the core: -1 for off, else seconds.
bool read_value(socket_option o, const void* data, std::size_t size, int& value) noexcept
{
    if (o == socket_option::linger) {
        ::linger l{};
        if (size < sizeof l) return false;
        std::memcpy(&l, data, sizeof l);
        value = l.l_onoff != 0 ? l.l_linger : -1;
        return true;
    }
    if (size < sizeof value) { // Linux takes an octet for some
        if (size != 1) return false;
        value = *static_cast<const std::uint8_t*>(data);
        return true;
    }
    std::memcpy(&value, data, sizeof value);
    return true;
}

bool write_value(socket_option o, int value, void* data, std::size_t* size) noexcept
{
    if (o == socket_option::linger) {
        const ::linger l{value >= 0 ? 1 : 0, value >= 0 ? value : 0};
        if (*size < sizeof l) return false;
        std::memcpy(data, &l, sizeof l);
        *size = sizeof l;
        return true;
    }
    if (*size < sizeof value) { // and gives one
        if (*size == 0 || value < 0 || value > 255) return false;
        *static_cast<std::uint8_t*>(data) = static_cast<std::uint8_t>(value);
        *size = 1;
        return true;
    }
    std::memcpy(data, &value, sizeof value);
    *size = sizeof value;
    return true;
}

/// Copies as much as fits, as getsockopt(2) does, and says how much.
void copy_out(const void* from, std::size_t have, void* data, std::size_t* size) noexcept
{
    *size = std::min(*size, have);
    std::memcpy(data, from, *size);
}

std::uint32_t microseconds(core::duration d) noexcept
{
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
}

std::uint8_t linux_state(core::tcp_state s) noexcept
{
    using core::tcp_state;
    switch (s) {
    case tcp_state::established: return TCP_ESTABLISHED;
    case tcp_state::syn_sent: return TCP_SYN_SENT;
    case tcp_state::syn_received: return TCP_SYN_RECV;
    case tcp_state::fin_wait_1: return TCP_FIN_WAIT1;
    case tcp_state::fin_wait_2: return TCP_FIN_WAIT2;
    case tcp_state::time_wait: return TCP_TIME_WAIT;
    case tcp_state::close_wait: return TCP_CLOSE_WAIT;
    case tcp_state::last_ack: return TCP_LAST_ACK;
    case tcp_state::listen: return TCP_LISTEN;
    case tcp_state::closing: return TCP_CLOSING;
    case tcp_state::closed: break;
    }
    return TCP_CLOSE;
}

::tcp_info linux_info(const core::tcp_info& i) noexcept
{
    ::tcp_info out{};
    out.tcpi_state = linux_state(i.state);
    out.tcpi_options = static_cast<std::uint8_t>((i.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (i.sack ? TCPI_OPT_SACK : 0) |
                                                 (i.window_scaling ? TCPI_OPT_WSCALE : 0) | (i.ecn ? TCPI_OPT_ECN : 0));
    out.tcpi_snd_wscale = i.send_window_scale & 15;
    out.tcpi_rcv_wscale = i.receive_window_scale & 15;
    out.tcpi_rto = microseconds(i.rto);
    out.tcpi_snd_mss = i.send_mss;
    out.tcpi_rcv_mss = i.receive_mss;
    out.tcpi_advmss = i.receive_mss;
    out.tcpi_rtt = microseconds(i.srtt);
    out.tcpi_rttvar = microseconds(i.rttvar);
    out.tcpi_backoff = static_cast<std::uint8_t>(std::min(i.consecutive_timeouts, 255U));
    const std::uint32_t mss = std::max(i.send_mss, 1U);
    out.tcpi_unacked = static_cast<std::uint32_t>((i.unacked + mss - 1) / mss);
    out.tcpi_snd_cwnd = static_cast<std::uint32_t>(i.cwnd / mss);
    out.tcpi_snd_ssthresh = static_cast<std::uint32_t>(std::min<std::uint64_t>(i.ssthresh / mss, 0x7fff'ffff));
    out.tcpi_total_retrans = static_cast<std::uint32_t>(i.retransmissions);
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
        ec = t.host().tcp().set_congestion_control({id_.index, id_.generation}, wanted, t.now());
        return;
    }
    if (set_interface_option(level, name, data, size, ec)) return;
    const auto option = option_of(level, name);
    int value = 0;
    if (option == socket_option::accept_connections || option == socket_option::path_mtu)
        return void(ec = error::no_protocol_option);
    if (!option) return void(ec = error::no_protocol_option);
    if (!read_value(*option, data, size, value)) return void(ec = error::invalid_argument);
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    ec = kind_ == socket_kind::tcp ? t.host().tcp().set_option({id_.index, id_.generation}, *option, value, t.now())
                                   : t.host().udp().set_option({id_.index, id_.generation}, *option, value);
    if (!ec && kind_ == socket_kind::tcp && option == socket_option::linger) user_set_linger_ = true;
}

/// What a socket is, rather than how it is set: SO_TYPE and its like, and those whose value is no integer.
bool socket::get_fact(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    const bool is_tcp = kind_ == socket_kind::tcp;
    core::host& h = engine_->host();
    int value = 0;
    if (level == SOL_SOCKET && name == SO_TYPE) {
        value = is_tcp ? SOCK_STREAM : kind_ == socket_kind::raw ? SOCK_RAW : SOCK_DGRAM;
    } else if (level == SOL_SOCKET && name == SO_PROTOCOL) {
        const int datagrams =
            kind_ == socket_kind::raw ? int{h.udp().local_endpoint({id_.index, id_.generation})->port} : int{IPPROTO_UDP};
        value = is_tcp ? int{IPPROTO_TCP} : datagrams;
    } else if (level == SOL_SOCKET && name == SO_DOMAIN) {
        value = AF_INET;
    } else if (level == SOL_SOCKET && name == SO_ERROR) {
        value =
            (is_tcp ? h.tcp().take_error({id_.index, id_.generation}) : h.udp().take_error({id_.index, id_.generation})).value();
    } else if (is_tcp && level == IPPROTO_TCP && name == TCP_CONGESTION) {
        std::string named(*h.tcp().congestion_control_of({id_.index, id_.generation}));
        named.resize(std::max<std::size_t>(named.size() + 1, congestion_name_size));
        return copy_out(named.data(), named.size(), data, size), true;
    } else if (is_tcp && level == IPPROTO_TCP && name == TCP_INFO) {
        const auto info = linux_info(*h.tcp().info({id_.index, id_.generation}, engine_->turn_began()));
        return copy_out(&info, sizeof info, data, size), true;
    } else {
        return false;
    }
    ec = write_value(socket_option::keep_alive, value, data, size) ? error_code() : error_code(error::invalid_argument);
    return true;
}

void socket::get_option(int level, int name, void* data, std::size_t* size, error_code& ec) const
{
    engine::user_turn t(*engine_);
    if (!open_) return void(ec = error::bad_descriptor);
    ec = {};
    if (get_fact(level, name, data, size, ec) || get_interface_option(level, name, data, size, ec)) return;
    const auto option = option_of(level, name);
    if (!option) return void(ec = error::no_protocol_option);
    const auto got = kind_ == socket_kind::tcp ? t.host().tcp().get_option({id_.index, id_.generation}, *option)
                                               : t.host().udp().get_option({id_.index, id_.generation}, *option);
    if (!got) return void(ec = got.error());
    ec = write_value(*option, *got, data, size) ? error_code() : error_code(error::invalid_argument);
}

} // namespace tapio::detail
