/// @file
/// Out-of-order data (RFC 9293 §3.10.7.4 step 7; SHLD-31 says to keep it).
#pragma once

#include "tcp/memory_budget.hpp"

#include <tapio/core/slice.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tapio::core::tcp {

/// Octets [begin, end) of the stream.
struct stream_range
{
    std::uint64_t begin = 0, end = 0;
};

/// Positions are octets of the stream (64 bits, no wrap). Pieces are sorted and disjoint; where data overlaps, the octets that
/// arrived first are kept. Bounded in octets by the receive window, and in number: further pieces are refused. Pieces much
/// smaller than their block are copied, so that a peer's one-octet segments cannot pin a large block each.
class reassembler
{
public:
    static constexpr std::size_t least_bound = 2048; ///< pieces

    /// @param octets the window; one piece for each 256 octets of it is enough for a legitimate peer
    void set_window(std::uint32_t octets) noexcept { most_pieces_ = std::max<std::size_t>(octets / 256, least_bound); }

    /// Keeps the octets of [at, at + data.size()) that are not held yet. @return false: some were refused, at the bound on pieces
    bool insert(std::uint64_t at, slice data);

    /// Removes the data that is contiguous from `position` on, and passes it to `f(slice)`, in order.
    template <class F>
    void drain(std::uint64_t position, F&& f)
    {
        std::size_t spent = 0;
        for (; spent < pieces_.size() && pieces_[spent].begin <= position; ++spent) {
            piece& p = pieces_[spent];
            octets_ -= p.data.size();
            charges_.remove(p.charge);
            if (p.end() <= position) continue;
            p.data.remove_prefix(position - p.begin);
            position += p.data.size();
            f(std::move(p.data));
        }
        drop_front(spent);
        drop_ranges_before(position);
    }

    bool empty() const noexcept { return pieces_.empty(); }
    std::size_t size() const noexcept { return octets_; } ///< octets held

    /// The contiguous ranges held, in order: the SACK blocks of RFC 2018.
    const std::vector<stream_range>& ranges() const noexcept { return ranges_; }
    const stream_range* range_of(std::uint64_t position) const noexcept; ///< null: `position` lies in no range
    /// The first part of [begin, end) that is held; empty if none is.
    stream_range first_held(std::uint64_t begin, std::uint64_t end) const noexcept;
    /// Octets of memory in use.
    std::size_t held() const noexcept
    {
        return charges_.total() + pieces_.capacity() * sizeof(piece) + ranges_.capacity() * sizeof(stream_range);
    }

    void clear() noexcept;

private:
    struct piece
    {
        std::uint64_t begin;
        slice data;
        std::size_t charge = 0; ///< octets of memory, see slice_charges
        std::uint64_t end() const noexcept { return begin + data.size(); }
    };

    void drop_front(std::size_t n);
    void drop_ranges_before(std::uint64_t position);
    void add_range(std::uint64_t begin, std::uint64_t end);

    std::vector<piece> pieces_;
    std::vector<stream_range> ranges_; ///< sorted, not adjacent
    std::size_t octets_ = 0;
    slice_charges charges_;
    std::size_t most_pieces_ = least_bound;
};

} // namespace tapio::core::tcp
