// ACKs held back while the device has more packets for us, so that one ACK covers a batch: how long they wait, and which ACKs do
// not wait.
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

struct withheld_acks : testing::Test, two_hosts
{
    explicit withheld_acks(int receive_buffer = 256 * 1024) : both(connect(receive_buffer))
    {
        for (int i = 0; i < 20; ++i) { // past quick-ACK mode, in which the first segments are acknowledged at once
            (void)arrive(sent(10'000), false);
            read();
        }
    }
    std::vector<packet> sent(std::size_t octets_of_payload)
    {
        const std::string text(octets_of_payload, 'x');
        const const_bytes piece = octets(text);
        EXPECT_EQ(*a.tcp().send(client, std::span(&piece, 1), now), octets_of_payload);
        a.advance(now);
        std::vector<packet> out;
        for (packet p; a.next_packet(1, p, now);) out.push_back(std::move(p));
        return out;
    }
    void read()
    {
        settle();
        std::vector<slice> all;
        (void)b.tcp().receive(server, all, 100'000'000, now);
        now += 50ms; // lets the delayed ACK timer expire
        settle();
    }
    /// The server receives a batch. @param goes_on the device has more packets  @return number of packets sent in reply
    std::size_t arrive(std::vector<packet> batch, bool goes_on)
    {
        b.receive(1, std::span(batch), now, goes_on);
        return answers();
    }
    std::size_t answers()
    {
        b.advance(now);
        std::size_t n = 0;
        for (packet p; b.next_packet(1, p, now); a.receive(1, std::move(p), now)) ++n;
        return n;
    }

    const connected both;
    const tcp_id client = both.client, server = both.server;
};

TEST_F(withheld_acks, after_a_pause_the_first_is_sent_at_once_and_the_next_waits_for_the_end)
{
    EXPECT_EQ(arrive(sent(10'000), true), 1U);
    EXPECT_EQ(arrive(sent(10'000), true), 0U);
    EXPECT_EQ(arrive(sent(10'000), true), 0U);
    EXPECT_EQ(arrive(sent(10'000), false), 1U) << "one ACK for all batches";
    EXPECT_EQ(a.tcp().info(client, now)->in_flight, 0U) << "it covers everything";
}

TEST_F(withheld_acks, the_end_may_be_a_batch_of_nothing)
{
    (void)arrive(sent(10'000), true);
    EXPECT_EQ(arrive(sent(10'000), true), 0U);
    EXPECT_EQ(arrive({}, true), 0U);
    EXPECT_EQ(arrive({}, false), 1U);
}

TEST_F(withheld_acks, not_for_longer_than_a_path_feels)
{
    (void)arrive(sent(10'000), true);
    EXPECT_EQ(arrive(sent(10'000), true), 0U);
    now += 240us;
    EXPECT_EQ(arrive({}, true), 0U);
    now += 10us;
    EXPECT_EQ(arrive({}, true), 1U);
}

TEST_F(withheld_acks, should_the_device_forget_its_promise_the_timer_does_not)
{
    (void)arrive(sent(10'000), true);
    EXPECT_EQ(arrive(sent(10'000), true), 0U);
    now += 50ms;
    EXPECT_EQ(answers(), 1U);
}

TEST_F(withheld_acks, a_hole_is_told_at_once)
{
    (void)arrive(sent(10'000), true);
    auto batch = sent(10'000);
    batch.erase(batch.begin() + 2);
    EXPECT_GE(arrive(std::move(batch), true), 1U);
}

TEST_F(withheld_acks, data_on_its_way_carries_it)
{
    (void)arrive(sent(10'000), true);
    EXPECT_EQ(arrive(sent(10'000), true), 0U);
    const std::string text = "reply";
    const const_bytes piece = octets(text);
    EXPECT_EQ(*b.tcp().send(server, std::span(&piece, 1), now), text.size());
    EXPECT_EQ(answers(), 1U);
    EXPECT_EQ(arrive({}, false), 0U);
}

TEST_F(withheld_acks, loopback_has_nothing_to_wait_for)
{
    const endpoint self{boost::asio::ip::make_address("127.0.0.1"), 81};
    const tcp_id listener = *b.tcp().open(family::v4), speaker = *b.tcp().open(family::v4);
    EXPECT_FALSE(b.tcp().bind(listener, self));
    EXPECT_FALSE(b.tcp().listen(listener, 1, now));
    EXPECT_EQ(b.tcp().connect(speaker, self, now), boost::asio::error::in_progress);
    settle();
    endpoint peer;
    const tcp_id hearer = *b.tcp().accept(listener, peer, now);
    const std::string text(200'000, 'x'); // more than three segments
    const const_bytes piece = octets(text);
    const auto speak = [&] {
        EXPECT_EQ(*b.tcp().send(speaker, std::span(&piece, 1), now), text.size());
        for (int i = 0; i < 10; ++i) b.advance(now);
    };
    for (int i = 0; i < 20; ++i) { // past quick-ACK mode
        std::vector<slice> all;
        speak();
        (void)b.tcp().receive(hearer, all, text.size(), now);
        now += 1ms;
        b.advance(now);
    }
    (void)arrive(sent(10'000), true);
    EXPECT_EQ(arrive(sent(10'000), true), 0U);
    speak();
    EXPECT_EQ(b.tcp().info(speaker, now)->in_flight, 0U);
}

struct withheld_acks_of_a_small_window : withheld_acks
{
    static constexpr int buffer = 32 * 1024; // octets
    withheld_acks_of_a_small_window() : withheld_acks(buffer) {}
};

TEST_F(withheld_acks_of_a_small_window, do_not_wait_until_the_peer_runs_into_its_edge)
{
    (void)arrive(sent(1448), true);
    int octets = 0;
    for (std::size_t answered = 0; answered == 0 && octets < buffer; octets += 1448) answered = arrive(sent(1448), true);
    EXPECT_GT(octets, 2 * 1448) << "ACKs are held back";
    EXPECT_LE(octets, buffer / 2);
}

} // namespace
} // namespace tapio::core
