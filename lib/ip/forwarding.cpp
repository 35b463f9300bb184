#include "ip/forwarding.hpp"

#include "base/checksum.hpp"
#include "ip/link_local_v4.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"

#include <algorithm>

namespace tapio::core::ip {

namespace {

/// For one link only: RFC 3927 §7, RFC 4291 §2.5.6.
bool belongs_to_link(const address& a) noexcept { return a.is_v4() ? is_link_local(a.to_v4()) : a.to_v6().is_link_local(); }

/// Octets of the longest packet that leaves: a GSO segment leaves in pieces.
std::size_t largest_piece(const rx_packet& p) noexcept
{
    const std::size_t size = p.contents.size() - p.network_at;
    if (p.contents.offload.gso == offload_info::gso_type::none) return size;
    return std::min<std::size_t>(size, p.payload_at - p.network_at + std::size_t{p.contents.offload.gso_size});
}

bool dont_fragment(const rx_packet& p) noexcept
{
    if (p.kind == packet_kind::ipv6) return true;
    const std::byte* const header = p.network_header().data();
    return (wire::load_16(header + offsetof(wire::ipv4_header, flags_offset)) & wire::ipv4_dont_fragment) != 0;
}

/// One hop less; the header's checksum follows (RFC 1141). Precondition: the TTL is at least 2
void decrement_ttl(rx_packet& p)
{
    const bool v4 = p.kind == packet_kind::ipv4;
    const std::size_t header = v4 ? sizeof(wire::ipv4_header) : sizeof(wire::ipv6_header);
    std::byte* const at = p.contents.own_front(p.network_at + header) + p.network_at;
    --p.ttl;
    if (!v4) return void(at[offsetof(wire::ipv6_header, hop_limit)] = std::byte{p.ttl});
    constexpr std::size_t ttl = offsetof(wire::ipv4_header, ttl), checksum = offsetof(wire::ipv4_header, checksum);
    const std::uint16_t before = wire::load_16(at + ttl);
    at[ttl] = std::byte{p.ttl};
    wire::store_16(at + checksum, updated_checksum(wire::load_16(at + checksum), before, wire::load_16(at + ttl)));
}

} // namespace

void forwarding::refuse(rx_packet& p, drop_reason why, std::optional<unreachable> told, time_point now)
{
    interfaces_[p.interface].dropped(why, p.contents, now);
    if (!told) return;
    p.kind == packet_kind::ipv4 ? icmp_.send_unreachable(p, *told, now) : icmpv6_.send_unreachable(p, *told, now);
}

route_ref forwarding::find_way(rx_packet& p, time_point now)
{
    if (!may_be_forwarded(p, now)) return nullptr;
    const auto found = routes_.find_way(p.flow.destination_address());
    if (found.kind != route_kind::unicast) {
        const bool silent = found.kind == route_kind::blackhole;
        const auto told = found.kind == route_kind::prohibit ? unreachable::prohibited : unreachable::host;
        return refuse(p, drop_reason::ip_route_refuses, silent ? std::nullopt : std::optional(told), now), nullptr;
    }
    if (!found.route) {
        ++counters_of(p).in_no_routes;
        return refuse(p, drop_reason::no_route, unreachable::network, now), nullptr;
    }
    if (!passes_reverse_path(p)) return refuse(p, drop_reason::ip_reverse_path, std::nullopt, now), nullptr;
    return found.route;
}

/// RFC 1812 §5.3.7, RFC 3927 §7, RFC 4291 §2.5.6; source routes: §5.2.4.1.
bool forwarding::may_be_forwarded(rx_packet& p, time_point now)
{
    if (p.source_routed) return refuse(p, drop_reason::ip_not_forwardable, unreachable::source_route, now), false;
    const address from = p.flow.source_address(), to = p.flow.destination_address();
    if (!from.is_unspecified() && !belongs_to_link(from) && !belongs_to_link(to)) return true;
    const bool beyond = p.kind == packet_kind::ipv6 && belongs_to_link(from) && !belongs_to_link(to); // RFC 4443 §3.1
    return refuse(p, drop_reason::ip_not_forwardable, beyond ? std::optional(unreachable::beyond_scope) : std::nullopt, now),
           false;
}

bool forwarding::passes_reverse_path(const rx_packet& p) const
{
    switch (options_.reverse_path) {
    case reverse_path_filter::off: break;
    case reverse_path_filter::loose: return routes_.find_way(p.flow.source_address()).route != nullptr;
    case reverse_path_filter::strict: return routes_.leads_to(p.flow.source_address(), p.interface);
    }
    return true;
}

void forwarding::forward(rx_packet& p, route_entry& way, time_point now)
{
    const bool offloaded = p.contents.offload.gso != offload_info::gso_type::none;
    constexpr int most_headers = 140; // octets; with a link header they fit into packet::headroom
    if (offloaded && (p.payload_at == 0 || p.contents.offload.gso_size == 0 || p.payload_at - p.network_at > most_headers))
        return refuse(p, drop_reason::ip_not_forwardable, std::nullopt, now); // not what its device says that it is
    if (p.ttl <= 1) {
        const bool v4 = p.kind == packet_kind::ipv4;
        refuse(p, v4 ? drop_reason::ipv4_ttl_exceeded : drop_reason::ipv6_hop_limit_exceeded, std::nullopt, now);
        return v4 ? icmp_.send_time_exceeded(p, now) : icmpv6_.send_time_exceeded(p, now);
    }
    if (way.interface == p.interface && options_.send_redirects && p.mark == 0) redirect(p, way, now);
    if (!hooks_.empty()) {
        if (const auto v = hooks_.call(&packet_hook::forward, p, way.interface, now); v != hook_verdict::accept) {
            const auto told = v == hook_verdict::reject ? std::optional(unreachable::prohibited) : std::nullopt;
            return refuse(p, reason_of(v), told, now);
        }
    }
    if (!fits(p, way, now)) return;
    decrement_ttl(p);
    ++counters_of(p).out_forw_datagrams;
    out_.forward(p, way, now);
}

/// @return false: too long for the next link, and not to be fragmented; the sender has been told (RFC 1191 §4, RFC 4443 §3.2)
bool forwarding::fits(rx_packet& p, const route_entry& way, time_point now)
{
    if (largest_piece(p) <= way.mtu || !dont_fragment(p)) return true;
    ++counters_of(p).out_frag_fails;
    refuse(p, p.kind == packet_kind::ipv4 ? drop_reason::ipv4_too_big : drop_reason::too_big, std::nullopt, now);
    p.kind == packet_kind::ipv4 ? icmp_.send_too_big(p, way.mtu, now) : icmpv6_.send_too_big(p, way.mtu, now);
    return false;
}

/// RFC 1812 §5.2.7.2, RFC 4861 §8.2: the sender is a neighbour, and so is the next hop.
void forwarding::redirect(const rx_packet& p, const route_entry& way, time_point now)
{
    const address from = p.flow.source_address(), next = way.next_hop.address();
    if (p.fragment || p.reassembled || !routes_.is_on_link(p.interface, from) || !interfaces_[p.interface].is_ethernet()) return;
    if (p.kind == packet_kind::ipv4) return icmp_.send_redirect(p, next, now);
    icmpv6_.send_redirect(p, in_zone(next, interfaces_[p.interface].zone()), now);
}

} // namespace tapio::core::ip
