#include "wire/icmpv4.hpp"

#include "base/checksum.hpp"

#include <boost/endian/conversion.hpp>

namespace tapio::core::wire {

bool icmpv4_message::is_error() const noexcept
{
    switch (type) {
    case icmpv4_type::destination_unreachable:
    case icmpv4_type::source_quench: // known, but ignored (RFC 6633; RFC 9293 MUST-55)
    case icmpv4_type::redirect:
    case icmpv4_type::time_exceeded:
    case icmpv4_type::parameter_problem: return true;
    default: return false;
    }
}

parsed<icmpv4_message> parse_icmpv4(const packet& p) noexcept
{
    const const_bytes front = p.front();
    if (front.size() < sizeof(icmpv4_header)) return drop_reason::icmp_truncated;
    const auto h = read<icmpv4_header>(front);
    if (p.offload.checksum == offload_info::checksum_state::complete) {
        checksum_accumulator sum;
        add(sum, p);
        if (sum.folded() != 0xffff) return drop_reason::icmp_bad_checksum;
    }
    return icmpv4_message{static_cast<icmpv4_type>(h.type.value()), h.code.value(), h.rest.value()};
}

parsed<icmpv4_quote> parse_icmpv4_quote(const_bytes quoted) noexcept
{
    constexpr std::size_t least_payload = 8; // RFC 792: 64 bits of the original datagram's data
    if (quoted.size() < sizeof(ipv4_header)) return drop_reason::icmp_bad_quote;
    const auto h = read<ipv4_header>(quoted);
    const std::size_t length = (h.version_ihl.value() & 15U) * 4U;
    if (h.version_ihl.value() >> 4 != 4 || length < sizeof h || quoted.size() < length + least_payload)
        return drop_reason::icmp_bad_quote;
    if ((h.flags_offset.value() & 0x1fff) != 0) return drop_reason::icmp_bad_quote; // a later fragment: no transport header
    const auto* const transport = reinterpret_cast<const unsigned char*>(quoted.data() + length);
    icmpv4_quote q;
    q.source = address_v4(h.source);
    q.destination = address_v4(h.destination);
    q.protocol = static_cast<ip_protocol>(h.protocol.value());
    q.total_length = h.total_length.value();
    if (q.protocol == ip_protocol::tcp || q.protocol == ip_protocol::udp) {
        q.source_port = boost::endian::load_big_u16(transport);
        q.destination_port = boost::endian::load_big_u16(transport + 2);
    }
    if (q.protocol == ip_protocol::tcp) q.sequence = boost::endian::load_big_u32(transport + 4);
    return q;
}

void push_icmpv4(packet& p, icmpv4_type type, std::uint8_t code, std::uint32_t rest) noexcept
{
    icmpv4_header h;
    h.type = static_cast<std::uint8_t>(type);
    h.code = code;
    h.checksum = 0;
    h.rest = rest;
    checksum_accumulator sum;
    sum.add(octets_of(h));
    add(sum, p);
    h.checksum = sum.checksum();
    p.push_front(h);
}

} // namespace tapio::core::wire
