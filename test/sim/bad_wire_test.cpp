// Transfers over wires that drop, duplicate, reorder and corrupt packets arrive complete and unchanged.
#include "support/world/stream_user.hpp"

#include <gtest/gtest.h>

namespace tapio::test {
namespace {

using namespace std::chrono_literals;

impairment_options bad_direction()
{
    impairment_options o;
    o.drop = 0.05;
    o.duplicate = 0.02;
    o.reorder = 0.05;
    o.corrupt = 0.01;
    o.delay = 5ms;
    o.reorder_delay = 3ms;
    return o;
}

/// Two hosts that send each other `octets` over a wire with the impairments `both`, in either direction.
struct bad_transfer
{
    explicit bad_transfer(std::uint64_t seed, std::uint64_t octets, const impairment_options& both,
                          const host_options& options = {}, link_type link = link_type::ip, bool offload = false)
        : net(seed),
          a(net.add_host(options)),
          b(net.add_host(options)),
          wire(net.join(a, "192.0.2.1", b, "192.0.2.2", {link, 1500, both, both, 0, offload})),
          server(b, make_endpoint("192.0.2.2", 80), 5, {octets, 2, 1}, net.now()),
          client(a, start_connect(a, make_endpoint("192.0.2.2", 80), net.now()), {octets, 1, 2})
    {
    }
    bool finished() const { return client.finished() && server.users().size() == 1 && server.users()[0]->finished(); }

    world net;
    host &a, &b;
    wire_between& wire;
    acceptor_user server;
    stream_user client;
};

class bad_wire : public testing::TestWithParam<std::uint64_t>
{
};

TEST_P(bad_wire, a_megabyte_both_ways_arrives_whole)
{
    constexpr std::uint64_t megabyte = 1 << 20;
    bad_transfer t(GetParam(), megabyte, bad_direction());
    ASSERT_TRUE(t.net.run_until([&] { return t.finished(); }, 10min))
        << "received " << t.client.received() << " and " << (t.server.users().empty() ? 0 : t.server.users()[0]->received())
        << ", error " << t.client.error();
    const stream_user& s = *t.server.users()[0];
    EXPECT_EQ(t.client.received(), megabyte);
    EXPECT_EQ(s.received(), megabyte);
    EXPECT_FALSE(t.client.wrong_octets());
    EXPECT_FALSE(s.wrong_octets());
    EXPECT_TRUE(t.net.run_until([&] { return t.a.tcp().size() == 0 && t.b.tcp().size() == 1; }, 20min))
        << "connections that did not end: " << t.a.tcp().size() << " and " << t.b.tcp().size();
}

TEST_P(bad_wire, and_with_segments_cut_and_joined_at_the_edges_and_connections_that_take_turns)
{
    constexpr std::uint64_t megabyte = 1 << 20;
    host_options options;
    options.send_quantum = 20'000;
    // With one of the seeds over IPv6 three solicitations in a row are lost: no neighbour.
    const std::uint64_t seed = over_v6() ? GetParam() + 100 : GetParam();
    bad_transfer t(seed, megabyte, bad_direction(), options, seed % 2 == 0 ? link_type::ip : link_type::ethernet, true);
    ASSERT_TRUE(t.net.run_until([&] { return t.finished(); }, 10min)) << t.client.error();
    const stream_user& s = *t.server.users()[0];
    EXPECT_EQ(t.client.received(), megabyte);
    EXPECT_EQ(s.received(), megabyte);
    EXPECT_FALSE(t.client.wrong_octets());
    EXPECT_FALSE(s.wrong_octets());
    EXPECT_TRUE(t.net.run_until([&] { return t.a.tcp().size() == 0 && t.b.tcp().size() == 1; }, 20min));
}

TEST(turns, who_may_send_much_does_not_send_all_of_it_at_once)
{
    host_options options;
    options.send_quantum = 65'536;
    options.tcp.initial_window = 300; // segments
    bad_transfer t(1, 1 << 20, {}, options, link_type::ip, true);
    ASSERT_TRUE(t.net.run_until([&] { return t.server.users().size() == 1; }, 1s));
    std::uint64_t most = 0, before = t.a.net().interface(1).counters().out_octets;
    while (!t.finished()) { // step by step in virtual time
        t.net.run_until([instants = 0]() mutable { return ++instants == 2; }, 1h);
        const std::uint64_t sent = t.a.net().interface(1).counters().out_octets;
        most = std::max(most, sent - before);
        before = sent;
    }
    EXPECT_GT(most, 65'536U);
    EXPECT_LT(most, 4 * 65'536U) << "a turn is two segments of 45 pieces, and the user may write once more";
}

INSTANTIATE_TEST_SUITE_P(seeds, bad_wire, testing::Range<std::uint64_t>(1, 101));

TEST(bad_wire_proof, each_impairment_fires_both_ways_and_is_seen_by_the_stack)
{
    bad_transfer t(1, 1 << 20, bad_direction());
    ASSERT_TRUE(t.net.run_until([&] { return t.finished(); }, 10min));
    for (const direction* d : {&t.wire.forth, &t.wire.back}) {
        const impairment_counters& c = d->counters();
        EXPECT_GT(c.dropped, 10U);
        EXPECT_GT(c.duplicated, 3U);
        EXPECT_GT(c.reordered, 10U);
        EXPECT_GT(d->overtaken(), 5U);
        EXPECT_GT(c.corrupted, 3U);
        EXPECT_EQ(c.packets - c.dropped + c.duplicated, d->delivered() + d->in_transit());
    }
    for (const host* h : {&t.a, &t.b}) {
        const host_counters& c = h->counters();
        EXPECT_GT(c.tcp.out_of_order_segs, 0U);
        EXPECT_GT(c.tcp.retrans_segs, 0U);
        EXPECT_GT(c.drops[drop_reason::tcp_bad_checksum] + c.drops[drop_reason::ipv4_bad_checksum], 0U); // RFC 9293 MUST-3
    }
}

TEST(bad_wire_proof, the_same_seed_gives_the_same_run)
{
    const auto run = [](std::uint64_t seed) {
        bad_transfer t(seed, 200'000, bad_direction());
        EXPECT_TRUE(t.net.run_until([&] { return t.finished(); }, 10min));
        return std::pair(t.net.now(), t.net.packets());
    };
    EXPECT_EQ(run(5), run(5));
    EXPECT_NE(run(5), run(6));
}

TEST(bad_wire_proof, over_ethernet_too)
{
    impairment_options o = bad_direction();
    bad_transfer t(3, 300'000, o, {}, link_type::ethernet);
    ASSERT_TRUE(t.net.run_until([&] { return t.finished(); }, 10min));
    EXPECT_FALSE(t.client.wrong_octets());
    EXPECT_EQ(t.server.users()[0]->received(), 300'000U);
}

/// Without timestamps and window scaling other code is used (RTT samples by Karn's algorithm, 64 KiB windows).
TEST(bad_wire_proof, without_timestamps_and_scaling)
{
    host_options plain;
    plain.tcp.offer_timestamps = plain.tcp.offer_window_scale = false;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        bad_transfer t(seed, 300'000, bad_direction(), plain);
        ASSERT_TRUE(t.net.run_until([&] { return t.finished(); }, 10min)) << "seed " << seed;
        EXPECT_FALSE(t.client.wrong_octets() || t.server.users()[0]->wrong_octets());
        EXPECT_EQ(t.client.received(), 300'000U);
    }
}

TEST(bad_wire_proof, tiny_buffers)
{
    host_options tiny;
    tiny.tcp.receive_buffer = 3000;
    tiny.tcp.send_buffer = 2000;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        bad_transfer t(seed, 60'000, bad_direction(), tiny);
        ASSERT_TRUE(t.net.run_until([&] { return t.finished(); }, 30min)) << "seed " << seed;
        EXPECT_FALSE(t.client.wrong_octets() || t.server.users()[0]->wrong_octets());
        EXPECT_EQ(t.server.users()[0]->received(), 60'000U);
    }
}

} // namespace
} // namespace tapio::test
