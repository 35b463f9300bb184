/// @file
/// `tapio::steady_timer`: Asio's own timer class, by the time of the stack that its context belongs to. On a stack in virtual
/// time it goes off as soon as nothing else is left to do.
///
/// @par Errors, cancellation, thread safety  those of boost::asio::steady_timer
/// @par Lifetime  may outlive the stack: pending waits complete with operation_aborted
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>

#pragma GCC visibility push(default)

namespace tapio {

/// @par now()  of the virtual_time that is running on this thread, or else was made on it last and is alive; where there is none,
/// of std::chrono::steady_clock. A timer's `expires_after` goes by its own stack's time in any case.
struct steady_clock
{
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point; ///< so that programs that name it compile unchanged
    static constexpr bool is_steady = true;

    static time_point now() noexcept
    {
        return time_point(std::chrono::duration_cast<duration>(detail::thread_time().time_since_epoch()));
    }
};

using steady_timer = boost::asio::basic_waitable_timer<steady_clock>;

} // namespace tapio

#pragma GCC visibility pop
