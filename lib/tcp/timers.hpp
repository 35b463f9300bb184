/// @file
/// A connection's timers: a table of deadlines, one per timer.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tapio::core::tcp {

enum class timer : std::uint8_t
{
    retransmit,  ///< RFC 6298
    tail_probe,  ///< RFC 8985 §7.2
    reorder,     ///< RACK's (RFC 8985 §6.2 step 5)
    pace,        ///< the next segment may leave
    persist,     ///< zero-window probes and the sender's SWS override (RFC 9293 §3.8.6.1, §3.8.6.2.1)
    delayed_ack, ///< RFC 9293 §3.8.6.3
    keep_alive,  ///< RFC 9293 §3.8.4
    orphan,      ///< a closed socket whose peer acknowledges nothing
    fin_wait_2,  ///< a closed socket that waits for the peer's FIN
    time_wait,   ///< 2 MSL (RFC 9293 §3.6.1)
};

class timer_table
{
public:
    timer_table() noexcept { deadlines_.fill(never); }

    void arm(timer t, time_point at) noexcept { deadlines_[index(t)] = at; }
    void arm_if_idle(timer t, time_point at) noexcept
    {
        if (!armed(t)) arm(t, at);
    }
    void cancel(timer t) noexcept { deadlines_[index(t)] = never; }
    void cancel_all() noexcept { deadlines_.fill(never); }
    bool armed(timer t) const noexcept { return deadlines_[index(t)] != never; }
    time_point deadline(timer t) const noexcept { return deadlines_[index(t)]; }

    /// True, once, if the deadline has passed.
    bool take_expired(timer t, time_point now) noexcept
    {
        if (deadlines_[index(t)] > now) return false;
        cancel(t);
        return true;
    }

    time_point next() const noexcept { return *std::min_element(deadlines_.begin(), deadlines_.end()); }

private:
    static constexpr std::size_t index(timer t) noexcept { return static_cast<std::size_t>(t); }

    std::array<time_point, static_cast<std::size_t>(timer::time_wait) + 1> deadlines_;
};

} // namespace tapio::core::tcp
