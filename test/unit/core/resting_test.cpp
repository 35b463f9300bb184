// Idle connections are reduced to idle_memory ("at rest") and restored when needed. (That the peer sees no difference is tested
// by the packet scripts when they run with TAPIO_TEST_AT_REST.)
#include "core/connection_table.hpp"
#include "core/options_shelf.hpp"
#include "support/told_owner.hpp"
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

host_options two_awake()
{
    host_options o;
    o.awake_connections = 2;
    return o;
}

struct resting : testing::Test, two_hosts
{
    resting() : two_hosts(two_awake())
    {
        listener = *b.tcp().open(family::v4);
        EXPECT_FALSE(b.tcp().bind(listener, there));
        EXPECT_FALSE(b.tcp().listen(listener, 100, now));
    }
    void connect()
    {
        clients.push_back(*a.tcp().open(family::v4));
        EXPECT_EQ(a.tcp().connect(clients.back(), there, now), errno_code(EINPROGRESS));
        settle();
        endpoint peer;
        servers.push_back(*b.tcp().accept(listener, peer, now));
        settle();
    }
    void say(tcp_id from, const std::string& what)
    {
        const std::array<const_bytes, 1> out{octets(what)};
        EXPECT_EQ(*a.tcp().send(from, out, now), what.size());
        settle();
    }
    std::string heard(tcp_id at)
    {
        std::string got(100, 0);
        const std::array<mutable_bytes, 1> in{std::as_writable_bytes(std::span(got))};
        const auto n = b.tcp().receive(at, in, {}, now);
        settle();
        return n ? got.substr(0, *n) : n.error().message();
    }

    tcp_id listener;
    std::vector<tcp_id> clients, servers;
};

TEST_F(resting, all_but_so_many_rest)
{
    for (int i = 0; i < 10; ++i) connect();
    EXPECT_EQ(a.counters().tcp.at_rest, 8U);
    EXPECT_EQ(b.counters().tcp.at_rest, 8U);
    EXPECT_EQ(a.counters().tcp.curr_estab, 10U);
    EXPECT_EQ(b.counters().tcp.wakes, 0U);
}

TEST_F(resting, a_segment_wakes_and_the_longest_idle_goes_to_rest_instead)
{
    for (int i = 0; i < 10; ++i) connect();
    say(clients[0], "are you there?");
    EXPECT_EQ(b.counters().tcp.wakes, 1U);
    EXPECT_EQ(heard(servers[0]), "are you there?");
    now += 1s;
    settle(); // until the delayed ACK has been sent
    EXPECT_EQ(a.counters().tcp.at_rest, 8U);
    EXPECT_EQ(b.counters().tcp.at_rest, 8U);
}

TEST_F(resting, what_was_set_and_counted_is_there_afterwards)
{
    connect();
    ASSERT_FALSE(b.tcp().set_option(servers[0], socket_option::no_delay, 1, now));
    ASSERT_FALSE(b.tcp().set_option(servers[0], socket_option::receive_low_watermark, 3, now));
    ASSERT_FALSE(b.tcp().set_congestion_control(servers[0], "reno", now));
    say(clients[0], "one");
    EXPECT_EQ(heard(servers[0]), "one");
    now += 1s;
    settle();
    const tcp_info before = *b.tcp().info(servers[0], now);
    for (int i = 0; i < 5; ++i) connect();
    ASSERT_EQ(b.counters().tcp.at_rest, 4U);
    const tcp_info after = *b.tcp().info(servers[0], now);
    EXPECT_EQ(b.counters().tcp.wakes, 1U);
    EXPECT_EQ(after.srtt, before.srtt);
    EXPECT_EQ(after.cwnd, before.cwnd);
    EXPECT_EQ(after.send_window, before.send_window);
    EXPECT_EQ(after.receive_window, before.receive_window);
    EXPECT_EQ(after.bytes_received, 3U);
    EXPECT_EQ(after.segments_received, before.segments_received);
    EXPECT_EQ(after.segments_sent, before.segments_sent);
    EXPECT_EQ(after.data_segments_received, 1U);
    EXPECT_EQ(after.delivered, before.delivered);
    EXPECT_EQ(after.delivery_rate, before.delivery_rate);
    EXPECT_EQ(after.busy, before.busy);
    EXPECT_EQ(after.since_received, before.since_received);
    EXPECT_EQ(after.sack, before.sack);
    EXPECT_EQ(*b.tcp().congestion_control_of(servers[0]), "reno");
    EXPECT_EQ(*b.tcp().get_option(servers[0], socket_option::no_delay), 1);
    EXPECT_EQ(*b.tcp().get_option(servers[0], socket_option::receive_low_watermark), 3);
    EXPECT_TRUE(*b.tcp().local_endpoint(servers[0]) == there);
}

TEST_F(resting, the_owner_is_told_of_what_comes)
{
    connect();
    told_owner somebody;
    b.tcp().set_owner(servers[0], &somebody);
    for (int i = 0; i < 5; ++i) connect();
    b.dispatch_events(now);
    somebody.told = readiness::none;
    for (int i = 0; i < 5; ++i) connect();
    ASSERT_EQ(b.counters().tcp.at_rest, 9U);
    say(clients[0], "wake up");
    b.dispatch_events(now);
    EXPECT_TRUE(any(somebody.told & readiness::readable));
}

TEST_F(resting, one_with_keep_alive_stays_awake_as_it_has_a_timer)
{
    connect();
    ASSERT_FALSE(b.tcp().set_option(servers[0], socket_option::keep_alive, 1, now));
    for (int i = 0; i < 5; ++i) connect();
    EXPECT_EQ(b.counters().tcp.at_rest, 3U);
    now += 3h;
    settle();
    EXPECT_GT(b.counters().tcp.keep_alive_probes, 0U);
    EXPECT_EQ(b.counters().tcp.curr_estab, 6U);
}

TEST_F(resting, they_end_as_any_other)
{
    for (int i = 0; i < 10; ++i) connect();
    for (const tcp_id c : clients) a.tcp().close(c, now);
    settle();
    for (const tcp_id s : servers) b.tcp().close(s, now);
    settle();
    EXPECT_EQ(b.counters().tcp.at_rest, 0U);
    EXPECT_EQ(b.tcp().size(), 1U); // only the listener is left
    now += 61s;
    settle();
    EXPECT_EQ(a.tcp().size(), 0U);
    EXPECT_EQ(a.counters().tcp.at_rest, 0U);
}

TEST(connection_table, is_a_map_of_handles_by_hash)
{
    std::mt19937 random(7);
    connection_table table;
    std::map<std::uint32_t, std::uint32_t> names;                   // reference: index to name, of the connections in the table
    const auto hash = [](std::uint32_t name) { return name % 97; }; // many collisions
    const auto look_for = [&](std::uint32_t name) {
        return table.find(hash(name), [&](tcp_id id) { return names.at(id.index) == name; });
    };
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        const auto name = static_cast<std::uint32_t>(random() % 300);
        const tcp_id found = look_for(name);
        const auto known = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.second == name; });
        ASSERT_EQ(bool(found), known != names.end());
        if (!found) {
            names[i] = name;
            table.insert(hash(name), {i, 1});
        } else if (random() % 3 == 0) {
            names.erase(found.index);
            names[i] = name;
            table.rename(hash(name), found, {i, 1});
        } else {
            ASSERT_TRUE(table.erase(hash(name), found));
            ASSERT_FALSE(table.erase(hash(name), found));
            names.erase(found.index);
        }
        ASSERT_EQ(table.size(), names.size());
    }
    for (const auto& [index, name] : names) EXPECT_EQ(look_for(name).index, index);
}

TEST(options_shelf, gives_equal_options_once)
{
    options_shelf shelf;
    tcp_options o;
    const auto first = shelf.share(o);
    for (unsigned i = 0; i < 5; ++i) {
        o.retries = 100 + i;
        EXPECT_NE(shelf.share(o), first);
    }
    EXPECT_EQ(shelf.share(tcp_options()), first);
    EXPECT_EQ(first->retries, tcp_options().retries);
}

} // namespace
} // namespace tapio::core
