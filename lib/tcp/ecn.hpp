/// @file
/// Explicit Congestion Notification (RFC 3168 §6.1): what was negotiated, what we owe the peer's sender (ECE) and its receiver
/// (CWR).
#pragma once

#include "tcp/segment.hpp"
#include "tcp/seq_number.hpp"

#include <optional>

namespace tapio::core::tcp {

class ecn
{
public:
    bool enabled() const noexcept { return enabled_; }
    void enable(bool exact) noexcept { enabled_ = true, exact_ = exact; }

    /// What the bits of a SYN, and of a SYN,ACK, say (§6.1.1).
    static bool offered(const control_bits& syn) noexcept { return syn.ece && syn.cwr; }
    static bool accepted(const control_bits& syn_ack) noexcept { return syn_ack.ece && !syn_ack.cwr; }

    // -- the receiver -----------------------------------------------------------------------------------------------------
    /// A segment arrived. @return true if its ACK must not wait: with exact feedback, when marks begin or end (RFC 8257 §3.2)
    bool arrived(const segment& seg) noexcept
    {
        if (!enabled_) return false;
        if (exact_) {
            if (seg.payload_size == 0) return false;
            return std::exchange(echo_, seg.congestion_experienced) != seg.congestion_experienced;
        }
        if (seg.bits.cwr) echo_ = false;
        if (seg.congestion_experienced) echo_ = true;
        return false;
    }
    bool echo() const noexcept { return echo_; } ///< ECE is to be set

    // -- the sender -------------------------------------------------------------------------------------------------------
    /// An acknowledgement. True when it is the first of a window that tells of a mark: time to slow down (§6.1.2).
    bool told(const segment& seg, seq_number una, seq_number nxt) noexcept
    {
        if (!enabled_ || !seg.bits.ece || seg.bits.syn) return false;
        if (reduced_until_ && una.before(*reduced_until_)) return false;
        reduced_until_ = nxt;
        cwr_due_ = true;
        return true;
    }
    /// New data is sent: is CWR to be set on it?
    bool take_cwr() noexcept { return std::exchange(cwr_due_, false); }

private:
    bool enabled_ = false, exact_ = false, echo_ = false, cwr_due_ = false;
    std::optional<seq_number> reduced_until_;
};

} // namespace tapio::core::tcp
