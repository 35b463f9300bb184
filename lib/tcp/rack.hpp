/// @file
/// RACK, time-based loss detection (RFC 8985 §6): a segment is lost when one sent later has been delivered and the reordering
/// window has passed.
#pragma once

#include "tcp/sent_queue.hpp"
#include "tcp/seq_number.hpp"

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

class rack
{
public:
    /// Steps 1 to 3: a segment was delivered. @param echoed_before the ACK echoes a timestamp from before the last transmission
    /// @param least_rtt the connection's minimum RTT  @return true: a segment sent later was delivered earlier
    bool delivered(const sent_segment& s, bool echoed_before, duration least_rtt, time_point now) noexcept
    {
        const bool overtaken = fack_ && s.end.before(*fack_) && !s.retransmitted;
        reordering_seen_ = reordering_seen_ || overtaken; // step 3
        if (!fack_ || !s.end.before(*fack_)) {
            fack_ = s.end;
        }
        const duration rtt = now - s.sent_at;
        if (s.retransmitted && (echoed_before || rtt < least_rtt)) return overtaken; // an earlier transmission (step 2)
        if (newest_ && !s.sent_after(newest_->sent_at, newest_->end)) return overtaken;
        newest_ = transmission{s.sent_at, s.end};
        rtt_ = rtt;
        return overtaken;
    }

    /// Step 4: the peer has sent a D-SACK (RFC 2883); counted once per round trip. @param nxt SND.NXT
    void duplicate_told(seq_number una, seq_number nxt) noexcept
    {
        if (dsack_round_ && una.before(*dsack_round_)) return;
        dsack_round_ = nxt;
        multiplier_ = std::min(multiplier_ + 1, most_multiplier);
        persist_ = recoveries_to_forget;
    }
    /// A recovery has ended.
    void recovered() noexcept
    {
        if (persist_ > 0 && --persist_ == 0) multiplier_ = 1;
    }
    /// With nothing in flight: the state equals the initial one, as neither reordering nor a D-SACK was seen.
    bool is_plain() const noexcept { return !dsack_round_ && multiplier_ == 1 && persist_ == 0 && !reordering_seen_; }
    void reordering_was_seen() noexcept { reordering_seen_ = true; }
    bool reordering_seen() const noexcept { return reordering_seen_; }

    /// RACK_update_reo_wnd. @param recovering in fast recovery, or after a timeout  @param sacked_segments in the scoreboard
    duration reordering_window(bool recovering, std::uint32_t sacked_segments, duration least_rtt,
                               duration smoothed) const noexcept
    {
        constexpr std::uint32_t duplicate_threshold = 3;
        if (!reordering_seen_ && (recovering || sacked_segments >= duplicate_threshold)) return duration::zero();
        return std::min(least_rtt / 4 * multiplier_, smoothed);
    }

    /// Step 5. Marks lost segments, and calls `lost(record)` for each. @param again set to the reordering timer's deadline, or
    /// `never`  @return octets marked
    template <class F>
    std::uint32_t detect(sent_queue& sent, duration window, time_point now, time_point& again, F&& lost) const
    {
        again = never;
        if (!newest_) return 0;
        return sent.mark_lost_in_order_of_time(newest_->sent_at, newest_->end, [&](const sent_segment& s) {
            const time_point overdue = s.sent_at + rtt_ + window;
            if (overdue <= now) return lost(s), true;
            again = std::min(again, overdue);
            return false;
        });
    }

    /// RFC 8985 §6.3: after a timeout, the first segment and the overdue ones are lost.
    void mark_on_timeout(sent_queue& sent, duration window, time_point now) const
    {
        sent.mark_front_lost();
        sent.mark_lost_in_order_of_time(now, sent.back().end,
                                        [&](const sent_segment& s) { return s.sent_at + rtt_ + window <= now; });
    }

private:
    static constexpr unsigned most_multiplier = 64;      ///< enough: the window is capped at SRTT
    static constexpr unsigned recoveries_to_forget = 16; ///< RFC 8985 §6.2 step 4

    struct transmission
    {
        time_point sent_at;
        seq_number end;
    };

    std::optional<transmission> newest_; ///< RACK.xmit_ts, RACK.end_seq
    std::optional<seq_number> fack_;     ///< RACK.fack: the highest sequence number SACKed or acknowledged
    std::optional<seq_number> dsack_round_;
    duration rtt_{}; ///< RACK.rtt
    unsigned multiplier_ = 1;
    unsigned persist_ = 0;
    bool reordering_seen_ = false;
};

} // namespace tapio::core::tcp
