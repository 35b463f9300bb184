// The block pool: free lists per thread and size class.
#include "base/block_arena.hpp"
#include "base/block_layout.hpp"
#include "base/poison.hpp"

#include <tapio/core/slice.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <new>
#include <vector>

namespace tapio::core {

namespace detail {

namespace {

constexpr std::size_t smallest = 256;                   ///< octets
constexpr std::size_t classes = 10;                     ///< 256 octets, doubling, up to 128 KiB
constexpr std::size_t most_kept = std::size_t{8} << 20; ///< octets in one free list

// `rep movsb`, which kernels use for copies and C libraries for large ones, is twenty times slower on some processors (such as
// AMD's Zen 3) if the destination lies 1 to 31 octets after the source modulo 4096. The alignment of large blocks avoids that
// for copies from or to the kernel's pages and memory fresh from malloc; lie_like() avoids it for others.
constexpr std::size_t large = 16384; ///< octets of capacity

std::align_val_t alignment_of(std::size_t capacity) noexcept
{
    return std::align_val_t(capacity >= large ? page_size : cache_line);
}

struct foreign_block : block_header
{
    foreign_block(std::shared_ptr<const void> keep, std::size_t size)
        : block_header{{1}, static_cast<std::uint32_t>(size), block_kind::foreign, nullptr}, owner(std::move(keep))
    {
    }
    std::shared_ptr<const void> owner;
};

std::size_t class_of(std::size_t capacity) noexcept
{
    return capacity <= smallest ? 0 : static_cast<std::size_t>(std::bit_width((capacity - 1) / smallest));
}

/// Undoes block::lie_like(): the octets begin at a cache line.
void lie_as_allocated(block_header* b) noexcept { b->octets -= reinterpret_cast<std::uintptr_t>(b->octets) % cache_line; }

void destroy(block_header* b) noexcept
{
    lie_as_allocated(b);
    const auto alignment = alignment_of(b->capacity);
    void* const memory = b->octets - cache_line;
    b->~block_header();
    ::operator delete(memory, alignment);
}

/// False once the thread's free lists are destroyed: from then on blocks are allocated and freed on the heap.
thread_local bool alive = true;

/// One thread's unused blocks.
class free_lists
{
public:
    ~free_lists()
    {
        alive = false;
        for (auto& list : lists_)
            for (block_header* b : list) unpoison(b->octets, b->capacity), destroy(b);
    }

    block_header* take(std::size_t c) noexcept
    {
        if (lists_[c].empty()) return nullptr;
        block_header* const b = lists_[c].back();
        lists_[c].pop_back();
        unpoison(b->octets, b->capacity);
        return b;
    }

    bool keep(block_header* b) noexcept
    {
        lie_as_allocated(b);
        auto& list = lists_[b->kind];
        if ((list.size() + 1) * b->capacity > most_kept) return false;
        try {
            list.push_back(b);
        } catch (const std::bad_alloc&) {
            return false;
        }
        poison(b->octets, b->capacity);
        return true;
    }

private:
    std::array<std::vector<block_header*>, classes> lists_;
};

free_lists& pool()
{
    static thread_local free_lists lists;
    return lists;
}

/// The header is placed at the end of a cache line, the octets from the next line on. A large block has a further line, as room
/// for lie_like().
block_header* allocate(std::size_t capacity, std::uint32_t kind)
{
    const std::size_t size = cache_line + capacity + (capacity >= large ? cache_line : 0);
    auto* const memory = static_cast<std::byte*>(::operator new(size, alignment_of(capacity)));
    static_assert(sizeof(block_header) <= cache_line);
    return new (memory + cache_line - sizeof(block_header))
        block_header{{1}, static_cast<std::uint32_t>(capacity), kind, memory + cache_line};
}

} // namespace

block_header* acquire_block(std::size_t capacity)
{
    const std::size_t c = class_of(capacity);
    if (c >= classes || !alive) return allocate(capacity, block_kind::unpooled);
    if (block_header* const b = pool().take(c)) {
        b->references.store(1, std::memory_order_relaxed);
        return b;
    }
    return allocate(smallest << c, static_cast<std::uint32_t>(c));
}

block_header* acquire_foreign_block(std::shared_ptr<const void> owner, std::size_t size)
{
    return new foreign_block(std::move(owner), size);
}

void release_block(block_header* b) noexcept
{
    // With the only reference no other thread can change the count: a load then suffices, which is cheaper than an atomic
    // decrement.
    if (b->references.load(std::memory_order_acquire) != 1 && b->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (b->kind == block_kind::foreign) return delete static_cast<foreign_block*>(b);
    if (b->kind == block_kind::of_arena) return return_to_arena(b);
    if (b->kind == block_kind::unpooled || !alive || !pool().keep(b)) destroy(b);
}

} // namespace detail

void block::lie_like(const std::byte* others) noexcept
{
    const bool has_room = header_->kind != detail::block_kind::of_arena && header_->capacity >= detail::large;
    if (!has_room) return;
    detail::lie_as_allocated(header_);
    header_->octets += reinterpret_cast<std::uintptr_t>(others) % detail::cache_line;
}

slice slice::copy_of(const_bytes bytes)
{
    if (bytes.empty()) return {};
    block b(bytes.size());
    b.lie_like(bytes.data());
    std::copy(bytes.begin(), bytes.end(), b.data());
    return std::move(b).into_slice(0, bytes.size());
}

slice slice::of(std::shared_ptr<const void> owner, const_bytes bytes)
{
    slice out;
    if (bytes.empty()) return out;
    out.header_ = detail::acquire_foreign_block(std::move(owner), bytes.size());
    out.data_ = bytes.data();
    out.size_ = static_cast<std::uint32_t>(bytes.size());
    return out;
}

} // namespace tapio::core
