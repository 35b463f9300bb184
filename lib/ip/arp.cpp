#include "ip/arp.hpp"

#include "ip/link_local_v4.hpp"
#include "link/ethernet.hpp"

#include <algorithm>

namespace tapio::core::ip {

using wire::arp_operation;

/// RFC 826, "Packet Reception", with the checks that Linux makes by default.
void arp::receive(rx_packet& p, time_point now)
{
    link::interface& i = interfaces_[p.interface];
    const bool passed_on = p.hops > 0; // from the shard that received the packet, and answers it
    p.contents.pull(std::min(p.contents.size(), p.network_at + sizeof(wire::arp_header)));
    const auto said = wire::parse_arp(p.network_header());
    if (!said) return i.dropped(said.error(), p.contents, now);
    const auto is_own = [&](const address& a) { return addresses_.interface_of(a) == i.id(); };
    const address_v4 sender = said->sender_ip;
    if (interfaces_.has_mac(said->sender_mac)) // our own frame, looped back by the network
        return i.dropped(drop_reason::arp_bad_address, p.contents, now);
    if (listener_ != nullptr) listener_->arp_heard(i.id(), *said, now);
    if (is_own(sender)) return passed_on ? void() : answer_conflict(i, sender, p, now);
    if (addresses_.is_ours(sender) || addresses_.is_broadcast(sender))
        return i.dropped(drop_reason::arp_bad_address, p.contents, now);

    using heard = link::neighbor_cache::heard;
    const bool asks = said->operation == arp_operation::request;
    const bool for_us = is_own(said->target_ip) || (asks && !sender.is_unspecified() && routes_.answers_for(i, said->target_ip));
    const bool probes = sender.is_unspecified(); // RFC 5227 §1.1
    const bool announces = !probes && sender == said->target_ip && (asks || said->target_mac == said->sender_mac);
    heard how = heard::overheard;
    if (announces) how = heard::announcement;
    if (for_us && asks && routes_.is_on_link(i.id(), sender))
        how = heard::request; // a request makes an entry only for a neighbour
    if (for_us && !asks && !p.link_group) how = heard::reply;

    link::neighbor_cache::learned l;
    if (!probes) l = i.neighbors.learn(sender, said->sender_mac, how, now);
    link::send_waiting(i, l.waiting, said->sender_mac, wire::ether_type::ipv4, now);
    if (announces) return;
    if (!for_us) return i.dropped(drop_reason::arp_not_for_us, p.contents, now);
    if (!asks) return l.accepted ? void() : i.dropped(drop_reason::arp_unsolicited, p.contents, now);
    if (!passed_on) send(i, arp_operation::reply, said->target_ip, said->sender_mac, sender, said->sender_mac);
}

/// Another station uses our address. RFC 5227 §2.4 (b): one announcement defends the address. No second one is sent within
/// DEFEND_INTERVAL, so that two hosts with the same address do not answer each other for ever: then the address is kept (c), or
/// given up by the owner of take_contested().
void arp::answer_conflict(link::interface& i, const address_v4& own, const rx_packet& p, time_point now)
{
    constexpr duration defend_interval = std::chrono::seconds(10); // RFC 5227 §1.1
    i.dropped(drop_reason::arp_conflict, p.contents, now);
    link::interface_address& ours = *addresses_.find(own);
    if (ours.defended && now < *ours.defended + defend_interval) return contested_.push_back(own);
    ours.defended = now;
    announce(i, own);
}

/// Not a leased address: a server has yet to say that it belongs on this link, and then its client announces it.
void arp::announce(link::interface& i)
{
    if (!i.is_ethernet() || !i.is_up()) return;
    for (const link::interface_address& a : i.addresses)
        if (a.address.is_v4() && a.origin != address_origin::dhcpv4) announce(i, a.address.to_v4());
}

/// RFC 5227 §2.3: an announcement is an ARP request with our address as sender and target.
void arp::announce(link::interface& i, const address_v4& own)
{
    send(i, arp_operation::request, own, {}, own, mac_address::broadcast());
}

/// The sender address of a probe is zero, so that no cache learns the address.
void arp::probe(link::interface& i, const address_v4& wanted)
{
    send(i, arp_operation::request, {}, {}, wanted, mac_address::broadcast());
}

std::optional<address_v4> arp::take_contested()
{
    if (contested_.empty()) return std::nullopt;
    const address_v4 a = contested_.back();
    contested_.pop_back();
    return a;
}

/// RFC 3927 §2.5: ARP packets from a link-local address are broadcast, replies too, so that others notice a conflict soon.
void arp::send(link::interface& i, arp_operation op, const address_v4& sender, const mac_address& target_mac,
               const address_v4& target, const mac_address& to)
{
    packet p = wire::make_arp({op, i.info().mac, sender, target_mac, target});
    link::push_frame_header(i, p, is_link_local(sender) ? mac_address::broadcast() : to, wire::ether_type::arp);
    i.enqueue(std::move(p), {});
}

void arp::request(link::interface& i, const address_v4& target, const std::optional<mac_address>& to)
{
    const auto source = addresses_.source_for(i.id(), target);
    if (source) send(i, arp_operation::request, source->to_v4(), {}, target, to.value_or(mac_address::broadcast()));
}

} // namespace tapio::core::ip
