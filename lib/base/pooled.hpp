/// @file
/// Reuse of memory for a large type whose objects are often created and destroyed.
#pragma once

#include "base/poison.hpp"

#include <array>
#include <cstddef>
#include <new>

namespace tapio::core {

namespace detail {

/// Memory for single objects of type T, kept per thread after their destruction.
template <class T, std::size_t most>
class kept_memory
{
public:
    static void* take()
    {
        void* const again = ended ? nullptr : kept.take();
        return again != nullptr ? again : ::operator new(sizeof(T));
    }
    static void give_back(void* memory) noexcept
    {
        if (ended || !kept.keep(memory)) ::operator delete(memory);
    }

private:
    class store
    {
    public:
        ~store()
        {
            while (void* const p = take()) ::operator delete(p);
            ended = true;
        }

        void* take() noexcept
        {
            if (count_ == 0) return nullptr;
            void* const memory = places_[--count_];
            unpoison(memory, sizeof(T));
            return memory;
        }
        bool keep(void* memory) noexcept
        {
            static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
            if (count_ == most) return false;
            poison(memory, sizeof(T));
            places_[count_++] = memory;
            return true;
        }

    private:
        std::array<void*, most> places_;
        std::size_t count_ = 0;
    };

    static inline thread_local bool ended = false; ///< the thread is ending: `kept` is destroyed
    static inline thread_local store kept;
};

} // namespace detail

/// Base class `T : pooled<T>`: `new T` reuses the memory of a T that was deleted on the same thread. Each thread keeps memory for
/// up to `most` objects, which the address sanitizer treats as freed. Thread safety: as for any new and delete.
template <class T, std::size_t most = 64>
class pooled
{
public:
    static void* operator new(std::size_t size)
    {
        return size == sizeof(T) ? detail::kept_memory<T, most>::take() : ::operator new(size);
    }
    static void operator delete(void* memory, std::size_t size) noexcept
    {
        size == sizeof(T) ? detail::kept_memory<T, most>::give_back(memory) : ::operator delete(memory);
    }

protected:
    pooled() = default;
    pooled(const pooled&) = default;
    pooled& operator=(const pooled&) = default;
    ~pooled() = default;
};

/// The same as an allocator, for std::allocate_shared().
template <class T>
struct pooling_allocator
{
    using value_type = T;

    pooling_allocator() = default;
    template <class U>
    pooling_allocator(const pooling_allocator<U>&) noexcept
    {
    }

    T* allocate(std::size_t n)
    {
        return static_cast<T*>(n == 1 ? detail::kept_memory<T, most>::take() : ::operator new(n * sizeof(T)));
    }
    void deallocate(T* memory, std::size_t n) noexcept
    {
        n == 1 ? detail::kept_memory<T, most>::give_back(memory) : ::operator delete(memory);
    }

    friend bool operator==(const pooling_allocator&, const pooling_allocator&) = default;

private:
    static constexpr std::size_t most = 64;
};

} // namespace tapio::core
