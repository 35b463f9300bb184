// The device behind a descriptor, tested with a datagram socket pair, which keeps packet boundaries as a TAP does.
#include "device/descriptor_device.hpp"
#include "device/vnet_header.hpp"
#include "support/mocks.hpp"
#include "unit/device/recorder.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace tapio::test {
namespace {

using detail::unique_fd;

struct descriptor_device : ::testing::Test
{
    void make(std::size_t mtu = 100, detail::driving d = {}) { make_for(at_ours, mtu, std::move(d)); }
    void make_for(device_receiver& receiver, std::size_t mtu = 100, detail::driving d = {})
    {
        int fds[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
        peer = unique_fd(fds[1]);
        device_info info;
        info.link = core::link_type::ip;
        info.mtu = mtu;
        ours = detail::make_descriptor_device(unique_fd(fds[0]), info, std::move(d));
        ours->start(io.get_executor(), receiver);
    }

    bool peer_sends(const std::string& text) const
    {
        return ::send(peer.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
    }

    std::string peer_hears() const
    {
        std::string text(70'000, '\0');
        const auto size = ::recv(peer.get(), text.data(), text.size(), 0);
        return size < 0 ? "nothing" : text.substr(0, static_cast<std::size_t>(size));
    }

    boost::asio::io_context io;
    recorder at_ours;
    unique_fd peer;
    std::unique_ptr<device> ours;
};

TEST_F(descriptor_device, what_is_there_comes_as_one_batch)
{
    make();
    peer_sends("a");
    peer_sends("b");
    io.poll();
    EXPECT_EQ(at_ours.heard, "a b |");
    peer_sends("c");
    io.restart();
    io.poll();
    EXPECT_EQ(at_ours.heard, "a b | c |");
}

TEST_F(descriptor_device, large_packets_share_the_block_they_were_read_into)
{
    make(2000);
    const std::string large(1500, 'x'), full(2000, 'y');
    peer_sends(large);
    peer_sends("small");
    peer_sends(full);
    io.poll();
    EXPECT_EQ(at_ours.heard, large + " small " + full + " |");
}

TEST_F(descriptor_device, larger_than_the_mtu_is_dropped)
{
    make(100);
    peer_sends(std::string(101, 'x'));
    peer_sends("after");
    io.poll();
    EXPECT_EQ(at_ours.heard, "after |");
}

TEST_F(descriptor_device, a_long_queue_is_read_in_batches_and_others_run_between)
{
    ASSERT_NO_FATAL_FAILURE(make());
    int sent = 0, batches = 0, received = 0;
    at_ours.on_batch = [&] { ++batches; };
    at_ours.on_receive = [&](const std::string&) {
        ++received;
        if (sent < 3000 && peer_sends("x")) ++sent; // the queue never becomes empty
    };
    peer_sends("x");
    EXPECT_EQ(io.poll_one(), 1U);
    EXPECT_EQ(batches, 1);
    EXPECT_EQ(received, 1024) << "a batch is limited, so that other handlers run";
    io.poll();
    EXPECT_EQ(received, 3001);
    EXPECT_EQ(batches, 3); // 2 x 1024 + 953
    EXPECT_EQ(at_ours.went_on, (std::vector<bool>{true, true, false}));
}

TEST_F(descriptor_device, looks_for_the_next_packet_before_it_sleeps)
{
    make(100, {.busy_poll = std::chrono::seconds(10)});
    peer_sends("a");
    bool asked = false;
    at_ours.on_batch = [&] {
        if (!std::exchange(asked, true)) boost::asio::post(io, [&] { peer_sends("b"); }); // other handlers run while it polls
    };
    const auto began = std::chrono::steady_clock::now();
    while (at_ours.heard != "a | b |" && io.poll_one() == 1) {} // poll_one() would return 0 if it slept
    EXPECT_EQ(at_ours.heard, "a | b |");
    EXPECT_EQ(io.poll_one(), 1U); // it polls for a third packet
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST_F(descriptor_device, sleeps_when_it_has_looked_long_enough)
{
    using namespace std::chrono_literals;
    make(100, {.busy_poll = 200ms});
    peer_sends("a");
    const auto began = std::chrono::steady_clock::now();
    io.poll();
    EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms);
    EXPECT_EQ(at_ours.heard, "a |");
    peer_sends("b"); // polling had no success: no polling this time
    io.restart();
    const auto again = std::chrono::steady_clock::now();
    io.poll();
    EXPECT_LT(std::chrono::steady_clock::now() - again, 200ms);
    EXPECT_EQ(at_ours.heard, "a | b |");
}

TEST_F(descriptor_device, who_was_told_of_more_to_come_is_told_that_there_was_none)
{
    ASSERT_NO_FATAL_FAILURE(make());
    int sent = 0, received = 0;
    at_ours.on_receive = [&](const std::string&) {
        ++received;
        if (sent < 1023 && peer_sends("x")) ++sent;
    };
    peer_sends("x");
    io.poll();
    EXPECT_EQ(received, 1024);
    EXPECT_EQ(at_ours.went_on, (std::vector<bool>{true, false})) << "an empty batch ends the input";
    peer_sends("y");
    io.poll();
    EXPECT_EQ(at_ours.went_on, (std::vector<bool>{true, false, false}));
}

TEST_F(descriptor_device, transmits_headers_and_payload_as_one_packet)
{
    make(3000);
    auto p = packet_of("payload ");
    p.append(core::slice::copy_of(std::as_bytes(std::span("and more", 8))));
    std::memcpy(p.push_front(7), "header ", 7);
    EXPECT_TRUE(ours->transmit(p));
    EXPECT_EQ(peer_hears(), "header payload and more");
}

TEST_F(descriptor_device, transmits_large_and_scattered_packets)
{
    make(3000);
    auto one = packet_of(std::string(1500, 'x'));
    EXPECT_TRUE(ours->transmit(one));
    EXPECT_EQ(peer_hears(), std::string(1500, 'x'));
    auto scattered = packet_of(std::string(400, 'a'));
    scattered.append(core::slice::copy_of(std::as_bytes(std::span("b", 1))));
    EXPECT_TRUE(ours->transmit(scattered));
    EXPECT_EQ(peer_hears(), std::string(400, 'a') + "b");
    core::packet crumbs; // more slices than one writev takes
    for (int i = 0; i < 1500; ++i) crumbs.append(core::slice::copy_of(std::as_bytes(std::span("c", 1))));
    EXPECT_TRUE(ours->transmit(crumbs));
    EXPECT_EQ(peer_hears(), std::string(1500, 'c'));
}

TEST_F(descriptor_device, full_refuses_leaves_the_packet_and_calls_back_when_there_is_room)
{
    make();
    int sent = 0;
    while (sent < 100'000 && transmit(*ours, "x")) ++sent;
    ASSERT_LT(sent, 100'000) << "the device never became full";
    auto p = packet_of("refused");
    EXPECT_FALSE(ours->transmit(p));
    EXPECT_EQ(text_of(p), "refused");
    io.poll();
    EXPECT_EQ(at_ours.heard, "");
    while (peer_hears() != "nothing") {}
    io.restart();
    io.poll();
    EXPECT_EQ(at_ours.heard, "writable") << "called once, however many packets were refused";
    EXPECT_TRUE(ours->transmit(p));
    EXPECT_EQ(peer_hears(), "refused");
}

TEST_F(descriptor_device, a_packet_with_offload_travels_behind_its_header)
{
    make(100, {.header = detail::frame_header::vnet});
    auto p = packet_of("data");
    p.offload.checksum = core::offload_info::checksum_state::partial;
    p.offload.checksum_start = 20;
    EXPECT_TRUE(ours->transmit(p));
    const std::string wire = peer_hears();
    ASSERT_EQ(wire.size(), sizeof(detail::vnet_header) + 4);
    EXPECT_EQ(wire.substr(10), "data");
    EXPECT_EQ(wire[0], 1) << "VIRTIO_NET_HDR_F_NEEDS_CSUM";
    peer_sends(wire);
    peer_sends("too short");
    peer_sends(std::string("\0\x03", 2) + std::string(20, 'x')); // an unknown GSO type
    io.poll();
    EXPECT_EQ(at_ours.heard, "data |");
}

TEST_F(descriptor_device, a_refused_packet_loses_its_offload_header_again)
{
    make(100, {.header = detail::frame_header::vnet});
    int sent = 0;
    while (sent < 100'000 && transmit(*ours, "x")) ++sent;
    auto p = packet_of("refused");
    EXPECT_FALSE(ours->transmit(p));
    EXPECT_EQ(text_of(p), "refused");
}

TEST_F(descriptor_device, a_queued_handler_finds_the_door_closed)
{
    testing::StrictMock<mock_device_receiver> nobody; // must not be called
    ASSERT_NO_FATAL_FAILURE(make_for(nobody));
    peer_sends("a");
    boost::asio::post(io, [&] { ours->stop(); }); // runs before the reactor polls the descriptor
    io.run();
}

TEST_F(descriptor_device, stopping_within_a_batch_ends_it)
{
    testing::StrictMock<mock_device_receiver> receiver;
    ASSERT_NO_FATAL_FAILURE(make_for(receiver));
    const testing::InSequence order;
    EXPECT_CALL(receiver, receive(testing::ResultOf(text_of, "a")));
    EXPECT_CALL(receiver, receive(testing::ResultOf(text_of, "b"))).WillOnce([&](packet&&) { ours->stop(); });
    for (const char* text : {"a", "b", "c"}) peer_sends(text);
    io.run(); // neither "c" nor the end of the batch is delivered
}

TEST_F(descriptor_device, destruction_within_a_run_leaves_nothing_behind)
{
    testing::StrictMock<mock_device_receiver> nobody; // must not be called
    ASSERT_NO_FATAL_FAILURE(make_for(nobody));
    peer_sends("a");
    boost::asio::post(io, [&] { ours.reset(); });
    io.run();
    EXPECT_FALSE(peer_sends("b")) << "the descriptor is closed";
}

// stop() blocks until a handler on another thread has returned.
TEST_F(descriptor_device, stop_from_another_thread)
{
    for (int round = 0; round < 200; ++round) {
        make();
        std::atomic<bool> inside = false, stopped = false;
        std::atomic<int> received = 0;
        int after = 0;
        at_ours.on_receive = [&](const std::string&) {
            inside = true;
            after += stopped;
            ++received;
            inside = false;
        };
        for (int i = 0; i < 10; ++i) peer_sends("x");
        std::thread runner([&] { io.run(); });
        // in even rounds stop() mostly comes before the first packet
        while (round % 2 != 0 && received == 0) std::this_thread::yield();
        ours->stop();
        stopped = true;
        EXPECT_FALSE(inside);
        runner.join();
        EXPECT_EQ(after, 0);
        io.restart();
    }
}

} // namespace
} // namespace tapio::test
