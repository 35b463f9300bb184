#include "ip/input.hpp"

namespace tapio::core::ip {

namespace {

bool is_class_e(const address_v4& a) noexcept { return a.to_uint() >> 28 == 0xf; }
bool is_this_network(const address_v4& a) noexcept { return a.to_uint() >> 24 == 0; }

} // namespace

void input::receive(rx_packet& p, time_point now)
{
    const auto drop = [&](drop_reason why) { interfaces_[p.interface].dropped(why, p.contents, now); };
    ++counters_.in_receives;
    if (p.flaw) {
        ++counters_.in_hdr_errors;
        return drop(*p.flaw);
    }
    if (const auto why = check_addresses(p)) {
        ++counters_.in_addr_errors;
        return drop(*why);
    }
    if (p.fragment) { // reassembly belongs here
        ++counters_.in_discards;
        return drop(drop_reason::ip_fragment);
    }
    ++counters_.in_delivers;
    const bool taken = transports_.receive_raw(p, now);
    if (transport* const t = transports_.find(p.protocol())) return t->receive(p, now);
    if (taken) return;
    ++counters_.in_unknown_protos;
    drop(drop_reason::ipv4_unknown_protocol);
    errors_.send_unreachable(p, wire::protocol_unreachable, now); // RFC 1122 §3.2.2.1
}

/// Also sets `to_group`. Accepted pairs of unicast addresses are cached.
std::optional<drop_reason> input::check_addresses(rx_packet& p)
{
    if (!p.link_group && !p.source_routed && was_accepted(p)) return std::nullopt;
    auto why = p.from_us ? std::nullopt : check_source(p);
    if (!why) why = check_destination(p);
    p.to_group = p.link_group || addresses_.is_group(p.flow.destination_address());
    if (!why && !p.to_group && !p.from_us) accepted_slot(p.flow) = {routes_.generation(), p.interface, p.flow.v4_addresses()};
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
    if (!group && !addresses_.is_ours(to)) return drop_reason::ipv4_not_for_us;
    if (p.source_routed) return drop_reason::ipv4_source_route; // RFC 1122 §3.2.1.8 (c): a host may refuse source routes
    return std::nullopt;
}

/// Addresses that cannot be a source: RFC 1122 §3.2.1.3, RFC 9293 MUST-63.
std::optional<drop_reason> input::check_source(const rx_packet& p) const noexcept
{
    const address_v4 from = p.flow.source_address().to_v4();
    if (p.interface == loopback) return std::nullopt;                                                       // sent by this host
    const bool nameless = from.is_unspecified() && p.flow.destination_address() == address_v4::broadcast(); // a DHCP client
    if (from.is_multicast() || is_class_e(from) || from.is_loopback() || (is_this_network(from) && !nameless))
        return drop_reason::ipv4_bad_source;
    if (addresses_.is_broadcast(from) || addresses_.is_ours(from)) return drop_reason::ipv4_bad_source;
    return std::nullopt;
}

} // namespace tapio::core::ip
