// RFC 4861 §6.3.4: the reachable time of neighbours is random around its base.
#include "link/neighbor_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tapio::core::link::reachable_time_test {
namespace {

using namespace std::chrono_literals;

TEST(reachable_times, lie_between_half_and_one_and_a_half_of_the_base)
{
    duration least = 1h, most{}, sum{};
    for (unsigned seed = 0; seed < 1000; ++seed) {
        const duration d = reachable_time(seed).at(time_point(1h));
        least = std::min(least, d);
        most = std::max(most, d);
        sum += d;
    }
    EXPECT_GE(least, 15s);
    EXPECT_LT(least, 16s);
    EXPECT_LE(most, 45s);
    EXPECT_GT(most, 44s);
    EXPECT_NEAR(std::chrono::duration<double>(sum).count() / 1000, 30, 1);
}

TEST(reachable_times, are_drawn_anew_every_two_hours_and_not_before)
{
    reachable_time t(1);
    std::set<duration> drawn;
    for (unsigned second = 0; second < 7200; ++second) drawn.insert(t.at(time_point(1h + std::chrono::seconds(second))));
    EXPECT_EQ(drawn.size(), 1U);
    for (unsigned n = 0; n < 20; ++n) drawn.insert(t.at(time_point(3h + 2h * n)));
    EXPECT_EQ(drawn.size(), 21U);
}

TEST(reachable_times, are_drawn_anew_when_the_base_changes)
{
    reachable_time t(1);
    const duration before = t.at(time_point(1h));
    t.set_base(reachable_time::default_base);
    EXPECT_EQ(t.at(time_point(1h)), before) << "the base is what it was";
    t.set_base(100ms); // the least that is accepted
    EXPECT_GE(t.at(time_point(1h)), 50ms);
    EXPECT_LE(t.at(time_point(1h)), 150ms);
    t.set_base(1h); // the most
    EXPECT_GE(t.at(time_point(1h)), 30min);
    EXPECT_LE(t.at(time_point(1h)), 90min);
}

/// Learns the neighbour's address from an answer.
void meet(neighbor_cache& cache, const address& who, time_point now)
{
    packet p;
    neighbor_cache::next_hop to(who);
    EXPECT_EQ(cache.resolve(to, p, now), nullptr);
    cache.learn(who, mac_address{{2, 0, 0, 0, 0, 1}}, neighbor_cache::heard::reply, now);
}

/// How long it takes until a packet finds the neighbour stale.
duration reachable_for(neighbor_cache& cache, const address& who, time_point now)
{
    for (const time_point began = now;; now += 100ms) {
        packet p;
        neighbor_cache::next_hop to(who);
        (void)cache.resolve(to, p, now);
        if (cache.state_of(who) != neighbor_state::reachable) return now - began;
    }
}

TEST(reachable_times, of_the_two_families_are_independent)
{
    neighbor_cache cache(1);
    const address four = address_v4(0xc000'0202U), six = boost::asio::ip::make_address("2001:db8::2");
    const time_point now(1h);
    cache.set_v6_times(200s, 5s);
    meet(cache, four, now);
    meet(cache, six, now);
    EXPECT_EQ(reachable_for(cache, four, now), 30s);
    EXPECT_GE(reachable_for(cache, six, now), 100s);
}

} // namespace
} // namespace tapio::core::link::reachable_time_test
