/// @file
/// ARP (RFC 826, RFC 1122 §2.3, RFC 5227): requests for neighbours, replies for our addresses, announcements, conflicts. The
/// decision whether a packet may change a cache entry is neighbor_cache::learn()'s.
#pragma once

#include "ip/address_table.hpp"
#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"
#include "link/interface_table.hpp"
#include "wire/arp.hpp"

#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <optional>

namespace tapio::core::ip {

class arp
{
public:
    arp(link::interface_table& interfaces, address_table& addresses, const routing& routes) noexcept
        : interfaces_(interfaces), addresses_(addresses), routes_(routes)
    {
    }

    void receive(rx_packet& p, time_point now);
    /// Asks for a neighbour. @param to its known address, to probe it; none: broadcast
    void request(link::interface& i, const address_v4& target, const std::optional<mac_address>& to);
    /// Announces all IPv4 addresses of the interface: the device, or its link, has just come up (RFC 5227 §2.3; Linux:
    /// arp_notify).
    void announce(link::interface& i);
    void announce(link::interface& i, const address_v4& own); ///< one address

private:
    void send(link::interface& i, wire::arp_operation op, const address_v4& sender, const mac_address& target_mac,
              const address_v4& target, const mac_address& to);
    void answer_conflict(link::interface& i, const address_v4& own, const rx_packet& p, time_point now);

    link::interface_table& interfaces_;
    address_table& addresses_;
    const routing& routes_;
};

} // namespace tapio::core::ip
