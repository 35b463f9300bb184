/// @file
/// How long a neighbour counts as reachable after a confirmation (ReachableTime, RFC 4861 §6.3.2, §6.3.4).
#pragma once

#include "base/split_mix.hpp"

#include <tapio/core/time.hpp>

#include <chrono>
#include <cstdint>

namespace tapio::core::link {

/// Uniform in 0.5 to 1.5 of a base, so that the hosts of a link do not probe a router at the same time. Drawn anew when the base
/// changes, and every two hours, which needs no timer: the next use draws.
class reachable_time
{
public:
    static constexpr duration default_base = std::chrono::seconds(30); ///< RFC 4861 §10, REACHABLE_TIME
    static constexpr duration redraw_interval = std::chrono::hours(2); ///< RFC 4861 §6.3.4: "every few hours"

    explicit reachable_time(std::uint64_t seed) noexcept : random_(seed) {}

    void set_base(duration base) noexcept ///< precondition: base > 0
    {
        if (base == base_) return;
        base_ = base;
        drawn_until_ = time_point::min();
    }
    duration at(time_point now) noexcept
    {
        if (now >= drawn_until_) draw(now);
        return drawn_;
    }

private:
    void draw(time_point now) noexcept
    {
        const auto share = static_cast<std::int64_t>(split_mix(random_) % 1'000'001); // millionths
        drawn_ = base_ / 2 + base_ / 1000 * share / 1000;
        drawn_until_ = now + redraw_interval;
    }

    std::uint64_t random_;
    duration base_ = default_base, drawn_{};
    time_point drawn_until_ = time_point::min();
};

} // namespace tapio::core::link
