/// @file
/// The demonstration for machines that let nobody make a network device.
#pragma once

#include <tapio/core/trace.hpp>

namespace apps {

/// Two hosts, 198.18.0.1 and 198.18.0.2, on a wire in memory. The first asks the second for a UDP echo, a TCP echo, its
/// front page, and a connection to a closed port; one line says how each went.
/// @param trace sees what happens inside both, or null
/// @throws std::runtime_error when one of the answers was wrong or did not come within 10 s
void run_memory_demo(tapio::core::trace* trace);

} // namespace apps
