/// @file
/// Values in slots that stay where they are, named by index and generation.
#pragma once

#include "core/socket_types.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace tapio::core {

/// O(1) insert, find and erase. References stay valid until the value is erased.
template <class T, class Tag>
class slab
{
public:
    using id = handle<Tag>;

    id insert()
    {
        if (free_.empty()) {
            free_.push_back(static_cast<std::uint32_t>(slots_.size()));
            slots_.emplace_back();
        }
        const std::uint32_t index = free_.back();
        free_.pop_back();
        slots_[index].value.emplace();
        return {index, slots_[index].generation};
    }

    T* find(id i) noexcept
    {
        if (i.index >= slots_.size()) return nullptr;
        slot& s = slots_[i.index];
        return s.generation == i.generation && s.value ? &*s.value : nullptr;
    }
    const T* find(id i) const noexcept { return const_cast<slab*>(this)->find(i); }

    void erase(id i)
    {
        if (find(i) == nullptr) return;
        slots_[i.index].value.reset();
        ++slots_[i.index].generation;
        free_.push_back(i.index);
    }

    /// Calls `f(id, T&)` for every value, by index.
    template <class F>
    void for_each(F&& f)
    {
        for (std::uint32_t n = 0; n < slots_.size(); ++n)
            if (slots_[n].value) f(id{n, slots_[n].generation}, *slots_[n].value);
    }

    std::size_t size() const noexcept { return slots_.size() - free_.size(); }

private:
    struct slot
    {
        std::uint32_t generation = 0;
        std::optional<T> value;
    };

    std::deque<slot> slots_;
    std::vector<std::uint32_t> free_;
};

} // namespace tapio::core
