/// @file
/// CUBIC congestion control (RFC 9438), with HyStart++ (RFC 9406) in its first slow start.
#pragma once

#include "base/pooled.hpp"
#include "tcp/hystart.hpp"

#include <tapio/core/congestion_control.hpp>

#include <cstdint>
#include <memory>

namespace tapio::core::tcp {

class cubic final : public congestion_control, public pooled<cubic>
{
public:
    std::string_view name() const noexcept override { return "cubic"; }
    void start(std::uint32_t mss, std::uint64_t initial_window, time_point now) override;
    void mss_changed(std::uint32_t mss) override;
    void acknowledged(const ack_sample& ack) override;
    void loss_detected(std::uint64_t in_flight, time_point now) override;
    void recovered(std::uint64_t in_flight, time_point now) override;
    void timed_out(std::uint64_t in_flight, bool first, time_point now) override;
    void undo(time_point now) override;
    void congestion_experienced(std::uint64_t in_flight, time_point now) override;
    void idle_restart(std::uint64_t initial_window) override;
    std::uint64_t window() const noexcept override { return octets(now_.cwnd); }
    std::uint64_t threshold() const noexcept override;

private:
    /// The variables of RFC 9438 §4.1.2, in segments and seconds.
    struct variables
    {
        double cwnd = 1;
        double ssthresh = unbounded;
        double w_max = 0;      ///< cwnd before the last reduction, less with fast convergence
        double w_est = 0;      ///< Reno-friendly window estimate, §4.3
        double cwnd_prior = 0; ///< cwnd before the last reduction
        double k = 0;          ///< s: time until W_cubic reaches w_max again
        time_point epoch{};    ///< start of the present congestion avoidance; the clock's epoch: none yet
        bool first_slow_start = true;

        void scale(double by) noexcept; ///< for a new MSS
    };
    /// State saved for undo().
    struct reduction
    {
        variables before;
        std::unique_ptr<hystart> search; ///< HyStart++, if the reduction ended the first slow start
        time_point at;
    };
    static constexpr double unbounded = 1e9;
    std::uint64_t octets(double segments) const noexcept { return static_cast<std::uint64_t>(segments * mss_ + 0.5); }

    void slow_start(const ack_sample& ack, double& segments);
    void avoid_congestion(const ack_sample& ack, double segments);
    void end_first_slow_start() noexcept;
    void begin_epoch(time_point now) noexcept;
    void reduce(std::uint64_t in_flight, double factor, time_point now);
    double w_cubic(double t) const noexcept;

    std::uint32_t mss_ = 536; ///< octets
    variables now_;
    std::unique_ptr<reduction> last_;  ///< null until the first reduction
    std::unique_ptr<hystart> hystart_; ///< null outside the first slow start, and before its first ACK
    time_point last_growth_{};         ///< when the last ACK arrived that could raise the window (§5.8)
};

} // namespace tapio::core::tcp
