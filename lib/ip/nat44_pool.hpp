/// @file
/// Entries of nat44_table, each found by a key of 96 bits in constant expected time, whatever keys peers choose.
#pragma once

#include "base/siphash.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace tapio::core::ip {

struct nat44_key
{
    std::uint64_t first = 0;
    std::uint32_t last = 0;
    friend bool operator==(const nat44_key&, const nat44_key&) = default;
};

/// Base class of an entry.
template <class Entry>
struct nat44_pooled
{
    nat44_key key{};
    std::uint32_t number = 0; ///< differs from those of all other entries
    Entry* next = nullptr;    ///< with the same hash; or the next unused one
};

/// A hash table of up to `most` entries, which keep their addresses. The array of buckets never grows, so that no call takes
/// long.
template <class Entry>
class nat44_pool
{
public:
    nat44_pool(std::size_t most, const siphash_key& key)
        : key_(key), most_(most), buckets_(std::min(std::bit_ceil(most), most_buckets), nullptr)
    {
    }
    nat44_pool(const nat44_pool&) = delete;
    nat44_pool& operator=(const nat44_pool&) = delete;

    std::size_t size() const noexcept { return size_; }
    bool full() const noexcept { return size_ >= most_; }

    Entry* find(const nat44_key& k) const noexcept
    {
        Entry* e = buckets_[bucket_of(k)];
        while (e != nullptr && !(e->key == k)) e = e->next;
        return e;
    }

    /// A new entry, default-constructed but for its key. Precondition: no entry has the key, and the pool is not full.
    Entry& add(const nat44_key& k)
    {
        Entry*& bucket = buckets_[bucket_of(k)];
        Entry& e = unused();
        e.key = k;
        e.next = bucket;
        bucket = &e;
        ++size_;
        return e;
    }

    void erase(Entry& e) noexcept
    {
        Entry** at = &buckets_[bucket_of(e.key)];
        while (*at != &e) at = &(*at)->next;
        *at = e.next;
        e.next = unused_;
        unused_ = &e;
        --size_;
    }

    template <class F>
    void for_each(F&& f) const
    {
        for (Entry* e : buckets_)
            for (; e != nullptr; e = e->next) f(*e);
    }

private:
    static constexpr std::size_t most_buckets = std::size_t{1} << 20;

    std::size_t bucket_of(const nat44_key& k) const noexcept
    {
        return siphash_1_3(key_, k.first, k.last) & (buckets_.size() - 1);
    }

    Entry& unused()
    {
        if (unused_ == nullptr) {
            Entry& e = entries_.emplace_back();
            e.number = static_cast<std::uint32_t>(entries_.size());
            return e;
        }
        Entry& e = *unused_;
        unused_ = e.next;
        const std::uint32_t number = e.number;
        e = Entry();
        e.number = number;
        return e;
    }

    siphash_key key_;
    std::size_t most_, size_ = 0;
    std::vector<Entry*> buckets_; ///< a power of two
    std::deque<Entry> entries_;   ///< used and unused
    Entry* unused_ = nullptr;
};

} // namespace tapio::core::ip
