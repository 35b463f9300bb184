/// @file
/// Shared payload: reference-counted blocks of octets, and slices, which are views into them.
/// One owner fills a block, then shares it as slices; nothing is written through a slice.
#pragma once

#include <tapio/core/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace tapio::core {

class block_arena; // inside the library: not exported

} // namespace tapio::core

#pragma GCC visibility push(default)

namespace tapio::core {

using const_bytes = std::span<const std::byte>;
using mutable_bytes = std::span<std::byte>;

namespace detail {

/// The administration of a block of octets, wherever the octets lie.
struct block_header
{
    std::atomic<std::uint32_t> references{0};
    std::uint32_t capacity = 0; ///< octets
    std::uint32_t kind = 0;     ///< the free list that it returns to with its last reference; special values: not of the pool
    std::byte* octets = nullptr;
};

block_header* acquire_block(std::size_t capacity); ///< references == 1; throws std::bad_alloc
/// A block for octets that `owner` keeps alive. references == 1; throws std::bad_alloc
block_header* acquire_foreign_block(std::shared_ptr<const void> owner, std::size_t size);
void release_block(block_header* block) noexcept; ///< drops one reference, and the block with the last one

} // namespace detail

/// Owner of a block being filled. Move-only; `share()` returns slices that keep the block alive. Blocks come from per-thread
/// free lists, so that in the steady state no memory is allocated.
/// @par Thread safety  a block may be released on any thread; while it is filled it belongs to one thread
class block
{
public:
    block() noexcept = default;

    /// A block of at least `capacity` octets, contents indeterminate. @throws std::bad_alloc
    explicit block(std::size_t capacity) : header_(detail::acquire_block(capacity)) {}

    block(block&& other) noexcept : header_(std::exchange(other.header_, nullptr)) {}
    block& operator=(block&& other) noexcept
    {
        std::swap(header_, other.header_);
        return *this;
    }
    ~block()
    {
        if (header_ != nullptr) detail::release_block(header_);
    }

    explicit operator bool() const noexcept { return header_ != nullptr; }
    std::byte* data() const noexcept { return header_->octets; }
    std::size_t capacity() const noexcept { return header_ == nullptr ? 0 : header_->capacity; }

    /// Aligns a large block for a copy from `others`: its octets then begin at the same offset within a cache line as those,
    /// which makes this copy, and the later one to a place of the same alignment, faster.
    /// @pre nothing has been written to the block or shared
    void lie_like(const std::byte* others) noexcept;

    /// True if no slice of the block is alive: it may be filled again from its start.
    bool unique() const noexcept { return header_->references.load(std::memory_order_acquire) == 1; }

    /// A view of the octets [offset, offset + size), which have been filled already.
    class slice share(std::size_t offset, std::size_t size) const noexcept;
    /// The same; gives the block up.
    class slice into_slice(std::size_t offset, std::size_t size) && noexcept;

private:
    friend class block_arena;
    explicit block(detail::block_header* header) noexcept : header_(header) {} ///< its count includes this owner

    detail::block_header* header_ = nullptr;
};

/// A shared, immutable view of part of a block. Copying a slice costs a reference count, not a copy of the octets.
/// @par Thread safety  as std::shared_ptr: distinct slices are safe, also if they share a block
/// @par Lifetime  the octets live as long as any slice of them
class slice
{
public:
    slice() noexcept = default;

    slice(const slice& other) noexcept : header_(other.header_), data_(other.data_), size_(other.size_)
    {
        if (header_ != nullptr) header_->references.fetch_add(1, std::memory_order_relaxed);
    }
    slice(slice&& other) noexcept
        : header_(std::exchange(other.header_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0))
    {
    }
    slice& operator=(const slice& other) noexcept { return *this = slice(other); }
    slice& operator=(slice&& other) noexcept
    {
        if (this == &other) return *this;
        if (header_ != nullptr) detail::release_block(header_);
        header_ = std::exchange(other.header_, nullptr);
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    ~slice()
    {
        if (header_ != nullptr) detail::release_block(header_);
    }

    /// A slice with a copy of `bytes` in a block of its own. @throws std::bad_alloc
    static slice copy_of(const_bytes bytes);

    /// A slice of the caller's memory, not copied. `owner` is held until the last slice of it is destroyed, on whichever thread;
    /// until then the octets must live and must not change. @throws std::bad_alloc
    static slice of(std::shared_ptr<const void> owner, const_bytes bytes);

    const std::byte* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const_bytes bytes() const noexcept { return {data_, size_}; }

    /// Octets of memory that this slice keeps alive: the whole block, shared or not.
    std::size_t held() const noexcept { return header_ == nullptr ? 0 : header_->capacity; }

    // @pre n <= size()
    void remove_prefix(std::size_t n) noexcept { data_ += n, size_ -= static_cast<std::uint32_t>(n); }
    void truncate(std::size_t n) noexcept { size_ = static_cast<std::uint32_t>(n); }

    /// The octets [offset, offset + size). @pre offset + size <= this->size()
    slice part(std::size_t offset, std::size_t size) const noexcept
    {
        slice out(*this);
        out.remove_prefix(offset);
        out.truncate(size);
        return out;
    }

private:
    friend class block;
    /// @param header  its count includes this slice
    slice(detail::block_header* header, const std::byte* data, std::size_t size) noexcept
        : header_(header), data_(data), size_(static_cast<std::uint32_t>(size))
    {
    }

    detail::block_header* header_ = nullptr;
    const std::byte* data_ = nullptr;
    std::uint32_t size_ = 0; ///< octets
};

inline slice block::share(std::size_t offset, std::size_t size) const noexcept
{
    header_->references.fetch_add(1, std::memory_order_relaxed);
    return {header_, data() + offset, size};
}

inline slice block::into_slice(std::size_t offset, std::size_t size) && noexcept
{
    const std::byte* const from = data() + offset;
    return {std::exchange(header_, nullptr), from, size};
}

} // namespace tapio::core

#pragma GCC visibility pop
