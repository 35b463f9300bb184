/// @file
/// Router Advertisements and their options. Read RFC 4861 §4.2 and §4.6 first, then RFC 4191 §2 (preferences and routes),
/// RFC 8106 §5 (DNS) and RFC 8781 §4 (NAT64 prefix). What a host makes of them: ip/slaac.hpp.
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::wire {

/// Of a default router or a route (RFC 4191 §2.1).
enum class router_preference : std::int8_t
{
    low = -1,
    medium = 0,
    high = 1
};

inline constexpr std::uint32_t infinite_lifetime = 0xffff'ffff; ///< seconds; of prefixes, routes and DNS options

// In all prefixes the bits behind the prefix length are zero.

/// RFC 4861 §4.6.2.
struct prefix_information
{
    address_v6 prefix;
    std::uint8_t length = 64;             ///< bits, at most 128
    bool on_link = false;                 ///< L: addresses of the prefix are neighbours; false says nothing about them
    bool autonomous = false;              ///< A: hosts make addresses from the prefix (RFC 4862)
    std::uint32_t valid_lifetime = 0;     ///< s
    std::uint32_t preferred_lifetime = 0; ///< s; not compared with the valid lifetime here

    friend bool operator==(const prefix_information&, const prefix_information&) = default;
};

/// RFC 4191 §2.3.
struct route_information
{
    address_v6 prefix;
    std::uint8_t length = 0; ///< bits, at most 128; 0: a default route
    router_preference preference = router_preference::medium;
    std::uint32_t lifetime = 0; ///< s

    friend bool operator==(const route_information&, const route_information&) = default;
};

/// One server of an RDNSS option (RFC 8106 §5.1).
struct dns_server
{
    address_v6 address;         ///< unicast; may be link-local
    std::uint32_t lifetime = 0; ///< s

    friend bool operator==(const dns_server&, const dns_server&) = default;
};

/// One name of a DNSSL option (RFC 8106 §5.2).
struct dns_search_domain
{
    std::string name;           ///< labels of [a-z0-9_-], separated by dots, as "corp.example.com"; at most 253 octets
    std::uint32_t lifetime = 0; ///< s

    friend bool operator==(const dns_search_domain&, const dns_search_domain&) = default;
};

/// The prefix by which a NAT64 represents IPv4 addresses (RFC 8781).
struct nat64_prefix
{
    address_v6 prefix;
    std::uint8_t length = 96;   ///< bits: 96, 64, 56, 48, 40 or 32
    std::uint16_t lifetime = 0; ///< s, a multiple of 8

    friend bool operator==(const nat64_prefix&, const nat64_prefix&) = default;
};

struct router_advertisement
{
    // More options of a kind than these are ignored.
    static constexpr std::size_t most_prefixes = 32, most_routes = 32, most_dns_servers = 16, most_dns_search_domains = 16,
                                 most_nat64_prefixes = 4;

    std::uint8_t hop_limit = 0;                               ///< for the host's packets; 0: unspecified
    bool managed = false;                                     ///< M: DHCPv6 gives addresses
    bool other = false;                                       ///< O: DHCPv6 gives other configuration
    router_preference preference = router_preference::medium; ///< medium if the lifetime is 0
    std::uint16_t router_lifetime = 0;                        ///< s; 0: not a default router
    std::uint32_t reachable_time = 0;                         ///< ms; 0: unspecified
    std::uint32_t retransmit_time = 0;                        ///< ms between neighbour solicitations; 0: unspecified
    std::optional<mac_address> source_link;
    std::optional<std::uint32_t> mtu; ///< octets; any value
    std::vector<prefix_information> prefixes;
    std::vector<route_information> routes;
    std::vector<dns_server> dns_servers;
    std::vector<dns_search_domain> dns_search_domains;
    std::vector<nat64_prefix> nat64_prefixes;

    friend bool operator==(const router_advertisement&, const router_advertisement&) = default;
};

/// Malformed options are ignored, as the RFC of each option says; an option of length 0, or one that is cut off, makes the whole
/// message invalid (RFC 4861 §6.1.2). The rest of §6.1.2 is the caller's: hop limit, source, code, checksum.
/// @param rest of the ICMPv6 header  @param body the octets after the 8 octets of the ICMPv6 header
parsed<router_advertisement> parse_router_advertisement(std::uint32_t rest, const_bytes body);

/// What push_icmpv6() puts its header in front of. Precondition: the values are as the comments above say.
packet make_router_advertisement(const router_advertisement& ra);
std::uint32_t rest_of(const router_advertisement& ra) noexcept;

} // namespace tapio::core::wire
