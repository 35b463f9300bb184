/// @file
/// Rate limit for ACKs that answer unacceptable segments of length 0. Two ends that disagree about a sequence number would
/// otherwise answer each other's ACKs forever (RFC 5961 §7 limits challenge ACKs for the same reason; Linux has
/// tcp_invalid_ratelimit). The interval doubles until an acceptable segment arrives, so that such an exchange ends after a few
/// packets, whatever the RTT.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>

namespace tapio::core::tcp {

/// Four octets, because every TIME-WAIT record holds one.
class corrective_ack_limit
{
public:
    /// Linux's tcp_invalid_ratelimit is 500 ms. Seven doublings make 64 s.
    static constexpr duration least_interval = std::chrono::milliseconds(500);
    static constexpr unsigned most_doublings = 7;

    constexpr corrective_ack_limit() noexcept : answered_(false), doublings_(0), last_(0) {}

    /// @param probe the segment may be a keep-alive or window probe, which is repeated and must be answered: the interval is
    ///              not doubled for it
    bool allow(bool probe, time_point now) noexcept
    {
        const std::uint32_t ticks = ticks_of(now.time_since_epoch());
        const std::uint32_t interval = ticks_of(least_interval) + 1;
        if (answered_ && ((ticks - last_) & tick_mask) < interval << (probe ? 0U : doublings_)) return false;
        if (answered_ && !probe) doublings_ = std::min(doublings_ + 1U, most_doublings) & most_doublings;
        answered_ = true;
        last_ = ticks & tick_mask;
        return true;
    }

    /// An acceptable segment arrived: both ends agree.
    void agreed() noexcept { doublings_ = 0; }

private:
    static constexpr std::uint32_t tick_mask = (1U << 28) - 1;

    /// Ticks of 16.8 ms; 28 bits of them wrap after 52 days.
    static constexpr std::uint32_t ticks_of(duration d) noexcept { return static_cast<std::uint32_t>(d.count() >> 24); }

    std::uint32_t answered_ : 1;
    std::uint32_t doublings_ : 3;
    std::uint32_t last_ : 28; ///< tick at which the last answer was allowed
};
static_assert(sizeof(corrective_ack_limit) == 4);

} // namespace tapio::core::tcp
