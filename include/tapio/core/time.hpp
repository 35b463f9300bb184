/// @file
/// Time as the protocol core sees it: handed in by the caller, never read from a clock.
#pragma once

#include <tapio/core/config.hpp>

#include <chrono>

#pragma GCC visibility push(default)

namespace tapio::core {

/// The clock of a host. It has no `now()`: whoever drives the host says what time it is (real or virtual).
struct host_clock
{
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<host_clock>;
    static constexpr bool is_steady = true;
};

using duration = host_clock::duration;     ///< nanoseconds
using time_point = host_clock::time_point; ///< since an epoch of the driver's choosing

/// "No deadline": later than every other time.
inline constexpr time_point never = time_point::max();

} // namespace tapio::core

#pragma GCC visibility pop
