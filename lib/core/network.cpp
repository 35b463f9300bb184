// What the network layer is made of: interfaces, addresses, routes, and how they are asked.
#include "core/network.hpp"

#include <algorithm>
#include <iterator>

namespace tapio::core {

namespace {

address_v4 broadcast_of(const interface_address& a)
{
    const std::uint32_t mask = a.prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - a.prefix_length);
    return address_v4(a.address.to_v4().to_uint() | ~mask);
}

} // namespace

mac_address network::make_mac()
{
    const std::uint64_t r = random_.next_u64();
    mac_address mac;
    for (unsigned i = 0; i < 6; ++i) mac.octets[i] = static_cast<std::uint8_t>(r >> (8 * i));
    mac.octets[0] = static_cast<std::uint8_t>((mac.octets[0] & 0xfc) | 0x02); // locally administered, an individual's
    return mac;
}

network::network(const host_options& options, random_source& random, host_counters& counters)
    : options_(options), random_(random), counters_(counters), identifications_(random)
{
    device_info lo;
    lo.name = "lo";
    lo.link = link_type::loopback;
    lo.mtu = 65535;
    lo.offload.checksum = true; // what never leaves memory needs no sum
    add_interface(lo);
    note_address(*interfaces_[loopback], {address_v4::loopback(), 8});
}

void network::note_address(net_interface& i, const interface_address& a)
{
    i.addresses.push_back(a);
    own_.insert({a.address.to_v4().to_uint(), {i.id, std::prev(i.addresses.end())}});
    if (a.prefix_length < 31) ++broadcasts_[broadcast_of(a).to_uint()]; // RFC 3021: none on a /31
    routes_changed();
}

/// Connections that wait for room in a queue may go by another one now.
void network::routes_changed()
{
    ++generation_;
    if (tcp_ != nullptr) tcp_->transmit_room(loopback);
    if (udp_ != nullptr) udp_->transmit_room(loopback);
}

interface_id network::add_interface(const device_info& info)
{
    auto fresh = std::make_unique<net_interface>(static_cast<interface_id>(interfaces_.size()), info, options_.transmit_queue);
    if (!info.link_up) fresh->state = interface_state::down;
    if (info.link == link_type::ethernet && info.mac.is_unspecified()) fresh->info.mac = make_mac();
    if (info.link == link_type::ethernet) ethernets_.push_back(fresh->id);
    interfaces_.push_back(std::move(fresh));
    routes_changed();
    return static_cast<interface_id>(interfaces_.size() - 1);
}

error_code network::add_address(interface_id interface, const address& a, unsigned prefix_length, time_point)
{
    if (interface >= interfaces_.size()) return errno_code(ENODEV);
    if (a.is_v6()) return errno_code(EAFNOSUPPORT);
    if (prefix_length > 32 || a.is_unspecified() || a.is_multicast()) return errno_code(EINVAL);
    if (is_our_address(a)) return errno_code(EADDRINUSE);
    net_interface& i = *interfaces_[interface];
    note_address(i, {a, prefix_length});
    routes_.add({a, prefix_length, std::nullopt, interface, 0});
    if (i.info.link == link_type::ethernet && is_up(interface)) announce_address(interface, a.to_v4());
    return {};
}

/// As Linux: the route to the address's network goes with its last address there; sockets stay as they are, and cannot send
/// from it any more.
error_code network::remove_address(const address& a)
{
    const auto at = a.is_v4() ? own_.find(a.to_v4().to_uint()) : own_.end();
    if (at == own_.end()) return errno_code(EADDRNOTAVAIL);
    const auto [interface, place] = at->second;
    net_interface& i = *interfaces_[interface];
    const interface_address gone = *place;
    i.addresses.erase(place);
    own_.erase(at);
    if (gone.prefix_length < 31) {
        const auto broadcast = broadcasts_.find(broadcast_of(gone).to_uint());
        if (--broadcast->second == 0) broadcasts_.erase(broadcast);
    }
    routes_.remove({a, gone.prefix_length, std::nullopt, interface, 0}); // it was added for each address
    if (i.addresses.empty()) routes_.remove_if([&](const ip::route& r) { return r.interface == i.id; });
    routes_changed();
    return {};
}

error_code network::add_route(const ip::route& r)
{
    if (r.interface >= interfaces_.size()) return errno_code(ENODEV);
    if (r.network.is_v6()) return errno_code(EAFNOSUPPORT);
    if (r.prefix_length > 32) return errno_code(EINVAL);
    if (r.gateway) { // a gateway must be on a link of ours
        const ip::route* const to = routes_.find(*r.gateway, r.interface);
        if (to == nullptr || to->gateway) return errno_code(ENETUNREACH);
    }
    routes_.add(r);
    routes_changed();
    return {};
}

error_code network::remove_route(const ip::route& r)
{
    if (r.prefix_length > 32) return errno_code(EINVAL);
    if (!routes_.remove(r)) return errno_code(ESRCH); // as Linux
    routes_changed();
    return {};
}

bool network::is_our_address(const address& a) const noexcept
{
    if (!a.is_v4()) return false;
    const std::uint32_t wanted = a.to_v4().to_uint();
    return wanted >> 24 == 127 || own_.contains(wanted);
}

void network::join_group(interface_id interface, const address& group)
{
    ++interfaces_[interface]->groups[group];
    ++generation_;
}

void network::leave_group(interface_id interface, const address& group)
{
    auto& groups = interfaces_[interface]->groups;
    if (const auto at = groups.find(group); at != groups.end() && --at->second == 0) groups.erase(at);
    ++generation_;
}

bool network::is_member(interface_id interface, const address& group) const noexcept
{
    return interfaces_[interface]->groups.contains(group);
}

std::optional<interface_id> network::find_interface(std::string_view name) const noexcept
{
    for (interface_id i = 0; i < interfaces_.size(); ++i)
        if (interfaces_[i]->info.name == name) return i;
    return std::nullopt;
}

std::optional<interface_id> network::find_interface(const address& own) const noexcept
{
    if (!own.is_v4()) return std::nullopt;
    const auto at = own_.find(own.to_v4().to_uint());
    return at == own_.end() ? std::nullopt : std::optional(at->second.interface);
}

/// The route decides; without one, the first device.
interface_id network::group_interface(const address& group) const noexcept
{
    if (const ip::route* const r = route_to(group, std::nullopt)) return r->interface;
    return interfaces_.size() > 1 ? 1 : loopback;
}

bool network::is_broadcast(const address& a) const noexcept
{
    if (!a.is_v4()) return false;
    const std::uint32_t wanted = a.to_v4().to_uint();
    return wanted == 0xffff'ffff || broadcasts_.contains(wanted);
}

/// The interface's address on the next hop's subnet, else its first (RFC 6724 §5 for IPv4, rules 1 and 8).
std::optional<address> network::source_for(interface_id interface, const address& next_hop) const noexcept
{
    const auto& own = interfaces_[interface]->addresses;
    for (const interface_address& a : own)
        if (ip::same_prefix(a.address, next_hop, a.prefix_length)) return a.address;
    if (own.empty()) return std::nullopt;
    return own.front().address;
}

/// The best route by an interface that is up.
const ip::route* network::route_to(const address& destination, std::optional<interface_id> via) const noexcept
{
    return routes_.find_if(destination, via, [this](const ip::route& r) { return is_up(r.interface); });
}

/// network_down if there were one, were an interface up.
result<interface_id> network::way_without_route(const address& destination, std::optional<interface_id> via) const
{
    interface_id out = loopback;
    if (const ip::route* const r = routes_.find(destination, via)) {
        out = r->interface;
    } else if (via) {
        out = *via; // without a route it is taken to be on the link
    } else if (destination.is_multicast()) {
        out = group_interface(destination);
    } else if (is_broadcast(destination) && interfaces_.size() > 1) {
        out = 1; // the limited broadcast leaves by the first interface
    } else {
        return errno_code(ENETUNREACH);
    }
    if (!is_up(out)) return errno_code(ENETDOWN);
    return out;
}

network::remembered_route& network::slot_of(const address& destination) const noexcept
{
    const std::size_t low = destination.is_v4() ? destination.to_v4().to_uint() : destination.to_v6().to_bytes().back();
    return remembered_routes_[low % remembered_routes_.size()];
}

result<network::found_route> network::find_route(const address& destination, const std::optional<address>& source,
                                                 std::optional<interface_id> via) const
{
    remembered_route& slot = slot_of(destination);
    const bool known = slot.found.route && holds(*slot.found.route) && same_address(slot.destination, destination) &&
                       slot.source == source && slot.via == via;
    if (known) return slot.found;
    auto found = look_for_route(destination, source, via);
    if (found) slot = {destination, source, via, *found};
    return found;
}

result<network::found_route> network::look_for_route(const address& destination, const std::optional<address>& source,
                                                     std::optional<interface_id> via) const
{
    if (destination.is_v6()) return errno_code(ENETUNREACH);                // IPv6 will stand here
    if (source && !is_our_address(*source)) return errno_code(ENETUNREACH); // it was removed; as Linux
    if (is_our_address(destination)) {
        if (!is_up(loopback)) return errno_code(ENETDOWN);
        return found_route{route_by(loopback, destination), source.value_or(destination)};
    }
    if (source && source->is_loopback() && !destination.is_multicast()) return errno_code(EINVAL); // as Linux: 127/8 never leaves
    const ip::route* r = route_to(destination, via);
    const auto out = r != nullptr ? result<interface_id>(r->interface) : way_without_route(destination, via);
    if (!out) return out.error();
    if (source && source->is_loopback() && *out != loopback) return errno_code(EINVAL); // a multicast neither
    const address next_hop = r != nullptr && r->gateway ? *r->gateway : destination;
    const auto own = source ? source : source_for(*out, next_hop);
    if (!own) return errno_code(ENETUNREACH);
    return found_route{route_by(*out, next_hop), *own};
}

/// Of all that never leaves there is one.
ip::route_ref network::route_by(interface_id interface, const address& next_hop) const
{
    const bool loops = interface == loopback;
    const std::size_t low = loops || next_hop.is_v6() ? 0 : next_hop.to_v4().to_uint();
    ip::route_ref& slot = routes_by_next_hop_[low % routes_by_next_hop_.size()];
    if (slot && holds(*slot) && slot->interface == interface && (loops || same_address(slot->next_hop.address(), next_hop)))
        return slot;
    const device_info& info = interfaces_[interface]->info;
    const ip::route_ref fresh(new ip::route_entry);
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

void network::dropped(interface_id interface, drop_reason why, const packet& p, time_point now)
{
    ++counters_.drops[why];
    ++interfaces_[interface]->counters.in_discards;
    if (trace_ != nullptr) trace_->dropped(interface, why, p, now);
}

time_point network::next_deadline() const
{
    time_point next = never;
    for (const auto& i : interfaces_) next = std::min(next, i->neighbors.next_deadline());
    return next;
}

} // namespace tapio::core
