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
    return block(static_cast<std::byte*>(::operator new[](units* unit, cache_line)));
}

void route_index::put(std::uint32_t network, unsigned length, indexed_prefix p)
{
    if (unused_ > end_ / 3 + spare) compact();
    put_into(root_, 0, network, length, p);
}

/// Puts `p` in place of the prefix `network`/`length`, and of shorter ones; longer ones stay.
/// @param all  the results for the bits from `depth` on
void route_index::put_into(std::span<indexed_prefix> all, unsigned depth, std::uint32_t network, unsigned length,
                           indexed_prefix p)
{
    const unsigned end = depth + (depth == 0 ? root_bits : stride);
    indexed_prefix* const first = &all[network >> (32 - end) & (all.size() - 1)];
    if (length > end) {
        *first = put_below(*first, end, network, length, p);
        return;
    }
    if (depth != 0 && !p.is_longer_than(depth)) p = {}; // the node has it as `shorter`, or one above does
    for (indexed_prefix* each = first; each != first + (std::size_t{1} << (end - length)); ++each) {
        indexed_prefix& best = each->is_node() ? at(each->node())->shorter : *each;
        if (!best.is_longer_than(length)) best = p;
    }
}

/// @param old  a node for the bits from `depth` on, or what a new one is to have as `shorter`
/// @return what replaces it
indexed_prefix route_index::put_below(indexed_prefix old, unsigned depth, std::uint32_t network, unsigned length,
                                      indexed_prefix p)
{
    unpacked all;
    if (old.is_node())
        unpack(old.node(), all);
    else
        all.shorter = old;
    put_into(all.at, depth, network, length, p);
    return pack(old.is_node() ? old.node() : 0, all);
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

/// Stores a node. It replaces that at `place` (0: none). @return the node, or `shorter` if that is all it says
indexed_prefix route_index::pack(std::uint32_t place, const unpacked& from)
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
    if (is_empty) return from.shorter;
    std::copy_n(list.data(), size, (::new (at(place)) node(head))->list());
    return indexed_prefix::of_node(place);
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
    for (indexed_prefix& each : root_)
        if (each.is_node()) each = indexed_prefix::of_node(move_to(fresh.get(), end, each.node()));
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
