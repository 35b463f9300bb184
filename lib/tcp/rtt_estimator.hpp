/// @file
/// The retransmission timeout (RFC 6298): smoothed round-trip time, its variation, and the back-off.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>

namespace tapio::core::tcp {

class rtt_estimator
{
public:
    /// All in time; RFC 6298 §2.1, §2.4, §2.5.
    rtt_estimator(duration initial, duration least, duration most) noexcept
        : initial_(initial), least_(least), most_(most), rto_(initial)
    {
    }

    /// A measurement of a segment that was not retransmitted (Karn), or by its timestamp. Ends the back-off.
    void sample(duration r) noexcept
    {
        using namespace std::chrono_literals;
        r = std::max(r, duration(1us));
        min_ = has_sample() ? std::min(min_, r) : r;
        if (!has_sample()) { // RFC 6298 §2.2
            srtt_ = r;
            rttvar_ = r / 2;
        } else { // RFC 6298 §2.3, alpha = 1/8, beta = 1/4
            rttvar_ = (3 * rttvar_ + std::chrono::abs(srtt_ - r)) / 4;
            srtt_ = (7 * srtt_ + r) / 8;
        }
        const duration granularity = 1ms; // of our timestamps
        rto_ = std::clamp(srtt_ + std::max(granularity, 4 * rttvar_), least_, most_);
        backoff_ = 0;
    }

    /// RFC 6298 §5.5: the timer expired.
    void back_off() noexcept { ++backoff_; }

    /// RFC 6298 §5.7: the SYN was retransmitted, so data begins with 3 s unless a sample says otherwise.
    void after_syn_timeout() noexcept
    {
        if (!has_sample()) rto_ = std::max(rto_, std::min<duration>(std::chrono::seconds(3), most_));
        backoff_ = 0;
    }

    /// The timeout to arm now, backed off.
    duration rto() const noexcept
    {
        duration d = rto_;
        for (unsigned i = 0; i < backoff_ && d < most_; ++i) d *= 2;
        return std::min(d, most_);
    }

    void set_least(duration least) noexcept { least_ = least; }

    bool has_sample() const noexcept { return srtt_ != duration::zero(); }
    duration srtt() const noexcept { return srtt_; }
    duration rttvar() const noexcept { return rttvar_; }
    duration min_rtt() const noexcept { return min_; }

private:
    duration initial_, least_, most_;
    duration rto_;
    duration srtt_{}, rttvar_{}, min_{};
    unsigned backoff_ = 0;
};

} // namespace tapio::core::tcp
