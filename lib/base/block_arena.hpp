/// @file
/// Blocks in a single piece of memory of a fixed size, which can be registered with the kernel for faster copies
/// (io_uring_register_buffers(3)).
#pragma once

#include <tapio/core/slice.hpp>

#include <cstddef>

namespace tapio::core {

namespace detail {

/// Called when the last reference to a block of an arena is gone.
void return_to_arena(block_header* block) noexcept;

} // namespace detail

/// Blocks are shared as slices like any others, and return to the arena when the last slice is gone, on any thread. Each thread
/// may hold back up to 255 blocks that were returned on it, until it ends.
/// Thread safety: take() and the destructor need exclusive access; blocks may be returned concurrently.
class block_arena
{
public:
    /// @param capacity octets of each block  @throws std::bad_alloc
    block_arena(std::size_t capacity, std::size_t blocks);
    ~block_arena(); ///< the memory is freed when the last block has been returned
    block_arena(const block_arena&) = delete;
    block_arena& operator=(const block_arena&) = delete;

    /// A free block; an empty one if all are in use.
    block take() noexcept;

    mutable_bytes memory() const noexcept; ///< of all blocks; page-aligned

private:
    friend void detail::return_to_arena(detail::block_header* block) noexcept;
    struct place;
    struct shared;
    class pocket;

    shared* const shared_;
};

} // namespace tapio::core
