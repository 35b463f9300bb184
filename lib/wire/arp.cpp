#include "wire/arp.hpp"

#include "wire/ethernet.hpp"

namespace tapio::core::wire {

namespace {

constexpr std::uint16_t ethernet_hardware = 1;

} // namespace

parsed<arp_packet> parse_arp(const_bytes front) noexcept
{
    if (front.size() < sizeof(arp_header)) return drop_reason::arp_truncated;
    const auto h = read<arp_header>(front);
    const bool supported = h.hardware_type.value() == ethernet_hardware &&
                           h.protocol_type.value() == static_cast<std::uint16_t>(ether_type::ipv4) &&
                           h.hardware_length.value() == 6 && h.protocol_length.value() == 4;
    if (!supported) return drop_reason::arp_unsupported;
    const std::uint16_t operation = h.operation.value();
    if (operation != 1 && operation != 2) return drop_reason::arp_unknown_operation;
    const arp_packet out{
        static_cast<arp_operation>(operation), {h.sender_mac}, address_v4(h.sender_ip), {h.target_mac}, address_v4(h.target_ip)};
    if (out.sender_mac.is_multicast() || out.sender_ip.is_multicast() || out.sender_ip == address_v4::broadcast())
        return drop_reason::arp_bad_address;
    return out;
}

packet make_arp(const arp_packet& arp)
{
    arp_header h;
    h.hardware_type = ethernet_hardware;
    h.protocol_type = static_cast<std::uint16_t>(ether_type::ipv4);
    h.hardware_length = 6;
    h.protocol_length = 4;
    h.operation = static_cast<std::uint16_t>(arp.operation);
    h.sender_mac = arp.sender_mac.octets;
    h.sender_ip = arp.sender_ip.to_bytes();
    h.target_mac = arp.target_mac.octets;
    h.target_ip = arp.target_ip.to_bytes();
    packet p;
    p.push_front(h);
    return p;
}

} // namespace tapio::core::wire
