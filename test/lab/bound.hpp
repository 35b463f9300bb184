/// @file
/// The bound for a cell of the table: the link's rate, or what the algorithm can reach by its response function.
#pragma once

#include "lab/experiment.hpp"

namespace tapio::lab {

/// Goodput, bit/s: the link's rate less headers. For reno and cubic at most what their response function gives for that rate of
/// random loss (RFC 3649 §3 from RFC 5681; RFC 9438 §5.1 equation (6), or Reno's if that is greater).
double bound_of(const cell& c);

} // namespace tapio::lab
