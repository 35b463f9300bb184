/// @file
/// Data that came before its turn (RFC 9293 §3.10.7.4 step 7; RFC 9293 SHLD-31 says to keep it).
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

/// Positions are octets of the stream (64 bits, no wrap). Pieces are kept sorted and disjoint; what arrived first stays.
/// Bounded by the receive window in octets, and in number: at the bound the piece is refused. Pieces that are small beside the
/// blocks that they came in are copied out of them, so that a peer's one-octet segments cannot pin a large block each.
class reassembler
{
public:
    static constexpr std::size_t least_bound = 2048; ///< pieces

    /// @param octets the window: a piece for each 256 of them is enough for any honest peer
    void set_window(std::uint32_t octets) noexcept { most_pieces_ = std::max<std::size_t>(octets / 256, least_bound); }

    /// Keeps what is new of [at, at + data.size()). False when the bound on pieces refused some of it.
    bool insert(std::uint64_t at, slice data);

    /// Hands `f(slice)` every octet that is next in turn from `position` on, in order, and forgets it.
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
    const stream_range* range_of(std::uint64_t position) const noexcept; ///< null if it lies in none
    /// The first part of [begin, end) that is held; an empty one if nothing of it is.
    stream_range first_held(std::uint64_t begin, std::uint64_t end) const noexcept;
    /// Octets of memory.
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
        std::size_t charge = 0; ///< octets of memory
        std::uint64_t end() const noexcept { return begin + data.size(); }
    };

    void drop_front(std::size_t n);
    void drop_ranges_before(std::uint64_t position);
    void add_range(std::uint64_t begin, std::uint64_t end);

    std::vector<piece> pieces_;
    std::vector<stream_range> ranges_; ///< sorted; they do not touch
    std::size_t octets_ = 0;
    slice_charges charges_;
    std::size_t most_pieces_ = least_bound;
};

} // namespace tapio::core::tcp
