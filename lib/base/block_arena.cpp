#include "base/block_arena.hpp"

#include "base/block_layout.hpp"

#include <atomic>
#include <bit>
#include <new>
#include <utility>

namespace tapio::core {

namespace {

/// From one block to the next: a short one does not lie in two pages.
std::size_t stride_of(std::size_t capacity) noexcept
{
    using namespace detail;
    const std::size_t all = cache_line + capacity;
    return all <= page_size ? std::bit_ceil(all) : (all + cache_line - 1) / cache_line * cache_line;
}

} // namespace

/// At the beginning of the line in front of a block's octets; the block's header is at its end.
struct block_arena::place
{
    shared* arena;
    place* next; ///< while it is free

    static place* of(detail::block_header* h) noexcept { return reinterpret_cast<place*>(detail::memory_of(h)); }
    detail::block_header* header() noexcept
    {
        return reinterpret_cast<detail::block_header*>(reinterpret_cast<std::byte*>(this) + detail::cache_line) - 1;
    }
};

/// What the blocks that are in use need of it.
struct block_arena::shared
{
    shared(std::size_t capacity, std::size_t blocks)
        : stride(stride_of(capacity)),
          size(stride * blocks),
          memory(static_cast<std::byte*>(::operator new(size, std::align_val_t(detail::page_size)))),
          counted(blocks)
    {
        static_assert(sizeof(place) + sizeof(detail::block_header) <= detail::cache_line);
        for (std::size_t i = blocks; i-- > 0;) {
            auto* const p = new (memory + i * stride) place{this, unused};
            detail::make_block(memory + i * stride, 0, stride - detail::cache_line, detail::block_kind::of_arena);
            unused = p;
        }
    }
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    ~shared() { ::operator delete(memory, std::align_val_t(detail::page_size)); }

    /// The one that was in use last is still in the processor's cache.
    place* take() noexcept
    {
        if (back == nullptr) back = returned.exchange(nullptr, std::memory_order_acquire);
        place*& from = back != nullptr ? back : unused;
        return from == nullptr ? nullptr : std::exchange(from, from->next);
    }
    void give(place* p) noexcept
    {
        place* first = returned.load(std::memory_order_relaxed);
        do {
            if (first == closed()) return retire(1);
            p->next = first;
        } while (!returned.compare_exchange_weak(first, p, std::memory_order_release, std::memory_order_relaxed));
    }
    /// None is taken any more.
    void close() noexcept
    {
        std::size_t here = 0;
        for (const place* list : {unused, back, returned.exchange(closed(), std::memory_order_acq_rel)})
            for (; list != nullptr; list = list->next) ++here;
        retire(here);
    }

    const std::size_t stride, size; // octets
    std::byte* const memory;

private:
    static place* closed() noexcept ///< what `returned` holds when nobody takes blocks any more
    {
        static place none{};
        return &none;
    }
    void retire(std::size_t blocks) noexcept ///< they will not be in use again
    {
        if (counted.fetch_sub(blocks, std::memory_order_acq_rel) == blocks) delete this;
    }

    // Of who takes: blocks that have come back, and those that were never in use.
    place* back = nullptr;
    place* unused = nullptr;
    std::atomic<place*> returned{nullptr}; ///< many add to it, one takes it whole
    std::atomic<std::size_t> counted;      ///< blocks that are not retired; the last one takes the memory with it
};

block_arena::block_arena(std::size_t capacity, std::size_t blocks) : shared_(new shared(capacity, blocks)) {}

block_arena::~block_arena() { shared_->close(); }

block block_arena::take() noexcept
{
    place* const p = shared_->take();
    if (p == nullptr) return {};
    detail::block_header* const h = p->header();
    h->references.store(1, std::memory_order_relaxed);
    return block(h);
}

mutable_bytes block_arena::memory() const noexcept { return {shared_->memory, shared_->size}; }

void detail::return_to_arena(block_header* h) noexcept
{
    block_arena::place* const p = block_arena::place::of(h);
    p->arena->give(p);
}

} // namespace tapio::core
