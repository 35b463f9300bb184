// output_policy and output_hold: when a connection may send, tested without a connection.
#include "core/output_hold.hpp"
#include "core/output_policy.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace tapio::core::output_policy_test {
namespace {

using namespace std::chrono_literals;

constexpr tcp_id first{1, 1}, second{2, 1};
const time_point now = time_point(100s);

std::vector<tcp_id> list(std::span<const tcp_id> ids) { return {ids.begin(), ids.end()}; }

TEST(output_policy, whoever_waits_stands_in_its_list_once_and_in_order)
{
    output_policy policy(0);
    output_place a, b;
    EXPECT_FALSE(a.waits());
    policy.wait(output_wait::queue_room, second, b);
    policy.wait(output_wait::queue_room, first, a);
    policy.wait(output_wait::queue_room, second, b);
    EXPECT_TRUE(a.waits_for(output_wait::queue_room));
    EXPECT_FALSE(a.waits_for(output_wait::flush));
    EXPECT_EQ(list(policy.take(output_wait::queue_room)), (std::vector{second, first}));
    EXPECT_FALSE(policy.any(output_wait::queue_room));
    EXPECT_TRUE(a.waits()) << "it waits until goes_on() is called";
    a.goes_on(output_wait::queue_room);
    EXPECT_FALSE(a.waits());
}

TEST(output_policy, a_connection_may_wait_for_several_things)
{
    output_policy policy(0);
    output_place a;
    for (const auto w : {output_wait::flush, output_wait::user, output_wait::input, output_wait::turn}) policy.wait(w, first, a);
    EXPECT_TRUE(a.has_more_to_send());
    a.goes_on(output_wait::turn);
    EXPECT_FALSE(a.has_more_to_send()) << "waiting for the user or for input is not queued output";
    EXPECT_TRUE(a.waits_for(output_wait::user));
    EXPECT_TRUE(policy.any(output_wait::user));
}

TEST(output_policy, who_waits_again_while_a_list_is_worked_off_stands_in_the_next)
{
    output_policy policy(0);
    output_place a, b;
    policy.wait(output_wait::flush, first, a);
    policy.wait(output_wait::flush, second, b);
    for (const tcp_id id : policy.take(output_wait::flush))
        if (id == first) a.goes_on(output_wait::flush), policy.wait(output_wait::flush, first, a);
    EXPECT_EQ(list(policy.take(output_wait::flush)), std::vector{first});
}

TEST(output_policy, each_is_announced_once_between_two_flushes)
{
    output_policy policy(0);
    output_place a, b;
    policy.wait(output_wait::flush, first, a);
    EXPECT_EQ(list(policy.to_announce()), std::vector{first});
    policy.wait(output_wait::flush, second, b);
    EXPECT_EQ(list(policy.to_announce()), std::vector{second});
    EXPECT_EQ(list(policy.to_announce()), std::vector<tcp_id>{});
    EXPECT_EQ(list(policy.take(output_wait::flush)), (std::vector{first, second}))
        << "an announced connection is flushed as well";
    a.goes_on(output_wait::flush);
    policy.wait(output_wait::flush, first, a);
    EXPECT_EQ(list(policy.to_announce()), std::vector{first});
}

TEST(output_policy, a_turn_is_so_many_octets_where_the_device_takes_plain_frames)
{
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    const output_policy policy(1000), unbounded(0);
    EXPECT_EQ(policy.share(false, false), 1000U);
    EXPECT_EQ(policy.share(false, true), 2000U);
    EXPECT_EQ(policy.share(true, false), all);
    EXPECT_EQ(unbounded.share(false, false), all);
}

TEST(output_policy, the_next_turn_comes_when_time_has_passed)
{
    output_policy policy(1000);
    output_place a;
    EXPECT_EQ(policy.next_turn(), never);
    policy.turn_ended(first, a, now);
    EXPECT_GT(policy.next_turn(), now);
    EXPECT_LE(policy.next_turn(), now + 1us);
    EXPECT_EQ(list(policy.take(output_wait::turn)), std::vector{first});
    EXPECT_EQ(policy.next_turn(), never);
}

TEST(output_policy, an_acknowledgement_waits_for_what_is_in_the_device_but_not_for_long)
{
    output_policy policy(0);
    EXPECT_FALSE(policy.acks_may_wait());
    EXPECT_TRUE(policy.input_came(true, now)) << "ACKs were not held back so far; the time limit starts now";
    EXPECT_FALSE(policy.input_came(true, now + 100us));
    EXPECT_TRUE(policy.acks_may_wait());
    EXPECT_TRUE(policy.input_came(true, now + 300us)) << "the time limit for holding back ACKs has passed";
    EXPECT_FALSE(policy.acks_may_wait());
    EXPECT_FALSE(policy.input_came(true, now + 400us));
    EXPECT_TRUE(policy.input_came(false, now + 410us)) << "the device has no more packets";
}

TEST(output_hold, output_waits_for_handlers_unless_they_were_slow)
{
    output_hold hold;
    EXPECT_TRUE(hold.may_begin());
    hold.begin(now);
    hold.begin(now + 300us); // a second batch begins before the first has ended
    hold.end(now + 400us);
    EXPECT_TRUE(hold.may_begin());
    hold.begin(now);
    hold.begin(now + 400us);
    hold.end(now + 600us);
    unsigned without = 0;
    while (!hold.may_begin()) ++without;
    EXPECT_EQ(without, 100U);
    hold.end(now + 10s);
    EXPECT_TRUE(hold.may_begin()) << "this batch was not held back, so its duration does not count";
}

} // namespace
} // namespace tapio::core::output_policy_test
