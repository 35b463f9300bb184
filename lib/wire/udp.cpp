#include "wire/udp.hpp"

#include "wire/ipv4.hpp"
#include "wire/transport_checksum.hpp"

#include <cstddef>

namespace tapio::core::wire {

parsed<udp_datagram> parse_udp(const_bytes front, std::size_t total) noexcept
{
    if (front.size() < sizeof(udp_header)) return drop_reason::udp_truncated;
    const auto h = read<udp_header>(front);
    if (h.length.value() < sizeof h || h.length.value() > total) return drop_reason::udp_bad_length;
    if (h.destination_port.value() == 0) return drop_reason::udp_zero_port;
    return udp_datagram{h.source_port.value(), h.destination_port.value(), h.length.value(), h.checksum.value() != 0};
}

void push_udp(packet& p, std::uint16_t source_port, std::uint16_t destination_port, const address& source,
              const address& destination, bool partial) noexcept
{
    udp_header h;
    h.source_port = source_port;
    h.destination_port = destination_port;
    h.length = static_cast<std::uint16_t>(sizeof h + p.size());
    h.checksum = 0;
    std::byte* const at = p.push_front(sizeof h);
    std::memcpy(at, &h, sizeof h);
    const auto sum = transport_checksum(p, source, destination, ip_protocol::udp, offsetof(udp_header, checksum), partial);
    h.checksum = sum == 0 ? std::uint16_t{0xffff} : sum; // RFC 768: a computed zero is sent as all ones
    std::memcpy(at, &h, sizeof h);
}

} // namespace tapio::core::wire
