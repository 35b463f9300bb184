// The rate limit for ICMP errors (RFC 1812 §4.3.2.8), per peer and for the host.
#include "ip/icmp_limiter.hpp"

#include <gtest/gtest.h>

namespace tapio::core::ip {
namespace {

using namespace std::chrono_literals;

unsigned allowed(icmp_limiter& l, const address& who, unsigned attempts, time_point now)
{
    unsigned n = 0;
    for (unsigned i = 0; i < attempts; ++i) n += l.allow(who, now) ? 1 : 0;
    return n;
}

TEST(token_bucket, gives_its_depth_at_once_and_then_its_rate)
{
    token_bucket b(10, 6);
    time_point now{1h};
    unsigned n = 0;
    while (b.take(now)) ++n;
    EXPECT_EQ(n, 6U);
    EXPECT_FALSE(b.take(now + 99ms));
    EXPECT_TRUE(b.take(now + 100ms));
    EXPECT_FALSE(b.take(now + 100ms));
    n = 0;
    while (b.take(now + 1h)) ++n; // at most its depth, and no overflow after a long time
    EXPECT_EQ(n, 6U);
}

TEST(icmp_limiter, one_peer_gets_a_few_and_then_ten_in_a_second)
{
    icmp_limiter l;
    const address peer = address_v4(0xc000'0202U);
    time_point now{1h};
    EXPECT_EQ(allowed(l, peer, 100, now), 6U);
    unsigned in_a_second = 0;
    for (unsigned i = 0; i < 1000; ++i) in_a_second += allowed(l, peer, 1, now += 1ms);
    EXPECT_EQ(in_a_second, 10U);
}

TEST(icmp_limiter, peers_do_not_starve_each_other_but_all_share_the_hosts_limit)
{
    icmp_limiter l;
    const time_point now{1h};
    EXPECT_EQ(allowed(l, address_v4(0xc000'0202U), 100, now), 6U);
    EXPECT_EQ(allowed(l, address_v4(0xc000'0203U), 100, now), 6U);
    unsigned all = 12;
    for (unsigned i = 0; i < 1000; ++i) all += allowed(l, address_v4(0xc612'0000U + i), 1, now);
    EXPECT_EQ(all, 50U);
}

} // namespace
} // namespace tapio::core::ip
