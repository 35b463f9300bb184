/// @file
/// Whether the congestion window is in use: it may grow only then (RFC 7661 §4.1). Measured by the octets in flight when the last
/// round trip's segments were sent, not when their ACKs arrive: many ACKs may arrive at a time, with nothing sent in between.
#pragma once

#include "tcp/seq_number.hpp"

#include <tapio/core/congestion_control.hpp>

#include <cstdint>

namespace tapio::core::tcp {

class window_validation
{
public:
    /// New data was sent up to `nxt`. @param flight octets in flight now  @param full the window has no room for another segment
    void sent(std::uint64_t flight, bool full, seq_number una, seq_number nxt) noexcept
    {
        if (!full && (full_ || flight <= most_) && una.before(round_ends_)) return;
        most_ = flight;
        full_ = full;
        round_ends_ = nxt;
    }
    /// In slow start, half of the window is enough, because the window doubles in the same round trip.
    bool in_use(const congestion_control& cc) const noexcept
    {
        if (full_) return true;
        const std::uint64_t cwnd = cc.window();
        return 2 * most_ >= cwnd && cwnd < cc.threshold();
    }

private:
    std::uint64_t most_ = 0; ///< most octets in flight in this round trip
    seq_number round_ends_;
    bool full_ = false;
};

} // namespace tapio::core::tcp
