/// @file
/// Keep-alive (RFC 9293 §3.8.4): off by default, and only on an idle connection.
#pragma once

#include "tcp/options.hpp"
#include "tcp/timers.hpp"

#include <tapio/core/time.hpp>

namespace tapio::core::tcp {

class keep_alive // RFC 9293 MUST-26, MUST-29
{
public:
    enum class action : std::uint8_t
    {
        none,
        probe,
        give_up
    };

    /// The connection was established or the options were changed.
    void start(const tcp_options& o, timer_table& timers, time_point now) noexcept
    {
        probes_ = 0;
        last_heard_ = now;
        if (o.keep_alive) {
            timers.arm(timer::keep_alive, now + o.keep_idle);
        } else {
            timers.cancel(timer::keep_alive);
        }
    }

    /// An acceptable segment with ACK arrived. The timer is re-armed lazily: fired() checks `last_heard_`.
    void heard(time_point now) noexcept
    {
        last_heard_ = now;
        probes_ = 0;
    }

    /// The timer expired. @param busy data is in flight: the retransmission timer watches the peer
    action fired(const tcp_options& o, bool busy, timer_table& timers, time_point now) noexcept
    {
        if (busy || (probes_ == 0 && now < last_heard_ + o.keep_idle)) {
            timers.arm(timer::keep_alive, (busy ? now : last_heard_) + o.keep_idle);
            return action::none;
        }
        // A user timeout replaces the number of probes, as on Linux (RFC 5482 §4.2).
        const bool timed = o.user_timeout > duration::zero();
        if (probes_ > 0 && timed && now - last_heard_ >= o.user_timeout) return action::give_up;
        if (!timed && probes_ >= o.keep_count) return action::give_up;
        ++probes_;
        timers.arm(timer::keep_alive, now + o.keep_interval);
        return action::probe;
    }

    time_point last_heard() const noexcept { return last_heard_; } ///< the clock's epoch: never
    unsigned unanswered() const noexcept { return probes_; }       ///< probes

private:
    time_point last_heard_{};
    unsigned probes_ = 0; ///< unanswered
};

} // namespace tapio::core::tcp
