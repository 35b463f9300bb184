/// @file
/// Blocks in one piece of memory of a fixed size, which somebody else may know: a kernel that copies faster into what has been
/// registered with it (io_uring_register_buffers(3)).
#pragma once

#include <tapio/core/slice.hpp>

#include <cstddef>

namespace tapio::core {

namespace detail {

/// Of an arena: the last reference has gone.
void return_to_arena(block_header* block) noexcept;

} // namespace detail

/// Its blocks are shared as slices like any others, and come back when the last slice has gone, on whatever thread; of those that
/// come back elsewhere than where they are taken, each thread may keep some until there are many, or it ends.
/// Thread safety: one thread at a time takes and destroys.
class block_arena
{
public:
    /// @param capacity octets of each block  @throws std::bad_alloc
    block_arena(std::size_t capacity, std::size_t blocks);
    ~block_arena(); ///< the memory stays until the last block has come back
    block_arena(const block_arena&) = delete;
    block_arena& operator=(const block_arena&) = delete;

    /// One of them; an empty one if all are in use.
    block take() noexcept;

    mutable_bytes memory() const noexcept; ///< in which all of them lie; begins at a page

private:
    friend void detail::return_to_arena(detail::block_header* block) noexcept;
    struct place;
    struct shared;
    class pocket;

    shared* const shared_;
};

} // namespace tapio::core
