#include "core/network.hpp"

#include "link/ethernet.hpp"

#include <cerrno>

namespace tapio::core {

network::network(const host_options& options, random_source& random, host_counters& counters)
    : interfaces_(random, counters, options.transmit_queue),
      addresses_(interfaces_),
      routes_(interfaces_, addresses_),
      shards_(options.shards, options.transmit_queue),
      arp_(interfaces_, addresses_, routes_),
      out_(interfaces_, routes_, arp_, random, options.transmit_queue),
      icmp_(interfaces_, addresses_, out_, transports_, shards_,
            {options.ttl, options.answer_echo, options.answer_broadcast_echo}),
      ip_(interfaces_, addresses_, routes_, transports_, icmp_)
{
    transports_.add(ip_protocol::icmp, icmp_);
    device_info lo;
    lo.name = "lo";
    lo.link = link_type::loopback;
    lo.mtu = 65535;
    lo.offload.checksum = true; // packets that never leave memory need no checksum
    addresses_.add(interfaces_.add(lo), {address_v4::loopback(), 8});
}

// -- configuration --------------------------------------------------------------------------------------------------------

/// Connections that wait for room in a transmit queue are woken: their new route may lead to another queue.
void network::routes_changed()
{
    routes_.invalidate();
    transports_.transmit_room(loopback);
}

interface_id network::add_interface(const device_info& info)
{
    const interface_id id = interfaces_.add(info).id();
    routes_changed();
    return id;
}

error_code network::add_address(interface_id interface, const address& a, unsigned prefix_length, time_point)
{
    if (interface >= interfaces_.size()) return errno_code(ENODEV);
    if (a.is_v6()) return errno_code(EAFNOSUPPORT);
    if (prefix_length > 32 || a.is_unspecified() || a.is_multicast()) return errno_code(EINVAL);
    if (addresses_.is_ours(a)) return errno_code(EADDRINUSE);
    link::interface& i = interfaces_[interface];
    addresses_.add(i, {a, prefix_length});
    routes_.add_network(interface, a, prefix_length);
    routes_changed();
    if (i.is_ethernet() && i.is_up()) arp_.announce(i, a.to_v4());
    return {};
}

/// As Linux: the route to a network is removed with the interface's last address in that network. Sockets bound to the removed
/// address stay open, but can no longer send.
error_code network::remove_address(const address& a)
{
    const auto gone = addresses_.remove(a);
    if (!gone) return errno_code(EADDRNOTAVAIL);
    routes_.remove_network(gone->interface, a, gone->prefix_length);
    routes_changed();
    return {};
}

error_code network::add_route(const ip::route& r)
{
    const error_code failed = routes_.add(r);
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
    if (what != change::mtu) arp_.announce(i);
    routes_changed(); // connections look up their routes again
    i.tell_trace(now);
    return what == change::state;
}

void network::join_group(interface_id interface, const address& group)
{
    interfaces_[interface].join_group(group);
    routes_.invalidate();
}

void network::leave_group(interface_id interface, const address& group)
{
    interfaces_[interface].leave_group(group);
    routes_.invalidate();
}

// -- in -------------------------------------------------------------------------------------------------------------------

void network::receive(interface_id interface, packet&& came, time_point now)
{
    link::interface& i = interfaces_[interface];
    if (!i.takes(1, came.size())) return;
    if (trace* const to = tracer()) to->received(interface, came, now);
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
            if (news && addresses_.is_ours(p.flow.destination_address())) batch.note_ours(p.flow);
            input(p, now);
        }
    batch.clear();
}

void network::receive(interface_id interface, std::span<packet> batch, time_point now)
{
    ip::coalescer joined(interfaces_[interface].info().link);
    for (packet& p : batch) {
        if (trace* const to = tracer()) to->received(interface, p, now);
        joined.add(std::move(p), [this](const flow_key& flow) { return addresses_.is_ours(flow.destination_address()); });
    }
    receive(interface, joined, now);
}

/// Filters by destination MAC address and dispatches by EtherType.
void network::input(ip::rx_packet& p, time_point now)
{
    const link::interface& i = interfaces_[p.interface];
    const bool readable = p.kind != ip::packet_kind::unreadable;
    if (i.is_ethernet() && readable && !p.link_group && !link::is_to_station(i, p.contents.front()))
        return dropped(p, drop_reason::ethernet_other_host, now);
    switch (p.kind) {
    case ip::packet_kind::ipv4: return ip_.receive(p, now);
    case ip::packet_kind::arp:
        if (shards_.concerns_all(p)) shards_.pass_on(ip::rx_packet(p), true);
        return arp_.receive(p, now);
    case ip::packet_kind::ipv6: return dropped(p, drop_reason::ipv6_unsupported, now);
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
    arp_.advance(now, [&](link::interface& i, const packet& p) {
        i.dropped(drop_reason::neighbor_unreachable, p, now);
        icmp_.report_unreachable(i, p, now);
    });
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

bool network::next_packet(interface_id interface, packet& out, time_point now)
{
    const auto next = interfaces_[interface].first_packets(1, now);
    if (next.empty()) return false;
    out = std::move(*next.front());
    drop_first_packets(interface, 1);
    return true;
}

} // namespace tapio::core
