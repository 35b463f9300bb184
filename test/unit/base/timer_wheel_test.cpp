// // timer_wheel: expiry order and exactness, compared with a sorted list.
#include "base/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

struct fixture : testing::Test
{
    void arm(timer_node& n, int id, duration at)
    {
        n.context = this;
        n.data = static_cast<std::uint64_t>(id);
        n.fire = [](timer_node& self, void* f, time_point) {
            static_cast<fixture*>(f)->fired.push_back(static_cast<int>(self.data));
        };
        wheel.arm(n, time_point(at));
    }
    timer_wheel wheel;
    std::vector<int> fired;
};

struct timer_wheel_test : fixture
{
};

TEST_F(timer_wheel_test, fires_at_its_deadline_and_not_a_nanosecond_before)
{
    timer_node n;
    arm(n, 1, 1s);
    wheel.advance(time_point(1s - 1ns));
    EXPECT_TRUE(fired.empty());
    EXPECT_LE(wheel.next_deadline(), time_point(1s));
    wheel.advance(time_point(1s));
    EXPECT_EQ(fired, std::vector{1});
    EXPECT_TRUE(wheel.empty());
    EXPECT_EQ(wheel.next_deadline(), never);
}

TEST_F(timer_wheel_test, the_earliest_first_and_equal_ones_in_the_order_of_arming)
{
    timer_node a, b, c, d;
    arm(a, 1, 5ms);
    arm(b, 2, 3ms);
    arm(c, 3, 5ms);
    arm(d, 4, 24h);
    wheel.advance(time_point(48h));
    EXPECT_EQ(fired, (std::vector{2, 1, 3, 4}));
}

TEST_F(timer_wheel_test, one_that_fires_may_destroy_the_next)
{
    timer_node a;
    auto b = std::make_unique<timer_node>();
    arm(a, 1, 1ms);
    arm(*b, 2, 1ms);
    a.context = &b;
    a.fire = [](timer_node&, void* p, time_point) { static_cast<std::unique_ptr<timer_node>*>(p)->reset(); };
    wheel.advance(time_point(1ms));
    EXPECT_TRUE(fired.empty());
    EXPECT_TRUE(wheel.empty());
}

TEST_F(timer_wheel_test, behaves_as_a_sorted_list_does)
{
    std::mt19937_64 random(7);
    std::vector<std::unique_ptr<timer_node>> nodes;
    for (int i = 0; i < 64; ++i) nodes.push_back(std::make_unique<timer_node>());
    std::multimap<duration, int> model;
    std::vector<std::multimap<duration, int>::iterator> where(nodes.size(), model.end());
    duration now{};
    for (int step = 0; step < 20'000; ++step) {
        const auto i = random() % nodes.size();
        if (where[i] != model.end()) model.erase(where[i]);
        where[i] = model.end();
        if (random() % 8 == 0) {
            wheel.cancel(*nodes[i]);
        } else {
            const auto at = now + duration(static_cast<std::int64_t>(random() % (1ULL << (random() % 44))));
            where[i] = model.emplace(at, static_cast<int>(i));
            arm(*nodes[i], static_cast<int>(i), at);
        }
        if (random() % 4 != 0) continue;
        now += duration(static_cast<std::int64_t>(random() % (1ULL << (random() % 42))));
        fired.clear();
        wheel.advance(time_point(now));
        std::vector<int> expected;
        while (!model.empty() && model.begin()->first <= now) {
            expected.push_back(model.begin()->second);
            where[static_cast<std::size_t>(model.begin()->second)] = model.end();
            model.erase(model.begin());
        }
        ASSERT_EQ(fired, expected) << "step " << step;
        const time_point next = model.empty() ? never : time_point(model.begin()->first);
        ASSERT_LE(wheel.next_deadline(), next);
    }
}

} // namespace
} // namespace tapio::core
