/// @file
/// What a cell of the laboratory's table is measured against: the link, or what the algorithm can reach by its response function.
#pragma once

#include "lab/experiment.hpp"

namespace tapio::lab {

/// Goodput, bit/s: the link's rate less headers; for reno and cubic no more than their response function gives at that rate of
/// random loss (RFC 3649 §3 from RFC 5681; RFC 9438 §5.1 equation (6), or Reno's where that is more).
double bound_of(const cell& c);

} // namespace tapio::lab
