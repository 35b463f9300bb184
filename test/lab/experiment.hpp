/// @file
/// An experiment: bulk flows from one host to another through one bottleneck with a drop-tail queue, in virtual time.
#pragma once

#include "lab/segment_log.hpp"
#include "support/world/world.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tapio::lab {

using namespace tapio::core;

/// The path and the flows over it.
struct cell
{
    std::string congestion_control = "cubic";
    double loss = 0;                 ///< share of packets dropped at random
    duration rtt{};                  ///< without queueing delay
    std::uint64_t rate = 0;          ///< bit/s
    double reordering = 0;           ///< share of packets that are delayed
    duration reorder_delay{};        ///< delay of these packets; 0: 1 to 8 packet times
    duration stall{}, stall_every{}; ///< delay spikes, as in impairment_options
    unsigned flows = 1;
    double queue = 1;                             ///< queue of the bottleneck, in bandwidth-delay products (at least ten packets)
    duration start_up = std::chrono::seconds(10); ///< time before the measurement
    duration length = std::chrono::seconds(30);   ///< time measured
    std::uint64_t seed = 1;
    bool ecn = false;   ///< both ends use ECN, and the queue sets CE marks
    bool tuned = false; ///< send and receive buffers have their default sizes and auto-tuning
};

std::uint64_t bandwidth_delay_product(const cell& c); ///< octets

/// The state of one flow at one time.
struct snapshot
{
    duration at{};
    tcp_info info;
    duration queueing_delay{};
};

struct outcome
{
    double goodput = 0;     ///< bit/s of user data, all flows
    double utilisation = 0; ///< octets on the wire, as share of the link's capacity
    double fairness = 1;    ///< Jain's index
    duration queue_mean{}, queue_most{};
    std::uint64_t retransmissions = 0, timeouts = 0, tail_probes = 0; ///< of all flows
    std::uint64_t dropped = 0;                                        ///< packets dropped by the queue or at random, of all flows
    std::uint64_t packets = 0;                                        ///< packets through the bottleneck while measuring
    std::vector<double> flows;                                        ///< goodput of each flow, bit/s
};

/// @param watch called every `interval` from the start with the first flow's state
/// @param segments gets the segments that the first flow's sender sends and receives; may be null
outcome run(const cell& c, const std::function<void(const snapshot&)>& watch = {},
            duration interval = std::chrono::milliseconds(10), segment_log* segments = nullptr);

} // namespace tapio::lab
