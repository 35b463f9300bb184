#include "wire/mld.hpp"

namespace tapio::core::wire {

namespace {

constexpr std::size_t mld_group_size = 16, mld_query_size = mld_group_size + 4; ///< octets behind the ICMPv6 header

address_v6 mld_group(const_bytes from) noexcept { return address_list(family::v6, from.first(mld_group_size))[0].to_v6(); }

} // namespace

/// RFC 3810 §8.1: versions are told apart by the length. RFC 2710 knows no code for long times.
parsed<group_query> parse_mld_query(std::uint32_t rest, const_bytes body) noexcept
{
    const auto code = static_cast<std::uint16_t>(rest >> 16);
    const bool is_v1 = body.size() == mld_group_size;
    if (!is_v1 && body.size() < mld_query_size) return drop_reason::mld_malformed;
    group_query q;
    q.group = mld_group(body);
    q.version = is_v1 ? group_protocol::v2 : group_protocol::v3;
    q.max_response = std::chrono::milliseconds(is_v1 ? code : value_of_code_16(code));
    if (!is_v1 && !read_query_tail(body.subspan(mld_group_size), family::v6, q)) return drop_reason::mld_malformed;
    if (!q.is_general() && !q.group.is_multicast()) return drop_reason::mld_malformed;
    return q;
}

parsed<address_v6> parse_mld_report(const_bytes body) noexcept
{
    if (body.size() < mld_group_size) return drop_reason::mld_malformed;
    const address_v6 group = mld_group(body);
    if (!group.is_multicast()) return drop_reason::mld_malformed;
    return group;
}

packet make_mld(const address_v6& group)
{
    const auto octets = group.to_bytes();
    packet p;
    p.push_front(octets);
    return p;
}

packet make_mld_report(const group_record_writer& records) { return packet(slice::copy_of(records.octets())); }

} // namespace tapio::core::wire
