#include "ip/input.hpp"

#include "wire/ipv6.hpp"

namespace tapio::core::ip {

namespace {

bool is_class_e(const address_v4& a) noexcept { return a.to_uint() >> 28 == 0xf; }
bool is_this_network(const address_v4& a) noexcept { return a.to_uint() >> 24 == 0; }

} // namespace

void input::receive(rx_packet& p, time_point now)
{
    host_counters& all = interfaces_.counters();
    ip_counters& counters = p.kind == packet_kind::ipv6 ? all.ip6 : all.ip;
    ++counters.in_receives;
    if (!p.flow.is_v4() && p.flow.needs_zone()) set_zone(p);
    if (p.flaw) {
        ++counters.in_hdr_errors;
        return bad_header(p, now);
    }
    if (is_hooked(p)) {
        if (p.fragment && is_hooked_whole(p)) return reassemble(p, counters, now);
        if (!passes_hooks(p, now)) return;
    }
    accept(p, counters, now);
}

bool input::passes_hooks(rx_packet& p, time_point now)
{
    const auto v = hooks_.call(&packet_hook::input, p, hooked_packet::none, now);
    if (v == hook_verdict::accept) return true;
    interfaces_[p.interface].dropped(reason_of(v), p.contents, now);
    if (v != hook_verdict::reject) return false;
    p.kind == packet_kind::ipv4 ? icmp_.send_unreachable(p, unreachable::prohibited, now)
                                : icmpv6_.send_unreachable(p, unreachable::prohibited, now);
    return false;
}

/// Decides by the addresses what becomes of the packet: it is for this host, it is forwarded, or it is dropped.
void input::accept(rx_packet& p, ip_counters& counters, time_point now)
{
    if (accepted_pair* const known = find_accepted(p)) {
        if (!known->way) return take(p, counters, now);
        ++counters.in_forw_datagrams;
        return forwarding_.forward(p, *known->way, now);
    }
    const auto why = check_addresses(p);
    if (!why) {
        if (!p.to_group && !p.from_us) note_accepted(p, nullptr);
        return take(p, counters, now);
    }
    const bool for_others = *why == drop_reason::ipv4_not_for_us || *why == drop_reason::ipv6_not_for_us;
    if (for_others && forwarding_.is_on(p.flow.family()) && !p.to_group && p.interface != loopback)
        return forward(p, counters, now);
    ++counters.in_addr_errors;
    interfaces_[p.interface].dropped(*why, p.contents, now);
}

/// Precondition: the packet is for this host.
void input::take(rx_packet& p, ip_counters& counters, time_point now)
{
    p.fragment ? reassemble(p, counters, now) : deliver(p, counters, now);
}

/// Precondition: the packet's addresses were checked, and it is not for this host.
void input::forward(rx_packet& p, ip_counters& counters, time_point now)
{
    ++counters.in_forw_datagrams;
    const route_ref way = forwarding_.find_way(p, now);
    if (!way) return;
    note_accepted(p, way);
    forwarding_.forward(p, *way, now);
}

void input::reassemble(rx_packet& p, ip_counters& counters, time_point now)
{
    reassembly& fragments = p.kind == packet_kind::ipv4 ? fragments_v4_ : fragments_v6_;
    reassembly::result r = fragments.add(p, now);
    for (const reassembly::lost_datagram& d : fragments.lost()) lost(d);
    if (r.dropped) {
        interfaces_[p.interface].dropped(*r.dropped, p.contents, now);
        p.problem = r.problem;
        return p.problem ? icmpv6_.send_problem(p, now) : void();
    }
    if (!r.whole) return;
    if (r.whole->flow.needs_zone() && !r.whole->flow.is_v4()) set_zone(*r.whole);
    if (r.whole->flaw) return bad_header(*r.whole, now);
    if (!is_hooked_whole(*r.whole)) return deliver(*r.whole, counters, now); // its fragments were seen
    if (passes_hooks(*r.whole, now)) accept(*r.whole, counters, now);
}

void input::advance(time_point now)
{
    for (reassembly* const fragments : {&fragments_v4_, &fragments_v6_})
        fragments->advance(now, [&](reassembly::expired_datagram&& d) { expired(std::move(d), now); });
}

/// RFC 792, RFC 8200 §4.5: the sender is told, if the first fragment has arrived.
void input::expired(reassembly::expired_datagram&& d, time_point now)
{
    lost(d);
    if (!d.first) return;
    d.first->kind == packet_kind::ipv4 ? icmp_.send_reassembly_timeout(*d.first, now)
                                       : icmpv6_.send_reassembly_timeout(*d.first, now);
}

void input::lost(const reassembly::lost_datagram& d) { interfaces_[d.interface].dropped(d.why, d.fragments); }

void input::deliver(rx_packet& p, ip_counters& counters, time_point now)
{
    ++counters.in_delivers;
    const bool taken = transports_.receive_raw(p, now);
    if (transport* const t = transports_.find(p.protocol())) return t->receive(p, now);
    if (taken) return;
    ++counters.in_unknown_protos;
    const bool v4 = p.kind == packet_kind::ipv4;
    interfaces_[p.interface].dropped(v4 ? drop_reason::ipv4_unknown_protocol : drop_reason::ipv6_unknown_protocol, p.contents,
                                     now);
    if (v4) return icmp_.send_unreachable(p, unreachable::protocol, now); // RFC 1122 §3.2.2.1
    constexpr ip_protocol nothing{static_cast<std::uint8_t>(wire::ipv6_extension::no_next_header)};
    if (p.protocol() != nothing) icmpv6_.send_unreachable(p, unreachable::protocol, now);
}

/// The sender is told of an IPv6 header that we cannot process, but only if the addresses are beyond doubt.
void input::bad_header(rx_packet& p, time_point now)
{
    interfaces_[p.interface].dropped(*p.flaw, p.contents, now);
    if (p.problem && !check_addresses(p)) icmpv6_.send_problem(p, now);
}

/// The zone is that of the interface that received the packet; of a packet to ourselves, that of the link-local address.
void input::set_zone(rx_packet& p) const noexcept
{
    std::uint32_t zone = interfaces_[p.interface].zone();
    if (p.interface == loopback) {
        const std::uint32_t own = addresses_.zone_of(p.flow.destination_address());
        zone = own != 0 ? own : addresses_.zone_of(p.flow.source_address());
    }
    p.flow.set_zone(zone);
}

/// Also sets `to_group`.
std::optional<drop_reason> input::check_addresses(rx_packet& p)
{
    const bool v4 = p.kind == packet_kind::ipv4;
    std::optional<drop_reason> why;
    if (!p.from_us) why = v4 ? check_source(p) : check_source_v6(p);
    if (!why) why = v4 ? check_destination(p) : check_destination_v6(p);
    p.to_group = p.link_group || addresses_.is_group(p.flow.destination_address());
    return why;
}

std::optional<drop_reason> input::check_destination(const rx_packet& p) const noexcept
{
    const address_v4 to = p.flow.destination_address().to_v4();
    const bool outside = p.interface != loopback;
    if (is_this_network(to) || (to.is_loopback() && outside)) return drop_reason::ipv4_bad_destination;
    if (is_class_e(to) && to != address_v4::broadcast()) return drop_reason::ipv4_bad_destination;
    const bool group = addresses_.hears(interfaces_[p.interface], to);
    if (p.link_group && !group && !to.is_multicast()) return drop_reason::ipv4_bad_destination; // RFC 1122 §3.3.6
    if (!group && !addresses_.accepts(interfaces_[p.interface], to)) return drop_reason::ipv4_not_for_us;
    if (p.source_routed) return drop_reason::ipv4_source_route; // RFC 1122 §3.2.1.8 (c): a host may refuse source routes
    return std::nullopt;
}

/// Addresses that cannot be a source: RFC 1122 §3.2.1.3, RFC 9293 MUST-63.
std::optional<drop_reason> input::check_source(const rx_packet& p) const noexcept
{
    const address_v4 from = p.flow.source_address().to_v4();
    if (p.interface == loopback) return std::nullopt; // sent by this host
    const address to = p.flow.destination_address();  // of a DHCP client, or of a querier without an address (RFC 4541 §2.1.1)
    const bool nameless =
        from.is_unspecified() && (to == address_v4::broadcast() || (p.protocol() == ip_protocol::igmp && to.is_multicast()));
    if (from.is_multicast() || is_class_e(from) || from.is_loopback() || (is_this_network(from) && !nameless))
        return drop_reason::ipv4_bad_source;
    if (addresses_.is_broadcast(from) || addresses_.is_ours(from)) return drop_reason::ipv4_bad_source;
    return std::nullopt;
}

// -- IPv6: RFC 4291 §2 ----------------------------------------------------------------------------------------------------

std::optional<drop_reason> input::check_destination_v6(const rx_packet& p) const noexcept
{
    const address to = p.flow.destination_address();
    const bool outside = p.interface != loopback;
    if (to.is_unspecified() || (outside && to.is_loopback())) return drop_reason::ipv6_bad_destination;
    if (to.is_multicast()) {
        const unsigned scope = to.to_v6().to_bytes()[1] & 0xf; // RFC 4291 §2.7: 0 is reserved, 1 never leaves its node
        if (scope == 0 || (scope == 1 && outside)) return drop_reason::ipv6_bad_destination;
        return addresses_.hears(interfaces_[p.interface], to) ? std::nullopt : std::optional(drop_reason::ipv6_not_for_us);
    }
    if (p.link_group) return drop_reason::ipv6_bad_destination; // as for IPv4: RFC 1122 §3.3.6
    return addresses_.accepts(interfaces_[p.interface], to) ? std::nullopt : std::optional(drop_reason::ipv6_not_for_us);
}

/// Our own address as source shows that another node uses it, which is for Neighbour Discovery to see.
std::optional<drop_reason> input::check_source_v6(const rx_packet& p) const noexcept
{
    const address from = p.flow.source_address();
    if (p.interface == loopback) return std::nullopt; // sent by this host
    if (from.is_multicast() || from.is_loopback()) return drop_reason::ipv6_bad_source;
    const bool icmp = p.protocol() == ip_protocol::icmpv6 && p.transport_size() > 0;
    const bool discovery = icmp && ndp::handles(wire::icmpv6_type{std::to_integer<std::uint8_t>(p.transport_header()[0])});
    if (from.is_unspecified()) { // a node without an address (RFC 4291 §2.5.2): it speaks to groups only
        return icmp && p.flow.destination_address().is_multicast() ? std::nullopt : std::optional(drop_reason::ipv6_bad_source);
    }
    return addresses_.is_ours(from) && !discovery ? std::optional(drop_reason::ipv6_bad_source) : std::nullopt;
}

} // namespace tapio::core::ip
