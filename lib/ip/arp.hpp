/// @file
/// ARP (RFC 826, RFC 1122 §2.3, RFC 5227): requests for neighbours, replies for our addresses, announcements, conflicts. The
/// decision whether a packet may change a cache entry is neighbor_cache::learn()'s.
#pragma once

#include "ip/address_table.hpp"
#include "ip/route_entry.hpp"
#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"
#include "link/interface_table.hpp"
#include "wire/arp.hpp"

#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

namespace tapio::core::ip {

class arp
{
public:
    arp(link::interface_table& interfaces, address_table& addresses, const routing& routes) noexcept
        : interfaces_(interfaces), addresses_(addresses), routes_(routes)
    {
    }

    void receive(rx_packet& p, time_point now);
    /// The link-layer address of the next hop. Null: not known yet; the cache has taken the packet until a reply arrives.
    const mac_address* resolve(link::interface& i, route_entry& r, packet& p, time_point now)
    {
        if (r.group_mac) return &*r.group_mac;
        if (const mac_address* const known = i.neighbors.resolve(r.next_hop, p, now)) return known;
        ask(i, now);
        return nullptr;
    }
    /// Announces all addresses of the interface: the device, or its link, has just come up (RFC 5227 §2.3; Linux: arp_notify).
    void announce(link::interface& i);
    void announce(link::interface& i, const address_v4& own); ///< one address

    /// Repeats unanswered requests.
    /// @param lost called with each packet given up because its neighbour never answered: (interface, packet)
    template <class Lost>
    void advance(time_point now, Lost&& lost)
    {
        for (link::interface* const i : interfaces_.ethernets()) {
            if (!i->neighbors.advance(now)) continue;
            ask(*i, now);
            packet p;
            while (i->neighbors.take_unreachable(p)) lost(*i, p);
        }
    }
    time_point next_deadline() const noexcept;

private:
    void send(link::interface& i, wire::arp_operation op, const address_v4& sender, const mac_address& target_mac,
              const address_v4& target, const mac_address& to);
    void answer_conflict(link::interface& i, const address_v4& own, const rx_packet& p, time_point now);
    void ask(link::interface& i, time_point now);

    link::interface_table& interfaces_;
    address_table& addresses_;
    const routing& routes_;
};

} // namespace tapio::core::ip
