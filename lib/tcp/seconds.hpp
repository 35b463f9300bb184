/// @file
/// Durations for arithmetic with rates.
#pragma once

#include <tapio/core/time.hpp>

namespace tapio::core::tcp {

inline double seconds(duration d) noexcept { return std::chrono::duration<double>(d).count(); }

} // namespace tapio::core::tcp
