/// @file
/// The retransmission timeout (RFC 6298): smoothed RTT, its variation, and the back-off.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>

namespace tapio::core::tcp {

class rtt_estimator
{
public:
    /// Initial, minimum and maximum RTO; RFC 6298 §2.1, §2.4, §2.5.
    rtt_estimator(duration initial, duration least, duration most) noexcept
        : least_(least), most_(most), measured_{.rto = initial}
    {
    }

    /// An RTT sample of a segment that was not retransmitted (Karn), or from a timestamp. Ends the back-off.
    void sample(duration r) noexcept
    {
        using namespace std::chrono_literals;
        r = std::max(r, duration(1us));
        measured_.min = has_sample() ? std::min(measured_.min, r) : r;
        if (!has_sample()) { // RFC 6298 §2.2
            measured_.srtt = r;
            measured_.rttvar = r / 2;
        } else { // RFC 6298 §2.3, alpha = 1/8, beta = 1/4
            measured_.rttvar = (3 * measured_.rttvar + std::chrono::abs(measured_.srtt - r)) / 4;
            measured_.srtt = (7 * measured_.srtt + r) / 8;
        }
        const duration granularity = 1ms; // of our timestamps
        measured_.rto = std::clamp(measured_.srtt + std::max(granularity, 4 * measured_.rttvar), least_, most_);
        measured_.backoff = 0;
    }

    /// RFC 6298 §5.5: the timer expired.
    void back_off() noexcept { ++measured_.backoff; }

    /// RFC 6298 §5.7: the SYN was retransmitted, so the RTO for data starts at 3 s unless there is a sample.
    void after_syn_timeout() noexcept
    {
        if (!has_sample()) measured_.rto = std::max(measured_.rto, std::min<duration>(std::chrono::seconds(3), most_));
        measured_.backoff = 0;
    }

    /// The RTO to arm now, including the back-off.
    duration rto() const noexcept
    {
        duration d = measured_.rto;
        for (unsigned i = 0; i < measured_.backoff && d < most_; ++i) d *= 2;
        return std::min(d, most_);
    }

    void set_least(duration least) noexcept { least_ = least; }

    bool has_sample() const noexcept { return measured_.srtt != duration::zero(); }
    duration srtt() const noexcept { return measured_.srtt; }
    duration rttvar() const noexcept { return measured_.rttvar; }
    duration min_rtt() const noexcept { return measured_.min; }
    unsigned backoff() const noexcept { return measured_.backoff; }

    /// State that an idle connection keeps.
    struct measurements
    {
        duration rto{};
        duration srtt{}, rttvar{}, min{};
        unsigned backoff = 0;
    };
    const measurements& learned() const noexcept { return measured_; }
    void resume(const measurements& m) noexcept { measured_ = m; }

private:
    duration least_, most_;
    measurements measured_;
};

} // namespace tapio::core::tcp
