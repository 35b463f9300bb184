/// @file
/// Reno congestion control (RFC 5681). NewReno's recovery (RFC 6582) is in loss_recovery.
#pragma once

#include <tapio/core/congestion_control.hpp>

namespace tapio::core::tcp {

class new_reno final : public congestion_control
{
public:
    std::string_view name() const noexcept override { return "reno"; }
    void start(std::uint32_t mss, std::uint64_t initial_window, time_point now) override;
    void mss_changed(std::uint32_t mss) override;
    void acknowledged(const ack_sample& ack) override;
    void loss_detected(std::uint64_t in_flight, time_point now) override;
    void recovered(std::uint64_t in_flight, time_point now) override;
    void timed_out(std::uint64_t in_flight, bool first, time_point now) override;
    void undo(time_point now) override;
    void congestion_experienced(std::uint64_t in_flight, time_point now) override;
    void idle_restart(std::uint64_t initial_window) override;
    std::uint64_t window() const noexcept override { return cwnd_; }
    std::uint64_t threshold() const noexcept override { return ssthresh_; }

    /// Sets cwnd and ssthresh, to 2 MSS at least.
    void reduce_to(std::uint64_t octets) noexcept
    {
        cwnd_ = ssthresh_ = octets < UINT64_C(2) * mss_ ? UINT64_C(2) * mss_ : octets;
        acked_ = 0;
    }

private:
    std::uint64_t halved(std::uint64_t in_flight) const noexcept; ///< RFC 5681 equation (4)
    void remember() noexcept { prior_cwnd_ = cwnd_, prior_ssthresh_ = ssthresh_, prior_acked_ = acked_; }

    std::uint32_t mss_ = 536;                        ///< octets
    std::uint64_t cwnd_ = 536;                       ///< octets
    std::uint64_t ssthresh_ = UINT64_C(0x7fff'ffff); ///< octets; arbitrarily high (RFC 5681 §3.1)
    std::uint64_t acked_ = 0;                        ///< octets acknowledged since cwnd last grew by one MSS
    std::uint64_t prior_cwnd_ = 0, prior_ssthresh_ = 0, prior_acked_ = 0;
};

} // namespace tapio::core::tcp
