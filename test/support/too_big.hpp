/// @file
/// What a router says about a packet that is too long for its next link: fragmentation needed (RFC 1191), packet too big (RFC
/// 4443 §3.2).
#pragma once

#include "ip/rx_packet.hpp"
#include "wire/icmpv4.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"

#include <tapio/core/packet.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tapio::test {

/// The ICMP error, from its IP header on; its sender is the packet's destination. @param about from its IP header on
inline core::packet too_big(const core::packet& about, std::uint16_t mtu)
{
    using namespace core;
    std::array<std::byte, 200> start;
    const std::size_t quoted = about.copy_to(start);
    packet error(slice::copy_of(const_bytes(start).first(quoted)));
    ip::rx_packet read{packet(about)};
    ip::parse_ip(read);
    const address from = read.flow.destination_address(), to = read.flow.source_address();
    if (read.flow.is_v4()) {
        wire::ipv4_fields f;
        f.source = from.to_v4();
        f.destination = to.to_v4();
        f.protocol = ip_protocol::icmp;
        wire::push_icmpv4(error, wire::icmpv4_type::destination_unreachable, wire::fragmentation_needed, mtu);
        wire::push_ipv4(error, f);
    } else {
        const flow_key back({from, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(error, wire::icmpv6_type::packet_too_big, 0, mtu, back);
        wire::push_ipv6(error, {ip_protocol::icmpv6, 64, 0, 0}, back.v6_words(0), back.v6_words(1));
    }
    return error;
}

} // namespace tapio::test
