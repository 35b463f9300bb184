/// @file
/// Random numbers that need not be unpredictable: for impairments and for probe intervals.
#pragma once

#include <cstdint>

namespace tapio::core {

/// The next number of SplitMix64 (Steele, Lea, Flood 2014). Predictable: for secrets use random_source.
inline std::uint64_t split_mix(std::uint64_t& state) noexcept
{
    std::uint64_t z = state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

} // namespace tapio::core
