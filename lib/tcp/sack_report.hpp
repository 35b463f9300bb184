/// @file
/// What the receiver tells in SACK blocks (RFC 2018 §4): the range that came last first, then those that it told before; and in
/// front of them what it got twice (RFC 2883 §4).
#pragma once

#include "tcp/reassembler.hpp"
#include "tcp/segment.hpp"
#include "tcp/seq_number.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

class sack_report
{
public:
    void enable() noexcept { enabled_ = true; }
    bool enabled() const noexcept { return enabled_; }

    /// Data came ahead of its turn, at this position of the stream.
    void came_early(std::uint64_t at) noexcept
    {
        const auto known = std::find(recent_.begin(), recent_.end(), at);
        std::move_backward(recent_.begin(), known == recent_.end() ? recent_.end() - 1 : known,
                           known == recent_.end() ? recent_.end() : known + 1);
        recent_.front() = at;
    }
    /// ... or again. Told once.
    void came_twice(seq_number begin, seq_number end) noexcept
    {
        if (enabled_) duplicate_ = sequence_range{begin, end};
    }

    bool nothing_to_tell(const reassembler& early) const noexcept { return !enabled_ || (early.empty() && !duplicate_); }
    /// How many blocks there are to tell, of `most`.
    std::size_t blocks(const reassembler& early, std::size_t most) const noexcept
    {
        return nothing_to_tell(early) ? 0 : std::min(most, early.ranges().size() + (duplicate_ ? 1U : 0U));
    }

    /// @param next, nxt the position of the stream that is next, and its sequence number
    void tell(sack_list& out, const reassembler& early, std::uint64_t next, seq_number nxt, std::size_t most) noexcept
    {
        if (duplicate_) out.push_back(*duplicate_);
        const auto first =
            static_cast<std::ptrdiff_t>(out.size()); // a range may look like the duplicate, and is told all the same
        duplicate_.reset();
        const auto add = [&](const stream_range& r) {
            const sequence_range block{nxt + static_cast<std::uint32_t>(r.begin - next),
                                       nxt + static_cast<std::uint32_t>(r.end - next)};
            const auto same = [&](const sequence_range& b) { return b.begin == block.begin && b.end == block.end; };
            const bool told = std::find_if(out.begin() + first, out.end(), same) != out.end();
            if (out.size() < most && !told) out.push_back(block);
        };
        for (const std::uint64_t at : recent_)
            if (const stream_range* const r = early.range_of(at)) add(*r);
        for (const stream_range& r : early.ranges()) { // what was not told lately
            if (out.size() >= most) break;
            add(r);
        }
    }

private:
    bool enabled_ = false;
    std::array<std::uint64_t, 4> recent_{}; ///< positions, the last first; stale ones lie in no range
    std::optional<sequence_range> duplicate_;
};

} // namespace tapio::core::tcp
