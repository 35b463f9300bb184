#include "base/block_arena.hpp"

#include "base/block_layout.hpp"
#include "base/poison.hpp"

#include <atomic>
#include <bit>
#include <new>
#include <utility>
#include <vector>

namespace tapio::core {

namespace {

/// Octets from one block to the next; a block of up to a page does not cross a page boundary.
std::size_t stride_of(std::size_t capacity) noexcept
{
    using namespace detail;
    return capacity <= page_size ? std::bit_ceil(capacity) : (capacity + cache_line - 1) / cache_line * cache_line;
}

} // namespace

/// A block's header. The octets are stored elsewhere, so that all headers together stay in the processor's cache.
struct block_arena::place : detail::block_header
{
    shared* arena = nullptr;
    place* next = nullptr; ///< in a free list
};

/// The part of the arena that must outlive it, as long as blocks are in use.
struct block_arena::shared
{
    shared(std::size_t capacity, std::size_t blocks)
        : size(stride_of(capacity) * blocks),
          memory(static_cast<std::byte*>(::operator new(size, std::align_val_t(detail::page_size)))),
          places_(blocks),
          counted_(blocks + 1)
    {
        const std::size_t stride = stride_of(capacity);
        for (std::size_t i = blocks; i-- > 0;) {
            place& p = places_[i];
            p.capacity = static_cast<std::uint32_t>(stride);
            p.kind = detail::block_kind::of_arena;
            p.octets = memory + i * stride;
            p.arena = this;
            p.next = std::exchange(unused_, &p);
        }
        poison(memory, size);
    }
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    ~shared()
    {
        unpoison(memory, size);
        ::operator delete(memory, std::align_val_t(detail::page_size));
    }

    /// Prefers the block returned last, which is likely still in the processor's cache.
    place* take() noexcept
    {
        if (back_ == nullptr) back_ = returned_.exchange(nullptr, std::memory_order_acquire);
        place*& from = back_ != nullptr ? back_ : unused_;
        return from == nullptr ? nullptr : std::exchange(from, from->next);
    }
    /// Returns a list of `n` places, from `first` to `last`; on any thread.
    void give(place* first, place* last, std::size_t n) noexcept
    {
        place* before = returned_.load(std::memory_order_relaxed);
        do {
            if (before == closed()) return retire(n);
            last->next = before;
        } while (!returned_.compare_exchange_weak(before, first, std::memory_order_release, std::memory_order_relaxed));
    }
    bool is_closed() const noexcept { return returned_.load(std::memory_order_relaxed) == closed(); }
    /// No more blocks will be taken: the arena is destroyed.
    void close() noexcept
    {
        std::size_t here = 1; // the taker's own count, which keeps a block returned meanwhile from deleting `this`
        for (const place* list : {unused_, back_, returned_.exchange(closed(), std::memory_order_acq_rel)})
            for (; list != nullptr; list = list->next) ++here;
        retire(here);
    }

    const std::size_t size; ///< octets
    std::byte* const memory;

private:
    static place* closed() noexcept ///< sentinel in `returned_` after close()
    {
        static place none{};
        return &none;
    }
    void retire(std::size_t blocks) noexcept ///< `blocks` will not be used again; the last frees `this`. Precondition: blocks > 0
    {
        if (counted_.fetch_sub(blocks, std::memory_order_acq_rel) == blocks) delete this;
    }

    std::vector<place> places_;

    // The taker's free lists: blocks that were returned, and blocks never used so far.
    place* back_ = nullptr;
    place* unused_ = nullptr;
    std::atomic<place*> returned_{nullptr}; ///< a stack: any thread pushes, the taker takes it as a whole
    std::atomic<std::size_t> counted_;      ///< blocks not retired, plus one for the taker; at 0 the memory is freed
};

/// The blocks of one arena that were returned on this thread. Usually the same thread takes and returns blocks, and then needs no
/// atomic read-modify-write operation.
class block_arena::pocket
{
public:
    ~pocket()
    {
        empty();
        alive = false;
    }

    /// This thread's pocket; null while the thread ends.
    static pocket* mine() noexcept
    {
        static thread_local pocket p;
        return alive ? &p : nullptr;
    }

    void give(shared* arena, place* p) noexcept
    {
        if (arena != arena_) empty();
        arena_ = arena;
        p->next = first_;
        if (first_ == nullptr) last_ = p;
        first_ = p;
        if (++size_ == most) empty();
    }
    place* take(const shared* arena) noexcept
    {
        if (arena != arena_ || first_ == nullptr) return nullptr;
        --size_;
        return std::exchange(first_, first_->next);
    }
    /// Returns all blocks to their arena.
    void empty() noexcept
    {
        if (first_ != nullptr) arena_->give(first_, last_, size_);
        arena_ = nullptr;
        first_ = last_ = nullptr;
        size_ = 0;
    }

private:
    static constexpr std::size_t most = 256;

    static thread_local bool alive;

    shared* arena_ = nullptr;
    place *first_ = nullptr, *last_ = nullptr;
    std::size_t size_ = 0;
};

thread_local bool block_arena::pocket::alive = true;

block_arena::block_arena(std::size_t capacity, std::size_t blocks) : shared_(new shared(capacity, blocks)) {}

block_arena::~block_arena()
{
    if (pocket* const p = pocket::mine()) p->empty();
    shared_->close();
}

block block_arena::take() noexcept
{
    pocket* const mine = pocket::mine();
    place* p = mine != nullptr ? mine->take(shared_) : nullptr;
    if (p == nullptr) p = shared_->take();
    if (p == nullptr) return {};
    unpoison(p->octets, p->capacity);
    p->references.store(1, std::memory_order_relaxed);
    return block(p);
}

mutable_bytes block_arena::memory() const noexcept { return {shared_->memory, shared_->size}; }

void detail::return_to_arena(block_header* h) noexcept
{
    auto* const p = static_cast<block_arena::place*>(h);
    poison(p->octets, p->capacity);
    block_arena::pocket* const mine = p->arena->is_closed() ? nullptr : block_arena::pocket::mine();
    mine != nullptr ? mine->give(p->arena, p) : p->arena->give(p, p, 1);
}

} // namespace tapio::core
