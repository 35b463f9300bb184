/// @file
/// What a DHCPv6 client is doing, and what servers have given it (RFC 8415): parts of core::interface_configuration.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio::core {

/// When an interface uses DHCPv6, and for what.
enum class dhcpv6_use : std::uint8_t
{
    off,
    /// As router advertisements say (RFC 4861 §4.2): addresses with flag M, servers of DNS and time alone with flag O, nothing
    /// without. Once begun it goes on when the flags are gone. For interfaces that follow routers (configure_options::slaac).
    as_routers_say,
    stateless, ///< servers of DNS and time alone (RFC 8415 §6.1), whatever routers say
    stateful   ///< addresses, too (RFC 8415 §6.2), whatever routers say
};

/// States of a DHCPv6 client.
enum class dhcpv6_state : std::uint8_t
{
    off,        ///< not wanted, released, or the link is down
    soliciting, ///< looks for servers
    requesting, ///< has asked for what a server has advertised
    confirming, ///< the link came back: asks whether what it has is right there
    bound,      ///< uses what it was given
    renewing,   ///< likewise, and asks its server for more time
    rebinding,  ///< likewise, and asks all servers
    declining,  ///< tells its server that another node has an address
    releasing,  ///< gives everything back
    informing,  ///< asks for servers of DNS and time alone
    informed    ///< has been told
};

const char* name(dhcpv6_state state) noexcept; ///< "bound"

/// What a DHCPv6 server has given. Times are those of the stack's clock.
struct dhcpv6_lease
{
    /// An address, or a delegated prefix.
    struct resource
    {
        address_v6 address;    ///< of a prefix: bits behind its length are zero
        unsigned length = 128; ///< bits; 128: an address
        time_point preferred_until = never, valid_until = never;
        bool deprecated = false; ///< no longer preferred: not for new connections if there is another (RFC 4862 §5.5.4)

        friend bool operator==(const resource&, const resource&) = default;
    };

    std::vector<std::byte> server; ///< DUID of the server; empty: nothing was given
    std::vector<resource> addresses, prefixes;
    time_point obtained{};                            ///< the last answer
    time_point renewal = never;                       ///< T1: then the server is asked for more time, or for its information anew
    time_point rebinding = never;                     ///< T2: then all servers are
    std::vector<address_v6> dns_servers, ntp_servers; ///< link-local ones are reached by this interface
    std::vector<std::string> search_domains;

    friend bool operator==(const dhcpv6_lease&, const dhcpv6_lease&) = default;
};

} // namespace tapio::core

#pragma GCC visibility pop
