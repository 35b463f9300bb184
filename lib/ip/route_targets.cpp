#include "ip/route_targets.hpp"

namespace tapio::core::ip {

std::uint32_t route_targets::acquire(const route_target& t)
{
    const auto [at, is_new] = known_.try_emplace(t);
    if (is_new) at->second = entries_.add({at});
    ++entries_[at->second].users;
    return at->second;
}

void route_targets::release(std::uint32_t index) noexcept
{
    if (--entries_[index].users != 0) return;
    known_.erase(entries_[index].known);
    entries_.erase(index);
}

} // namespace tapio::core::ip
