// RFC 5227: an IPv4 address is probed before its use (§2.1), and announced (§2.3).
#include "ip/address_prober.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace tapio::core::ip {
namespace {

using namespace std::chrono_literals;
using action = address_prober::action;

std::array<std::byte, random_source::seed_size> seed_of(unsigned n)
{
    std::array<std::byte, random_source::seed_size> seed{};
    seed[0] = static_cast<std::byte>(n);
    return seed;
}

struct probing : testing::Test
{
    /// What the prober has the owner do until `end`.
    std::vector<std::pair<action, time_point>> run(time_point end)
    {
        std::vector<std::pair<action, time_point>> all;
        while (prober.next_deadline() < end) {
            now = prober.next_deadline();
            for (action a; (a = prober.advance(now)) != action::none;) all.emplace_back(a, now);
        }
        now = end;
        return all;
    }
    std::size_t count(action what, duration d)
    {
        std::size_t n = 0;
        for (const auto& [a, when] : run(now + d)) n += a == what ? 1 : 0;
        return n;
    }
    bool hear(wire::arp_operation op, const address_v4& sender, const address_v4& target)
    {
        return prober.heard({op, their_mac, sender, {}, target});
    }
    bool in_use_after(duration d) { return count(action::use, d) == 1; }

    random_source random{seed_of(1)};
    address_prober prober{random};
    time_point now{1h};
    const mac_address their_mac{{2, 0, 0, 0, 0, 2}};
    const address_v4 wanted{0xa9fe'0102}, other{0xa9fe'0103}, none{};
    static constexpr auto request = wire::arp_operation::request, reply = wire::arp_operation::reply;
};

TEST_F(probing, has_the_times_of_the_rfc) // §2.1.1, §2.3
{
    for (unsigned seed = 0; seed < 200; ++seed) {
        random = random_source(seed_of(seed));
        const time_point began = now;
        prober.start(wanted, now);
        const auto all = run(now + 1min);
        ASSERT_EQ(all.size(), 5U);
        const std::array what{all[0].first, all[1].first, all[2].first, all[3].first, all[4].first};
        EXPECT_EQ(what, (std::array{action::probe, action::probe, action::probe, action::use, action::announce}));
        EXPECT_LE(all[0].second - began, 1s);
        for (const unsigned n : {1U, 2U}) {
            EXPECT_GE(all[n].second - all[n - 1].second, 1s);
            EXPECT_LE(all[n].second - all[n - 1].second, 2s);
        }
        EXPECT_EQ(all[3].second - all[2].second, 2s);
        EXPECT_EQ(all[4].second - all[3].second, 2s);
        EXPECT_EQ(prober.next_deadline(), never);
    }
}

TEST_F(probing, has_random_times)
{
    std::vector<duration> delays;
    for (unsigned n = 0; n < 100; ++n) {
        prober.start(wanted, now);
        delays.push_back(prober.next_deadline() - now);
    }
    EXPECT_LT(*std::min_element(delays.begin(), delays.end()), 100ms);
    EXPECT_GT(*std::max_element(delays.begin(), delays.end()), 900ms);
}

TEST_F(probing, does_nothing_early)
{
    prober.start(wanted, now);
    EXPECT_EQ(prober.advance(prober.next_deadline() - 1ns), action::none);
    EXPECT_EQ(prober.advance(prober.next_deadline()), action::probe);
}

TEST_F(probing, meets_a_conflict_if_another_station_has_the_address) // in a request or a reply
{
    prober.start(wanted, now);
    EXPECT_TRUE(hear(request, wanted, other)); // before the first probe, too
    EXPECT_EQ(count(action::use, 1min), 0U);
    prober.start(wanted, now);
    EXPECT_EQ(count(action::probe, 3s), 2U);
    EXPECT_TRUE(hear(reply, wanted, none));
    EXPECT_EQ(count(action::use, 1min), 0U);
}

TEST_F(probing, meets_a_conflict_until_two_seconds_after_the_last_probe)
{
    prober.start(wanted, now);
    for (unsigned n = 0; n < 3; ++n) EXPECT_EQ(prober.advance(now = prober.next_deadline()), action::probe);
    EXPECT_TRUE(hear(reply, wanted, none));
    EXPECT_FALSE(in_use_after(1min));
}

TEST_F(probing, meets_a_conflict_if_another_station_probes_the_address)
{
    prober.start(wanted, now);
    EXPECT_TRUE(hear(request, none, wanted));
    EXPECT_FALSE(in_use_after(1min));
}

TEST_F(probing, goes_on_if_another_station_asks_for_the_address_or_has_another)
{
    prober.start(wanted, now);
    EXPECT_FALSE(hear(request, other, wanted)); // it wants to send to the address
    EXPECT_FALSE(hear(request, none, other));
    EXPECT_FALSE(hear(reply, none, wanted)); // no probe
    EXPECT_FALSE(hear(request, other, other));
    EXPECT_TRUE(in_use_after(1min));
}

TEST_F(probing, is_over_once_the_address_is_used)
{
    prober.start(wanted, now);
    EXPECT_TRUE(in_use_after(1min));
    EXPECT_FALSE(hear(reply, wanted, none)) << "a matter of defence (RFC 5227 §2.4)";
    prober.start(wanted, now);
    prober.stop();
    EXPECT_EQ(count(action::probe, 1min), 0U);
    EXPECT_FALSE(hear(reply, wanted, none));
}

TEST_F(probing, is_slow_after_ten_conflicts) // §2.1.1: MAX_CONFLICTS, RATE_LIMIT_INTERVAL
{
    for (unsigned n = 0; n < 10; ++n) {
        prober.start(wanted, now);
        EXPECT_LE(prober.next_deadline(), now + 1s) << n;
        now = prober.next_deadline();
        EXPECT_TRUE(hear(reply, wanted, none));
    }
    const time_point last = now;
    for (unsigned n = 1; n < 4; ++n) {
        prober.start(wanted, now);
        EXPECT_GE(prober.next_deadline(), last + n * 60s - 1s) << n; // 60 s from the start of the attempt before
        EXPECT_LE(prober.next_deadline(), last + n * 60s + 1s) << n;
        now = prober.next_deadline();
        EXPECT_TRUE(hear(reply, wanted, none));
    }
    prober.forget_conflicts();
    prober.start(wanted, now);
    EXPECT_LE(prober.next_deadline(), now + 1s);
}

TEST_F(probing, counts_conflicts_of_addresses_in_use)
{
    for (unsigned n = 0; n < 10; ++n) prober.start(wanted, now), prober.count_conflict();
    prober.start(wanted, now);
    EXPECT_GE(prober.next_deadline(), now + 60s);
}

} // namespace
} // namespace tapio::core::ip
