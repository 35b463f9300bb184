/// @file
/// impaired(): wraps a device in a bad wire: packets are lost, duplicated, delayed or damaged at random.
#pragma once

#include <tapio/core/impairment.hpp>
#include <tapio/device/device.hpp>
#include <tapio/device/pcapng.hpp>

#include <cstdint>
#include <memory>

#pragma GCC visibility push(default)

namespace tapio {

/// What the wire does (core/impairment.hpp).
struct impaired_options
{
    core::impairment_options outgoing{}, incoming{}; ///< seen from the stack
    std::uint64_t seed = 1;                          ///< of the random decisions: the same seed, the same fate of each packet
    /// A writer for every packet as it enters the wire, on an interface of its own ("... wire"), with a comment if the packet
    /// does not just pass: "dropped", "dropped: the queue is full", "2 copies", "delayed by 50 ms", "1 bit flipped", "marked:
    /// congestion experienced". The same writer may be given to a capture() outside or inside of this device. Null: none.
    std::shared_ptr<pcapng_writer> capture = nullptr;
};

/// Wraps `inner`. Delays are measured in the stack's time, real or virtual. A delayed packet counts as sent; at most 100,000 are
/// delayed in each direction, and more are dropped, as by a full queue on the path.
/// @throws boost::system::system_error invalid_argument, whose text names the option: a probability outside of 0 to 1, a negative
///   time, `reorder_steps` 0, a stall longer than its period
std::unique_ptr<device> impaired(std::unique_ptr<device> inner, const impaired_options& options);

} // namespace tapio

#pragma GCC visibility pop
