/// @file
/// Builds fragments of both families for tests.
#pragma once

#include "base/checksum.hpp"
#include "ip/rx_packet.hpp"
#include "support/flat.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace tapio::core::ip {

using test::flat;
using test::octets;

inline constexpr auto experimental = static_cast<ip_protocol>(253); // RFC 3692: no transport that anyone parses

/// A fragment, or with offset 0 and without `more` a packet in one piece. Its payload is the part [offset, offset + size) of a
/// datagram whose octets are given by octet_at().
struct fragment_of
{
    core::family family = core::family::v4;
    std::uint32_t offset = 0, size = 0; ///< octets
    bool more = false;
    std::uint32_t id = 7;
    std::uint32_t host = 1; ///< number of the source
    ip_protocol protocol = experimental;
    std::uint8_t tos = 0;
    std::uint32_t interface = 1;
    octets ip_options{};              ///< IPv4
    octets extensions{};              ///< IPv6, in front of the fragment header
    std::uint8_t first_extension = 0; ///< number of their first
};

/// Not periodic in 8 octets, and even for a UDP header: octets 0 to 7 are valid ports and a length.
inline std::byte octet_at(std::size_t at) { return static_cast<std::byte>((at * 2654435761U) >> 13); }

inline octets payload(std::size_t offset, std::size_t size)
{
    octets out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = octet_at(offset + i);
    return out;
}

inline std::array<std::uint64_t, 2> v6_source(std::uint32_t host) { return {0x2001'0db8'0000'0000U + host, 1}; } // a /64 each
inline constexpr std::array<std::uint64_t, 2> v6_destination{0x2001'0db8'ffff'0000U, 2};

inline void write_checksum(octets& header)
{
    wire::store_16(header.data() + 10, 0);
    wire::store_16(header.data() + 10, static_cast<std::uint16_t>(~ones_sum(const_bytes(header))));
}

/// From the IP header on. @param content the payload
inline octets ipv4_octets(const fragment_of& f, const octets& content)
{
    packet p(slice::copy_of(content));
    wire::ipv4_fields h;
    h.source = address_v4(0x0a00'0000U + f.host);
    h.destination = address_v4(0xc000'0201U);
    h.protocol = f.protocol;
    h.tos = f.tos;
    h.identification = static_cast<std::uint16_t>(f.id);
    h.fragment_offset = static_cast<std::uint16_t>(f.offset);
    h.more_fragments = f.more;
    wire::push_ipv4(p, h);
    octets out = flat(p);
    if (f.ip_options.empty()) return out;
    out.insert(out.begin() + 20, f.ip_options.begin(), f.ip_options.end());
    octets header(out.begin(), out.begin() + 20 + static_cast<long>(f.ip_options.size()));
    header[0] = static_cast<std::byte>(0x40 | header.size() / 4);
    wire::store_16(header.data() + 2, static_cast<std::uint16_t>(out.size()));
    write_checksum(header);
    std::copy(header.begin(), header.end(), out.begin());
    return out;
}

inline octets ipv6_octets(const fragment_of& f, const octets& content)
{
    packet p(slice::copy_of(content));
    auto next = static_cast<std::uint8_t>(f.protocol);
    if (f.offset != 0 || f.more) {
        wire::ipv6_fragment_header h{};
        h.next_header = next;
        h.offset_more = static_cast<std::uint16_t>(f.offset | (f.more ? 1 : 0));
        h.identification = f.id;
        p.push_front(h);
        next = static_cast<std::uint8_t>(wire::ipv6_extension::fragment);
    }
    if (!f.extensions.empty()) {
        std::copy(f.extensions.begin(), f.extensions.end(), p.push_front(f.extensions.size()));
        next = f.first_extension;
    }
    wire::ipv6_words w;
    w.protocol = static_cast<ip_protocol>(next);
    w.traffic_class = f.tos;
    w.flow_label = 0xabcde;
    wire::push_ipv6(p, w, v6_source(f.host), v6_destination);
    return flat(p);
}

inline octets octets_of(const fragment_of& f, const octets& content)
{
    return f.family == core::family::v4 ? ipv4_octets(f, content) : ipv6_octets(f, content);
}

inline rx_packet received(packet p, std::uint32_t interface = 1)
{
    rx_packet r(std::move(p), interface);
    parse(r, link_type::ip);
    return r;
}

/// The fragment in one block, as from a device.
inline rx_packet make(const fragment_of& f, const octets& content)
{
    return received(packet(slice::copy_of(octets_of(f, content))), f.interface);
}
inline rx_packet make(const fragment_of& f) { return make(f, payload(f.offset, f.size)); }

} // namespace tapio::core::ip
