/// @file
/// ICMPv6 (RFC 4443): the header, the types, and the packet that an error quotes.
#pragma once

#include "base/flow_key.hpp"
#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/endian/buffers.hpp>

#include <cstdint>

namespace tapio::core::wire {

enum class icmpv6_type : std::uint8_t
{
    destination_unreachable = 1,
    packet_too_big = 2,
    time_exceeded = 3,
    parameter_problem = 4,
    echo_request = 128,
    echo_reply = 129,
    listener_query = 130, ///< MLD (RFC 2710, RFC 3810); this and the next two
    listener_report = 131,
    listener_done = 132,
    router_solicitation = 133, ///< NDP (RFC 4861); this and the next four
    router_advertisement = 134,
    neighbor_solicitation = 135,
    neighbor_advertisement = 136,
    redirect = 137,
    listener_report_v2 = 143 ///< MLDv2 (RFC 3810 §5.2)
};

enum icmpv6_unreachable : std::uint8_t ///< codes of destination_unreachable (RFC 4443 §3.1)
{
    v6_no_route = 0,
    v6_prohibited = 1,
    v6_beyond_scope = 2,
    v6_address_unreachable = 3,
    v6_port_unreachable = 4,
    v6_source_refused = 5,
    v6_route_rejected = 6
};

/// Wire layout; the meaning of `rest` depends on the type.
struct icmpv6_header
{
    boost::endian::big_uint8_buf_t type;
    boost::endian::big_uint8_buf_t code;
    boost::endian::big_uint16_buf_t checksum;
    boost::endian::big_uint32_buf_t rest; ///< echo: identifier and sequence; packet too big: MTU; parameter problem: pointer
};
static_assert(sizeof(icmpv6_header) == 8 && wire_header<icmpv6_header>);

struct icmpv6_message
{
    icmpv6_type type{};
    std::uint8_t code = 0;
    std::uint32_t rest = 0;

    /// RFC 4443 §2.1: error messages have types below 128; no error may answer one.
    bool is_error() const noexcept { return static_cast<std::uint8_t>(type) < 128; }
};

/// @param front octets from the ICMPv6 header on. The checksum is not verified here: ip::parse() has done so
parsed<icmpv6_message> parse_icmpv6(const_bytes front) noexcept;

/// The part of the offending packet that an ICMPv6 error quotes.
struct icmpv6_quote
{
    address_v6 source, destination;
    ip_protocol protocol{};             ///< after the extension headers
    std::uint32_t total_length = 0;     ///< octets of the whole quoted packet
    std::uint16_t header_length = 0;    ///< octets of the IPv6 header and its extension headers
    std::uint16_t source_port = 0;      ///< UDP and TCP
    std::uint16_t destination_port = 0; ///< UDP and TCP
    std::uint32_t sequence = 0;         ///< TCP
};

/// @param after_header the octets after the ICMPv6 header of an error
parsed<icmpv6_quote> parse_icmpv6_quote(const_bytes after_header) noexcept;

/// Prepends an ICMPv6 header, with checksum, to the payload in `p` (echo data, a quote, an NDP message's fields).
/// @param addresses source and destination of the message, for the pseudo-header
void push_icmpv6(packet& p, icmpv6_type type, std::uint8_t code, std::uint32_t rest, const flow_key& addresses) noexcept;

} // namespace tapio::core::wire
