// What the ICMP of both families has in common: received errors, their quotes, the limit of our own. ICMP for IPv4.
#include "ip/icmp.hpp"

#include "base/family_sizes.hpp"
#include "ip/echo_receiver.hpp"
#include "wire/ipv4.hpp"

#include <tapio/core/checksum.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tapio::core::ip {

namespace {

/// RFC 1191 §5, for routers that do not report the MTU: the largest common MTU (table 7-1) below the size of the packet that did
/// not fit. @param size octets
std::size_t plateau_below(std::size_t size) noexcept
{
    for (const std::size_t plateau : {32000U, 17914U, 8166U, 4352U, 2002U, 1492U, 1006U, 508U, 296U})
        if (plateau < size) return plateau;
    return 68;
}

/// A packet of ours that an ICMP error quotes, of either family.
struct quoted_packet
{
    flow_key flow;
    std::uint32_t sequence = 0;
    std::size_t total_length = 0, ip_header = 0; ///< octets
};

std::optional<quoted_packet> read_quote(const_bytes from)
{
    const auto of = [](const auto& q, std::size_t header) {
        return quoted_packet{flow_key({q.source, q.source_port}, {q.destination, q.destination_port}, q.protocol), q.sequence,
                             q.total_length, header};
    };
    if (!from.empty() && std::to_integer<unsigned>(from[0]) >> 4 == 6) {
        const auto q = wire::parse_icmpv6_quote(from);
        return q ? std::optional(of(*q, q->header_length)) : std::nullopt;
    }
    const auto q = wire::parse_icmpv4_quote(from);
    return q ? std::optional(of(*q, (std::to_integer<std::size_t>(from[0]) & 15) * 4)) : std::nullopt;
}

icmp_error_report report_of(const quoted_packet& q, int error, bool hard)
{
    icmp_error_report r;
    r.flow = q.flow;
    r.why = errno_code(error);
    r.hard = hard;
    r.sequence = q.sequence;
    r.quote_ip_header = q.ip_header;
    return r;
}

constexpr std::size_t most_quoted_headers = 512; // octets that are searched for the quoted transport header

} // namespace

// -- both families --------------------------------------------------------------------------------------------------------

void icmp_common::error_message(const rx_packet& p, packet&& quote, meaning what, std::uint8_t type, std::uint8_t code,
                                std::size_t mtu, time_point now)
{
    quote.pull(std::min(quote.size(), most_quoted_headers));
    auto q = read_quote(quote.front());
    if (q && q->flow.needs_zone()) q->flow.set_zone(p.flow.needs_zone() ? p.flow.zone() : interfaces_[p.interface].zone());
    if (!q || q->flow.is_v4() != p.flow.is_v4() || !addresses_.may_be_source(q->flow.source_address())) {
        ++counters_.in_errors;
        return dropped(p, drop_reason::icmp_bad_quote, now);
    }
    if (what.error == 0) return;
    icmp_error_report r = report_of(*q, what.error, what.hard);
    if (what.error == EMSGSIZE) r.mtu = mtu != 0 ? mtu : plateau_below(q->total_length);
    r.interface = p.interface;
    r.offender = p.flow.source_address();
    r.type = type;
    r.code = code;
    r.quote = std::move(quote);
    report(r, now);
}

void icmp_common::report(const icmp_error_report& r, time_point now) const { transports_.icmp_error(r, now); }

void icmp_common::echo_reply(const rx_packet& p, time_point now) const
{
    if (echo_receiver* const to = transports_.echo()) to->echo_reply(p, now);
}

void icmp_common::echo_error(const icmp_error_report& r, time_point now) const
{
    if (echo_receiver* const to = transports_.echo()) to->echo_error(r, now);
}

void icmp_common::report_unreachable(const link::interface& i, const packet& ip_packet, time_point now) const
{
    std::array<std::byte, 128> start;
    const std::size_t n = ip_packet.copy_to(start);
    auto q = read_quote(const_bytes(start).first(n));
    if (!q) return;
    if (q->flow.needs_zone()) q->flow.set_zone(i.zone());
    icmp_error_report r = report_of(*q, EHOSTUNREACH, false);
    r.interface = i.id();
    r.offender = q->flow.source_address();
    const bool v4 = q->flow.is_v4();
    r.type = v4 ? static_cast<std::uint8_t>(wire::icmpv4_type::destination_unreachable)
                : static_cast<std::uint8_t>(wire::icmpv6_type::destination_unreachable);
    r.code = v4 ? std::uint8_t{wire::host_unreachable} : std::uint8_t{wire::v6_address_unreachable};
    r.quote = ip_packet;
    report(r, now);
}

bool icmp_common::may_tell(const rx_packet& about, const address& sender, time_point now)
{
    if (about.interface == loopback || limiter_.allow(sender, now)) { // as Linux: no limit on loopback
        ++counters_.out_msgs;
        return true;
    }
    ++counters_.out_rate_limited;
    dropped(about, drop_reason::icmp_rate_limited, now);
    return false;
}

std::optional<address> icmp_common::source_of_error(const rx_packet& about) const
{
    const address to = about.flow.destination_address();
    const bool ours = !to.is_multicast() && addresses_.accepts(interfaces_[about.interface], to);
    return ours ? std::optional(to) : out_.source_towards(about.flow.source_address());
}

packet icmp_common::quoted(const rx_packet& about, std::size_t room)
{
    packet p = about.contents; // shares the octets
    complete_checksums(p);
    p.consume(about.network_at);
    const std::size_t n = std::min(p.size(), room);
    const block b(n);
    p.copy_to({b.data(), n});
    return packet(b.share(0, n));
}

// -- IPv4 -----------------------------------------------------------------------------------------------------------------

namespace {

/// RFC 1122 §4.2.3.9, §4.1.3.3; the errno values are Linux's.
std::pair<int, bool> meaning_of(const wire::icmpv4_message& m) noexcept
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

wire::icmpv4_unreachable v4_code_of(unreachable why) noexcept
{
    switch (why) {
    case unreachable::protocol: return wire::protocol_unreachable;
    case unreachable::port: return wire::port_unreachable;
    case unreachable::network: return wire::net_unreachable;
    case unreachable::host:
    case unreachable::beyond_scope: return wire::host_unreachable;
    case unreachable::source_route: return wire::source_route_failed;
    case unreachable::prohibited: return wire::communication_prohibited;
    }
    return wire::host_unreachable;
}

bool is_error(const rx_packet& p)
{
    if (p.protocol() != ip_protocol::icmp || p.transport_size() == 0) return false;
    std::array<std::byte, 1> type{};
    p.transport_part().copy_to(type);
    return wire::icmpv4_message{static_cast<wire::icmpv4_type>(type[0]), 0, 0}.is_error();
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
    case wire::icmpv4_type::echo_reply: return echo_reply(p, now);
    case wire::icmpv4_type::time_exceeded: ++counters_.in_time_excds; break;
    case wire::icmpv4_type::destination_unreachable: ++counters_.in_dest_unreachs; break;
    case wire::icmpv4_type::parameter_problem: break;
    case wire::icmpv4_type::redirect:
        message.consume(sizeof(wire::icmpv4_header));
        return redirected(p, std::move(message), address_v4(m->rest), now);
    default: return dropped(p, drop_reason::icmp_unknown_type, now); // RFC 1122 §3.2.2: silently
    }
    message.consume(sizeof(wire::icmpv4_header));
    const auto [error, hard] = meaning_of(*m);
    error_message(p, std::move(message), {error, hard}, static_cast<std::uint8_t>(m->type), m->code, m->next_hop_mtu(), now);
}

/// RFC 1122 §3.2.2.2: about a packet of ours; a redirect for a network counts as one for its host.
void icmp::redirected(const rx_packet& p, packet&& quote, const address_v4& next_hop, time_point now)
{
    ++counters_.in_redirects;
    quote.pull(std::min(quote.size(), most_quoted_headers));
    const auto q = read_quote(quote.front());
    const bool ours = q && q->flow.is_v4() && addresses_.is_ours(q->flow.source_address()) && listener_ != nullptr;
    if (!ours || !listener_->redirected(p.interface, p.flow.source_address(), q->flow.destination_address(), next_hop, now))
        dropped(p, drop_reason::icmp_bad_redirect, now);
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
    reply.make_room(output::headers);
    wire::push_icmpv4(reply, wire::icmpv4_type::echo_reply, 0, m.rest);
    ++counters_.out_msgs;
    ++counters_.out_echo_reps;
    const flow_key back({*source, 0}, {asker, 0}, ip_protocol::icmp);
    (void)out_.send(std::move(reply), back, {options_.ttl, p.tos, fragmenting::allowed}, std::nullopt, now);
}

void icmp::send_unreachable(const rx_packet& about, unreachable why, time_point now, const std::optional<address>& from)
{
    if (send_error(about, wire::icmpv4_type::destination_unreachable, v4_code_of(why), 0, now, from))
        ++counters_.out_dest_unreachs;
}

void icmp::send_reassembly_timeout(const rx_packet& first_fragment, time_point now)
{
    constexpr std::uint8_t reassembly = 1;
    if (send_error(first_fragment, wire::icmpv4_type::time_exceeded, reassembly, 0, now)) ++counters_.out_time_excds;
}

void icmp::send_time_exceeded(const rx_packet& about, time_point now, const std::optional<address>& from)
{
    if (send_error(about, wire::icmpv4_type::time_exceeded, 0, 0, now, from)) ++counters_.out_time_excds;
}

void icmp::send_too_big(const rx_packet& about, std::size_t mtu, time_point now)
{
    const bool sent = send_error(about, wire::icmpv4_type::destination_unreachable, wire::fragmentation_needed,
                                 static_cast<std::uint32_t>(std::min<std::size_t>(mtu, 0xffff)), now);
    if (sent) ++counters_.out_dest_unreachs;
}

void icmp::send_redirect(const rx_packet& about, const address& next_hop, time_point now)
{
    constexpr std::uint8_t for_host = 1;
    if (send_error(about, wire::icmpv4_type::redirect, for_host, next_hop.to_v4().to_uint(), now)) ++counters_.out_redirects;
}

/// RFC 1122 §3.2.2: no error about an ICMP error, a packet to a group, a fragment that is not the first, or a source that is not
/// a single host. RFC 1812 §4.3.2.3: quotes as much as fits into 576 octets.
/// @return true: sent
bool icmp::send_error(const rx_packet& about, wire::icmpv4_type type, std::uint8_t code, std::uint32_t rest, time_point now,
                      const std::optional<address>& from)
{
    constexpr std::size_t room = 576 - sizeof(wire::ipv4_header) - sizeof(wire::icmpv4_header);
    constexpr std::uint8_t internetwork_control = 6 << 5; // precedence of a router's errors (RFC 1812 §4.3.2.5)
    const address sender = about.flow.source_address();
    if (about.to_group || sender.is_unspecified() || addresses_.is_group(sender)) return false;
    if (about.is_later_fragment() || is_error(about)) return false;
    const auto source = from ? from : source_of_error(about);
    if (!source || !may_tell(about, sender, now)) return false;
    packet p = quoted(about, room);
    wire::push_icmpv4(p, type, code, rest);
    const flow_key back({*source, 0}, {sender, 0}, ip_protocol::icmp);
    const bool in_transit = *source != about.flow.destination_address();
    (void)out_.send(std::move(p), back, {options_.ttl, in_transit ? internetwork_control : std::uint8_t{0}, fragmenting::allowed},
                    std::nullopt, now);
    return true;
}

} // namespace tapio::core::ip
