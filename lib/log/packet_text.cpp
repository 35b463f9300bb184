#include "log/packet_text.hpp"

#include "wire/arp.hpp"
#include "wire/ethernet.hpp"
#include "wire/icmpv4.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace tapio {

namespace {

namespace wire = core::wire;
using octets = core::const_bytes;

/// Octets of the longest headers: Ethernet with a tag, IPv4 with options or IPv6 with some extension headers, TCP without
/// options.
using head_octets = std::array<std::byte, 18 + 120 + 20>;

/// The header at the front, if it is complete.
template <class Header>
std::optional<Header> header_of(octets from)
{
    return from.size() < sizeof(Header) ? std::nullopt : std::optional(wire::read<Header>(from));
}

std::string dotted(const std::array<std::uint8_t, 4>& a) { return core::address_v4(a).to_string(); }

std::string v6_address(octets from) ///< precondition: 16 octets or more
{
    core::address_v6::bytes_type a;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(from.data()), a.size(), a.begin());
    return core::address_v6(a).to_string();
}

std::string flags_text(unsigned flags) // as tcpdump
{
    std::string out;
    for (const auto& [bit, letter] : {std::pair(wire::tcp_syn, 'S'), std::pair(wire::tcp_fin, 'F'), std::pair(wire::tcp_rst, 'R'),
                                      std::pair(wire::tcp_psh, 'P'), std::pair(wire::tcp_urg, 'U'), std::pair(wire::tcp_ece, 'E'),
                                      std::pair(wire::tcp_cwr, 'W'), std::pair(wire::tcp_ack, '.')})
        if ((flags & bit) != 0) out += letter;
    return '[' + out + ']';
}

/// Text of a transport header. The functions below take `size`: octets of the header and its payload.
struct transport_text
{
    std::string source_port, destination_port, rest;
};

transport_text tcp_text(octets from, std::size_t size)
{
    const auto h = header_of<wire::tcp_header>(from);
    if (!h) return {"", "", "tcp"};
    const std::size_t length = (h->offset.value() >> 4U) * 4U;
    const unsigned flags = h->flags.value();
    std::string rest = "tcp " + flags_text(flags) + " seq " + std::to_string(h->sequence.value());
    if ((flags & wire::tcp_ack) != 0) rest += " ack " + std::to_string(h->acknowledgement.value());
    rest += " win " + std::to_string(h->window.value()) + ", " + std::to_string(size - std::min(size, length)) + " octets";
    return {std::to_string(h->source_port.value()), std::to_string(h->destination_port.value()), std::move(rest)};
}

transport_text udp_text(octets from, std::size_t size)
{
    const auto h = header_of<wire::udp_header>(from);
    if (!h) return {"", "", "udp"};
    return {std::to_string(h->source_port.value()), std::to_string(h->destination_port.value()),
            "udp " + std::to_string(size - std::min(size, sizeof *h)) + " octets"};
}

transport_text icmp_text(octets from)
{
    const auto h = header_of<wire::icmpv4_header>(from);
    if (!h) return {"", "", "icmp"};
    return {"", "", "icmp type " + std::to_string(h->type.value()) + " code " + std::to_string(h->code.value())};
}

/// A neighbour solicitation or advertisement is told as what it asks or says.
transport_text icmpv6_text(octets from)
{
    const auto h = header_of<wire::icmpv6_header>(from);
    if (!h) return {"", "", "icmpv6"};
    const auto type = static_cast<wire::icmpv6_type>(h->type.value());
    const octets body = from.subspan(sizeof *h);
    const bool has_target = body.size() >= 16;
    if (type == wire::icmpv6_type::neighbor_solicitation && has_target) return {"", "", "who has " + v6_address(body)};
    if (type == wire::icmpv6_type::neighbor_advertisement && has_target) return {"", "", v6_address(body) + " is here"};
    return {"", "", "icmpv6 type " + std::to_string(h->type.value()) + " code " + std::to_string(h->code.value())};
}

transport_text text_of(unsigned protocol, octets from, std::size_t size)
{
    switch (static_cast<wire::ip_protocol>(protocol)) {
    case wire::ip_protocol::tcp: return tcp_text(from, size);
    case wire::ip_protocol::udp: return udp_text(from, size);
    case wire::ip_protocol::icmp: return icmp_text(from);
    case wire::ip_protocol::icmpv6: return icmpv6_text(from);
    default: return {"", "", "protocol " + std::to_string(protocol)};
    }
}

std::string joined(const std::string& address, const std::string& port)
{
    if (port.empty()) return address;
    return (address.find(':') == address.npos ? address : '[' + address + ']') + ':' + port;
}

/// Checks version, header length and total length, to tell an IP packet from an Ethernet frame.
bool is_ipv4(octets from, std::size_t size)
{
    const auto h = header_of<wire::ipv4_header>(from);
    return h && h->version_ihl.value() >> 4U == 4 && (h->version_ihl.value() & 15U) >= 5 && h->total_length.value() <= size;
}

std::string ipv4_text(octets from, std::size_t size)
{
    if (!is_ipv4(from, size)) return "ipv4";
    const auto h = *header_of<wire::ipv4_header>(from);
    const std::size_t length = (h.version_ihl.value() & 15U) * 4U;
    const std::size_t total = std::max<std::size_t>(h.total_length.value(), length);
    constexpr unsigned offset_bits = 0x1fff;
    if ((h.flags_offset.value() & offset_bits) != 0) return dotted(h.source) + " > " + dotted(h.destination) + " fragment";
    const transport_text t = text_of(h.protocol.value(), from.subspan(std::min(length, from.size())), total - length);
    return joined(dotted(h.source), t.source_port) + " > " + joined(dotted(h.destination), t.destination_port) + ' ' + t.rest;
}

/// Checks version and payload length, to tell an IP packet from an Ethernet frame.
bool is_ipv6(octets from, std::size_t size)
{
    const auto h = header_of<wire::ipv6_header>(from);
    return h && h->version_class_flow.value() >> 28U == 6 && sizeof *h + h->payload_length.value() <= size;
}

std::string ipv6_text(octets from, std::size_t size)
{
    if (!is_ipv6(from, size)) return "ipv6";
    const auto h = *header_of<wire::ipv6_header>(from);
    const std::string source = core::address_v6(h.source).to_string(), destination = core::address_v6(h.destination).to_string();
    const std::size_t payload = h.payload_length.value();
    const octets behind = from.subspan(sizeof h);
    const auto end = wire::skip_ipv6_chain(behind, h.next_header.value());
    if (!end) return source + " > " + destination + " fragment";
    const std::size_t left = payload - std::min(payload, end->header_at);
    const transport_text t =
        text_of(static_cast<unsigned>(end->protocol), behind.subspan(std::min(end->header_at, behind.size())), left);
    return joined(source, t.source_port) + " > " + joined(destination, t.destination_port) + ' ' + t.rest;
}

std::string arp_text(octets from)
{
    const auto h = header_of<wire::arp_header>(from);
    if (!h) return "arp";
    const std::string sender = dotted(h->sender_ip), target = dotted(h->target_ip);
    if (h->operation.value() == static_cast<unsigned>(wire::arp_operation::reply))
        return "arp " + sender + " is at " + core::to_string(core::mac_address{h->sender_mac});
    if (sender == target) return "arp announces " + sender;
    return "arp who has " + target + ", tell " + sender;
}

std::string frame_text(octets from, std::size_t size)
{
    const auto h = header_of<wire::ethernet_header>(from);
    if (!h) return {};
    const std::size_t rest = size - sizeof *h;
    switch (static_cast<wire::ether_type>(h->type.value())) {
    case wire::ether_type::ipv4: return ipv4_text(from.subspan(sizeof *h), rest);
    case wire::ether_type::arp: return arp_text(from.subspan(sizeof *h));
    case wire::ether_type::ipv6: return ipv6_text(from.subspan(sizeof *h), rest);
    case wire::ether_type::vlan: return "vlan";
    default: return "ethernet type " + std::to_string(h->type.value());
    }
}

std::string any_text(octets from, std::size_t size)
{
    if (is_ipv6(from, size)) return ipv6_text(from, size);
    return is_ipv4(from, size) ? ipv4_text(from, size) : frame_text(from, size);
}

} // namespace

std::string packet_text(const core::packet& p)
{
    head_octets memory;
    const std::size_t n = p.copy_to(memory);
    return any_text(octets(memory).first(n), p.size());
}

} // namespace tapio
