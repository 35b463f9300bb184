// Ephemeral ports chosen by connect(): their number per destination, the error when none is left, and reuse of ports of
// connections in TIME-WAIT (Linux: net.ipv4.ip_local_port_range, tcp_tw_reuse; RFC 6191).
#include "core/local_ports.hpp"
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

struct ports : testing::Test, two_hosts
{
    tcp_id open(std::uint16_t first = 0, std::uint16_t last = 0)
    {
        const tcp_id id = *a.tcp().open(family::v4);
        if (first != 0) {
            EXPECT_FALSE(a.tcp().set_option(id, socket_option::local_port_range,
                                            static_cast<int>(std::uint32_t{last} << 16 | first), now));
        }
        return id;
    }
    error_code connect_to(tcp_id id, std::uint16_t port) { return a.tcp().connect(id, {there.address, port}, now); }
    /// Opens a connection of a's from `port`, and closes it at a first, so that it is in TIME-WAIT there.
    void leave_in_time_wait(std::uint16_t port)
    {
        const tcp_id client = open(port, port);
        ASSERT_EQ(connect_to(client, there.port), errno_code(EINPROGRESS));
        settle();
        endpoint peer;
        const auto server = b.tcp().accept(listener, peer, now);
        ASSERT_TRUE(server);
        ASSERT_EQ(peer.port, port);
        a.tcp().close(client, now);
        settle();
        b.tcp().close(*server, now);
        settle();
    }

    tcp_id listener;
};

TEST_F(ports, are_28232_towards_one_peer_and_then_there_is_no_address_left)
{
    constexpr unsigned all = 28'232; // Linux's default range
    ASSERT_EQ(port_range().size(), all);
    std::set<std::uint16_t> chosen;
    for (unsigned n = 0; n < all; ++n) {
        const tcp_id id = open();
        ASSERT_EQ(connect_to(id, 7), errno_code(EINPROGRESS)) << n;
        chosen.insert(a.tcp().local_endpoint(id)->port);
    }
    EXPECT_EQ(chosen.size(), all);
    EXPECT_EQ(*chosen.begin(), first_ephemeral);
    EXPECT_EQ(*chosen.rbegin(), last_ephemeral);
    const tcp_id one_more = open();
    EXPECT_EQ(connect_to(one_more, 7), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(connect_to(one_more, 8), errno_code(EINPROGRESS)) << "all ports are free for a destination with another port";
    EXPECT_EQ(a.tcp().bind(open(), {here.address, 0}), errno_code(EADDRINUSE)) << "the error of Linux";
}

TEST_F(ports, of_a_range_of_the_sockets_own_end_sooner)
{
    for (int n = 0; n < 2; ++n) EXPECT_EQ(connect_to(open(40000, 40001), 7), errno_code(EINPROGRESS));
    EXPECT_EQ(connect_to(open(40000, 40001), 7), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(connect_to(open(40001, 40002), 7), errno_code(EINPROGRESS));
}

TEST_F(ports, of_connections_in_time_wait_come_again_after_a_second_of_timestamps)
{
    listener = listen(5);
    leave_in_time_wait(40000);
    EXPECT_EQ(connect_to(open(40000, 40000), there.port), errno_code(EADDRNOTAVAIL));
    now += 1100ms;
    const tcp_id again = open(40000, 40000);
    ASSERT_EQ(connect_to(again, there.port), errno_code(EINPROGRESS));
    settle();
    EXPECT_EQ(a.tcp().info(again, now)->state, tcp_state::established);
    EXPECT_EQ(a.tcp().local_endpoint(again)->port, 40000);
}

TEST_F(ports, of_connections_in_time_wait_come_last)
{
    listener = listen(5);
    leave_in_time_wait(40000);
    now += 2s;
    const tcp_id first = open(40000, 40001), second = open(40000, 40001);
    ASSERT_EQ(connect_to(first, there.port), errno_code(EINPROGRESS));
    EXPECT_EQ(a.tcp().local_endpoint(first)->port, 40001);
    ASSERT_EQ(connect_to(second, there.port), errno_code(EINPROGRESS));
    EXPECT_EQ(a.tcp().local_endpoint(second)->port, 40000);
}

} // namespace
} // namespace tapio::core
