/// @file
/// The congestion-control interface. An algorithm sees octets and times, never segments, timers or buffers; when segments are
/// lost is decided elsewhere (loss recovery), and told here. Bring your own with `stack::add_congestion_control`.
#pragma once

#include <tapio/core/time.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio::core {

/// How fast the path has delivered lately, from the flight of the newest segment that an acknowledgement is news of
/// (draft-ietf-ccwg-bbr, "Delivery Rate Samples").
struct rate_sample
{
    duration interval{};               ///< zero: the acknowledgement gives no sample
    std::uint64_t delivered = 0;       ///< octets, in `interval`
    std::uint64_t lost = 0;            ///< octets found lost while that segment was in flight
    std::uint64_t in_flight = 0;       ///< octets when it was sent, itself included
    std::uint64_t prior_delivered = 0; ///< `total_delivered` when it was sent: rounds can be counted by it
    std::uint64_t total_delivered = 0; ///< octets of the connection so far
    bool app_limited = false;          ///< the sender had nothing more to send then: the path may be faster

    double octets_per_second() const noexcept
    {
        return interval > duration::zero() ? static_cast<double>(delivered) / std::chrono::duration<double>(interval).count() : 0;
    }
};

/// One acknowledgement.
struct ack_sample
{
    std::uint64_t acked = 0;        ///< octets newly acknowledged cumulatively
    std::uint64_t delivered = 0;    ///< octets that this is the first news of, cumulatively or by SACK
    std::uint64_t lost = 0;         ///< octets newly found lost
    std::uint64_t prior_flight = 0; ///< octets that were in flight before it
    std::uint64_t in_flight = 0;    ///< ... and are after it
    bool window_limited = false;    ///< the congestion window was (nearly) full: growth is earned (RFC 7661)
    bool in_recovery = false;       ///< a fast recovery goes on
    bool path_reorders = false;     ///< the path has been seen to reorder: a SACK block alone is no sign of loss
    bool ece = false;               ///< it carried ECN-Echo (RFC 3168)
    duration rtt{};                 ///< of this acknowledgement; zero: none was measured
    duration smoothed_rtt{};        ///< zero before the first sample
    duration least_rtt{};           ///< of the connection
    rate_sample rate;
    time_point now;

    /// True if what it delivers may raise the congestion window. What only SACK tells of is a duplicate acknowledgement, and
    /// raises nothing (RFC 5681 §3.2), unless the path is known to reorder: then most acknowledgements are of that kind though
    /// nothing is lost, and a window that grew by the others alone would hardly grow (Linux likewise: tcp_may_raise_cwnd).
    bool may_raise_window() const noexcept { return !in_recovery && (acked > 0 || (path_reorders && delivered > 0)); }
};

/// One segment that is taken for lost.
struct lost_segment
{
    std::uint64_t size = 0;      ///< octets
    std::uint64_t in_flight = 0; ///< octets when it was sent, itself included
    std::uint64_t lost = 0;      ///< octets found lost since then, itself included
    bool app_limited = false;    ///< when it was sent
    time_point now;
};

/// One connection's congestion state. Thread safety: none; it belongs to its connection.
class congestion_control
{
public:
    virtual ~congestion_control() = default;

    /// "cubic"; static storage.
    virtual std::string_view name() const noexcept = 0;

    /// The handshake is done. @param mss octets  @param initial_window octets
    virtual void start(std::uint32_t mss, std::uint64_t initial_window, time_point now) = 0;
    virtual void mss_changed(std::uint32_t mss) = 0;

    /// Something was delivered: every acknowledgement that says so, during recovery too.
    virtual void acknowledged(const ack_sample& ack) = 0;

    /// Each segment that is found lost by SACK; `loss_detected` follows for the first of a window.
    virtual void segment_lost(const lost_segment& segment) { (void)segment; }

    /// Loss was detected: recovery begins. @param in_flight octets in flight when it was
    virtual void loss_detected(std::uint64_t in_flight, time_point now) = 0;
    /// Everything outstanding at `loss_detected` is acknowledged. @param in_flight octets in flight now
    virtual void recovered(std::uint64_t in_flight, time_point now) = 0;
    /// The retransmission timer expired. @param first false when this data has timed out before
    virtual void timed_out(std::uint64_t in_flight, bool first, time_point now) = 0;
    /// The last `loss_detected` or `timed_out` was a mistake: nothing was lost (RFC 4015).
    virtual void undo(time_point now) = 0;
    /// The network has marked a packet (RFC 3168 §6.1.2); once per round trip.
    virtual void congestion_experienced(std::uint64_t in_flight, time_point now)
    {
        loss_detected(in_flight, now), recovered(in_flight, now);
    }
    /// Something is about to be sent. @param in_flight octets, without it
    virtual void sending(std::uint64_t in_flight, bool app_limited, time_point now)
    {
        (void)in_flight, (void)app_limited, (void)now;
    }
    /// Nothing was sent for longer than the RTO (RFC 5681 §4.1).
    virtual void idle_restart(std::uint64_t initial_window) = 0;

    virtual std::uint64_t window() const noexcept = 0;               ///< cwnd, octets
    virtual std::uint64_t threshold() const noexcept = 0;            ///< ssthresh, octets
    virtual std::uint64_t pacing_rate() const noexcept { return 0; } ///< octets/s; 0: not paced
    /// True: `window()` counts in fast recovery too; false: Proportional Rate Reduction (RFC 9937) brings it down to
    /// `threshold()`.
    virtual bool governs_recovery() const noexcept { return false; }
    /// True: it wants to see every mark, and answers in proportion (RFC 8257); `congestion_experienced` is not called.
    virtual bool counts_marks() const noexcept { return false; }
};

/// Makes the congestion state of a new connection.
using congestion_control_factory = std::function<std::unique_ptr<congestion_control>()>;

} // namespace tapio::core

#pragma GCC visibility pop
