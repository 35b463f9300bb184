/// @file
/// Messages of DHCP for IPv6 between clients and servers. Read RFC 8415 §8 and §21 first, then §21.21 (delegated prefixes), RFC
/// 3646 (DNS), RFC 4075 and RFC 5908 (time). What a client makes of them: client/dhcpv6_client.hpp. Not here: messages of relays.
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::wire {

inline constexpr std::uint16_t dhcpv6_client_port = 546, dhcpv6_server_port = 547;

/// RFC 8415 §7.3.
enum class dhcpv6_type : std::uint8_t
{
    solicit = 1,
    advertise = 2,
    request = 3,
    confirm = 4,
    renew = 5,
    rebind = 6,
    reply = 7,
    release = 8,
    decline = 9,
    reconfigure = 10,
    information_request = 11
};

/// Codes of the options that are read and written here.
enum class dhcpv6_option : std::uint16_t
{
    client_id = 1,
    server_id = 2,
    ia_na = 3,
    ia_address = 5,
    option_request = 6,
    preference = 7,
    elapsed_time = 8,
    status_code = 13,
    rapid_commit = 14,
    dns_servers = 23,
    domain_list = 24,
    ia_pd = 25,
    ia_prefix = 26,
    sntp_servers = 31,
    information_refresh_time = 32,
    ntp_server = 56,
    sol_max_rt = 82,
    inf_max_rt = 83
};

/// RFC 8415 §21.13; other codes may come.
enum class dhcpv6_status : std::uint16_t
{
    success = 0,
    unspecified_failure = 1,
    no_addresses = 2,
    no_binding = 3,
    not_on_link = 4,
    use_multicast = 5,
    no_prefixes = 6
};

/// An address (RFC 8415 §21.6) or a prefix (§21.22) of an identity association. Bits behind the prefix length are zero.
struct dhcpv6_resource
{
    address_v6 address;
    std::uint8_t length = 128;                                ///< bits, at most 128; 128 in an association of addresses
    std::uint32_t preferred_lifetime = 0, valid_lifetime = 0; ///< s
    dhcpv6_status status = dhcpv6_status::success;

    friend bool operator==(const dhcpv6_resource&, const dhcpv6_resource&) = default;
};

/// An identity association for addresses (RFC 8415 §21.4) or delegated prefixes (§21.21).
struct dhcpv6_association
{
    std::uint32_t id = 0;
    std::uint32_t t1 = 0, t2 = 0; ///< s; 0: the client may choose
    std::vector<dhcpv6_resource> resources;
    dhcpv6_status status = dhcpv6_status::success;

    friend bool operator==(const dhcpv6_association&, const dhcpv6_association&) = default;
};

struct dhcpv6_message
{
    // More values of an option than these are ignored.
    static constexpr std::size_t most_associations = 4, most_resources = 8, most_servers = 8, most_domains = 16;
    static constexpr std::size_t longest_duid = 130; ///< octets (RFC 8415 §11.1)

    dhcpv6_type type{};
    std::uint32_t xid = 0;                       ///< 24 bits
    std::vector<std::byte> client_id, server_id; ///< DUIDs; empty: none
    std::vector<dhcpv6_association> addresses, prefixes;
    std::vector<std::uint16_t> requested; ///< codes of the options that the client wants
    std::optional<std::uint8_t> preference;
    std::optional<std::uint16_t> elapsed_time; ///< 10 ms
    dhcpv6_status status = dhcpv6_status::success;
    bool rapid_commit = false;
    std::vector<address_v6> dns_servers;
    std::vector<address_v6> ntp_servers; ///< also those of SNTP (RFC 4075), which are only read
    std::vector<std::string> search_domains;
    std::optional<std::uint32_t> refresh_time, sol_max_rt, inf_max_rt; ///< s

    friend bool operator==(const dhcpv6_message&, const dhcpv6_message&) = default;
};

/// Options of a wrong length, or with values that they cannot have, are ignored; so are unknown ones. An option that is cut off
/// makes the message invalid, and so does another message type than those above.
parsed<dhcpv6_message> parse_dhcpv6(const_bytes from);

/// The payload of the datagram. Precondition: the values are as the comments above say.
std::vector<std::byte> make_dhcpv6(const dhcpv6_message& m);

} // namespace tapio::core::wire
