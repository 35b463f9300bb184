#include "wire/igmp.hpp"

#include "base/checksum.hpp"

namespace tapio::core::wire {

namespace {

constexpr std::size_t igmp_query_size = 12; ///< octets, without sources (RFC 3376 §4.1)

bool is_igmp_type(std::uint8_t type) noexcept
{
    switch (static_cast<igmp_type>(type)) {
    case igmp_type::query:
    case igmp_type::report_v1:
    case igmp_type::report_v2:
    case igmp_type::leave:
    case igmp_type::report_v3: return true;
    }
    return false;
}

duration tenths(std::uint32_t n) noexcept { return std::chrono::milliseconds(100) * n; }

} // namespace

parsed<igmp_type> parse_igmp(const_bytes message) noexcept
{
    if (message.size() < sizeof(igmp_header)) return drop_reason::igmp_malformed;
    if (ones_sum(message) != 0xffff) return drop_reason::igmp_bad_checksum;
    const auto type = std::to_integer<std::uint8_t>(message[0]);
    if (!is_igmp_type(type)) return drop_reason::igmp_unknown_type;
    return static_cast<igmp_type>(type);
}

/// RFC 3376 §7.1: versions are told apart by the length and the maximum response code.
parsed<group_query> parse_igmp_query(const_bytes message) noexcept
{
    const auto h = read<igmp_header>(message);
    const std::uint8_t code = h.max_response.value();
    group_query q;
    q.group = address_v4(h.group.value());
    if (message.size() == sizeof h) {
        q.version = code == 0 ? group_protocol::v1 : group_protocol::v2;
        q.max_response = code == 0 ? tenths(100) : tenths(code);          // RFC 2236 §4
        if (q.version == group_protocol::v1) q.group = address_v4::any(); // RFC 1112 Appendix I: ignored when received
    } else {
        if (message.size() < igmp_query_size) return drop_reason::igmp_malformed;
        q.max_response = tenths(value_of_code_8(code));
        if (!read_query_tail(message.subspan(sizeof h), family::v4, q)) return drop_reason::igmp_malformed;
    }
    if (!q.is_general() && !q.group.is_multicast()) return drop_reason::igmp_malformed;
    return q;
}

/// Octets behind the first 8 are ignored (RFC 2236 §2.5).
parsed<address_v4> parse_igmp_report(const_bytes message) noexcept
{
    const address_v4 group(read<igmp_header>(message).group.value());
    if (!group.is_multicast()) return drop_reason::igmp_malformed;
    return group;
}

packet make_igmp(igmp_type type, const address_v4& group)
{
    igmp_header h;
    h.type = static_cast<std::uint8_t>(type);
    h.max_response = 0;
    h.checksum = 0;
    h.group = group.to_uint();
    h.checksum = static_cast<std::uint16_t>(~ones_sum(octets_of(h)));
    packet p;
    p.push_front(h);
    return p;
}

packet make_igmp_report(const group_record_writer& records)
{
    igmp_report_header h;
    h.type = static_cast<std::uint8_t>(igmp_type::report_v3);
    h.reserved = 0;
    h.checksum = 0;
    h.reserved_2 = 0;
    h.records = records.count();
    checksum_accumulator sum;
    sum.add(octets_of(h));
    sum.add(records.octets());
    h.checksum = sum.checksum();
    packet p(slice::copy_of(records.octets()));
    p.push_front(h);
    return p;
}

} // namespace tapio::core::wire
