/// @file
/// Types that the core's sockets share: handles, options.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/slice.hpp>
#include <tapio/core/socket_id.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <deque>
#include <span>

namespace tapio::core {

using tcp_id = socket_id; ///< also the handle of an entry of time_wait_table

/// Gather and scatter lists.
using const_buffer_list = std::span<const const_bytes>;
using mutable_buffer_list = std::span<const mutable_bytes>;

enum class shutdown_type : std::uint8_t
{
    receive,
    send,
    both
};

/// The lower bounds of SO_RCVBUF and SO_SNDBUF, octets. Linux's bounds are twice as large, since Linux doubles the value that is
/// set, for its bookkeeping; Asio halves the value that it reads.
inline constexpr int least_receive_buffer = 1152, least_send_buffer = 2304;

/// Whether IPV6_MTU can be set to it: every path has IPv6's minimum MTU (RFC 8200 §5).
inline constexpr bool is_longest_packet(int octets) noexcept { return octets == 0 || octets >= 1280; }

/// The flags of SO_TIMESTAMPING that are accepted: those that request the time of reception, which is always recorded
/// (RX_HARDWARE, RX_SOFTWARE, SOFTWARE, SYS_HARDWARE, RAW_HARDWARE).
inline constexpr int known_timestamping = 4 | 8 | 16 | 32 | 64;

/// Options whose value is one integer (booleans are 0 and 1, times in the unit named). `linger` is -1 for off, else seconds.
enum class socket_option : std::uint8_t
{
    reuse_address,
    reuse_port,
    broadcast,
    keep_alive,
    linger,
    receive_buffer_size, ///< octets
    send_buffer_size,    ///< octets
    oob_inline,
    accept_connections,    ///< get only
    protocol,              ///< IP protocol number; get only
    receive_low_watermark, ///< octets
    send_low_watermark,    ///< octets; get only
    debug,                 ///< no effect, only returned as set
    timestamp,             ///< this and the next two: no effect, since the time of reception is always reported
    timestamp_ns,
    timestamping,    ///< SOF_TIMESTAMPING_...
    do_not_route,    ///< send only to hosts on a directly connected network
    bound_interface, ///< SO_BINDTODEVICE: the interface's number + 1; 0: any
    // TCP
    no_delay,
    cork,
    linger_2,      ///< s; -1: none
    max_segment,   ///< octets
    keep_idle,     ///< s
    keep_interval, ///< s
    keep_count,
    user_timeout, ///< ms; 0: the default
    syn_count,
    defer_accept,             ///< s; 0: off
    fast_open,                ///< of a listener: the most connections that may be open before their handshake ends; 0: off
    fast_open_without_cookie, ///< only for networks whose hosts trust one another
    fast_open_connect,        ///< the SYN waits for the first write and carries its data, if a cookie is known or not needed
    quick_ack,
    inq,                    ///< no effect, only returned as set
    min_rto,                ///< ms (tapio's own)
    max_pacing_rate,        ///< octets/s; 0: none
    ecn,                    ///< request ECN when connecting (tapio's own)
    not_sent_low_watermark, ///< octets; a write waits while this much is unsent; 0: off
    // IP
    ttl,
    tos,
    mtu_discover,   ///< IP_MTU_DISCOVER, with Linux's values; 0: packets may be fragmented
    path_mtu,       ///< octets; get only
    longest_packet, ///< octets of IPv6 packet (IPV6_MTU): longer ones are fragmented or refused; 0: the path's MTU; set only
    multicast_hops,
    multicast_loopback,
    multicast_all,       ///< also receive groups that only other sockets of this host have joined
    multicast_interface, ///< the interface's number + 1; 0: the route decides
    packet_info,
    receive_ttl,
    receive_tos,
    receive_errors,
    v6_only,            ///< IPV6_V6ONLY; until the socket is bound
    source_preferences, ///< IPV6_ADDR_PREFERENCES (source_preferences.hpp)
    local_port_range,   ///< as IP_LOCAL_PORT_RANGE (local_ports.hpp); 0: the default range
    header_included,    ///< IP_HDRINCL: packets to be sent begin with their IP header
    checksum_offset,    ///< IPV6_CHECKSUM: octets in front of the checksum that the host fills in and checks; -1: none
    // UDP
    segment_size,  ///< octets of payload per datagram into which one write is split (UDP_SEGMENT); 0: off
    datagram_cork, ///< UDP_CORK: while set, writes are collected; unsetting it sends them as one datagram
};

} // namespace tapio::core
