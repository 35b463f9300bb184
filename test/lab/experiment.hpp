/// @file
/// An experiment of the laboratory: some bulk flows from one host to another, through one bottleneck with a drop-tail queue, in
/// virtual time.
#pragma once

#include "lab/segment_log.hpp"
#include "support/world/world.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tapio::lab {

using namespace tapio::core;

/// The path, and what is sent over it.
struct cell
{
    std::string congestion_control = "cubic";
    double loss = 0;                 ///< share of packets, at random
    duration rtt{};                  ///< without queue
    std::uint64_t rate = 0;          ///< bit/s
    double reordering = 0;           ///< share of packets that are delayed
    duration reorder_delay{};        ///< ... by so much; 0: by 1 to 8 packet times
    duration stall{}, stall_every{}; ///< delay spikes: impairment_options'
    unsigned flows = 1;
    double queue = 1;                             ///< of the bottleneck, in bandwidth-delay products (ten packets at least)
    duration start_up = std::chrono::seconds(10); ///< not measured
    duration length = std::chrono::seconds(30);   ///< measured
    std::uint64_t seed = 1;
    bool ecn = false;   ///< both ends ask for it, and the queue marks
    bool tuned = false; ///< buffers begin as small as they do, and are tuned
};

std::uint64_t bandwidth_delay_product(const cell& c); ///< octets

/// What one flow was like at one time.
struct snapshot
{
    duration at{};
    tcp_info info;
    duration queueing_delay{};
};

struct outcome
{
    double goodput = 0;     ///< bit/s of user data, all flows
    double utilisation = 0; ///< octets on the wire, of what it could carry
    double fairness = 1;    ///< Jain's index
    duration queue_mean{}, queue_most{};
    std::uint64_t retransmissions = 0, timeouts = 0, tail_probes = 0; ///< in all
    std::uint64_t dropped = 0;                                        ///< packets, by the queue and by chance, in all
    std::uint64_t packets = 0;                                        ///< through the bottleneck, measured
    std::vector<double> flows;                                        ///< goodput of each, bit/s
};

/// @param watch called every `interval` with the first flow's state, from the beginning on
/// @param segments told what the first flow's sender sends and hears; may be null
outcome run(const cell& c, const std::function<void(const snapshot&)>& watch = {},
            duration interval = std::chrono::milliseconds(10), segment_log* segments = nullptr);

} // namespace tapio::lab
