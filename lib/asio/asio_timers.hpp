/// @file
/// Asio's own timers of an io_context. For virtual time: when the next expires, and to let those go off that have; Asio keeps
/// them to itself and waits for them in real time only. In real time: fewer settings of its timerfd.
#pragma once

#include <tapio/core/time.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>

namespace tapio::detail {

/// std::chrono::steady_clock and system_clock go by the virtual time of this thread (virtual_std_clock.hpp).
bool std_clock_is_virtual() noexcept;

/// How long until the first of Asio's timers of the two clocks expires, rounded down to microseconds but not to 0; 0: one has.
/// `duration::max()`: none is armed.
core::duration next_asio_timer(boost::asio::io_context& io);

/// Posts the handlers of those that have expired.
void fire_asio_timers(boost::asio::io_context& io);

/// Keeps a timer of Asio's own armed, a little ahead, while a stack is busy. Asio sets its timerfd each time that a timer becomes
/// the first of its clock's: with a single connection under a timeout, as Beast's are, at each read and write. Behind an earlier
/// timer it does not. This one expires for nothing, and the next is armed when the stack is busy again.
class early_timer
{
public:
    static constexpr auto ahead = std::chrono::milliseconds(100); ///< timeouts shorter than that cost what they did

    /// The stack has something to do. @return true: arm() is to be called; at most once in each `ahead`
    bool is_due(core::time_point now) noexcept
    {
        if (now < until_) return false;
        until_ = now + ahead;
        return true;
    }
    /// Nothing without a steady_timer in the io_context, or where that goes by virtual time.
    void arm(boost::asio::io_context& io);
    void stop() { timer_.reset(); }

private:
    core::time_point until_{};
    std::optional<boost::asio::steady_timer> timer_;
};

} // namespace tapio::detail
