/// @file
/// Forwarding of packets between interfaces (RFC 1812 §5, RFC 8200 §3): TTL, route, reverse path, redirects, ICMP errors.
#pragma once

#include "ip/hooks.hpp"
#include "ip/icmp.hpp"
#include "ip/output.hpp"
#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/forwarding_options.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::ip {

class forwarding
{
public:
    forwarding(link::interface_table& interfaces, const routing& routes, const hooks& h, output& out, icmp& errors_v4,
               icmpv6& errors_v6) noexcept
        : interfaces_(interfaces), routes_(routes), hooks_(h), out_(out), icmp_(errors_v4), icmpv6_(errors_v6)
    {
    }

    void set(const forwarding_options& options) noexcept { options_ = options; }
    bool is_on(family f) const noexcept { return f == family::v4 ? options_.v4 : options_.v6; }

    /// The way of a packet that is not for this host; none: it was dropped, and its sender told.
    /// Precondition: is_on(), and the packet's addresses are unicast and no others that a host refuses (ip::input).
    route_ref find_way(rx_packet& p, time_point now);
    /// Forwards the packet by what find_way() has returned for one with the same addresses and interface.
    void forward(rx_packet& p, route_entry& way, time_point now);

private:
    ip_counters& counters_of(const rx_packet& p) noexcept
    {
        return p.kind == packet_kind::ipv6 ? interfaces_.counters().ip6 : interfaces_.counters().ip;
    }
    /// Drops the packet and tells its sender. @param told none: it is not told
    void refuse(rx_packet& p, drop_reason why, std::optional<unreachable> told, time_point now);
    bool may_be_forwarded(rx_packet& p, time_point now);
    bool passes_reverse_path(const rx_packet& p) const;
    void redirect(const rx_packet& p, const route_entry& way, time_point now);
    bool fits(rx_packet& p, const route_entry& way, time_point now);

    link::interface_table& interfaces_;
    const routing& routes_;
    const hooks& hooks_;
    output& out_;
    icmp& icmp_;
    icmpv6& icmpv6_;
    forwarding_options options_{.v4 = false, .v6 = false};
};

} // namespace tapio::core::ip
