#include "wire/icmpv6.hpp"

#include "base/checksum.hpp"
#include "wire/ipv6.hpp"

namespace tapio::core::wire {

parsed<icmpv6_message> parse_icmpv6(const_bytes front) noexcept
{
    if (front.size() < sizeof(icmpv6_header)) return drop_reason::icmp_truncated;
    const auto h = read<icmpv6_header>(front);
    return icmpv6_message{static_cast<icmpv6_type>(h.type.value()), h.code.value(), h.rest.value()};
}

parsed<icmpv6_quote> parse_icmpv6_quote(const_bytes quoted) noexcept
{
    if (quoted.size() < sizeof(ipv6_header)) return drop_reason::icmp_bad_quote;
    const auto h = read<ipv6_header>(quoted);
    if (h.version_class_flow.value() >> 28 != 6) return drop_reason::icmp_bad_quote;
    const auto end = skip_ipv6_chain(quoted.subspan(sizeof h), h.next_header.value());
    if (!end) return drop_reason::icmp_bad_quote;
    icmpv6_quote q;
    q.source = address_v6(h.source);
    q.destination = address_v6(h.destination);
    q.protocol = end->protocol;
    q.total_length = static_cast<std::uint32_t>(sizeof h) + h.payload_length.value();
    q.header_length = static_cast<std::uint16_t>(sizeof h + end->header_at);
    const bool tcp = q.protocol == ip_protocol::tcp;
    if (!tcp && q.protocol != ip_protocol::udp) return q;
    const const_bytes transport = quoted.subspan(q.header_length);
    if (transport.size() < 8) return drop_reason::icmp_bad_quote;
    q.source_port = load_16(transport.data());
    q.destination_port = load_16(transport.data() + 2);
    if (tcp) q.sequence = load_32(transport.data() + 4);
    return q;
}

void push_icmpv6(packet& p, icmpv6_type type, std::uint8_t code, std::uint32_t rest, const flow_key& addresses) noexcept
{
    icmpv6_header h;
    h.type = static_cast<std::uint8_t>(type);
    h.code = code;
    h.checksum = 0;
    h.rest = rest;
    checksum_accumulator sum = addresses.pseudo_header(sizeof h + p.size());
    sum.add(octets_of(h));
    add(sum, p);
    h.checksum = sum.checksum();
    p.push_front(h);
}

} // namespace tapio::core::wire
