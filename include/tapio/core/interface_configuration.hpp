/// @file
/// How an interface is configured, by whom, and how a stack is to configure one: stack::configure(), stack::configuration().
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/autoconfigure_options.hpp>
#include <tapio/core/dhcpv6_lease.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// From where an interface has an address.
enum class address_origin : std::uint8_t
{
    manual,     ///< the user: stack::add_address()
    link_local, ///< made by the host for the link alone (RFC 4862 §5.3, RFC 3927)
    slaac,      ///< made by the host, from a prefix that a router advertises (RFC 4862)
    dhcpv4,     ///< leased by a server (RFC 2131)
    dhcpv6      ///< leased by a server (RFC 8415)
};

const char* name(address_origin origin) noexcept; ///< "dhcpv4"

/// States of a DHCPv4 client (RFC 2131 §4.4), and those in which it does not speak.
enum class dhcpv4_state : std::uint8_t
{
    off,        ///< not wanted, released, or the link is down
    init,       ///< waits before it looks for servers
    selecting,  ///< looks for servers
    requesting, ///< has asked for the address that a server has offered
    rebooting,  ///< asks whether it may keep the address that it had before (INIT-REBOOT)
    probing,    ///< looks whether another station has the address that it got (RFC 5227)
    bound,      ///< uses the address
    renewing,   ///< likewise, and asks its server for more time
    rebinding   ///< likewise, and asks all servers
};

const char* name(dhcpv4_state state) noexcept; ///< "bound"

/// A route that came with a lease.
struct leased_route
{
    address_v4 network; ///< bits behind the prefix length are zero
    unsigned prefix_length = 0;
    address_v4 gateway; ///< unspecified: the destinations are on the link

    friend bool operator==(const leased_route&, const leased_route&) = default;
};

/// An address that a DHCPv4 server has leased, and the other options of its answer. Times are those of the stack's clock.
struct dhcpv4_lease
{
    address_v4 address;
    unsigned prefix_length = 0; ///< bits
    address_v4 server;
    time_point obtained{};        ///< when the request was sent that the server has answered
    time_point renewal = never;   ///< T1: then the server is asked for more time
    time_point rebinding = never; ///< T2: then all servers are asked
    time_point expires = never;   ///< then the address is given up
    std::vector<address_v4> routers;
    std::vector<leased_route> routes; ///< those of RFC 3442, else a default route by the first router
    std::vector<address_v4> dns_servers;
    std::vector<address_v4> ntp_servers;
    std::vector<std::string> search_domains; ///< RFC 3397
    std::string domain_name, host_name;      ///< lower case; empty: the server says none
    std::optional<std::uint16_t> mtu;        ///< octets, at least 576: a smaller one is ignored

    friend bool operator==(const dhcpv4_lease&, const dhcpv4_lease&) = default;
};

/// The addresses and servers of an interface, and the origin of each. A copy: later changes do not appear in it.
struct interface_configuration
{
    struct own_address
    {
        core::address address;
        unsigned prefix_length = 0; ///< bits
        address_origin origin = address_origin::manual;

        friend bool operator==(const own_address&, const own_address&) = default;
    };

    std::uint64_t version = 0; ///< changes with every change of what follows; of the same stack
    std::vector<own_address> addresses;
    dhcpv4_state dhcpv4 = dhcpv4_state::off;
    std::optional<dhcpv4_lease> lease; ///< in use
    dhcpv6_state dhcpv6 = dhcpv6_state::off;
    /// In use: addresses, delegated prefixes, or servers alone. A delegated prefix is for other interfaces of the host, which the
    /// user gives addresses of it by stack::add_address(); what is not in use of it is unreachable (RFC 7084 §4.3 WPD-5).
    std::optional<dhcpv6_lease> lease_v6;
    // Those of DHCPv4 first, then those of DHCPv6, then those of router advertisements, in the order in which their senders
    // prefer them.
    std::vector<address> dns_servers; ///< link-local ones with the interface's zone
    std::vector<std::string> search_domains;
    std::vector<address> ntp_servers;
};

/// Options of stack::configure().
struct configure_options
{
    bool dhcpv4 = true; ///< an IPv4 address, and more, from a DHCP server
    bool slaac = true;  ///< IPv6 addresses and routes from routers: stack::autoconfigure()
    autoconfigure_options slaac_options{};
    dhcpv6_use dhcpv6 = dhcpv6_use::as_routers_say; ///< IPv6 addresses, prefixes and servers from a DHCP server

    std::string hostname{}; ///< told to the DHCPv4 server; letters, digits and hyphens in labels; empty: none
    /// DHCPv4: client identifier, its type, then the identifier, 2 to 255 octets (RFC 2132 §9.14). Empty: one made of the number
    /// of the interface and of the DUID (RFC 4361).
    std::vector<std::byte> client_id{};
    /// The host's identifier among the clients of a DHCPv6 server, 3 to 130 octets (RFC 8415 §11). Empty: one made of the
    /// link-layer address of the stack's first Ethernet (DUID-LL), which needs no storage to stay the same.
    std::vector<std::byte> duid{};
    /// Also asks for a prefix that other interfaces of the host may use (RFC 8415 §6.3), whether or not routers advertise DHCPv6.
    bool delegate_prefix = false;
    unsigned wanted_prefix_length = 0; ///< bits, of that prefix: a hint for the server; 0: none
    std::string vendor_class{};        ///< RFC 2132 §9.13; printable ASCII, at most 255 octets; empty: none
    /// An address that the host had before: a server is asked to confirm it (INIT-REBOOT), or else to offer it.
    std::optional<address_v4> requested_address{};
    bool rapid_commit = true; ///< take an address in two messages if the server can (RFC 4039, RFC 8415 §18.2.1)
    /// Probe the address before its use, and decline it if another station answers (RFC 5227, RFC 2131 §4.4.1). Takes 4 to 7 s.
    bool detect_conflicts = true;
    /// Give back what was leased when the stack shuts down: over IPv4 (RFC 2131 §4.4.6) if the server's link-layer address is
    /// known then; over IPv6 (RFC 8415 §18.2.7) with one message that is not repeated.
    bool release_on_shutdown = false;

    /// Which addresses an async_configure() waits for: any that reaches beyond the link, or one of the family.
    enum class waiting : std::uint8_t
    {
        any,
        v4,
        v6
    } wait_for = waiting::any;
    duration timeout{}; ///< of async_configure(); zero: none
};

} // namespace tapio::core

#pragma GCC visibility pop
