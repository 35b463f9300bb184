/// @file
/// Which of several addresses to use: the source of a packet (RFC 6724 §5), and the order in which the destinations that a
/// resolver has found are tried (§6). Functions of their arguments alone. Read RFC 6724 first; its rules are told apart by
/// number.
///
/// IPv4 addresses take part: in the policy table as IPv4-mapped IPv6 addresses, with the scopes of §3.2. An IPv4-mapped IPv6
/// address counts as the IPv4 address.
#pragma once

#include <tapio/core/address.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tapio::core::ip {

/// How far an address is valid; the numbers are those of multicast addresses (RFC 4291 §2.7). Other numbers occur, too.
enum class scope : std::uint8_t
{
    interface_local = 1,
    link_local = 2,
    realm_local = 3,
    admin_local = 4,
    site_local = 5,
    organization_local = 8,
    global = 14
};

/// §3.1 to §3.4: loopback addresses are link-local; private IPv4 and unique local IPv6 addresses are global. For IPv4 groups:
/// RFC 2365 §8.
scope scope_of(const address& a) noexcept;

struct policy
{
    address_v6 prefix;
    unsigned prefix_length = 0;   ///< bits
    std::uint32_t precedence = 0; ///< of a destination; the higher is preferred
    std::uint32_t label = 0;      ///< source and destination should have the same
};

class policy_table
{
public:
    policy_table(); ///< the default of §2.1
    /// In place of the default. If there is no row for ::/0, that of the default table is added.
    explicit policy_table(std::vector<policy> rows);

    const policy& find(const address& a) const noexcept; ///< by longest prefix

private:
    std::vector<policy> rows_; ///< the longest prefix first, ::/0 last
};

/// What a user may choose for a socket (RFC 5014, IPV6_ADDR_PREFERENCES).
struct source_preferences
{
    bool temporary = true; ///< IPV6_PREFER_SRC_TMP, the default of RFC 6724; false: IPV6_PREFER_SRC_PUBLIC
    bool home = true;      ///< IPV6_PREFER_SRC_HOME; false: IPV6_PREFER_SRC_COA

    bool operator==(const source_preferences&) const = default;
};

struct source_candidate
{
    core::address address;
    unsigned prefix_length = 0; ///< bits; the on-link prefix of the address
    std::uint32_t interface = 0;
    bool deprecated = false;             ///< its preferred lifetime is over (RFC 4862 §5.5.4)
    bool temporary = false;              ///< RFC 8981
    bool home = false;                   ///< Mobile IPv6 (RFC 6275); an address that is neither home nor care-of
    bool care_of = false;                ///< counts as care-of, as on Linux
    bool advertised_by_next_hop = false; ///< the next hop of the route advertised the prefix (rule 5.5)
};

struct source_request
{
    address destination;
    std::uint32_t interface = 0; ///< outgoing
    source_preferences preferences;
};

/// The source address for a packet (§5); among equals the first. Ignores candidates of the other family, and for a multicast or
/// link-local destination those of other interfaces (§4). null: no candidate is left
const source_candidate* select_source(std::span<const source_candidate> candidates, const source_request& request,
                                      const policy_table& policies) noexcept;

struct destination_choice
{
    core::address destination;
    std::optional<source_candidate> source; ///< the one selected for the destination; none: no route, or no source
    bool reachable = true;                  ///< false: known to be unreachable
    bool encapsulated = false;              ///< the route leads through a tunnel to the other family (rule 7)
};

/// Sorts the destination to try first to the front (§6). Where no rule prefers one, the order stays (rule 10).
void order_destinations(std::span<destination_choice> choices, const policy_table& policies);

} // namespace tapio::core::ip
