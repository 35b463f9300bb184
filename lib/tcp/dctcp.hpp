/// @file
/// DCTCP (RFC 8257): Reno, but the window is reduced in proportion to the share of CE-marked octets. For networks whose queues
/// mark early; both ends must use it.
#pragma once

#include "tcp/new_reno.hpp"

#include <algorithm>

namespace tapio::core::tcp {

class dctcp final : public congestion_control
{
public:
    std::string_view name() const noexcept override { return "dctcp"; }
    void start(std::uint32_t mss, std::uint64_t initial_window, time_point now) override
    {
        reno_.start(mss, initial_window, now);
    }
    void mss_changed(std::uint32_t mss) override { reno_.mss_changed(mss); }
    void acknowledged(const ack_sample& ack) override
    {
        acked_ += ack.delivered;
        if (ack.ece) marked_ += ack.delivered;
        if (ack.rate.total_delivered >= window_end_) observe(ack);
        if (!ack.ece) reno_.acknowledged(ack);
    }
    void loss_detected(std::uint64_t in_flight, time_point now) override { reno_.loss_detected(in_flight, now); }
    void recovered(std::uint64_t in_flight, time_point now) override { reno_.recovered(in_flight, now); }
    void timed_out(std::uint64_t in_flight, bool first, time_point now) override { reno_.timed_out(in_flight, first, now); }
    void undo(time_point now) override { reno_.undo(now); }
    void idle_restart(std::uint64_t initial_window) override { reno_.idle_restart(initial_window); }
    std::uint64_t window() const noexcept override { return reno_.window(); }
    std::uint64_t threshold() const noexcept override { return reno_.threshold(); }
    bool counts_marks() const noexcept override { return true; }

private:
    /// RFC 8257 §3.3, once for each window of data.
    void observe(const ack_sample& ack) noexcept
    {
        constexpr double g = 1.0 / 16;
        const double share = acked_ == 0 ? 0 : static_cast<double>(marked_) / static_cast<double>(acked_);
        alpha_ = (1 - g) * alpha_ + g * share;
        if (marked_ > 0 && !ack.in_recovery)
            reno_.reduce_to(static_cast<std::uint64_t>(static_cast<double>(window()) * (1 - alpha_ / 2)));
        acked_ = marked_ = 0;
        window_end_ = ack.rate.total_delivered + ack.in_flight;
    }

    new_reno reno_;
    double alpha_ = 1;                     ///< DCTCP.Alpha
    std::uint64_t acked_ = 0, marked_ = 0; ///< octets acknowledged in this window, and those with ECE
    std::uint64_t window_end_ = 0;         ///< total octets delivered when this window ends
};

} // namespace tapio::core::tcp
