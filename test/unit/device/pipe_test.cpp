// // make_pipe(): two devices joined in memory. Batches, full queues, endless exchanges, stop, MTU.
#include "unit/device/recorder.hpp"

#include <tapio/device/pipe.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace tapio::test {
namespace {

struct pipe : ::testing::Test
{
    void make(const pipe_options& options = {})
    {
        std::tie(left, right) = make_pipe(options);
        left->start(io.get_executor(), at_left);
        right->start(io.get_executor(), at_right);
    }

    boost::asio::io_context io;
    recorder at_left, at_right;
    std::unique_ptr<device> left, right;
};

TEST_F(pipe, delivers_in_order_as_one_batch)
{
    make();
    EXPECT_TRUE(transmit(*left, "a"));
    EXPECT_TRUE(transmit(*left, "b"));
    EXPECT_EQ(at_right.heard, "") << "transmit() must not deliver";
    left->deliver();
    EXPECT_EQ(at_right.heard, "a b |");
    EXPECT_EQ(at_left.heard, "");
}

TEST_F(pipe, carries_both_ways_whoever_delivers)
{
    make();
    transmit(*left, "a");
    transmit(*right, "b");
    right->deliver();
    EXPECT_EQ(at_right.heard, "a |");
    EXPECT_EQ(at_left.heard, "b |");
}

TEST_F(pipe, answers_are_delivered_before_deliver_returns_and_without_recursion)
{
    make();
    int depth = 0, deepest = 0, rounds = 0;
    const auto answer = [&](device& d) {
        deepest = std::max(deepest, ++depth);
        if (++rounds < 1000) transmit(d, "x");
        d.deliver(); // as a stack does at the end of each run
        --depth;
    };
    at_right.on_batch = [&] { answer(*right); };
    at_left.on_batch = [&] { answer(*left); };
    transmit(*left, "x");
    left->deliver();
    EXPECT_EQ(rounds, 1000);
    EXPECT_EQ(deepest, 1);
}

TEST_F(pipe, an_endless_conversation_yields_to_the_executor)
{
    make();
    std::uint64_t rounds = 0;
    at_right.on_batch = [&] { ++rounds, transmit(*right, "x"); };
    at_left.on_batch = [&] { ++rounds, transmit(*left, "x"); };
    transmit(*left, "x");
    left->deliver();
    const auto first = rounds;
    EXPECT_GE(first, 10'000U);
    EXPECT_EQ(io.poll_one(), 1U);
    EXPECT_GT(rounds, first);
    right->stop();
}

/// At both ends time stands still, as in virtual time within one instant.
TEST_F(pipe, breaks_when_packets_flow_without_end_at_one_instant)
{
    make({.packets_at_one_instant = 50'000});
    std::uint64_t rounds = 0;
    at_right.on_batch = [&] { ++rounds, transmit(*right, "x"); };
    at_left.on_batch = [&] { ++rounds, transmit(*left, "x"); };
    transmit(*left, "x");
    left->deliver();
    EXPECT_LE(io.run(), 10U) << "run() returns";
    EXPECT_EQ(rounds, 50'000U);
    const auto why = make_error_code(boost::system::errc::resource_deadlock_would_occur);
    EXPECT_EQ(at_left.error, why);
    EXPECT_EQ(at_right.error, why);
    transmit(*left, "later");
    left->deliver();
    EXPECT_EQ(rounds, 50'000U);
}

TEST_F(pipe, does_not_break_while_time_passes)
{
    make({.packets_at_one_instant = 100});
    std::uint64_t rounds = 0;
    at_right.on_batch = [&] {
        at_right.time = at_left.time += std::chrono::nanoseconds(rounds % 50 == 0 ? 1 : 0);
        if (++rounds < 1000) transmit(*right, "x"), transmit(*left, "y");
    };
    transmit(*left, "x");
    left->deliver();
    io.run();
    EXPECT_EQ(rounds, 1000U);
    EXPECT_FALSE(at_left.error);
}

TEST_F(pipe, a_full_queue_refuses_and_says_when_there_is_room)
{
    make({.queue_length = 2});
    EXPECT_TRUE(transmit(*left, "a"));
    EXPECT_TRUE(transmit(*left, "b"));
    auto refused = packet_of("c");
    EXPECT_FALSE(left->transmit(refused));
    EXPECT_EQ(text_of(refused), "c") << "a refused packet is unchanged";
    EXPECT_TRUE(transmit(*right, "the other direction has room"));
    left->deliver();
    EXPECT_EQ(at_right.heard, "a b |");
    EXPECT_EQ(at_left.heard, "the other direction has room | writable");
}

TEST_F(pipe, what_came_before_the_start_is_delivered_from_a_handler)
{
    std::tie(left, right) = make_pipe();
    left->start(io.get_executor(), at_left);
    transmit(*left, "early");
    left->deliver();
    right->start(io.get_executor(), at_right);
    EXPECT_EQ(at_right.heard, "");
    io.run();
    EXPECT_EQ(at_right.heard, "early |");
}

TEST_F(pipe, to_an_end_that_has_stopped_packets_vanish)
{
    make({.queue_length = 1});
    right->stop();
    EXPECT_TRUE(transmit(*left, "a"));
    EXPECT_TRUE(transmit(*left, "b"));
    left->deliver();
    EXPECT_EQ(at_right.heard, "");
}

TEST_F(pipe, who_was_refused_by_an_end_that_stops_is_told)
{
    make({.queue_length = 1});
    transmit(*left, "a");
    EXPECT_FALSE(transmit(*left, "b"));
    right.reset();
    io.run();
    EXPECT_EQ(at_left.heard, "writable changed");
    EXPECT_FALSE(left->info().link_up);
    EXPECT_EQ(at_right.heard, "");
}

TEST_F(pipe, stopping_within_a_batch_ends_it)
{
    make();
    at_right.on_receive = [&](const std::string& text) {
        if (text == "b") right->stop();
    };
    for (const char* text : {"a", "b", "c"}) transmit(*left, text);
    left->deliver();
    EXPECT_EQ(at_right.heard, "a b");
}

TEST_F(pipe, larger_than_the_mtu_and_an_ethernet_header_vanishes)
{
    make({.mtu = 100});
    EXPECT_TRUE(transmit(*left, std::string(118, 'x')));
    EXPECT_TRUE(transmit(*left, std::string(119, 'y')));
    left->deliver();
    EXPECT_EQ(at_right.heard, std::string(118, 'x') + " |");
    EXPECT_EQ(left->transmit_errors(), 1U);
    EXPECT_EQ(right->transmit_errors(), 0U);
}

TEST_F(pipe, without_ethernet_the_mtu_is_the_limit)
{
    make({.link = core::link_type::ip, .mtu = 100});
    EXPECT_EQ(left->info().link, core::link_type::ip);
    transmit(*left, std::string(100, 'x'));
    transmit(*left, std::string(101, 'y'));
    left->deliver();
    EXPECT_EQ(at_right.heard, std::string(100, 'x') + " |");
}

TEST_F(pipe, says_what_it_is)
{
    const core::mac_address mac{{2, 0, 0, 0, 0, 7}};
    make({.mtu = 9000, .queue_length = 12, .mac = {core::mac_address{}, mac}});
    EXPECT_EQ(right->info().mac, mac);
    EXPECT_TRUE(left->info().mac.is_unspecified());
    EXPECT_EQ(left->info().mtu, 9000U);
    EXPECT_EQ(left->info().queue_length, 12U);
    EXPECT_NE(left->info().name, right->info().name);
}

// Both ends send and deliver on threads of their own; no packet is lost, duplicated or reordered.
TEST_F(pipe, two_threads)
{
    make();
    constexpr int count = 20'000;
    int next_at_right = 0, next_at_left = 0;
    at_right.on_receive = [&](const std::string& text) { next_at_right += text == std::to_string(next_at_right); };
    at_left.on_receive = [&](const std::string& text) { next_at_left += text == std::to_string(next_at_left); };
    const auto talk = [](device& d) {
        for (int i = 0; i < count;) {
            if (transmit(d, std::to_string(i))) ++i;
            d.deliver();
        }
    };
    std::thread other([&] { talk(*right); });
    talk(*left);
    other.join();
    left->deliver();
    EXPECT_EQ(next_at_right, count);
    EXPECT_EQ(next_at_left, count);
}

} // namespace
} // namespace tapio::test
