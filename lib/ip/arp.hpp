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
#include <vector>

namespace tapio::core::ip {

/// Hears every valid ARP packet of other stations.
class arp_listener
{
public:
    virtual void arp_heard(interface_id by, const wire::arp_packet& said, time_point now) = 0;

protected:
    ~arp_listener() = default;
};

class arp
{
public:
    arp(link::interface_table& interfaces, address_table& addresses, const routing& routes) noexcept
        : interfaces_(interfaces), addresses_(addresses), routes_(routes)
    {
    }

    void set_listener(arp_listener& l) noexcept { listener_ = &l; }
    void receive(rx_packet& p, time_point now);
    /// Asks for a neighbour. @param to its known address, to probe it; none: broadcast
    void request(link::interface& i, const address_v4& target, const std::optional<mac_address>& to);
    /// Announces all IPv4 addresses of the interface: the device, or its link, has just come up (RFC 5227 §2.3; Linux:
    /// arp_notify).
    void announce(link::interface& i);
    void announce(link::interface& i, const address_v4& own); ///< one address
    void probe(link::interface& i, const address_v4& wanted); ///< asks whether another station has it (RFC 5227 §2.1.1)

    /// An address of ours that another station uses although it was defended less than ten seconds ago. None: no more.
    std::optional<address_v4> take_contested();
    bool has_contested() const noexcept { return !contested_.empty(); }

private:
    void send(link::interface& i, wire::arp_operation op, const address_v4& sender, const mac_address& target_mac,
              const address_v4& target, const mac_address& to);
    void answer_conflict(link::interface& i, const address_v4& own, const rx_packet& p, time_point now);

    link::interface_table& interfaces_;
    address_table& addresses_;
    const routing& routes_;
    arp_listener* listener_ = nullptr;
    std::vector<address_v4> contested_;
};

} // namespace tapio::core::ip
