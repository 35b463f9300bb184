#include "tcp/new_reno.hpp"

#include <algorithm>

namespace tapio::core::tcp {

void new_reno::start(std::uint32_t mss, std::uint64_t initial_window, time_point)
{
    mss_ = mss;
    cwnd_ = initial_window;
    acked_ = 0;
}

void new_reno::mss_changed(std::uint32_t mss)
{
    mss_ = mss;
    cwnd_ = std::max<std::uint64_t>(cwnd_, mss);
}

void new_reno::acknowledged(const ack_sample& ack)
{
    if (!ack.window_limited || !ack.may_raise_window()) return;
    // Without HyStart++, slow start ends by overflowing the queue; growth by SACKed octets would increase the overshoot.
    if (cwnd_ < ssthresh_ && ack.acked == 0) return;
    std::uint64_t left = ack.delivered;
    if (cwnd_ < ssthresh_) {
        // RFC 5681 §3.1 slow start, counting octets (RFC 3465) without that RFC's limit per ACK: one ACK may cover many
        // segments where either end coalesces them (GRO, LRO).
        const auto grown = std::min(left, ssthresh_ - cwnd_);
        cwnd_ += grown;
        left -= grown;
    }
    acked_ += left;
    while (acked_ >= cwnd_) { // congestion avoidance: one MSS for each window acknowledged
        acked_ -= cwnd_;
        cwnd_ += mss_;
    }
}

/// Rounded down to whole segments: a fraction of a segment cannot be sent, but would delay the window's growth.
std::uint64_t new_reno::halved(std::uint64_t in_flight) const noexcept
{
    return std::max<std::uint64_t>(in_flight / 2 / mss_ * mss_, UINT64_C(2) * mss_);
}

void new_reno::loss_detected(std::uint64_t in_flight, time_point)
{
    remember();
    ssthresh_ = halved(in_flight);
    cwnd_ = ssthresh_; // RFC 6582's window inflation is accounted for in loss_recovery::in_flight()
    acked_ = 0;
}

/// A CE mark comes before the queue is full: the window need not be halved (RFC 8511 §3).
void new_reno::congestion_experienced(std::uint64_t in_flight, time_point)
{
    remember();
    reduce_to(in_flight / 10 * 8);
}

void new_reno::recovered(std::uint64_t in_flight, time_point)
{
    // RFC 6582 §3.2 step 3, option (1): prevents a burst when little is in flight.
    cwnd_ = std::min(ssthresh_, std::max<std::uint64_t>(in_flight, mss_) + mss_);
    acked_ = 0;
}

void new_reno::timed_out(std::uint64_t in_flight, bool first, time_point)
{
    if (first) remember();
    if (first) ssthresh_ = halved(in_flight); // RFC 5681 §3.1: constant when the same data times out again
    cwnd_ = mss_;                             // the loss window
    acked_ = 0;
}

void new_reno::undo(time_point)
{
    cwnd_ = std::max(cwnd_, prior_cwnd_);
    ssthresh_ = std::max(ssthresh_, prior_ssthresh_);
    acked_ = prior_acked_; // otherwise cwnd would never grow on a path that reorders
}

void new_reno::idle_restart(std::uint64_t initial_window) { cwnd_ = std::min(cwnd_, initial_window); }

} // namespace tapio::core::tcp
