#include "ip/multicast.hpp"

#include "link/ethernet.hpp"
#include "wire/igmp.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/mld.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace tapio::core::ip {

namespace {

constexpr subscriber_id the_host = 0; // has joined the groups of its addresses

/// Prepends an IPv4 header with the router alert option.
void push_alerting_header(packet& p, const address_v4& from, const address_v4& to)
{
    const auto& option = wire::ipv4_router_alert_option;
    std::memcpy(p.push_front(option.size()), option.data(), option.size());
    wire::ipv4_header h;
    constexpr std::size_t length = sizeof h + sizeof(wire::ipv4_router_alert_option);
    h.version_ihl = static_cast<std::uint8_t>(0x40 | length / 4);
    h.tos = group_message::tos;
    h.total_length = static_cast<std::uint16_t>(sizeof h + p.size());
    h.identification = 0;
    h.flags_offset = wire::ipv4_dont_fragment;
    h.ttl = group_message::hop_limit;
    h.protocol = static_cast<std::uint8_t>(ip_protocol::igmp);
    h.checksum = 0;
    h.source = from.to_bytes();
    h.destination = to.to_bytes();
    checksum_accumulator sum;
    sum.add(wire::octets_of(h));
    sum.add(std::as_bytes(std::span(option)));
    h.checksum = sum.checksum();
    p.push_front(h);
}

} // namespace

void multicast::join(link::interface& i, const address& group)
{
    i.join_group(group);
    if (++counted_[{i.id(), without_zone(group)}] == 1) set_filter(i, group, the_host, {filter_mode::exclude, {}});
}

void multicast::leave(link::interface& i, const address& group)
{
    i.leave_group(group);
    const auto at = counted_.find({i.id(), without_zone(group)});
    if (at == counted_.end() || --at->second != 0) return;
    counted_.erase(at);
    set_filter(i, group, the_host, {});
}

subscriber_id multicast::join(link::interface& i, const address& group, const source_filter& filter)
{
    i.join_group(group);
    const subscriber_id who = ++last_subscriber_;
    set_filter(i, group, who, filter);
    return who;
}

void multicast::leave(link::interface& i, const address& group, subscriber_id who)
{
    i.leave_group(group);
    set_filter(i, group, who, {});
}

void multicast::set_filter(const link::interface& i, const address& group, subscriber_id who, const source_filter& filter)
{
    if (!i.is_ethernet()) return;
    changes_.push_back({i.id(), without_zone(group), who, filter});
    soonest_ = time_point::min();
}

/// An interface whose link is up from the start reports as soon as it has a group.
group_membership& multicast::groups_of(const link::interface& i, family f, time_point now)
{
    soonest_ = time_point::min(); // the caller will change them
    const auto [at, fresh] = groups_.try_emplace({i.id(), f}, f, i.mtu(f), random_);
    if (fresh && i.is_up()) at->second.link_up(now);
    return at->second;
}

void multicast::link_changed(const link::interface& i, time_point now)
{
    soonest_ = time_point::min();
    for (const family f : {family::v4, family::v6}) {
        const auto known = groups_.find({i.id(), f});
        if (known == groups_.end()) continue;
        known->second.set_mtu(i.mtu(f));
        i.is_up() ? known->second.link_up(now) : known->second.link_down();
    }
}

// -- messages in ------------------------------------------------------------------------------------------------------------

/// RFC 3376 §9.1: a message that a router has passed on is ignored.
void multicast::receive(rx_packet& p, time_point now)
{
    link::interface& i = interfaces_[p.interface];
    const auto drop = [&](drop_reason why) { i.dropped(why, p.contents, now); };
    if (!i.is_ethernet() || p.ttl != 1) return drop(drop_reason::igmp_malformed);
    if (shards_.concerns_all(p)) shards_.pass_on(rx_packet(p), true); // any shard may have members
    p.contents.pull(p.contents.size());
    const const_bytes message = p.transport_header();
    const auto type = wire::parse_igmp(message);
    if (!type) return drop(type.error());
    group_membership& groups = groups_of(i, family::v4, now);
    if (*type == wire::igmp_type::query) {
        const auto q = wire::parse_igmp_query(message);
        if (!q) return drop(q.error());
        groups.receive_query(*q, now);
    } else if (*type == wire::igmp_type::report_v1 || *type == wire::igmp_type::report_v2) {
        const auto group = wire::parse_igmp_report(message);
        if (!group) return drop(group.error());
        groups.receive_report(*group, now);
    }
}

bool multicast::is_mld(wire::icmpv6_type type) noexcept
{
    return type == wire::icmpv6_type::listener_query || type == wire::icmpv6_type::listener_report;
}

/// RFC 3810 §6.2, RFC 2710 §3: from a link-local address, with a hop limit of 1 and a router alert.
void multicast::receive_mld(rx_packet& p, const wire::icmpv6_message& m, time_point now)
{
    link::interface& i = interfaces_[p.interface];
    const auto drop = [&](drop_reason why) { i.dropped(why, p.contents, now); };
    const address from = p.flow.source_address();
    const bool query = m.type == wire::icmpv6_type::listener_query;
    const bool right_source = from.to_v6().is_link_local() || (!query && from.is_unspecified());
    if (!i.is_ethernet() || p.ttl != 1 || !right_source || (query && !p.router_alert)) return drop(drop_reason::mld_malformed);
    p.contents.pull(p.contents.size());
    const const_bytes body = p.transport_header().subspan(sizeof(wire::icmpv6_header));
    group_membership& groups = groups_of(i, family::v6, now);
    if (query) {
        const auto q = wire::parse_mld_query(m.rest, body);
        return q ? groups.receive_query(*q, now) : drop(q.error());
    }
    const auto group = wire::parse_mld_report(body);
    group ? groups.receive_report(*group, now) : drop(group.error());
}

// -- messages out -----------------------------------------------------------------------------------------------------------

void multicast::apply_changes(time_point now)
{
    for (const change& c : std::exchange(changes_, {})) {
        group_membership& groups = groups_of(interfaces_[c.interface], family_of(c.group), now);
        // Too many groups for reports: the group is received all the same.
        (void)groups.set_filter(c.who, c.group, c.filter.mode, c.filter.sources, now);
    }
}

void multicast::advance(time_point now)
{
    if (now < soonest_) return;
    if (!changes_.empty()) apply_changes(now);
    soonest_ = never;
    for (auto& [of, groups] : groups_) {
        if (groups.next_deadline() <= now) groups.advance(now);
        if (groups.has_message()) send_messages(interfaces_[of.first], groups, now);
        soonest_ = std::min(soonest_, groups.next_deadline());
    }
}

void multicast::send_messages(link::interface& i, group_membership& groups, time_point now)
{
    while (groups.has_message()) {
        group_message m = groups.take_message();
        m.destination.is_v4() ? send_igmp(i, std::move(m), now) : send_mld(i, std::move(m), now);
    }
}

void multicast::send_igmp(link::interface& i, group_message&& m, time_point now)
{
    const auto source = addresses_.source_for(i.id(), m.destination);
    const address_v4 to = m.destination.to_v4();
    push_alerting_header(m.body, source ? source->to_v4() : address_v4(), to);
    link::push_frame_header(i, m.body, link::group_mac(to), wire::ether_type::ipv4);
    i.enqueue(std::move(m.body), now);
}

void multicast::send_mld(link::interface& i, group_message&& m, time_point now)
{
    const auto source = addresses_.source_for(i.id(), in_zone(m.destination, i.zone()));
    const auto* const own = source ? addresses_.find(*source) : nullptr;
    const bool link_local = own != nullptr && needs_zone(*source) && !own->is_optimistic(); // RFC 3810 §5.2.13
    const address_v6 to = m.destination.to_v6();
    const flow_key flow({link_local ? without_zone(*source) : address(address_v6()), 0}, {to, 0}, ip_protocol::icmpv6);
    wire::push_icmpv6(m.body, m.type, 0, m.rest, flow);
    const auto& alert = wire::mld_hop_by_hop_header;
    std::memcpy(m.body.push_front(alert.size()), alert.data(), alert.size());
    constexpr ip_protocol hop_by_hop{static_cast<std::uint8_t>(wire::ipv6_extension::hop_by_hop)};
    wire::push_ipv6(m.body, {hop_by_hop, group_message::hop_limit, 0, 0}, flow.v6_words(0), flow.v6_words(1));
    link::push_frame_header(i, m.body, link::group_mac(to), wire::ether_type::ipv6);
    i.enqueue(std::move(m.body), now);
}

} // namespace tapio::core::ip
