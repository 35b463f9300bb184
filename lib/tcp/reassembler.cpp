#include "tcp/reassembler.hpp"

#include <algorithm>

namespace tapio::core::tcp {

namespace {

constexpr std::size_t small_piece = 512; // octets

/// The slice would pin a much larger block, so it is worth a copy.
bool wastes(const slice& s) noexcept { return s.size() < small_piece || s.size() < s.held() / 8; }

} // namespace

bool reassembler::insert(std::uint64_t at, slice data)
{
    auto next = std::upper_bound(pieces_.begin(), pieces_.end(), at,
                                 [](std::uint64_t position, const piece& p) { return position < p.begin; });
    if (next != pieces_.begin()) {
        const std::uint64_t held_to = std::prev(next)->end();
        if (held_to > at) {
            const auto known = std::min<std::uint64_t>(held_to - at, data.size());
            data.remove_prefix(known);
            at += known;
        }
    }
    // Fill the gaps between the pieces already held.
    while (!data.empty()) {
        const std::uint64_t gap = next == pieces_.end() ? data.size() : next->begin - at;
        const auto n = std::min<std::uint64_t>(gap, data.size());
        if (n > 0) {
            if (pieces_.size() >= most_pieces_) return false;
            piece fresh{at, data.part(0, n)};
            if (wastes(fresh.data)) fresh.data = slice::copy_of(fresh.data.bytes());
            piece none{};
            piece& before = next == pieces_.begin() ? none : *std::prev(next);
            fresh.charge = charges_.add(fresh.data, before.data, before.charge);
            next = std::next(pieces_.insert(next, std::move(fresh)));
            octets_ += n;
            add_range(at, at + n);
        }
        if (next == pieces_.end()) break;
        const auto skip = std::min<std::uint64_t>(next->end() - at, data.size());
        data.remove_prefix(skip);
        at += skip;
        ++next;
    }
    return true;
}

void reassembler::add_range(std::uint64_t begin, std::uint64_t end)
{
    // From the first range that ends at or after `begin`, merge all that start at or before `end`.
    const auto first = std::partition_point(ranges_.begin(), ranges_.end(), [=](const stream_range& r) { return r.end < begin; });
    auto last = first;
    while (last != ranges_.end() && last->begin <= end) ++last;
    if (first == last) {
        ranges_.insert(first, {begin, end});
        return;
    }
    *first = {std::min(begin, first->begin), std::max(end, std::prev(last)->end)};
    ranges_.erase(std::next(first), last);
}

void reassembler::drop_ranges_before(std::uint64_t position)
{
    const auto first =
        std::partition_point(ranges_.begin(), ranges_.end(), [=](const stream_range& r) { return r.end <= position; });
    ranges_.erase(ranges_.begin(), first);
}

stream_range reassembler::first_held(std::uint64_t begin, std::uint64_t end) const noexcept
{
    const auto at = std::partition_point(ranges_.begin(), ranges_.end(), [=](const stream_range& r) { return r.end <= begin; });
    if (at == ranges_.end() || at->begin >= end) return {};
    return {std::max(begin, at->begin), std::min(end, at->end)};
}

const stream_range* reassembler::range_of(std::uint64_t position) const noexcept
{
    const auto at =
        std::partition_point(ranges_.begin(), ranges_.end(), [=](const stream_range& r) { return r.end <= position; });
    return at != ranges_.end() && at->begin <= position ? &*at : nullptr;
}

void reassembler::drop_front(std::size_t n)
{
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(n));
    if (pieces_.empty()) clear();
}

void reassembler::clear() noexcept
{
    std::vector<piece>().swap(pieces_); // `= {}` would keep their memory
    std::vector<stream_range>().swap(ranges_);
    octets_ = 0;
    charges_ = {};
}

} // namespace tapio::core::tcp
