// An IPv4 packet in: the checks of RFC 791, RFC 1122 §3.2.1 and RFC 1812 §5.2.2, and on to ICMP, UDP or TCP.
#include "core/network.hpp"

namespace tapio::core {

namespace {

bool is_class_e(const address_v4& a) noexcept { return a.to_uint() >> 28 == 0xf; }
bool is_this_network(const address_v4& a) noexcept { return a.to_uint() >> 24 == 0; }

} // namespace

void network::ip_input(ip::rx_packet& p, time_point now)
{
    ++counters_.ip.in_receives;
    if (p.flaw) {
        ++counters_.ip.in_hdr_errors;
        return dropped(p, *p.flaw, now);
    }
    if (const auto why = check_addresses(p)) {
        ++counters_.ip.in_addr_errors;
        return dropped(p, *why, now);
    }
    if (p.fragment) { // reassembly will stand here
        ++counters_.ip.in_discards;
        return dropped(p, drop_reason::ipv4_fragment, now);
    }
    ++counters_.ip.in_delivers;
    const bool taken = raw_->wants_raw() && raw_->receive_raw(p, now);
    switch (p.protocol()) {
    case ip_protocol::icmp: return icmp_input(p, now);
    case ip_protocol::tcp: return tcp_->receive(p, now);
    case ip_protocol::udp: return udp_->receive(p, now);
    default: break;
    }
    if (taken) return;
    ++counters_.ip.in_unknown_protos;
    dropped(p, drop_reason::ipv4_unknown_protocol, now);
    send_unreachable(p, wire::protocol_unreachable, now); // RFC 1122 §3.2.2.1
}

/// Remembers the pairs of addresses that it has accepted, of packets to us alone.
std::optional<drop_reason> network::check_addresses(ip::rx_packet& p)
{
    if (!p.link_group && !p.source_routed && was_accepted(p)) return std::nullopt;
    auto why = p.from_us ? std::nullopt : check_source(p);
    if (!why) why = check_destination(p);
    const address to = p.flow.destination_address();
    p.to_group = p.link_group || to.is_multicast() || is_broadcast(to);
    if (!why && !p.to_group && !p.from_us) accepted_slot(p.flow) = {generation_, p.interface, p.flow.v4_addresses()};
    return why;
}

std::optional<drop_reason> network::check_destination(const ip::rx_packet& p) const noexcept
{
    const address_v4 to = p.flow.destination_address().to_v4();
    const bool outside = p.interface != loopback;
    if (is_this_network(to) || (to.is_loopback() && outside)) return drop_reason::ipv4_bad_destination;
    if (is_class_e(to) && to != address_v4::broadcast()) return drop_reason::ipv4_bad_destination;
    const bool all_hosts = to == address_v4(0xe000'0001U); // RFC 1112 §4: always a member
    const bool group = is_broadcast(to) || all_hosts || is_member(p.interface, to);
    if (p.link_group && !group && !to.is_multicast()) return drop_reason::ipv4_bad_destination; // RFC 1122 §3.3.6
    if (!group && !is_our_address(to)) return drop_reason::ipv4_not_for_us;
    if (p.source_routed) return drop_reason::ipv4_source_route; // RFC 1122 §3.2.1.8 (c) lets a host refuse it
    return std::nullopt;
}

/// RFC 1122 §3.2.1.3, RFC 9293 MUST-63: a source that cannot be one.
std::optional<drop_reason> network::check_source(const ip::rx_packet& p) const noexcept
{
    const address_v4 from = p.flow.source_address().to_v4();
    if (p.interface == loopback) return std::nullopt; // we wrote it ourselves
    const bool nameless = from.is_unspecified() && p.flow.destination_address() == address_v4::broadcast(); // a DHCP client
    if (from.is_multicast() || is_class_e(from) || from.is_loopback() || (is_this_network(from) && !nameless))
        return drop_reason::ipv4_bad_source;
    if (is_broadcast(from) || is_our_address(from)) return drop_reason::ipv4_bad_source;
    return std::nullopt;
}

// -- shards ---------------------------------------------------------------------------------------------------------------

void network::pass_on(ip::rx_packet&& p, bool to_all)
{
    if (misdirected_.size() >= options_.transmit_queue) return;
    ++p.hops;
    misdirected_.push_back({std::move(p), to_all});
}

std::optional<misdirected> network::next_misdirected()
{
    if (misdirected_.empty()) return std::nullopt;
    std::optional<misdirected> next = std::move(misdirected_.front());
    misdirected_.pop_front();
    return next;
}

void network::receive_misdirected(misdirected&& m, time_point now)
{
    ip::rx_packet& p = m.contents;
    if (p.interface >= interfaces_.size()) return;
    p.kind == ip::packet_kind::arp ? arp_input(p, now) : ip_input(p, now);
}

} // namespace tapio::core
