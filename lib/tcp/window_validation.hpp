/// @file
/// Is the congestion window in use? Growth is earned by using it (RFC 7661 §4.1). What counts is how much was out when the last
/// round trip's segments had been sent, not when their acknowledgements come: these may come many at a time, with nothing sent
/// in between.
#pragma once

#include "tcp/seq_number.hpp"

#include <tapio/core/congestion_control.hpp>

#include <cstdint>

namespace tapio::core::tcp {

class window_validation
{
public:
    /// New data went out up to `nxt`. @param flight octets in flight now  @param full the window has no room for another segment
    void sent(std::uint64_t flight, bool full, seq_number una, seq_number nxt) noexcept
    {
        if (!full && (full_ || flight <= most_) && una.before(round_ends_)) return;
        most_ = flight;
        full_ = full;
        round_ends_ = nxt;
    }
    /// In slow start half of it is enough, as it doubles meanwhile.
    bool in_use(const congestion_control& cc) const noexcept
    {
        if (full_) return true;
        const std::uint64_t cwnd = cc.window();
        return 2 * most_ >= cwnd && cwnd < cc.threshold();
    }

private:
    std::uint64_t most_ = 0; ///< octets in flight, of this round trip
    seq_number round_ends_;
    bool full_ = false;
};

} // namespace tapio::core::tcp
