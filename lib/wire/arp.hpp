/// @file
/// ARP for IPv4 over Ethernet (RFC 826).
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/endian/buffers.hpp>

#include <array>
#include <cstdint>

namespace tapio::core::wire {

enum class arp_operation : std::uint16_t
{
    request = 1,
    reply = 2
};

/// Wire layout.
struct arp_header
{
    boost::endian::big_uint16_buf_t hardware_type;  ///< 1: Ethernet
    boost::endian::big_uint16_buf_t protocol_type;  ///< an EtherType
    boost::endian::big_uint8_buf_t hardware_length; ///< octets
    boost::endian::big_uint8_buf_t protocol_length; ///< octets
    boost::endian::big_uint16_buf_t operation;
    std::array<std::uint8_t, 6> sender_mac;
    std::array<std::uint8_t, 4> sender_ip;
    std::array<std::uint8_t, 6> target_mac;
    std::array<std::uint8_t, 4> target_ip;
};
static_assert(sizeof(arp_header) == 28 && wire_header<arp_header>);

struct arp_packet
{
    arp_operation operation{};
    mac_address sender_mac;
    address_v4 sender_ip;
    mac_address target_mac;
    address_v4 target_ip;
};

parsed<arp_packet> parse_arp(const_bytes front) noexcept;

/// An ARP packet without an Ethernet header.
packet make_arp(const arp_packet& arp);

} // namespace tapio::core::wire
