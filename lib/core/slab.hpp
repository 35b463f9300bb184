/// @file
/// Values in slots that never move. A handle is the slot's index and generation, so that a stale handle is recognised.
#pragma once

#include "core/socket_types.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace tapio::core {

/// O(1) insert, find and erase. References stay valid until the value is erased.
template <class T>
class slab
{
public:
    using id = socket_id;

    id insert()
    {
        if (free_.empty()) {
            if (slots_ % page_size == 0) pages_.push_back(std::make_unique<page>());
            free_.push_back(slots_++);
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        slot& s = at(index);
        s.value.emplace();
        return {index, s.generation};
    }

    T* find(id i) noexcept
    {
        if (i.index >= slots_) return nullptr;
        slot& s = at(i.index);
        return s.generation == i.generation ? &*s.value : nullptr; // a free slot's generation was never handed out
    }
    const T* find(id i) const noexcept { return const_cast<slab*>(this)->find(i); }

    void erase(id i)
    {
        if (find(i) == nullptr) return;
        slot& s = at(i.index);
        s.value.reset();
        ++s.generation;
        free_.push_back(i.index);
    }

    /// Calls `f(id, T&)` for every value, by index.
    template <class F>
    void for_each(F&& f)
    {
        for (std::uint32_t n = 0; n < slots_; ++n)
            if (slot& s = at(n); s.value) f(id{n, s.generation}, *s.value);
    }

    template <class F>
    void for_each(F&& f) const
    {
        const_cast<slab*>(this)->for_each([&f](id i, const T& value) { f(i, value); });
    }

    std::size_t size() const noexcept { return slots_ - free_.size(); }

private:
    struct slot
    {
        std::uint32_t generation = 0;
        std::optional<T> value;
    };

    static constexpr std::uint32_t page_size = 64; // slots
    using page = std::array<slot, page_size>;

    slot& at(std::uint32_t index) noexcept { return (*pages_[index / page_size])[index % page_size]; }

    std::vector<std::unique_ptr<page>> pages_; ///< pages never move
    std::uint32_t slots_ = 0;
    std::vector<std::uint32_t> free_;
};

} // namespace tapio::core
