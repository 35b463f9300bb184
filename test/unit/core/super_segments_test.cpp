// What is put in one super-segment for a device that cuts segments (TSO): all available data, and which data is held back until
// there is more (Nagle, cork, bulk writers).
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace tapio::core {
namespace {

struct super_segments : testing::Test, two_hosts
{
    static constexpr std::size_t mss = 1448;                                 ///< 1500 - 20 - 20 - 12 of timestamps
    static constexpr std::size_t whole = (65535 - 20 - 20 - 12) / mss * mss; ///< octets
    static constexpr std::size_t headers = 14 + 20 + 20 + 12;                ///< octets

    super_segments() : two_hosts({}, cutting())
    {
        for (int i = 0; i < 20; ++i) write(200'000), acknowledge(); // grows the congestion window
        (void)take();
    }
    static device_info cutting()
    {
        device_info eth;
        eth.offload.checksum = eth.offload.tso_v4 = true;
        return eth;
    }
    void write(std::size_t n)
    {
        const std::string text(n, 'x');
        const const_bytes piece = octets(text);
        EXPECT_EQ(*a.tcp().send(client, std::span(&piece, 1), now), n);
        a.advance(now);
    }
    /// Delivers the client's segments to the server. @return their payload sizes, octets
    std::vector<std::size_t> take()
    {
        std::vector<std::size_t> sizes;
        for (packet p; a.next_packet(1, p, now); b.receive(1, std::move(p), now))
            if (p.size() > headers) sizes.push_back(p.size() - headers);
        return sizes;
    }
    void acknowledge()
    {
        (void)take();
        std::vector<slice> all;
        (void)b.tcp().receive(server, all, 100'000'000, now);
        now += std::chrono::milliseconds(50); // the delayed ACK timer may have to expire
        settle();
    }

    const connected both = connect();
    const tcp_id client = both.client, server = both.server;
};

TEST_F(super_segments, idle_it_sends_all_that_there_is)
{
    write(100'000);
    EXPECT_EQ(take(), (std::vector{whole, 100'000 - whole}));
}

TEST_F(super_segments, nagle_keeps_the_part_of_a_segment_at_the_end_back)
{
    write(1000);
    write(10'000);
    EXPECT_EQ(take(), (std::vector<std::size_t>{1000, 6 * mss}));
    acknowledge();
    acknowledge();
    write(1);
    EXPECT_EQ(take(), (std::vector<std::size_t>{1})); // the rest was sent when the ACK arrived
}

TEST_F(super_segments, without_nagle_all_goes)
{
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::no_delay, 1, now));
    write(1000);
    write(10'000);
    EXPECT_EQ(take(), (std::vector<std::size_t>{1000, 10'000}));
}

TEST_F(super_segments, a_cork_keeps_the_part_back_when_idle_too)
{
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::cork, 1, now));
    write(10'000);
    EXPECT_EQ(take(), (std::vector<std::size_t>{6 * mss}));
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::cork, 0, now));
    a.advance(now);
    EXPECT_EQ(take(), (std::vector<std::size_t>{10'000 - 6 * mss}));
}

TEST_F(super_segments, whose_user_writes_on_in_bulk_has_the_end_wait)
{
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::no_delay, 1, now));
    a.tcp().expect_more(client, 0);
    write(100'000);
    EXPECT_EQ(take(), (std::vector{whole}));
    EXPECT_TRUE(a.tcp().awaits_more());
    a.tcp().expect_more(client, 1);
    write(100'000);
    EXPECT_EQ(take(), (std::vector{whole, whole})); // 200,000 octets are three whole segments and 4520 octets
    a.tcp().release();                              // no effect: the user has written since the segment was held back
    a.advance(now);
    EXPECT_EQ(take(), std::vector<std::size_t>{});
    a.tcp().release();
    a.advance(now);
    EXPECT_EQ(take(), (std::vector{200'000 - 3 * whole}));
    EXPECT_FALSE(a.tcp().awaits_more());
}

TEST_F(super_segments, what_is_no_bulk_does_not_wait)
{
    EXPECT_FALSE(a.tcp().set_option(client, socket_option::no_delay, 1, now));
    a.tcp().expect_more(client, 0);
    write(20'000);
    EXPECT_EQ(take(), (std::vector<std::size_t>{20'000}));
    EXPECT_FALSE(a.tcp().awaits_more());
}

TEST_F(super_segments, the_last_octets_before_a_fin_do_not_wait)
{
    a.tcp().expect_more(client, 0);
    write(100'000);
    EXPECT_EQ(take(), (std::vector{whole}));
    EXPECT_FALSE(a.tcp().shutdown(client, shutdown_type::send, now));
    a.advance(now);
    EXPECT_EQ(take(), (std::vector{100'000 - whole}));
}

TEST_F(super_segments, nobody_waits_for_a_socket_that_is_gone)
{
    a.tcp().expect_more(client, 0);
    write(100'000);
    EXPECT_TRUE(a.tcp().awaits_more());
    a.tcp().close(client, now);
    a.tcp().release();
    a.advance(now);
    EXPECT_FALSE(a.tcp().awaits_more());
    const auto rest = take();
    EXPECT_EQ(std::accumulate(rest.begin(), rest.end(), std::size_t{0}), 100'000U);
}

} // namespace
} // namespace tapio::core
