/// @file
/// Marks pooled memory as freed for the address sanitizer, in programs built with it.
#pragma once

#include <cstddef>

#ifdef __has_feature
#define TAPIO_HAS_FEATURE(name) __has_feature(name)
#else
#define TAPIO_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || TAPIO_HAS_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif

namespace tapio::core {

inline void poison(const volatile void* memory, std::size_t size) noexcept { ASAN_POISON_MEMORY_REGION(memory, size); }
inline void unpoison(const volatile void* memory, std::size_t size) noexcept { ASAN_UNPOISON_MEMORY_REGION(memory, size); }

} // namespace tapio::core

#undef TAPIO_HAS_FEATURE
