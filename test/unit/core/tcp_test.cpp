// // TCP between two hosts: handshake to TIME-WAIT, refused connections, shutdown of listeners, SO_REUSEPORT.
#include "support/told_owner.hpp"
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

struct pair_of_hosts : testing::Test, two_hosts
{
};

TEST_F(pair_of_hosts, a_tcp_conversation_from_handshake_to_time_wait)
{
    const tcp_id listener = *b.tcp().open(family::v4);
    ASSERT_FALSE(b.tcp().bind(listener, there));
    ASSERT_FALSE(b.tcp().listen(listener, 5, now));
    const tcp_id client = *a.tcp().open(family::v4);
    EXPECT_EQ(a.tcp().connect(client, there, now), errno_code(EINPROGRESS));
    settle();
    EXPECT_FALSE(a.tcp().take_error(client));
    EXPECT_EQ(a.tcp().info(client, now)->state, tcp_state::established);
    endpoint peer;
    const auto server = b.tcp().accept(listener, peer, now);
    ASSERT_TRUE(server);
    const std::string hello(100'000, 'x');
    const std::array<const_bytes, 1> out{octets(hello)};
    ASSERT_EQ(*a.tcp().send(client, out, now), hello.size());
    settle();
    std::string got(200'000, 0);
    const std::array<mutable_bytes, 1> in{std::as_writable_bytes(std::span(got))};
    ASSERT_EQ(*b.tcp().receive(*server, in, {}, now), hello.size());
    a.tcp().close(client, now);
    settle();
    EXPECT_EQ(*b.tcp().receive(*server, in, {}, now), 0U);
    b.tcp().close(*server, now);
    settle();
    EXPECT_EQ(b.tcp().size(), 1U);
    EXPECT_EQ(a.tcp().size(), 1U);
    now += 61s;
    settle();
    EXPECT_EQ(a.tcp().size(), 0U);
}

TEST_F(pair_of_hosts, a_closed_port_refuses)
{
    const tcp_id client = *a.tcp().open(family::v4);
    EXPECT_EQ(a.tcp().connect(client, there, now), errno_code(EINPROGRESS));
    settle();
    EXPECT_EQ(a.tcp().take_error(client), errno_code(ECONNREFUSED));
}

TEST_F(pair_of_hosts, a_listener_that_is_shut_down_can_connect_and_the_other_way_round)
{
    const tcp_id listener = *b.tcp().open(family::v4);
    ASSERT_FALSE(b.tcp().bind(listener, there));
    ASSERT_FALSE(b.tcp().listen(listener, 5, now));
    const tcp_id socket = *a.tcp().open(family::v4);
    told_owner owner;
    a.tcp().set_owner(socket, &owner);
    ASSERT_FALSE(a.tcp().set_option(socket, socket_option::keep_idle, 77, now));
    ASSERT_FALSE(a.tcp().listen(socket, 5, now));
    ASSERT_FALSE(a.tcp().shutdown(socket, shutdown_type::receive, now));
    EXPECT_EQ(a.tcp().connect(socket, there, now), errno_code(EINPROGRESS));
    settle();
    EXPECT_EQ(a.tcp().info(socket, now)->state, tcp_state::established);
    EXPECT_EQ(*a.tcp().get_option(socket, socket_option::keep_idle), 77);
    a.tcp().close(socket, now);
    b.tcp().close(listener, now);
    settle();
    EXPECT_EQ(b.tcp().size(), 0U);
}

TEST_F(pair_of_hosts, listeners_with_reuse_port_share_what_comes)
{
    std::array<tcp_id, 3> listeners;
    for (tcp_id& l : listeners) {
        l = *b.tcp().open(family::v4);
        ASSERT_FALSE(b.tcp().set_option(l, socket_option::reuse_port, 1, now));
        ASSERT_FALSE(b.tcp().bind(l, there));
        ASSERT_FALSE(b.tcp().listen(l, 1000, now));
    }
    for (int i = 0; i < 600; ++i) {
        EXPECT_EQ(a.tcp().connect(*a.tcp().open(family::v4), there, now), errno_code(EINPROGRESS));
        settle();
    }
    unsigned all = 0;
    for (const tcp_id l : listeners) {
        unsigned mine = 0;
        endpoint peer;
        while (b.tcp().accept(l, peer, now)) ++mine;
        EXPECT_NEAR(mine, 200, 60);
        all += mine;
    }
    EXPECT_EQ(all, 600U);
}

} // namespace
} // namespace tapio::core
