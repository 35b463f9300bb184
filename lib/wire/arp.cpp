#include "wire/arp.hpp"

#include "wire/ethernet.hpp"

namespace tapio::core::wire {

namespace {

constexpr std::uint16_t ethernet_hardware = 1;

/// RFC 1122 §3.2.1.3: no interface can have this address. But 0.0.0.0 is the sender of an address probe (RFC 5227 §1.1).
bool impossible_sender(const address_v4& a, arp_operation operation) noexcept
{
    if (a.is_unspecified()) return operation != arp_operation::request;
    const std::uint32_t first = a.to_uint() >> 24;
    return first == 0 || first == 127 || first >= 224;
}

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
    if (out.sender_mac.is_multicast() || out.sender_mac.is_unspecified() || impossible_sender(out.sender_ip, out.operation))
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
