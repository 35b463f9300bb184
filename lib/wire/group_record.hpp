/// @file
/// What IGMP and MLD share: a query as a value, the codes that stand for long times, and the group records of IGMPv3 and MLDv2,
/// which differ only in the size of their addresses. Read RFC 3376 §4 first; RFC 3810 §5 says the same for IPv6.
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/slice.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tapio::core::wire {

/// Generations of the protocol. MLD began with the second one.
enum class group_protocol : std::uint8_t
{
    v1 = 1, ///< IGMPv1 (RFC 1112 Appendix I): without leaving
    v2 = 2, ///< IGMPv2 (RFC 2236) and MLDv1 (RFC 2710): without sources
    v3 = 3  ///< IGMPv3 (RFC 3376) and MLDv2 (RFC 3810)
};

enum class group_record_type : std::uint8_t ///< RFC 3376 §4.2.12, RFC 3810 §5.2.12
{
    is_include = 1,
    is_exclude = 2,
    to_include = 3,
    to_exclude = 4,
    allow = 5,
    block = 6
};

inline std::size_t size_of_addresses(family f) noexcept { return f == family::v4 ? 4 : 16; } ///< octets

/// Addresses of one family that lie one behind the other in a received message. Valid as long as the message.
class address_list
{
public:
    address_list() = default;
    /// Precondition: the size of `octets` is a multiple of the size of an address.
    address_list(family f, const_bytes octets) noexcept : family_(f), octets_(octets) {}

    std::size_t size() const noexcept { return octets_.size() / size_of_addresses(family_); }
    bool empty() const noexcept { return octets_.empty(); }
    address operator[](std::size_t n) const noexcept; ///< precondition: n < size()

private:
    family family_ = family::v4;
    const_bytes octets_;
};

/// A query of any version.
struct group_query
{
    group_protocol version = group_protocol::v3;
    address group;                         ///< unspecified: a general query
    duration max_response{};               ///< 0: at once
    bool suppress_router = false;          ///< S flag: not for hosts; this and the rest only in v3
    std::uint8_t robustness = 0;           ///< the querier's robustness variable, 0 to 7; 0: not given
    std::chrono::seconds query_interval{}; ///< 0: not given
    address_list sources;                  ///< empty: about the group, from whichever source

    bool is_general() const noexcept { return group.is_unspecified(); }
};

/// The fields behind the group of an IGMPv3 or MLDv2 query: flags, QQIC, number of sources, sources (RFC 3376 §4.1.4 to §4.1.10).
/// @return false: shorter than the sources need, or sources in a general query
bool read_query_tail(const_bytes tail, family f, group_query& q) noexcept;

/// Codes of times (RFC 3376 §4.1.1 and §4.1.7; RFC 3810 §5.1.3): large ones have an exponent of 3 bits.
constexpr std::uint32_t value_of_code_8(std::uint8_t code) noexcept
{
    return code < 0x80 ? code : ((code & 0xfU) | 0x10U) << (((code >> 4) & 7U) + 3);
}
constexpr std::uint32_t value_of_code_16(std::uint16_t code) noexcept
{
    return code < 0x8000 ? code : ((code & 0xfffU) | 0x1000U) << (((code >> 12) & 7U) + 3);
}

/// A record of a received report.
struct group_record
{
    group_record_type type{};
    address group;
    address_list sources;
};

/// Calls `f(const group_record&)` for each of `count` records (RFC 3376 §4.2.4 to §4.2.10). Auxiliary data is skipped.
/// @return false: a record is cut off; `f` has seen those before it
template <class F>
bool for_each_group_record(const_bytes records, std::size_t count, family which, F&& f)
{
    const std::size_t address_size = size_of_addresses(which), head = 4 + address_size;
    for (; count > 0; --count) {
        if (records.size() < head) return false;
        const std::size_t sources = load_16(records.data() + 2) * address_size;
        const std::size_t length = head + sources + std::to_integer<std::size_t>(records[1]) * 4;
        if (records.size() < length) return false;
        f(group_record{static_cast<group_record_type>(records[0]), address_list(which, records.subspan(4, address_size))[0],
                       address_list(which, records.subspan(head, sources))});
        records = records.subspan(length);
    }
    return true;
}

/// The records of one report that is to be sent, of bounded length.
class group_record_writer
{
public:
    /// @param room octets for all records of a report, at least one record with one source and at most 65535
    group_record_writer(family f, std::size_t room) : family_(f), room_(room) {}

    /// Appends a record if all of it fits. If there is no other record yet, as much as fits is appended (RFC 3376 §4.2.16,
    /// RFC 3810 §5.2.15): sources of an exclude record that do not fit are left out, other records continue in the next report.
    /// @param sources what was appended or left out is removed from the span
    /// @return false: send this report, clear(), and add what is left
    bool add(group_record_type type, const address& group, std::span<const address>& sources);

    bool empty() const noexcept { return count_ == 0; }
    std::uint16_t count() const noexcept { return count_; }
    const_bytes octets() const noexcept { return octets_; }
    void clear() noexcept { octets_.clear(), count_ = 0; }

private:
    void append(const address& a);

    family family_;
    std::size_t room_; ///< octets
    std::uint16_t count_ = 0;
    std::vector<std::byte> octets_;
};

} // namespace tapio::core::wire
