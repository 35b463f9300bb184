/// @file
/// What tcp_forwarder and udp_forwarder have in common: their options, and how a flow is refused.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Bounds of the flows whose user has not decided yet. A flow that is refused by a bound is dropped silently: its sender tries
/// again. A quarter of `most_pending` is for those that do so, for which a flood from sources that send once leaves room.
struct forwarder_options
{
    std::size_t most_pending = 1024;              ///< flows
    std::size_t most_per_source = 64;             ///< of these, flows from one address (IPv6: one /64 prefix)
    duration patience = std::chrono::seconds(30); ///< after which an undecided flow is dropped
    std::size_t most_datagrams = 16;              ///< UDP: datagrams of one flow that are kept for the socket that will accept it
    std::optional<std::uint32_t> interface {
    }; ///< only flows that this interface receives; none: all
};

/// How the sender of a refused flow is told.
enum class refusal : std::uint8_t
{
    reset,            ///< TCP: a RST (the peer sees connection_refused); UDP: as `port_unreachable`
    port_unreachable, ///< this and the others: ICMP, destination unreachable or time exceeded
    host_unreachable,
    network_unreachable,
    prohibited,   ///< communication administratively prohibited
    time_exceeded ///< the TTL ran out, at a router beyond the user (traceroute)
};

/// A flow as async_next() hands it out.
struct flow_facts
{
    endpoint source;             ///< the client
    endpoint destination;        ///< whom it wants to reach
    std::uint32_t interface = 0; ///< that received the first packet
    std::uint8_t hop_limit = 0;  ///< TTL of the first packet
};

/// Internal: a flow, and its number among those of its forwarder.
struct taken_flow
{
    std::uint64_t id = 0;
    flow_facts facts;
};

} // namespace tapio::core

#pragma GCC visibility pop
