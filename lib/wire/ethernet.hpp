/// @file
/// Ethernet II frames (RFC 894) and the 802.1Q tag. Not here: 802.3 length frames and LLC.
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/endian/buffers.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace tapio::core::wire {

enum class ether_type : std::uint16_t
{
    ipv4 = 0x0800,
    arp = 0x0806,
    vlan = 0x8100,
    ipv6 = 0x86dd
};

/// Wire layout.
struct ethernet_header
{
    std::array<std::uint8_t, 6> destination;
    std::array<std::uint8_t, 6> source;
    boost::endian::big_uint16_buf_t type;
};
static_assert(sizeof(ethernet_header) == 14 && wire_header<ethernet_header>);

/// The rest of an 802.1Q tag, after the EtherType 0x8100: control, then the payload's EtherType.
struct vlan_tag
{
    boost::endian::big_uint16_buf_t control; ///< priority 3 bits, drop eligible 1, VLAN identifier 12
    boost::endian::big_uint16_buf_t type;
};
static_assert(sizeof(vlan_tag) == 4 && wire_header<vlan_tag>);

struct ethernet_frame
{
    mac_address destination, source;
    ether_type type{};
    std::optional<std::uint16_t> vlan; ///< the VLAN identifier, if the frame was tagged with one other than 0
    std::size_t header_length = 0;     ///< octets
};

/// Checks that the header is complete and the source is not a group address.
inline std::optional<drop_reason> read_ethernet(const_bytes front, ethernet_frame& f) noexcept
{
    if (front.size() < sizeof(ethernet_header)) return drop_reason::ethernet_truncated;
    const std::byte* const at = front.data();
    std::memcpy(f.destination.octets.data(), at + offsetof(ethernet_header, destination), sizeof f.destination.octets);
    std::memcpy(f.source.octets.data(), at + offsetof(ethernet_header, source), sizeof f.source.octets);
    f.type = static_cast<ether_type>(load_16(at + offsetof(ethernet_header, type)));
    f.header_length = sizeof(ethernet_header);
    if (f.type == ether_type::vlan) {
        if (front.size() < sizeof(ethernet_header) + sizeof(vlan_tag)) return drop_reason::ethernet_truncated;
        const auto tag = read<vlan_tag>(front.subspan(sizeof(ethernet_header)));
        const auto id = static_cast<std::uint16_t>(tag.control.value() & 0x0fff);
        if (id != 0) f.vlan = id; // 0: priority tag only
        f.type = static_cast<ether_type>(tag.type.value());
        f.header_length += sizeof tag;
    }
    if ((std::to_integer<unsigned>(at[offsetof(ethernet_header, source)]) & 1U) != 0)
        return drop_reason::ethernet_bad_source; // a group
    return std::nullopt;
}

parsed<ethernet_frame> parse_ethernet(const_bytes front) noexcept;

inline mac_address destination_of(const_bytes header) noexcept ///< precondition: `header` is complete
{
    mac_address to;
    std::memcpy(to.octets.data(), header.data() + offsetof(ethernet_header, destination), sizeof to.octets);
    return to;
}

inline mac_address source_of(const_bytes header) noexcept ///< likewise
{
    mac_address from;
    std::memcpy(from.octets.data(), header.data() + offsetof(ethernet_header, source), sizeof from.octets);
    return from;
}

/// Prepends an Ethernet header.
inline void push_ethernet(packet& p, const mac_address& destination, const mac_address& source, ether_type type) noexcept
{
    using header = ethernet_header;
    std::byte* const at = p.push_front(sizeof(header));
    std::memcpy(at + offsetof(header, destination), destination.octets.data(), sizeof destination.octets);
    std::memcpy(at + offsetof(header, source), source.octets.data(), sizeof source.octets);
    store_16(at + offsetof(header, type), static_cast<std::uint16_t>(type));
}

/// Prepends an Ethernet header with an 802.1Q tag of priority 0. @param vlan the VLAN identifier
inline void push_tagged(packet& p, const mac_address& destination, const mac_address& source, std::uint16_t vlan,
                        ether_type type) noexcept
{
    std::byte* const tag = p.push_front(sizeof(vlan_tag));
    store_16(tag + offsetof(vlan_tag, control), vlan);
    store_16(tag + offsetof(vlan_tag, type), static_cast<std::uint16_t>(type));
    push_ethernet(p, destination, source, ether_type::vlan);
}

} // namespace tapio::core::wire
