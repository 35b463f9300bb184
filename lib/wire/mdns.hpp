/// @file
/// Messages of multicast DNS (RFC 6762 §18): those of DNS, with several questions, and with a bit in the class of questions and
/// records. Read wire/dns.hpp first.
#pragma once

#include "wire/dns.hpp"

#include <tapio/core/dns.hpp>
#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tapio::core::wire {

inline constexpr std::size_t longest_mdns_message = 9000; ///< octets (RFC 6762 §17)
inline constexpr std::size_t most_mdns_questions = 128;   ///< of a message; one with more is refused
inline constexpr std::uint16_t mdns_port = 5353;

struct mdns_question
{
    dns::name name;
    dns::record_type type = dns::record_type::a;
    bool unicast = false; ///< QU: the answer may be sent to the querier alone (RFC 6762 §5.4)

    friend bool operator==(const mdns_question&, const mdns_question&) = default;
};

struct mdns_record : dns::record
{
    bool flush = false; ///< it belongs to a set that is complete in this message (RFC 6762 §10.2); of records that are unique
};

struct mdns_message
{
    std::uint16_t id = 0; ///< 0, but for the exchange with a querier that is none of multicast DNS (RFC 6762 §6.7)
    bool response = false;
    std::uint8_t opcode = 0;
    std::uint8_t code = 0;  ///< RCODE
    bool truncated = false; ///< of a query: more known answers follow (RFC 6762 §7.2)
    std::vector<mdns_question> questions;
    std::vector<mdns_record> answers;     ///< of a query: known ones (RFC 6762 §7.1)
    std::vector<mdns_record> authorities; ///< of a query: records that are probed for (RFC 6762 §8.2)
    std::vector<mdns_record> additionals;
};

/// Questions and records of classes other than IN are left out, and so are OPT records.
dns_parsed<mdns_message> parse_mdns(const_bytes message);

/// Records beyond `limit` octets are left out of the end; TC is as the message says. AA is set in responses.
/// @param left_out not null: how many of the answers did not fit in
std::vector<std::byte> make_mdns(const mdns_message& m, std::size_t limit, std::size_t* left_out = nullptr);

/// Octets of a record in a message, if nothing of it is compressed.
std::size_t size_of(const dns::record& r);

/// The data of a record as RFC 6762 §8.2 compares it: uncompressed.
std::vector<std::byte> data_of(const dns::record& r);

/// The data of an NSEC record in the form of RFC 6762 §6.1: `owner` has records of these types and no other.
dns::unknown_data make_nsec(const dns::name& owner, std::vector<dns::record_type> types);
/// @return false: the record says that its owner has no records of the type; true also if it is malformed
bool nsec_allows(const dns::unknown_data& nsec, dns::record_type type) noexcept;

} // namespace tapio::core::wire
