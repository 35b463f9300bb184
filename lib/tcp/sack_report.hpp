/// @file
/// The SACK blocks that we send (RFC 2018 §4): first the range that received data last, then those reported before, the most
/// recent first; in front of them a D-SACK (RFC 2883 §4), at most one in each ACK.
#pragma once

#include "tcp/reassembler.hpp"
#include "tcp/segment.hpp"
#include "tcp/seq_number.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tapio::core::tcp {

class sack_report
{
public:
    void enable() noexcept { enabled_ = true; }
    bool enabled() const noexcept { return enabled_; }

    /// Out-of-order data arrived at stream position `at` and is in the reassembler.
    void came_early(std::uint64_t at, const reassembler& early) noexcept
    {
        const stream_range* const in = early.range_of(at);
        if (in == nullptr) return; // the reassembler refused it
        const auto before = std::exchange(recent_, {at});
        std::copy_if(before.begin(), before.end() - 1, recent_.begin() + 1, // one position per range
                     [&](std::uint64_t p) { return p < in->begin || p >= in->end; });
    }
    /// Duplicate data arrived: queues a D-SACK. When too many are queued, the newest are not reported.
    void came_twice(seq_number begin, seq_number end) noexcept
    {
        if (!enabled_) return;
        if (duplicates_.size() < duplicates_.capacity()) {
            duplicates_.push_back({begin, end});
        } else if (duplicates_.back().end == begin) {
            duplicates_.back().end = end;
        }
    }
    bool has_duplicates() const noexcept { return !duplicates_.empty(); }

    bool nothing_to_tell(const reassembler& early) const noexcept { return !enabled_ || (early.empty() && duplicates_.empty()); }
    /// Number of blocks that tell() would write, at most `most`.
    std::size_t blocks(const reassembler& early, std::size_t most) const noexcept
    {
        return nothing_to_tell(early) ? 0 : std::min(most, early.ranges().size() + (duplicates_.empty() ? 0U : 1U));
    }

    /// Appends the blocks for one ACK to `out`. @param next, nxt RCV.NXT as stream position and as sequence number
    void tell(sack_list& out, const reassembler& early, std::uint64_t next, seq_number nxt, std::size_t most) noexcept
    {
        if (!duplicates_.empty()) {
            if (most > 0) out.push_back(duplicates_.front());
            duplicates_.erase(duplicates_.begin());
        }
        const auto first = static_cast<std::ptrdiff_t>(out.size()); // a range equal to the D-SACK is still reported (RFC 2883 §4)
        const auto add = [&](const stream_range& r) {
            const sequence_range block{nxt + static_cast<std::uint32_t>(r.begin - next),
                                       nxt + static_cast<std::uint32_t>(r.end - next)};
            const auto same = [&](const sequence_range& b) { return b.begin == block.begin && b.end == block.end; };
            const bool told = std::find_if(out.begin() + first, out.end(), same) != out.end();
            if (out.size() < most && !told) out.push_back(block);
        };
        for (const std::uint64_t at : recent_)
            if (const stream_range* const r = early.range_of(at)) add(*r);
        for (const stream_range& r : early.ranges()) { // then ranges not reported recently
            if (out.size() >= most) break;
            add(r);
        }
    }

private:
    bool enabled_ = false;
    std::array<std::uint64_t, 4> recent_{}; ///< stream positions, newest first, one per range; stale ones lie in no range
    boost::container::static_vector<sequence_range, 4> duplicates_; ///< D-SACKs to send, one per ACK
};

} // namespace tapio::core::tcp
