// // busy_poll: how long a device polls before the thread sleeps, and how polling without success is reduced.
#include "device/busy_poll.hpp"

#include <gtest/gtest.h>

namespace tapio::detail {
namespace {

using namespace std::chrono_literals;

struct busy_polling : testing::Test
{
    /// A batch of packets was received, and no more are queued. @return whether to poll again
    bool after(std::size_t octets) { return poll.looks_again(octets, sent, now); }

    /// For how long it polls if no packet arrives.
    core::duration looks_in_vain()
    {
        if (!after(60)) return 0us;
        const auto began = now;
        do now += 1us;
        while (after(0));
        return now - began;
    }

    /// How many batches are received after sleeping until it polls again.
    unsigned sleeps()
    {
        unsigned n = 0;
        for (; n < 1000 && !after(60); ++n) now += 1ms;
        return n;
    }

    busy_poll poll{50us};
    std::size_t sent = 0;
    core::time_point now{1h};
};

TEST_F(busy_polling, for_nothing_unless_asked_to)
{
    busy_poll none(0us);
    EXPECT_FALSE(none.enabled());
    EXPECT_TRUE(poll.enabled());
}

TEST_F(busy_polling, looks_for_so_long_after_the_last_packet)
{
    EXPECT_FALSE(after(0)); // no packet has been received yet
    EXPECT_TRUE(after(60));
    now += 49us;
    EXPECT_TRUE(after(0));
    EXPECT_TRUE(after(60));
    now += 49us;
    EXPECT_TRUE(after(0));
    now += 1us;
    EXPECT_FALSE(after(0));
    EXPECT_FALSE(after(0));
}

TEST_F(busy_polling, where_it_helps_it_goes_on)
{
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(after(60));
        now += 20us;
        ASSERT_TRUE(after(0));
        now += 20us;
    }
}

TEST_F(busy_polling, where_it_was_in_vain_ever_seldomer)
{
    EXPECT_EQ(looks_in_vain(), 50us);
    EXPECT_EQ(sleeps(), 1U);
    now += 50us;
    EXPECT_FALSE(after(0));
    EXPECT_EQ(sleeps(), 3U);
    now += 50us;
    EXPECT_FALSE(after(0));
    EXPECT_EQ(sleeps(), 7U);
    for (int i = 0; i < 5; ++i) {
        now += 50us;
        EXPECT_FALSE(after(0));
        (void)sleeps();
    }
    now += 50us;
    EXPECT_FALSE(after(0));
    EXPECT_EQ(sleeps(), 63U); // after repeated failure it polls after one of 64 batches
}

TEST_F(busy_polling, once_it_helps_again_all_is_forgotten)
{
    for (int i = 0; i < 5; ++i) {
        (void)sleeps();
        now += 50us;
        EXPECT_FALSE(after(0));
    }
    (void)sleeps();
    now += 10us;
    EXPECT_TRUE(after(60)); // received while polling
    EXPECT_EQ(looks_in_vain(), 50us);
    EXPECT_EQ(sleeps(), 1U);
}

TEST_F(busy_polling, where_much_goes_across_the_thread_sleeps)
{
    EXPECT_FALSE(after(20'000));
    EXPECT_TRUE(after(60));
    sent += 20'000; // data was sent in reply
    EXPECT_FALSE(after(60));
    EXPECT_TRUE(after(60)); // the reply counts for one batch only
}

} // namespace
} // namespace tapio::detail
