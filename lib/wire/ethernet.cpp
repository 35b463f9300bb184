#include "wire/ethernet.hpp"

namespace tapio::core::wire {

parsed<ethernet_frame> parse_ethernet(const_bytes front) noexcept
{
    if (front.size() < sizeof(ethernet_header)) return drop_reason::ethernet_truncated;
    const auto h = read<ethernet_header>(front);
    ethernet_frame f;
    f.destination.octets = h.destination;
    f.source.octets = h.source;
    f.type = static_cast<ether_type>(h.type.value());
    f.header_length = sizeof h;
    if (f.type == ether_type::vlan) {
        if (front.size() < sizeof h + sizeof(vlan_tag)) return drop_reason::ethernet_truncated;
        const auto tag = read<vlan_tag>(front.subspan(sizeof h));
        const auto id = static_cast<std::uint16_t>(tag.control.value() & 0x0fff);
        if (id != 0) f.vlan = id; // 0: only a priority
        f.type = static_cast<ether_type>(tag.type.value());
        f.header_length += sizeof tag;
    }
    if (f.source.is_multicast()) return drop_reason::ethernet_bad_source;
    return f;
}

void push_ethernet(packet& p, const mac_address& destination, const mac_address& source, ether_type type) noexcept
{
    ethernet_header h;
    h.destination = destination.octets;
    h.source = source.octets;
    h.type = static_cast<std::uint16_t>(type);
    p.push_front(h);
}

} // namespace tapio::core::wire
