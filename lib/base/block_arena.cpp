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

/// From one block to the next: a short one does not lie in two pages.
std::size_t stride_of(std::size_t capacity) noexcept
{
    using namespace detail;
    return capacity <= page_size ? std::bit_ceil(capacity) : (capacity + cache_line - 1) / cache_line * cache_line;
}

} // namespace

/// A block, but for its octets: these lie elsewhere, so that all places are in the processor's cache at once.
struct block_arena::place : detail::block_header
{
    shared* arena = nullptr;
    place* next = nullptr; ///< while it is free
};

/// What the blocks that are in use need of it.
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

    /// The one that was in use last is still in the processor's cache.
    place* take() noexcept
    {
        if (back_ == nullptr) back_ = returned_.exchange(nullptr, std::memory_order_acquire);
        place*& from = back_ != nullptr ? back_ : unused_;
        return from == nullptr ? nullptr : std::exchange(from, from->next);
    }
    /// @param last of the list that begins with `first`, and has `n` places
    void give(place* first, place* last, std::size_t n) noexcept
    {
        place* before = returned_.load(std::memory_order_relaxed);
        do {
            if (before == closed()) return retire(n);
            last->next = before;
        } while (!returned_.compare_exchange_weak(before, first, std::memory_order_release, std::memory_order_relaxed));
    }
    bool is_closed() const noexcept { return returned_.load(std::memory_order_relaxed) == closed(); }
    /// None is taken any more.
    void close() noexcept
    {
        std::size_t here = 1; // who takes counts as well: without, the last block could have taken all with it meanwhile
        for (const place* list : {unused_, back_, returned_.exchange(closed(), std::memory_order_acq_rel)})
            for (; list != nullptr; list = list->next) ++here;
        retire(here);
    }

    const std::size_t size; ///< octets
    std::byte* const memory;

private:
    static place* closed() noexcept ///< what `returned_` holds when nobody takes blocks any more
    {
        static place none{};
        return &none;
    }
    void retire(std::size_t blocks) noexcept ///< they will not be in use again; precondition: blocks > 0
    {
        if (counted_.fetch_sub(blocks, std::memory_order_acq_rel) == blocks) delete this;
    }

    std::vector<place> places_;

    // Of who takes: blocks that have come back, and those that were never in use.
    place* back_ = nullptr;
    place* unused_ = nullptr;
    std::atomic<place*> returned_{nullptr}; ///< many add to it, one takes it whole
    std::atomic<std::size_t> counted_;      ///< blocks that are not retired, and who takes; the last one takes the memory with it
};

/// What has come back on one thread, all of one arena. Mostly the thread that takes is the one that gives back: between these two
/// there is no locked operation.
class block_arena::pocket
{
public:
    ~pocket()
    {
        empty();
        alive = false;
    }

    /// The thread's; null once it is about to end.
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
    /// All of it goes where others see it.
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
