/// @file
/// How a block of the pool lies in memory: its header at the end of a line of the processor's cache, its octets from the next
/// line on.
#pragma once

#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

namespace tapio::core::detail {

inline constexpr std::size_t cache_line = 64; ///< octets, and those in front of a block's own
inline constexpr std::size_t page_size = 4096;

/// What becomes of a block when its last reference has gone: beside the numbers of the pool's free lists, which are small.
namespace block_kind {
inline constexpr std::uint32_t unpooled = 0xffff'ffff; ///< back to the heap
inline constexpr std::uint32_t foreign = 0xffff'fffe;  ///< its octets are somebody else's
inline constexpr std::uint32_t of_arena = 0xffff'fffd; ///< back to its arena
} // namespace block_kind

inline block_header* make_block(std::byte* memory, std::uint32_t references, std::size_t capacity, std::uint32_t kind) noexcept
{
    static_assert(sizeof(block_header) <= cache_line);
    return new (memory + cache_line - sizeof(block_header))
        block_header{{references}, static_cast<std::uint32_t>(capacity), kind, memory + cache_line};
}
inline std::byte* memory_of(block_header* b) noexcept { return b->octets - cache_line; }

} // namespace tapio::core::detail
