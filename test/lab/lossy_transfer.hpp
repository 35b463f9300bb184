/// @file
/// A transfer of a given size over a path without bottleneck that loses packets at random: how many losses need a retransmission
/// timeout, and how long the transfer takes.
#pragma once

#include "support/world/world.hpp"

#include <cstdint>

namespace tapio::lab {

using namespace tapio::core;

struct lossy_path
{
    duration rtt{};
    double loss = 0;              ///< share of packets, in both directions
    std::uint64_t size = 8 << 20; ///< octets
    std::uint64_t seed = 1;
};

struct lossy_outcome
{
    bool complete = false; ///< all octets arrived within an hour
    duration took{};
    std::uint64_t dropped = 0, retransmissions = 0; ///< packets
    std::uint64_t timeouts = 0, tail_probes = 0;

    double timeouts_per_loss() const noexcept
    {
        return dropped == 0 ? 0 : static_cast<double>(timeouts) / static_cast<double>(dropped);
    }
};

lossy_outcome transfer(const lossy_path& p);

} // namespace tapio::lab
