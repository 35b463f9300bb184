/// @file
/// Explicit Congestion Notification (RFC 3168 §6.1): negotiation, and the ECE and CWR bits that we have to send.
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

    /// Whether a SYN offers ECN, and whether a SYN,ACK accepts it (§6.1.1).
    static bool offered(const control_bits& syn) noexcept { return syn.ece && syn.cwr; }
    static bool accepted(const control_bits& syn_ack) noexcept { return syn_ack.ece && !syn_ack.cwr; }

    bool is_exact() const noexcept { return exact_; }

    // -- the receiver -----------------------------------------------------------------------------------------------------
    /// A segment arrived. @return true: data before this segment needs an ACK with the previous echo. With exact feedback, when
    /// CE marks begin or end (RFC 8257 §3.2); otherwise when CWR ends the echo (RFC 3168 §6.1.3).
    bool arrived(const segment& seg) noexcept
    {
        if (!enabled_ || (exact_ && seg.payload_size == 0)) return false;
        const bool stays = !exact_ && echo_ && !seg.bits.cwr;
        const bool before = std::exchange(echo_, stays || seg.congestion_experienced);
        return exact_ ? before != echo_ : before && !echo_;
    }
    bool echo() const noexcept { return echo_; } ///< whether to set ECE

    // -- the sender -------------------------------------------------------------------------------------------------------
    /// An ACK arrived. @return true: the first ACK with ECE in a window of data, so the sender must slow down (§6.1.2). ECE on
    /// ACKs for data sent before the last reduction belongs to that reduction: the peer has not received CWR yet.
    bool told(const segment& seg, seq_number una, seq_number nxt) noexcept
    {
        if (!enabled_ || !seg.bits.ece || seg.bits.syn) return false;
        if (reduced_until_ && una.at_or_before(*reduced_until_)) return false;
        reduced_until_ = nxt;
        cwr_due_ = true;
        return true;
    }
    /// The data in flight at the last reduction is not acknowledged yet.
    bool is_reducing(seq_number una) const noexcept { return reduced_until_ && una.before(*reduced_until_); }
    /// New data is being sent. @return whether to set CWR on it
    bool take_cwr() noexcept { return std::exchange(cwr_due_, false); }

private:
    bool enabled_ = false, exact_ = false, echo_ = false, cwr_due_ = false;
    std::optional<seq_number> reduced_until_;
};

/// Pending ECN feedback when one ACK covers several segments of a batch: data received before the ECN echo changed is
/// acknowledged separately, with the previous echo, as if each segment had arrived alone.
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
    /// A CE mark has arrived that no ACK has reported.
    bool has_news() const noexcept { return untold_; }

    /// The echo changes. @param acknowledged SEG.ACK of our last ACK  @param next RCV.NXT  @param echo its previous value
    void change(seq_number acknowledged, seq_number next, bool echo)
    {
        if (next == (parts_.empty() ? acknowledged : parts_.back().end)) {
            once_ = once_ || (untold_ && echo); // nothing new in order to acknowledge separately
        } else if (parts_.size() < most) {
            parts_.push_back({next, echo});
        } else {
            parts_.back() = {next, parts_.back().echo || echo};
        }
        untold_ = false;
    }
    bool has_parts() const noexcept { return !parts_.empty(); }
    /// Removes the next part to acknowledge. Precondition: has_parts().
    part take()
    {
        const part first = parts_.front();
        parts_.erase(parts_.begin());
        return first;
    }
    /// An ACK of everything received is being sent. @return true: it must carry ECE, whatever the echo is now
    bool told() noexcept
    {
        untold_ = false;
        return std::exchange(once_, false);
    }
    bool is_plain() const noexcept { return parts_.empty() && !untold_ && !once_; }

private:
    static constexpr std::size_t most = 64; // about as many segments as a batch from the device has

    boost::container::small_vector<part, 1> parts_;
    bool untold_ = false, once_ = false;
};

} // namespace tapio::core::tcp
