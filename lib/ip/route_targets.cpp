#include "ip/route_targets.hpp"

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

} // namespace tapio::core::ip
