/// @file
/// One line of text for a packet: Ethernet, VLAN tags, ARP, IPv4, IPv6 and its extension headers, ICMP, ICMPv6 with Neighbour
/// Discovery and MLD, TCP with its options, UDP. What UDP carries is named by its port and not decoded. Malformed packets are
/// described as far as they go; nothing is ever read beyond the end.
#pragma once

#include "tapio/octet_reader.hpp"

#include <tapio/core/device_info.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace apps::tools {

struct decode_options
{
    bool link = false;     ///< begin with the link-layer addresses
    bool absolute = false; ///< sequence numbers as they are, not counted from the start of the connection
};

/// Remembers the initial sequence numbers of the connections that it has seen.
class decoder
{
public:
    explicit decoder(decode_options options = {}) : options_(options) {}

    /// @param octets  from the header on that `link` names  @return one line, without a newline
    std::string line(std::span<const std::byte> octets, tapio::core::link_type link);

private:
    using address = boost::asio::ip::address;
    using flow = std::tuple<address, std::uint16_t, address, std::uint16_t>; ///< source, destination

    /// What a transport needs of the IP header.
    struct ip_facts
    {
        address source, destination;
        bool quoted = false; ///< the packet is quoted by an ICMP error, and probably cut short
    };

    std::string ethernet(octet_reader in);
    std::string by_type(std::uint16_t type, octet_reader in);
    std::string by_untagged_type(std::uint16_t type, octet_reader in);
    std::string arp(octet_reader in) const;
    std::string ip(octet_reader in, bool quoted);
    std::string ipv4(octet_reader in, bool quoted);
    std::string ipv6(octet_reader in, bool quoted);
    std::string transport(std::uint8_t protocol, octet_reader in, const ip_facts& f);
    std::string udp(octet_reader in, const ip_facts& f) const;

    // decode_tcp.cpp
    std::string tcp(octet_reader in, const ip_facts& f);
    std::uint32_t relative(const flow& f, std::uint32_t sequence, bool syn);

    // decode_icmp.cpp
    std::string icmp(octet_reader in, const ip_facts& f);
    std::string icmpv6(octet_reader in, const ip_facts& f);
    std::string quotation(octet_reader in);

    decode_options options_;
    std::map<flow, std::uint32_t> first_sequence_; ///< the SYN's sequence number, or a guess
};

/// Hexadecimal and ASCII, 16 octets in a line, each line indented and with its newline.
std::string hex_dump(std::span<const std::byte> octets);

} // namespace apps::tools
