#include "ip/routing.hpp"

#include "link/ethernet.hpp"

#include <cerrno>

namespace tapio::core::ip {

error_code routing::add(const route& r)
{
    if (r.interface >= interfaces_.size()) return errno_code(ENODEV);
    if (r.network.is_v6()) return errno_code(EAFNOSUPPORT);
    if (r.prefix_length > 32) return errno_code(EINVAL);
    if (r.gateway && !is_on_link(r.interface, *r.gateway)) return errno_code(ENETUNREACH);
    table_.add(r);
    return {};
}

error_code routing::remove(const route& r)
{
    if (r.prefix_length > 32) return errno_code(EINVAL);
    return table_.remove(r) ? error_code() : errno_code(ESRCH); // as Linux
}

void routing::add_network(interface_id interface, const address& a, unsigned prefix_length)
{
    table_.add({a, prefix_length, std::nullopt, interface, 0});
}

void routing::remove_network(interface_id interface, const address& a, unsigned prefix_length)
{
    table_.remove({a, prefix_length, std::nullopt, interface, 0}); // counted: add_network() was called for each address
    if (interfaces_[interface].addresses.empty()) table_.remove_if([&](const route& r) { return r.interface == interface; });
}

/// The interface of the route to the group; without a route, the first device.
interface_id routing::group_interface(const address& group) const noexcept
{
    if (const route* const r = usable(group, std::nullopt)) return r->interface;
    return interfaces_.size() > 1 ? 1 : loopback;
}

/// The best route by an interface that is up.
const route* routing::usable(const address& destination, std::optional<interface_id> via) const noexcept
{
    return table_.find_if(destination, via, [this](const route& r) { return interfaces_[r.interface].is_up(); });
}

/// The outgoing interface if no route by an interface that is up was found. network_down (ENETDOWN): there is an interface, but
/// it is down.
result<interface_id> routing::way_without_route(const address& destination, std::optional<interface_id> via) const
{
    interface_id out = loopback;
    if (const route* const r = table_.find(destination, via)) {
        out = r->interface;
    } else if (via) {
        out = *via; // without a route the destination is assumed to be on the link
    } else if (destination.is_multicast()) {
        out = group_interface(destination);
    } else if (addresses_.is_broadcast(destination) && interfaces_.size() > 1) {
        out = 1; // a broadcast without a route, such as the limited one, is sent by the first device
    } else {
        return errno_code(ENETUNREACH);
    }
    if (!interfaces_[out].is_up()) return errno_code(ENETDOWN);
    return out;
}

routing::remembered& routing::slot_of(const address& destination) const noexcept
{
    const std::size_t low = destination.is_v4() ? destination.to_v4().to_uint() : destination.to_v6().to_bytes().back();
    return remembered_[low % remembered_.size()];
}

result<found_route> routing::find(const address& destination, const std::optional<address>& source,
                                  std::optional<interface_id> via) const
{
    remembered& slot = slot_of(destination);
    const bool known = slot.found.route && holds(*slot.found.route) && same_address(slot.destination, destination) &&
                       slot.source == source && slot.via == via;
    if (known) return slot.found;
    auto found = look_up(destination, source, via);
    if (found) slot = {destination, source, via, *found};
    return found;
}

result<found_route> routing::look_up(const address& destination, const std::optional<address>& source,
                                     std::optional<interface_id> via) const
{
    if (destination.is_v6()) return errno_code(ENETUNREACH);                    // IPv6 is not supported
    if (source && !addresses_.is_ours(*source)) return errno_code(ENETUNREACH); // as Linux: the address has been removed
    if (addresses_.is_ours(destination)) {
        if (!interfaces_[loopback].is_up()) return errno_code(ENETDOWN);
        return found_route{entry_for(loopback, destination), source.value_or(destination)};
    }
    if (source && source->is_loopback() && !destination.is_multicast()) return errno_code(EINVAL); // as Linux: 127/8 never leaves
    const route* const r = usable(destination, via);
    const auto out = r != nullptr ? result<interface_id>(r->interface) : way_without_route(destination, via);
    if (!out) return out.error();
    if (source && source->is_loopback() && *out != loopback) return errno_code(EINVAL); // nor does a multicast from 127/8
    const address next_hop = r != nullptr && r->gateway ? *r->gateway : destination;
    const auto own = source ? source : addresses_.source_for(*out, next_hop);
    if (!own) return errno_code(ENETUNREACH);
    return found_route{entry_for(*out, next_hop), *own};
}

/// The shared entry for a next hop. All loopback destinations share one entry.
route_ref routing::entry_for(interface_id interface, const address& next_hop) const
{
    const bool loops = interface == loopback;
    const std::size_t low = loops || next_hop.is_v6() ? 0 : next_hop.to_v4().to_uint();
    route_ref& slot = by_next_hop_[low % by_next_hop_.size()];
    if (slot && holds(*slot) && slot->interface == interface && (loops || same_address(slot->next_hop.address(), next_hop)))
        return slot;
    const device_info& info = interfaces_[interface].info();
    const route_ref fresh(new route_entry);
    fresh->generation = generation_;
    fresh->interface = interface;
    fresh->loopback = loops;
    fresh->offload = info.offload;
    fresh->mtu = info.mtu;
    fresh->queue_length = loops ? 0 : info.queue_length;
    fresh->next_hop = link::neighbor_cache::next_hop(next_hop);
    fresh->group_mac = group_mac(next_hop);
    return slot = fresh;
}

/// The Ethernet destination of a broadcast or multicast; none for unicast.
std::optional<mac_address> routing::group_mac(const address& next_hop) const noexcept
{
    if (addresses_.is_broadcast(next_hop)) return mac_address::broadcast();
    if (next_hop.is_v4() && next_hop.is_multicast()) return link::group_mac(next_hop.to_v4());
    return std::nullopt;
}

} // namespace tapio::core::ip
