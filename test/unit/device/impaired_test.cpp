#include "unit/device/recorder.hpp"

#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace tapio::test {
namespace {

using namespace std::chrono_literals;

struct impaired_device : ::testing::Test
{
    void make(const impaired_options& options, const pipe_options& wire = {.link = core::link_type::ip})
    {
        std::tie(left, right) = make_pipe(wire);
        left = impaired(std::move(left), options);
        left->start(io.get_executor(), at_left);
        right->start(io.get_executor(), at_right);
    }

    boost::asio::io_context io;
    recorder at_left, at_right;
    std::unique_ptr<device> left, right;
};

TEST_F(impaired_device, a_perfect_wire_changes_nothing)
{
    make({});
    transmit(*left, "a");
    transmit(*right, "b");
    left->deliver();
    EXPECT_EQ(at_right.heard, "a |");
    EXPECT_EQ(at_left.heard, "b |");
}

TEST_F(impaired_device, outgoing_and_incoming_are_impaired_apart)
{
    make({.outgoing = {.drop = 1}, .incoming = {.duplicate = 1}});
    transmit(*left, "a");
    transmit(*right, "b");
    left->deliver();
    EXPECT_EQ(at_right.heard, "");
    EXPECT_EQ(at_left.heard, "b b |");
}

TEST_F(impaired_device, delayed_packets_come_when_their_time_has)
{
    make({.outgoing = {.delay = 1ms}, .incoming = {.delay = 2ms}});
    EXPECT_EQ(left->next_deadline(), core::never);
    transmit(*left, "a");
    transmit(*right, "b");
    left->deliver();
    EXPECT_EQ(at_right.heard + at_left.heard, "|"); // the stack is told that its device's deadline has changed
    EXPECT_EQ(left->next_deadline(), at_left.time + 1ms);
    at_left.time += 1ms;
    left->advance();
    EXPECT_EQ(at_right.heard, "a |");
    EXPECT_EQ(left->next_deadline(), at_left.time + 1ms);
    at_left.time += 1ms;
    left->advance();
    EXPECT_EQ(at_left.heard, "| | b |");
    EXPECT_EQ(left->next_deadline(), core::never);
}

TEST_F(impaired_device, what_is_still_on_the_wire_at_stop_is_gone)
{
    make({.outgoing = {.delay = 1ms}, .incoming = {.delay = 1ms}});
    transmit(*left, "a");
    transmit(*right, "b");
    left->deliver();
    left->stop();
    at_left.heard.clear();
    at_left.time += 1s;
    left->advance();
    EXPECT_EQ(at_left.heard, "");
    EXPECT_EQ(at_right.heard, "changed") << "its wire has lost its other end";
}

TEST_F(impaired_device, takes_what_the_inner_device_refuses_and_sends_it_later)
{
    make({}, {.link = core::link_type::ip, .queue_length = 1});
    for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(transmit(*left, text));
    left->deliver();
    EXPECT_EQ(at_right.heard, "a | b | c |");
}

} // namespace
} // namespace tapio::test
