#include "ip/rx_packet.hpp"

#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
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

void parse_tcp(rx_packet& p)
{
    const_bytes header = reach(p.contents, p.transport_at, sizeof(wire::tcp_header));
    if (header.size() < sizeof(wire::tcp_header)) return;
    p.flow.set_ports(wire::load_32(header.data()));
    const std::size_t length = (std::to_integer<unsigned>(header[offsetof(wire::tcp_header, offset)]) >> 4) * 4;
    if (length < sizeof(wire::tcp_header) || length > p.transport_size()) return;
    if (header.size() < length) (void)reach(p.contents, p.transport_at, length);
    p.payload_at = static_cast<std::uint16_t>(p.transport_at + length);
    p.verified = is_checksum_right(p, p.transport_size());
}

void parse_udp(rx_packet& p)
{
    const const_bytes header = reach(p.contents, p.transport_at, sizeof(wire::udp_header));
    if (header.size() < sizeof(wire::udp_header)) return;
    p.flow.set_ports(wire::load_32(header.data()));
    const std::size_t length = wire::load_16(header.data() + offsetof(wire::udp_header, length));
    if (length < sizeof(wire::udp_header) || length > p.transport_size()) return;
    p.payload_at = static_cast<std::uint16_t>(p.transport_at + sizeof(wire::udp_header));
    const bool unsummed = wire::load_16(header.data() + offsetof(wire::udp_header, checksum)) == 0;
    // RFC 768: zero means that there is no checksum; RFC 8200 §8.1 forbids that over IPv6.
    p.verified = unsummed ? p.flow.is_v4() : is_checksum_right(p, length);
}

void parse_icmpv6(rx_packet& p)
{
    (void)reach(p.contents, p.transport_at, p.transport_size());
    p.verified = is_checksum_right(p, p.transport_size());
}

void parse_transport(rx_packet& p)
{
    if (p.fragment) return;
    switch (p.flow.protocol()) {
    case ip_protocol::tcp: return parse_tcp(p);
    case ip_protocol::udp: return parse_udp(p);
    case ip_protocol::icmpv6: return parse_icmpv6(p);
    default: return;
    }
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
    p.router_alert = f.router_alert;
    p.fragment = f.is_fragment();
    if (p.fragment) p.place = {f.identification, f.fragment_offset, f.more_fragments, 0};
    p.transport_at = static_cast<std::uint16_t>(p.network_at + f.header_length);
    p.flow = flow_key::v4(std::uint64_t{f.source.to_uint()} << 32 | f.destination.to_uint(), 0, f.protocol);
    parse_transport(p);
}

void parse_ipv6(rx_packet& p)
{
    constexpr std::size_t least = sizeof(wire::ipv6_header);
    const_bytes header = reach(p.contents, p.network_at, least);
    if (header.size() >= least && !wire::is_ipv6_transport(header)) // a chain of extension headers
        header = reach(p.contents, p.network_at, std::min(p.contents.size() - p.network_at, wire::ipv6_longest_chain));
    wire::ipv6_fields f;
    p.flaw = wire::read_ipv6(header, p.contents.size() - p.network_at, f);
    p.problem = f.problem;
    if (header.size() >= least) p.flow = flow_key::v6(header.data() + offsetof(wire::ipv6_header, source), 0, f.protocol);
    p.ttl = f.hop_limit;
    p.tos = f.traffic_class;
    if (p.flaw) return;
    p.contents.truncate(p.network_at + std::size_t{f.total_length}); // Ethernet padding
    p.router_alert = f.router_alert;
    p.fragment = f.fragment;
    if (p.fragment) p.place = {f.identification, f.fragment_offset, f.more_fragments, f.next_header_at};
    p.next_header_at = f.next_header_at;
    p.transport_at = static_cast<std::uint16_t>(p.network_at + f.header_length);
    parse_transport(p);
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
    p.vlan = frame->vlan.value_or(0);
    p.kind = kind_of(frame->type);
}

} // namespace

void parse_ip(rx_packet& p)
{
    const const_bytes start = reach(p.contents, p.network_at, 1);
    const bool v6 = !start.empty() && std::to_integer<unsigned>(start[0]) >> 4 == 6;
    p.kind = v6 ? packet_kind::ipv6 : packet_kind::ipv4;
    v6 ? parse_ipv6(p) : parse_ipv4(p);
}

void parse(rx_packet& p, link_type link)
{
    if (link == link_type::ethernet) {
        parse_frame(p);
        if (p.kind == packet_kind::ipv4) return parse_ipv4(p);
        if (p.kind == packet_kind::ipv6) parse_ipv6(p);
        return;
    }
    parse_ip(p);
}

} // namespace tapio::core::ip
