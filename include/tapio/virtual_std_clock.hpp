/// @file
/// For test programs: `std::chrono::steady_clock::now()` and `std::chrono::system_clock::now()` answer with virtual time on each
/// thread that has a tapio::virtual_time, and with real time elsewhere. All of Asio's timers on an io_context in virtual time
/// (`boost::asio::steady_timer`, `system_timer`, Beast's timeouts), made from the io_context or from a stack, go off by it, and
/// `timer.expires_at(std::chrono::steady_clock::now() + 10s)` means what it says.
///
/// Including it in one translation unit is enough, and in all does no harm: it replaces the two functions of the standard library
/// for the whole program, when that is linked. Hence it is never included for you, and does not belong into libraries.
///
/// What does not go by virtual time even so: the synchronous `boost::asio::steady_timer::wait()`, which never ends there
/// (`tapio::steady_timer::wait()` does), waits of the standard library (`std::condition_variable::wait_for` and its like), and
/// code that asks the kernel for the time. All clocks are in lib/asio/README.md, "Which clock is which".
#pragma once

#include <tapio/detail/clocks.hpp>

#include <chrono>

// Weak: each translation unit that includes this has them, and the dynamic linker prefers the program's to the standard
// library's.
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
