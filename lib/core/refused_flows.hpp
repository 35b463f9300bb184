/// @file
/// Remembers flows that were refused by a bound, so that one whose sender tries again is told from one of a flood.
#pragma once

#include "base/flow_hash.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tapio::core {

/// A table of 16-bit tags without chains, which a newer flow overwrites: 2 octets for each of 1024 times the flows that may wait,
/// at most 2 MiB, allocated when the first flow is refused. With 2^20 places a flow is still known after n further ones with a
/// probability of exp(-n / 2^20), which is 0.9 a second later in a flood of 100,000 per second. A flow that was not refused
/// passes for a refused one with a probability of 2^-16.
class refused_flows
{
public:
    explicit refused_flows(const siphash_key& key) : hash_{key} {}

    /// @param most_pending flows that may wait
    void add(const flow_key& flow, std::size_t most_pending)
    {
        if (tags_.empty()) tags_.resize(std::bit_ceil(std::clamp<std::size_t>(most_pending, 1, 1024)) * 1024);
        const std::uint64_t h = hash_(flow);
        tags_[place_of(h)] = tag_of(h);
    }
    bool contains(const flow_key& flow) const noexcept
    {
        if (tags_.empty()) return false;
        const std::uint64_t h = hash_(flow);
        return tags_[place_of(h)] == tag_of(h);
    }

private:
    std::size_t place_of(std::uint64_t hash) const noexcept { return static_cast<std::size_t>(hash) & (tags_.size() - 1); }
    static std::uint16_t tag_of(std::uint64_t hash) noexcept { return static_cast<std::uint16_t>(hash >> 48 | 1); }

    flow_hash hash_;
    std::vector<std::uint16_t> tags_; ///< 0: empty
};

} // namespace tapio::core
