/// @file
/// What a stack says of itself by multicast DNS: its name, and services in the form of DNS-SD. Read RFC 6762 §6 and §8 first,
/// then RFC 6763 §4. What a stack asks by multicast DNS is an option of its resolver (tapio/core/dns.hpp).
#pragma once

#include <tapio/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// A service of this host (RFC 6763 §4): a PTR record of its type, and SRV and TXT records of its own name.
struct mdns_service
{
    std::string instance{}; ///< what users see, UTF-8 of up to 63 octets, also with dots and blanks; empty: the host's name
    std::string type{};     ///< such as "_http._tcp" (RFC 6763 §7)
    std::uint16_t port = 0; ///< in the host's byte order
    std::vector<std::string> text{}; ///< "key=value" (RFC 6763 §6), each up to 255 octets, together up to 1000
    /// Such as "_printer", which is found as _printer._sub._http._tcp, too (RFC 6763 §7.1): labels, up to `most_subtypes`.
    std::vector<std::string> subtypes{};

    static constexpr std::size_t most_subtypes = 16;

    friend bool operator==(const mdns_service&, const mdns_service&) = default;
};

struct mdns_options
{
    static constexpr std::size_t most_services = 32;

    /// One label, up to 63 octets, such as "printer" for printer.local; empty: the host says nothing of itself, and has no
    /// services. While another host of a link has the name, "printer-2" is tried, then "printer-3" (RFC 6762 §9).
    std::string host_name{};
    std::vector<mdns_service> services{};

    friend bool operator==(const mdns_options&, const mdns_options&) = default;
};

struct mdns_counters
{
    std::uint64_t sent = 0;      ///< messages, one for each family and interface
    std::uint64_t received = 0;  ///< messages that were used
    std::uint64_t malformed = 0; ///< messages that are none of DNS
    std::uint64_t off_link = 0; ///< messages from another network, or responses from another port than 5353 (RFC 6762 §6 and §11)
    std::uint64_t conflicts = 0; ///< names that had to be changed
};

struct mdns_status
{
    std::string host_name;             ///< in use, such as "printer-2.local"; empty: none
    bool published = false;            ///< all names were probed for and announced, on every interface that has addresses
    std::vector<std::string> services; ///< names in use, such as "Front desk._http._tcp.local", in the order of the options
    mdns_counters counters;
    std::size_t cache_records = 0; ///< of other hosts
};

} // namespace tapio::core

#pragma GCC visibility pop
