/// @file
/// What a stack's resolver uses and has done (stack::dns()). A copy, which does not follow later changes.
#pragma once

#include <tapio/core/address.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

struct dns_counters
{
    std::uint64_t lookups = 0;         ///< that were not answered by an address or the hosts table
    std::uint64_t cache_hits = 0;      ///< parts of lookups (A, AAAA) that needed no query
    std::uint64_t stale_answers = 0;   ///< of these, with records whose TTL was over
    std::uint64_t shared = 0;          ///< parts of lookups that waited for a query under way
    std::uint64_t queries = 0;         ///< questions that were put to servers
    std::uint64_t datagrams = 0;       ///< messages sent by UDP, repetitions included
    std::uint64_t streams = 0;         ///< messages sent by TCP
    std::uint64_t secure_streams = 0;  ///< messages sent by TLS
    std::uint64_t timeouts = 0;        ///< attempts without an answer
    std::uint64_t unreachable = 0;     ///< attempts that an ICMP error, a reset, or the lack of a route ended
    std::uint64_t mismatches = 0;      ///< responses that were not believed (RFC 5452)
    std::uint64_t failures = 0;        ///< questions that no server answered
    std::uint64_t refused_lookups = 0; ///< beyond the bound on lookups
};

struct dns_status
{
    std::vector<endpoint> servers;   ///< in use now, the user's or learned ones
    std::vector<std::string> search; ///< likewise
    dns_counters counters;
    std::size_t cache_entries = 0, cache_octets = 0;
    std::size_t queries = 0;     ///< that wait for an answer or for their turn
    std::size_t connections = 0; ///< to servers, by TCP and by TLS
    std::string tls_failure;     ///< for people: why the last connection by TLS has failed; empty: none has
};

} // namespace tapio::core

#pragma GCC visibility pop
