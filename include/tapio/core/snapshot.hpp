/// @file
/// Snapshots of a stack: its sockets, interfaces, neighbours and routes, as stack::connections(), datagram_sockets(),
/// interfaces(), neighbors() and routes() return them. They are copies and do not follow later changes.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/counters.hpp>
#include <tapio/core/device_info.hpp>
#include <tapio/core/interface_configuration.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/tcp_info.hpp>
#include <tapio/core/trace.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// A TCP socket that is bound, listens or is connected, or a connection that finishes after its socket was closed (`ss -tan`).
struct connection_info
{
    endpoint local;
    endpoint remote; ///< unspecified, port 0: not connected (a bound socket, a listener)
    tcp_state state = tcp_state::closed;
    std::uint64_t receive_queue = 0;   ///< octets that can be read; of a listener: connections that can be accepted
    std::uint64_t send_queue = 0;      ///< octets written and not acknowledged; of a listener: its backlog
    bool detached = false;             ///< the socket was closed: the connection finishes without a user
    bool at_rest = false;              ///< idle and reduced to little memory (stack_options::tcp_awake_connections)
    tcp_timer timer = tcp_timer::none; ///< the timer that expires first
    duration timer_expires{};          ///< time until then
    std::uint32_t retransmissions = 0; ///< segments; 0 if `at_rest`
};

/// The same with everything that is known of the connection (`ss -tani`).
struct detailed_connection : connection_info
{
    /// As of `tapio::tcp_info(socket)`; none in TIME-WAIT, and none if `at_rest`, because a snapshot wakes no connection.
    std::optional<tcp_info> info;
};

enum class datagram_socket_kind : std::uint8_t
{
    udp,
    raw, ///< raw(7)
    ping ///< ICMP echo: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6
};

const char* name(datagram_socket_kind kind) noexcept; ///< "udp"

/// A UDP or ping socket that is bound, or a raw socket (`ss -uwan`). The resolver's own are among them.
struct datagram_socket_info
{
    datagram_socket_kind kind = datagram_socket_kind::udp;
    endpoint local;  ///< of a raw socket, the port is the IP protocol number; of a ping socket, its identifier
    endpoint remote; ///< unspecified, port 0: not connected
    bool connected = false;
    bool v6_only = false;                   ///< IPV6_V6ONLY: bound to ::, it gets nothing of IPv4
    std::uint64_t receive_queue = 0;        ///< octets that can be read
    std::uint32_t drops = 0;                ///< packets that the queue had no room for, or a filter refused
    std::optional<std::uint32_t> interface; ///< SO_BINDTODEVICE
};

/// An interface (`ip -s address`).
struct interface_info
{
    struct own_address
    {
        core::address address;
        unsigned prefix_length = 0; ///< bits
        address_origin origin = address_origin::manual;
    };

    std::uint32_t id = 0; ///< 0 is the loopback
    interface_status status;
    link_type link = link_type::ethernet;
    mac_address mac;
    offload_features offload;
    std::vector<own_address> addresses;
    std::size_t transmit_queue = 0; ///< packets waiting for the device
    std::uint16_t vlan = 0;         ///< IEEE 802.1Q identifier of a VLAN interface; 0: it is none
    std::uint32_t carrier = 0;      ///< of a VLAN interface: the interface that carries its frames
    interface_counters counters;
};

/// Neighbour states of RFC 4861 §7.3.2, which the stack applies to ARP.
enum class neighbor_state : std::uint8_t
{
    incomplete, ///< a request was sent, no answer yet
    reachable,  ///< confirmed recently
    stale,      ///< not confirmed for some time; still used
    delay,      ///< used while stale; a request follows soon unless traffic confirms it
    probe       ///< requests are being sent
};

const char* name(neighbor_state state) noexcept; ///< "reachable"

/// An entry of a neighbour cache (`ip neighbor`).
struct neighbor_info
{
    std::uint32_t interface = 0;
    core::address address;
    std::optional<mac_address> mac; ///< none while `incomplete`
    neighbor_state state = neighbor_state::incomplete;
    std::size_t waiting = 0; ///< packets that wait for the address
};

/// What a route does with a packet; the kinds but `unicast` have no gateway.
enum class route_kind : std::uint8_t
{
    unicast,     ///< sends it to the gateway, or to the destination itself
    blackhole,   ///< discards it; local senders get EINVAL, as on Linux
    unreachable, ///< discards it, and tells a remote sender by ICMP; local senders get EHOSTUNREACH
    prohibit     ///< the same; local senders get EACCES
};

const char* name(route_kind kind) noexcept; ///< "unicast"

/// A route (`ip route`). Of several to a destination the longest prefix wins, then the lowest metric, then the one added first.
struct route_info
{
    address network;
    unsigned prefix_length = 0;     ///< bits
    std::optional<address> gateway; ///< none: the destinations are on the link
    std::uint32_t interface = 0;
    std::uint32_t metric = 0;
    route_kind kind = route_kind::unicast;

    friend bool operator==(const route_info&, const route_info&) = default;
};

} // namespace tapio::core

#pragma GCC visibility pop
