/// @file
/// MLD of both versions (RFC 3810 §5, RFC 2710 §3), as a host reads and writes it: payloads of ICMPv6. Read RFC 3810 §5 and §8.1
/// first.
#pragma once

#include "wire/group_record.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <array>
#include <cstdint>

namespace tapio::core::wire {

/// The hop-by-hop options header that every message has in front of ICMPv6: router alert (RFC 2711) with the value 0, padding.
inline constexpr std::array<std::uint8_t, 8> mld_hop_by_hop_header{58, 0, 5, 2, 0, 0, 1, 0};

// These take the octets after the 8 octets of the ICMPv6 header, and that header's `rest`.
parsed<group_query> parse_mld_query(std::uint32_t rest, const_bytes body) noexcept;
parsed<address_v6> parse_mld_report(const_bytes body) noexcept; ///< listener_report, listener_done: the group
/// listener_report_v2: calls `f(const group_record&)`. @return false: cut off
template <class F>
bool for_each_mld_record(std::uint32_t rest, const_bytes body, F&& f)
{
    return for_each_group_record(body, static_cast<std::uint16_t>(rest), family::v6, std::forward<F>(f));
}

// What push_icmpv6() puts its header in front of.
packet make_mld(const address_v6& group);                   ///< listener_report, listener_done; `rest` is 0
packet make_mld_report(const group_record_writer& records); ///< listener_report_v2
inline std::uint32_t rest_of(const group_record_writer& records) noexcept { return records.count(); } ///< listener_report_v2

} // namespace tapio::core::wire
