#include "ip/rx_packet.hpp"

#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"
#include "wire/transport_checksum.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <cstddef>

namespace tapio::core::ip {

namespace {

[[gnu::noinline]] const_bytes pull_and_reach(packet& p, std::size_t at, std::size_t n)
{
    p.pull(std::min(p.size(), at + n));
    return p.front().subspan(at);
}

/// The octets from `at` on: at least `n` contiguous ones, or all if there are fewer. Precondition: at <= p.size()
inline const_bytes reach(packet& p, std::size_t at, std::size_t n)
{
    const const_bytes front = p.front();
    return front.size() >= at + n ? front.subspan(at) : pull_and_reach(p, at, n); // most packets are contiguous
}

/// @param length octets of the transport's header and payload
bool is_checksum_right(const rx_packet& p, std::size_t length) noexcept
{
    return wire::verify_checksum(p.contents, p.transport_at, length, p.flow.pseudo_header(length));
}

void parse_tcp(rx_packet& p, std::uint64_t addresses)
{
    const_bytes header = reach(p.contents, p.transport_at, sizeof(wire::tcp_header));
    if (header.size() < sizeof(wire::tcp_header)) return;
    p.flow = flow_key::v4(addresses, wire::load_32(header.data()), ip_protocol::tcp);
    const std::size_t length = (std::to_integer<unsigned>(header[offsetof(wire::tcp_header, offset)]) >> 4) * 4;
    if (length < sizeof(wire::tcp_header) || length > p.transport_size()) return;
    if (header.size() < length) (void)reach(p.contents, p.transport_at, length);
    p.payload_at = static_cast<std::uint16_t>(p.transport_at + length);
    p.verified = is_checksum_right(p, p.transport_size());
}

void parse_udp(rx_packet& p, std::uint64_t addresses)
{
    const const_bytes header = reach(p.contents, p.transport_at, sizeof(wire::udp_header));
    if (header.size() < sizeof(wire::udp_header)) return;
    p.flow = flow_key::v4(addresses, wire::load_32(header.data()), ip_protocol::udp);
    const std::size_t length = wire::load_16(header.data() + offsetof(wire::udp_header, length));
    if (length < sizeof(wire::udp_header) || length > p.transport_size()) return;
    p.payload_at = static_cast<std::uint16_t>(p.transport_at + sizeof(wire::udp_header));
    const bool unsummed = wire::load_16(header.data() + offsetof(wire::udp_header, checksum)) == 0; // RFC 768
    p.verified = unsummed || is_checksum_right(p, length);
}

void parse_ipv4(rx_packet& p)
{
    constexpr std::size_t least = sizeof(wire::ipv4_header);
    const_bytes header = reach(p.contents, p.network_at, least);
    if (header.size() >= least) {
        const std::size_t length = (std::to_integer<unsigned>(header[0]) & 15) * 4;
        if (header.size() < length) header = reach(p.contents, p.network_at, length);
    }
    wire::ipv4_fields f;
    p.flaw = wire::read_ipv4(header, p.contents.size() - p.network_at, f);
    if (p.flaw) return;
    p.contents.truncate(p.network_at + std::size_t{f.total_length}); // Ethernet padding
    p.ttl = f.ttl;
    p.tos = f.tos;
    p.source_routed = f.source_routed;
    p.fragment = f.is_fragment();
    p.transport_at = static_cast<std::uint16_t>(p.network_at + f.header_length);
    const std::uint64_t addresses = std::uint64_t{f.source.to_uint()} << 32 | f.destination.to_uint();
    p.flow = flow_key::v4(addresses, 0, f.protocol);
    if (p.fragment) return;
    if (f.protocol == ip_protocol::tcp) parse_tcp(p, addresses);
    if (f.protocol == ip_protocol::udp) parse_udp(p, addresses);
}

packet_kind kind_of(wire::ether_type type) noexcept
{
    switch (type) {
    case wire::ether_type::ipv4: return packet_kind::ipv4;
    case wire::ether_type::ipv6: return packet_kind::ipv6;
    case wire::ether_type::arp: return packet_kind::arp;
    default: return packet_kind::other;
    }
}

void parse_frame(rx_packet& p)
{
    const auto frame = wire::parse_ethernet(reach(p.contents, 0, sizeof(wire::ethernet_header) + sizeof(wire::vlan_tag)));
    if (!frame) return void(p.flaw = frame.error());
    p.network_at = static_cast<std::uint16_t>(frame->header_length);
    p.link_group = frame->destination.is_multicast();
    p.kind = frame->vlan ? packet_kind::other : kind_of(frame->type);
}

} // namespace

void parse_ip(rx_packet& p)
{
    const const_bytes start = reach(p.contents, p.network_at, 1);
    p.kind = packet_kind::ipv4;
    if (!start.empty() && std::to_integer<unsigned>(start[0]) >> 4 == 6) return void(p.flaw = drop_reason::ipv6_unsupported);
    parse_ipv4(p);
}

void parse(rx_packet& p, link_type link)
{
    if (link == link_type::ethernet) {
        parse_frame(p);
        if (p.kind != packet_kind::ipv4) return;
    }
    parse_ip(p);
}

} // namespace tapio::core::ip
