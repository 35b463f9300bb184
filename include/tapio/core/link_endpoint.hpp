/// @file
/// Endpoints of raw Ethernet sockets: what packet(7) has in a sockaddr_ll.
#pragma once

#include <tapio/core/address.hpp>

#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Why a frame came, or that it was sent; the numbers are Linux's.
enum class frame_kind : std::uint8_t
{
    to_us = 0,
    broadcast = 1,
    multicast = 2,
    other_host = 3, ///< addressed to another station: seen in promiscuous mode only
    outgoing = 4    ///< sent by this host
};

struct link_endpoint
{
    std::optional<std::uint32_t> interface {
    };                            ///< counted from 0, which is the loopback; none: all
    std::uint16_t ether_type = 0; ///< host byte order
    mac_address address{};        ///< unspecified on a link without link-layer addresses
    frame_kind kind = frame_kind::to_us;

    friend bool operator==(const link_endpoint&, const link_endpoint&) = default;
};

/// The calls of all sockets take a core::endpoint. For a raw Ethernet socket it carries a link_endpoint: the link-layer address
/// and the kind in the octets of an IPv6 address, the interface's number + 1 in its scope id, and the EtherType in the port. Such
/// an endpoint has no other meaning, and never reaches the network layer.
inline endpoint to_endpoint(const link_endpoint& e) noexcept
{
    address_v6::bytes_type octets{};
    std::memcpy(octets.data(), e.address.octets.data(), e.address.octets.size());
    octets[6] = static_cast<std::uint8_t>(e.kind);
    return {address_v6(octets, e.interface ? *e.interface + 1 : 0), e.ether_type};
}

inline link_endpoint to_link_endpoint(const endpoint& e) noexcept
{
    link_endpoint out;
    out.ether_type = e.port;
    if (e.address.is_v4()) return out;
    const address_v6 coded = e.address.to_v6();
    const auto octets = coded.to_bytes();
    std::memcpy(out.address.octets.data(), octets.data(), out.address.octets.size());
    out.kind = static_cast<frame_kind>(octets[6]);
    if (coded.scope_id() != 0) out.interface = static_cast<std::uint32_t>(coded.scope_id() - 1);
    return out;
}

} // namespace tapio::core

#pragma GCC visibility pop
