/// @file
/// The clocks behind clocks: real time, whatever std::chrono's clocks have been made to say (virtual_std_clock.hpp), and the time
/// of the virtual_time of a thread. Internal.
#pragma once

#include <tapio/core/time.hpp>

#include <chrono>
#include <ctime>

#pragma GCC visibility push(default)

namespace tapio::detail {

inline std::chrono::nanoseconds read_clock(clockid_t which) noexcept
{
    timespec t{};
    ::clock_gettime(which, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

inline core::time_point real_time() noexcept { return core::time_point(read_clock(CLOCK_MONOTONIC)); }

/// The time that goes on this thread: of the virtual_time that is running here, else of the youngest that was made here and is
/// alive, else real_time().
core::time_point thread_time() noexcept;

/// The same as time of day, since the UNIX epoch: virtual time is one.
std::chrono::nanoseconds thread_time_of_day() noexcept;

/// virtual_std_clock.hpp is part of the program: a virtual_time checks that it works.
bool expect_virtual_std_clock() noexcept;

} // namespace tapio::detail

#pragma GCC visibility pop
