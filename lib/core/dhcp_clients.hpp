/// @file
/// The DHCP clients of a host, one for each interface that has one.
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

class dhcp_clients final : private interface_client
{
public:
    dhcp_clients(network& net, udp_sockets& udp, random_source& random);
    ~dhcp_clients();
    dhcp_clients(const dhcp_clients&) = delete;
    dhcp_clients& operator=(const dhcp_clients&) = delete;

    /// What core::host::configure() says.
    error_code configure(interface_id interface, const configure_options& options, time_point now);
    error_code release(interface_id interface, time_point now); ///< gives the lease back, and ends the client
    void shut_down(time_point now);                             ///< gives those leases back for which this is wanted
    interface_configuration configuration(interface_id interface) const;

    void advance(time_point now)
    {
        if (!clients_.empty()) advance_all(now);
    }
    time_point next_deadline() const noexcept { return clients_.empty() ? never : soonest(); }

private:
    void link_changed(interface_id interface, bool replaced, time_point now) override;
    void arp_heard(interface_id by, const wire::arp_packet& said, time_point now) override;
    bool contested(const address& own, time_point now) override;
    void advance_all(time_point now);
    time_point soonest() const noexcept;
    dhcp_interface* find(interface_id interface) const;
    error_code begin(interface_id interface, const configure_options& options, time_point now);
    std::vector<std::byte> client_id(interface_id interface) const;

    network& net_;
    udp_sockets& udp_;
    random_source& random_;
    std::map<interface_id, std::unique_ptr<dhcp_interface>> clients_;
};

} // namespace tapio::core
