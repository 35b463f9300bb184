/// @file
/// What the pool's blocks and an arena's have in common: where their octets lie, and what becomes of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tapio::core::detail {

inline constexpr std::size_t cache_line = 64; ///< octets
inline constexpr std::size_t page_size = 4096;

/// What becomes of a block when its last reference has gone: beside the numbers of the pool's free lists, which are small.
namespace block_kind {
inline constexpr std::uint32_t unpooled = 0xffff'ffff; ///< back to the heap
inline constexpr std::uint32_t foreign = 0xffff'fffe;  ///< its octets are somebody else's
inline constexpr std::uint32_t of_arena = 0xffff'fffd; ///< back to its arena
} // namespace block_kind

} // namespace tapio::core::detail
