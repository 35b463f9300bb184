// // ring: a growing circular queue, compared with std::deque.
#include "base/ring.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

namespace tapio::core {
namespace {

TEST(ring, is_a_queue)
{
    ring<int> r;
    EXPECT_TRUE(r.empty());
    r.push_back(1), r.push_back(2);
    EXPECT_EQ(r.size(), 2U);
    EXPECT_EQ(r.front(), 1);
    EXPECT_EQ(r.take_front(), 1);
    EXPECT_EQ(r.take_front(), 2);
    EXPECT_TRUE(r.empty());
}

TEST(ring, does_what_a_deque_does)
{
    std::mt19937 random(1);
    ring<std::unique_ptr<unsigned>> r;
    std::deque<unsigned> d;
    for (unsigned i = 0; i < 100'000; ++i) {
        switch (random() % 5) {
        case 0:
        case 1:
        case 2: r.push_back(std::make_unique<unsigned>(i)), d.push_back(i); break;
        default:
            if (d.empty()) break;
            ASSERT_EQ(*r.front(), d.front());
            ASSERT_EQ(*r.take_front(), d.front());
            d.pop_front();
        }
        ASSERT_EQ(r.size(), d.size());
    }
    r.clear();
    EXPECT_TRUE(r.empty());
}

} // namespace
} // namespace tapio::core
