// receive_crowd and receive_tuning: how many connections share a device's queue, and how receive buffers grow.
#include "tcp/buffer_tuning.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tapio::core::tcp::buffer_tuning_test {
namespace {

using namespace std::chrono_literals;

const time_point begin = time_point{} + 1h;

TEST(receive_crowd, counts_who_received_of_late)
{
    receive_crowd crowd;
    std::array<std::uint32_t, 3> seen{};
    EXPECT_EQ(crowd.count(seen[0], begin), 1U);
    EXPECT_EQ(crowd.count(seen[0], begin + 1ms), 1U);
    EXPECT_EQ(crowd.count(seen[1], begin + 1ms), 2U);
    EXPECT_EQ(crowd.count(seen[2], begin + 1ms), 3U);
    EXPECT_EQ(crowd.count(seen[0], begin + 250ms), 3U) << "the others may still be active";
    EXPECT_EQ(crowd.count(seen[1], begin + 250ms), 3U);
    EXPECT_EQ(crowd.count(seen[1], begin + 450ms), 2U);
    EXPECT_EQ(crowd.count(seen[1], begin + 10s), 1U);
}

TEST(receive_tuning, grows_to_four_times_what_is_read_in_a_round_trip)
{
    receive_tuning t;
    t.round_trip(10ms);
    EXPECT_EQ(t.user_read(50'000, 0ms, 65'536, 1'000'000, begin), 65'536U);
    EXPECT_EQ(t.user_read(50'000, 0ms, 65'536, 1'000'000, begin + 10ms), 400'000U);
    EXPECT_EQ(t.user_read(10, 0ms, 400'000, 1'000'000, begin + 20ms), 400'000U) << "it does not shrink when there is no data";
}

TEST(receive_tuning, gives_way_when_its_limit_has_become_smaller)
{
    receive_tuning t;
    t.round_trip(10ms);
    EXPECT_EQ(t.user_read(50'000, 0ms, 400'000, 100'000, begin), 100'000U);
}

TEST(receive_tuning, only_a_long_path_spreads_a_window)
{
    receive_tuning t;
    t.round_trip(5ms);
    for (int i = 0; i < 1000; ++i) t.round_trip(50ms); // the delay is our own queue, not the path
    EXPECT_EQ(t.spread(1000), 1000U);
    receive_tuning far;
    far.round_trip(100ms);
    EXPECT_EQ(far.spread(1000), 10'000U);
}

} // namespace
} // namespace tapio::core::tcp::buffer_tuning_test
