/// @file
/// What the blocks of the pool and of an arena have in common: alignment, and how a block is released.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tapio::core::detail {

inline constexpr std::size_t cache_line = 64; ///< octets
inline constexpr std::size_t page_size = 4096;

/// How a block is released: one of these, or the index of the pool's free list it returns to.
namespace block_kind {
inline constexpr std::uint32_t unpooled = 0xffff'ffff; ///< freed
inline constexpr std::uint32_t foreign = 0xffff'fffe;  ///< the octets belong to the user's owner object
inline constexpr std::uint32_t of_arena = 0xffff'fffd; ///< returned to its arena
} // namespace block_kind

} // namespace tapio::core::detail
