/// @file
/// When to look for packets once more instead of sleeping until there are some.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstddef>

namespace tapio::detail {

/// Waking a sleeping thread takes tens of microseconds on many machines, longer than the other end takes to answer. Who looks
/// again instead has the answer at once, at the price of a processor; so it ends after a while, it is not done where it has not
/// helped lately, nor where so much goes across for each sleep that its price is small. Thread safety: none.
class busy_poll
{
public:
    /// @param at_most  after the last packet; 0: never
    explicit busy_poll(core::duration at_most) noexcept : at_most_(at_most) {}

    bool enabled() const noexcept { return at_most_ > core::duration::zero(); }

    /// Nothing is there (any more): whether to look again.
    /// @param found  octets that had come since it was asked last; 0: no packet  @param sent  octets that have been sent in all
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
        if (looking_) skip_after_ = 0; // it has helped
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
    core::time_point since_;      // the last packet
    std::size_t sent_before_ = 0; // octets, when it came
    bool looking_ = false;
    unsigned skip_ = 0;       // so many sleeps without looking first
    unsigned skip_after_ = 0; // the next time in vain: twice that, and one
};

} // namespace tapio::detail
