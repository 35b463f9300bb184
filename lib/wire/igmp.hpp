/// @file
/// IGMP of all versions (RFC 3376 §4, RFC 2236 §2, RFC 1112 Appendix I), as a host reads and writes it. Read RFC 3376 §4 and §7.1
/// first. Messages begin behind the IPv4 header and its options, and end where the packet's total length says.
#pragma once

#include "wire/group_record.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <boost/endian/buffers.hpp>

#include <array>
#include <cstdint>

namespace tapio::core::wire {

enum class igmp_type : std::uint8_t
{
    query = 0x11,
    report_v1 = 0x12,
    report_v2 = 0x16,
    leave = 0x17,
    report_v3 = 0x22
};

/// Wire layout of all messages but reports of version 3.
struct igmp_header
{
    boost::endian::big_uint8_buf_t type;
    boost::endian::big_uint8_buf_t max_response; ///< queries: 0 in version 1, 1/10 s in version 2, a code of 1/10 s in version 3
    boost::endian::big_uint16_buf_t checksum;    ///< over the whole message
    boost::endian::big_uint32_buf_t group;
};
static_assert(sizeof(igmp_header) == 8 && wire_header<igmp_header>);

/// Wire layout of the start of a report of version 3.
struct igmp_report_header
{
    boost::endian::big_uint8_buf_t type;
    boost::endian::big_uint8_buf_t reserved;
    boost::endian::big_uint16_buf_t checksum;
    boost::endian::big_uint16_buf_t reserved_2;
    boost::endian::big_uint16_buf_t records;
};
static_assert(sizeof(igmp_report_header) == 8 && wire_header<igmp_report_header>);

/// The option that the IPv4 header of every message has (RFC 2113; RFC 3376 §4).
inline constexpr std::array<std::uint8_t, 4> ipv4_router_alert_option{148, 4, 0, 0};

/// Checks length and checksum. Types of other protocols within IGMP's number are an error, too: igmp_unknown_type.
parsed<igmp_type> parse_igmp(const_bytes message) noexcept;

// Precondition of these: parse_igmp() has accepted the message and says so.
parsed<group_query> parse_igmp_query(const_bytes message) noexcept;
parsed<address_v4> parse_igmp_report(const_bytes message) noexcept; ///< report_v1, report_v2, leave: the group
/// report_v3: calls `f(const group_record&)`. @return false: cut off
template <class F>
bool for_each_igmp_record(const_bytes message, F&& f)
{
    const auto h = read<igmp_report_header>(message);
    return for_each_group_record(message.subspan(sizeof h), h.records.value(), family::v4, std::forward<F>(f));
}

// Whole messages, with checksum.
packet make_igmp(igmp_type type, const address_v4& group);   ///< report_v1, report_v2, leave
packet make_igmp_report(const group_record_writer& records); ///< report_v3

} // namespace tapio::core::wire
