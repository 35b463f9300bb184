/// @file
/// When to acknowledge (RFC 9293 §3.8.6.3, RFC 5681 §4.2): every second full segment, anything out of order at once, the rest
/// after a short delay in the hope of data to ride on; without it when the user has read all of a small segment and does not
/// answer what it reads, as on Linux: then nothing is to be hoped for, and the peer's Nagle may wait. While more is known to wait
/// in the device, one acknowledgement is to do for what a connection gets of it, up to a bound.
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

    /// The peer begins, or begins again, with a small window, and grows it by our acknowledgements (RFC 5681 §4.2 allows it): the
    /// next full segments are acknowledged at once.
    void hasten() noexcept
    {
        quick_ = quick_segments;
        conversing_ = false;
    }

    /// The user has read everything that has come. If an acknowledgement is due already, it goes when the device is empty.
    void all_was_read() noexcept
    {
        if (unacknowledged_ > 0 && !soon_ && (small_twice_ || (small_ && !conversing_))) now_ = true;
    }

    /// New data goes out. @param since_received how long ago the last data came  @param delay that of acknowledgements
    void data_sent(duration since_received, duration delay) noexcept { conversing_ = conversing_ || since_received < delay; }

    /// The delay has passed, and nothing has gone out that an acknowledgement could have ridden on.
    void delay_passed() noexcept
    {
        now_ = true;
        conversing_ = false;
    }

    /// Something that must be answered without delay: a segment out of order or unacceptable, a FIN, a filled hole.
    void demand() noexcept { now_ = true; }
    bool due() const noexcept { return now_ || soon_; }
    /// So many segments came out of order, and the peer has no SACK: it counts acknowledgements that say the same (RFC 5681
    /// §3.2), and each segment is answered by one (§4.2), also when several have come before we answer.
    void demand_duplicates(std::uint32_t segments) noexcept
    {
        const std::uint32_t before =
            duplicates_ == 0 && due() ? 1 : duplicates_; // what is due says the number for the first time
        duplicates_ = static_cast<std::uint8_t>(std::min(before + segments, most_duplicates));
        demand();
    }
    /// The number to be acknowledged moved on: nobody wants duplicates of the last.
    void advanced() noexcept { duplicates_ = 0; }
    /// One is due, and nothing is lost if it says what is still in the device as well. @param window what the peer may still send
    bool can_wait(std::uint32_t window) const noexcept
    {
        return soon_ && !now_ && unacknowledged_ < std::min(most_waiting, window / 2);
    }

    /// A segment with ACK went out.  @param counts the peer counts it as one of demand_duplicates()
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
    static constexpr std::uint32_t most_duplicates = 128;      // a few would do; a batch from the device has no more segments
    static constexpr std::uint32_t most_waiting = 1024 * 1024; ///< octets

    std::uint32_t unacknowledged_ = 0; ///< octets received in order since the last ACK sent
    std::uint8_t quick_ = quick_segments;
    std::uint8_t duplicates_ = 0; ///< acknowledgements that a peer without SACK is to count
    bool now_ = false, soon_ = false;
    bool small_ = false;       ///< a segment that was not full came since the last ACK
    bool small_twice_ = false; ///< ... and another one
    bool conversing_ = false;  ///< what the user reads it answers soon ("ping-pong mode" of Linux): ACKs ride on the answers
};

} // namespace tapio::core::tcp
