/// @file
/// How fast the path delivers (draft-ietf-ccwg-bbr, "Delivery Rate Samples"): what is stamped on each segment when it leaves, and
/// what follows when it is known to have arrived.
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
    /// A segment is sent. @param in_flight octets, without it  @param size octets
    flight_stamp stamp(std::uint64_t in_flight, std::uint64_t size, time_point now) noexcept
    {
        if (in_flight == 0) first_sent_at_ = delivered_at_ = now;
        return {delivered_, lost_, in_flight + size, delivered_at_, first_sent_at_, app_limited_until_ != 0};
    }
    /// The user gives nothing to send, though the windows would let it. @param in_flight octets
    void app_limited(std::uint64_t in_flight) noexcept
    {
        app_limited_until_ = std::max<std::uint64_t>(delivered_ + in_flight, 1);
    }
    bool is_app_limited() const noexcept { return app_limited_until_ != 0; }

    void delivered(const sent_segment& s, time_point now) noexcept
    {
        delivered_ += s.size();
        delivered_at_ = now;
        if (newest_ && !s.sent_after(newest_->sent_at, newest_->end)) return;
        newest_ = s;
    }
    lost_segment lost(const sent_segment& s, time_point now) noexcept
    {
        lost_ += s.size();
        return {s.size(), s.stamp.in_flight, lost_ - s.stamp.lost, s.stamp.app_limited, now};
    }

    /// All that the acknowledgement in hand delivers was told. @param least_rtt of the connection
    rate_sample sample(duration least_rtt) noexcept
    {
        if (app_limited_until_ != 0 && delivered_ > app_limited_until_) app_limited_until_ = 0;
        rate_sample out;
        out.total_delivered = delivered_;
        if (!newest_) return out;
        const sent_segment& s = *newest_;
        first_sent_at_ = s.sent_at;
        out.prior_delivered = s.stamp.delivered;
        out.delivered = delivered_ - s.stamp.delivered;
        out.lost = lost_ - s.stamp.lost;
        out.in_flight = s.stamp.in_flight;
        out.app_limited = s.stamp.app_limited;
        // What was sent in a burst cannot have arrived faster than it left, nor been acknowledged faster than it arrived.
        out.interval = std::max(s.sent_at - s.stamp.first_sent_at, delivered_at_ - s.stamp.delivered_at);
        if (out.interval < least_rtt) out.interval = duration::zero(); // it cannot be
        newest_.reset();
        return out;
    }
    std::uint64_t total() const noexcept { return delivered_; } ///< octets

private:
    std::uint64_t delivered_ = 0, lost_ = 0;
    std::uint64_t app_limited_until_ = 0;
    time_point delivered_at_{}, first_sent_at_{};
    std::optional<sent_segment> newest_; ///< that the acknowledgement in hand delivers
};

} // namespace tapio::core::tcp
