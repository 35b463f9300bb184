/// @file
/// Plots of an experiment as SVG: congestion window, round-trip time and queue over time; sequence numbers over time.
#pragma once

#include "lab/experiment.hpp"

#include <string>
#include <vector>

namespace tapio::lab {

std::string plot(const cell& c, const std::vector<snapshot>& run);

/// A time-sequence diagram: octets sent, retransmitted, acknowledged and SACKed.
std::string plot_sequence(const cell& c, const segment_log& log);

} // namespace tapio::lab
