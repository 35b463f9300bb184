// tapio::nat44: core::nat44 with a lock and a random seed.
#include "asio/seeds.hpp"

#include <tapio/nat44.hpp>

namespace tapio {

nat44::nat44(const options& o) : machine_(o, detail::fresh_seed()) {}
nat44::nat44(const options& o, std::uint64_t seed) : machine_(o, detail::seed_from(seed)) {}

void nat44::set_outside_addresses(const std::vector<core::address_v4>& addresses)
{
    const std::lock_guard lock(mutex_);
    machine_.set_outside_addresses(addresses);
}

nat44::counters_type nat44::counters() const
{
    const std::lock_guard lock(mutex_);
    return machine_.counters();
}

std::vector<nat44::mapping> nat44::mappings() const
{
    const std::lock_guard lock(mutex_);
    return machine_.mappings();
}

core::hook_verdict nat44::input(core::hooked_packet& p, core::time_point now)
{
    const std::lock_guard lock(mutex_);
    return machine_.input(p, now);
}

core::hook_verdict nat44::forward(core::hooked_packet& p, core::time_point now)
{
    const std::lock_guard lock(mutex_);
    return machine_.forward(p, now);
}

core::hook_verdict nat44::output(core::hooked_packet& p, core::time_point now)
{
    const std::lock_guard lock(mutex_);
    return machine_.output(p, now);
}

bool nat44::needs_whole_datagrams() const noexcept { return machine_.needs_whole_datagrams(); }

core::time_point nat44::next_deadline() const noexcept
{
    const std::lock_guard lock(mutex_);
    return machine_.next_deadline();
}

void nat44::advance(core::time_point now)
{
    const std::lock_guard lock(mutex_);
    machine_.advance(now);
}

} // namespace tapio
