/// @file
/// What a stack has, to look at: its TCP sockets, interfaces, neighbours and routes. Each is a value of the moment of the call.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/counters.hpp>
#include <tapio/core/device_info.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/tcp_info.hpp>
#include <tapio/core/trace.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// A TCP socket that is bound, listens or is connected, and each connection that goes on without its socket (`ss -tan`).
struct connection_info
{
    endpoint local;
    endpoint remote; ///< unspecified, port 0: not connected
    tcp_state state = tcp_state::closed;
    std::uint64_t receive_queue = 0;   ///< octets to be read; of a listener: connections to be accepted
    std::uint64_t send_queue = 0;      ///< octets not acknowledged, sent or not; of a listener: how many may wait
    bool detached = false;             ///< its user has gone: it finishes alone
    bool at_rest = false;              ///< idle, and kept in little memory
    tcp_timer timer = tcp_timer::none; ///< the one that expires first
    duration timer_expires{};          ///< from now
    std::uint32_t retransmissions = 0; ///< segments; 0 of one at rest
};

/// An interface (`ip -s address`).
struct interface_info
{
    struct own_address
    {
        core::address address;
        unsigned prefix_length = 0; ///< bits
    };

    std::uint32_t id = 0; ///< 0 is the loopback
    interface_status status;
    link_type link = link_type::ethernet;
    mac_address mac;
    offload_features offload;
    std::vector<own_address> addresses;
    std::size_t transmit_queue = 0; ///< packets that wait for the device
    interface_counters counters;
};

/// RFC 4861 §7.3.2, for ARP too.
enum class neighbor_state : std::uint8_t
{
    incomplete, ///< it is being asked for
    reachable,
    stale,
    delay,
    probe
};

const char* name(neighbor_state state) noexcept; ///< "reachable"

/// What is known of a neighbour (`ip neighbor`).
struct neighbor_info
{
    std::uint32_t interface = 0;
    core::address address;
    std::optional<mac_address> mac; ///< none while it is `incomplete`
    neighbor_state state = neighbor_state::incomplete;
    std::size_t waiting = 0; ///< packets
};

/// A route (`ip route`). Of those to a destination the longest prefix counts, then the lowest metric, then the first.
struct route_info
{
    address network;
    unsigned prefix_length = 0;     ///< bits
    std::optional<address> gateway; ///< none: what it leads to is on the link
    std::uint32_t interface = 0;
    std::uint32_t metric = 0;
};

} // namespace tapio::core

#pragma GCC visibility pop
