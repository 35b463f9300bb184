/// @file
/// Explicit Congestion Notification (RFC 3168 §6.1): what was negotiated, what we owe the peer's sender (ECE) and its receiver
/// (CWR).
#pragma once

#include "tcp/segment.hpp"
#include "tcp/seq_number.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace tapio::core::tcp {

class ecn
{
public:
    bool enabled() const noexcept { return enabled_; }
    void enable(bool exact) noexcept { enabled_ = true, exact_ = exact; }

    /// What the bits of a SYN, and of a SYN,ACK, say (§6.1.1).
    static bool offered(const control_bits& syn) noexcept { return syn.ece && syn.cwr; }
    static bool accepted(const control_bits& syn_ack) noexcept { return syn_ack.ece && !syn_ack.cwr; }

    bool is_exact() const noexcept { return exact_; }

    // -- the receiver -----------------------------------------------------------------------------------------------------
    /// A segment arrived. True if ECE had a meaning for what came before it that it loses now: with exact feedback, when marks
    /// begin or end (RFC 8257 §3.2); else when CWR ends the echo (RFC 3168 §6.1.3).
    bool arrived(const segment& seg) noexcept
    {
        if (!enabled_ || (exact_ && seg.payload_size == 0)) return false;
        const bool stays = !exact_ && echo_ && !seg.bits.cwr;
        const bool before = std::exchange(echo_, stays || seg.congestion_experienced);
        return exact_ ? before != echo_ : before && !echo_;
    }
    bool echo() const noexcept { return echo_; } ///< ECE is to be set

    // -- the sender -------------------------------------------------------------------------------------------------------
    /// An acknowledgement. True when it is the first of a window that tells of a mark: time to slow down (§6.1.2). One that only
    /// acknowledges what was sent before the last reduction is of that window too: CWR has not arrived yet.
    bool told(const segment& seg, seq_number una, seq_number nxt) noexcept
    {
        if (!enabled_ || !seg.bits.ece || seg.bits.syn) return false;
        if (reduced_until_ && una.at_or_before(*reduced_until_)) return false;
        reduced_until_ = nxt;
        cwr_due_ = true;
        return true;
    }
    /// That window has not been acknowledged yet.
    bool is_reducing(seq_number una) const noexcept { return reduced_until_ && una.before(*reduced_until_); }
    /// New data is sent: is CWR to be set on it?
    bool take_cwr() noexcept { return std::exchange(cwr_due_, false); }

private:
    bool enabled_ = false, exact_ = false, echo_ = false, cwr_due_ = false;
    std::optional<seq_number> reduced_until_;
};

/// What is still to be told of marks where one acknowledgement would do for several segments that came together: as if each had
/// come alone, what came before the echo changed is acknowledged by itself, with the echo as it was.
class mark_report
{
public:
    struct part
    {
        seq_number end; ///< SEG.ACK
        bool echo = false;
    };

    /// A segment arrived. @param marked CE
    void arrived(bool marked) noexcept { untold_ = untold_ || marked; }
    /// A mark has arrived of which no acknowledgement has told.
    bool has_news() const noexcept { return untold_; }

    /// The echo changes. @param acknowledged SEG.ACK of the last acknowledgement  @param next RCV.NXT  @param echo before
    void change(seq_number acknowledged, seq_number next, bool echo)
    {
        if (next == (parts_.empty() ? acknowledged : parts_.back().end)) {
            once_ = once_ || (untold_ && echo); // out of order: there is nothing to acknowledge apart
        } else if (parts_.size() < most) {
            parts_.push_back({next, echo});
        } else {
            parts_.back() = {next, parts_.back().echo || echo};
        }
        untold_ = false;
    }
    bool has_parts() const noexcept { return !parts_.empty(); }
    /// The next to be sent. Precondition: has_parts().
    part take()
    {
        const part first = parts_.front();
        parts_.erase(parts_.begin());
        return first;
    }
    /// An acknowledgement of everything goes out. True if it is to carry ECE whatever the echo is now.
    bool told() noexcept
    {
        untold_ = false;
        return std::exchange(once_, false);
    }
    bool is_plain() const noexcept { return parts_.empty() && !untold_ && !once_; }

private:
    static constexpr std::size_t most = 64; // a batch from the device has few more segments

    boost::container::small_vector<part, 1> parts_;
    bool untold_ = false, once_ = false;
};

} // namespace tapio::core::tcp
