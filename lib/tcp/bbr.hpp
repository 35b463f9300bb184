/// @file
/// BBR congestion control, version 3 (draft-ietf-ccwg-bbr): sends at the path's measured delivery rate, with about one
/// bandwidth-delay product in flight. Names are the draft's.
///
///     bbr.cpp         processing of an ACK; Startup, Drain, ProbeRTT; pacing rate and window
///     bbr_probe.cpp   ProbeBW: the cycle of phases, and the bounds that loss sets
#pragma once

#include "tcp/windowed_filter.hpp"

#include <tapio/core/congestion_control.hpp>

#include <cstdint>
#include <limits>

namespace tapio::core::tcp {

class bbr final : public congestion_control
{
public:
    /// @param seed of the random probe intervals
    explicit bbr(std::uint64_t seed) noexcept : random_(seed) {}

    std::string_view name() const noexcept override { return "bbr"; }
    void start(std::uint32_t mss, std::uint64_t initial_window, time_point now) override;
    void mss_changed(std::uint32_t mss) override { mss_ = mss; }
    void acknowledged(const ack_sample& ack) override;
    void segment_lost(const lost_segment& s) override;
    void loss_detected(std::uint64_t in_flight, time_point now) override;
    void recovered(std::uint64_t in_flight, time_point now) override;
    void timed_out(std::uint64_t in_flight, bool first, time_point now) override;
    void undo(time_point now) override;
    void congestion_experienced(std::uint64_t in_flight, time_point now) override;
    void sending(std::uint64_t in_flight, bool app_limited, time_point now) override;
    void idle_restart(std::uint64_t) override {}
    std::uint64_t window() const noexcept override { return cwnd_; }
    std::uint64_t threshold() const noexcept override { return unbounded; }
    std::uint64_t pacing_rate() const noexcept override { return static_cast<std::uint64_t>(pacing_rate_); }
    bool governs_recovery() const noexcept override { return true; }

private:
    static constexpr std::uint64_t unbounded = UINT64_C(0x7fff'ffff'ffff);
    static constexpr double loss_threshold = 0.02;

    enum class phase : std::uint8_t
    {
        startup,
        drain,
        probe_bw_down,
        probe_bw_cruise,
        probe_bw_refill,
        probe_bw_up,
        probe_rtt,
    };
    /// The state that a loss may change and undo() restores.
    struct model_before
    {
        phase in = phase::startup;
        bool full_bw_reached = false;
        std::uint64_t inflight_long = 0;
    };

    // bbr.cpp
    void enter_startup() noexcept;
    void save_model() noexcept;
    void update_round(const ack_sample& a) noexcept;
    void begin_round(std::uint64_t delivered) noexcept { next_round_delivered_ = delivered; }
    void update_latest_signals(const ack_sample& a) noexcept;
    void update_max_bandwidth(const ack_sample& a) noexcept;
    void update_congestion_signals(const ack_sample& a) noexcept;
    void update_aggregation(const ack_sample& a) noexcept;
    void check_full_bandwidth(const ack_sample& a) noexcept;
    void check_startup_loss(const ack_sample& a) noexcept;
    void check_startup_done(const ack_sample& a) noexcept;
    void check_drain_done(const ack_sample& a) noexcept;
    void update_min_rtt(const ack_sample& a) noexcept;
    void check_probe_rtt(const ack_sample& a) noexcept;
    void leave_probe_rtt(const ack_sample& a) noexcept;
    void set_pacing_rate() noexcept;
    void set_window(const ack_sample& a) noexcept;
    std::uint64_t bounded(std::uint64_t cwnd) const noexcept;
    double product(double gain) const noexcept; ///< BDP, octets
    std::uint64_t inflight(double gain) const noexcept;
    std::uint64_t least_window() const noexcept { return UINT64_C(4) * mss_; }
    std::uint64_t probe_rtt_window() const noexcept;

    // bbr_probe.cpp
    bool probing_bandwidth() const noexcept;
    bool in_probe_bw() const noexcept;
    void reset_full_bandwidth(double rate) noexcept;
    void reset_short_term() noexcept;
    void lower_short_term() noexcept;
    void update_cycle(const ack_sample& a) noexcept;
    void adapt_long_term(const ack_sample& a) noexcept;
    bool is_too_much(std::uint64_t lost, std::uint64_t in_flight) const noexcept; ///< octets
    void probe_upward(const ack_sample& a) noexcept;
    void raise_slope() noexcept;
    bool time_to_probe(const ack_sample& a) noexcept;
    bool time_to_cruise(const ack_sample& a) const noexcept;
    bool time_to_go_down(const ack_sample& a) noexcept;
    std::uint64_t with_headroom() const noexcept;
    std::uint64_t target_inflight() const noexcept;
    void start_down(std::uint64_t delivered, time_point now) noexcept;
    void start_cruise() noexcept;
    void start_refill(const ack_sample& a) noexcept;
    void start_up(const ack_sample& a) noexcept;
    std::uint32_t random() noexcept;

    std::uint64_t random_;
    std::uint32_t mss_ = 536;  ///< octets
    std::uint64_t cwnd_ = 536; ///< octets
    std::uint64_t prior_cwnd_ = 0;
    std::uint64_t initial_window_ = 0;
    double pacing_rate_ = 0; ///< octets/s
    double pacing_gain_ = 1, cwnd_gain_ = 2;
    phase phase_ = phase::startup;

    // the model of the path
    double bw_ = 0;                  ///< octets/s: min(max_bw_, bw_short_)
    windowed_max<double> max_bw_{2}; ///< octets/s, over two cycles of ProbeBW
    std::uint64_t cycle_ = 0;        ///< ProbeBW cycles so far: the filter's clock
    duration min_rtt_ = duration::max();
    time_point min_rtt_at_{};
    double bw_short_ = std::numeric_limits<double>::infinity(); ///< octets/s; short-term bound, set by loss
    std::uint64_t inflight_short_ = unbounded;                  ///< octets; short-term bound, set by loss
    std::uint64_t inflight_long_ = unbounded; ///< octets; long-term bound: with more in flight, too much was lost

    // rounds
    std::uint64_t delivered_ = 0; ///< octets delivered, as of the last ACK
    std::uint64_t next_round_delivered_ = 0, round_ = 0, rounds_since_probe_ = 0;
    bool round_start_ = false;
    bool fresh_start_ = true; ///< until the first ACK with an RTT sample

    // signals of this round
    double bw_latest_ = 0;
    std::uint64_t inflight_latest_ = 0;
    std::uint64_t loss_round_delivered_ = 0;
    bool loss_round_start_ = false, loss_in_round_ = false;
    unsigned loss_events_ = 0; ///< ACKs that reported loss, in this round of Startup
    bool in_recovery_ = false;
    bool loss_seen_ = false; ///< `before_loss_` was saved; until loss_detected() or timed_out()
    model_before before_loss_;

    // detection that the pipe is full
    double full_bw_ = 0;
    unsigned full_bw_count_ = 0;
    bool full_bw_now_ = false, full_bw_reached_ = false;

    // ACK aggregation
    time_point aggregation_began_{};
    std::uint64_t aggregated_ = 0;
    windowed_max<std::uint64_t> extra_acked_{1};

    // the cycle of ProbeBW
    bool probe_stopping_ = false; ///< the last samples of a bandwidth probe are arriving
    time_point cycle_began_{};
    duration probe_wait_{};
    bool probe_samples_ = false; ///< the present probe has not caused too much loss so far
    unsigned up_rounds_ = 0;
    std::uint64_t up_acked_ = 0;
    std::uint64_t up_count_ = unbounded; ///< octets to be acknowledged before inflight_long_ grows by one MSS
    bool window_limited_ = false;

    // ProbeRTT
    duration probe_rtt_least_ = duration::max();
    time_point probe_rtt_least_at_{}, probe_rtt_done_at_{};
    bool probe_rtt_round_done_ = false;
    bool probe_rtt_expired_ = false;
    bool idle_restart_ = false;
};

} // namespace tapio::core::tcp
