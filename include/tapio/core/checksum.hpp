/// @file
/// Checksums of whole packets, for devices that read or rewrite packets (<tapio/device/decorator.hpp>).
/// @par Thread safety  distinct packets: safe, also packets that share payload
#pragma once

#include <tapio/core/device_info.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Completes a partial transport checksum (offload_info) in software; a packet with any other checksum is left unchanged. A GSO
/// segment is summed as the one large segment that it is. Payload that other packets share is not written to.
void complete_checksums(packet& p);

/// Recomputes the checksums of a packet that was changed: of the IPv4 header (RFC 791), and of TCP, UDP, ICMP or ICMPv6 after it
/// or after an IPv6 header without extension headers (RFC 1071, RFC 8200 §8.1). Left unchanged: the transport checksum of a
/// fragment, and a UDP checksum of 0 over IPv4, which means none (RFC 768). Afterwards no checksum of the packet is partial.
/// @param link  whether the packet begins with an Ethernet header (VLAN tags allowed) or with the IP header
/// @return false if the packet is not IP or is truncated; then it is unchanged
bool update_checksums(packet& p, link_type link);

/// Replaces the octets from `offset` on by `bytes`. Octets that other packets share (a retransmission, a copy in a capture) are
/// copied first, so that only `p` changes.
/// @param offset  octets from the start of the packet  @pre offset + bytes.size() <= p.size()
void overwrite(packet& p, std::size_t offset, const_bytes bytes);

} // namespace tapio::core

#pragma GCC visibility pop
