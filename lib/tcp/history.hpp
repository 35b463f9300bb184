/// @file
/// A connection's counters for tcp_info. Counters of losses and the like are allocated at the first such event, so that an idle
/// connection takes less than 1 KiB.
#pragma once

#include <cstdint>
#include <memory>

namespace tapio::core::tcp {

/// Segments on the wire (each GSO segment counts as several); the counters wrap at 2^32.
struct segment_counts
{
    std::uint32_t sent = 0, received = 0;           ///< all
    std::uint32_t data_sent = 0, data_received = 0; ///< with data
};

struct mishap_counts
{
    std::uint64_t octets_retransmitted = 0; ///< of the user's data
    std::uint32_t retransmissions = 0;      ///< segments
    std::uint32_t data_retransmissions = 0; ///< of these, segments with data
    std::uint32_t timeouts = 0, timeout_recoveries = 0;
    std::uint32_t reorderings = 0;
    std::uint32_t duplicates_told = 0;
    std::uint32_t out_of_order_received = 0; ///< segments
    std::uint32_t delivered_ce = 0;          ///< segments
};

class mishaps
{
public:
    /// The counters, to be incremented; allocates them if need be.
    mishap_counts& add()
    {
        if (!counts_) counts_ = std::make_unique<mishap_counts>();
        return *counts_;
    }
    mishap_counts so_far() const noexcept { return counts_ ? *counts_ : mishap_counts(); }

private:
    std::unique_ptr<mishap_counts> counts_;
};

} // namespace tapio::core::tcp
