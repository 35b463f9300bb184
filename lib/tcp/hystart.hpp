/// @file
/// HyStart++ (RFC 9406), plus the original HyStart's ACK trains: leaves the initial slow start before the queue overflows, and
/// resumes it after a false alarm.
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
        slow_start,   ///< double cwnd each round
        conservative, ///< CSS: a quarter of slow start's growth
        leave,        ///< enter congestion avoidance
    };

    /// @param ack received during the initial slow start
    advice acknowledged(const ack_sample& ack) noexcept
    {
        if (ack.rate.total_delivered > round_end_) begin_round(ack.rate.total_delivered + ack.in_flight, ack.now);
        if (ack.rtt > duration::zero()) {
            current_ = std::min(current_, ack.rtt);
            ++samples_;
        }
        follow_train(ack);
        look();
        if (over_) return advice::leave;
        return suspicion_ == reason::none ? advice::slow_start : advice::conservative;
    }

    static constexpr unsigned growth_divisor = 4; ///< CSS_GROWTH_DIVISOR

private:
    /// Why conservative slow start was entered.
    enum class reason : std::uint8_t
    {
        none,
        delay, ///< RFC 9406 §4.2: the minimum RTT of this round exceeds that of the last
        /// ACKs arrive without a gap for half of an RTT: half of a bandwidth-delay product is in flight. With further doubling,
        /// the delay would rise only after a queue of one bandwidth-delay product has built up.
        /// (Ha and Rhee, "Taming the elephants", 2011, leave slow start here; no RFC.)
        train
    };

    static constexpr unsigned least_samples = 8;            ///< N_RTT_SAMPLE
    static constexpr unsigned most_conservative_rounds = 5; ///< CSS_ROUNDS
    static constexpr duration unknown = duration::max();

    void begin_round(std::uint64_t end, time_point now) noexcept
    {
        round_end_ = end;
        round_began_ = train_until_ = now;
        last_ = current_;
        current_ = unknown;
        samples_ = 0;
        if (suspicion_ != reason::none) ++conservative_rounds_;
    }
    void follow_train(const ack_sample& ack) noexcept
    {
        using namespace std::chrono_literals;
        if (ack.now - train_until_ <= std::clamp<duration>(ack.least_rtt / 16, 2ms, 8ms)) train_until_ = ack.now;
    }
    bool delay_grew() const noexcept
    {
        using namespace std::chrono_literals;
        if (samples_ < least_samples || current_ == unknown || last_ == unknown) return false;
        return current_ >= last_ + std::clamp<duration>(last_ / 8, 4ms, 16ms);
    }
    bool train_is_long() const noexcept
    {
        return samples_ >= least_samples && !trains_deceive_ && last_ != unknown && train_until_ - round_began_ >= last_ / 2;
    }
    void suspect(reason why) noexcept
    {
        suspicion_ = why;
        baseline_ = current_;
        conservative_rounds_ = 0;
    }
    void look() noexcept
    {
        const bool long_enough = conservative_rounds_ >= most_conservative_rounds;
        switch (suspicion_) {
        case reason::none:
            if (delay_grew()) return suspect(reason::delay);
            if (train_is_long()) suspect(reason::train);
            return;
        case reason::delay:
            over_ = long_enough;
            if (samples_ >= least_samples && current_ < baseline_) suspicion_ = reason::none;
            return;
        case reason::train:
            over_ = delay_grew();
            if (!long_enough) return;
            suspicion_ = reason::none;
            trains_deceive_ = true;
            return;
        }
    }

    std::uint64_t round_end_ = 0; ///< total octets delivered when the round ends
    time_point round_began_{}, train_until_{};
    duration last_ = unknown, current_ = unknown, baseline_ = unknown;
    unsigned samples_ = 0, conservative_rounds_ = 0;
    reason suspicion_ = reason::none;
    bool trains_deceive_ = false;
    bool over_ = false;
};

} // namespace tapio::core::tcp
