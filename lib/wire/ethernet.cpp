#include "wire/ethernet.hpp"

#include <cstddef>

namespace tapio::core::wire {

namespace {

using header = ethernet_header;

std::optional<drop_reason> read_ethernet(const_bytes front, ethernet_frame& f) noexcept
{
    if (front.size() < sizeof(header)) return drop_reason::ethernet_truncated;
    const std::byte* const at = front.data();
    std::memcpy(f.destination.octets.data(), at + offsetof(header, destination), sizeof f.destination.octets);
    std::memcpy(f.source.octets.data(), at + offsetof(header, source), sizeof f.source.octets);
    f.type = static_cast<ether_type>(load_16(at + offsetof(header, type)));
    f.header_length = sizeof(header);
    if (f.type == ether_type::vlan) {
        if (front.size() < sizeof(header) + sizeof(vlan_tag)) return drop_reason::ethernet_truncated;
        const auto tag = read<vlan_tag>(front.subspan(sizeof(header)));
        const auto id = static_cast<std::uint16_t>(tag.control.value() & 0x0fff);
        if (id != 0) f.vlan = id; // 0: priority tag only
        f.type = static_cast<ether_type>(tag.type.value());
        f.header_length += sizeof tag;
    }
    if ((std::to_integer<unsigned>(at[offsetof(header, source)]) & 1U) != 0) return drop_reason::ethernet_bad_source; // a group
    return std::nullopt;
}

} // namespace

parsed<ethernet_frame> parse_ethernet(const_bytes front) noexcept
{
    return parsed_by<ethernet_frame>([&](ethernet_frame& f) { return read_ethernet(front, f); });
}

} // namespace tapio::core::wire
