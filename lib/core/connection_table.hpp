/// @file
/// Finds the connection of a segment. An entry has 12 octets, hash and handle; the flow itself is stored with the connection.
#pragma once

#include "core/socket_types.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tapio::core {

/// A hash table of handles, with linear probing. The caller supplies the hash of the flow, and `same(tcp_id)`, which compares the
/// flow. The hash must be keyed: otherwise a peer could choose collisions that make every lookup slow.
class connection_table
{
public:
    template <class Same>
    tcp_id find(std::uint32_t hash, Same&& same) const
    {
        if (entries_.empty()) return {};
        for (std::size_t i = hash & mask(); entries_[i].id; i = (i + 1) & mask())
            if (entries_[i].hash == hash && same(entries_[i].id)) return entries_[i].id;
        return {};
    }

    /// Prefetches the slot where find() will begin.
    void prefetch(std::uint32_t hash) const noexcept
    {
        if (!entries_.empty()) __builtin_prefetch(&entries_[hash & mask()]);
    }
    /// The handle in the slot where find() would begin, if its hash is equal; else none.
    tcp_id first_of(std::uint32_t hash) const noexcept
    {
        if (entries_.empty()) return {};
        const entry& e = entries_[hash & mask()];
        return e.hash == hash ? e.id : tcp_id();
    }

    /// Precondition: the table has no connection of the same flow.
    void insert(std::uint32_t hash, tcp_id id)
    {
        if ((size_ + 1) * 4 > entries_.size() * 3) grow();
        place({hash, id});
        ++size_;
    }

    /// The connection has another handle from now on. Precondition: `from` is in the table.
    void rename(std::uint32_t hash, tcp_id from, tcp_id to) noexcept { entries_[locate(hash, from)].id = to; }

    /// @return false if `id` is not in the table
    bool erase(std::uint32_t hash, tcp_id id) noexcept
    {
        if (entries_.empty()) return false;
        std::size_t hole = locate(hash, id);
        if (!entries_[hole].id) return false;
        for (std::size_t i = (hole + 1) & mask(); entries_[i].id; i = (i + 1) & mask()) {
            const std::size_t home = entries_[i].hash & mask();
            if (((i - home) & mask()) < ((i - hole) & mask())) continue; // stays: its home is after the hole
            entries_[hole] = entries_[i];
            hole = i;
        }
        entries_[hole] = {};
        --size_;
        return true;
    }

    std::size_t size() const noexcept { return size_; }

private:
    struct entry
    {
        std::uint32_t hash = 0;
        tcp_id id; ///< none: the slot is free
    };

    std::size_t mask() const noexcept { return entries_.size() - 1; }
    std::size_t locate(std::uint32_t hash, tcp_id id) const noexcept ///< the slot of `id`, or a free one
    {
        std::size_t i = hash & mask();
        while (entries_[i].id && entries_[i].id != id) i = (i + 1) & mask();
        return i;
    }
    void place(const entry& e) noexcept
    {
        std::size_t i = e.hash & mask();
        while (entries_[i].id) i = (i + 1) & mask();
        entries_[i] = e;
    }
    void grow()
    {
        const std::vector<entry> old = std::exchange(entries_, std::vector<entry>(entries_.empty() ? 16 : 2 * entries_.size()));
        for (const entry& e : old)
            if (e.id) place(e);
    }

    std::vector<entry> entries_; ///< its size is 0 or a power of two
    std::size_t size_ = 0;
};

} // namespace tapio::core
