// time_wait_table: records expire in order, handles are not reused, and the table does not grow without bound.
#include "core/time_wait_table.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

const time_point begin = time_point{} + 1h;

time_wait_table::entry ending(duration in)
{
    time_wait_table::entry e;
    e.end = begin + in;
    return e;
}

TEST(time_wait_table, ends_in_order_though_some_are_taken_early)
{
    time_wait_table t;
    const tcp_id a = t.add(ending(1s)), b = t.add(ending(2s)), c = t.add(ending(3s));
    EXPECT_TRUE(time_wait_table::holds(a));
    EXPECT_FALSE(time_wait_table::holds(tcp_id{5, 1}));
    EXPECT_FALSE(time_wait_table::holds(tcp_id()));
    EXPECT_FALSE(t.takes(begin + 2s));
    EXPECT_EQ(t.take(b).end, begin + 2s);
    EXPECT_EQ(t.oldest(), a);
    t.take(a);
    EXPECT_EQ(t.oldest(), c);
    const tcp_id d = t.add(ending(4s)); // reuses the slot of a removed record
    EXPECT_NE(d, a);
    EXPECT_NE(d, b);
    EXPECT_EQ(t.size(), 2U);
    t.take(c);
    EXPECT_EQ(t.oldest(), d);
    t.take(d);
    EXPECT_FALSE(t.oldest());
    EXPECT_TRUE(t.empty());
}

TEST(time_wait_table, keeps_the_order_of_those_that_are_left_whichever_are_taken)
{
    time_wait_table t;
    const tcp_id oldest = t.add(ending(0s));
    std::vector<tcp_id> waiting;
    std::minstd_rand random(1);
    for (int i = 0; i < 20'000; ++i) {
        ASSERT_TRUE(t.takes(begin + i * 1us)) << i;
        waiting.push_back(t.add(ending(i * 1us)));
        if (waiting.size() < 1000) continue;
        const std::size_t any = random() % waiting.size();
        t.take(waiting[any]);
        waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(any));
    }
    EXPECT_EQ(t.oldest(), oldest);
    t.take(oldest);
    for (const tcp_id next : waiting) {
        ASSERT_EQ(t.oldest(), next);
        t.take(next);
    }
    EXPECT_FALSE(t.oldest());
    EXPECT_TRUE(t.empty());
}

TEST(time_wait_table, does_not_grow_with_what_is_taken_again_and_again)
{
    time_wait_table t;
    t.add(ending(1s));
    for (int i = 0; i < 1'000'000; ++i) t.take(t.add(ending(1s)));
    EXPECT_EQ(t.size(), 1U);
    EXPECT_LT(t.memory(), 32'768U);
}

} // namespace
} // namespace tapio::core
