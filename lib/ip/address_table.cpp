#include "ip/address_table.hpp"

#include "ip/link_local_v4.hpp"
#include "ip/route_table.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <iterator>

namespace tapio::core::ip {

namespace {

/// The subnet's broadcast address. A /31 has none (RFC 3021), nor has a /32.
std::optional<std::uint32_t> broadcast_of(const link::interface_address& a)
{
    if (a.address.is_v6() || a.prefix_length >= 31) return std::nullopt;
    const std::uint32_t mask = a.prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - a.prefix_length);
    return a.address.to_v4().to_uint() | ~mask;
}

} // namespace

address_v6 solicited_node(const address_v6& a) noexcept
{
    const auto o = a.to_bytes();
    return address_v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, o[13], o[14], o[15]});
}

bool address_table::is_solicited_node(const address& group) noexcept
{
    if (group.is_v4()) return false;
    auto octets = group.to_v6().to_bytes();
    return solicited_node(group.to_v6()).to_bytes() == octets;
}

void address_table::set_any(link::interface& i, bool yes) noexcept
{
    i.any_destination = yes;
    any_source_ =
        std::any_of(interfaces_.all().begin(), interfaces_.all().end(), [](const auto& each) { return each->any_destination; });
}

bool address_table::is_all_hosts(const address& group) noexcept
{
    if (group.is_v4()) return group.to_v4().to_uint() == 0xe000'0001;
    auto octets = group.to_v6().to_bytes(); // ff01::1 and ff02::1
    const bool known_scope = octets[0] == 0xff && (octets[1] == 1 || octets[1] == 2);
    return known_scope && octets.back() == 1 && std::all_of(octets.begin() + 2, octets.end() - 1, [](auto o) { return o == 0; });
}

link::interface_address& address_table::add(link::interface& i, const link::interface_address& a)
{
    i.addresses.push_back(a);
    own_.insert({a.address, {i.id(), std::prev(i.addresses.end())}});
    if (const auto broadcast = broadcast_of(a)) ++broadcasts_[*broadcast];
    return i.addresses.back();
}

std::optional<address_table::removed> address_table::remove(const address& a)
{
    const auto at = own_.find(a);
    if (at == own_.end()) return std::nullopt;
    const auto [interface, place] = at->second;
    const link::interface_address gone = *place;
    interfaces_[interface].addresses.erase(place);
    own_.erase(at);
    if (const auto broadcast = broadcast_of(gone)) {
        const auto counted = broadcasts_.find(*broadcast);
        if (--counted->second == 0) broadcasts_.erase(counted);
    }
    return removed{interface, gone.prefix_length, gone.origin};
}

std::optional<interface_id> address_table::interface_of(const address& own) const noexcept
{
    const auto at = own_.find(own);
    return at == own_.end() ? std::nullopt : std::optional(at->second.interface);
}

link::interface_address* address_table::find(const address& own) noexcept
{
    const auto at = own_.find(own);
    return at == own_.end() ? nullptr : &*at->second.place;
}

std::uint32_t address_table::zone_of(const address& own) const noexcept
{
    for (const auto& i : interfaces_.all())
        if (own_.contains(in_zone(own, i->zone()))) return i->zone();
    return 0;
}

bool address_table::speaks(const link::interface& i, family f) const noexcept
{
    return std::any_of(i.addresses.begin(), i.addresses.end(), [f](const auto& a) { return family_of(a.address) == f; });
}

std::optional<address> address_table::source_for(interface_id interface, const address& destination,
                                                 const source_preferences& preferences) const
{
    const auto& own = interfaces_[interface].addresses;
    if (destination.is_v6()) return source_for_v6(interfaces_[interface], destination, preferences);
    const link::interface_address *first = nullptr, *link_local = nullptr;
    for (const link::interface_address& a : own) {
        if (a.address.is_v6()) continue;
        if (same_prefix(a.address, destination, a.prefix_length)) return a.address;
        auto& place = is_link_local(a.address.to_v4()) ? link_local : first;
        if (place == nullptr) place = &a;
    }
    if (first == nullptr) first = link_local;
    return first != nullptr ? std::optional(first->address) : std::nullopt;
}

std::optional<address> address_table::source_for_v6(const link::interface& i, const address& destination,
                                                    const source_preferences& preferences) const
{
    boost::container::small_vector<source_candidate, 8> candidates;
    for (const link::interface_address& a : i.addresses)
        if (a.address.is_v6()) candidates.push_back({a.address, a.prefix_length, i.id(), a.deprecated, a.temporary});
    const auto* const best = select_source({candidates.data(), candidates.size()}, {destination, i.id(), preferences}, policies_);
    return best != nullptr ? std::optional(best->address) : std::nullopt;
}

} // namespace tapio::core::ip
