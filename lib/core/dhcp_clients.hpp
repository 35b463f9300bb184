/// @file
/// The DHCP clients of a host: of each interface that is configured one for IPv4, one for IPv6, or both.
#pragma once

#include "base/random_source.hpp"
#include "core/network.hpp"
#include "core/udp_sockets.hpp"

#include <tapio/core/interface_configuration.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

namespace tapio::core {

class dhcp_interface;
class dhcpv6_interface;

class dhcp_clients final : private interface_client
{
public:
    dhcp_clients(network& net, udp_sockets& udp, random_source& random);
    ~dhcp_clients();
    dhcp_clients(const dhcp_clients&) = delete;
    dhcp_clients& operator=(const dhcp_clients&) = delete;

    /// What core::host::configure() says.
    error_code configure(interface_id interface, const configure_options& options, time_point now);
    error_code release(interface_id interface, time_point now); ///< gives the leases back, and ends the clients
    /// The user removes an address. A client that has leased it gives back all that it has, and ends.
    /// @return false: the address is not a leased one
    bool give_back(const address& own, time_point now);
    void shut_down(time_point now); ///< gives those leases back for which this is wanted
    interface_configuration configuration(interface_id interface) const;

    void advance(time_point now)
    {
        if (!clients_.empty() || !v6_clients_.empty()) advance_all(now);
    }
    time_point next_deadline() const noexcept { return clients_.empty() && v6_clients_.empty() ? never : soonest(); }

private:
    void link_changed(interface_id interface, bool replaced, time_point now) override;
    void arp_heard(interface_id by, const wire::arp_packet& said, time_point now) override;
    void routers_said(interface_id interface, const ip::link_parameters& p, time_point now) override;
    bool contested(const address& own, time_point now) override;
    void advance_all(time_point now);
    time_point soonest() const noexcept;
    dhcp_interface* find(interface_id interface) const;
    dhcpv6_interface* find_v6(interface_id interface) const; ///< one that has not been released
    bool wants_v6(interface_id interface, const configure_options& options) const;
    std::unique_ptr<dhcp_interface> make(interface_id interface, const configure_options& options) const;
    std::unique_ptr<dhcpv6_interface> make_v6(interface_id interface, const configure_options& options) const;
    void release_v4(interface_id interface, time_point now);
    void begin(interface_id interface, std::unique_ptr<dhcp_interface> fresh, time_point now);
    void begin_v6(interface_id interface, std::unique_ptr<dhcpv6_interface> fresh, time_point now);
    std::vector<std::byte> duid(const configure_options& options) const;

    network& net_;
    udp_sockets& udp_;
    random_source& random_;
    std::map<interface_id, std::unique_ptr<dhcp_interface>> clients_; ///< of IPv4
    std::map<interface_id, std::unique_ptr<dhcpv6_interface>> v6_clients_;
};

} // namespace tapio::core
