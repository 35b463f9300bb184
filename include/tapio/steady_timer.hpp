/// @file
/// `tapio::steady_timer`: Asio's own timer class, in the time of the stack that it is made from. In virtual time it expires
/// without waiting: as soon as nothing else can happen before.
///
///     tapio::steady_timer timer(stack, 10s);
///     co_await timer.async_wait(use_awaitable);
///
/// @par Errors, cancellation, thread safety  those of boost::asio::steady_timer
/// @par Lifetime  may outlive the stack: pending waits complete with operation_aborted, and later ones at once with the same
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>

#pragma GCC visibility push(default)

namespace tapio {

/// The clock of tapio::steady_timer. now() is virtual time on a thread that is running a virtual_time, or on which one was made
/// and is alive (the last one made); elsewhere it is CLOCK_MONOTONIC, as std::chrono::steady_clock. `expires_after` of a timer
/// always uses the time of the timer's own stack.
/// @par Thread safety  safe
struct steady_clock
{
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point; ///< the same type, so that programs which name it compile unchanged
    static constexpr bool is_steady = true;

    static time_point now() noexcept
    {
        return time_point(std::chrono::duration_cast<duration>(detail::thread_time().time_since_epoch()));
    }
};

using steady_timer = boost::asio::basic_waitable_timer<steady_clock>;

} // namespace tapio

#pragma GCC visibility pop
