/// @file
/// Messages of DHCP for IPv4 on Ethernet. Read RFC 2131 §2 and §4.1 first, then RFC 2132 (options), RFC 3396 (long options), RFC
/// 3397 (search list), RFC 3442 (classless routes), RFC 4039 (rapid commit) and RFC 6842 (client identifiers in replies). What a
/// client makes of them: client/dhcpv4_client.hpp.
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/interface_configuration.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapio::core::wire {

inline constexpr std::uint16_t dhcpv4_server_port = 67, dhcpv4_client_port = 68;

/// RFC 2132 §9.6.
enum class dhcpv4_type : std::uint8_t
{
    discover = 1,
    offer = 2,
    request = 3,
    decline = 4,
    ack = 5,
    nak = 6,
    release = 7,
    inform = 8
};

/// Codes of the options that are read and written here.
enum class dhcpv4_option : std::uint8_t
{
    pad = 0,
    subnet_mask = 1,
    routers = 3,
    dns_servers = 6,
    host_name = 12,
    domain_name = 15,
    interface_mtu = 26,
    ntp_servers = 42,
    requested_address = 50,
    lease_time = 51,
    overload = 52,
    message_type = 53,
    server_id = 54,
    parameter_list = 55,
    message = 56,
    max_message_size = 57,
    renewal_time = 58,
    rebinding_time = 59,
    vendor_class = 60,
    client_id = 61,
    rapid_commit = 80,
    search_domains = 119,
    classless_routes = 121,
    end = 255
};

/// A message, and its options, of which each is there at most once: what a sender has split is joined.
struct dhcpv4_message
{
    // More values of an option than these are ignored.
    static constexpr std::size_t most_servers = 8, most_routes = 32, most_domains = 16;

    bool from_server = false; ///< op is BOOTREPLY
    std::uint32_t xid = 0;
    std::uint16_t secs = 0;
    bool broadcast = false;    ///< flag B: the client cannot receive unicast packets yet
    address_v4 ciaddr, yiaddr; ///< the client's own address, if it has one; the one that the server gives
    address_v4 siaddr, giaddr; ///< the next server of a boot; the relay
    mac_address chaddr;

    dhcpv4_type type{};
    std::optional<std::uint8_t> prefix_length; ///< bits, of the subnet mask; none too if the mask has holes
    std::vector<address_v4> routers, dns_servers, ntp_servers;
    std::string host_name;    ///< as domain_name_of() returns it; empty: none
    std::string domain_name;  ///< likewise
    std::string message;      ///< for people; printable ASCII
    std::string vendor_class; ///< likewise
    std::optional<std::uint16_t> mtu;
    std::optional<address_v4> requested_address, server_id;
    std::optional<std::uint32_t> lease_time, renewal_time, rebinding_time; ///< s
    std::vector<std::uint8_t> parameters;                                  ///< codes of the options that the client wants
    std::optional<std::uint16_t> max_message_size;                         ///< octets, of an IP packet
    std::vector<std::byte> client_id; ///< type and identifier, at least two octets; empty: none
    bool rapid_commit = false;
    std::vector<std::string> search_domains;
    std::vector<leased_route> classless_routes; ///< RFC 3442

    friend bool operator==(const dhcpv4_message&, const dhcpv4_message&) = default;
};

inline constexpr std::uint32_t infinite_lease = 0xffff'ffff; ///< s (RFC 2131 §3.3)

/// Options of a wrong length, or with values that they cannot have, are ignored; so are unknown ones. An option that is cut off,
/// or another hardware type than Ethernet, makes the message invalid, and so does a missing message type.
parsed<dhcpv4_message> parse_dhcpv4(const_bytes from);

/// The payload of the datagram, at least 300 octets (RFC 1542 §2.1). Precondition: the values are as the comments above say.
std::vector<std::byte> make_dhcpv4(const dhcpv4_message& m);

} // namespace tapio::core::wire
