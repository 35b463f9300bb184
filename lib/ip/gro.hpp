/// @file
/// Generic receive offload, in software: TCP segments that came in one batch and follow one another are joined, so that what a
/// segment costs above is paid once for many. What a device with offload hands us is the same; nothing is lost that TCP looks at.
/// Over IPv4 without IP options.
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <span>

namespace tapio::core::ip {

/// Joins what can be joined with an earlier packet of the batch; a packet that was is left empty. Only segments whose checksums
/// are right, that carry data and no flag but ACK and PSH, whose headers differ in sequence number, PSH and lengths alone, and
/// that begin where the last one ended; all but the last of equal length. Joined ones are marked as coalesced by the device would
/// be (`offload_info`), and what was verified on the way as verified. A stream's order stays.
///
/// Of bare acknowledgements that follow one another, with the same options (timestamps included), the one that acknowledges most
/// is left, as Linux does with those that wait for their socket.
void coalesce(std::span<packet> batch, link_type link);

} // namespace tapio::core::ip
