// An IPv4 packet in: the checks of RFC 791, RFC 1122 §3.2.1 and RFC 1812 §5.2.2, and on to ICMP, UDP or TCP.
#include "core/network.hpp"

namespace tapio::core {

namespace {

bool is_class_e(const address_v4& a) noexcept { return a.to_uint() >> 28 == 0xf; }
bool is_this_network(const address_v4& a) noexcept { return a.to_uint() >> 24 == 0; }

} // namespace

void network::ipv4_input(interface_id interface, packet&& p, bool link_group, time_point now, bool from_us, std::uint8_t hops)
{
    ++counters_.ip.in_receives;
    wire::pull_ipv4(p);
    const auto f = wire::parse_ipv4(p.front(), p.size());
    if (!f) {
        ++counters_.ip.in_hdr_errors;
        return dropped(interface,
                       f.error() == drop_reason::ipv4_bad_version && !p.empty() &&
                               std::to_integer<unsigned>(p.front()[0]) >> 4 == 6
                           ? drop_reason::ipv6_unsupported
                           : f.error(),
                       p, now);
    }
    p.truncate(f->total_length); // Ethernet padding
    if (const auto why = from_us ? check_destination(interface, *f, link_group) : check_addresses(interface, *f, link_group)) {
        ++counters_.ip.in_addr_errors;
        return dropped(interface, *why, p, now);
    }
    if (f->is_fragment()) { // reassembly will stand here
        ++counters_.ip.in_discards;
        return dropped(interface, drop_reason::ipv4_fragment, p, now);
    }
    received_packet r(p);
    r.interface = interface;
    r.source = f->source;
    r.destination = f->destination;
    r.ttl = f->ttl;
    r.tos = f->tos;
    r.hops = hops;
    r.to_group = link_group || f->destination.is_multicast() || is_broadcast(f->destination);
    r.ip_header_size = static_cast<std::uint8_t>(f->header_length);
    std::copy_n(p.front().begin(), f->header_length, r.ip_header.begin());
    p.consume(f->header_length);
    deliver(f->protocol, r, now);
}

/// The short way: of a segment that is `ip::arrival::verified`, to us as the last from there was. False: it has to go the long
/// one.
bool network::segment_input(interface_id interface, packet& p, const flow_key& flow, time_point now)
{
    const device_info& info = interfaces_[interface]->info;
    const std::byte* at = p.front().data();
    const std::size_t link = info.link == link_type::ethernet ? sizeof(wire::ethernet_header) : 0;
    if (link != 0 && !wire::is_plain_frame(at, info.mac)) return false;
    at += link;
    const address_v4 source = wire::source_of(at), destination = wire::destination_of(at);
    if (!was_accepted(interface, source, destination)) return false;
    ++counters_.ip.in_receives;
    p.truncate(link + wire::load_16(at + offsetof(wire::ipv4_header, total_length)));
    p.consume(link);
    if (!udp_->wants_raw() && tcp_->receive_segment(interface, p, flow, now)) {
        ++counters_.ip.in_delivers;
        return true;
    }
    received_packet r(p);
    r.interface = interface;
    r.source = source;
    r.destination = destination;
    r.ttl = std::to_integer<std::uint8_t>(at[offsetof(wire::ipv4_header, ttl)]);
    r.tos = std::to_integer<std::uint8_t>(at[offsetof(wire::ipv4_header, tos)]);
    r.ip_header_size = sizeof(wire::ipv4_header);
    std::copy_n(at, sizeof(wire::ipv4_header), r.ip_header.begin());
    p.consume(sizeof(wire::ipv4_header));
    deliver(wire::ip_protocol::tcp, r, now);
    return true;
}

/// Remembers the pairs of addresses that it has accepted, of packets to us alone.
std::optional<drop_reason> network::check_addresses(interface_id interface, const wire::ipv4_fields& f, bool link_group)
{
    if (!link_group && !f.source_routed && was_accepted(interface, f.source, f.destination)) return std::nullopt;
    auto why = check_source(interface, f);
    if (!why) why = check_destination(interface, f, link_group);
    if (!why && !f.destination.is_multicast() && !is_broadcast(f.destination))
        accepted_[f.source.to_uint() % accepted_.size()] = {generation_, interface, f.source, f.destination};
    return why;
}

std::optional<drop_reason> network::check_destination(interface_id interface, const wire::ipv4_fields& f,
                                                      bool link_group) const noexcept
{
    const address_v4& to = f.destination;
    const bool outside = interface != loopback;
    if (is_this_network(to) || (to.is_loopback() && outside)) return drop_reason::ipv4_bad_destination;
    if (is_class_e(to) && to != address_v4::broadcast()) return drop_reason::ipv4_bad_destination;
    const bool all_hosts = to == address_v4(0xe000'0001U); // RFC 1112 §4: always a member
    const bool group = is_broadcast(to) || all_hosts || is_member(interface, to);
    if (link_group && !group && !to.is_multicast()) return drop_reason::ipv4_bad_destination; // RFC 1122 §3.3.6
    if (!group && !is_our_address(to)) return drop_reason::ipv4_not_for_us;
    if (f.source_routed) return drop_reason::ipv4_source_route; // RFC 1122 §3.2.1.8 (c) lets a host refuse it
    return std::nullopt;
}

/// RFC 1122 §3.2.1.3: a source that cannot be one.
std::optional<drop_reason> network::check_source(interface_id interface, const wire::ipv4_fields& f) const noexcept
{
    const address_v4& from = f.source;
    if (interface == loopback) return std::nullopt;                                          // we wrote it ourselves
    const bool nameless = from.is_unspecified() && f.destination == address_v4::broadcast(); // a DHCP client
    if (from.is_multicast() || is_class_e(from) || from.is_loopback() || (is_this_network(from) && !nameless))
        return drop_reason::ipv4_bad_source;
    if (is_broadcast(from) || is_our_address(from)) return drop_reason::ipv4_bad_source;
    return std::nullopt;
}

void network::deliver(wire::ip_protocol protocol, received_packet& p, time_point now)
{
    ++counters_.ip.in_delivers;
    const bool taken = udp_->receive_raw(p, protocol, now);
    switch (protocol) {
    case wire::ip_protocol::icmp: return icmp_input(p, now);
    case wire::ip_protocol::tcp: return tcp_->receive_packet(p, now);
    case wire::ip_protocol::udp: return udp_->receive_packet(p, now);
    default: break;
    }
    if (taken) return;
    ++counters_.ip.in_unknown_protos;
    dropped(p.interface, drop_reason::ipv4_unknown_protocol, p.payload, now);
    send_unreachable(p, wire::protocol_unreachable, now); // RFC 1122 §3.2.2.1
}

// -- shards ---------------------------------------------------------------------------------------------------------------

void network::pass_on(received_packet& p)
{
    if (strays_.size() >= options_.transmit_queue) return;
    std::copy_n(p.ip_header.begin(), p.ip_header_size, p.payload.push_front(std::size_t{p.ip_header_size}));
    strays_.push_back({p.interface, std::move(p.payload), static_cast<std::uint8_t>(p.hops + 1), false, false});
}

bool network::next_stray(stray& out)
{
    if (strays_.empty()) return false;
    out = std::move(strays_.front());
    strays_.pop_front();
    return true;
}

void network::receive_stray(stray&& s, time_point now)
{
    if (s.interface >= interfaces_.size()) return;
    if (s.arp) return arp_input(s.interface, s.contents, s.link_group, now, true);
    ipv4_input(s.interface, std::move(s.contents), false, now, false, s.hops);
}

} // namespace tapio::core
