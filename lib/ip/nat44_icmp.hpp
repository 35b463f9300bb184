/// @file
/// ICMP messages that a NAT translates: queries, and the packets that errors quote. Read RFC 5508 §3 and §4 first.
#pragma once

#include "ip/nat44_entries.hpp"
#include "wire/ipv4.hpp"

#include <tapio/core/packet_hook.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::ip {

enum class nat44_icmp_kind : std::uint8_t
{
    query, ///< echo or timestamp request
    reply, ///< to one of them
    error, ///< destination unreachable, time exceeded, parameter problem
    other  ///< not translated
};

struct nat44_icmp
{
    nat44_icmp_kind kind = nat44_icmp_kind::other;
    std::uint16_t identifier = 0; ///< of a query or reply
};

/// @param at offset of the ICMP header from the IP header on  @return `other` if it is truncated
nat44_icmp read_nat44_icmp(const hooked_packet& p, std::size_t at) noexcept;

void set_identifier(hooked_packet& p, std::uint16_t identifier);

/// The packet that an ICMP error quotes, as far as a NAT needs it.
struct nat44_quote
{
    std::size_t ip_at = 0, transport_at = 0; ///< offsets of its headers, from the outer IP header on
    std::size_t end = 0;                     ///< of what is quoted of it
    wire::ip_protocol protocol{};
    nat44_endpoint source, destination; ///< ICMP: the identifier is the port of the side that has sent the query
    nat44_icmp_kind icmp = nat44_icmp_kind::other;
};

/// @param p an ICMP error
/// @return none: a checksum of the error or of the quoted IP header is wrong (RFC 5508 REQ-3), or the quote has no ports
std::optional<nat44_quote> read_nat44_quote(const hooked_packet& p);

// Rewrite the quoted addresses, ports, and checksums as far as they are quoted (RFC 5508 REQ-4 a, REQ-5 a).
void set_quoted_source(hooked_packet& p, const nat44_quote& q, const nat44_endpoint& e);
void set_quoted_destination(hooked_packet& p, const nat44_quote& q, const nat44_endpoint& e);

} // namespace tapio::core::ip
