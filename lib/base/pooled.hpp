/// @file
/// Memory that is used again, for a large type of which many come and go.
#pragma once

#include "base/poison.hpp"

#include <array>
#include <cstddef>
#include <new>

namespace tapio::core {

/// `T : pooled<T>`: `new T` takes what the thread's last `delete` of a T has left. Each thread keeps `most` of them; meanwhile
/// the address sanitizer takes their memory for freed. Thread safety: like any new and delete.
template <class T, std::size_t most = 64>
class pooled
{
public:
    static void* operator new(std::size_t size)
    {
        void* const again = size == sizeof(T) && !ended ? kept.take() : nullptr;
        return again != nullptr ? again : ::operator new(size);
    }
    static void operator delete(void* memory, std::size_t size) noexcept
    {
        if (size != sizeof(T) || ended || !kept.keep(memory)) ::operator delete(memory, size);
    }

protected:
    pooled() = default;
    pooled(const pooled&) = default;
    pooled& operator=(const pooled&) = default;
    ~pooled() = default;

private:
    class store
    {
    public:
        ~store()
        {
            while (void* const p = take()) ::operator delete(p, sizeof(T));
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

    static inline thread_local bool ended = false; ///< the thread's own objects are being destroyed
    static inline thread_local store kept;
};

} // namespace tapio::core
