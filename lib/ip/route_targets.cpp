#include "ip/route_targets.hpp"

#include <algorithm>

namespace tapio::core::ip {

std::uint32_t route_targets::acquire(const route_target& t)
{
    if (const auto at = known_.find(t); at != known_.end()) return ++entries_[*at].users, *at;
    const std::uint32_t index = entries_.add({t, 1});
    known_.insert(index);
    return index;
}

void route_targets::release(std::uint32_t index) noexcept
{
    if (--entries_[index].users != 0) return;
    known_.erase(index);
    entries_.erase(index);
}

bool route_targets::has_gateway(std::uint32_t interface, const address& a) const
{
    return std::any_of(known_.begin(), known_.end(), [&](std::uint32_t index) {
        const route_target& t = entries_[index].what;
        return t.interface == interface && t.gateway && same_address(without_zone(*t.gateway), a);
    });
}

} // namespace tapio::core::ip
