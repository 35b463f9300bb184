#include "ip/routing.hpp"

#include "link/ethernet.hpp"

#include <cerrno>

namespace tapio::core::ip {

namespace {

/// What a local sender gets, as on Linux (its fib_props).
error_code error_of(route_kind kind) noexcept
{
    switch (kind) {
    case route_kind::unicast: return {};
    case route_kind::blackhole: return errno_code(EINVAL);
    case route_kind::unreachable: return errno_code(EHOSTUNREACH);
    case route_kind::prohibit: return errno_code(EACCES);
    }
    return {};
}

std::size_t low_bits(const address& a) noexcept { return a.is_v4() ? a.to_v4().to_uint() : a.to_v6().to_bytes().back(); }

} // namespace

error_code routing::check(const route& r) const noexcept
{
    if (r.interface >= interfaces_.size()) return errno_code(ENODEV);
    if (r.prefix_length > (r.network.is_v4() ? 32 : 128)) return errno_code(EINVAL);
    if (r.gateway && family_of(*r.gateway) != family_of(r.network)) return errno_code(EINVAL);
    if (r.gateway && r.kind != route_kind::unicast) return errno_code(EINVAL); // as Linux
    if (r.gateway && !is_on_link(r.interface, *r.gateway)) return errno_code(ENETUNREACH);
    return {};
}

error_code routing::add(const route& r)
{
    if (const auto failed = check(r)) return failed;
    table_.add(r);
    return {};
}

error_code routing::replace(const route& r)
{
    if (const auto failed = check(r)) return failed;
    table_.remove_if([&](const route& other) {
        return other.metric == r.metric && other.prefix_length == r.prefix_length &&
               same_prefix(other.network, r.network, r.prefix_length);
    });
    table_.add(r);
    return {};
}

error_code routing::remove(const route& r)
{
    if (r.prefix_length > (r.network.is_v4() ? 32 : 128)) return errno_code(EINVAL);
    return table_.remove(r) ? error_code() : errno_code(ESRCH); // as Linux
}

void routing::add_network(interface_id interface, const address& a, unsigned prefix_length)
{
    if (needs_zone(a)) return; // a link-local destination names its interface by its zone
    table_.add({a, prefix_length, std::nullopt, interface, 0});
}

/// @param others_stay  the other routes of the interface, also if this was its last address of the family
void routing::remove_network(interface_id interface, const address& a, unsigned prefix_length, bool others_stay)
{
    const family f = family_of(a);
    const auto reaches = [&](const route& r) {
        return r.interface == interface && r.kind == route_kind::unicast && family_of(r.network) == f;
    };
    // Counted: add_network() was called for each address.
    if (!needs_zone(a)) table_.remove({a, prefix_length, std::nullopt, interface, 0});
    if (!others_stay && !addresses_.speaks(interfaces_[interface], f)) table_.remove_if(reaches);
}

/// The interface of the route to the group; without a route, the first device.
interface_id routing::group_interface(const address& group) const noexcept
{
    if (const auto r = usable(group, std::nullopt); r && r->kind == route_kind::unicast) return r->interface;
    return interfaces_.size() > 1 ? 1 : loopback;
}

/// The best route by an interface that is up, or one that is not unicast. A silent gateway is used only if there is no other.
route_match routing::usable(const address& destination, std::optional<interface_id> via) const noexcept
{
    const auto leads = [this](const route_target& t, unsigned) {
        return t.kind != route_kind::unicast || interfaces_[t.interface].is_up();
    };
    if (!silent_.empty()) {
        const auto r = table_.match(destination, via, [&](const route_target& t, unsigned length) {
            return leads(t, length) && !silent_.passes_over(t);
        });
        if (r && r->kind == route_kind::unicast) return r;
    }
    return table_.match(destination, via, leads);
}

void routing::advance(time_point now)
{
    using answer = silent_gateways::answer;
    const auto look = [this](interface_id interface, const address& gateway) {
        if (!table_.leads_to_gateway(interface, gateway)) return answer::unwanted;
        return interfaces_[interface].neighbors.address_of(gateway) ? answer::present : answer::absent;
    };
    const auto ask = [&](interface_id interface, const address& gateway) { interfaces_[interface].neighbors.ask(gateway, now); };
    const bool changed = silent_.advance(now, look, ask);
    if (redirects_.advance(now) || changed) invalidate();
}

/// The outgoing interface if no route by an interface that is up was found. network_down (ENETDOWN): there is an interface, but
/// it is down.
result<interface_id> routing::way_without_route(const address& destination, std::optional<interface_id> via) const
{
    interface_id out = loopback;
    if (const auto r = table_.find(destination, via)) {
        out = r->interface;
    } else if (via && (destination.is_v4() || destination.is_multicast())) {
        out = *via; // as on Linux: without a route the destination is assumed to be on the link; of IPv6, multicasts only
    } else if (destination.is_multicast()) {
        out = group_interface(destination);
    } else if (addresses_.is_broadcast(destination) && interfaces_.size() > 1) {
        out = 1; // a broadcast without a route, such as the limited one, is sent by the first device
    } else {
        return errno_code(ENETUNREACH);
    }
    return if_up(out);
}

result<interface_id> routing::if_up(interface_id interface) const
{
    if (!interfaces_[interface].is_up()) return errno_code(ENETDOWN);
    return interface;
}

routing::remembered& routing::slot_of(const address& destination) const noexcept
{
    return remembered_[low_bits(destination) % remembered_.size()];
}

result<found_route> routing::find(const address& destination, const std::optional<address>& source,
                                  std::optional<interface_id> via, const source_preferences& preferences) const
{
    remembered& slot = slot_of(destination);
    const bool known = slot.found.route && holds(*slot.found.route) && same_address(slot.destination, destination) &&
                       slot.source == source && slot.via == via && slot.preferences == preferences;
    if (known) return slot.found;
    auto found = look_up(destination, source, via, preferences);
    if (found) slot = {destination, source, via, preferences, *found};
    return found;
}

/// The interface of a destination that needs a zone, as Linux: an error unless zone and `via` name one and the same, and at least
/// one of them an interface. A multicast without a zone goes out as the route to its group says.
result<std::optional<interface_id>> routing::in_zone_of(const address& destination, std::optional<interface_id> via) const
{
    const auto zone = static_cast<std::uint32_t>(destination.to_v6().scope_id());
    if (zone == 0) {
        if (via || destination.is_multicast()) return via;
        return errno_code(EINVAL);
    }
    if (via && *via + 1 != zone) return errno_code(EINVAL);
    if (zone > interfaces_.size()) return errno_code(ENETUNREACH);
    return std::optional<interface_id>(zone - 1);
}

result<found_route> routing::look_up(const address& destination, const std::optional<address>& source,
                                     std::optional<interface_id> via, const source_preferences& preferences) const
{
    const bool to_all = destination.is_v4() && destination.to_v4() == address_v4::broadcast();
    const bool nameless = to_all && source && source->is_unspecified(); // a host that has no address yet (RFC 1122 §3.2.1.3 (a))
    if (source && !nameless && !addresses_.may_be_source(*source))
        return errno_code(ENETUNREACH); // as Linux: the address has been removed
    if (source && family_of(*source) != family_of(destination)) return errno_code(ENETUNREACH);
    if (needs_zone(destination)) {
        const auto zone = in_zone_of(destination, via);
        if (!zone) return zone.error();
        via = *zone;
    }
    if (addresses_.is_ours(destination)) {
        if (!interfaces_[loopback].is_up()) return errno_code(ENETDOWN);
        return found_route{entry_for(loopback, destination), source.value_or(destination)};
    }
    if (source && source->is_loopback() && !destination.is_multicast())
        return errno_code(EINVAL); // as Linux: 127/8 and ::1 never leave
    const bool bound_by_source = source && !via && addresses_.is_strong() && !destination.is_multicast();
    if (bound_by_source) via = addresses_.interface_of(*source);          // RFC 1122 §3.3.4.2 (B)
    const bool by_interface = via && (to_all || needs_zone(destination)); // no route has a say
    const auto r = by_interface ? route_match() : usable(destination, via);
    if (r && r->kind != route_kind::unicast) return error_of(r->kind);
    if (!r && bound_by_source && !by_interface) return errno_code(ENETUNREACH);
    const auto out = r ? result<interface_id>(r->interface) : by_interface ? if_up(*via) : way_without_route(destination, via);
    if (!out) return out.error();
    if (source && source->is_loopback() && *out != loopback) return errno_code(EINVAL); // nor does a multicast from 127/8
    if (destination.is_v6() && interfaces_[*out].info().mtu < least_mtu_v6) return errno_code(ENETUNREACH);
    const bool by_gateway = r && r->gateway && !to_all && !destination.is_multicast(); // as Linux: groups are on the link
    address next_hop = without_zone(by_gateway ? *r->gateway : destination);
    if (const auto* const named = redirects_.find(without_zone(destination)); named != nullptr && named->interface == *out)
        next_hop = named->next_hop;
    auto own = source ? source : addresses_.source_for(*out, destination.is_v4() ? next_hop : destination, preferences);
    if (!own && to_all) own = address_v4(); // as Linux: a client of DHCP may be any program
    if (!own) return errno_code(ENETUNREACH);
    return found_route{entry_for(*out, next_hop), *own};
}

bool routing::follow_redirect(interface_id by, const address& router, const address& destination, const address& next_hop,
                              time_point now)
{
    if (destination.is_multicast() || needs_zone(destination) || addresses_.is_ours(destination)) return false;
    const address hop = in_zone(next_hop, interfaces_[by].zone());
    if (hop.is_multicast() || hop.is_unspecified() || hop.is_loopback() || addresses_.is_ours(hop) ||
        addresses_.is_broadcast(hop))
        return false;
    const bool neighbour = same_address(without_zone(hop), without_zone(destination)); // the destination itself: RFC 4861 §8.1
    if (hop.is_v4() ? !is_on_link(by, hop) : !neighbour && !needs_zone(hop)) return false;
    const auto present = find(destination, std::nullopt);
    if (!present || present->route->interface != by) return false;
    if (!same_address(present->route->next_hop.address(), without_zone(router))) return false; // not from the present router
    redirects_.learn({without_zone(destination), without_zone(hop), by, now + redirect_table::lifetime});
    invalidate();
    return true;
}

routing::way routing::find_way(const address& destination) const
{
    const auto r = usable(destination, std::nullopt);
    if (!r || (r->kind == route_kind::unicast && r->interface == loopback)) return {};
    if (r->kind != route_kind::unicast) return {nullptr, r->kind};
    if (destination.is_v6() && interfaces_[r->interface].info().mtu < least_mtu_v6) return {};
    return {entry_for(r->interface, without_zone(r->gateway.value_or(destination))), route_kind::unicast};
}

/// The shared entry for a next hop. All loopback destinations share one entry.
route_ref routing::entry_for(interface_id interface, const address& next_hop) const
{
    const bool loops = interface == loopback;
    const std::size_t low = loops ? 0 : low_bits(next_hop);
    route_ref& slot = by_next_hop_[low % by_next_hop_.size()];
    if (slot && holds(*slot) && slot->interface == interface && (loops || same_address(slot->next_hop.address(), next_hop)))
        return slot;
    const device_info& info = interfaces_[interface].info();
    const route_ref fresh(new route_entry);
    fresh->generation = generation_;
    fresh->interface = interface;
    fresh->loopback = loops;
    fresh->offload = info.offload;
    fresh->mtu = interfaces_[interface].mtu(family_of(next_hop));
    fresh->queue_length = loops ? 0 : info.queue_length;
    fresh->next_hop = link::neighbor_cache::next_hop(next_hop);
    fresh->group_mac = group_mac(next_hop);
    return slot = fresh;
}

/// The Ethernet destination of a broadcast or multicast; none for unicast.
std::optional<mac_address> routing::group_mac(const address& next_hop) const noexcept
{
    if (addresses_.is_broadcast(next_hop)) return mac_address::broadcast();
    if (!next_hop.is_multicast()) return std::nullopt;
    return next_hop.is_v4() ? link::group_mac(next_hop.to_v4()) : link::group_mac(next_hop.to_v6());
}

} // namespace tapio::core::ip
