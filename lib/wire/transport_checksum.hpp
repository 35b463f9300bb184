/// @file
/// The checksum that UDP and TCP share: over a pseudo-header, the transport header and the payload.
#pragma once

#include "base/checksum.hpp"
#include "wire/ipv4.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>

namespace tapio::core::wire {

/// True if the transport checksum is right, or the device vouches for it (offload: partial or verified).
/// @param begin offset of the transport header  @param length octets of transport header and payload
/// @param pseudo_header flow_key::pseudo_header()
bool verify_checksum(const packet& p, std::size_t begin, std::size_t length, checksum_accumulator pseudo_header) noexcept;

/// The value for the checksum field. Precondition: the field is zero in `p`. With `partial` only the pseudo-header is summed, and
/// `p` is marked for the device to complete the checksum.
std::uint16_t transport_checksum(packet& p, const address& source, const address& destination, ip_protocol protocol,
                                 std::uint16_t field_offset, bool partial) noexcept;

} // namespace tapio::core::wire
