/// @file
/// Adaptive busy polling: when to poll for packets again instead of sleeping until one arrives.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstddef>

namespace tapio::detail {

/// Waking a sleeping thread takes tens of microseconds on many machines, longer than the other end takes to answer. Polling
/// avoids that delay, but occupies a processor. So it ends after a while; it is skipped if it has not helped recently, and if so
/// much data is transferred per sleep that the wake-up hardly matters. Thread safety: none.
class busy_poll
{
public:
    /// @param at_most  how long to poll after the last packet; 0: never poll
    explicit busy_poll(core::duration at_most) noexcept : at_most_(at_most) {}

    bool enabled() const noexcept { return at_most_ > core::duration::zero(); }

    /// No packet is waiting: whether to poll again instead of sleeping.
    /// @param found  octets received since the last call; 0: no packet  @param sent  octets sent in total
    bool looks_again(std::size_t found, std::size_t sent, core::time_point now) noexcept
    {
        if (found > 0) return begins(found + (sent - sent_before_), sent, now);
        if (!looking_) return false;
        if (now - since_ < at_most_) return true;
        in_vain();
        return false;
    }

private:
    static constexpr std::size_t much = 16 * 1024; // octets
    static constexpr unsigned most_skipped = 63;

    bool begins(std::size_t moved, std::size_t sent, core::time_point now) noexcept
    {
        if (looking_) skip_after_ = 0; // polling has found a packet
        sent_before_ = sent;
        since_ = now;
        looking_ = moved <= much && skip_ == 0;
        skip_ -= skip_ > 0 ? 1 : 0;
        return looking_;
    }

    void in_vain() noexcept
    {
        looking_ = false;
        skip_after_ = std::min(2 * skip_after_ + 1, most_skipped);
        skip_ = skip_after_;
    }

    const core::duration at_most_;
    core::time_point since_;      // when the last packet arrived
    std::size_t sent_before_ = 0; // octets sent by then
    bool looking_ = false;
    unsigned skip_ = 0;       // number of sleeps to take without polling first
    unsigned skip_after_ = 0; // `skip_` after the last vain poll; doubled, plus one, at the next
};

} // namespace tapio::detail
