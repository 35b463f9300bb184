/// @file
/// Sizes that differ between IPv4 and IPv6, for transports.
#pragma once

#include <tapio/core/address.hpp>

#include <cstdint>

namespace tapio::core {

struct family_sizes ///< octets
{
    std::uint16_t ip_header;   ///< without options or extension headers
    std::uint16_t tcp_headers; ///< IP and TCP header, both without options
    std::uint16_t default_mss; ///< MSS of a peer whose SYN has no MSS option (RFC 9293 MUST-15)
    std::uint16_t least_mtu;   ///< minimum MTU of every link (RFC 791 §3.2, RFC 8200 §5)
};

constexpr family_sizes sizes_of(family f) noexcept
{
    return f == family::v4 ? family_sizes{20, 40, 536, 68} : family_sizes{40, 60, 1220, 1280};
}

} // namespace tapio::core
