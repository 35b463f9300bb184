// // The impaired device: impairments in both directions, deadlines, stop, and the comments in a capture.
#include "support/pcapng_reader.hpp"
#include "unit/device/recorder.hpp"

#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <unistd.h>

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
    EXPECT_EQ(at_right.heard + at_left.heard, "|"); // an empty batch tells the stack that the device's deadline has changed
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
    EXPECT_EQ(at_right.heard, "changed") << "the other end of the wire is gone";
}

TEST_F(impaired_device, takes_what_the_inner_device_refuses_and_sends_it_later)
{
    make({}, {.link = core::link_type::ip, .queue_length = 1});
    for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(transmit(*left, text));
    left->deliver();
    EXPECT_EQ(at_right.heard, "a | b | c |");
}

TEST_F(impaired_device, a_capture_says_what_became_of_each_packet)
{
    const std::string path = ::testing::TempDir() + "tapio_impaired_" + std::to_string(::getpid()) + ".pcapng";
    const auto comment = [&](const core::impairment_options& o, const std::string& packet = std::string(24, 'x')) {
        make({.outgoing = o, .capture = std::make_shared<pcapng_writer>(path)});
        transmit(*left, packet);
        left->flush();
        const auto packets = packets_of(read_pcapng(path));
        std::filesystem::remove(path);
        return packets.size() == 1 && packets[0].octets == packet ? packets[0].comment : "not in the capture as it was sent";
    };
    EXPECT_EQ(comment({}), "none");
    EXPECT_EQ(comment({.drop = 1}), "dropped");
    EXPECT_EQ(comment({.duplicate = 1}), "2 copies");
    EXPECT_EQ(comment({.corrupt = 1}), "1 bit flipped");
    EXPECT_EQ(comment({.delay = 50ms}), "delayed by 50 ms");
    EXPECT_EQ(comment({.delay = 1'002'030us}), "delayed by 1002.03 ms");
    EXPECT_EQ(comment({.delay = 7us}), "delayed by 0.007 ms");
    EXPECT_EQ(comment({.duplicate = 1, .delay = 1ms}), "2 copies, delayed by 1 ms");
    EXPECT_EQ(comment({.reorder = 1}), "delayed by 5 ms, so that later ones overtake it");
    EXPECT_EQ(comment({.rate = 8000}), "delayed by 24 ms");

    make({.incoming = {.rate = 8, .queue_limit = 20}, .capture = std::make_shared<pcapng_writer>(path)});
    transmit(*right, std::string(24, 'a'));
    transmit(*right, std::string(24, 'b'));
    right->deliver();
    const auto blocks = read_pcapng(path);
    const auto packets = packets_of(blocks);
    ASSERT_EQ(packets.size(), 2U);
    EXPECT_EQ(option(blocks[1].body, 8, 2), "pipe0 wire");
    EXPECT_EQ(packets[0].comment, "delayed by 24000 ms");
    EXPECT_EQ(packets[1].comment, "dropped: the queue is full");
    std::filesystem::remove(path);
}

} // namespace
} // namespace tapio::test
