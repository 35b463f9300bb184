/// @file
/// Ethernet headers: the destination filter of received frames, and the header of sent ones, with their VLAN tag.
#pragma once

#include "link/interface.hpp"
#include "wire/ethernet.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace tapio::core::link {

/// @param frame with a whole Ethernet header in front
inline bool is_to_station(const interface& i, const_bytes frame) noexcept { return wire::destination_of(frame) == i.info().mac; }

inline void push_frame_header(const interface& i, packet& p, const mac_address& to, wire::ether_type type) noexcept
{
    if (i.vlan() != 0) {
        wire::push_tagged(p, to, i.info().mac, i.vlan(), type);
        return p.offload.header_in_front(sizeof(wire::ethernet_header) + sizeof(wire::vlan_tag));
    }
    wire::push_ethernet(p, to, i.info().mac, type);
    p.offload.header_in_front(sizeof(wire::ethernet_header));
}

/// Sends packets that waited for their neighbour's link-layer address.
template <class Packets>
void send_waiting(interface& i, Packets&& waiting, const mac_address& to, wire::ether_type type, time_point now)
{
    for (packet& p : waiting) {
        push_frame_header(i, p, to, type);
        i.enqueue(std::move(p), now);
    }
}

inline wire::ether_type type_of(family f) noexcept { return f == family::v4 ? wire::ether_type::ipv4 : wire::ether_type::ipv6; }

/// RFC 2464 §7: the last 32 bits of the group. Precondition: a multicast address
inline mac_address group_mac(const address_v6& group) noexcept
{
    const auto a = group.to_bytes();
    return mac_address{{0x33, 0x33, a[12], a[13], a[14], a[15]}};
}

/// RFC 1112 §6.4. Precondition: a multicast address
inline mac_address group_mac(const address_v4& group) noexcept
{
    const std::uint32_t a = group.to_uint();
    return mac_address{{0x01, 0x00, 0x5e, static_cast<std::uint8_t>((a >> 16) & 0x7f), static_cast<std::uint8_t>(a >> 8),
                        static_cast<std::uint8_t>(a)}};
}

} // namespace tapio::core::link
