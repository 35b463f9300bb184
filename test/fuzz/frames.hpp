/// @file
/// Frames for fuzzers: built, mutated, and repaired so that they pass the first checks.
#pragma once

#include "base/checksum.hpp"
#include "core/host.hpp"
#include "support/flat.hpp"
#include "wire/ethernet.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/mld.hpp"
#include "wire/ndp.hpp"
#include "wire/router_advertisement.hpp"

#include <tapio/core/checksum.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace tapio::test {

using namespace tapio::core;

inline octets framed(packet p, wire::ether_type type)
{
    wire::push_ethernet(p, {{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 1}}, type);
    return flat(p);
}
inline octets framed_ip(packet p, wire::ip_protocol protocol)
{
    wire::ipv4_fields f;
    f.source = address_v4(0xc000'0201U);
    f.destination = address_v4(0xc000'0202U);
    f.protocol = protocol;
    wire::push_ipv4(p, f);
    return framed(std::move(p), wire::ether_type::ipv4);
}

inline const address_v6 v6_peer = boost::asio::ip::make_address_v6("2001:db8::1");
inline const address_v6 v6_host = boost::asio::ip::make_address_v6("2001:db8::2");
inline const address_v6 v6_router = boost::asio::ip::make_address_v6("fe80::1");
inline const address_v6 v6_all_nodes = boost::asio::ip::make_address_v6("ff02::1");

inline octets framed_ip6(packet p, ip_protocol protocol, const address_v6& from = v6_peer, const address_v6& to = v6_host,
                         std::uint8_t hop_limit = 255)
{
    const flow_key flow({from, 0}, {to, 0}, protocol);
    wire::push_ipv6(p, {protocol, hop_limit, 0, 0}, flow.v6_words(0), flow.v6_words(1));
    return framed(std::move(p), wire::ether_type::ipv6);
}
inline octets framed_icmp6(packet body, wire::icmpv6_type type, std::uint32_t rest, const address_v6& from, const address_v6& to,
                           std::uint8_t hop_limit = 255)
{
    wire::push_icmpv6(body, type, 0, rest, flow_key({from, 0}, {to, 0}, ip_protocol::icmpv6));
    return framed_ip6(std::move(body), ip_protocol::icmpv6, from, to, hop_limit);
}
/// A first fragment of each family, and what autoconfiguration and Neighbour Discovery receive.
inline std::vector<octets> ipv6_frames()
{
    std::vector<octets> out;
    const mac_address peer{{2, 0, 0, 0, 0, 1}};
    using type = wire::icmpv6_type;
    out.push_back(
        framed_icmp6(wire::make_neighbor_solicitation({v6_host, peer, 0}), type::neighbor_solicitation, 0, v6_peer, v6_host));
    const wire::neighbor_advertisement a{v6_peer, true, true, true, peer};
    out.push_back(
        framed_icmp6(wire::make_neighbor_advertisement(a), type::neighbor_advertisement, wire::rest_of(a), v6_peer, v6_host));
    wire::router_advertisement ra;
    ra.router_lifetime = 1800;
    ra.source_link = peer;
    ra.mtu = 1400;
    ra.prefixes = {{boost::asio::ip::make_address_v6("2001:db8:1::"), 64, true, true, 7200, 3600}};
    ra.routes = {{boost::asio::ip::make_address_v6("2001:db8:2::"), 48, wire::router_preference::high, 600}};
    ra.dns_servers = {{v6_peer, 600}};
    out.push_back(framed_icmp6(wire::make_router_advertisement(ra), type::router_advertisement, wire::rest_of(ra), v6_router,
                               v6_all_nodes));
    out.push_back(framed_icmp6(wire::make_mld(address_v6()), type::listener_query, 0x03e8'0000, v6_router, v6_all_nodes, 1));
    out.push_back(framed_icmp6(packet(slice::copy_of(octets(32, std::byte{'e'}))), type::echo_request, 1, v6_peer, v6_host));
    for (const bool more : {true, false}) { // a datagram in two fragments
        packet p(slice::copy_of(octets(more ? 64 : 10, std::byte{'f'})));
        const std::array<std::uint8_t, 8> header{17, 0, 0, static_cast<std::uint8_t>(more ? 1 : 64), 0, 0, 0, 7};
        p.push_front(header);
        out.push_back(framed_ip6(std::move(p), ip_protocol{44}));
    }
    wire::ipv4_fields f;
    f.source = address_v4(0xc000'0201U);
    f.destination = address_v4(0xc000'0202U);
    f.protocol = ip_protocol::udp;
    f.more_fragments = true;
    packet p(slice::copy_of(octets(64, std::byte{'f'})));
    wire::push_ipv4(p, f);
    out.push_back(framed(std::move(p), wire::ether_type::ipv4));
    return out;
}

/// Recomputes the checksums of an IPv6 packet without extension headers.
inline void mend_ip6(octets& f)
{
    packet p(slice::copy_of(f));
    if (update_checksums(p, link_type::ethernet)) f = flat(p);
}

inline void mend_tcp(octets& f, std::size_t at)
{
    const std::size_t end = 14 + ((std::to_integer<std::size_t>(f[16]) << 8) | std::to_integer<std::size_t>(f[17]));
    if (f[23] != std::byte{6} || end > f.size() || end < at + 20) return;
    f[at + 16] = f[at + 17] = std::byte{0};
    checksum_accumulator sum;
    sum.add(const_bytes(f).subspan(26, 8));
    sum.add_word(6);
    sum.add_word(static_cast<std::uint16_t>(end - at));
    sum.add(const_bytes(f).subspan(at, end - at));
    f[at + 16] = static_cast<std::byte>(sum.checksum() >> 8);
    f[at + 17] = static_cast<std::byte>(sum.checksum() & 0xff);
}

/// Recomputes the IPv4 header checksum, so that the mutated frame is not dropped for it.
inline void mend(octets& f)
{
    if (f.size() < 34) return;
    if (f[12] == std::byte{0x86}) return mend_ip6(f);
    const std::size_t header = std::min<std::size_t>((std::to_integer<unsigned>(f[14]) & 15U) * 4, f.size() - 14);
    if (header < 20) return;
    f[24] = f[25] = std::byte{0};
    const auto s = static_cast<std::uint16_t>(~ones_sum(const_bytes(f).subspan(14, header)));
    f[24] = static_cast<std::byte>(s >> 8);
    f[25] = static_cast<std::byte>(s & 0xff);
    mend_tcp(f, 14 + header);
}

/// The segment that follows this one in the same stream.
inline octets successor(octets f)
{
    const std::size_t tcp = 34;
    if (f.size() < tcp + 20 || f[14] != std::byte{0x45} || f[23] != std::byte{6}) return f;
    const std::size_t end = 14 + ((std::to_integer<std::size_t>(f[16]) << 8) | std::to_integer<std::size_t>(f[17]));
    const std::size_t headers = tcp + 4 * (std::to_integer<std::size_t>(f[46]) >> 4);
    if (end > f.size() || headers >= end) return f;
    std::uint32_t seq = 0;
    for (std::size_t i = 0; i < 4; ++i) seq = (seq << 8) | std::to_integer<std::uint32_t>(f[tcp + 4 + i]);
    seq += static_cast<std::uint32_t>(end - headers);
    for (std::size_t i = 0; i < 4; ++i) f[tcp + 4 + i] = static_cast<std::byte>(seq >> (24 - 8 * i));
    mend(f);
    return f;
}

} // namespace tapio::test
