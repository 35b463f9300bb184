/// @file
/// A path for congestion control by itself: octets and times in, windows out.
#pragma once

#include <tapio/core/congestion_control.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tapio::core::tcp {

constexpr std::uint32_t mss = 1000;

/// A path whose every window is acknowledged after one round trip.
struct path
{
    explicit path(congestion_control& c, std::uint64_t initial = 10 * mss) : cc(c) { cc.start(mss, initial, now); }

    /// One window's worth of acknowledgements, of two segments each.
    void round(duration rtt = std::chrono::milliseconds(100), bool limited = true, bool ece = false)
    {
        const std::uint64_t window = cc.window();
        const std::uint64_t steps = std::max<std::uint64_t>(window / (2 * mss), 1);
        const std::uint64_t prior = delivered;
        const time_point end = now + rtt;
        for (std::uint64_t i = 0; i < steps; ++i) {
            now += spread ? rtt / static_cast<duration::rep>(steps) : duration(100);
            delivered += 2 * mss;
            ack_sample a;
            a.delivered = 2 * mss;
            a.acked = by_sack ? 0 : a.delivered;
            a.prior_flight = window;
            a.in_flight = window;
            a.window_limited = limited;
            a.path_reorders = reorders;
            a.in_recovery = in_recovery;
            a.ece = ece;
            a.rtt = a.smoothed_rtt = a.least_rtt = rtt;
            a.now = now;
            a.rate.prior_delivered = prior + i * 2 * mss;
            a.rate.total_delivered = delivered;
            cc.acknowledged(a);
        }
        now = end;
    }
    double segments() const { return static_cast<double>(cc.window()) / mss; }

    congestion_control& cc;
    bool spread = false;                        ///< acknowledgements come all over the round trip: the path is full
    bool by_sack = false;                       ///< SND.UNA stands before a hole; SACK blocks tell of all that arrives
    bool reorders = false, in_recovery = false; ///< what the samples say
    time_point now{std::chrono::hours(1)};
    std::uint64_t delivered = 0;
};

} // namespace tapio::core::tcp
