/// @file
/// The demonstration for machines on which no network device can be made.
#pragma once

#include <tapio/core/trace.hpp>

namespace apps {

/// Two hosts, 198.18.0.1 and 198.18.0.2, on a wire in memory. The first asks the second for a UDP echo, a TCP echo, its
/// front page, and a connection to a closed port; it prints a line with the result of each.
/// @param trace  observes both hosts; may be null
/// @throws std::runtime_error if an answer was wrong or did not come within 10 s
void run_memory_demo(tapio::core::trace* trace);

} // namespace apps
