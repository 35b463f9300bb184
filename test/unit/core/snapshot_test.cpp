// Snapshots for diagnostics: connections in every representation, interfaces, neighbours, routes, counters.
#include "support/two_hosts.hpp"

#include <tapio/core/snapshot.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapio::core {
namespace {

using testing::ElementsAre;
using testing::Field;

struct snapshot : testing::Test, two_hosts
{
    std::vector<tcp_state> states(const host& h) const
    {
        std::vector<tcp_state> out;
        for (const connection_info& c : h.tcp().list(now)) out.push_back(c.state);
        return out;
    }
};

TEST_F(snapshot, of_connections_and_their_queues)
{
    const auto [client, server] = connect();
    EXPECT_THAT(states(a), ElementsAre(tcp_state::established));
    EXPECT_THAT(states(b), ElementsAre(tcp_state::listen, tcp_state::established));
    const std::string text = "hello";
    const std::array<const_bytes, 1> list{const_bytes(reinterpret_cast<const std::byte*>(text.data()), text.size())};
    ASSERT_TRUE(a.tcp().send(client, list, now));
    const connection_info before = a.tcp().list(now).front();
    EXPECT_EQ(before.send_queue, 5U);
    EXPECT_TRUE(before.remote == there);
    EXPECT_NE(before.timer, tcp_timer::none);
    settle();
    EXPECT_EQ(b.tcp().list(now).back().receive_queue, 5U);
    EXPECT_TRUE(b.tcp().list(now).back().remote == before.local);
    (void)server;
}

TEST_F(snapshot, in_detail_has_tcp_info)
{
    const auto [client, server] = connect();
    const auto ours = a.tcp().list_in_detail(now), theirs = b.tcp().list_in_detail(now);
    ASSERT_EQ(ours.size(), 1U);
    ASSERT_EQ(theirs.size(), 2U);
    EXPECT_TRUE(ours.front().remote == there);
    ASSERT_TRUE(ours.front().info);
    EXPECT_EQ(ours.front().info->send_mss, a.tcp().info(client, now)->send_mss);
    ASSERT_TRUE(theirs.front().info); // the listener
    EXPECT_GT(theirs.front().info->backlog, 0U);
    a.tcp().close(client, now);
    b.tcp().close(server, now);
    settle();
    ASSERT_EQ(a.tcp().list_in_detail(now).front().state, tcp_state::time_wait);
    EXPECT_FALSE(a.tcp().list_in_detail(now).front().info);
}

TEST_F(snapshot, of_one_without_a_user_in_time_wait)
{
    const auto [client, server] = connect();
    a.tcp().close(client, now);
    settle();
    EXPECT_THAT(states(a), ElementsAre(tcp_state::fin_wait_2));
    EXPECT_TRUE(a.tcp().list(now).front().detached);
    b.tcp().close(server, now);
    settle();
    const auto left = a.tcp().list(now);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left.front().state, tcp_state::time_wait);
    EXPECT_EQ(left.front().timer_expires, std::chrono::seconds(60));
    EXPECT_TRUE(left.front().remote == there);
}

TEST_F(snapshot, of_interfaces_neighbours_and_routes)
{
    connect();
    const auto interfaces = a.net().list_interfaces();
    ASSERT_EQ(interfaces.size(), 2U);
    EXPECT_EQ(interfaces[0].status.name, "lo");
    EXPECT_EQ(interfaces[1].status.state, interface_state::up);
    ASSERT_EQ(interfaces[1].addresses.size(), 1U);
    EXPECT_EQ(interfaces[1].addresses[0].prefix_length, 24U);
    EXPECT_GT(interfaces[1].counters.in_packets, 0U);
    const auto neighbors = a.net().list_neighbors();
    ASSERT_EQ(neighbors.size(), 1U);
    EXPECT_EQ(neighbors[0].address, there.address);
    EXPECT_EQ(neighbors[0].mac, b.net().interface(1).info().mac);
    EXPECT_STREQ(name(neighbors[0].state), "reachable");
    ASSERT_FALSE(a.add_route(address_v4::any(), 0, there.address, 1));
    const auto routes = a.net().list_routes();
    ASSERT_EQ(routes.size(), 2U);
    EXPECT_EQ(routes[0].prefix_length, 24U) << "routes are sorted by prefix length, the longest first";
    EXPECT_FALSE(routes[0].gateway);
    EXPECT_EQ(routes[1].gateway, there.address);
}

TEST(counters, can_be_walked_by_name_and_added)
{
    host_counters one, two;
    one.tcp.active_opens = 3;
    one.ip.in_receives = 1;
    one.drops[drop_reason::arp_conflict] = 2;
    two.tcp.active_opens = 4;
    two += one;
    std::map<std::string, std::uint64_t> all;
    for_each(two, [&](std::string_view name, std::uint64_t value) { all[std::string(name)] = value; });
    EXPECT_EQ(all.at("tcp_active_opens"), 7U);
    EXPECT_EQ(all.at("ip_in_receives"), 1U);
    EXPECT_EQ(all.at("drop_arp_conflict"), 2U);
    EXPECT_EQ(all.at("tcp_fast_open_overflows"), 0U);
    std::size_t n = 0;
    for_each(interface_counters{}, [&](std::string_view, std::uint64_t) { ++n; });
    EXPECT_EQ(n, 8U);
}

} // namespace
} // namespace tapio::core
