/// @file
/// DNS messages: parsed once, with every length checked, and emitted exactly. Read RFC 1035 §4 first, then RFC 6891 §6 (EDNS0)
/// and RFC 9267 (what implementations got wrong). Names: tapio/core/dns_name.hpp.
///
/// A compression pointer must point to a place before the part of the name that it belongs to, so that following pointers ends.
#pragma once

#include "wire/header.hpp"

#include <tapio/core/dns.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::wire {

inline constexpr std::size_t dns_header_size = 12;        ///< octets
inline constexpr std::size_t longest_dns_message = 65535; ///< octets; of a datagram without EDNS: 512
inline constexpr std::size_t plain_dns_payload = 512;     ///< octets of a message by UDP without EDNS (RFC 1035 §4.2.1)
inline constexpr std::size_t most_dns_records = 1024;     ///< of a message; one with more is refused

inline constexpr std::uint16_t dns_class_in = 1;

struct dns_question
{
    dns::name name;
    dns::record_type type = dns::record_type::a;
    std::uint16_t class_code = dns_class_in;

    friend bool operator==(const dns_question&, const dns_question&) = default;
};

/// The OPT pseudo-record (RFC 6891 §6.1). Options are skipped in what is parsed.
struct dns_edns
{
    std::uint16_t payload = plain_dns_payload; ///< octets that its sender can receive by UDP
    std::uint8_t version = 0;
    std::uint16_t pad_to = 0; ///< octets; make_dns() pads the message to a multiple of them (RFC 7830); 0: not

    friend bool operator==(const dns_edns&, const dns_edns&) = default;
};

/// The header and the question (RFC 1035 §4.1.1 and §4.1.2).
struct dns_head
{
    std::uint16_t id = 0;
    bool response = false; ///< QR
    std::uint8_t opcode = 0;
    bool authoritative = false, truncated = false, recursion_desired = false, recursion_available = false; ///< AA TC RD RA
    dns::response_code code = dns::response_code::no_error; ///< of a message with EDNS: all 12 bits
    std::optional<dns_question> question;                   ///< a message with several is refused

    friend bool operator==(const dns_head&, const dns_head&) = default;
};

struct dns_message : dns_head
{
    std::vector<dns::record> answers, authorities, additionals; ///< of class IN
    std::optional<dns_edns> edns;
};

enum class dns_fault : std::uint8_t
{
    truncated,   ///< shorter than its counts and lengths say
    bad_label,   ///< a length octet of a kind that RFC 1035 reserves
    bad_pointer, ///< not backwards, into the header, or too many
    long_name,   ///< beyond 255 octets
    bad_data,    ///< a record's data is shorter or longer than its type allows
    too_many_questions,
    too_many_records,
    bad_edns,       ///< two OPT records, or one that is not the root's (RFC 6891 §6.1.1)
    trailing_octets ///< behind the last record
};

template <class T>
using dns_parsed = boost::system::result<T, dns_fault>;
inline void throw_exception_from_error(dns_fault, const boost::source_location&) {} ///< value() is not used

/// Header and question alone, so that an answer to another question costs no more than that.
dns_parsed<dns_head> parse_dns_head(const_bytes message);
dns_parsed<dns_message> parse_dns(const_bytes message);

/// A message. Names are compressed where RFC 3597 §4 allows it. Records beyond `limit` octets are left out, and TC is set; the
/// question and EDNS are always there. Precondition: the data of each record is of its type's alternative.
std::vector<std::byte> make_dns(const dns_message& m, std::size_t limit = longest_dns_message);

} // namespace tapio::core::wire
