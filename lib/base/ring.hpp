/// @file
/// A queue in one piece of memory, which is kept until clear(): in the steady state the queue does not allocate.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace tapio::core {

/// `T` is default constructible and movable. Removed elements are not destroyed: take_front() leaves the slot moved-from,
/// pop_front() leaves it as it is, until it is used again.
template <class T>
class ring
{
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    T& front() noexcept { return slots_[first_]; }
    const T& front() const noexcept { return slots_[first_]; }
    T& operator[](std::size_t n) noexcept { return slots_[(first_ + n) & (slots_.size() - 1)]; } ///< precondition: n < size()

    void push_back(T&& value) { push_back() = std::move(value); }
    /// Appends a slot for the caller to fill: it holds an old value.
    T& push_back()
    {
        if (size_ == slots_.size()) grow();
        return slots_[(first_ + size_++) & (slots_.size() - 1)];
    }
    /// Precondition of the following three: not empty.
    void pop_front() noexcept
    {
        first_ = (first_ + 1) & (slots_.size() - 1);
        --size_;
    }
    void take_front(T& out)
    {
        out = std::move(slots_[first_]);
        pop_front();
    }
    T take_front()
    {
        T out;
        take_front(out);
        return out;
    }
    void clear() { *this = ring(); }

private:
    void grow()
    {
        std::vector<T> larger(slots_.empty() ? 8 : 2 * slots_.size()); // a power of two
        for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(slots_[(first_ + i) & (slots_.size() - 1)]);
        slots_ = std::move(larger);
        first_ = 0;
    }

    std::vector<T> slots_;
    std::size_t first_ = 0, size_ = 0;
};

} // namespace tapio::core
