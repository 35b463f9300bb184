/// @file
/// A map from prefixes to numbers, in which the longest prefix of an address is found fast: a trie that consumes six bits per
/// level, as "Tree Bitmap" (Eatherton, Varghese, Dittia 2004), and skips levels that have nothing to decide, as a Patricia trie.
///
/// A node at depth d (a multiple of 6) holds the prefixes of d+1 to d+6 bits that begin with its key, in a bitmap of positions:
/// the prefix that adds the bits "101" has the position 0b1101, that is, a 1 and the bits. As in a heap, the shorter prefixes of
/// position p are p/2, p/4, ... 1. A second bitmap says for which values of the next six bits there is a child. Children and
/// values follow the node in memory, without gaps: the place of each is the number of bits in the bitmap before its own. So a
/// lookup in a table that is larger than the caches waits for memory about once.
///
/// Each node but the root has a value, or two children, so n prefixes make at most 2n nodes, of about 64 octets. A walk visits at
/// most 6 nodes for IPv4, and 22 for IPv6. An insertion or removal copies one or two nodes, at most 1.1 KiB each.
#pragma once

#include "ip/address_bits.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tapio::core::ip {

/// @tparam Bits  an address: `std::uint32_t` (IPv4) or `address_bits`
template <class Bits>
class prefix_trie
{
public:
    using value = std::uint32_t;

    prefix_trie() : root_(new_node({}, 0)) {}
    prefix_trie(const prefix_trie&) = delete;
    prefix_trie& operator=(const prefix_trie&) = delete;
    ~prefix_trie() { destroy(root_); }

    /// The value of exactly this prefix, valid until the next insert() or erase(); null: none. Bits beyond `length` are ignored.
    value* find(const Bits& network, unsigned length) noexcept;
    /// Precondition: the prefix has no value.
    void insert(const Bits& network, unsigned length, value v);
    /// Precondition: the prefix has a value.
    void erase(const Bits& network, unsigned length);

    /// Calls `visit(prefix length, value)` for all prefixes of `a`, the longest first, until it returns true.
    template <class Visit>
    void find_each(const Bits& a, Visit&& visit) const
    {
        std::array<const node*, most_depths> path; // filled as far as it is read
        std::size_t levels = 0;
        for (const node* n = root_; n != nullptr; n = n->child_towards(a)) path[levels++] = n;
        while (levels-- > 0) {
            const node& n = *path[levels];
            for (unsigned at = n.longest(first_leaf | bits_at(a, n.depth)); at != 0; at = n.longest(at >> 1))
                if (visit(n.length_of(at), n.values()[n.rank(at)])) return;
        }
    }

    /// Calls `visit(network, prefix length, value&)` for all prefixes; those of equal length are visited in ascending order.
    template <class Visit>
    void for_each(Visit&& visit)
    {
        for_each(*root_, visit);
    }
    template <class Visit>
    void for_each(Visit&& visit) const
    {
        for_each(std::as_const(*root_), visit);
    }

private:
    using bitmap = std::uint64_t;
    static constexpr unsigned stride = 6;                                         ///< bits
    static constexpr std::size_t most_depths = (width_of<Bits> - 1) / stride + 1; ///< 0, 6, ...
    static constexpr unsigned first_leaf = 1U << stride; ///< the first position of a prefix of `stride` bits

    /// For each position below `first_leaf`: the position itself and its shorter prefixes.
    static constexpr auto with_shorter = [] {
        std::array<bitmap, first_leaf> out{};
        for (unsigned at = 1; at < first_leaf; ++at) out[at] = out[at >> 1] | bitmap{1} << at;
        return out;
    }();

    /// std::popcount, which is slow where the compiler may not use the processor's instruction (x86-64 without -mpopcnt).
    static constexpr unsigned ones(bitmap m) noexcept
    {
        m -= m >> 1 & 0x5555'5555'5555'5555;
        m = (m & 0x3333'3333'3333'3333) + (m >> 2 & 0x3333'3333'3333'3333);
        m = (m + (m >> 4)) & 0x0f0f'0f0f'0f0f'0f0f;
        return static_cast<unsigned>(m * 0x0101'0101'0101'0101 >> 56);
    }
    static constexpr unsigned ones_below(bitmap m, unsigned at) noexcept { return ones(m & ((bitmap{1} << at) - 1)); } // at < 64

    /// Followed in memory by `child_count` pointers and `value_count` values.
    struct node
    {
        std::array<bitmap, 2> prefixes{}; ///< by position
        bitmap branches = 0;              ///< by the next six bits
        Bits key{};                       ///< the first `depth` bits of all prefixes here and below; others are zero
        std::uint8_t depth = 0;           ///< bits
        std::uint8_t child_count = 0;     ///< at most 64
        std::uint8_t value_count = 0;     ///< at most 127

        node** children() noexcept { return reinterpret_cast<node**>(this + 1); }
        node* const* children() const noexcept { return reinterpret_cast<node* const*>(this + 1); }
        value* values() noexcept { return reinterpret_cast<value*>(children() + child_count); }
        const value* values() const noexcept { return reinterpret_cast<const value*>(children() + child_count); }

        bool has(unsigned at) const noexcept { return (prefixes[at / 64] >> (at % 64) & 1) != 0; }
        bool has_child(unsigned next) const noexcept { return (branches >> next & 1) != 0; }
        unsigned rank(unsigned at) const noexcept ///< place among the values
        {
            const bitmap in_second = 0 - bitmap{at / 64}; // all ones or zero: no branch, because it would be hard to predict
            const bitmap below = (bitmap{1} << (at % 64)) - 1;
            return ones(prefixes[0] & (below | in_second)) + ones(prefixes[1] & (below & in_second));
        }
        /// The longest prefix that has a value, among that at this position and its shorter ones; 0: none. No branches, as above.
        unsigned longest(unsigned at) const noexcept
        {
            const unsigned is_leaf = at / first_leaf;
            const bitmap matching = (prefixes[0] & with_shorter[at >> is_leaf]) | 1; // no prefix has position 0
            const unsigned shorter = static_cast<unsigned>(std::bit_width(matching)) - 1;
            const unsigned has_leaf = static_cast<unsigned>(prefixes[1] >> (at % 64)) & is_leaf;
            return shorter ^ ((shorter ^ at) & (0 - has_leaf));
        }
        /// The child whose key `a` begins with; null: none.
        const node* child_towards(const Bits& a) const noexcept
        {
            const unsigned next = bits_at(a, depth);
            if (!has_child(next)) return nullptr;
            const node* const child = children()[ones_below(branches, next)];
            return begins_with(a, child->key, child->depth) ? child : nullptr;
        }

        unsigned length_of(unsigned at) const noexcept { return depth + static_cast<unsigned>(std::bit_width(at)) - 1; }
        Bits network_of(unsigned at) const noexcept
        {
            const unsigned added = length_of(at) - depth; // bits
            return key | (leading_bits<Bits>(at << (stride - added)) >> depth);
        }
        unsigned position_of(const Bits& network, unsigned length) const noexcept
        {
            return (first_leaf | bits_at(network, depth)) >> (stride - (length - depth));
        }
    };
    static_assert(sizeof(node) == (sizeof(Bits) == 4 ? 32 : 48));

    template <class Node, class Visit>
    static void for_each(Node& n, Visit& visit) // recurses at most `most_depths` deep
    {
        unsigned rank = 0;
        for (unsigned half = 0; half < 2; ++half)
            for (bitmap left = n.prefixes[half]; left != 0; left &= left - 1) {
                const unsigned at = 64 * half + static_cast<unsigned>(std::countr_zero(left));
                visit(n.network_of(at), n.length_of(at), n.values()[rank++]);
            }
        for (unsigned i = 0; i < n.child_count; ++i) for_each<Node>(*n.children()[i], visit);
    }

    static constexpr unsigned depth_of(unsigned length) noexcept { return length == 0 ? 0 : (length - 1) / stride * stride; }
    static node* allocate(const node& head, unsigned child_count, unsigned value_count);
    static void release(node* n) noexcept;
    static void destroy(node* n) noexcept;
    static node* new_node(const Bits& network, unsigned depth);
    static void add_value(node*& n, unsigned at, value v);
    static void remove_value(node*& n, unsigned at);
    static node*& add_child(node*& n, node* child);
    static void remove_child(node*& n, const Bits& towards);
    static node*& split(node*& child, const Bits& network, unsigned depth);
    static void contract(node*& n) noexcept;
    node*& make_node(const Bits& network, unsigned depth);

    node* root_; ///< at depth 0; also has the prefix of no bits
};

extern template class prefix_trie<std::uint32_t>;
extern template class prefix_trie<address_bits>;

} // namespace tapio::core::ip
