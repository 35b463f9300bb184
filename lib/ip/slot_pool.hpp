/// @file
/// Objects with small numbers, which stay the same while the object exists and are reused after it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace tapio::core::ip {

template <class T>
class slot_pool
{
public:
    std::uint32_t add(T object)
    {
        if (free_.empty()) {
            slots_.push_back(std::move(object));
            free_.reserve(slots_.capacity()); // so that erase() cannot fail
            return static_cast<std::uint32_t>(slots_.size() - 1);
        }
        const std::uint32_t index = free_.back();
        slots_[index] = std::move(object);
        free_.pop_back();
        return index;
    }
    void erase(std::uint32_t index) noexcept
    {
        slots_[index] = T();
        free_.push_back(index);
    }
    T& operator[](std::uint32_t index) noexcept { return slots_[index]; }
    const T& operator[](std::uint32_t index) const noexcept { return slots_[index]; }

private:
    std::vector<T> slots_;
    std::vector<std::uint32_t> free_; ///< indices of unused slots
};

} // namespace tapio::core::ip
