/// @file
/// HyStart++ (RFC 9406): leaves the initial slow start when round trips grow, before the queue overflows; and comes back to it
/// when that was a false alarm.
#pragma once

#include <tapio/core/congestion_control.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>

namespace tapio::core::tcp {

class hystart
{
public:
    enum class advice : std::uint8_t
    {
        slow_start,   ///< double each round
        conservative, ///< CSS: a quarter of that
        leave,        ///< enter congestion avoidance
    };

    /// @param ack of the initial slow start
    advice acknowledged(const ack_sample& ack) noexcept
    {
        if (ack.rate.prior_delivered >= round_end_) begin_round(ack.rate.total_delivered + ack.in_flight);
        if (ack.rtt > duration::zero()) {
            current_ = std::min(current_, ack.rtt);
            ++samples_;
        }
        if (samples_ >= least_samples && current_ != unknown && last_ != unknown) look();
        if (!conservative_) return advice::slow_start;
        return conservative_rounds_ >= most_conservative_rounds ? advice::leave : advice::conservative;
    }

    static constexpr unsigned growth_divisor = 4; ///< CSS_GROWTH_DIVISOR

private:
    static constexpr unsigned least_samples = 8;            ///< N_RTT_SAMPLE
    static constexpr unsigned most_conservative_rounds = 5; ///< CSS_ROUNDS
    static constexpr duration unknown = duration::max();

    void begin_round(std::uint64_t end) noexcept
    {
        round_end_ = end;
        last_ = current_;
        current_ = unknown;
        samples_ = 0;
        if (conservative_) ++conservative_rounds_;
    }
    /// RFC 9406 §4.2
    void look() noexcept
    {
        using namespace std::chrono_literals;
        const duration threshold = std::clamp<duration>(last_ / 8, 4ms, 16ms);
        if (!conservative_ && current_ >= last_ + threshold) {
            baseline_ = current_;
            conservative_ = true;
            conservative_rounds_ = 0;
        } else if (conservative_ && current_ < baseline_) {
            baseline_ = unknown;
            conservative_ = false;
        }
    }

    std::uint64_t round_end_ = 0; ///< delivered octets
    duration last_ = unknown, current_ = unknown, baseline_ = unknown;
    unsigned samples_ = 0, conservative_rounds_ = 0;
    bool conservative_ = false;
};

} // namespace tapio::core::tcp
