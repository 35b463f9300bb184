#include "core/network.hpp"

#include "link/ethernet.hpp"

#include <cerrno>

namespace tapio::core {

namespace {

const address_v6 all_routers({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}); // of a link (RFC 4291 §2.7.1)

} // namespace

network::network(const host_options& options, random_source& random, host_counters& counters)
    : interfaces_(random, counters, options.transmit_queue),
      addresses_(interfaces_, options.strong_host),
      routes_(interfaces_, addresses_),
      shards_(options.shards, options.transmit_queue),
      groups_(interfaces_, addresses_, shards_, random),
      arp_(interfaces_, addresses_, routes_),
      ndp_(interfaces_, addresses_, routes_, random, options.shard == 0),
      resolution_(interfaces_, arp_, ndp_),
      out_(interfaces_, routes_, resolution_, hooks_, random, options.transmit_queue),
      icmp_(interfaces_, addresses_, out_, transports_, shards_,
            ip::icmp_options{options.ttl, options.answer_echo, options.answer_broadcast_echo}, counters.icmp),
      icmpv6_(ndp_, groups_, interfaces_, addresses_, out_, transports_, shards_,
              ip::icmp_options{options.ttl, options.answer_echo, options.answer_broadcast_echo}, counters.icmp6),
      forwarding_(interfaces_, routes_, hooks_, out_, icmp_, icmpv6_),
      ip_(interfaces_, addresses_, routes_, transports_, hooks_, forwarding_, icmp_, icmpv6_),
      random_(random),
      accept_redirects_(options.accept_redirects),
      duplicate_probes_(options.duplicate_address_probes)
{
    transports_.add(ip_protocol::icmp, icmp_);
    transports_.add(ip_protocol::igmp, groups_);
    transports_.add(ip_protocol::icmpv6, icmpv6_);
    arp_.set_listener(*this);
    ndp_.set_listener(*this);
    icmp_.set_listener(*this);
    device_info lo;
    lo.name = "lo";
    lo.link = link_type::loopback;
    lo.mtu = 65535;
    lo.offload.checksum = true; // packets that never leave memory need no checksum
    link::interface& i = interfaces_.add(lo);
    addresses_.add(i, {address_v4::loopback(), 8});
    addresses_.add(i, {address_v6::loopback(), 128});
}

// -- configuration --------------------------------------------------------------------------------------------------------

/// Connections that wait for room in a transmit queue are woken: their new route may lead to another queue.
void network::routes_changed()
{
    routes_.invalidate();
    transports_.transmit_room(loopback);
}

interface_id network::add_interface(const device_info& info) { return begin(interfaces_.add(info)); }

interface_id network::begin(link::interface& added)
{
    if (forwarding_.is_on(family::v6) && added.is_ethernet()) groups_.join(added, all_routers);
    routes_changed();
    return added.id();
}

result<interface_id> network::add_vlan(interface_id carrier, std::uint16_t vlan)
{
    if (carrier == loopback || carrier >= interfaces_.size()) return errno_code(ENODEV);
    const link::interface& on = interfaces_[carrier];
    if (!on.is_ethernet() || on.carrier() != nullptr || vlan < 1 || vlan > 4094) return errno_code(EINVAL);
    if (interfaces_.find_vlan(carrier, vlan) != nullptr) return errno_code(EEXIST);
    return begin(interfaces_.add_vlan(carrier, vlan));
}

error_code network::add_address(interface_id interface, const address& wanted, unsigned prefix_length, time_point now,
                                address_origin origin)
{
    if (interface >= interfaces_.size()) return errno_code(ENODEV);
    link::interface& i = interfaces_[interface];
    const address a = in_zone(wanted, i.zone());
    if (prefix_length > (a.is_v4() ? 32 : 128) || a.is_unspecified() || a.is_multicast()) return errno_code(EINVAL);
    if (a.is_v6() && a.to_v6().is_v4_mapped()) return errno_code(EINVAL);
    if (addresses_.is_ours(a)) return errno_code(EADDRINUSE);
    add_own(i, a, prefix_length, origin, now);
    if (a.is_v6() && !needs_zone(a)) make_link_local(i, now);
    routes_changed();
    if (a.is_v4() && i.is_ethernet() && i.is_up()) arp_.announce(i, a.to_v4());
    return {};
}

void network::add_own(link::interface& i, const address& a, unsigned prefix_length, address_origin origin, time_point now)
{
    link::interface_address& own = addresses_.add(i, {a, prefix_length});
    own.origin = origin;
    configuration_changed(i.id());
    routes_.add_network(i.id(), a, prefix_length);
    if (a.is_v4()) return;
    groups_.join(i, ip::solicited_node(a.to_v6()));
    ndp_.detect(i, own, duplicate_probes_, now);
}

/// An Ethernet that speaks IPv6 needs a link-local address (RFC 4291 §2.8): neighbours and routers are asked from it. Its
/// identifier is made of the MAC address (RFC 4291, appendix A), which all shards share.
void network::make_link_local(link::interface& i, time_point now)
{
    const bool has_one = std::any_of(i.addresses.begin(), i.addresses.end(), [](const auto& a) { return needs_zone(a.address); });
    if (has_one || !i.is_ethernet()) return;
    const auto& m = i.info().mac.octets;
    const address_v6::bytes_type octets{0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<std::uint8_t>(m[0] ^ 2),
                                        m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
    const address_v6 own(octets, i.zone());
    if (!addresses_.is_ours(own)) add_own(i, own, 64, address_origin::link_local, now);
}

/// As Linux: the route to a network is removed with the interface's last address in that network. Sockets bound to the removed
/// address stay open, but can no longer send.
error_code network::remove_address(const address& a)
{
    const auto gone = addresses_.remove(a);
    if (!gone) return errno_code(EADDRNOTAVAIL);
    if (a.is_v6()) groups_.leave(interfaces_[gone->interface], ip::solicited_node(a.to_v6()));
    // A leased address comes back, or another one does; the user's routes are there for both.
    const bool leased = gone->origin == address_origin::dhcpv4 || gone->origin == address_origin::dhcpv6;
    routes_.remove_network(gone->interface, a, gone->prefix_length, leased);
    configuration_changed(gone->interface);
    routes_changed();
    return {};
}

// -- forwarding, any-IP, proxies --------------------------------------------------------------------------------------------

void network::set_forwarding(const forwarding_options& options)
{
    const bool was_router = forwarding_.is_on(family::v6);
    forwarding_.set(options);
    routes_.forget_redirects(); // a router chooses its next hops by itself (RFC 1812 §5.2.7.2, RFC 4861 §8.3)
    ndp_.set_router(options.v6);
    for (link::interface* const i : interfaces_.ethernets()) { // RFC 4291 §2.8
        if (options.v6 && !was_router) groups_.join(*i, all_routers);
        if (!options.v6 && was_router) groups_.leave(*i, all_routers);
    }
    routes_changed();
}

error_code network::accept_any_destination(interface_id interface, bool yes)
{
    if (interface >= interfaces_.size()) return errno_code(ENODEV);
    addresses_.set_any(interfaces_[interface], yes);
    routes_changed();
    return {};
}

error_code network::proxy_neighbors(interface_id interface, bool yes)
{
    if (interface >= interfaces_.size()) return errno_code(ENODEV);
    interfaces_[interface].proxy = yes;
    routes_changed();
    return {};
}

// -- autoconfiguration -------------------------------------------------------------------------------------------------

error_code network::autoconfigure(interface_id interface, const autoconfigure_options& options, time_point now)
{
    if (interface == loopback || interface >= interfaces_.size()) return errno_code(ENODEV);
    link::interface& i = interfaces_[interface];
    if (!i.is_ethernet()) return errno_code(EOPNOTSUPP);
    const auto [at, fresh] = autoconfigured_.try_emplace(interface, i, *this, arp_, ndp_, random_, options);
    if (!fresh) return errno_code(EALREADY);
    at->second.link_changed(now);
    return {};
}

void network::router_advertised(interface_id by, const wire::router_advertisement& ra, const address_v6& router, time_point now)
{
    if (const auto a = autoconfigured_.find(by); a != autoconfigured_.end()) a->second.router_advertised(ra, router, now);
}

void network::no_longer_router(interface_id by, const address_v6& neighbor, time_point now)
{
    if (const auto a = autoconfigured_.find(by); a != autoconfigured_.end()) a->second.no_longer_router(neighbor, now);
}

void network::arp_heard(interface_id by, const wire::arp_packet& said, time_point now)
{
    if (const auto a = autoconfigured_.find(by); a != autoconfigured_.end()) a->second.arp_heard(said, now);
    if (client_ != nullptr) client_->arp_heard(by, said, now);
}

bool network::redirected(interface_id by, const address& router, const address& destination, const address& next_hop,
                         time_point now)
{
    if (!accept_redirects_ || forwarding_.is_on(family_of(destination))) return false;
    if (!routes_.follow_redirect(by, router, destination, next_hop, now)) return false;
    routes_changed();
    return true;
}

/// Another node has the address. An IPv4 address is kept (RFC 5227 §2.4 (c)) unless it is an autoconfigured or leased one.
void network::give_up(const address& duplicate, time_point now)
{
    if (client_ != nullptr && client_->contested(duplicate, now)) return;
    const auto by = addresses_.interface_of(duplicate);
    const auto a = by ? autoconfigured_.find(*by) : autoconfigured_.end();
    if (a != autoconfigured_.end() && a->second.has(duplicate)) return a->second.duplicate(duplicate, now);
    if (duplicate.is_v6()) (void)remove_address(duplicate);
}

void network::set_deprecated(const address& own, bool yes) noexcept
{
    if (link::interface_address* const a = addresses_.find(own)) a->deprecated = yes;
    routes_.invalidate(); // the source of the next packet may be another
}

void network::set_temporary(const address& own) noexcept
{
    if (link::interface_address* const a = addresses_.find(own)) a->temporary = true;
}

void network::detect_again(const address& own, time_point now)
{
    const auto by = addresses_.interface_of(own);
    if (by) ndp_.detect(interfaces_[*by], *addresses_.find(own), duplicate_probes_, now);
}

void network::require_link_local(interface_id interface, time_point now)
{
    make_link_local(interfaces_[interface], now);
    routes_changed();
}

const ip::link_parameters* network::v6_parameters(interface_id interface) const noexcept
{
    const auto a = autoconfigured_.find(interface);
    return a == autoconfigured_.end() ? nullptr : &a->second.parameters();
}

void network::set_v6_parameters(interface_id interface, const ip::link_parameters& p, time_point now)
{
    link::interface& i = interfaces_[interface];
    i.set_v6_mtu(p.mtu.value_or(0));
    i.v6_hop_limit = p.hop_limit.value_or(0);
    i.neighbors.set_v6_times(p.reachable_time ? duration(*p.reachable_time) : link::reachable_time::default_base,
                             p.retransmit_time ? duration(*p.retransmit_time) : link::neighbor_cache::request_interval);
    if (client_ != nullptr) client_->routers_said(interface, p, now);
    routes_changed();
}

void network::set_v4_mtu(interface_id interface, std::size_t octets)
{
    interfaces_[interface].set_v4_mtu(octets);
    routes_changed();
}

error_code network::add_route(const ip::route& r)
{
    const error_code failed = routes_.add(r);
    if (!failed) routes_changed();
    return failed;
}

error_code network::replace_route(const ip::route& r)
{
    const error_code failed = routes_.replace(r);
    if (!failed) routes_changed();
    return failed;
}

error_code network::remove_route(const ip::route& r)
{
    const error_code failed = routes_.remove(r);
    if (!failed) routes_changed();
    return failed;
}

bool network::set_link(interface_id interface, bool up, std::size_t mtu, time_point now)
{
    link::interface& i = interfaces_[interface];
    return follow(i, i.set_link(up, mtu, now), now);
}

bool network::set_enabled(interface_id interface, bool yes, time_point now)
{
    link::interface& i = interfaces_[interface];
    return follow(i, i.set_enabled(yes, now), now);
}

bool network::lost(interface_id interface, error_code why, time_point now)
{
    link::interface& i = interfaces_[interface];
    return follow(i, i.lost(why, now), now);
}

bool network::replace_device(interface_id interface, const device_info& info, time_point now)
{
    return follow(interfaces_[interface], interfaces_.replace_device(interface, info, now), now);
}

/// @return true if the interface's state has changed
bool network::follow(link::interface& i, link::interface::change what, time_point now)
{
    using change = link::interface::change;
    if (what == change::none) return false;
    if (link::frame_tap* const tap = interfaces_.tap()) tap->state_changed(i); // first: below, frames are queued
    if (what != change::mtu) {
        arp_.announce(i);
        ndp_.announce(i, now);
    }
    groups_.link_changed(i, now);
    if (const auto a = autoconfigured_.find(i.id()); a != autoconfigured_.end()) a->second.link_changed(now);
    if (client_ != nullptr) client_->link_changed(i.id(), what == change::device, now);
    routes_changed(); // connections look up their routes again
    i.tell_trace(now);
    for (link::interface* const v : interfaces_.ethernets())
        if (v->carrier() == &i) follow(*v, v->follow_carrier(now), now);
    return what == change::state;
}

ip::subscriber_id network::join_group(interface_id interface, const address& group, const ip::source_filter& filter)
{
    routes_.invalidate();
    return groups_.join(interfaces_[interface], group, filter);
}

void network::leave_group(interface_id interface, const address& group, ip::subscriber_id who)
{
    groups_.leave(interfaces_[interface], group, who);
    routes_.invalidate();
}

// -- in -------------------------------------------------------------------------------------------------------------------

void network::receive(interface_id interface, packet&& came, time_point now)
{
    link::interface& i = interfaces_[interface];
    if (!i.takes(1, came.size())) return;
    if (trace* const to = tracer()) to->received(interface, came, now);
    if (link::frame_tap* const tap = interfaces_.tap()) tap->received(i, came, now);
    ip::rx_packet p(std::move(came), interface);
    ip::parse(p, i.info().link);
    input(p, now);
}

void network::receive(interface_id interface, ip::coalescer& batch, time_point now)
{
    if (!interfaces_[interface].takes(batch.packets(), batch.octets())) return batch.clear();
    batch.forget_ours(routes_.generation());
    ip::transport* const tcp = transports_.find(ip_protocol::tcp);
    if (!batch.openings().empty() && tcp != nullptr) tcp->expect(batch.openings());
    for (const auto part : {batch.openings(), batch.finish()})
        for (ip::rx_packet& p : part) {
            p.interface = interface;
            const bool news = p.is_segment() && !batch.is_ours(p.flow);
            if (news && addresses_.accepts(interfaces_[interface], p.flow.destination_address())) batch.note_ours(p.flow);
            input(p, now);
        }
    batch.clear();
}

void network::receive(interface_id interface, std::span<packet> batch, time_point now)
{
    ip::coalescer joined(interfaces_[interface].info().link);
    for (packet& p : batch) {
        if (trace* const to = tracer()) to->received(interface, p, now);
        if (link::frame_tap* const tap = interfaces_.tap()) tap->received(interfaces_[interface], p, now);
        joined.add(std::move(p),
                   [&](const flow_key& flow) { return addresses_.accepts(interfaces_[interface], flow.destination_address()); });
    }
    receive(interface, joined, now);
}

/// A tagged frame belongs to the interface of its VLAN. @return false: dropped
bool network::enter_vlan(ip::rx_packet& p, time_point now)
{
    link::interface* const of = interfaces_.find_vlan(p.interface, p.vlan);
    if (of == nullptr) return dropped(p, drop_reason::ethernet_unknown_vlan, now), false;
    p.interface = of->id();
    return of->takes(1, p.contents.size());
}

/// Filters by destination MAC address and dispatches by EtherType.
void network::input(ip::rx_packet& p, time_point now)
{
    if (p.vlan != 0 && !enter_vlan(p, now)) return;
    const link::interface& i = interfaces_[p.interface];
    const bool readable = p.kind != ip::packet_kind::unreadable;
    if (i.is_ethernet() && readable && !p.link_group && !link::is_to_station(i, p.contents.front()))
        return dropped(p, drop_reason::ethernet_other_host, now);
    switch (p.kind) {
    case ip::packet_kind::ipv4:
    case ip::packet_kind::ipv6: return ip_.receive(p, now);
    case ip::packet_kind::arp:
        if (shards_.concerns_all(p)) shards_.pass_on(ip::rx_packet(p), true);
        return arp_.receive(p, now);
    case ip::packet_kind::unreadable: return dropped(p, *p.flaw, now);
    case ip::packet_kind::other: return dropped(p, drop_reason::ethernet_unknown_type, now);
    }
}

void network::receive_misdirected(misdirected&& m, time_point now)
{
    ip::rx_packet& p = m.contents;
    if (p.interface >= interfaces_.size()) return;
    p.kind == ip::packet_kind::arp ? arp_.receive(p, now) : ip_.receive(p, now);
}

void network::advance(time_point now)
{
    if (now < next_deadline()) return;
    routes_.advance(now); // may ask for neighbours
    resolution_.advance(
        now, [&](link::interface& i, const packet& p) { lost(i, p, now); },
        [&](const link::interface& i, const address& a) { routes_.neighbor_is_silent(i.id(), a, now); });
    hooks_.advance(now);
    ndp_.advance(now);
    ip_.advance(now);
    groups_.advance(now);
    out_.advance(now);
    while (const auto duplicate = ndp_.take_duplicate()) give_up(*duplicate, now);
    while (const auto contested = arp_.take_contested()) give_up(*contested, now);
    for (auto& [id, a] : autoconfigured_) a.advance(now);
}

time_point network::next_deadline() const noexcept
{
    if (arp_.has_contested()) return time_point::min();
    time_point next = std::min({resolution_.next_deadline(), ndp_.next_deadline(), ip_.next_deadline(), out_.next_deadline(),
                                groups_.next_deadline(), hooks_.next_deadline(), routes_.next_deadline()});
    for (const auto& [id, a] : autoconfigured_) next = std::min(next, a.next_deadline());
    return next;
}

void network::refuse(const ip::rx_packet& about, refusal how, const std::optional<address>& from, time_point now)
{
    using ip::unreachable;
    const bool v4 = about.kind == ip::packet_kind::ipv4;
    const auto tell = [&](unreachable why) {
        v4 ? icmp_.send_unreachable(about, why, now, from) : icmpv6_.send_unreachable(about, why, now, from);
    };
    switch (how) {
    case refusal::reset:
    case refusal::port_unreachable: return tell(unreachable::port);
    case refusal::host_unreachable: return tell(unreachable::host);
    case refusal::network_unreachable: return tell(unreachable::network);
    case refusal::prohibited: return tell(unreachable::prohibited);
    case refusal::time_exceeded:
        return v4 ? icmp_.send_time_exceeded(about, now, from) : icmpv6_.send_time_exceeded(about, now, from);
    }
}

/// The next hop of a packet does not answer. Its sender is told: a socket of ours, or a host for which it was forwarded.
void network::lost(link::interface& i, const packet& p, time_point now)
{
    i.dropped(drop_reason::neighbor_unreachable, p, now);
    ip::rx_packet about(packet(p), i.id());
    ip::parse_ip(about);
    if (!about.flaw) routes_.forget_redirect(about.flow.destination_address());
    if (about.flaw || addresses_.may_be_source(in_zone(about.flow.source_address(), i.zone())))
        return icmp_.report_unreachable(i, p, now);
    send_unreachable(about, ip::unreachable::host, now);
}

bool network::run_loopback(time_point now)
{
    constexpr unsigned budget = 256; // packets per run: endless loopback traffic must not starve the devices
    if (!loopback_waits()) return false;
    bool any = false;
    packet p;
    for (unsigned n = 0; n < budget && next_packet(loopback, p, now); ++n) {
        any = true;
        receive(loopback, std::move(p), now);
    }
    for (auto& [interface, looped] : out_.take_looped()) {
        any = true;
        ip::rx_packet back(std::move(looped), interface);
        ip::parse_ip(back);
        back.from_us = true;
        ip_.receive(back, now);
    }
    return any;
}

// -- out ------------------------------------------------------------------------------------------------------------------

void network::drop_first_packets(interface_id interface, std::size_t n)
{
    if (interfaces_[interface].drop_first_packets(n)) transports_.transmit_room(interface);
}

error_code network::send_frame(interface_id by, packet&& frame, time_point now)
{
    link::interface& i = interfaces_[by];
    if (i.is_up() && !i.queue().has_room(false)) {
        i.refused(drop_reason::transmit_queue_full, frame, now);
        return errno_code(ENOBUFS);
    }
    i.enqueue(std::move(frame), now);
    return {};
}

bool network::next_packet(interface_id interface, packet& out, time_point now)
{
    const auto next = interfaces_[interface].first_packets(1, now);
    if (next.empty()) return false;
    out = std::move(*next.front());
    drop_first_packets(interface, 1);
    return true;
}

} // namespace tapio::core
