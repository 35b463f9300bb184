/// @file
/// A bad wire around any device: what leaves and what arrives is lost, doubled, delayed or damaged at random.
#pragma once

#include <tapio/core/impairment.hpp>
#include <tapio/device/device.hpp>

#include <cstdint>
#include <memory>

#pragma GCC visibility push(default)

namespace tapio {

struct impaired_options
{
    core::impairment_options outgoing, incoming;
    std::uint64_t seed = 1;
};

/// Wraps `inner`. Delays are in the stack's time, real or virtual; a delayed packet counts as taken, and at most 100,000 wait in
/// one direction (more are dropped, as a full queue on the path would).
std::unique_ptr<device> impaired(std::unique_ptr<device> inner, const impaired_options& options);

} // namespace tapio

#pragma GCC visibility pop
