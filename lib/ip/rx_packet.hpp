/// @file
/// A packet that has come. Its headers are read once, by parse(); joining, filters and transports go by what stands here.
#pragma once

#include "base/flow_key.hpp"

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
    unreadable, ///< a frame without a proper Ethernet header
    ipv4,
    ipv6,
    arp,
    other ///< of a protocol that we do not know, or of a VLAN that we are not in
};

struct rx_packet
{
    explicit rx_packet(packet&& p, std::uint32_t by = 0) noexcept : contents(std::move(p)), interface(by) {}

    packet contents;         ///< from the link's header on, without padding behind the IP packet
    flow_key flow;           ///< addresses and protocol, if it is IP and has no flaw; ports, if TCP's or UDP's header is there
    std::uint32_t interface; ///< that it came by

    // Octets in front of:
    std::uint16_t network_at = 0;   ///< ... the header of IP or ARP
    std::uint16_t transport_at = 0; ///< ... what follows IP's
    std::uint16_t payload_at = 0;   ///< ... TCP's or UDP's payload; 0: that header is not there, or its length is wrong

    packet_kind kind = packet_kind::unreadable;
    std::optional<drop_reason> flaw; ///< why the header that `kind` names is no good
    std::uint8_t ttl = 0;
    std::uint8_t tos = 0;       ///< DSCP 6 bits, ECN 2 bits
    std::uint8_t hops = 0;      ///< so many shards have passed it on
    bool fragment = false;      ///< nothing is known of its transport
    bool source_routed = false; ///< an LSRR or SSRR option stands in it
    bool verified = false;      ///< TCP's or UDP's checksum is right, or the device vouches for it
    bool link_group = false;    ///< its frame was sent to a broadcast or multicast address
    bool to_group = false;      ///< as was its packet, or its frame; set by who knows our subnets
    bool from_us = false;       ///< a multicast of our own that comes back

    ip_protocol protocol() const noexcept { return flow.protocol(); }
    bool marked() const noexcept { return (tos & 3) == 3; } ///< by the network: congestion (RFC 3168 §5)

    /// From the header there on, contiguous as far as it has been read.
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
    bool is_segment() const noexcept { return payload_at != 0 && protocol() == ip_protocol::tcp; } ///< with a whole TCP header
};

/// Reads the headers, makes them contiguous, cuts padding off, and verifies the checksums of IP, TCP and UDP.
void parse(rx_packet& p, link_type link);

/// From IP's header on, where `network_at` says it is.
void parse_ip(rx_packet& p);

} // namespace tapio::core::ip
