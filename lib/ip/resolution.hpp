/// @file
/// The link-layer address of a next hop: what the neighbour cache knows, or else a question by ARP or NDP.
#pragma once

#include "ip/arp.hpp"
#include "ip/ndp.hpp"
#include "ip/route_entry.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>

namespace tapio::core::ip {

class resolution
{
public:
    resolution(link::interface_table& interfaces, arp& v4, ndp& v6) noexcept : interfaces_(interfaces), arp_(v4), ndp_(v6) {}

    /// The link-layer address of the next hop. Null: not known yet; the cache has taken the packet until a reply arrives.
    const mac_address* resolve(link::interface& i, route_entry& r, packet& p, time_point now)
    {
        if (r.group_mac) return &*r.group_mac;
        if (const mac_address* const known = i.neighbors.resolve(r.next_hop, p, now)) return known;
        ask(i, now);
        return nullptr;
    }

    /// Repeats unanswered requests.
    /// @param lost called with each packet given up because its neighbour never answered: (interface, packet)
    /// @param silent called with each neighbour that did not answer: (interface, address)
    template <class Lost, class Silent>
    void advance(time_point now, Lost&& lost, Silent&& silent)
    {
        for (link::interface* const i : interfaces_.ethernets()) {
            if (!i->neighbors.advance(now)) continue;
            ask(*i, now);
            packet p;
            while (i->neighbors.take_unreachable(p)) lost(*i, p);
            address a;
            while (i->neighbors.take_silent(a)) silent(*i, a);
        }
    }
    time_point next_deadline() const noexcept
    {
        time_point next = never;
        for (const link::interface* const i : interfaces_.ethernets()) next = std::min(next, i->neighbors.next_deadline());
        return next;
    }

private:
    /// Sends the requests that the neighbour cache has queued.
    void ask(link::interface& i, time_point now)
    {
        link::neighbor_cache::request r;
        while (i.neighbors.take_request(r))
            r.target.is_v4() ? arp_.request(i, r.target.to_v4(), r.unicast_to)
                             : ndp_.solicit(i, r.target.to_v6(), r.unicast_to, now);
        packet p;
        while (i.neighbors.take_overflow(p)) i.dropped(drop_reason::neighbor_queue_full, p, now);
    }

    link::interface_table& interfaces_;
    arp& arp_;
    ndp& ndp_;
};

} // namespace tapio::core::ip
