#include "ip/ndp.hpp"

#include "link/ethernet.hpp"
#include "wire/ipv6.hpp"
#include "wire/redirect.hpp"

#include <algorithm>

namespace tapio::core::ip {

namespace {

constexpr std::uint8_t from_the_link = 255; ///< hop limit of all NDP messages: no router has passed them on (RFC 4861 §3.1)

const address_v6 all_nodes({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

} // namespace

/// The checks that all messages have in common: RFC 4861 §7.1.1, §7.1.2.
void ndp::receive(rx_packet& p, const wire::icmpv6_message& m, time_point now)
{
    link::interface& i = interfaces_[p.interface];
    const auto drop = [&](drop_reason why) { i.dropped(why, p.contents, now); };
    if (p.ttl != from_the_link || m.code != 0 || p.reassembled) // RFC 6980 §5: never in fragments
        return drop(drop_reason::ndp_malformed);
    if (!i.is_ethernet()) return drop(drop_reason::ndp_not_for_us); // its neighbours have no link-layer addresses
    p.contents.pull(p.contents.size());
    const const_bytes body = p.transport_header().subspan(sizeof(wire::icmpv6_header));
    if (m.type == wire::icmpv6_type::neighbor_solicitation) {
        const auto s = wire::parse_neighbor_solicitation(body);
        return s ? solicited(i, p, *s, now) : drop(s.error());
    }
    if (m.type == wire::icmpv6_type::router_advertisement) return router_advertised(i, p, m.rest, body, now);
    if (m.type == wire::icmpv6_type::redirect) return redirected(i, p, body, now);
    const auto a = wire::parse_neighbor_advertisement(m.rest, body);
    a ? advertised(i, p, *a, now) : drop(a.error());
}

/// RFC 4861 §7.1.1, §7.2.3; of a probe of another node: RFC 4862 §5.4.3.
void ndp::solicited(link::interface& i, rx_packet& p, const wire::neighbor_solicitation& s, time_point now)
{
    const address from = p.flow.source_address(), to = p.flow.destination_address();
    const bool probes = from.is_unspecified();
    const bool to_solicited_node = without_zone(to) == address(solicited_node(s.target));
    if (probes && (!to_solicited_node || s.source_link)) return i.dropped(drop_reason::ndp_malformed, p.contents, now);
    const bool passed_on = p.hops > 0; // from the shard that received the packet, and answers it
    link::interface_address* const own = addresses_.find(in_zone(s.target, i.zone()));
    if (own == nullptr && !probes && routes_.answers_for(i, s.target)) return answer_for(i, p, s, now);
    if (own == nullptr || addresses_.interface_of(own->address) != i.id())
        return i.dropped(drop_reason::ndp_not_for_us, p.contents, now);
    if (addresses_.is_ours(from)) return i.dropped(drop_reason::ndp_not_for_us, p.contents, now); // our own, looped back
    if (probes) {
        if (s.nonce != 0 && s.nonce == own->nonce) return; // our own probe, looped back by the network (RFC 7527 §4.2)
        if (own->is_optimistic()) return conflict(i, *own, p, now);
        if (!passed_on) advertise(i, *own, all_nodes, link::group_mac(all_nodes), false, now);
        return;
    }
    if (s.source_link && !s.source_link->is_multicast()) {
        auto l = i.neighbors.learn(without_zone(from), *s.source_link, link::neighbor_cache::heard::request, now);
        link::send_waiting(i, l.waiting, *s.source_link, wire::ether_type::ipv6, now);
    }
    if (passed_on) return;
    const auto mac = s.source_link ? s.source_link : i.neighbors.address_of(without_zone(from));
    // A neighbour that we do not know and that does not say is reached by its Ethernet frame's source.
    advertise(i, *own, from.to_v6(), mac.value_or(wire::source_of(p.contents.front())), true, now);
}

/// RFC 4861 §7.1.2, §7.2.5.
void ndp::advertised(link::interface& i, rx_packet& p, const wire::neighbor_advertisement& a, time_point now)
{
    if (a.solicited && p.flow.destination_address().is_multicast()) return i.dropped(drop_reason::ndp_malformed, p.contents, now);
    if (a.target_link && interfaces_.has_mac(*a.target_link)) // our own, looped back by the network
        return i.dropped(drop_reason::ndp_not_for_us, p.contents, now);
    const address target = in_zone(a.target, i.zone());
    if (link::interface_address* const own = addresses_.find(target); own != nullptr && addresses_.interface_of(target) == i.id())
        return conflict(i, *own, p, now);
    if (a.target_link && a.target_link->is_multicast()) return i.dropped(drop_reason::ndp_malformed, p.contents, now);
    auto l = i.neighbors.learn(without_zone(target), {a.target_link, a.solicited, a.override}, now);
    if (!l.accepted) return i.dropped(drop_reason::ndp_not_for_us, p.contents, now);
    if (!a.router && listener_ != nullptr) listener_->no_longer_router(i.id(), a.target, now);
    if (l.waiting.empty()) return;
    link::send_waiting(i, l.waiting, *i.neighbors.address_of(without_zone(target)), wire::ether_type::ipv6, now);
}

/// RFC 4861 §6.1.2, §6.3.4.
void ndp::router_advertised(link::interface& i, rx_packet& p, std::uint32_t rest, const_bytes body, time_point now)
{
    const address_v6 router = p.flow.source_address().to_v6();
    if (listener_ == nullptr) return i.dropped(drop_reason::ndp_not_for_us, p.contents, now);
    const auto ra = router.is_link_local() ? wire::parse_router_advertisement(rest, body) : drop_reason::ndp_malformed;
    if (!ra) return i.dropped(ra.error(), p.contents, now);
    if (ra->source_link && !ra->source_link->is_multicast() && !addresses_.is_ours(router)) {
        auto l = i.neighbors.learn(without_zone(router), *ra->source_link, link::neighbor_cache::heard::request, now);
        link::send_waiting(i, l.waiting, *ra->source_link, wire::ether_type::ipv6, now);
    }
    listener_->router_advertised(i.id(), *ra, router, now);
}

/// RFC 4861 §8.1, §8.3: only from the present router's link-local address. The link-layer address of the target comes with it.
void ndp::redirected(link::interface& i, rx_packet& p, const_bytes body, time_point now)
{
    ++interfaces_.counters().icmp6.in_redirects;
    const address router = p.flow.source_address();
    const auto r = router.to_v6().is_link_local() ? wire::parse_redirect(body) : drop_reason::ndp_malformed;
    if (!r) return i.dropped(r.error(), p.contents, now);
    if (listener_ == nullptr || !listener_->redirected(i.id(), router, r->destination, r->target, now))
        return i.dropped(drop_reason::icmp_bad_redirect, p.contents, now);
    if (!r->target_link || r->target_link->is_multicast()) return;
    auto l = i.neighbors.learn(r->target, *r->target_link, link::neighbor_cache::heard::request, now);
    link::send_waiting(i, l.waiting, *r->target_link, wire::ether_type::ipv6, now);
}

/// From the link-local address, with our link-layer address unless it is optimistic (RFC 4429 §3.3), or from :: without it.
void ndp::solicit_routers(link::interface& i, time_point now)
{
    static const address_v6 all_routers({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
    const auto source = addresses_.source_for(i.id(), in_zone(all_routers, i.zone()));
    const auto* const own = source ? addresses_.find(*source) : nullptr;
    const bool usable = own != nullptr && !own->is_optimistic();
    const address_v6 from = usable ? source->to_v6() : address_v6();
    send(i, wire::make_router_solicitation({usable ? std::optional(i.info().mac) : std::nullopt}),
         wire::icmpv6_type::router_solicitation, 0, from, all_routers, link::group_mac(all_routers), now);
}

/// Another node has one of our addresses. During detection we give it up (RFC 4862 §5.4.5); later it is defended once in 10 s,
/// as by RFC 5227 §2.4 (c) for ARP.
void ndp::conflict(link::interface& i, link::interface_address& own, const rx_packet& p, time_point now)
{
    constexpr duration defend_interval = std::chrono::seconds(10);
    i.dropped(drop_reason::ndp_conflict, p.contents, now);
    if (own.is_optimistic()) {
        own.detection_ends = never;
        return duplicates_.push_back(own.address);
    }
    if (p.hops > 0 || (own.defended && now < *own.defended + defend_interval)) return;
    own.defended = now;
    advertise(i, own, all_nodes, link::group_mac(all_nodes), false, now);
}

void ndp::solicit(link::interface& i, const address_v6& target, const std::optional<mac_address>& to, time_point now)
{
    const auto source = addresses_.source_for(i.id(), in_zone(target, i.zone()));
    if (!source) return;
    const address_v6 group = solicited_node(target);
    const auto* const own = addresses_.find(*source);
    const bool optimistic = own != nullptr && own->is_optimistic();
    // RFC 4429 §3.2: an optimistic address must not enter a neighbour's cache.
    const auto mine = optimistic ? std::nullopt : std::optional(i.info().mac);
    send(i, wire::make_neighbor_solicitation({target, mine, 0}), wire::icmpv6_type::neighbor_solicitation, 0, source->to_v6(),
         to ? target : group, to.value_or(link::group_mac(group)), now);
}

void ndp::announce(link::interface& i, time_point now)
{
    if (!i.is_ethernet() || !i.is_up()) return;
    for (const link::interface_address& a : i.addresses)
        if (a.address.is_v6() && !a.is_optimistic()) advertise(i, a, all_nodes, link::group_mac(all_nodes), false, now);
}

void ndp::advertise(link::interface& i, const link::interface_address& own, const address_v6& to, const mac_address& mac,
                    bool solicited, time_point now)
{
    const bool override = !own.is_optimistic(); // RFC 4429 §3.3
    const wire::neighbor_advertisement a{own.address.to_v6(), is_router_, solicited, override, i.info().mac};
    send_advertisement(i, a, own.address.to_v6(), to, mac, now);
}

void ndp::send_advertisement(link::interface& i, const wire::neighbor_advertisement& a, const address_v6& from,
                             const address_v6& to, const mac_address& mac, time_point now)
{
    send(i, wire::make_neighbor_advertisement(a), wire::icmpv6_type::neighbor_advertisement, rest_of(a), from, to, mac, now);
}

/// As a proxy, whose answer must not override that of the node itself (RFC 4861 §7.2.8).
void ndp::answer_for(link::interface& i, const rx_packet& p, const wire::neighbor_solicitation& s, time_point now)
{
    const address from = p.flow.source_address();
    const auto source = addresses_.source_for(i.id(), from);
    if (!source || p.hops > 0) return;
    const auto mac = s.source_link ? s.source_link : i.neighbors.address_of(without_zone(from));
    send_advertisement(i, {s.target, is_router_, true, false, i.info().mac}, source->to_v6(), from.to_v6(),
                       mac.value_or(wire::source_of(p.contents.front())), now);
}

/// The source is our link-local address, by which the sender knows us as its router. The target is a router's link-local address,
/// or the destination, which is a neighbour.
bool ndp::redirect(const rx_packet& about, const address_v6& next_hop, time_point now)
{
    link::interface& i = interfaces_[about.interface];
    const address sender = about.flow.source_address();
    const address_v6 destination = about.flow.destination_address().to_v6();
    const bool on_link = without_zone(next_hop) == without_zone(destination);
    const auto own = std::find_if(i.addresses.begin(), i.addresses.end(), [](const auto& a) { return needs_zone(a.address); });
    if ((!on_link && !next_hop.is_link_local()) || own == i.addresses.end()) return false;
    const wire::redirect r{address_v6(next_hop.to_bytes()), destination, i.neighbors.address_of(without_zone(next_hop))};
    const auto mac = i.neighbors.address_of(without_zone(sender)).value_or(wire::source_of(about.contents.front()));
    send(i, wire::make_redirect(r), wire::icmpv6_type::redirect, 0, own->address.to_v6(), sender.to_v6(), mac, now);
    return true;
}

void ndp::send(link::interface& i, packet&& body, wire::icmpv6_type type, std::uint32_t rest, const address_v6& from,
               const address_v6& to, const mac_address& mac, time_point now)
{
    const flow_key flow({without_zone(from), 0}, {without_zone(to), 0}, ip_protocol::icmpv6);
    ++interfaces_.counters().icmp6.out_msgs;
    wire::push_icmpv6(body, type, 0, rest, flow);
    wire::push_ipv6(body, {ip_protocol::icmpv6, from_the_link, 0, 0}, flow.v6_words(0), flow.v6_words(1));
    link::push_frame_header(i, body, mac, wire::ether_type::ipv6);
    i.enqueue(std::move(body), now);
}

// -- duplicate address detection ------------------------------------------------------------------------------------------

void ndp::detect(link::interface& i, link::interface_address& a, unsigned probes, time_point now)
{
    if (!i.is_ethernet() || probes == 0) return;
    // RFC 4862 §5.4.2: the first probe after a random delay of at most MAX_RTR_SOLICITATION_DELAY, 1 s.
    const duration delay = std::chrono::milliseconds(random_.uniform(1000));
    a.probes_left = static_cast<std::uint8_t>(std::min(probes, 255U));
    a.detection_ends = now + delay;
    soonest_ = std::min(soonest_, a.detection_ends);
}

void ndp::run_detections(time_point now)
{
    soonest_ = never;
    for (link::interface* const i : interfaces_.ethernets())
        for (link::interface_address& a : i->addresses) {
            if (a.detection_ends <= now) probe(*i, a, now);
            soonest_ = std::min(soonest_, a.detection_ends);
        }
}

/// Sends the next probe, or ends the detection: nobody else has the address.
void ndp::probe(link::interface& i, link::interface_address& a, time_point now)
{
    a.detection_ends = never;
    if (a.probes_left == 0) return;
    --a.probes_left;
    a.detection_ends = now + i.neighbors.v6_request_interval(); // RFC 4862 §5.1: RetransTimer
    if (!detects_ || !i.is_up()) return;
    const address_v6 target(a.address.to_v6().to_bytes());
    const address_v6 group = solicited_node(target);
    a.nonce = std::max<std::uint64_t>(random_.next_u64() >> 16, 1);
    send(i, wire::make_neighbor_solicitation({target, std::nullopt, a.nonce}), wire::icmpv6_type::neighbor_solicitation, 0, {},
         group, link::group_mac(group), now);
}

std::optional<address> ndp::take_duplicate()
{
    if (duplicates_.empty()) return std::nullopt;
    const address a = duplicates_.back();
    duplicates_.pop_back();
    return a;
}

} // namespace tapio::core::ip
