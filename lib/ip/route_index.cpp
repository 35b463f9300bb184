#include "ip/route_index.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace tapio::core::ip {

namespace {

constexpr std::align_val_t cache_line{64};
constexpr std::size_t spare = 4096; ///< units: below that, unused memory is not worth a move of all nodes

} // namespace

void route_index::deleter::operator()(std::byte* memory) const noexcept { ::operator delete[](memory, cache_line); }

route_index::block route_index::new_block(std::size_t units)
{
    return block(static_cast<std::byte*>(::operator new[](units * unit, cache_line)));
}

/// Longer prefixes than `length` stay. Those that do not are the prefix itself, or shorter ones.
void route_index::replace(indexed_prefix& old, unsigned length, indexed_prefix by) noexcept
{
    if (!old.is_longer_than(length)) old = by;
}

void route_index::put(std::uint32_t network, unsigned length, indexed_prefix p)
{
    if (unused_ > end_ / 3 + spare) compact();
    entry& e = entries_[network >> (32 - root_bits)];
    if (length <= root_bits) {
        const std::size_t count = std::size_t{1} << (root_bits - length);
        std::for_each(&e, &e + count, [&](entry& each) { replace(each.best, length, p); });
    } else {
        indexed_prefix none;
        e.node = put_below(e.node, root_bits, network, length, p, none);
    }
}

/// Changes the results of the node for the bits from `depth` on. `shorter`: what the node is to store as that, or has stored
/// @return its new place; 0: it had no results any more, and has been freed
std::uint32_t route_index::put_below(std::uint32_t place, unsigned depth, std::uint32_t network, unsigned length,
                                     indexed_prefix p, indexed_prefix& shorter)
{
    unpacked all;
    all.shorter = shorter;
    if (place != 0) unpack(place, all);
    shorter = all.shorter;
    const std::size_t first = network >> (32 - depth - stride) & (results - 1);
    if (length > depth + stride) {
        indexed_prefix& only = all.at[first];
        indexed_prefix here = only.is_node() ? indexed_prefix() : only;
        const std::uint32_t below = put_below(only.is_node() ? only.node() : 0, depth + stride, network, length, p, here);
        only = below == 0 ? here : indexed_prefix::of_node(below);
        return pack(place, all);
    }
    if (!p.is_longer_than(depth)) p = {}; // the entry, or the node above, has it
    const std::size_t count = std::size_t{1} << (depth + stride - length);
    for (std::size_t i = first; i < first + count; ++i)
        replace(all.at[i].is_node() ? at(all.at[i].node())->shorter : all.at[i], length, p);
    return pack(place, all);
}

void route_index::unpack(std::uint32_t place, unpacked& out) const noexcept
{
    const node& n = *at(place);
    out.shorter = n.shorter;
    const indexed_prefix* next = n.list();
    for (std::size_t value = 0; value < results; ++value) {
        next += n.starts[value / 64] >> (value % 64) & 1;
        out.at[value] = next[-1];
    }
}

/// Stores a node. It replaces that at `place` (0: none). @return its place; 0: it has no results
std::uint32_t route_index::pack(std::uint32_t place, const unpacked& from)
{
    std::array<indexed_prefix, results> list;
    node head{from.shorter, {}, {}};
    std::size_t size = 0;
    for (std::size_t value = 0; value < results; ++value) {
        if (value % 64 == 0) head.before[value / 64] = static_cast<std::uint8_t>(size);
        if (value != 0 && from.at[value] == from.at[value - 1]) continue;
        head.starts[value / 64] |= std::uint64_t{1} << (value % 64);
        list[size++] = from.at[value];
    }
    const bool is_empty = size == 1 && !list[0].exists();
    const std::size_t units = is_empty ? 0 : units_for(size), old = place == 0 ? 0 : units_for(at(place)->size());
    if (units != old) {
        const std::uint32_t fresh = is_empty ? 0 : allocate(units);
        if (place != 0) release(place, old);
        place = fresh;
    }
    if (!is_empty) std::copy_n(list.data(), size, (::new (at(place)) node(head))->list());
    return place;
}

std::uint32_t route_index::allocate(std::size_t units)
{
    if (const std::uint32_t place = free_[units]; place != 0) {
        std::memcpy(&free_[units], at(place), sizeof free_[units]);
        unused_ -= units;
        return place;
    }
    if (end_ + units > capacity_) grow(end_ + units);
    const std::uint32_t place = end_;
    end_ += static_cast<std::uint32_t>(units);
    return place;
}

void route_index::release(std::uint32_t place, std::size_t units) noexcept
{
    std::memcpy(static_cast<void*>(at(place)), &free_[units], sizeof free_[units]);
    free_[units] = place;
    unused_ += units;
}

void route_index::grow(std::size_t units)
{
    const std::size_t capacity = units + units / 4 + 64;
    block fresh = new_block(capacity);
    if (memory_) std::memcpy(fresh.get(), memory_.get(), end_ * unit);
    memory_ = std::move(fresh);
    capacity_ = capacity;
}

/// Moves all nodes together, in the order of their prefixes.
void route_index::compact()
{
    const std::size_t used = end_ - unused_, capacity = used + used / 4 + 64;
    block fresh = new_block(capacity);
    std::uint32_t end = 1;
    for (entry& e : entries_)
        if (e.node != 0) e.node = move_to(fresh.get(), end, e.node);
    memory_ = std::move(fresh);
    capacity_ = capacity;
    end_ = end;
    unused_ = 0;
    free_.fill(0);
}

/// Copies the node at `place`, and the nodes below it, to the end of `memory`. @return its new place
std::uint32_t route_index::move_to(std::byte* memory, std::uint32_t& end, std::uint32_t place) const noexcept
{
    const std::size_t size = at(place)->size(), units = units_for(size);
    const std::uint32_t to = end;
    std::memcpy(memory + to * unit, at(place), sizeof(node) + size * sizeof(indexed_prefix));
    end += static_cast<std::uint32_t>(units);
    indexed_prefix* const list = reinterpret_cast<node*>(memory + to * unit)->list();
    for (std::size_t i = 0; i < size; ++i) // recurses once
        if (list[i].is_node()) list[i] = indexed_prefix::of_node(move_to(memory, end, list[i].node()));
    return to;
}

} // namespace tapio::core::ip
