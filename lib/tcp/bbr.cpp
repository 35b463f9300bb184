#include "tcp/bbr.hpp"

#include "tcp/seconds.hpp"

#include <algorithm>

namespace tapio::core::tcp {

namespace {

using namespace std::chrono_literals;

constexpr double startup_pacing_gain = 2.77; // 4 ln 2
constexpr double drain_pacing_gain = 0.5;
constexpr double default_cwnd_gain = 2;
constexpr double pacing_margin = 0.99;
constexpr unsigned startup_loss_events = 6;
constexpr double probe_rtt_cwnd_gain = 0.5;
constexpr duration probe_rtt_interval = 5s;
constexpr int probe_rtt_distance =
    30; // least RTTs between two: on a long path ProbeRTT would take too large a share of the time (not in the draft)
constexpr duration probe_rtt_length = 200ms;
constexpr duration min_rtt_window = 10s;

} // namespace

void bbr::start(std::uint32_t mss, std::uint64_t initial_window, time_point now)
{
    mss_ = mss;
    cwnd_ = initial_window_ = initial_window;
    pacing_rate_ = startup_pacing_gain * static_cast<double>(initial_window) / seconds(1ms);
    enter_startup();
    min_rtt_at_ = probe_rtt_least_at_ = aggregation_began_ = now;
}

void bbr::enter_startup() noexcept
{
    phase_ = phase::startup;
    pacing_gain_ = startup_pacing_gain;
    cwnd_gain_ = default_cwnd_gain;
}

/// BBRUpdateOnACK
void bbr::acknowledged(const ack_sample& a)
{
    window_limited_ = a.window_limited;
    delivered_ = a.rate.total_delivered;
    update_latest_signals(a);
    update_congestion_signals(a);
    update_aggregation(a);
    check_full_bandwidth(a);
    check_startup_done(a);
    check_drain_done(a);
    update_cycle(a);
    update_min_rtt(a);
    check_probe_rtt(a);
    if (loss_round_start_) { // BBRAdvanceLatestDeliverySignals
        bw_latest_ = a.rate.octets_per_second();
        inflight_latest_ = a.rate.delivered;
    }
    bw_ = std::min(max_bw_.best(), bw_short_);
    set_pacing_rate();
    set_window(a);
}

// -- the model ----------------------------------------------------------------------------------------------------------

void bbr::update_round(const ack_sample& a) noexcept
{
    round_start_ = a.rate.interval > duration::zero() && a.rate.prior_delivered >= next_round_delivered_;
    if (!round_start_) return;
    begin_round(a.rate.total_delivered);
    ++round_;
    ++rounds_since_probe_;
}

void bbr::update_latest_signals(const ack_sample& a) noexcept
{
    loss_round_start_ = false;
    bw_latest_ = std::max(bw_latest_, a.rate.octets_per_second());
    inflight_latest_ = std::max(inflight_latest_, a.rate.delivered);
    if (a.rate.interval > duration::zero() && a.rate.prior_delivered >= loss_round_delivered_) {
        loss_round_delivered_ = a.rate.total_delivered;
        loss_round_start_ = true;
    }
}

void bbr::update_max_bandwidth(const ack_sample& a) noexcept
{
    update_round(a);
    const double rate = a.rate.octets_per_second();
    if (rate > 0 && (rate >= max_bw_.best() || !a.rate.app_limited)) max_bw_.update(rate, cycle_);
}

void bbr::update_congestion_signals(const ack_sample& a) noexcept
{
    update_max_bandwidth(a);
    if (a.lost > 0) loss_in_round_ = true, ++loss_events_;
    if (!loss_round_start_) return;
    if (!probing_bandwidth() && loss_in_round_) lower_short_term();
    loss_in_round_ = false;
}

/// Measures ACK aggregation: octets acknowledged beyond what bw_ predicts, by which cwnd is enlarged.
void bbr::update_aggregation(const ack_sample& a) noexcept
{
    double expected = bw_ * seconds(a.now - aggregation_began_);
    if (static_cast<double>(aggregated_) <= expected) {
        aggregated_ = 0;
        aggregation_began_ = a.now;
        expected = 0;
    }
    aggregated_ += a.delivered;
    const double extra = std::min(static_cast<double>(aggregated_) - expected, static_cast<double>(cwnd_));
    extra_acked_.set_window(full_bw_reached_ ? 10 : 1);
    extra_acked_.update(static_cast<std::uint64_t>(std::max(extra, 0.0)), round_);
}

void bbr::update_min_rtt(const ack_sample& a) noexcept
{
    const duration interval =
        min_rtt_ == duration::max() ? probe_rtt_interval : std::max(probe_rtt_interval, probe_rtt_distance * min_rtt_);
    probe_rtt_expired_ = a.now > probe_rtt_least_at_ + interval;
    if (a.rtt > duration::zero() && (a.rtt < probe_rtt_least_ || probe_rtt_expired_)) {
        probe_rtt_least_ = a.rtt;
        probe_rtt_least_at_ = a.now;
    }
    if (probe_rtt_least_ < min_rtt_ || a.now > min_rtt_at_ + std::max(min_rtt_window, 2 * interval)) {
        min_rtt_ = probe_rtt_least_;
        min_rtt_at_ = probe_rtt_least_at_;
    }
}

// -- Startup and Drain --------------------------------------------------------------------------------------------------

void bbr::check_full_bandwidth(const ack_sample& a) noexcept
{
    if (full_bw_now_ || !round_start_ || a.rate.app_limited) return;
    const double rate = a.rate.octets_per_second();
    if (rate >= full_bw_ * 1.25) return reset_full_bandwidth(rate); // still growing
    full_bw_now_ = ++full_bw_count_ >= 3;
    full_bw_reached_ = full_bw_reached_ || full_bw_now_;
}

/// BBRCheckStartupHighLoss
void bbr::check_startup_loss(const ack_sample& a) noexcept
{
    if (!round_start_) return;
    const bool much = static_cast<double>(a.rate.lost) > loss_threshold * static_cast<double>(a.rate.in_flight);
    if (in_recovery_ && loss_events_ >= startup_loss_events && much) {
        full_bw_reached_ = true;
        inflight_long_ = std::max(static_cast<std::uint64_t>(product(1)), inflight_latest_);
    }
    loss_events_ = 0;
}

void bbr::check_startup_done(const ack_sample& a) noexcept
{
    if (phase_ != phase::startup) return;
    check_startup_loss(a);
    if (!full_bw_reached_) return;
    phase_ = phase::drain;
    pacing_gain_ = drain_pacing_gain;
    cwnd_gain_ = default_cwnd_gain;
}

void bbr::check_drain_done(const ack_sample& a) noexcept
{
    if (phase_ == phase::drain && a.in_flight <= inflight(1)) start_down(a.rate.total_delivered, a.now);
}

// -- ProbeRTT -------------------------------------------------------------------------------------------------------------

std::uint64_t bbr::probe_rtt_window() const noexcept
{
    return std::max(static_cast<std::uint64_t>(product(probe_rtt_cwnd_gain)), least_window());
}

void bbr::check_probe_rtt(const ack_sample& a) noexcept
{
    if (phase_ != phase::probe_rtt && probe_rtt_expired_ && !idle_restart_) {
        phase_ = phase::probe_rtt;
        pacing_gain_ = 1;
        cwnd_gain_ = probe_rtt_cwnd_gain;
        prior_cwnd_ = cwnd_;
        probe_rtt_done_at_ = time_point{};
        probe_stopping_ = true;
        begin_round(a.rate.total_delivered);
    }
    if (phase_ == phase::probe_rtt) {
        if (probe_rtt_done_at_ == time_point{} && a.in_flight <= probe_rtt_window()) {
            probe_rtt_done_at_ = a.now + probe_rtt_length;
            probe_rtt_round_done_ = false;
            begin_round(a.rate.total_delivered);
        } else if (probe_rtt_done_at_ != time_point{}) {
            probe_rtt_round_done_ = probe_rtt_round_done_ || round_start_;
            if (probe_rtt_round_done_ && a.now > probe_rtt_done_at_) leave_probe_rtt(a);
        }
    }
    if (a.rate.delivered > 0) idle_restart_ = false;
}

void bbr::leave_probe_rtt(const ack_sample& a) noexcept
{
    probe_rtt_least_at_ = a.now; // the next ProbeRTT is a whole interval away
    cwnd_ = std::max(cwnd_, prior_cwnd_);
    reset_short_term();
    if (full_bw_reached_) {
        start_down(a.rate.total_delivered, a.now);
        start_cruise();
    } else {
        enter_startup();
    }
}

// -- rate and window --------------------------------------------------------------------------------------------------------

double bbr::product(double gain) const noexcept
{
    if (min_rtt_ == duration::max()) return static_cast<double>(initial_window_);
    return gain * bw_ * seconds(min_rtt_);
}

/// BBRInflight: octets in flight that keep the pipe full although segments and ACKs travel in bursts.
std::uint64_t bbr::inflight(double gain) const noexcept
{
    const auto quantum = std::max<std::uint64_t>(static_cast<std::uint64_t>(pacing_rate_ / 1000), UINT64_C(2) * mss_);
    std::uint64_t out =
        std::max({static_cast<std::uint64_t>(product(gain)), 3 * std::min<std::uint64_t>(quantum, 65536), least_window()});
    if (phase_ == phase::probe_bw_up) out += UINT64_C(2) * mss_;
    return out;
}

void bbr::set_pacing_rate() noexcept
{
    const double rate = pacing_gain_ * bw_ * pacing_margin;
    if (rate > 0 && (full_bw_reached_ || rate > pacing_rate_ || fresh_start_)) pacing_rate_ = rate;
    if (min_rtt_ == duration::max() || !fresh_start_) return;
    fresh_start_ = false; // the first RTT sample replaces the 1 ms assumed by start() (BBRInitPacingRate)
    pacing_rate_ =
        std::max(rate, startup_pacing_gain * static_cast<double>(initial_window_) / seconds(std::max<duration>(min_rtt_, 1us)));
}

void bbr::set_window(const ack_sample& a) noexcept
{
    const std::uint64_t most = inflight(cwnd_gain_) + extra_acked_.best();
    if (full_bw_reached_) {
        cwnd_ = std::min(cwnd_ + a.delivered, most);
    } else if (cwnd_ < most || a.rate.total_delivered < initial_window_) {
        cwnd_ += a.delivered;
    }
    cwnd_ = std::max(cwnd_, least_window());
    if (phase_ == phase::probe_rtt) cwnd_ = std::min(cwnd_, probe_rtt_window());
    cwnd_ = bounded(cwnd_);
}

/// BBRBoundCwndForModel
std::uint64_t bbr::bounded(std::uint64_t cwnd) const noexcept
{
    std::uint64_t cap = unbounded;
    if (in_probe_bw() && phase_ != phase::probe_bw_cruise) {
        cap = inflight_long_;
    } else if (phase_ == phase::probe_rtt || phase_ == phase::probe_bw_cruise) {
        cap = with_headroom();
    }
    cap = std::max(std::min(cap, inflight_short_), least_window());
    return std::min(cwnd, cap);
}

// -- loss, timeouts, idleness -------------------------------------------------------------------------------------------------

/// BBRSaveStateUponLoss; once per recovery, before its first loss changes the model.
void bbr::save_model() noexcept
{
    if (in_recovery_ || loss_seen_) return;
    loss_seen_ = true;
    before_loss_ = {phase_, full_bw_reached_, inflight_long_};
}

void bbr::loss_detected(std::uint64_t, time_point)
{
    save_model();
    loss_seen_ = false;
    in_recovery_ = true;
    prior_cwnd_ = std::max(phase_ == phase::probe_rtt ? prior_cwnd_ : 0, cwnd_);
}
void bbr::recovered(std::uint64_t, time_point) { in_recovery_ = false; }

void bbr::timed_out(std::uint64_t in_flight, bool first, time_point)
{
    if (first) prior_cwnd_ = cwnd_, save_model();
    loss_seen_ = false;
    cwnd_ = in_flight + mss_;
    in_recovery_ = false;
}

/// BBRHandleSpuriousLossDetection: undoes the bounds that the loss set, and re-enters Startup if the loss ended it.
void bbr::undo(time_point)
{
    cwnd_ = std::max(cwnd_, prior_cwnd_);
    reset_short_term();
    reset_full_bandwidth(0);
    loss_in_round_ = in_recovery_ = loss_seen_ = false;
    inflight_long_ = std::max(inflight_long_, before_loss_.inflight_long);
    if (phase_ == phase::probe_rtt || phase_ == phase::startup || before_loss_.in != phase::startup) return;
    full_bw_reached_ = before_loss_.full_bw_reached;
    enter_startup();
}

/// A CE mark lowers the short-term bounds as a loss does, at the end of the round.
void bbr::congestion_experienced(std::uint64_t, time_point) { loss_in_round_ = true; }

/// BBRHandleRestartFromIdle
void bbr::sending(std::uint64_t in_flight, bool app_limited, time_point now)
{
    if (in_flight != 0 || !app_limited) return;
    idle_restart_ = true;
    aggregation_began_ = now;
    if (in_probe_bw()) pacing_rate_ = bw_ > 0 ? bw_ * pacing_margin : pacing_rate_;
}

} // namespace tapio::core::tcp
