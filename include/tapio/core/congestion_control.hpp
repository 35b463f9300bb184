/// @file
/// The congestion-control interface. An algorithm sees octets and times, never segments, timers or buffers; when segments are
/// lost is decided elsewhere (loss recovery), and told here.
#pragma once

#include <tapio/core/time.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace tapio::core {

/// One cumulative acknowledgement.
struct ack_sample
{
    std::uint64_t acked = 0;        ///< octets newly acknowledged
    std::uint64_t prior_flight = 0; ///< octets that were in flight before it
    bool window_limited = false;    ///< the congestion window was (nearly) full: growth is earned (RFC 7661)
    duration rtt{};                 ///< of this acknowledgement; zero: none was measured
    duration smoothed_rtt{};        ///< zero before the first sample
    time_point now;
};

/// One connection's congestion state. Thread safety: none; it belongs to its connection.
class congestion_control
{
public:
    virtual ~congestion_control() = default;

    /// "new_reno"; static storage.
    virtual std::string_view name() const noexcept = 0;

    /// The handshake is done (or the path's MSS changed). @param mss octets  @param initial_window octets
    virtual void start(std::uint32_t mss, std::uint64_t initial_window, time_point now) = 0;
    virtual void mss_changed(std::uint32_t mss) = 0;

    /// New data was acknowledged and no loss recovery is going on.
    virtual void acknowledged(const ack_sample& ack) = 0;

    /// Loss was detected: recovery begins. @param in_flight octets outstanding when it was
    virtual void loss_detected(std::uint64_t in_flight, time_point now) = 0;
    /// Everything outstanding at `loss_detected` is acknowledged. @param in_flight octets outstanding now
    virtual void recovered(std::uint64_t in_flight, time_point now) = 0;
    /// The retransmission timer expired. @param first false when this data has timed out before
    virtual void timed_out(std::uint64_t in_flight, bool first, time_point now) = 0;
    /// Nothing was sent for longer than the RTO (RFC 5681 §4.1).
    virtual void idle_restart(std::uint64_t initial_window) = 0;

    virtual std::uint64_t window() const noexcept = 0;    ///< cwnd, octets
    virtual std::uint64_t threshold() const noexcept = 0; ///< ssthresh, octets
};

} // namespace tapio::core
