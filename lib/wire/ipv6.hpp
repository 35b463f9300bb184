/// @file
/// The IPv6 header and its extension headers (RFC 8200 §3, §4). Read RFC 8200 §4 first, then RFC 5095 (no source routes),
/// RFC 6946 (atomic fragments) and RFC 8504 §5.3 (bounds).
#pragma once

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

namespace tapio::core::wire {

/// Wire layout.
struct ipv6_header
{
    boost::endian::big_uint32_buf_t version_class_flow; ///< version 4 bits, traffic class 8, flow label 20
    boost::endian::big_uint16_buf_t payload_length;     ///< octets after this header, extension headers included
    boost::endian::big_uint8_buf_t next_header;
    boost::endian::big_uint8_buf_t hop_limit;
    std::array<std::uint8_t, 16> source;
    std::array<std::uint8_t, 16> destination;
};
static_assert(sizeof(ipv6_header) == 40 && wire_header<ipv6_header>);

/// Wire layout (RFC 8200 §4.5).
struct ipv6_fragment_header
{
    boost::endian::big_uint8_buf_t next_header;
    boost::endian::big_uint8_buf_t reserved;
    boost::endian::big_uint16_buf_t offset_more; ///< offset in 8 octets 13 bits, reserved 2 bits, M
    boost::endian::big_uint32_buf_t identification;
};
static_assert(sizeof(ipv6_fragment_header) == 8 && wire_header<ipv6_fragment_header>);

enum class ipv6_extension : std::uint8_t ///< next-header numbers
{
    hop_by_hop = 0,
    routing = 43,
    fragment = 44,
    no_next_header = 59,
    destination_options = 60
};

/// Whether this library walks over headers of that number. (Others, such as AH, count as transports.)
constexpr bool is_ipv6_extension(std::uint8_t next) noexcept
{
    const auto is = [next](ipv6_extension e) { return next == static_cast<std::uint8_t>(e); };
    return is(ipv6_extension::hop_by_hop) || is(ipv6_extension::routing) || is(ipv6_extension::fragment) ||
           is(ipv6_extension::destination_options);
}

enum ipv6_problem_code : std::uint8_t ///< codes of an ICMPv6 parameter problem (RFC 4443 §3.4, RFC 7112 §5)
{
    erroneous_field = 0,
    unknown_next_header = 1,
    unknown_option = 2,
    incomplete_header_chain = 3
};

/// The content of an ICMPv6 parameter problem that is to be sent about a packet.
struct ipv6_problem
{
    std::uint8_t code = erroneous_field;
    bool also_about_group = false; ///< also about a packet to a multicast address (RFC 4443 §2.4 (e.3))
    std::uint16_t pointer = 0;     ///< offset from the IPv6 header, octets
};

/// A header, and its chain of extension headers up to the transport's header or the first fragment header.
struct ipv6_fields
{
    std::uint8_t traffic_class = 0;
    std::uint8_t hop_limit = 64;
    ip_protocol protocol{};            ///< the header after the chain; for a fragment: what its fragment header names
    std::uint32_t flow_label = 0;      ///< 20 bits
    std::uint16_t header_length = 40;  ///< octets of the header and the chain, a fragment header included
    std::uint32_t total_length = 40;   ///< octets of the packet
    std::uint16_t next_header_at = 6;  ///< offset of the octet that names `protocol`; in a fragment, that names its header
    bool router_alert = false;         ///< RFC 2711
    bool fragment = false;             ///< of several: the chain behind its fragment header is not read
    bool more_fragments = false;       ///< this and the next two: of a fragment
    std::uint16_t fragment_offset = 0; ///< octets
    std::uint32_t identification = 0;
    std::optional<ipv6_problem> problem; ///< set with a drop_reason if the sender is to be told
};

/// Whether the transport's header follows the IPv6 header. Precondition: `header` is complete
inline bool is_ipv6_transport(const_bytes header) noexcept
{
    const auto next = static_cast<ip_protocol>(header[offsetof(ipv6_header, next_header)]);
    return next == ip_protocol::tcp || next == ip_protocol::udp || next == ip_protocol::icmpv6;
}

/// @param front contiguous octets from the header on, at least header and chain if the packet has them
/// @param total octets of the packet, link-layer padding included
/// @return why the packet is to be dropped
std::optional<drop_reason> read_ipv6(const_bytes front, std::size_t total, ipv6_fields& f) noexcept;

/// Most octets that read_ipv6() looks at; a longer chain is refused (RFC 8504 §5.3, RFC 9288 §2.3).
inline constexpr std::size_t ipv6_longest_chain = 40 + 1024;

/// What an ICMPv6 error's quote, or a first fragment, shows of the headers behind `begin`.
struct ipv6_chain_end
{
    ip_protocol protocol{};
    std::size_t header_at = 0; ///< offset in the octets given
};
/// Skips extension headers without judging their contents. @param first number of the header at the start of `from`
/// @return none: the chain is cut off, or too long, or continues behind a fragment that is not the first
inline std::optional<ipv6_chain_end> skip_ipv6_chain(const_bytes from, std::uint8_t first) noexcept
{
    std::size_t at = 0;
    while (is_ipv6_extension(first)) {
        if (from.size() < at + 8 || at > ipv6_longest_chain) return std::nullopt;
        const std::size_t begin = at;
        if (first == static_cast<std::uint8_t>(ipv6_extension::fragment)) {
            if ((load_16(from.data() + at + 2) & 0xfff8) != 0) return std::nullopt;
            at += sizeof(ipv6_fragment_header);
        } else {
            at += (std::to_integer<std::size_t>(from[at + 1]) + 1) * 8;
        }
        if (at > from.size()) return std::nullopt;
        first = std::to_integer<std::uint8_t>(from[begin]);
    }
    return ipv6_chain_end{static_cast<ip_protocol>(first), at};
}

/// A header without extension headers, as its words.
struct ipv6_words
{
    ip_protocol protocol{};
    std::uint8_t hop_limit = 64;
    std::uint8_t traffic_class = 0;
    std::uint32_t flow_label = 0; ///< 20 bits (RFC 6437)
};

/// Prepends a header. @param source, destination 16 octets each, as two words in host byte order
inline void push_ipv6(packet& p, const ipv6_words& w, const std::array<std::uint64_t, 2>& source,
                      const std::array<std::uint64_t, 2>& destination) noexcept
{
    const auto length = static_cast<std::uint16_t>(p.size());
    std::byte* const at = p.push_front(sizeof(ipv6_header));
    store_32(at, 6U << 28 | std::uint32_t{w.traffic_class} << 20 | w.flow_label);
    store_32(at + offsetof(ipv6_header, payload_length),
             std::uint32_t{length} << 16 | static_cast<std::uint32_t>(w.protocol) << 8 | w.hop_limit);
    store_64(at + offsetof(ipv6_header, source), source[0]);
    store_64(at + offsetof(ipv6_header, source) + 8, source[1]);
    store_64(at + offsetof(ipv6_header, destination), destination[0]);
    store_64(at + offsetof(ipv6_header, destination) + 8, destination[1]);
}

} // namespace tapio::core::wire
