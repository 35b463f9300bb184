/// @file
/// What the sockets of the core share: handles, options.
/// The calls on them mirror the non-blocking Berkeley calls of Linux, errno for errno.
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

using tcp_id = socket_id; ///< also of a connection that is only a record in the table of those in TIME-WAIT

/// Gather and scatter lists.
using const_buffer_list = std::span<const const_bytes>;
using mutable_buffer_list = std::span<const mutable_bytes>;

enum class shutdown_type : std::uint8_t
{
    receive,
    send,
    both
};

/// The least that SO_RCVBUF and SO_SNDBUF set, octets. Linux's own bounds are twice as large, as are the values that it keeps:
/// half of them is for its bookkeeping, and Asio halves what it reads.
inline constexpr int least_receive_buffer = 1152, least_send_buffer = 2304;

/// The kinds of SO_TIMESTAMPING that ask for the time of reception, which is known in any case: RX_HARDWARE, RX_SOFTWARE,
/// SOFTWARE, SYS_HARDWARE, RAW_HARDWARE.
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
    protocol,              ///< of IP; get only
    receive_low_watermark, ///< octets
    send_low_watermark,    ///< octets; get only
    debug,                 ///< remembered
    timestamp,             ///< remembered, as the next two: when it came is always known
    timestamp_ns,
    timestamping,    ///< SOF_TIMESTAMPING_...
    do_not_route,    ///< only hosts that are on a link of ours
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
    fast_open,                ///< of a listener: how many connections may wait for the end of their handshake; 0: off
    fast_open_without_cookie, ///< in a network whose hosts trust one another
    fast_open_connect,        ///< connect() waits for the first data, which goes in the SYN
    quick_ack,
    inq,                    ///< remembered
    min_rto,                ///< ms (tapio's own)
    max_pacing_rate,        ///< octets/s; 0: none
    ecn,                    ///< ask for it when connecting (tapio's own)
    not_sent_low_watermark, ///< octets unsent beyond which a write waits; 0: none
    // IP
    ttl,
    tos,
    mtu_discover, ///< IP_MTU_DISCOVER, whose numbers are Linux's; 0: what is sent may be fragmented
    path_mtu,     ///< octets; get only
    multicast_hops,
    multicast_loopback,
    multicast_all,       ///< also what others in this host have joined
    multicast_interface, ///< the interface's number + 1; 0: the route decides
    packet_info,
    receive_ttl,
    receive_tos,
    receive_errors,
    local_port_range, ///< port_range as IP_LOCAL_PORT_RANGE has it; 0: none of its own
    // UDP
    segment_size,  ///< octets: what is sent at once goes as datagrams of so many (UDP_SEGMENT); 0: as one
    datagram_cork, ///< UDP_CORK: what is sent goes as one datagram when it is unset
};

} // namespace tapio::core
