/// @file
/// Plots of an experiment as SVG: congestion window, round-trip time and queue over time.
#pragma once

#include "lab/experiment.hpp"

#include <string>
#include <vector>

namespace tapio::lab {

std::string plot(const cell& c, const std::vector<snapshot>& run);

} // namespace tapio::lab
