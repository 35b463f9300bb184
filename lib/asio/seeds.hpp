/// @file
/// Seeds of random numbers: unpredictable ones, and ones that follow from a number.
#pragma once

#include "base/random_source.hpp"
#include "base/split_mix.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>

namespace tapio::detail {

using random_seed = std::array<std::byte, core::random_source::seed_size>;

inline random_seed fresh_seed()
{
    std::random_device entropy;
    random_seed seed;
    for (std::byte& b : seed) b = static_cast<std::byte>(entropy());
    return seed;
}

/// Derives the seed from a number: predictable, so only for virtual time and tests.
inline random_seed seed_from(std::uint64_t n)
{
    random_seed seed;
    for (std::byte& b : seed) b = static_cast<std::byte>(core::split_mix(n));
    return seed;
}

} // namespace tapio::detail
