/// @file
/// A received packet. parse() reads its headers once; coalescing, filters and transports use the result.
#pragma once

#include "base/flow_key.hpp"
#include "wire/ipv6.hpp"

#include <tapio/core/device_info.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace tapio::core::ip {

enum class packet_kind : std::uint8_t
{
    unreadable, ///< a frame without a valid Ethernet header, or not parsed yet
    ipv4,
    ipv6,
    arp,
    other ///< unknown EtherType
};

/// The place of a fragment in its datagram.
struct fragment_place
{
    std::uint32_t identification = 0;
    std::uint16_t offset = 0;         ///< octets
    bool more = false;                ///< not the last one
    std::uint16_t next_header_at = 0; ///< IPv6: offset from the IPv6 header of the octet that names the fragment header
};

struct rx_packet
{
    explicit rx_packet(packet&& p, std::uint32_t by = 0) noexcept : contents(std::move(p)), interface(by) {}

    packet contents;         ///< from the link header on, without padding after the IP packet
    flow_key flow;           ///< addresses and protocol of an IP packet without flaw; ports if it has a TCP or UDP header
    std::uint32_t interface; ///< that received the packet

    // Offsets in `contents`, octets:
    std::uint16_t network_at = 0;     ///< IP or ARP header
    std::uint16_t transport_at = 0;   ///< end of the IP header and its options or extension headers
    std::uint16_t next_header_at = 0; ///< IPv6, from the IPv6 header on: of the octet that names the protocol
    std::uint16_t payload_at = 0;     ///< payload of TCP or UDP; 0: no such header, or its length is wrong

    std::uint16_t vlan = 0; ///< IEEE 802.1Q identifier of the frame; 0: none, or only a priority

    packet_kind kind = packet_kind::unreadable;
    std::optional<drop_reason> flaw;           ///< why the Ethernet or IP header is invalid
    std::optional<wire::ipv6_problem> problem; ///< IPv6: what to tell the sender about `flaw`
    fragment_place place;
    std::uint32_t mark = 0;     ///< hooked_packet::mark()
    std::uint8_t ttl = 0;       ///< IPv6: hop limit
    std::uint8_t tos = 0;       ///< DSCP 6 bits, ECN 2 bits; IPv6: traffic class
    std::uint8_t hops = 0;      ///< number of shards that have passed the packet on
    bool fragment = false;      ///< of several (`place`): the transport header is not parsed
    bool source_routed = false; ///< has an LSRR or SSRR option
    bool router_alert = false;  ///< has a router alert option (RFC 2113, RFC 2711)
    bool reassembled = false;   ///< its fragments arrived one by one
    bool verified = false;      ///< the TCP or UDP checksum is correct, or verified by the device
    bool link_group = false;    ///< the frame's destination is broadcast or multicast
    bool to_group = false;      ///< the destination of the packet or its frame is broadcast or multicast; set by ip::input
    bool from_us = false;       ///< our own multicast, looped back (send_info::group_loopback)

    bool is_later_fragment() const noexcept { return fragment && place.offset != 0; } ///< without the transport header
    ip_protocol protocol() const noexcept { return flow.protocol(); }
    bool marked() const noexcept { return (tos & 3) == 3; } ///< Congestion Experienced (RFC 3168 §5)

    /// The octets from the header on; contiguous as far as parse() has read them.
    const_bytes network_header() const noexcept { return contents.front().subspan(network_at); }
    const_bytes transport_header() const noexcept { return contents.front().subspan(transport_at); }
    std::size_t transport_size() const noexcept { return contents.size() - transport_at; } ///< octets of header and payload
    packet transport_part() const                                                          ///< a copy that shares the payload
    {
        packet p = contents;
        p.consume(transport_at);
        return p;
    }
    packet network_part() const ///< likewise
    {
        packet p = contents;
        p.consume(network_at);
        return p;
    }
    bool is_segment() const noexcept { return payload_at != 0 && protocol() == ip_protocol::tcp; } ///< TCP with a complete header
};

/// Reads the headers, makes them contiguous, removes padding, and verifies the checksums of IP, TCP and UDP.
void parse(rx_packet& p, link_type link);

/// The same from the IP header on. Precondition: `p.network_at` is set.
void parse_ip(rx_packet& p);

} // namespace tapio::core::ip
