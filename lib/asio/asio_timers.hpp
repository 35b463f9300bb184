/// @file
/// Access to Asio's own timers of an io_context. Virtual time needs to know when the next one expires, and to fire those that
/// have; Asio has no interface for that, and waits in real time only. In real time: early_timer saves calls of
/// timerfd_settime(2).
#pragma once

#include <tapio/core/time.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>

namespace tapio::detail {

/// true: std::chrono::steady_clock and system_clock return the virtual time of this thread (virtual_std_clock.hpp).
bool std_clock_is_virtual() noexcept;

/// How long until the first of Asio's steady_timers and system_timers expires, rounded down to microseconds, but not to 0. 0: one
/// has expired. `duration::max()`: none is armed.
core::duration next_asio_timer(boost::asio::io_context& io);

/// Posts the handlers of expired timers.
void fire_asio_timers(boost::asio::io_context& io);

/// Keeps a steady_timer of Asio's armed, `ahead` of now, while a stack is busy. Asio calls timerfd_settime(2) whenever a timer
/// becomes the earliest of its clock: with a single connection under a timeout, as Beast's streams are, at each read and write.
/// While an earlier timer is armed, it does not. The expiry does nothing; the timer is armed again when the stack is busy again.
class early_timer
{
public:
    static constexpr auto ahead = std::chrono::milliseconds(100); ///< shorter timeouts still cause the system call

    /// Called when the stack is busy. @return true: the caller should call arm(); at most once per `ahead`
    bool is_due(core::time_point now) noexcept
    {
        if (now < until_) return false;
        until_ = now + ahead;
        return true;
    }
    /// Does nothing if the io_context has no steady_timer, or if steady_clock is virtual.
    void arm(boost::asio::io_context& io);
    void stop() { timer_.reset(); }

private:
    core::time_point until_{};
    std::optional<boost::asio::steady_timer> timer_;
};

} // namespace tapio::detail
