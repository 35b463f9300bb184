// Numbers as the tools read and write them, ping's statistics, URLs.
#include "common/program.hpp"
#include "tapio/format.hpp"
#include "tapio/icmp_probe.hpp"
#include "tapio/ping_statistics.hpp"
#include "tapio/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace apps::tools {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(format, reads_durations)
{
    EXPECT_EQ(parse_duration("0.2"), 200ms);
    EXPECT_EQ(parse_duration("150us"), 150us);
    EXPECT_EQ(parse_duration("2m"), 2min);
    for (const char* bad : {"", "-1", "1x", "x", "1e3", "1e99", "nan"}) EXPECT_THROW(parse_duration(bad), usage_error) << bad;
}

TEST(format, reads_sizes_and_rates)
{
    EXPECT_EQ(parse_scaled("64K", 1024), 65536U);
    EXPECT_EQ(parse_scaled("1.5m", 1000), 1'500'000U);
    EXPECT_EQ(parse_scaled("0", 1000), 0U);
    for (const char* bad : {"", "K", "-1", "1KB", "1T", "9999999999G"}) EXPECT_THROW(parse_scaled(bad, 1000), usage_error) << bad;
}

TEST(format, writes_three_digits_and_a_unit)
{
    EXPECT_EQ(format_duration(12345ns), "12.3 us");
    EXPECT_EQ(format_duration(3s), "3.00 s");
    EXPECT_EQ(format_bytes(1024 * 1024), "1.00 MBytes");
    EXPECT_EQ(format_rate(934.4e6), "934 Mbits/sec");
    EXPECT_EQ(format_rate(999.9e6), "1.00 Gbits/sec");
    EXPECT_EQ(format_ms(1234us), "1.234");
}

TEST(ping_statistics, as_iputils_writes_them)
{
    ping_statistics s;
    const auto begin = ping_statistics::clock::now();
    std::chrono::nanoseconds rtt{};
    for (std::uint16_t i = 1; i <= 3; ++i) s.sent(i, begin);
    EXPECT_EQ(s.received(1, begin + 1ms, rtt), ping_statistics::reply::first);
    EXPECT_EQ(s.received(2, begin + 3ms, rtt), ping_statistics::reply::first);
    EXPECT_EQ(s.received(2, begin + 4ms, rtt), ping_statistics::reply::duplicate);
    EXPECT_EQ(s.received(9, begin + 4ms, rtt), ping_statistics::reply::unexpected);
    EXPECT_EQ(s.text(2003ms), "3 packets transmitted, 2 received, +1 duplicates, 33.3333% packet loss, time 2003ms\n"
                              "rtt min/avg/max/mdev = 1.000/2.000/3.000/1.000 ms\n");
}

TEST(ping_statistics, without_a_reply)
{
    ping_statistics s;
    s.sent(1, {});
    s.error();
    EXPECT_EQ(s.text(0ms), "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n");
}

TEST(icmp_probe, has_a_right_checksum)
{
    const auto request = make_echo_request(true, 0x1234, 7, 5); // an odd number of octets
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < request.size(); ++i) sum += std::to_integer<std::uint32_t>(request[i]) << (i % 2 == 0 ? 8U : 0U);
    EXPECT_EQ((sum & 0xffffU) + (sum >> 16U), 0xffffU);
}

TEST(icmp_probe, reads_the_probe_out_of_an_error)
{
    // Time exceeded, about a UDP datagram from port 49152 to 198.18.0.2, port 33434.
    const std::array<unsigned char, 56> bytes{0x45, 0,  0,   56, 0, 0, 0,   0,  64, 1,    0,    0, 198,  18,   0, 9, 198, 18, 0,
                                              1,    11, 0,   0,  0, 0, 0,   0,  0,  0x45, 0,    0, 28,   0,    0, 0, 0,   1,  17,
                                              0,    0,  198, 18, 0, 1, 198, 18, 0,  2,    0xc0, 0, 0x82, 0x9a, 0, 8, 0,   0};
    const auto e = parse_icmp(true, std::as_bytes(std::span(bytes)));
    ASSERT_TRUE(e);
    EXPECT_EQ(e->what, icmp_event::kind::time_exceeded);
    EXPECT_EQ(e->source_port, 49152);
    EXPECT_EQ(e->destination_port, 33434);
    EXPECT_EQ(e->destination.to_string(), "198.18.0.2");
    EXPECT_FALSE(parse_icmp(true, std::as_bytes(std::span(bytes).first(40)))); // cut within the quotation
}

TEST(url, parses_host_port_and_target)
{
    const auto u = parse_url("http://[2001:db8::2]:8080/a?b#c").value();
    EXPECT_EQ(u.host, "2001:db8::2");
    EXPECT_EQ(u.port, 8080);
    EXPECT_EQ(u.target, "/a?b");
    EXPECT_EQ(u.authority(), "[2001:db8::2]:8080");
    EXPECT_EQ(parse_url("198.18.0.2").value().target, "/");
    EXPECT_EQ(parse_url("https://example.org?x=1").value().target, "/?x=1");
    EXPECT_EQ(parse_url("https://example.org").value().port, 443);
}

TEST(url, refuses_what_is_none)
{
    for (const char* bad : {"", "ftp://x/", "http://", "http://x:0/", "http://x:99999/", "http://[::1/", "http://a b/"})
        EXPECT_FALSE(parse_url(bad)) << bad;
}

TEST(url, follows_redirections)
{
    const url base = parse_url("http://a/b/c?d").value();
    EXPECT_EQ(follow(base, "/x")->target, "/x");
    EXPECT_EQ(follow(base, "x")->target, "/b/x");
    EXPECT_EQ(follow(base, "https://e/")->host, "e");
    EXPECT_FALSE(follow(base, "ftp://e/"));
}

} // namespace
} // namespace apps::tools
