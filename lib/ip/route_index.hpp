/// @file
/// An index of the prefixes of a large IPv4 table: it gives the longest prefix of any address after about two cache misses, where
/// a walk of `prefix_trie` has four or more that wait for one another.
///
/// An array says for each value of the first 16 bits which prefix is the longest. If there are longer ones than 16 bits, it says
/// instead where a node is, which says the same of the next 8 bits; and so for the last 8 bits. A node does not store 256 results
/// but those that differ from the one before, and a bitmap of their places ("Small Forwarding Tables for Fast Routing Lookups",
/// Degermark et al. 1997). The best prefix that is shorter than the results of a node is stored once in it, so a change costs at
/// most the write of a prefix for each value of 16 bits that begins with it (65536 for a default route, mostly into nodes), or
/// two nodes that are unpacked and packed again (256 values).
///
/// All nodes lie in one block of memory. Freed ones are reused by size; when they have become a third of it, all are moved
/// together, which takes as long as copying the index.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tapio::core::ip {

/// The longest prefix of an address, in four octets: its length, and its value unless that is too large.
class indexed_prefix
{
public:
    constexpr indexed_prefix() = default; ///< none
    constexpr indexed_prefix(unsigned length, std::uint32_t value) noexcept
        : bits_((length + 1) << value_bits | (std::rotl(value, 1) < too_large ? std::rotl(value, 1) : too_large))
    {
    }

    constexpr bool exists() const noexcept { return bits_ != 0; }
    constexpr bool has_value() const noexcept { return (bits_ & too_large) != too_large; }
    constexpr unsigned length() const noexcept { return (bits_ >> value_bits) - 1; }           ///< bits; precondition: exists()
    constexpr std::uint32_t value() const noexcept { return std::rotr(bits_ & too_large, 1); } ///< precondition: has_value()

    friend constexpr bool operator==(indexed_prefix, indexed_prefix) = default;

private:
    friend class route_index;
    static constexpr unsigned value_bits = 26; ///< the highest bit of a value is kept as the lowest
    static constexpr std::uint32_t too_large = (1U << value_bits) - 1;
    static constexpr std::uint32_t node_mark = 63U << value_bits; ///< no prefix, but the place of a node

    constexpr bool is_node() const noexcept { return bits_ >= node_mark; }
    constexpr std::uint32_t node() const noexcept { return bits_ & too_large; }
    static constexpr indexed_prefix of_node(std::uint32_t place) noexcept
    {
        indexed_prefix out;
        out.bits_ = node_mark | place;
        return out;
    }
    constexpr bool is_longer_than(unsigned length) const noexcept
    {
        return bits_ >> value_bits > length + 1;
    } ///< longer than that

    std::uint32_t bits_ = 0;
};

class route_index
{
public:
    static constexpr std::size_t most_prefixes = std::size_t{1} << 22; ///< the places of nodes have 26 bits

    route_index() : root_(std::size_t{1} << root_bits) {}

    indexed_prefix find(std::uint32_t a) const noexcept
    {
        indexed_prefix found = root_[a >> (32 - root_bits)];
        if (!found.is_node()) return found;
        const node* n = at(found.node());
        n->prefetch();
        indexed_prefix shorter = n->shorter;
        found = n->result(a >> stride & (results - 1));
        if (found.is_node()) {
            n = at(found.node());
            n->prefetch();
            shorter = n->shorter.exists() ? n->shorter : shorter;
            found = n->result(a & (results - 1));
        }
        return found.exists() ? found : shorter; // a conditional move: a branch would be mispredicted, and wait for memory
    }

    /// A prefix is new or has another value. Bits of `network` beyond the prefix are zero, here and in erase().
    void set(std::uint32_t network, unsigned length, std::uint32_t value) { put(network, length, {length, value}); }
    /// A prefix is gone. `next`: the longest of the shorter prefixes of `network`
    void erase(std::uint32_t network, unsigned length, indexed_prefix next) { put(network, length, next); }

private:
    static constexpr unsigned root_bits = 16, stride = 8;
    static constexpr std::size_t results = std::size_t{1} << stride; ///< of a node
    static constexpr std::size_t unit = 16;                          ///< octets; nodes begin at multiples of it

    struct unpacked
    {
        indexed_prefix shorter;
        std::array<indexed_prefix, results> at{};
    };

    /// Followed in memory by the results without repetitions.
    struct node
    {
        indexed_prefix shorter;              ///< the best prefix of at most 16 bits; in nodes of the last 8 bits, of 17 to 24
        std::array<std::uint8_t, 4> before;  ///< bits set in the words before each
        std::array<std::uint64_t, 4> starts; ///< by value: the result differs from that of the value before; bit 0 is set

        indexed_prefix* list() noexcept { return reinterpret_cast<indexed_prefix*>(this + 1); }
        const indexed_prefix* list() const noexcept { return reinterpret_cast<const indexed_prefix*>(this + 1); }
        std::size_t size() const noexcept { return before[3] + ones(starts[3]); }
        indexed_prefix result(std::size_t value) const noexcept
        {
            const std::uint64_t up_to = ~std::uint64_t{0} >> (63 - value % 64);
            return list()[before[value / 64] + ones(starts[value / 64] & up_to) - 1];
        }
        /// Fetches the results while the bitmap, which says which of them is needed, is fetched.
        void prefetch() const noexcept
        {
            __builtin_prefetch(reinterpret_cast<const char*>(this) + 64);
            __builtin_prefetch(reinterpret_cast<const char*>(this) + 128);
        }
    };
    static_assert(sizeof(node) == 40);

    /// std::popcount, which is slow where the compiler may not use the processor's instruction (x86-64 without -mpopcnt).
    static constexpr unsigned ones(std::uint64_t m) noexcept
    {
        m -= m >> 1 & 0x5555'5555'5555'5555;
        m = (m & 0x3333'3333'3333'3333) + (m >> 2 & 0x3333'3333'3333'3333);
        m = (m + (m >> 4)) & 0x0f0f'0f0f'0f0f'0f0f;
        return static_cast<unsigned>(m * 0x0101'0101'0101'0101 >> 56);
    }
    static constexpr std::size_t units_for(std::size_t list_size) noexcept
    {
        return (sizeof(node) + list_size * sizeof(indexed_prefix) + unit - 1) / unit;
    }
    node* at(std::uint32_t place) const noexcept { return reinterpret_cast<node*>(memory_.get() + place * unit); }
    void put(std::uint32_t network, unsigned length, indexed_prefix p);
    void put_into(std::span<indexed_prefix> all, unsigned depth, std::uint32_t network, unsigned length, indexed_prefix p);
    indexed_prefix put_below(indexed_prefix old, unsigned depth, std::uint32_t network, unsigned length, indexed_prefix p);
    void unpack(std::uint32_t place, unpacked& out) const noexcept;
    indexed_prefix pack(std::uint32_t place, const unpacked& from);
    std::uint32_t allocate(std::size_t units);
    void release(std::uint32_t place, std::size_t units) noexcept;
    void grow(std::size_t units);
    void compact();
    std::uint32_t move_to(std::byte* memory, std::uint32_t& end, std::uint32_t place) const noexcept;

    struct deleter
    {
        void operator()(std::byte* memory) const noexcept;
    };
    using block = std::unique_ptr<std::byte[], deleter>;
    static block new_block(std::size_t units);

    std::vector<indexed_prefix> root_; ///< by the first 16 bits
    block memory_;
    std::size_t capacity_ = 0;             ///< units, as all below
    std::uint32_t end_ = 1;                ///< units that have been handed out; place 0 means "no node"
    std::size_t unused_ = 0;               ///< freed below `end_`
    std::array<std::uint32_t, 68> free_{}; ///< by size: the first of a chain of freed nodes; 0: none
};

} // namespace tapio::core::ip
