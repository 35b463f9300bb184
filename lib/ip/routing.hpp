/// @file
/// Route decisions: the route table combined with the state of the interfaces and the host's addresses, and a cache of the
/// entries found. Read RFC 1122 §3.3.1 first.
#pragma once

#include "ip/address_table.hpp"
#include "ip/redirect_table.hpp"
#include "ip/route_entry.hpp"
#include "ip/route_table.hpp"
#include "ip/silent_gateways.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::ip {

inline constexpr interface_id loopback = 0;

struct found_route
{
    route_ref route;
    address source; ///< the requested source address, or the one selected
};

class routing
{
public:
    routing(link::interface_table& interfaces, const address_table& addresses) noexcept
        : interfaces_(interfaces), addresses_(addresses)
    {
    }

    /// Must be called after every change of routes, addresses, groups or interfaces: outdates all entries found before.
    void invalidate() noexcept { ++generation_; }
    std::uint64_t generation() const noexcept { return generation_; } ///< 1 or more

    error_code add(const route& r);
    /// Removes the routes to the same network with the same metric first. @return an error of add(): then nothing has changed
    error_code replace(const route& r);
    error_code remove(const route& r);
    /// Add and remove the route to the network of an interface's address. When an interface loses its last address of a family,
    /// all its routes of that family are removed, as Linux does for IPv4.
    void add_network(interface_id interface, const address& a, unsigned prefix_length);
    void remove_network(interface_id interface, const address& a, unsigned prefix_length, bool others_stay = false);

    /// @param source none: selected, with regard to `preferences`  @param via the required outgoing interface (SO_BINDTODEVICE,
    /// IP_MULTICAST_IF)
    result<found_route> find(const address& destination, const std::optional<address>& source,
                             std::optional<interface_id> via = {}, const source_preferences& preferences = {}) const;
    /// A router says that `next_hop` is nearer to `destination`. @return false: it is not to be believed (RFC 1122 §3.2.2.2, RFC
    /// 4861 §8.1)
    bool follow_redirect(interface_id by, const address& router, const address& destination, const address& next_hop,
                         time_point now);
    void forget_redirect(const address& destination) ///< its next hop does not answer
    {
        if (redirects_.forget(without_zone(destination))) invalidate();
    }
    void forget_redirects() noexcept { redirects_.clear(); }
    /// A neighbour does not answer. If it is a gateway, other routes are preferred until it does.
    void neighbor_is_silent(interface_id interface, const address& a, time_point now)
    {
        if (table_.leads_to_gateway(interface, a) && silent_.add(interface, a, now)) invalidate();
    }
    void advance(time_point now);
    time_point next_deadline() const noexcept { return std::min(redirects_.next_deadline(), silent_.next_deadline()); }

    /// The way of a packet that is forwarded.
    struct way
    {
        route_ref route;                       ///< null: none leads to a device
        route_kind kind = route_kind::unicast; ///< else the route refuses the packet
    };
    way find_way(const address& destination) const;
    /// A packet to `a` would leave by `interface`.
    bool leads_to(const address& a, interface_id interface) const noexcept
    {
        const auto r = usable(a, interface);
        const auto best = usable(a, std::nullopt);
        return r && best && r->kind == route_kind::unicast && r.length == best.length && r->metric == best->metric;
    }
    bool holds(const route_entry& r) const noexcept { return r.generation == generation_; }
    const route_ref& none() const noexcept { return none_; } ///< an entry that is never up to date, in place of null

    /// Whether `a` is a neighbour on the interface's link, reached without a gateway.
    bool is_on_link(interface_id interface, const address& a) const noexcept
    {
        if (needs_zone(a)) return true;
        const auto r = table_.find(a, interface);
        return r && !r->gateway && r->kind == route_kind::unicast;
    }
    /// Proxy ARP and NDP: `i` answers for `a`, which another interface reaches.
    bool answers_for(const link::interface& i, const address& a) const noexcept
    {
        if (!i.proxy || needs_zone(a)) return false;
        if (i.any_destination) return true;
        const auto r = usable(a, std::nullopt);
        return r && r->kind == route_kind::unicast && r->interface != i.id() && r->interface != loopback;
    }
    bool is_direct(const address& a, std::optional<interface_id> via) const ///< `a` is ours, or reached without a gateway
    {
        if (needs_zone(a)) return true;
        const auto r = addresses_.is_ours(a) ? route_match() : usable(a, via);
        return !r || !r->gateway;
    }
    interface_id
    group_interface(const address& group) const noexcept; ///< outgoing interface of multicasts, unless the socket selects another
    std::vector<route> all() const { return table_.all(); }

private:
    /// A cached result of find(): connections to one host often follow one another, and datagrams are sent in bursts.
    struct remembered
    {
        address destination;
        std::optional<address> source;
        std::optional<interface_id> via;
        source_preferences preferences;
        found_route found;
    };
    error_code check(const route& r) const noexcept;
    remembered& slot_of(const address& destination) const noexcept;
    result<found_route> look_up(const address& destination, const std::optional<address>& source, std::optional<interface_id> via,
                                const source_preferences& preferences) const;
    route_ref entry_for(interface_id interface, const address& next_hop) const;
    route_match usable(const address& destination, std::optional<interface_id> via) const noexcept;
    result<interface_id> if_up(interface_id interface) const; ///< network_down if it is not
    result<interface_id> way_without_route(const address& destination, std::optional<interface_id> via) const;
    result<std::optional<interface_id>> in_zone_of(const address& destination, std::optional<interface_id> via) const;
    std::optional<mac_address> group_mac(const address& next_hop) const noexcept;
    static constexpr std::size_t least_mtu_v6 = 1280; ///< octets; IPv6 does not use links with less (RFC 8200 §5)

    link::interface_table& interfaces_;
    const address_table& addresses_;
    route_table table_;
    redirect_table redirects_;
    mutable silent_gateways silent_; ///< remembers which of them packets have passed over
    std::uint64_t generation_ = 1;
    mutable std::array<remembered, 16> remembered_; ///< by the destination's low bits
    mutable std::array<route_ref, 16> by_next_hop_; ///< by the next hop's low bits; shared by all senders
    route_ref none_{new route_entry};
};

} // namespace tapio::core::ip
