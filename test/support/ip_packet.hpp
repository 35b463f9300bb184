/// @file
/// IP packets of the family of the run, written and read by hand.
#pragma once

#include "base/flow_key.hpp"
#include "support/test_family.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"

#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::test {

/// What tests look at in an IP header of either family.
struct sent_header
{
    core::ip_protocol protocol{};
    std::size_t header_length = 0; ///< octets
    std::uint8_t tos = 0, ttl = 0;
    bool dont_fragment = true;
};

/// @param p whose headers are contiguous  @return none: malformed, or with octets behind the IP packet
inline std::optional<sent_header> header_of(const core::packet& p)
{
    if (over_v6()) {
        core::wire::ipv6_fields f;
        if (core::wire::read_ipv6(p.front(), p.size(), f) || f.total_length != p.size()) return std::nullopt;
        return sent_header{f.protocol, f.header_length, f.traffic_class, f.hop_limit, true};
    }
    const auto f = core::wire::parse_ipv4(p.front(), p.size());
    if (!f || f->total_length != p.size()) return std::nullopt;
    return sent_header{f->protocol, f->header_length, f->tos, f->ttl, f->dont_fragment};
}

/// @param from, to addresses of the run's family
inline void push_ip(core::packet& payload, const core::address& from, const core::address& to, core::ip_protocol protocol,
                    std::uint8_t tos = 0)
{
    if (over_v6()) {
        const core::flow_key flow({from, 0}, {to, 0}, protocol);
        return core::wire::push_ipv6(payload, {protocol, 64, tos, 0}, flow.v6_words(0), flow.v6_words(1));
    }
    core::wire::ipv4_fields ip;
    ip.source = from.to_v4();
    ip.destination = to.to_v4();
    ip.protocol = protocol;
    ip.tos = tos;
    core::wire::push_ipv4(payload, ip);
}

} // namespace tapio::test
