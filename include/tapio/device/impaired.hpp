/// @file
/// A bad wire around any device: what leaves and what arrives is lost, doubled, delayed or damaged at random.
#pragma once

#include <tapio/core/impairment.hpp>
#include <tapio/device/device.hpp>
#include <tapio/device/pcapng.hpp>

#include <cstdint>
#include <memory>

#pragma GCC visibility push(default)

namespace tapio {

struct impaired_options
{
    core::impairment_options outgoing{}, incoming{};
    std::uint64_t seed = 1;
    /// Where every packet is written as it goes on the wire, on an interface of its own ("... wire"), with a comment on what
    /// becomes of it if that is not just to pass: "dropped", "dropped: the queue is full", "2 copies", "delayed by 50 ms", "1 bit
    /// flipped", "marked: congestion experienced". The same writer may be given to capture(), around this device or inside.
    std::shared_ptr<pcapng_writer> capture = nullptr;
};

/// Wraps `inner`. Delays are in the stack's time, real or virtual; a delayed packet counts as taken, and at most 100,000 wait in
/// one direction (more are dropped, as a full queue on the path would).
/// @throws boost::system::system_error invalid_argument: its text names the option (a probability beyond 0 to 1, a negative time)
std::unique_ptr<device> impaired(std::unique_ptr<device> inner, const impaired_options& options);

} // namespace tapio

#pragma GCC visibility pop
