// Identifications, of IPv4 and IPv6: unique as RFC 6864 §4.3 requires, and not predictable for others (RFC 7739 §4).
#include "ip/identification.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace tapio::core::ip::identification_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t udp = 17, icmp = 1;

struct identification : testing::Test
{
    static std::array<std::byte, random_source::seed_size> seed() { return {}; }
    std::uint16_t next(const address_v4& to, std::uint8_t protocol = udp, std::size_t count = 1)
    {
        return ids.reserve(here, to, protocol, count, now);
    }
    static address_v4 host(std::uint32_t n) { return address_v4(0xc612'0000U + n); }

    random_source random{seed()};
    identifications ids{random};
    time_point now{1h};
    const address_v4 here{0xc000'0201U};
};

TEST_F(identification, counts_for_each_destination)
{
    const std::uint16_t first = next(host(1));
    EXPECT_EQ(next(host(1)), static_cast<std::uint16_t>(first + 1));
    EXPECT_EQ(next(host(1), udp, 5), static_cast<std::uint16_t>(first + 2));
    EXPECT_EQ(next(host(1)), static_cast<std::uint16_t>(first + 7)) << "five values were reserved";
}

// The idle scan: an attacker probes repeatedly, and learns from the values how many packets were sent to others in between
TEST_F(identification, what_goes_to_one_does_not_show_in_what_goes_to_another)
{
    std::size_t disturbed = 0; // tuples that share a counter, 1 in 1024
    for (std::uint32_t victim = 2; victim < 1002; ++victim) {
        const std::uint16_t before = next(host(1));
        next(host(victim));
        if (next(host(1)) != static_cast<std::uint16_t>(before + 1)) ++disturbed;
    }
    EXPECT_LE(disturbed, 8U);
}

TEST_F(identification, differs_by_protocol_and_destination)
{
    std::set<std::uint16_t> first;
    for (std::uint32_t n = 0; n < 100; ++n) first.insert({next(host(n)), next(host(n), icmp)});
    EXPECT_GE(first.size(), 190U) << "the counters start at different values";
}

TEST_F(identification, time_moves_it_by_a_random_step)
{
    next(host(1));
    std::set<std::uint16_t> steps;
    for (int i = 0; i < 20; ++i) {
        const std::uint16_t before = next(host(1));
        now += 1s;
        const auto step = static_cast<std::uint16_t>(next(host(1)) - before);
        EXPECT_GE(step, 1);
        EXPECT_LE(step, 1000);
        steps.insert(step);
    }
    EXPECT_GE(steps.size(), 15U);
}

// RFC 6864 §4.3; RFC 1122 §3.3.2: receivers may keep fragments for 60 s
TEST_F(identification, does_not_repeat_within_a_minute)
{
    std::vector<std::uint16_t> seen;
    for (int i = 0; i < 600; ++i, now += 100ms) seen.push_back(next(host(1)));
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

struct identification_v6 : testing::Test
{
    std::uint32_t next(std::uint64_t to) { return ids.reserve({0x2001'0db8'0000'0000U, 1}, {0x2001'0db8'0000'0001U, to}, now); }

    random_source random{std::array<std::byte, random_source::seed_size>{}};
    ipv6_identifications ids{random};
    time_point now{1h};
};

TEST_F(identification_v6, counts_for_each_destination)
{
    const std::uint32_t first = next(1), other = next(2);
    EXPECT_EQ(next(1), first + 1);
    EXPECT_EQ(next(2), other + 1);
    EXPECT_EQ(next(1), first + 2);
}

TEST_F(identification_v6, all_32_bits_differ_by_destination)
{
    std::uint32_t all = 0, none = ~0U;
    std::set<std::uint32_t> first;
    for (std::uint64_t n = 0; n < 100; ++n) {
        const std::uint32_t value = next(n);
        all |= value, none &= value;
        first.insert(value);
    }
    EXPECT_EQ(all, ~0U);
    EXPECT_EQ(none, 0U);
    EXPECT_EQ(first.size(), 100U);
}

TEST_F(identification_v6, time_moves_it_by_a_random_step)
{
    next(1);
    std::set<std::uint32_t> steps;
    for (int i = 0; i < 20; ++i) {
        const std::uint32_t before = next(1);
        now += 1s;
        const std::uint32_t step = next(1) - before;
        EXPECT_GE(step, 1U);
        EXPECT_LE(step, 1000U);
        steps.insert(step);
    }
    EXPECT_GE(steps.size(), 15U);
}

} // namespace
} // namespace tapio::core::ip::identification_test
