/// @file
/// The UDP header (RFC 768).
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/endian/buffers.hpp>

#include <cstdint>

namespace tapio::core::wire {

/// Wire layout.
struct udp_header
{
    boost::endian::big_uint16_buf_t source_port;
    boost::endian::big_uint16_buf_t destination_port;
    boost::endian::big_uint16_buf_t length;   ///< header + payload, octets
    boost::endian::big_uint16_buf_t checksum; ///< 0 = not computed (IPv4 only)
};
static_assert(sizeof(udp_header) == 8 && wire_header<udp_header>);

struct udp_datagram
{
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint16_t length = 8; ///< octets, header included
    bool has_checksum = true;
};

/// @param total octets from the header to the end of the IP payload
parsed<udp_datagram> parse_udp(const_bytes front, std::size_t total) noexcept;

/// Prepends the header to the payload. The checksum is computed, or left to the device if `partial`.
void push_udp(packet& p, std::uint16_t source_port, std::uint16_t destination_port, const address& source,
              const address& destination, bool partial = false) noexcept;

} // namespace tapio::core::wire
