#include "ip/icmp.hpp"

#include "wire/ipv4.hpp"

#include <tapio/core/checksum.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tapio::core::ip {

namespace {

struct meaning
{
    int error = 0; ///< errno; 0: not reported
    bool hard = false;
};

/// RFC 1122 §4.2.3.9, §4.1.3.3; the errno values are Linux's.
meaning meaning_of(const wire::icmpv4_message& m) noexcept
{
    if (m.type == wire::icmpv4_type::time_exceeded) return {EHOSTUNREACH, false};
    if (m.type == wire::icmpv4_type::parameter_problem) return {EPROTO, true};
    if (m.type != wire::icmpv4_type::destination_unreachable) return {};
    switch (m.code) {
    case wire::net_unreachable: return {ENETUNREACH, false};
    case wire::host_unreachable: return {EHOSTUNREACH, false};
    case wire::protocol_unreachable: return {ENOPROTOOPT, true};
    case wire::port_unreachable: return {ECONNREFUSED, true};
    case wire::fragmentation_needed: return {EMSGSIZE, false};
    case wire::source_route_failed: return {EOPNOTSUPP, false};
    default: return {EHOSTUNREACH, true};
    }
}

/// RFC 1191 §5, for routers that do not report the MTU: the largest common MTU (table 7-1) below the size of the packet that did
/// not fit. @param size octets
std::size_t plateau_below(std::size_t size) noexcept
{
    for (const std::size_t plateau : {32000U, 17914U, 8166U, 4352U, 2002U, 1492U, 1006U, 508U, 296U})
        if (plateau < size) return plateau;
    return 68;
}

icmp_error_report report_of(const wire::icmpv4_quote& q, int error, bool hard)
{
    icmp_error_report r;
    r.flow = flow_key({q.source, q.source_port}, {q.destination, q.destination_port}, q.protocol);
    r.why = errno_code(error);
    r.hard = hard;
    r.sequence = q.sequence;
    return r;
}

/// The packet from its IP header on, as on the wire: a partial checksum is completed.
packet quoted(const rx_packet& about)
{
    packet p = about.contents; // shares the octets
    complete_checksums(p);
    p.consume(about.network_at);
    return p;
}

} // namespace

void icmp::receive(rx_packet& p, time_point now)
{
    ++counters_.in_msgs;
    packet message = p.transport_part();
    message.pull(std::min<std::size_t>(message.size(), 128)); // enough for a quote's headers
    const auto m = wire::parse_icmpv4(message);
    if (!m) {
        ++counters_.in_errors;
        return dropped(p, m.error(), now);
    }
    const bool echo = m->type == wire::icmpv4_type::echo_request || m->type == wire::icmpv4_type::echo_reply;
    if (!echo && shards_.concerns_all(p)) shards_.pass_on(rx_packet(p), true); // any shard may be the quoted sender
    switch (m->type) {
    case wire::icmpv4_type::echo_request: return echo_request(p, std::move(message), *m, now);
    case wire::icmpv4_type::echo_reply: return; // only raw sockets receive it
    case wire::icmpv4_type::time_exceeded: ++counters_.in_time_excds; break;
    case wire::icmpv4_type::destination_unreachable: ++counters_.in_dest_unreachs; break;
    case wire::icmpv4_type::parameter_problem: break;
    default: return dropped(p, drop_reason::icmp_unknown_type, now); // RFC 1122 §3.2.2: silently
    }
    error_message(p, std::move(message), *m, now);
}

/// RFC 1122 §3.2.2.6: the reply has all data of the request, and the request's destination as source.
void icmp::echo_request(const rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now)
{
    ++counters_.in_echos;
    if (!options_.answer_echo || (p.to_group && !options_.answer_broadcast_echo)) return;
    const address asker = p.flow.source_address();
    const auto source = p.to_group ? addresses_.source_for(p.interface, asker) : std::optional(p.flow.destination_address());
    if (!source) return;
    packet reply = std::move(message);
    reply.offload = {};
    reply.consume(sizeof(wire::icmpv4_header));
    wire::push_icmpv4(reply, wire::icmpv4_type::echo_reply, 0, m.rest);
    ++counters_.out_msgs;
    ++counters_.out_echo_reps;
    const flow_key back({*source, 0}, {asker, 0}, ip_protocol::icmp);
    (void)out_.send(std::move(reply), back, {options_.ttl, p.tos, false}, std::nullopt, now);
}

void icmp::error_message(const rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now)
{
    message.consume(sizeof(wire::icmpv4_header));
    const auto q = wire::parse_icmpv4_quote(message.front());
    if (!q || !addresses_.is_ours(q->source)) {
        ++counters_.in_errors;
        return dropped(p, drop_reason::icmp_bad_quote, now);
    }
    const meaning what = meaning_of(m);
    if (what.error == 0) return;
    icmp_error_report r = report_of(*q, what.error, what.hard);
    if (what.error == EMSGSIZE) r.mtu = m.next_hop_mtu() != 0 ? m.next_hop_mtu() : plateau_below(q->total_length);
    r.interface = p.interface;
    r.offender = p.flow.source_address();
    r.type = static_cast<std::uint8_t>(m.type);
    r.code = m.code;
    r.quote = std::move(message);
    report(r, now);
}

void icmp::report(const icmp_error_report& r, time_point now) const
{
    if (transport* const t = transports_.find(r.flow.protocol())) t->icmp_error(r, now);
}

void icmp::report_unreachable(const link::interface& i, const packet& ip_packet, time_point now)
{
    std::array<std::byte, 68> start;
    const std::size_t n = ip_packet.copy_to(start);
    const auto q = wire::parse_icmpv4_quote(const_bytes(start).first(n));
    if (!q) return;
    icmp_error_report r = report_of(*q, EHOSTUNREACH, false);
    r.interface = i.id();
    r.offender = q->source;
    r.type = static_cast<std::uint8_t>(wire::icmpv4_type::destination_unreachable);
    r.code = wire::host_unreachable;
    r.quote = ip_packet;
    report(r, now);
}

/// RFC 1122 §3.2.2: no error about an ICMP error, a packet to a group, a fragment that is not the first (neither ICMP errors nor
/// fragments get here), or a source that is not a single host. RFC 1812 §4.3.2.3: quotes as much as fits into 576 octets.
void icmp::send_unreachable(const rx_packet& about, wire::icmpv4_unreachable code, time_point now)
{
    constexpr std::size_t largest = 576;
    const address sender = about.flow.source_address();
    if (about.to_group || sender.is_unspecified() || addresses_.is_group(sender)) return;
    if (about.interface != loopback && !limiter_.allow(sender, now)) { // as Linux: no limit on loopback
        ++counters_.out_rate_limited;
        return dropped(about, drop_reason::icmp_rate_limited, now);
    }
    const std::size_t room = largest - sizeof(wire::ipv4_header) - sizeof(wire::icmpv4_header);
    const packet quote = quoted(about);
    const std::size_t n = std::min(quote.size(), room);
    const block b(n);
    quote.copy_to({b.data(), n});
    packet p(b.share(0, n));
    wire::push_icmpv4(p, wire::icmpv4_type::destination_unreachable, code, 0);
    ++counters_.out_msgs;
    ++counters_.out_dest_unreachs;
    const flow_key back({about.flow.destination_address(), 0}, {sender, 0}, ip_protocol::icmp);
    (void)out_.send(std::move(p), back, {options_.ttl, 0, false}, std::nullopt, now);
}

} // namespace tapio::core::ip
