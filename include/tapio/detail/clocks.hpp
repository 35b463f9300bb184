/// @file
/// The clocks that tapio itself reads: real time, even where virtual_std_clock.hpp has replaced std::chrono's clocks, and the
/// time of a thread's virtual_time. Internal.
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

/// The time on this thread: of the virtual_time that is running here, else of the one that was made here last and is alive, else
/// real_time().
core::time_point thread_time() noexcept;

/// The time of day on this thread, since the UNIX epoch; virtual time counts from there, too.
std::chrono::nanoseconds thread_time_of_day() noexcept;

/// Records that the program includes virtual_std_clock.hpp: the constructor of virtual_time then checks that it works.
bool expect_virtual_std_clock() noexcept;

} // namespace tapio::detail

#pragma GCC visibility pop
