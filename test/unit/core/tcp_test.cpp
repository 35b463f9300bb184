#include "core/host.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

std::array<std::byte, 32> seed(unsigned n)
{
    std::array<std::byte, 32> s{};
    s[0] = static_cast<std::byte>(n);
    return s;
}

/// Two hosts on one Ethernet without delay.
struct pair_of_hosts : testing::Test
{
    pair_of_hosts()
    {
        device_info eth;
        eth.name = "eth0";
        a.add_interface(eth);
        b.add_interface(eth);
        EXPECT_FALSE(a.add_address(1, boost::asio::ip::make_address("192.0.2.1"), 24, now));
        EXPECT_FALSE(b.add_address(1, boost::asio::ip::make_address("192.0.2.2"), 24, now));
        settle();
    }
    void settle()
    {
        for (bool more = true; more;) {
            more = false;
            packet p;
            a.advance(now);
            b.advance(now);
            while (a.next_packet(1, p, now)) b.receive(1, std::move(p), now), more = true;
            while (b.next_packet(1, p, now)) a.receive(1, std::move(p), now), more = true;
        }
    }
    static const_bytes octets(const std::string& s) { return std::as_bytes(std::span(s)); }

    time_point now{1s};
    host_options options;
    host a{options, seed(1)}, b{options, seed(2)};
    endpoint there{boost::asio::ip::make_address("192.0.2.2"), 80};
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
