/// @file
/// Checksums of whole packets, for those who change or look at them between a stack and its medium
/// (<tapio/device/decorator.hpp>).
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Writes the checksum of a packet whose checksum is partial (offload_info), as the device it is meant for would; others are left
/// as they are. A segment with GSO is summed as the large one that it is. Octets that the packet shares are not touched.
void complete_checksums(packet& p);

/// Makes the checksums of a packet right, whatever it was and whatever they were: of the IPv4 header (RFC 791), and of TCP, UDP,
/// ICMP and ICMPv6 behind it or behind an IPv6 header without extension headers (RFC 1071, RFC 8200 §8.1). A fragment's transport
/// checksum is left alone, and so is a UDP checksum of 0 over IPv4, which means none (RFC 768). Afterwards nothing of it is
/// partial.
/// @return false if it is no such packet, or cut short; then it is as it was
bool update_checksums(packet& p, link_type link);

/// Puts other octets in the place of those from `offset` on. Octets that the packet shares with others (a retransmission, a copy
/// in a capture) are not touched: it gets its own. Precondition: offset + bytes.size() <= p.size()
void overwrite(packet& p, std::size_t offset, const_bytes bytes);

} // namespace tapio::core

#pragma GCC visibility pop
