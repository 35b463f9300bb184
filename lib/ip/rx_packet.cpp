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

/// The contiguous octets at the start of a packet. Parsing reads them often, so they are looked up once.
class front_octets
{
public:
    explicit front_octets(packet& p) noexcept : packet_(p), octets_(p.front()) {}

    const_bytes all() const noexcept { return octets_; }
    /// The octets from `at` on: at least `n` of them, or all that the packet has. Precondition: at <= size of the packet
    const_bytes reach(std::size_t at, std::size_t n)
    {
        if (octets_.size() < at + n) [[unlikely]]
            pull(at + n);
        return octets_.subspan(at);
    }
    void truncate(std::size_t n) ///< the whole packet. Precondition: it is not shorter
    {
        if (n == packet_.size()) return;
        packet_.truncate(n);
        octets_ = packet_.front();
    }

private:
    [[gnu::noinline]] void pull(std::size_t n)
    {
        packet_.pull(std::min(packet_.size(), n));
        octets_ = packet_.front();
    }

    packet& packet_;
    const_bytes octets_;
};

/// @param length octets of the transport's header and payload
bool is_checksum_right(const rx_packet& p, const front_octets& front, std::size_t length) noexcept
{
    return wire::verify_checksum(p.contents, front.all(), p.transport_at, length, p.flow.pseudo_header(length));
}

void parse_tcp(rx_packet& p, front_octets& front)
{
    const const_bytes header = front.reach(p.transport_at, sizeof(wire::tcp_header));
    if (header.size() < sizeof(wire::tcp_header)) return;
    p.flow.set_ports(wire::load_32(header.data()));
    const std::size_t length = (std::to_integer<unsigned>(header[offsetof(wire::tcp_header, offset)]) >> 4) * 4;
    if (length < sizeof(wire::tcp_header) || length > p.transport_size()) return;
    if (header.size() < length) (void)front.reach(p.transport_at, length);
    p.payload_at = static_cast<std::uint16_t>(p.transport_at + length);
    p.verified = is_checksum_right(p, front, p.transport_size());
}

void parse_udp(rx_packet& p, front_octets& front)
{
    const const_bytes header = front.reach(p.transport_at, sizeof(wire::udp_header));
    if (header.size() < sizeof(wire::udp_header)) return;
    p.flow.set_ports(wire::load_32(header.data()));
    const std::size_t length = wire::load_16(header.data() + offsetof(wire::udp_header, length));
    if (length < sizeof(wire::udp_header) || length > p.transport_size()) return;
    p.payload_at = static_cast<std::uint16_t>(p.transport_at + sizeof(wire::udp_header));
    const bool unsummed = wire::load_16(header.data() + offsetof(wire::udp_header, checksum)) == 0;
    // RFC 768: zero means that there is no checksum; RFC 8200 §8.1 forbids that over IPv6.
    p.verified = unsummed ? p.flow.is_v4() : is_checksum_right(p, front, length);
}

void parse_icmpv6(rx_packet& p, front_octets& front)
{
    (void)front.reach(p.transport_at, p.transport_size());
    p.verified = is_checksum_right(p, front, p.transport_size());
}

void parse_transport(rx_packet& p, front_octets& front)
{
    if (p.fragment) return;
    switch (p.flow.protocol()) {
    case ip_protocol::tcp: return parse_tcp(p, front);
    case ip_protocol::udp: return parse_udp(p, front);
    case ip_protocol::icmpv6: return parse_icmpv6(p, front);
    default: return;
    }
}

void parse_ipv4(rx_packet& p, front_octets& front)
{
    constexpr std::size_t least = sizeof(wire::ipv4_header);
    const_bytes header = front.reach(p.network_at, least);
    if (header.size() >= least) {
        const std::size_t length = (std::to_integer<unsigned>(header[0]) & 15) * 4;
        if (header.size() < length) header = front.reach(p.network_at, length);
    }
    wire::ipv4_fields f;
    p.flaw = wire::read_ipv4(header, p.contents.size() - p.network_at, f);
    if (p.flaw) return;
    front.truncate(p.network_at + std::size_t{f.total_length}); // Ethernet padding
    p.ttl = f.ttl;
    p.tos = f.tos;
    p.source_routed = f.source_routed;
    p.router_alert = f.router_alert;
    p.fragment = f.is_fragment();
    if (p.fragment) p.place = {f.identification, f.fragment_offset, f.more_fragments, 0};
    p.transport_at = static_cast<std::uint16_t>(p.network_at + f.header_length);
    p.flow = flow_key::v4(std::uint64_t{f.source.to_uint()} << 32 | f.destination.to_uint(), 0, f.protocol);
    parse_transport(p, front);
}

void parse_ipv6(rx_packet& p, front_octets& front)
{
    constexpr std::size_t least = sizeof(wire::ipv6_header);
    const_bytes header = front.reach(p.network_at, least);
    if (header.size() >= least && !wire::is_ipv6_transport(header)) // a chain of extension headers
        header = front.reach(p.network_at, std::min(p.contents.size() - p.network_at, wire::ipv6_longest_chain));
    wire::ipv6_fields f;
    p.flaw = wire::read_ipv6(header, p.contents.size() - p.network_at, f);
    p.problem = f.problem;
    if (header.size() >= least) p.flow = flow_key::v6(header.data() + offsetof(wire::ipv6_header, source), 0, f.protocol);
    p.ttl = f.hop_limit;
    p.tos = f.traffic_class;
    if (p.flaw) return;
    front.truncate(p.network_at + std::size_t{f.total_length}); // Ethernet padding
    p.router_alert = f.router_alert;
    p.fragment = f.fragment;
    if (p.fragment) p.place = {f.identification, f.fragment_offset, f.more_fragments, f.next_header_at};
    p.next_header_at = f.next_header_at;
    p.transport_at = static_cast<std::uint16_t>(p.network_at + f.header_length);
    parse_transport(p, front);
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

void parse_frame(rx_packet& p, front_octets& front)
{
    wire::ethernet_frame f;
    p.flaw = wire::read_ethernet(front.reach(0, sizeof(wire::ethernet_header) + sizeof(wire::vlan_tag)), f);
    if (p.flaw) return;
    p.network_at = static_cast<std::uint16_t>(f.header_length);
    p.link_group = f.destination.is_multicast();
    p.vlan = f.vlan.value_or(0);
    p.kind = kind_of(f.type);
}

void parse_ip(rx_packet& p, front_octets& front)
{
    const const_bytes start = front.reach(p.network_at, 1);
    const bool v6 = !start.empty() && std::to_integer<unsigned>(start[0]) >> 4 == 6;
    p.kind = v6 ? packet_kind::ipv6 : packet_kind::ipv4;
    v6 ? parse_ipv6(p, front) : parse_ipv4(p, front);
}

} // namespace

void parse_ip(rx_packet& p)
{
    front_octets front(p.contents);
    parse_ip(p, front);
}

/// Runs for each packet: flattened, because the calls between its parts would cost as much as they do.
[[gnu::flatten]] void parse(rx_packet& p, link_type link)
{
    front_octets front(p.contents);
    if (link != link_type::ethernet) return parse_ip(p, front);
    parse_frame(p, front);
    if (p.kind == packet_kind::ipv4) return parse_ipv4(p, front);
    if (p.kind == packet_kind::ipv6) parse_ipv6(p, front);
}

} // namespace tapio::core::ip
