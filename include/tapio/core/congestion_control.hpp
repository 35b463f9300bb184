/// @file
/// The congestion-control interface. An algorithm sees octets and times, never segments, timers or buffers; loss recovery decides
/// which segments are lost and tells the algorithm. Register your own with `stack::add_congestion_control`, and choose it for a
/// socket with the option TCP_CONGESTION. Read RFC 5681 first.
#pragma once

#include <tapio/core/time.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio::core {

/// A delivery-rate sample: measured from the sending of the newest segment that an acknowledgement newly covers until that
/// acknowledgement (draft-ietf-ccwg-bbr, "Delivery Rate Samples").
struct rate_sample
{
    duration interval{};               ///< zero: the acknowledgement gives no sample
    std::uint64_t delivered = 0;       ///< octets, in `interval`
    std::uint64_t lost = 0;            ///< octets found lost while that segment was in flight
    std::uint64_t in_flight = 0;       ///< octets in flight when it was sent, itself included
    std::uint64_t prior_delivered = 0; ///< `total_delivered` when it was sent: round trips can be counted by it
    std::uint64_t total_delivered = 0; ///< octets that the connection has delivered so far
    bool app_limited = false;          ///< the user had given no more data when it was sent: the path may be faster

    double octets_per_second() const noexcept
    {
        return interval > duration::zero() ? static_cast<double>(delivered) / std::chrono::duration<double>(interval).count() : 0;
    }
};

/// What one acknowledgement tells.
struct ack_sample
{
    std::uint64_t acked = 0;        ///< octets newly acknowledged cumulatively
    std::uint64_t delivered = 0;    ///< octets newly acknowledged, cumulatively or by SACK
    std::uint64_t lost = 0;         ///< octets newly found lost
    std::uint64_t prior_flight = 0; ///< octets in flight before it
    std::uint64_t in_flight = 0;    ///< octets in flight after it
    bool window_limited = false;    ///< the congestion window was (nearly) full, so it may grow (RFC 7661)
    bool in_recovery = false;       ///< the connection is in fast recovery
    bool path_reorders = false;     ///< the path has been seen to reorder: a SACK block alone is no sign of loss
    bool ece = false;               ///< it carried ECN-Echo (RFC 3168)
    duration rtt{};                 ///< round-trip time measured by it; zero: none was measured
    duration smoothed_rtt{};        ///< SRTT (RFC 6298); zero before the first sample
    duration least_rtt{};           ///< smallest of the connection
    rate_sample rate;
    time_point now;

    /// True if this acknowledgement may raise the congestion window. An acknowledgement with news only in its SACK blocks is a
    /// duplicate, which raises nothing (RFC 5681 §3.2). On a path known to reorder it may: most acknowledgements are of that kind
    /// there though nothing is lost, and the window would hardly grow by the others (as Linux, tcp_may_raise_cwnd).
    bool may_raise_window() const noexcept { return !in_recovery && (acked > 0 || (path_reorders && delivered > 0)); }
};

/// One segment that loss recovery considers lost.
struct lost_segment
{
    std::uint64_t size = 0;      ///< octets
    std::uint64_t in_flight = 0; ///< octets in flight when it was sent, itself included
    std::uint64_t lost = 0;      ///< octets found lost since it was sent, itself included
    bool app_limited = false;    ///< the user had given no more data when it was sent
    time_point now;
};

/// The congestion state of one connection. Sizes are octets of payload; `now` is the time of the event (core/time.hpp).
/// @par Contract  members are called under the stack's lock: they must be quick, must not throw and must not call the stack
/// @par Thread safety  none is needed: an object belongs to one connection
class congestion_control
{
public:
    virtual ~congestion_control() = default;

    /// For tcp_info::congestion_control, as "cubic"; static storage.
    virtual std::string_view name() const noexcept = 0;

    /// The handshake is complete, or the connection changed to this algorithm. @param mss octets of payload in a full segment
    /// @param initial_window  octets (RFC 6928)
    virtual void start(std::uint32_t mss, std::uint64_t initial_window, time_point now) = 0;
    /// The segment size changed, with the path MTU. @param mss octets
    virtual void mss_changed(std::uint32_t mss) = 0;

    /// An acknowledgement delivered something; during recovery, too.
    virtual void acknowledged(const ack_sample& ack) = 0;

    /// A segment was found lost, on a connection with SACK; called for each. `loss_detected` follows for the first of a window.
    virtual void segment_lost(const lost_segment& segment) { (void)segment; }

    /// Loss was detected: fast recovery begins. @param in_flight octets in flight at that time
    virtual void loss_detected(std::uint64_t in_flight, time_point now) = 0;
    /// Everything that was outstanding at `loss_detected` is acknowledged. @param in_flight octets in flight now
    virtual void recovered(std::uint64_t in_flight, time_point now) = 0;
    /// The retransmission timer expired. @param first  false if the same data has timed out before
    virtual void timed_out(std::uint64_t in_flight, bool first, time_point now) = 0;
    /// The last `loss_detected` or `timed_out` was spurious: nothing was lost (RFC 4015). Restores the state before it.
    virtual void undo(time_point now) = 0;
    /// The peer reported a congestion mark (RFC 3168 §6.1.2); called at most once per round trip.
    virtual void congestion_experienced(std::uint64_t in_flight, time_point now)
    {
        loss_detected(in_flight, now), recovered(in_flight, now);
    }
    /// A segment is about to be sent. @param in_flight octets in flight without it
    virtual void sending(std::uint64_t in_flight, bool app_limited, time_point now)
    {
        (void)in_flight, (void)app_limited, (void)now;
    }
    /// Nothing was sent for longer than the RTO (RFC 5681 §4.1).
    virtual void idle_restart(std::uint64_t initial_window) = 0;

    virtual std::uint64_t window() const noexcept = 0;               ///< cwnd, octets
    virtual std::uint64_t threshold() const noexcept = 0;            ///< ssthresh, octets
    virtual std::uint64_t pacing_rate() const noexcept { return 0; } ///< octets/s; 0: not paced
    /// True: `window()` limits fast recovery, too. False: Proportional Rate Reduction (RFC 9937) limits it, down to
    /// `threshold()`.
    virtual bool governs_recovery() const noexcept { return false; }
    /// True: the algorithm reads `ack_sample::ece` itself and reacts in proportion to the marks (RFC 8257);
    /// `congestion_experienced` is then not called.
    virtual bool counts_marks() const noexcept { return false; }
};

/// Makes the congestion state of a new connection; called under the stack's lock, never returns null.
using congestion_control_factory = std::function<std::unique_ptr<congestion_control>()>;

} // namespace tapio::core

#pragma GCC visibility pop
