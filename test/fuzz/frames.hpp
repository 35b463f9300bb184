/// @file
/// Frames for fuzzers: built, mutated, and repaired so that they pass the first checks.
#pragma once

#include "base/checksum.hpp"
#include "core/host.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"

#include <cstddef>
#include <vector>

namespace tapio::test {

using namespace tapio::core;
using octets = std::vector<std::byte>;

inline octets flat(const packet& p)
{
    octets out(p.size());
    p.copy_to(out);
    return out;
}

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
