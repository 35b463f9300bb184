/// @file
/// The IPv4 header and its options (RFC 791, RFC 1122 §3.2.1).
#pragma once

#include "base/checksum.hpp"
#include "base/ip_protocol.hpp"
#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/endian/buffers.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tapio::core::wire {

using core::ip_protocol;

/// Wire layout, without options.
struct ipv4_header
{
    boost::endian::big_uint8_buf_t version_ihl;   ///< version 4 bits, header length in 32-bit words 4 bits
    boost::endian::big_uint8_buf_t tos;           ///< DSCP 6 bits, ECN 2 bits
    boost::endian::big_uint16_buf_t total_length; ///< octets, header included
    boost::endian::big_uint16_buf_t identification;
    boost::endian::big_uint16_buf_t flags_offset; ///< reserved, DF, MF, offset in 8 octets 13 bits
    boost::endian::big_uint8_buf_t ttl;
    boost::endian::big_uint8_buf_t protocol;
    boost::endian::big_uint16_buf_t checksum;
    std::array<std::uint8_t, 4> source;
    std::array<std::uint8_t, 4> destination;
};
static_assert(sizeof(ipv4_header) == 20 && wire_header<ipv4_header>);

/// A header that has passed all checks that need only the header.
struct ipv4_fields
{
    address_v4 source, destination;
    ip_protocol protocol{};
    std::uint8_t ttl = 64;
    std::uint8_t tos = 0;
    std::uint16_t identification = 0;
    bool dont_fragment = false;
    bool more_fragments = false;
    std::uint16_t fragment_offset = 0; ///< octets
    std::uint16_t header_length = 20;  ///< octets
    std::uint16_t total_length = 20;   ///< octets
    bool source_routed = false;        ///< it has an LSRR or SSRR option
    bool router_alert = false;         ///< RFC 2113

    bool is_fragment() const noexcept { return more_fragments || fragment_offset != 0; }
};

inline constexpr std::uint16_t ipv4_dont_fragment = 0x4000;  ///< DF, in flags_offset
inline constexpr std::uint16_t ipv4_more_fragments = 0x2000; ///< MF
inline constexpr std::uint16_t ipv4_offset_mask = 0x1fff;    ///< in 8 octets

/// Parses the options (RFC 791 §3.1); unknown ones are skipped (RFC 9293 MUST-50). @return false: malformed
bool read_options(const_bytes options, ipv4_fields& out) noexcept;

/// @param front contiguous octets, beginning with the header  @param total octets of the packet, link-layer padding included
inline std::optional<drop_reason> read_ipv4(const_bytes front, std::size_t total, ipv4_fields& f) noexcept
{
    constexpr std::size_t least = sizeof(ipv4_header);
    if (front.size() < least) return drop_reason::ipv4_truncated;
    const std::byte* const at = front.data();
    const auto version_ihl = std::to_integer<unsigned>(at[offsetof(ipv4_header, version_ihl)]);
    if (version_ihl >> 4 != 4) return drop_reason::ipv4_bad_version;
    f.header_length = static_cast<std::uint16_t>((version_ihl & 15) * 4);
    f.total_length = load_16(at + offsetof(ipv4_header, total_length));
    if (f.header_length < least || front.size() < f.header_length) return drop_reason::ipv4_bad_header_length;
    if (f.total_length < f.header_length) return drop_reason::ipv4_bad_total_length;
    if (f.total_length > total) return drop_reason::ipv4_truncated;
    const bool bare = f.header_length == least; // without options
    const std::uint16_t sum =
        bare ? ones_sum(std::span<const std::byte, least>(at, least)) : ones_sum(front.first(f.header_length));
    if (sum != 0xffff) return drop_reason::ipv4_bad_checksum; // RFC 1122 §3.2.1.2
    f.source = address_v4(load_32(at + offsetof(ipv4_header, source)));
    f.destination = address_v4(load_32(at + offsetof(ipv4_header, destination)));
    f.protocol = static_cast<ip_protocol>(at[offsetof(ipv4_header, protocol)]);
    f.ttl = std::to_integer<std::uint8_t>(at[offsetof(ipv4_header, ttl)]);
    f.tos = std::to_integer<std::uint8_t>(at[offsetof(ipv4_header, tos)]);
    f.identification = load_16(at + offsetof(ipv4_header, identification));
    const std::uint16_t flags = load_16(at + offsetof(ipv4_header, flags_offset));
    f.dont_fragment = (flags & ipv4_dont_fragment) != 0;
    f.more_fragments = (flags & ipv4_more_fragments) != 0;
    f.fragment_offset = static_cast<std::uint16_t>((flags & ipv4_offset_mask) * 8);
    if (!bare && !read_options(front.subspan(least, f.header_length - least), f)) return drop_reason::ipv4_bad_options;
    return std::nullopt;
}

parsed<ipv4_fields> parse_ipv4(const_bytes front, std::size_t total) noexcept;

/// Prepends a header without options; total length and checksum are computed.
void push_ipv4(packet& p, const ipv4_fields& fields) noexcept;

/// The fields of a header without options, packed as in the header's 32-bit words.
struct ipv4_words
{
    ip_protocol protocol{};
    std::uint8_t ttl = 64;
    std::uint8_t tos = 0;
    std::uint32_t identification = ipv4_dont_fragment; ///< and flags and offset; default: atomic (RFC 6864 §4.1)
    std::uint32_t source = 0, destination = 0;
};

/// The same, inlined. The checksum is computed from the words in registers, not read back from the header (header.hpp).
inline void push_ipv4(packet& p, const ipv4_words& w) noexcept
{
    const std::uint32_t first =
        0x4500'0000U | std::uint32_t{w.tos} << 16 | static_cast<std::uint16_t>(sizeof(ipv4_header) + p.size());
    const std::uint32_t third = std::uint32_t{w.ttl} << 24 | static_cast<std::uint32_t>(w.protocol) << 16;
    checksum_accumulator sum;
    for (const std::uint32_t word : {first, w.identification, third, w.source, w.destination}) sum.add_words(word);
    std::byte* const at = p.push_front(sizeof(ipv4_header));
    store_32(at, first);
    store_32(at + offsetof(ipv4_header, identification), w.identification);
    store_32(at + offsetof(ipv4_header, ttl), third | sum.checksum());
    store_32(at + offsetof(ipv4_header, source), w.source);
    store_32(at + offsetof(ipv4_header, destination), w.destination);
}

} // namespace tapio::core::wire
