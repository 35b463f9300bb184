#include "ip/address_table.hpp"

#include "ip/route_table.hpp"

#include <iterator>

namespace tapio::core::ip {

namespace {

/// The subnet's broadcast address. A /31 has none (RFC 3021), nor has a /32.
std::optional<std::uint32_t> broadcast_of(const link::interface_address& a)
{
    if (a.prefix_length >= 31) return std::nullopt;
    const std::uint32_t mask = a.prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - a.prefix_length);
    return a.address.to_v4().to_uint() | ~mask;
}

} // namespace

void address_table::add(link::interface& i, const link::interface_address& a)
{
    i.addresses.push_back(a);
    own_.insert({a.address.to_v4().to_uint(), {i.id(), std::prev(i.addresses.end())}});
    if (const auto broadcast = broadcast_of(a)) ++broadcasts_[*broadcast];
}

std::optional<address_table::removed> address_table::remove(const address& a)
{
    const auto at = a.is_v4() ? own_.find(a.to_v4().to_uint()) : own_.end();
    if (at == own_.end()) return std::nullopt;
    const auto [interface, place] = at->second;
    const link::interface_address gone = *place;
    interfaces_[interface].addresses.erase(place);
    own_.erase(at);
    if (const auto broadcast = broadcast_of(gone)) {
        const auto counted = broadcasts_.find(*broadcast);
        if (--counted->second == 0) broadcasts_.erase(counted);
    }
    return removed{interface, gone.prefix_length};
}

std::optional<interface_id> address_table::interface_of(const address& own) const noexcept
{
    if (!own.is_v4()) return std::nullopt;
    const auto at = own_.find(own.to_v4().to_uint());
    return at == own_.end() ? std::nullopt : std::optional(at->second.interface);
}

link::interface_address* address_table::find(const address& own) noexcept
{
    const auto at = own.is_v4() ? own_.find(own.to_v4().to_uint()) : own_.end();
    return at == own_.end() ? nullptr : &*at->second.place;
}

std::optional<address> address_table::source_for(interface_id interface, const address& next_hop) const noexcept
{
    const auto& own = interfaces_[interface].addresses;
    for (const link::interface_address& a : own)
        if (same_prefix(a.address, next_hop, a.prefix_length)) return a.address;
    if (own.empty()) return std::nullopt;
    return own.front().address;
}

} // namespace tapio::core::ip
