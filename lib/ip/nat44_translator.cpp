#include "ip/nat44_translator.hpp"

#include "wire/tcp.hpp"

#include <algorithm>
#include <array>

namespace tapio::core::ip {

using wire::ip_protocol;

namespace {

ip_protocol protocol_of(const hooked_packet& p) noexcept { return static_cast<ip_protocol>(p.protocol()); }

/// 0 unless the packet is a TCP segment.
std::uint8_t tcp_flags(const hooked_packet& p) noexcept
{
    std::array<std::byte, 1> flags{};
    if (protocol_of(p) == ip_protocol::tcp) p.copy_to(flags, p.transport_at() + offsetof(wire::tcp_header, flags));
    return std::to_integer<std::uint8_t>(flags[0]);
}

} // namespace

nat44_translator::nat44_translator(const nat44_options& options, std::span<const std::byte, random_source::seed_size> seed)
    : table_(options, seed), outside_(options.outside), block_untranslated_(options.block_untranslated)
{
}

void nat44_translator::tick(time_point now) noexcept
{
    constexpr std::size_t sessions_per_packet = 4; // more than a packet can create
    now_ = std::max(now_, now);
    table_.expire(now_, sessions_per_packet);
}

void nat44_translator::advance(time_point now) noexcept
{
    constexpr std::size_t sessions_per_call = 1000; // what is left makes next_deadline() a time that has passed
    now_ = std::max(now_, now);
    table_.expire(now_, sessions_per_call);
}

// -- to an outside address --------------------------------------------------------------------------------------------------

hook_verdict nat44_translator::input(hooked_packet& p, time_point now)
{
    if (p.family() != family::v4) return hook_verdict::accept;
    const nat44_endpoint destination(p.destination());
    if (!table_.is_outside_address(destination.address)) return hook_verdict::accept;
    tick(now);
    if (protocol_of(p) == ip_protocol::icmp) return input_icmp(p);
    if (!p.has_ports()) return hook_verdict::accept;
    nat44_mapping_entry* const m = table_.find_outside(protocol_of(p), destination);
    if (m == nullptr) return hook_verdict::accept; // for this host
    return from_outside(p) ? unmap(p, *m, nat44_endpoint(p.source()), tcp_flags(p)) : input_hairpin(p, *m);
}

/// RFC 4787 REQ-9. The sender's mapping is used before the filter is asked, as if the filter were that of another NAT: thus two
/// inside hosts can open the way for each other.
hook_verdict nat44_translator::input_hairpin(hooked_packet& p, nat44_mapping_entry& m)
{
    if (table_.is_outside_address(nat44_endpoint(p.source()).address)) return hook_verdict::accept; // spoofed
    const nat44_mapping_entry* const sender = map_sender(p, m.outside);
    return sender != nullptr ? unmap(p, m, sender->outside, tcp_flags(p)) : hook_verdict::drop;
}

/// Silent if the filter refuses: RFC 5382 REQ-4 forbids an answer to an unsolicited SYN for 6 s, in which a SYN of the inside
/// host could make it a simultaneous open.
hook_verdict nat44_translator::unmap(hooked_packet& p, nat44_mapping_entry& m, const nat44_endpoint& remote, std::uint8_t flags)
{
    if (!table_.admit_inbound(m, remote, flags, now_)) {
        ++filtered_;
        return hook_verdict::drop;
    }
    p.set_destination(endpoint(m.inside));
    if (m.protocol == ip_protocol::icmp) set_identifier(p, m.inside.port);
    mark_unmapped(p);
    return hook_verdict::accept;
}

void nat44_translator::mark_unmapped(hooked_packet& p) const noexcept
{
    p.set_mark(p.mark() | nat44::translated | (from_outside(p) ? 0 : nat44::hairpin));
}

hook_verdict nat44_translator::input_icmp(hooked_packet& p)
{
    const nat44_icmp message = read_nat44_icmp(p, p.transport_at());
    if (message.kind == nat44_icmp_kind::error) return input_error(p);
    // Queries are for this host, so that queries between inside hosts by outside addresses do not occur.
    if (message.kind != nat44_icmp_kind::reply || !from_outside(p)) return hook_verdict::accept;
    const nat44_endpoint outside(nat44_endpoint(p.destination()).address, message.identifier);
    nat44_mapping_entry* const m = table_.find_outside(ip_protocol::icmp, outside);
    return m == nullptr ? hook_verdict::accept : unmap(p, *m, nat44_endpoint(p.source()), 0);
}

/// RFC 5508 REQ-4, and REQ-7 from inside. Any router may send an error, so that its source is not filtered (RFC 4787 REQ-12), and
/// it neither ends nor refreshes a mapping (RFC 5508 REQ-6).
hook_verdict nat44_translator::input_error(hooked_packet& p)
{
    const auto quote = read_nat44_quote(p);
    if (!quote || quote->source.address != nat44_endpoint(p.destination()).address) return hook_verdict::accept;
    const nat44_mapping_entry* const m = table_.find_outside(quote->protocol, quote->source);
    if (m == nullptr) return hook_verdict::accept; // about a packet of this host; of an echo reply the port is 0
    set_quoted_source(p, *quote, m->inside);
    p.set_destination(endpoint(m->inside));
    mark_unmapped(p);
    return hook_verdict::accept;
}

// -- between the interfaces -------------------------------------------------------------------------------------------------

hook_verdict nat44_translator::forward(const hooked_packet& p) noexcept
{
    const bool untranslated = p.family() == family::v4 && from_outside(p) && (p.mark() & nat44::translated) == 0;
    if (!untranslated || !block_untranslated_) return hook_verdict::accept;
    ++filtered_;
    return hook_verdict::drop;
}

// -- from inside ------------------------------------------------------------------------------------------------------------

hook_verdict nat44_translator::output(hooked_packet& p, time_point now)
{
    if (p.family() != family::v4) return hook_verdict::accept;
    const bool hairpin = (p.mark() & nat44::hairpin) != 0;
    if (p.out() != outside_ && !hairpin) return hook_verdict::accept;
    tick(now);
    if (p.in() == hooked_packet::none) {
        translate_own_error(p);
        return hook_verdict::accept;
    }
    const bool done = from_outside(p) || table_.is_outside_address(nat44_endpoint(p.source()).address);
    return done ? hook_verdict::accept : masquerade(p, hairpin);
}

hook_verdict nat44_translator::masquerade(hooked_packet& p, bool hairpin)
{
    const ip_protocol protocol = protocol_of(p);
    if (protocol == ip_protocol::icmp) {
        const nat44_icmp message = read_nat44_icmp(p, p.transport_at());
        if (message.kind == nat44_icmp_kind::query) return masquerade_query(p, message.identifier);
        return message.kind == nat44_icmp_kind::error ? masquerade_error(p) : refuse_unsupported();
    }
    const nat44_mapping_entry* const m =
        hairpin ? table_.find_inside(protocol, nat44_endpoint(p.source())) : map_sender(p, nat44_endpoint(p.destination()));
    if (m == nullptr) return hook_verdict::drop;
    p.set_source(endpoint(m->outside));
    return hook_verdict::accept;
}

/// The mapping of the sender of a TCP or UDP packet from inside. Null: drop the packet, which has been counted.
nat44_mapping_entry* nat44_translator::map_sender(const hooked_packet& p, const nat44_endpoint& remote)
{
    const ip_protocol protocol = protocol_of(p);
    const nat44_endpoint inside(p.source());
    const std::uint8_t flags = tcp_flags(p);
    bool supported = p.has_ports();
    if (supported && protocol == ip_protocol::tcp) {
        const bool useless = (flags & wire::tcp_rst) != 0 && table_.find_inside(protocol, inside) == nullptr;
        supported = remote.port != 0 && !useless; // no connection has port 0
    }
    if (supported) return table_.map_outbound(protocol, inside, remote, flags, now_);
    ++unsupported_;
    return nullptr;
}

/// RFC 5508 REQ-1.
hook_verdict nat44_translator::masquerade_query(hooked_packet& p, std::uint16_t identifier)
{
    const nat44_endpoint inside(nat44_endpoint(p.source()).address, identifier), remote(p.destination());
    const nat44_mapping_entry* const m = table_.map_outbound(ip_protocol::icmp, inside, remote, 0, now_);
    if (m == nullptr) return hook_verdict::drop;
    p.set_source(endpoint(m->outside));
    set_identifier(p, m->outside.port);
    return hook_verdict::accept;
}

/// The mapping of the quoted packet's destination, as the sender of an ICMP error has seen it. Null: none, or an ICMP query,
/// which input() does not translate.
nat44_mapping_entry* nat44_translator::quoted_mapping(const nat44_quote& q) const noexcept
{
    return q.icmp == nat44_icmp_kind::query ? nullptr : table_.find_inside(q.protocol, q.destination);
}

/// RFC 5508 REQ-5. Its sender may be a router inside, which has no mapping.
hook_verdict nat44_translator::masquerade_error(hooked_packet& p)
{
    const auto quote = read_nat44_quote(p);
    const nat44_mapping_entry* const m = quote ? quoted_mapping(*quote) : nullptr;
    if (m == nullptr) return refuse_unsupported();
    set_quoted_destination(p, *quote, m->outside);
    p.set_source(endpoint(nat44_endpoint(m->outside.address, 0)));
    return hook_verdict::accept;
}

/// An error of this host about a packet from outside, which input() has changed before: it must not disclose the inside address,
/// and the remote could not tell which packet it is about.
void nat44_translator::translate_own_error(hooked_packet& p)
{
    if (protocol_of(p) != ip_protocol::icmp) return;
    if (read_nat44_icmp(p, p.transport_at()).kind != nat44_icmp_kind::error) return;
    const auto quote = read_nat44_quote(p);
    const nat44_mapping_entry* const m = quote ? quoted_mapping(*quote) : nullptr;
    if (m != nullptr) set_quoted_destination(p, *quote, m->outside);
}

hook_verdict nat44_translator::refuse_unsupported() noexcept
{
    ++unsupported_;
    return hook_verdict::drop;
}

nat44_counters nat44_translator::counters() const noexcept
{
    nat44_counters c = table_.counters();
    c.filtered = filtered_;
    c.unsupported = unsupported_;
    return c;
}

} // namespace tapio::core::ip
