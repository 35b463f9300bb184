// The neighbour cache: the states of RFC 4861 §7.3.2, and its bounds.
#include "link/neighbor_cache.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tapio::core::link {

void PrintTo(neighbor_cache::state s, std::ostream* out)
{
    constexpr std::array names{"incomplete", "reachable", "stale", "delay", "probe"};
    *out << names.at(static_cast<std::size_t>(s));
}

namespace {

using namespace std::chrono_literals;
using state = neighbor_cache::state;

const mac_address first_mac{{2, 0, 0, 0, 0, 1}}, second_mac{{2, 0, 0, 0, 0, 2}};

struct neighbors : testing::Test
{
    static packet numbered(unsigned n) { return packet(slice::copy_of(std::vector<std::byte>(n))); }
    std::optional<mac_address> resolve(const address& who, unsigned size = 1)
    {
        packet p = numbered(size);
        const mac_address* const mac = cache.resolve(who, p, now);
        return mac != nullptr ? std::optional(*mac) : std::nullopt;
    }
    /// What is asked now, and of whom: "all" or "one" for each request.
    std::vector<std::string> asked()
    {
        std::vector<std::string> out;
        for (neighbor_cache::request r; cache.take_request(r);) out.emplace_back(r.unicast_to ? "one" : "all");
        return out;
    }
    std::size_t unreachable()
    {
        std::size_t n = 0;
        for (packet p; cache.take_unreachable(p);) ++n;
        return n;
    }
    std::vector<std::size_t> overflow()
    {
        std::vector<std::size_t> sizes;
        for (packet p; cache.take_overflow(p);) sizes.push_back(p.size());
        return sizes;
    }
    void pass(duration d) { cache.advance(now += d); }
    void make_reachable()
    {
        resolve(peer);
        cache.learn(peer, first_mac, true, true, now);
        asked();
    }

    using asks = std::vector<std::string>;
    neighbor_cache cache;
    time_point now{1h};
    const address peer = address_v4(0xc000'0202U);
};

TEST_F(neighbors, an_unknown_one_is_asked_for_once_however_many_packets_wait)
{
    EXPECT_FALSE(resolve(peer));
    EXPECT_FALSE(resolve(peer));
    EXPECT_EQ(asked(), asks{"all"});
    EXPECT_EQ(cache.state_of(peer), state::incomplete);
}

TEST_F(neighbors, an_answer_lets_go_what_waits_in_order)
{
    resolve(peer, 10);
    resolve(peer, 20);
    const auto waiting = cache.learn(peer, first_mac, true, true, now);
    ASSERT_EQ(waiting.size(), 2U);
    EXPECT_EQ(waiting[0].size(), 10U);
    EXPECT_EQ(waiting[1].size(), 20U);
    EXPECT_EQ(resolve(peer), first_mac);
    EXPECT_EQ(cache.state_of(peer), state::reachable);
}

// RFC 1122 §2.3.2.1: at most one request per second; RFC 4861 §10: three
TEST_F(neighbors, without_an_answer_three_requests_a_second_apart_and_then_unreachable)
{
    resolve(peer);
    EXPECT_EQ(asked(), asks{"all"});
    EXPECT_EQ(cache.next_deadline(), now + 1s);
    pass(999ms);
    EXPECT_EQ(asked(), asks{});
    pass(1ms);
    EXPECT_EQ(asked(), asks{"all"});
    pass(1s);
    EXPECT_EQ(asked(), asks{"all"});
    EXPECT_EQ(unreachable(), 0U);
    pass(1s);
    EXPECT_EQ(asked(), asks{});
    EXPECT_EQ(unreachable(), 1U);
    EXPECT_EQ(cache.size(), 0U);
    EXPECT_EQ(cache.next_deadline(), never);
}

// RFC 1122 §2.3.2.2: at least the latest packet is kept
TEST_F(neighbors, of_many_packets_the_oldest_is_dropped)
{
    for (unsigned i = 1; i <= neighbor_cache::most_pending + 2; ++i) resolve(peer, i);
    EXPECT_EQ(overflow(), (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(cache.learn(peer, first_mac, true, true, now).size(), neighbor_cache::most_pending);
}

TEST_F(neighbors, one_that_was_reachable_is_used_and_then_probed)
{
    make_reachable();
    pass(neighbor_cache::reachable_time);
    EXPECT_EQ(resolve(peer), first_mac); // never held up
    EXPECT_EQ(cache.state_of(peer), state::delay);
    pass(neighbor_cache::delay_first_probe);
    EXPECT_EQ(asked(), asks{"one"});
    EXPECT_EQ(cache.state_of(peer), state::probe);
    cache.learn(peer, first_mac, false, true, now);
    EXPECT_EQ(cache.state_of(peer), state::reachable);
    pass(neighbor_cache::request_interval);
    EXPECT_EQ(asked(), asks{});
}

TEST_F(neighbors, one_that_answers_no_probe_is_forgotten)
{
    make_reachable();
    pass(neighbor_cache::reachable_time);
    resolve(peer);
    pass(neighbor_cache::delay_first_probe);
    for (unsigned i = 1; i < neighbor_cache::most_requests; ++i) pass(neighbor_cache::request_interval);
    EXPECT_EQ(asked(), (asks{"one", "one", "one"}));
    EXPECT_EQ(resolve(peer), first_mac);
    pass(neighbor_cache::request_interval);
    EXPECT_EQ(cache.state_of(peer), std::nullopt);
    EXPECT_FALSE(resolve(peer));
    EXPECT_EQ(asked(), asks{"all"});
}

TEST_F(neighbors, progress_above_spares_the_probe)
{
    make_reachable();
    pass(neighbor_cache::reachable_time);
    resolve(peer);
    cache.confirm(peer, now); // RFC 4861 §7.3.1
    pass(neighbor_cache::delay_first_probe);
    EXPECT_EQ(asked(), asks{});
    EXPECT_EQ(cache.state_of(peer), state::reachable);
}

TEST_F(neighbors, progress_above_proves_nothing_of_one_unknown)
{
    cache.confirm(peer, now);
    EXPECT_EQ(cache.size(), 0U);
    resolve(peer);
    cache.confirm(peer, now);
    EXPECT_EQ(cache.state_of(peer), state::incomplete);
}

// RFC 826: an entry is made for who asks us, and kept up to date for all others
TEST_F(neighbors, one_heard_of_is_stale_and_made_only_if_wanted)
{
    cache.learn(peer, first_mac, false, false, now);
    EXPECT_EQ(cache.size(), 0U);
    cache.learn(peer, first_mac, true, false, now);
    EXPECT_EQ(cache.state_of(peer), state::stale);
    EXPECT_EQ(resolve(peer), first_mac);
}

TEST_F(neighbors, an_unasked_message_does_not_prove_the_way_to_there)
{
    make_reachable();
    cache.learn(peer, first_mac, false, false, now);
    EXPECT_EQ(cache.state_of(peer), state::reachable); // the same address: nothing new
    cache.learn(peer, second_mac, false, false, now);
    EXPECT_EQ(cache.state_of(peer), state::stale); // RFC 4861 §7.2.3
    EXPECT_EQ(resolve(peer), second_mac);
}

TEST_F(neighbors, the_least_recently_used_makes_room)
{
    const auto numbered_peer = [](unsigned n) { return address(address_v4(0xc612'0000U + n)); };
    for (unsigned i = 0; i < neighbor_cache::most_entries; ++i, now += 1ms)
        cache.learn(numbered_peer(i), first_mac, true, true, now);
    resolve(numbered_peer(0));
    now += 1ms;
    cache.learn(numbered_peer(5000), first_mac, true, true, now);
    EXPECT_EQ(cache.size(), neighbor_cache::most_entries);
    EXPECT_TRUE(cache.state_of(numbered_peer(0)));
    EXPECT_FALSE(cache.state_of(numbered_peer(1)));
}

TEST_F(neighbors, what_waited_for_a_forgotten_one_is_reported)
{
    resolve(peer, 7);
    now += 1ms;
    for (unsigned i = 0; i < neighbor_cache::most_entries; ++i)
        cache.learn(address_v4(0xc612'0000U + i), first_mac, true, true, now);
    EXPECT_EQ(overflow(), std::vector<std::size_t>{7});
}

TEST_F(neighbors, a_reachable_one_wants_no_timer)
{
    make_reachable();
    pass(neighbor_cache::request_interval);
    EXPECT_EQ(cache.next_deadline(), never);
}

} // namespace
} // namespace tapio::core::link
