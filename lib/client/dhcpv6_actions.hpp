/// @file
/// The interface by which the owner of a DHCPv6 client (client/dhcpv6_client.hpp) carries out what the client decides.
#pragma once

#include "wire/dhcpv6.hpp"

#include <tapio/core/dhcpv6_lease.hpp>

namespace tapio::core::client {

/// The owner of a `dhcpv6_client`. It must not call the client from within these functions.
class dhcpv6_actions
{
public:
    /// Sends a message to ff02::1:2, the servers and relays of the link, from the interface's link-local address.
    virtual void send(const wire::dhcpv6_message& m) = 0;
    /// What the interface has by DHCPv6 from now on, in place of what it had: addresses, delegated prefixes, servers. A new
    /// address is to be checked for duplicates (RFC 8415 §18.2.10.1); of a duplicate `dhcpv6_client::duplicate` is to be told.
    virtual void use(const dhcpv6_lease& l) = 0;

protected:
    ~dhcpv6_actions() = default;
};

} // namespace tapio::core::client
