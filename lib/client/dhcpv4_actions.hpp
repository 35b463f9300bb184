/// @file
/// What a DHCPv4 client (client/dhcpv4_client.hpp) decides, and the interface by which its owner carries the decisions out.
#pragma once

#include "wire/dhcpv4.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/interface_configuration.hpp>

#include <cstdint>

namespace tapio::core::client {

/// Why an address is no longer the host's.
enum class dhcpv4_loss : std::uint8_t
{
    expired,  ///< no server has extended the lease
    refused,  ///< a server says so (DHCPNAK)
    conflict, ///< another station uses it
    released  ///< the user gives it back
};

/// The owner of a `dhcpv4_client`. It must not call the client from within these functions.
class dhcpv4_actions
{
public:
    /// Sends a message to the servers' port.
    /// @param from 0.0.0.0, or the leased address  @param to 255.255.255.255, or the server
    virtual void send(const wire::dhcpv4_message& m, const address_v4& from, const address_v4& to) = 0;
    /// Finds out whether another station has the address (RFC 5227 §2.1): then the client's address_is_free() or
    /// address_is_taken() is to be called.
    virtual void probe(const address_v4& a) = 0;
    virtual void stop_probing() = 0;
    /// The lease is in use from now on, in place of the one before it, if there is one: the address may be the same.
    /// @return false: the host has the address already, but not by a lease; then the one before it stays in use
    virtual bool use(const dhcpv4_lease& l) = 0;
    virtual void lose(dhcpv4_loss why) = 0; ///< removes the address, and all that came with it

protected:
    ~dhcpv4_actions() = default;
};

} // namespace tapio::core::client
