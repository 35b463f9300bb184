/// @file
/// The demonstration for machines that let nobody make a network device.
#pragma once

namespace apps {

/// Two hosts, 198.18.0.1 and 198.18.0.2, on a wire in memory. The first asks the second for a UDP echo, a TCP echo, its
/// front page, and a connection to a closed port; one line says how each went.
/// @throws std::runtime_error when one of the answers was wrong or did not come within 10 s
void run_memory_demo();

} // namespace apps
