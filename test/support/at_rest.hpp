/// @file
/// With TAPIO_TEST_AT_REST in the environment, every idle connection of a test's hosts is reduced to idle_memory at once, and
/// restored for each call and each segment. No test should notice.
#pragma once

#include "core/host_options.hpp"

#include <cstdlib>

namespace tapio::test {

inline core::host_options resting_if_asked(core::host_options o)
{
    if (std::getenv("TAPIO_TEST_AT_REST") != nullptr) o.awake_connections = 0;
    return o;
}

} // namespace tapio::test
