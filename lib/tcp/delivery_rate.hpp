/// @file
/// Delivery rate estimation (draft-ietf-ccwg-bbr, "Delivery Rate Samples"): each segment is stamped when sent, and a rate sample
/// is computed from the stamp when the segment is delivered.
#pragma once

#include "tcp/sent_queue.hpp"

#include <tapio/core/congestion_control.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

class delivery_rate
{
public:
    /// Among the segments that an ACK delivers, the one sent last.
    using newest = std::optional<sent_segment>;

    /// The stamp of a segment being sent. @param in_flight octets, without this segment  @param size octets of the segment
    flight_stamp stamp(std::uint64_t in_flight, std::uint64_t size, time_point now) noexcept
    {
        if (in_flight == 0) first_sent_at_ = delivered_at_ = now;
        return {totals_.delivered, totals_.lost, in_flight + size, delivered_at_, first_sent_at_, totals_.app_limited_until != 0};
    }
    /// The user has written less than the windows permit. @param in_flight octets
    void app_limited(std::uint64_t in_flight) noexcept
    {
        totals_.app_limited_until = std::max<std::uint64_t>(totals_.delivered + in_flight, 1);
    }
    /// app_limited(0) would change nothing.
    bool was_idle() const noexcept { return totals_.app_limited_until == std::max<std::uint64_t>(totals_.delivered, 1); }
    bool is_app_limited() const noexcept { return totals_.app_limited_until != 0; }

    void delivered(const sent_segment& s, newest& so_far, time_point now) noexcept
    {
        totals_.delivered += s.size();
        delivered_at_ = now;
        if (so_far && !s.sent_after(so_far->sent_at, so_far->end)) return;
        so_far = s;
    }
    lost_segment lost(const sent_segment& s, time_point now) noexcept
    {
        totals_.lost += s.size();
        return {s.size(), s.stamp.in_flight, totals_.lost - s.stamp.lost, s.stamp.app_limited, now};
    }

    /// To be called once per ACK, after delivered() for each segment. @param least_rtt the connection's minimum RTT
    rate_sample sample(const newest& delivered, duration least_rtt) noexcept
    {
        if (totals_.app_limited_until != 0 && totals_.delivered > totals_.app_limited_until) totals_.app_limited_until = 0;
        rate_sample out;
        out.total_delivered = totals_.delivered;
        if (!delivered) return out;
        const sent_segment& s = *delivered;
        first_sent_at_ = s.sent_at;
        out.prior_delivered = s.stamp.delivered;
        out.delivered = totals_.delivered - s.stamp.delivered;
        out.lost = totals_.lost - s.stamp.lost;
        out.in_flight = s.stamp.in_flight;
        out.app_limited = s.stamp.app_limited;
        // The longer of send and ACK interval: neither a send burst nor ACK compression may inflate the rate.
        out.interval = std::max(s.sent_at - s.stamp.first_sent_at, delivered_at_ - s.stamp.delivered_at);
        if (out.interval < least_rtt) out.interval = duration::zero(); // shorter than any round trip: no valid sample
        if (out.interval > duration::zero()) keep(out);
        return out;
    }
    /// Octets/s: the last sample that was not application-limited, or a higher application-limited one since; 0: none
    std::uint64_t rate() const noexcept
    {
        if (kept_.interval == duration::zero()) return 0;
        return static_cast<std::uint64_t>(1e9 * static_cast<double>(kept_.delivered) /
                                          static_cast<double>(kept_.interval.count()));
    }
    bool rate_is_app_limited() const noexcept { return kept_.app_limited; }
    std::uint64_t total() const noexcept { return totals_.delivered; } ///< octets

    /// The whole state while nothing is in flight and nothing is to be sent.
    struct memory
    {
        std::uint64_t delivered = 0; ///< octets
        std::uint64_t rate = 0;      ///< octets/s; the top bit is rate_is_app_limited()
    };
    memory so_far() const noexcept { return {totals_.delivered, rate() | (kept_.app_limited ? app_limited_bit : 0)}; }
    void resume(const memory& m) noexcept
    {
        totals_.delivered = m.delivered;
        app_limited(0);
        kept_ = {m.rate & ~app_limited_bit, std::chrono::seconds(m.rate == 0 ? 0 : 1), (m.rate & app_limited_bit) != 0};
    }

private:
    static constexpr std::uint64_t app_limited_bit = UINT64_C(1) << 63;

    struct totals
    {
        std::uint64_t delivered = 0, lost = 0; ///< octets
        std::uint64_t app_limited_until = 0;   ///< samples are, up to this value of `delivered`; 0: they are not
    };
    struct measurement
    {
        std::uint64_t delivered = 0; ///< octets
        duration interval{};
        bool app_limited = false;
    };

    void keep(const rate_sample& s) noexcept
    {
        const auto slower = [&] { // cross-multiplied: saves a division per ACK
            return static_cast<double>(s.delivered) * static_cast<double>(kept_.interval.count()) <
                   static_cast<double>(kept_.delivered) * static_cast<double>(s.interval.count());
        };
        if (s.app_limited && slower()) return;
        kept_ = {s.delivered, s.interval, s.app_limited};
    }

    totals totals_;
    measurement kept_;
    time_point delivered_at_{}, first_sent_at_{};
};

} // namespace tapio::core::tcp
