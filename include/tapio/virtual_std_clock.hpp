/// @file
/// For test programs: makes `std::chrono::steady_clock::now()` and `std::chrono::system_clock::now()` return virtual time on
/// every thread that has a tapio::virtual_time, and real time elsewhere. Asio's own timers on an io_context in virtual time
/// (`boost::asio::steady_timer`, `system_timer`, Beast's timeouts) then expire in virtual time, whether they were made from the
/// io_context or from a stack, and `timer.expires_at(std::chrono::steady_clock::now() + 10s)` is right.
///
/// Include it in one translation unit or in several: it replaces the two functions of the standard library in the whole program
/// when the program is linked. Therefore no header of tapio includes it, and a library must not.
///
/// Still not in virtual time: the synchronous `boost::asio::steady_timer::wait()`, which never returns there (use
/// `tapio::steady_timer::wait()`), waits of the standard library (`std::condition_variable::wait_for` and the like), and code
/// that asks the kernel for the time. The table "Which clock is which" in lib/asio/README.md lists all clocks.
#pragma once

#include <tapio/detail/clocks.hpp>

#include <chrono>

// Weak, because each translation unit that includes this header defines them. The dynamic linker prefers the program's
// definitions to those of the standard library.
[[gnu::weak]] std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept
{
    return time_point(std::chrono::duration_cast<duration>(tapio::detail::thread_time().time_since_epoch()));
}

[[gnu::weak]] std::chrono::system_clock::time_point std::chrono::system_clock::now() noexcept
{
    return time_point(std::chrono::duration_cast<duration>(tapio::detail::thread_time_of_day()));
}

namespace tapio::detail {
inline const bool virtual_std_clock_expected = expect_virtual_std_clock();
}
