// // block and slice: alignment of a block's memory, reuse, and poisoning of freed octets.
#include "base/poison.hpp"

#include <tapio/core/slice.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tapio::core {
namespace {

std::uintptr_t place_of(const block& b) { return reinterpret_cast<std::uintptr_t>(b.data()); }

TEST(block, begins_at_a_cache_line_whatever_its_size)
{
    std::vector<block> kept;
    for (const std::size_t capacity : {1, 60, 256, 257, 1514, 2048, 9000, 16384, 65536, 131072, 131073, 1'000'000}) {
        const block& b = kept.emplace_back(capacity);
        EXPECT_GE(b.capacity(), capacity);
        EXPECT_EQ(place_of(b) % 64, 0U) << capacity;
    }
}

// On some processors copying is several times slower if source and destination have the same offset in a page, as page starts and
// memory from malloc do.
TEST(block, that_is_large_begins_where_neither_pages_nor_allocations_do)
{
    for (const std::size_t capacity : {16384, 65536, 131072, 1'000'000})
        EXPECT_EQ(place_of(block(capacity)) % 4096, 64U) << capacity;
}

TEST(block, that_is_large_lies_as_what_is_copied_there)
{
    const std::vector<std::byte> from(65536 + 64, std::byte{7});
    for (const std::size_t capacity : {16384, 65536, 131072, 1'000'000}) {
        const std::size_t n = std::min<std::size_t>(capacity, 65536);
        for (std::size_t shift = 0; shift < 64; shift += 7) {
            block b(capacity);
            EXPECT_EQ(place_of(b) % 4096, 64U) << "a reused block has the offset of a new one";
            b.lie_like(from.data() + shift);
            EXPECT_EQ(place_of(b) % 64, reinterpret_cast<std::uintptr_t>(from.data() + shift) % 64);
            EXPECT_EQ(place_of(b) % 4096 / 64, 1U);
            EXPECT_GE(b.capacity(), capacity);
            std::fill_n(b.data(), b.capacity(), std::byte{1}); // the whole capacity is writable
            std::copy_n(from.data() + shift, n, b.data());
            const slice s = std::move(b).into_slice(0, n);
            EXPECT_TRUE(std::equal(s.bytes().begin(), s.bytes().end(), from.begin() + static_cast<std::ptrdiff_t>(shift)));
        }
    }
    block small(2048);
    small.lie_like(from.data() + 5);
    EXPECT_EQ(place_of(small) % 64, 0U) << "a small block has no room to be moved";
}

TEST(block, is_used_again_when_its_last_slice_has_gone)
{
    slice s;
    std::uintptr_t first = 0;
    {
        const block b(3000);
        first = place_of(b);
        s = b.share(0, 10);
    }
    const block other(3000);
    EXPECT_NE(place_of(other), first);
    s = {};
    EXPECT_EQ(place_of(block(3000)), first);
}

#ifdef __SANITIZE_ADDRESS__
TEST(slice, octets_that_wait_to_be_used_again_are_poison)
{
    const std::byte* at = nullptr;
    {
        const slice s = slice::copy_of(std::vector<std::byte>(1000, std::byte{1}));
        at = s.data();
        EXPECT_FALSE(__asan_address_is_poisoned(at));
    }
    EXPECT_TRUE(__asan_address_is_poisoned(at));
}
#endif

} // namespace
} // namespace tapio::core
