// ICMPv6 (RFC 4443).
#include "ip/icmp.hpp"
#include "wire/ipv6.hpp"

#include <algorithm>
#include <cerrno>

namespace tapio::core::ip {

namespace {

/// The errno values are Linux's (icmpv6_err_convert).
std::pair<int, bool> meaning_of(const wire::icmpv6_message& m) noexcept
{
    switch (m.type) {
    case wire::icmpv6_type::packet_too_big: return {EMSGSIZE, false};
    case wire::icmpv6_type::time_exceeded: return {EHOSTUNREACH, false};
    case wire::icmpv6_type::parameter_problem: return {EPROTO, true};
    case wire::icmpv6_type::destination_unreachable: break;
    default: return {};
    }
    switch (m.code) {
    case wire::v6_no_route: return {ENETUNREACH, false};
    case wire::v6_prohibited: return {EACCES, true};
    case wire::v6_port_unreachable: return {ECONNREFUSED, true};
    case wire::v6_source_refused:
    case wire::v6_route_rejected: return {EACCES, true};
    default: return {EHOSTUNREACH, false};
    }
}

wire::icmpv6_unreachable v6_code_of(unreachable why) noexcept
{
    switch (why) {
    case unreachable::port: return wire::v6_port_unreachable;
    case unreachable::network: return wire::v6_no_route;
    case unreachable::beyond_scope: return wire::v6_beyond_scope;
    case unreachable::prohibited: return wire::v6_prohibited;
    default: return wire::v6_address_unreachable;
    }
}

} // namespace

void icmpv6::receive(rx_packet& p, time_point now)
{
    ++counters_.in_msgs;
    const auto m = wire::parse_icmpv6(p.transport_header());
    if (!m || !p.verified) {
        ++counters_.in_errors;
        return dropped(p, m ? drop_reason::icmp_bad_checksum : m.error(), now);
    }
    const bool echo = m->type == wire::icmpv6_type::echo_request || m->type == wire::icmpv6_type::echo_reply;
    if (!echo && shards_.concerns_all(p)) shards_.pass_on(rx_packet(p), true); // any shard may be the quoted sender
    if (ndp::handles(m->type)) return ndp_.receive(p, *m, now);
    if (multicast::is_mld(m->type)) return groups_.receive_mld(p, *m, now);
    switch (m->type) {
    case wire::icmpv6_type::echo_request: return echo_request(p, *m, now);
    case wire::icmpv6_type::echo_reply: return echo_reply(p, now);
    case wire::icmpv6_type::time_exceeded: ++counters_.in_time_excds; break;
    case wire::icmpv6_type::destination_unreachable: ++counters_.in_dest_unreachs; break;
    default: break;
    }
    if (!m->is_error()) return dropped(p, drop_reason::icmp_unknown_type, now); // RFC 4443 §2.4 (b): silently
    packet quote = p.transport_part();
    quote.consume(sizeof(wire::icmpv6_header));
    const auto [error, hard] = meaning_of(*m);
    error_message(p, std::move(quote), {error, hard}, static_cast<std::uint8_t>(m->type), m->code, m->rest, now);
}

/// RFC 4443 §4.2: the source is the request's destination, or, if that is a group, an address of the interface.
void icmpv6::echo_request(const rx_packet& p, const wire::icmpv6_message& m, time_point now)
{
    ++counters_.in_echos;
    const address asker = p.flow.source_address();
    if (!options_.answer_echo || asker.is_unspecified()) return;
    const auto source = p.to_group ? addresses_.source_for(p.interface, asker) : std::optional(p.flow.destination_address());
    if (!source) return;
    packet reply = p.transport_part();
    reply.offload = {};
    reply.consume(sizeof(wire::icmpv6_header));
    reply.make_room(output::headers);
    const flow_key back({*source, 0}, {asker, 0}, ip_protocol::icmpv6);
    wire::push_icmpv6(reply, wire::icmpv6_type::echo_reply, 0, m.rest, back);
    ++counters_.out_msgs;
    ++counters_.out_echo_reps;
    (void)out_.send(std::move(reply), back, {options_.ttl, p.tos, fragmenting::allowed}, std::nullopt, now);
}

void icmpv6::send_unreachable(const rx_packet& about, unreachable why, time_point now, const std::optional<address>& from)
{
    using type = wire::icmpv6_type;
    if (why == unreachable::protocol) { // RFC 4443 §3.4
        send_error(about, type::parameter_problem, wire::unknown_next_header, about.next_header_at, false, now);
    } else if (send_error(about, type::destination_unreachable, v6_code_of(why), 0, false, now, from)) {
        ++counters_.out_dest_unreachs;
    }
}

void icmpv6::send_reassembly_timeout(const rx_packet& first_fragment, time_point now)
{
    constexpr std::uint8_t reassembly = 1;
    if (send_error(first_fragment, wire::icmpv6_type::time_exceeded, reassembly, 0, false, now)) ++counters_.out_time_excds;
}

void icmpv6::send_time_exceeded(const rx_packet& about, time_point now, const std::optional<address>& from)
{
    if (send_error(about, wire::icmpv6_type::time_exceeded, 0, 0, false, now, from)) ++counters_.out_time_excds;
}

void icmpv6::send_too_big(const rx_packet& about, std::size_t mtu, time_point now)
{
    send_error(about, wire::icmpv6_type::packet_too_big, 0, static_cast<std::uint32_t>(mtu), true, now);
}

void icmpv6::send_redirect(const rx_packet& about, const address& next_hop, time_point now)
{
    const address sender = about.flow.source_address();
    if (sender.is_unspecified() || !may_tell(about, sender, now)) return;
    if (ndp_.redirect(about, next_hop.to_v6(), now)) ++counters_.out_redirects;
}

void icmpv6::send_problem(const rx_packet& about, time_point now)
{
    const wire::ipv6_problem& what = *about.problem;
    send_error(about, wire::icmpv6_type::parameter_problem, what.code, what.pointer, what.also_about_group, now);
}

/// RFC 4443 §2.4 (e): no error about an ICMPv6 error or a redirect, about a packet to a group (with exceptions), or to a sender
/// that is not a single node. (c): quotes as much as fits into the minimum MTU. @return true: sent
bool icmpv6::send_error(const rx_packet& about, wire::icmpv6_type type, std::uint8_t code, std::uint32_t rest,
                        bool also_about_group, time_point now, const std::optional<address>& from)
{
    constexpr std::size_t room = 1280 - sizeof(wire::ipv6_header) - sizeof(wire::icmpv6_header);
    const address sender = about.flow.source_address(), to = about.flow.destination_address();
    const bool group = about.link_group || to.is_multicast();
    if ((group && !also_about_group) || sender.is_unspecified() || sender.is_multicast()) return false;
    packet p = quoted(about, room);
    if (const auto end =
            wire::skip_ipv6_chain(p.front().subspan(sizeof(wire::ipv6_header)),
                                  std::to_integer<std::uint8_t>(p.front()[offsetof(wire::ipv6_header, next_header)]));
        end && end->protocol == ip_protocol::icmpv6) {
        const auto quoted_message = wire::parse_icmpv6(p.front().subspan(sizeof(wire::ipv6_header) + end->header_at));
        if (!quoted_message || quoted_message->is_error() || quoted_message->type == wire::icmpv6_type::redirect) return false;
    }
    const auto source = from ? from : source_of_error(about);
    if (!source || !may_tell(about, sender, now)) return false;
    const flow_key back({*source, 0}, {sender, 0}, ip_protocol::icmpv6);
    wire::push_icmpv6(p, type, code, rest, back);
    (void)out_.send(std::move(p), back, {options_.ttl, 0, fragmenting::allowed}, std::nullopt, now);
    return true;
}

} // namespace tapio::core::ip
