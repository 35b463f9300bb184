// A packet off the medium: Ethernet filters, ARP (RFC 826, RFC 1122 §2.3), and on to IP.
#include "core/network.hpp"

namespace tapio::core {

using wire::arp_operation;

void network::receive(interface_id interface, packet&& came, time_point now)
{
    net_interface& i = *interfaces_[interface];
    if (!i.enabled) return discard_input(i, 1);
    ++i.counters.in_packets;
    i.counters.in_octets += came.size();
    if (trace_ != nullptr) trace_->received(interface, came, now);
    ip::rx_packet p(std::move(came), interface);
    ip::parse(p, i.info.link);
    input(p, now);
}

void network::receive(interface_id interface, ip::coalescer& batch, time_point now)
{
    net_interface& i = *interfaces_[interface];
    if (!i.enabled) {
        discard_input(i, batch.packets());
        return batch.clear();
    }
    i.counters.in_packets += batch.packets();
    i.counters.in_octets += batch.octets();
    batch.forget_ours(generation_);
    if (!batch.openings().empty()) tcp_->expect(batch.openings());
    for (const auto part : {batch.openings(), batch.finish()})
        for (ip::rx_packet& p : part) {
            p.interface = interface;
            const bool news = p.is_segment() && !batch.is_ours(p.flow);
            if (news && is_our_address(p.flow.destination_address())) batch.note_ours(p.flow);
            input(p, now);
        }
    batch.clear();
}

void network::receive(interface_id interface, std::span<packet> batch, time_point now)
{
    ip::coalescer joined(interfaces_[interface]->info.link);
    for (packet& p : batch) {
        if (trace_ != nullptr) trace_->received(interface, p, now);
        joined.add(std::move(p), [this](const flow_key& flow) { return is_our_address(flow.destination_address()); });
    }
    receive(interface, joined, now);
}

void network::input(ip::rx_packet& p, time_point now)
{
    const bool framed = interfaces_[p.interface]->info.link == link_type::ethernet;
    if (framed && p.kind != ip::packet_kind::unreadable && !is_frame_for_us(p))
        return dropped(p, drop_reason::ethernet_other_host, now);
    switch (p.kind) {
    case ip::packet_kind::ipv4: return ip_input(p, now);
    case ip::packet_kind::arp: return arp_input(p, now);
    case ip::packet_kind::ipv6: return dropped(p, drop_reason::ipv6_unsupported, now);
    case ip::packet_kind::unreadable: return dropped(p, *p.flaw, now);
    case ip::packet_kind::other: return dropped(p, drop_reason::ethernet_unknown_type, now);
    }
}

bool network::is_frame_for_us(const ip::rx_packet& p) const noexcept
{
    return p.link_group || wire::destination_of(p.contents.front()) == interfaces_[p.interface]->info.mac;
}

/// RFC 826, "Packet Reception", with what Linux accepts by default: see neighbor_cache::learn().
void network::arp_input(ip::rx_packet& p, time_point now)
{
    const interface_id interface = p.interface;
    const bool passed_on = p.hops > 0;
    if (options_.shards > 1 && !passed_on) pass_on(ip::rx_packet(p), true);
    p.contents.pull(std::min(p.contents.size(), p.network_at + sizeof(wire::arp_header)));
    const auto arp = wire::parse_arp(p.network_header());
    if (!arp) return dropped(p, arp.error(), now);
    net_interface& i = *interfaces_[interface];
    const auto is_own = [&](const address& a) { return find_interface(a) == interface; };
    if (has_mac(arp->sender_mac)) return dropped(p, drop_reason::arp_bad_address, now); // a frame of ours came back
    if (is_own(arp->sender_ip)) return passed_on ? void() : answer_conflict(i, arp->sender_ip, p.contents, now);
    if (is_our_address(arp->sender_ip) || is_broadcast(arp->sender_ip)) return dropped(p, drop_reason::arp_bad_address, now);

    using heard = link::neighbor_cache::heard;
    const bool asks = arp->operation == arp_operation::request;
    const bool for_us = is_own(arp->target_ip);
    const bool probes = arp->sender_ip.is_unspecified(); // RFC 5227 §1.1
    const bool announces = !probes && arp->sender_ip == arp->target_ip && (asks || arp->target_mac == arp->sender_mac);
    heard how = heard::overheard;
    if (announces) how = heard::announcement;
    if (for_us && asks && is_on_link(interface, arp->sender_ip)) how = heard::request;
    if (for_us && !asks && !p.link_group) how = heard::reply;

    link::neighbor_cache::learned l;
    if (!probes) l = i.neighbors.learn(arp->sender_ip, arp->sender_mac, how, now);
    for (packet& waiting : l.waiting) {
        frame(interface, arp->sender_mac, waiting);
        enqueue(interface, std::move(waiting), now);
    }
    if (announces) return;
    if (!for_us) return dropped(p, drop_reason::arp_not_for_us, now);
    if (!asks) return l.accepted ? void() : dropped(p, drop_reason::arp_unsolicited, now);
    if (passed_on) return; // the shard that received it answers
    send_arp(interface, arp_operation::reply, arp->target_ip, arp->sender_mac, arp->sender_ip, arp->sender_mac);
}

/// Another station uses our address. RFC 5227 §2.4 (b): it is told so by one announcement; (c): the address is kept, and no
/// second announcement goes within DEFEND_INTERVAL, so that two hosts with one address do not answer each other for ever.
void network::answer_conflict(net_interface& i, const address_v4& own, const packet& p, time_point now)
{
    constexpr duration defend_interval = std::chrono::seconds(10); // RFC 5227 §1.1
    dropped(i.id, drop_reason::arp_conflict, p, now);
    const auto ours = own_.find(own.to_uint())->second.place;
    if (ours->defended && now < *ours->defended + defend_interval) return;
    ours->defended = now;
    announce_address(i.id, own);
}

bool network::has_mac(const mac_address& mac) const noexcept
{
    return std::any_of(ethernets_.begin(), ethernets_.end(), [&](interface_id n) { return interfaces_[n]->info.mac == mac; });
}

/// A neighbour: packets to it need no gateway. Only for such addresses entries are made.
bool network::is_on_link(interface_id interface, const address& a) const noexcept
{
    const ip::route* const r = routes_.find(a, interface);
    return r != nullptr && !r->gateway;
}

/// RFC 5227 §2.3, the form of a request.
void network::announce_address(interface_id interface, const address_v4& own)
{
    send_arp(interface, arp_operation::request, own, {}, own, mac_address::broadcast());
}

void network::send_arp(interface_id interface, arp_operation op, const address_v4& sender, const mac_address& target_mac,
                       const address_v4& target, const mac_address& to)
{
    packet p = wire::make_arp({op, interfaces_[interface]->info.mac, sender, target_mac, target});
    wire::push_ethernet(p, to, interfaces_[interface]->info.mac, wire::ether_type::arp);
    enqueue(interface, std::move(p), {});
}

/// Sends what the neighbour cache wants asked.
void network::ask_neighbors(interface_id interface, time_point now)
{
    net_interface& i = *interfaces_[interface];
    link::neighbor_cache::request r;
    while (i.neighbors.take_request(r)) {
        const auto source = source_for(interface, r.target);
        if (!source) continue;
        send_arp(interface, arp_operation::request, source->to_v4(), {}, r.target.to_v4(),
                 r.unicast_to.value_or(mac_address::broadcast()));
    }
    packet p;
    while (i.neighbors.take_overflow(p)) dropped(interface, drop_reason::neighbor_queue_full, p, now);
}

void network::advance(time_point now)
{
    for (const interface_id n : ethernets_) {
        net_interface& i = *interfaces_[n];
        if (!i.neighbors.advance(now)) continue;
        ask_neighbors(n, now);
        packet p;
        while (i.neighbors.take_unreachable(p)) {
            dropped(n, drop_reason::neighbor_unreachable, p, now);
            report_unreachable(n, p, now);
        }
    }
}

} // namespace tapio::core
