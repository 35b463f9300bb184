/// @file
/// What a response says about its question: follows CNAME records within it (RFC 1034 §3.6.2) and finds how long "no such name"
/// lasts (RFC 2308 §2). Also names that no server is asked about, and names of reverse lookups.
#pragma once

#include "wire/dns.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/dns.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace tapio::core::client {

inline constexpr unsigned most_cnames = 16; ///< on the way from a name to its records

/// Sets of records: one of each CNAME, then that of the type asked for.
struct dns_finding
{
    enum class kind : std::uint8_t
    {
        records,
        no_data,
        no_name,
        elsewhere, ///< CNAME records lead to `canonical`, about which the response says nothing
        endless    ///< more CNAME records than `most_cnames`, or in a circle
    } what = kind::no_data;
    std::vector<std::vector<dns::record>> sets;
    dns::name canonical;                  ///< where CNAME records lead; without them the name asked for
    std::chrono::seconds negative_ttl{0}; ///< of no_data and no_name; 0: not to be cached
    std::optional<dns::record> authority; ///< of no_data and no_name: the SOA record that says so
};

/// Uses only records that belong to the question: its own, and those that a chain of CNAME records from it leads to.
/// Precondition: the response has this question.
dns_finding read_answer(const wire::dns_message& response, const wire::dns_question& q);

/// RFC 6761 §6.3 ("localhost" and names below it, and the loopback's reverse names), §6.4 ("invalid"), RFC 7686 ("onion"). none:
/// an ordinary name
std::optional<dns_finding> special_answer(const dns::name& n, dns::record_type type);

/// The name whose PTR record names the host (RFC 1035 §3.5, RFC 3596 §2.5).
dns::name reverse_name(const address& a);

} // namespace tapio::core::client
