#include "tcp/cubic.hpp"

#include "tcp/seconds.hpp"

#include <algorithm>
#include <cmath>

namespace tapio::core::tcp {

namespace {

constexpr double cubic_c = 0.4;                         // RFC 9438 §4.1.1
constexpr double beta = 0.7;                            // §4.6
constexpr double beta_ecn = 0.85;                       // a CE mark comes before the queue is full (RFC 8511 §3)
constexpr double alpha = 3.0 * (1 - beta) / (1 + beta); // §4.3
constexpr double least_window = 2;                      // segments, §4.6

} // namespace

void cubic::start(std::uint32_t mss, std::uint64_t initial_window, time_point)
{
    mss_ = mss;
    now_ = variables{};
    now_.cwnd = static_cast<double>(initial_window) / mss;
}

void cubic::mss_changed(std::uint32_t mss)
{
    const double scale = static_cast<double>(mss_) / mss; // keeps the windows in octets
    mss_ = mss;
    now_.scale(scale);
    if (last_) last_->before.scale(scale);
}

void cubic::variables::scale(double by) noexcept
{
    for (double* const w : {&cwnd, &w_max, &w_est, &cwnd_prior}) *w *= by;
    if (ssthresh < unbounded) ssthresh *= by;
    cwnd = std::max(cwnd, 1.0);
}

std::uint64_t cubic::threshold() const noexcept
{
    return now_.ssthresh >= unbounded ? UINT64_C(0x7fff'ffff) : octets(now_.ssthresh);
}

void cubic::acknowledged(const ack_sample& ack)
{
    // undo() may resume the first slow start, so HyStart++ goes on counting rounds.
    if (ack.in_recovery && last_ && last_->search) (void)last_->search->acknowledged(ack);
    if (!ack.may_raise_window()) return;
    if (!ack.window_limited) { // RFC 9438 §5.8: time in which cwnd was not the limit does not count
        if (now_.epoch != time_point{} && last_growth_ != time_point{}) now_.epoch += ack.now - last_growth_;
        last_growth_ = ack.now;
        return;
    }
    last_growth_ = ack.now;
    double segments = static_cast<double>(ack.delivered) / mss_;
    if (now_.cwnd < now_.ssthresh) slow_start(ack, segments);
    if (segments > 0) avoid_congestion(ack, segments);
}

/// @param segments newly delivered; reduced to what is left for congestion avoidance when slow start ends here
void cubic::slow_start(const ack_sample& ack, double& segments)
{
    double growth = segments;
    if (now_.first_slow_start) {
        if (!hystart_) hystart_ = std::make_unique<hystart>();
        const auto advice = hystart_->acknowledged(ack);
        if (advice == hystart::advice::leave) {
            now_.ssthresh = now_.cwnd;
            return end_first_slow_start();
        }
        if (advice == hystart::advice::conservative) growth /= hystart::growth_divisor;
    }
    growth = std::min(growth, now_.ssthresh - now_.cwnd);
    now_.cwnd += growth;
    segments = now_.cwnd < now_.ssthresh ? 0 : segments - growth;
}

void cubic::end_first_slow_start() noexcept
{
    now_.first_slow_start = false;
    hystart_.reset();
}

void cubic::begin_epoch(time_point now) noexcept
{
    now_.epoch = now;
    if (now_.cwnd < now_.w_max) {
        now_.k = std::cbrt((now_.w_max - now_.cwnd) / cubic_c); // §4.2, figure 2
    } else {                                                    // §4.8, or slow start has grown cwnd beyond w_max
        now_.k = 0;
        now_.w_max = now_.cwnd;
    }
    now_.w_est = now_.cwnd; // §4.3
}

double cubic::w_cubic(double t) const noexcept
{
    const double d = t - now_.k;
    return cubic_c * d * d * d + now_.w_max;
}

/// §4.2 to §4.5
void cubic::avoid_congestion(const ack_sample& ack, double segments)
{
    if (now_.epoch == time_point{}) begin_epoch(ack.now);
    const double t = seconds(ack.now - now_.epoch);
    const double rate = now_.w_est < now_.cwnd_prior ? alpha : 1; // §4.3
    now_.w_est += rate * segments / now_.cwnd;
    if (w_cubic(t) < now_.w_est) {
        now_.cwnd = std::max(now_.cwnd, now_.w_est); // the Reno-friendly region
        return;
    }
    const double target = std::clamp(w_cubic(t + seconds(ack.smoothed_rtt)), now_.cwnd, 1.5 * now_.cwnd);
    now_.cwnd += (target - now_.cwnd) / now_.cwnd * segments;
}

void cubic::reduce(std::uint64_t in_flight, double factor, time_point now)
{
    if (!last_) last_ = std::make_unique<reduction>();
    *last_ = {now_, std::move(hystart_), now};
    const double flight = static_cast<double>(in_flight) / mss_;
    now_.cwnd_prior = now_.cwnd;
    // §4.7 fast convergence: cwnd below the last w_max means that another flow takes bandwidth
    now_.w_max = now_.cwnd < now_.w_max ? now_.cwnd * (1 + beta) / 2 : now_.cwnd;
    now_.ssthresh = std::max(flight * factor, least_window); // §4.6
    now_.epoch = time_point{};
    end_first_slow_start();
}

void cubic::loss_detected(std::uint64_t in_flight, time_point now)
{
    reduce(in_flight, beta, now);
    now_.cwnd = now_.ssthresh;
}

void cubic::congestion_experienced(std::uint64_t in_flight, time_point now)
{
    reduce(in_flight, beta_ecn, now);
    now_.cwnd = now_.ssthresh;
}

void cubic::recovered(std::uint64_t in_flight, time_point)
{
    // As in RFC 6582 §3.2 step 3: prevents a burst when little is in flight.
    const double flight = std::max(static_cast<double>(in_flight) / mss_, 1.0);
    now_.cwnd = std::min(now_.ssthresh, flight + 1);
}

void cubic::timed_out(std::uint64_t in_flight, bool first, time_point now)
{
    if (first) reduce(in_flight, beta, now);
    now_.cwnd = 1; // §4.8
    now_.epoch = time_point{};
    now_.w_max = 0;
}

/// §4.9. The time since the reduction does not count (§5.8).
void cubic::undo(time_point now)
{
    if (!last_) return;
    const double cwnd = std::max(now_.cwnd, last_->before.cwnd);
    now_ = last_->before;
    now_.cwnd = cwnd;
    if (now_.epoch != time_point{}) now_.epoch += now - last_->at;
    hystart_ = std::move(last_->search);
}

void cubic::idle_restart(std::uint64_t initial_window)
{
    now_.cwnd = std::min(now_.cwnd, static_cast<double>(initial_window) / mss_);
    now_.epoch = time_point{};
}

} // namespace tapio::core::tcp
