/// @file
/// A path to test congestion control without a connection: ACK samples in, windows out.
#pragma once

#include <tapio/core/congestion_control.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tapio::core::tcp {

constexpr std::uint32_t mss = 1000;

/// A path on which each window is acknowledged after one RTT.
struct path
{
    explicit path(congestion_control& c, std::uint64_t initial = 10 * mss) : cc(c) { cc.start(mss, initial, now); }

    /// The ACKs of one window, each for two segments.
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
    bool spread = false;                        ///< the ACKs are spread over the whole RTT: the path is full
    bool by_sack = false;                       ///< SND.UNA is stuck at a hole, and SACK blocks report all that arrives
    bool reorders = false, in_recovery = false; ///< values for the ACK samples
    time_point now{std::chrono::hours(1)};
    std::uint64_t delivered = 0;
};

} // namespace tapio::core::tcp
