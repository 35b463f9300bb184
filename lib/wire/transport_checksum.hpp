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

/// Adds `length` octets of the packet, from `begin` on; all that there are if there are fewer.
void add_part(checksum_accumulator& sum, const packet& p, std::size_t begin, std::size_t length) noexcept;

/// True if the transport checksum is right, or the device vouches for it (offload: partial or verified).
/// @param front p.front()  @param begin offset of the transport header  @param length octets of transport header and payload
/// @param sum flow_key::pseudo_header()
inline bool verify_checksum(const packet& p, const_bytes front, std::size_t begin, std::size_t length,
                            checksum_accumulator sum) noexcept
{
    if (p.offload.checksum != offload_info::checksum_state::complete) return true;
    begin + length <= front.size() ? sum.add(front.subspan(begin, length)) : add_part(sum, p, begin, length);
    return sum.folded() == 0xffff;
}

/// The value for the checksum field. Precondition: the field is zero in `p`. With `partial` only the pseudo-header is summed, and
/// `p` is marked for the device to complete the checksum.
std::uint16_t transport_checksum(packet& p, const address& source, const address& destination, ip_protocol protocol,
                                 std::uint16_t field_offset, bool partial) noexcept;

} // namespace tapio::core::wire
