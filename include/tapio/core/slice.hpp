/// @file
/// Shared payload: reference-counted blocks of octets and views into them.
/// A block is filled by one owner and then shared as slices; slices are never written through.
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

/// What is known of a block of octets, wherever these lie.
struct block_header
{
    std::atomic<std::uint32_t> references{0};
    std::uint32_t capacity = 0; ///< octets
    std::uint32_t kind = 0;     ///< what becomes of it with its last reference: the pool's free list, or a value of its own
    std::byte* octets = nullptr;
};

block_header* acquire_block(std::size_t capacity); ///< references == 1; throws std::bad_alloc
/// No octets follow: they are somebody else's, who is kept alive. references == 1; throws std::bad_alloc
block_header* acquire_foreign_block(std::shared_ptr<const void> owner, std::size_t size);
void release_block(block_header* block) noexcept; ///< drops one reference, and the block with the last one

} // namespace detail

/// Owner of a block being filled. Move-only; `share()` gives views that keep the block alive.
/// Blocks come from per-thread free lists, so that in the steady state none is allocated. Thread safety: a block may be
/// released on any thread; a block being filled belongs to one thread.
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

    /// Octets that are about to be copied here lie at `others`. A large block moves its own, if need be, so that they lie in a
    /// line of the processor's cache as those do: memory is copied faster then, and when it is read to such a place again.
    /// Precondition: nothing has been put in, or shared.
    void lie_like(const std::byte* others) noexcept;

    /// True when no slice of it is alive: the block may be filled again from its start.
    bool unique() const noexcept { return header_->references.load(std::memory_order_acquire) == 1; }

    /// A view of [offset, offset + size), which must have been filled already.
    class slice share(std::size_t offset, std::size_t size) const noexcept;
    /// The same, and the block is given up: nothing else will be in it.
    class slice into_slice(std::size_t offset, std::size_t size) && noexcept;

private:
    friend class block_arena;
    explicit block(detail::block_header* header) noexcept : header_(header) {} ///< counts this one already

    detail::block_header* header_ = nullptr;
};

/// A shared, immutable view of part of a block. Copying shares; nothing is copied.
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

    /// A slice with a block of its own that holds a copy of `bytes`.
    static slice copy_of(const_bytes bytes);

    /// A slice of memory of the caller's: nothing is copied. The octets live, and do not change, for as long as `owner` is held,
    /// which is until the last slice of them has gone.
    static slice of(std::shared_ptr<const void> owner, const_bytes bytes);

    const std::byte* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const_bytes bytes() const noexcept { return {data_, size_}; }

    /// Octets of memory that this slice keeps alive (the whole block, shared or not).
    std::size_t held() const noexcept { return header_ == nullptr ? 0 : header_->capacity; }

    void remove_prefix(std::size_t n) noexcept { data_ += n, size_ -= static_cast<std::uint32_t>(n); }
    void truncate(std::size_t n) noexcept { size_ = static_cast<std::uint32_t>(n); }

    /// The part [offset, offset + size); both must lie within.
    slice part(std::size_t offset, std::size_t size) const noexcept
    {
        slice out(*this);
        out.remove_prefix(offset);
        out.truncate(size);
        return out;
    }

private:
    friend class block;
    /// @param header counts this one already
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
