/// @file
/// ICMP for IPv4 (RFC 792, RFC 1122 §3.2.2, RFC 1191 for the next-hop MTU).
#pragma once

#include "wire/header.hpp"
#include "wire/ipv4.hpp"

#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/endian/buffers.hpp>

#include <cstdint>
#include <optional>

namespace tapio::core::wire {

enum class icmpv4_type : std::uint8_t
{
    echo_reply = 0,
    destination_unreachable = 3,
    source_quench = 4, ///< deprecated (RFC 6633): ignored
    redirect = 5,
    echo_request = 8,
    time_exceeded = 11,
    parameter_problem = 12,
};

enum icmpv4_unreachable : std::uint8_t
{ ///< codes of destination_unreachable
    net_unreachable = 0,
    host_unreachable = 1,
    protocol_unreachable = 2,
    port_unreachable = 3,
    fragmentation_needed = 4,
    source_route_failed = 5,
    net_prohibited = 9,
    host_prohibited = 10,
    communication_prohibited = 13,
};

/// Wire layout; the meaning of `rest` depends on the type.
struct icmpv4_header
{
    boost::endian::big_uint8_buf_t type;
    boost::endian::big_uint8_buf_t code;
    boost::endian::big_uint16_buf_t checksum;
    boost::endian::big_uint32_buf_t rest; ///< echo: identifier and sequence; fragmentation needed: low half the MTU
};
static_assert(sizeof(icmpv4_header) == 8 && wire_header<icmpv4_header>);

struct icmpv4_message
{
    icmpv4_type type{};
    std::uint8_t code = 0;
    std::uint32_t rest = 0;

    bool is_error() const noexcept; ///< RFC 1122 §3.2.2: no ICMP error may answer an ICMP error
    std::uint16_t next_hop_mtu() const noexcept { return static_cast<std::uint16_t>(rest); }
};

/// @param p begins at the ICMP header and ends with the message; its checksum is verified
parsed<icmpv4_message> parse_icmpv4(const packet& p) noexcept;

/// The part of the offending packet that an ICMP error quotes.
struct icmpv4_quote
{
    address_v4 source, destination;
    ip_protocol protocol{};
    std::uint16_t total_length = 0;     ///< octets of the whole quoted packet
    std::uint16_t source_port = 0;      ///< UDP and TCP
    std::uint16_t destination_port = 0; ///< UDP and TCP
    std::uint32_t sequence = 0;         ///< TCP
};

/// @param after_header the octets after the ICMP header of an error
parsed<icmpv4_quote> parse_icmpv4_quote(const_bytes after_header) noexcept;

/// Prepends an ICMP header, with checksum, to the payload in `p` (echo data or a quote).
void push_icmpv4(packet& p, icmpv4_type type, std::uint8_t code, std::uint32_t rest) noexcept;

} // namespace tapio::core::wire
