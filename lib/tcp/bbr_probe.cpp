// BBR's ProbeBW: the cycle of phases, and the bounds that loss sets.
#include "base/split_mix.hpp"
#include "tcp/bbr.hpp"

#include <algorithm>
#include <cmath>

namespace tapio::core::tcp {

namespace {

using namespace std::chrono_literals;

constexpr double bbr_beta = 0.7;
constexpr double headroom = 0.15;
constexpr std::uint64_t longest_probe_distance = 63; // rounds

} // namespace

bool bbr::in_probe_bw() const noexcept
{
    return phase_ == phase::probe_bw_down || phase_ == phase::probe_bw_cruise || phase_ == phase::probe_bw_refill ||
           phase_ == phase::probe_bw_up;
}

/// In phases that probe for bandwidth, loss is expected and is no sign that the path has become slower.
bool bbr::probing_bandwidth() const noexcept
{
    return phase_ == phase::startup || phase_ == phase::probe_bw_refill || phase_ == phase::probe_bw_up;
}

std::uint32_t bbr::random() noexcept { return static_cast<std::uint32_t>(split_mix(random_) >> 32); }

void bbr::reset_full_bandwidth(double rate) noexcept
{
    full_bw_ = rate;
    full_bw_count_ = 0;
    full_bw_now_ = false;
}

void bbr::reset_short_term() noexcept
{
    bw_short_ = std::numeric_limits<double>::infinity();
    inflight_short_ = unbounded;
}

/// BBRInitLowerBounds, BBRLossLowerBounds
void bbr::lower_short_term() noexcept
{
    if (bw_short_ == std::numeric_limits<double>::infinity()) bw_short_ = max_bw_.best();
    if (inflight_short_ == unbounded) inflight_short_ = cwnd_;
    bw_short_ = std::max(bw_latest_, bbr_beta * bw_short_);
    inflight_short_ = std::max(inflight_latest_, static_cast<std::uint64_t>(bbr_beta * static_cast<double>(inflight_short_)));
}

// -- phases -------------------------------------------------------------------------------------------------------------

void bbr::start_down(std::uint64_t delivered, time_point now) noexcept
{
    loss_in_round_ = false; // BBRResetCongestionSignals
    bw_latest_ = 0;
    inflight_latest_ = 0;
    up_count_ = unbounded;
    rounds_since_probe_ = random() % 2;
    probe_wait_ = 2s + duration(random() % 1'000'000'000);
    cycle_began_ = now;
    probe_stopping_ = true;
    begin_round(delivered);
    phase_ = phase::probe_bw_down;
    pacing_gain_ = 0.9;
    cwnd_gain_ = 2;
}

void bbr::start_cruise() noexcept
{
    phase_ = phase::probe_bw_cruise;
    pacing_gain_ = 1;
    cwnd_gain_ = 2;
}

void bbr::start_refill(const ack_sample& a) noexcept
{
    reset_short_term();
    up_rounds_ = 0;
    up_acked_ = 0;
    probe_stopping_ = false;
    begin_round(a.rate.total_delivered);
    phase_ = phase::probe_bw_refill;
    pacing_gain_ = 1;
    cwnd_gain_ = 2;
}

void bbr::start_up(const ack_sample& a) noexcept
{
    begin_round(a.rate.total_delivered);
    reset_full_bandwidth(a.rate.octets_per_second());
    phase_ = phase::probe_bw_up;
    pacing_gain_ = 1.25;
    cwnd_gain_ = 2.25;
    raise_slope();
}

/// BBRUpdateProbeBWCyclePhase
void bbr::update_cycle(const ack_sample& a) noexcept
{
    if (!full_bw_reached_) return;
    adapt_long_term(a);
    switch (phase_) {
    case phase::probe_bw_down:
        if (!time_to_probe(a) && time_to_cruise(a)) start_cruise();
        return;
    case phase::probe_bw_cruise: (void)time_to_probe(a); return;
    case phase::probe_bw_refill:
        if (!round_start_) return;
        probe_samples_ = true;
        return start_up(a);
    case phase::probe_bw_up:
        if (time_to_go_down(a)) start_down(a.rate.total_delivered, a.now);
        return;
    default: return;
    }
}

bool bbr::time_to_probe(const ack_sample& a) noexcept
{
    // Often enough to coexist with Reno, which needs about as many rounds between losses as it has packets in flight.
    const std::uint64_t rounds = std::min(target_inflight() / mss_, longest_probe_distance);
    if (a.now <= cycle_began_ + probe_wait_ && rounds_since_probe_ < rounds) return false;
    start_refill(a);
    return true;
}

bool bbr::time_to_cruise(const ack_sample& a) const noexcept
{
    return a.in_flight <= with_headroom() && a.in_flight <= inflight(1);
}

bool bbr::time_to_go_down(const ack_sample& a) noexcept
{
    if (window_limited_ && cwnd_ >= inflight_long_) { // inflight_long_, not the path, limits the rate
        reset_full_bandwidth(a.rate.octets_per_second());
        return false;
    }
    return full_bw_now_;
}

// -- the bounds ---------------------------------------------------------------------------------------------------------

std::uint64_t bbr::with_headroom() const noexcept
{
    if (inflight_long_ == unbounded) return unbounded;
    const auto left = std::max<std::uint64_t>(mss_, static_cast<std::uint64_t>(headroom * static_cast<double>(inflight_long_)));
    return std::max(inflight_long_ > left ? inflight_long_ - left : 0, least_window());
}

std::uint64_t bbr::target_inflight() const noexcept { return std::min(static_cast<std::uint64_t>(product(1)), cwnd_); }

/// BBRAdaptLongTermModel
void bbr::adapt_long_term(const ack_sample& a) noexcept
{
    if (probe_stopping_ && round_start_) { // all samples of the probe have arrived: the filter's next cycle
        probe_samples_ = false;
        probe_stopping_ = false;
        if (in_probe_bw() && !a.rate.app_limited) ++cycle_;
    }
    if (is_too_much(a.rate.lost, a.rate.in_flight) || inflight_long_ == unbounded) return;
    inflight_long_ = std::max(inflight_long_, a.rate.in_flight);
    if (phase_ == phase::probe_bw_up) probe_upward(a);
}

/// The loss rate exceeds BBR.LossThresh by a statistically significant amount. (The draft has only the threshold. With few
/// segments in flight, random loss of one or two would exceed it, and the bound would never rise again.)
bool bbr::is_too_much(std::uint64_t lost, std::uint64_t in_flight) const noexcept
{
    constexpr double deviations = 1.65; // 5 % false positives for a loss rate at the threshold
    const double expected = loss_threshold * static_cast<double>(in_flight) / mss_;
    return static_cast<double>(lost) / mss_ > expected + deviations * std::sqrt(expected);
}

/// BBRHandleLostPacket: the first excessive loss ends the probe, and sets inflight_long_ to what the path can carry.
void bbr::segment_lost(const lost_segment& s)
{
    save_model();
    const auto in_flight = static_cast<double>(s.in_flight);
    if (!probe_samples_ || !is_too_much(s.lost, s.in_flight)) return;
    probe_samples_ = false; // BBRHandleInflightTooHigh
    if (!s.app_limited) {
        const auto size = static_cast<double>(s.size);
        const double before = in_flight - size; // BBRInflightAtLoss: where the loss rate crossed the threshold
        const double prefix = (loss_threshold * before - (static_cast<double>(s.lost) - size)) / (1 - loss_threshold);
        const double bearable = std::max(before + std::max(prefix, 0.0), bbr_beta * static_cast<double>(target_inflight()));
        inflight_long_ = static_cast<std::uint64_t>(bearable);
    }
    if (phase_ == phase::probe_bw_up) start_down(delivered_, s.now);
}

/// BBRProbeInflightLongtermUpward
void bbr::probe_upward(const ack_sample& a) noexcept
{
    if (!window_limited_ || cwnd_ < inflight_long_) return;
    up_acked_ += a.delivered;
    if (up_acked_ >= up_count_) {
        const std::uint64_t steps = up_acked_ / up_count_;
        up_acked_ -= steps * up_count_;
        inflight_long_ += steps * mss_;
    }
    if (round_start_) raise_slope();
}

/// Doubles the growth of inflight_long_ each round: one MSS in the first, then two, four, ...
void bbr::raise_slope() noexcept
{
    const std::uint64_t growth = UINT64_C(1) << up_rounds_; // segments in this round
    up_rounds_ = std::min(up_rounds_ + 1, 30U);
    up_count_ = std::max<std::uint64_t>(cwnd_ / growth, 1);
}

} // namespace tapio::core::tcp
