/// @file
/// When to acknowledge (RFC 9293 §3.8.6.3, RFC 5681 §4.2): every second full segment, out-of-order data at once, the rest after a
/// short delay, in which the ACK may be piggybacked on data. As on Linux, there is no delay when the user has read all of a small
/// segment and is not known to answer: no data to piggyback on is expected, and the peer's Nagle may be waiting. While more
/// segments are known to wait in the device, one ACK covers all that a connection gets of them, up to a bound.
#pragma once

#include "tcp/timers.hpp"

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>

namespace tapio::core::tcp {

class ack_policy
{
public:
    /// Data arrived in order. @param octets of payload  @param full the peer's full segment, octets
    void data_received(std::uint32_t octets, std::uint32_t full, duration delay, timer_table& timers, time_point now) noexcept
    {
        unacknowledged_ += octets;
        if (octets < full) {
            small_twice_ = small_;
            small_ = true;
        }
        const bool quickly = octets >= full && quick_ > 0;
        if (quickly) --quick_;
        if (quickly || delay == duration::zero()) {
            now_ = true;
        } else if (unacknowledged_ >= 2 * full) {
            soon_ = true;
        } else {
            timers.arm_if_idle(timer::delayed_ack, now + delay);
        }
    }

    /// The peer is in slow start, in which our ACKs grow its window: acknowledge the next full segments at once (RFC 5681 §4.2
    /// permits it).
    void hasten() noexcept
    {
        quick_ = quick_segments;
        conversing_ = false;
    }

    /// The user has read everything received. An ACK that is due already stays due, to be sent when the device is drained.
    void all_was_read() noexcept
    {
        if (unacknowledged_ > 0 && !soon_ && (small_twice_ || (small_ && !conversing_))) now_ = true;
    }

    /// New data is sent. @param since_received time since data was last received  @param delay the delayed ACK's
    void data_sent(duration since_received, duration delay) noexcept { conversing_ = conversing_ || since_received < delay; }

    /// The delayed ACK timer expired: no data was sent for the ACK to be piggybacked on.
    void delay_passed() noexcept
    {
        now_ = true;
        conversing_ = false;
    }

    /// An ACK is due without delay: an out-of-order or unacceptable segment, a FIN, a filled hole.
    void demand() noexcept { now_ = true; }
    bool due() const noexcept { return now_ || soon_; }
    /// Out-of-order segments arrived from a peer without SACK, which counts duplicate ACKs (RFC 5681 §3.2): each segment gets an
    /// ACK of its own (§4.2), even if several arrived before we answer.
    void demand_duplicates(std::uint32_t segments) noexcept
    {
        const std::uint32_t before =
            duplicates_ == 0 && due() ? 1 : duplicates_; // an ACK already due is no duplicate, but the first of its number
        duplicates_ = static_cast<std::uint8_t>(std::min(before + segments, most_duplicates));
        demand();
    }
    /// RCV.NXT advanced: no more duplicate ACKs for its previous value.
    void advanced() noexcept { duplicates_ = 0; }
    /// An ACK is due, but may wait to cover segments that are still in the device. @param window octets that the peer may still
    /// send
    bool can_wait(std::uint32_t window) const noexcept
    {
        return soon_ && !now_ && unacknowledged_ < std::min(most_waiting, window / 2);
    }

    /// A segment with ACK was sent.  @param counts the peer counts it as a duplicate ACK
    void sent(timer_table& timers, bool counts = true) noexcept
    {
        if (counts && duplicates_ > 0) --duplicates_;
        now_ = duplicates_ > 0;
        soon_ = small_ = small_twice_ = false;
        unacknowledged_ = 0;
        timers.cancel(timer::delayed_ack);
    }

private:
    static constexpr std::uint8_t quick_segments = 16;
    static constexpr std::uint32_t most_duplicates = 128; // a few would suffice; a batch from the device has no more segments
    static constexpr std::uint32_t most_waiting = 1024 * 1024; ///< octets

    std::uint32_t unacknowledged_ = 0; ///< octets received in order since the last ACK sent
    std::uint8_t quick_ = quick_segments;
    std::uint8_t duplicates_ = 0;     ///< duplicate ACKs to send to a peer without SACK
    bool now_ = false, soon_ = false; ///< an ACK is due: at once; or when the device has been drained
    bool small_ = false;              ///< a less-than-full segment arrived since the last ACK
    bool small_twice_ = false;        ///< two of them arrived
    bool conversing_ = false; ///< Linux's "ping-pong mode": the user soon answers what it reads, and the ACK is piggybacked
};

} // namespace tapio::core::tcp
