// // block_arena: a fixed number of page-bounded blocks, which return to the arena from any thread and may outlive it.
#include "base/block_arena.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

namespace tapio::core {
namespace {

constexpr std::size_t capacity = 1515;

bool lies_in(const block& b, mutable_bytes memory)
{
    return b.data() >= memory.data() && b.data() + b.capacity() <= memory.data() + memory.size();
}

TEST(block_arena, has_so_many_blocks_apart_from_one_another_and_each_in_a_page)
{
    block_arena arena(capacity, 5);
    std::vector<block> all;
    while (block b = arena.take()) all.push_back(std::move(b));
    ASSERT_EQ(all.size(), 5U);
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_GE(all[i].capacity(), capacity);
        EXPECT_TRUE(lies_in(all[i], arena.memory()));
        const auto at = reinterpret_cast<std::uintptr_t>(all[i].data());
        EXPECT_EQ(at / 4096, (at + capacity - 1) / 4096);
        std::memset(all[i].data(), static_cast<int>(i), all[i].capacity());
    }
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(std::to_integer<std::size_t>(all[i].data()[capacity - 1]), i);
}

TEST(block_arena, of_blocks_larger_than_a_page_none_overlap)
{
    block_arena arena(9020, 3);
    const block a = arena.take(), b = arena.take(), c = arena.take();
    std::memset(a.data(), 1, a.capacity());
    std::memset(b.data(), 2, b.capacity());
    std::memset(c.data(), 3, c.capacity());
    EXPECT_EQ(std::to_integer<int>(a.data()[a.capacity() - 1]), 1);
    EXPECT_EQ(std::to_integer<int>(b.data()[b.capacity() - 1]), 2);
    EXPECT_TRUE(lies_in(a, arena.memory()) && lies_in(b, arena.memory()) && lies_in(c, arena.memory()));
}

TEST(block_arena, a_block_comes_back_with_its_last_slice_and_is_the_next_to_be_taken)
{
    block_arena arena(capacity, 3);
    slice one, other;
    const std::byte* place = nullptr;
    {
        block b = arena.take();
        place = b.data();
        one = b.share(0, 100);
        other = std::move(b).into_slice(100, 100);
    }
    const block kept = arena.take();
    EXPECT_NE(kept.data(), place);
    one = {};
    const block last = arena.take();
    EXPECT_NE(last.data(), place);
    EXPECT_FALSE(arena.take()) << "the arena has three blocks";
    other = {};
    EXPECT_EQ(arena.take().data(), place);
}

TEST(block_arena, what_is_in_use_outlives_it)
{
    std::vector<slice> kept;
    {
        block_arena arena(capacity, 10);
        for (int i = 0; i < 4; ++i) {
            block b = arena.take();
            std::memset(b.data(), i, capacity);
            kept.push_back(std::move(b).into_slice(0, capacity));
        }
        kept.erase(kept.begin()); // one of the used blocks has returned; others were never used
    }
    for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(std::to_integer<std::size_t>(kept[i].data()[capacity - 1]), i + 1);
}

TEST(block_arena, blocks_come_back_on_whatever_thread)
{
    constexpr int rounds = 20'000;
    std::optional<block_arena> arena(std::in_place, capacity, 64);
    std::vector<std::thread> threads;
    std::vector<std::vector<slice>> hands(2);
    for (int i = 0; i < 64; ++i) hands[static_cast<std::size_t>(i % 2)].push_back(arena->take().share(0, 1));
    EXPECT_FALSE(arena->take());
    for (auto& mine : hands)
        threads.emplace_back([&mine] {
            while (!mine.empty()) mine.pop_back();
        });
    int taken = 0;
    for (int i = 0; i < rounds && taken < 64; ++i) {
        if (const block b = arena->take())
            ++taken;
        else
            std::this_thread::yield();
    }
    for (std::thread& t : threads) t.join();
    std::vector<block> all;
    while (block b = arena->take()) all.push_back(std::move(b));
    EXPECT_EQ(all.size(), 64U);
    std::thread late([mine = std::move(all)]() mutable { mine.clear(); });
    arena.reset();
    late.join();
}

/// The arena and its last block are destroyed at the same time on two threads; either may be the last owner.
TEST(block_arena, goes_while_its_blocks_come_back_elsewhere)
{
    constexpr int rounds = 20'000;
    std::atomic<int> begun{0}, given_back{0};
    std::array<block, 2> handed;
    std::thread other([&] {
        for (int i = 1; i <= rounds; ++i) {
            while (begun.load() < i) std::this_thread::yield();
            block(std::move(handed[static_cast<std::size_t>(i % 2)]));
            given_back.store(i);
        }
    });
    for (int i = 1; i <= rounds; ++i) {
        std::optional<block_arena> arena(std::in_place, capacity, 1);
        handed[static_cast<std::size_t>(i % 2)] = arena->take();
        EXPECT_TRUE(handed[static_cast<std::size_t>(i % 2)]) << "a new arena has a free block";
        begun.store(i);
        for (int delay = i % 64; delay > 0; --delay) (void)begun.load();
        arena.reset();
        while (given_back.load() < i) std::this_thread::yield();
    }
    other.join();
    EXPECT_EQ(given_back.load(), rounds);
}

} // namespace
} // namespace tapio::core
