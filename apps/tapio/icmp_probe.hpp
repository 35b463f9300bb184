/// @file
/// ICMP messages that ping and traceroute send and receive (RFC 792, RFC 4443).
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace apps::tools {

/// An echo request with `size` octets of data. The checksum of ICMP is filled in; that of ICMPv6 is the stack's work.
std::vector<std::byte> make_echo_request(bool v4, std::uint16_t id, std::uint16_t sequence, std::size_t size);

/// What an ICMP message says about a probe.
struct icmp_event
{
    enum class kind
    {
        echo_reply,
        time_exceeded,
        too_big,
        unreachable,
        other
    };
    kind what = kind::other;
    std::uint8_t type = 0, code = 0;
    std::size_t octets = 0; ///< of the ICMP message
    std::uint8_t ttl = 0;   ///< of the IPv4 header; 0 with IPv6
    std::uint32_t mtu = 0;  ///< if too_big

    // Of the probe: the echo message, or the packet quoted by an error.
    std::uint8_t protocol = 0; ///< IPPROTO_ICMP, ...
    boost::asio::ip::address destination;
    std::uint16_t id = 0, sequence = 0;                  ///< of an echo message
    std::uint16_t source_port = 0, destination_port = 0; ///< of UDP and TCP
};

/// Parses what a raw ICMP socket receives: with the IPv4 header, without one of IPv6. @return none if it is malformed
std::optional<icmp_event> parse_icmp(bool v4, std::span<const std::byte> datagram);

/// What ping says of an error: "Destination Host Unreachable". @param mtu  if the packet was too big
std::string describe_error(bool v4, std::uint8_t type, std::uint8_t code, std::uint32_t mtu);

/// What traceroute says of an error that ends the path: "!H"; empty for a port that is closed.
std::string error_mark(bool v4, std::uint8_t type, std::uint8_t code, std::uint32_t mtu);

} // namespace apps::tools
