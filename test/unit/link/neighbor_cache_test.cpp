// The neighbour cache: the states of RFC 4861 §7.3.2, and its limits.
#include "link/neighbor_cache.hpp"

#include <gtest/gtest.h>

#include <ctime>
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
using heard = neighbor_cache::heard;

const mac_address first_mac{{2, 0, 0, 0, 0, 1}}, second_mac{{2, 0, 0, 0, 0, 2}};

struct neighbors : testing::Test
{
    static packet numbered(unsigned n) { return packet(slice::copy_of(std::vector<std::byte>(n))); }
    std::optional<mac_address> resolve(const address& who, unsigned size = 1)
    {
        packet p = numbered(size);
        neighbor_cache::next_hop to(who);
        const mac_address* const mac = cache.resolve(to, p, now);
        return mac != nullptr ? std::optional(*mac) : std::nullopt;
    }
    void confirm(const address& who)
    {
        neighbor_cache::next_hop to(who);
        cache.confirm(to, now);
    }
    /// The requests due now: "all" for a broadcast, "one" for a unicast request.
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
        cache.learn(peer, first_mac, heard::reply, now);
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
    const auto waiting = cache.learn(peer, first_mac, heard::reply, now).waiting;
    ASSERT_EQ(waiting.size(), 2U);
    EXPECT_EQ(waiting[0].size(), 10U);
    EXPECT_EQ(waiting[1].size(), 20U);
    EXPECT_EQ(resolve(peer), first_mac);
    EXPECT_EQ(cache.state_of(peer), state::reachable);
}

// RFC 1122 §2.3.2.1: at most one request per second; RFC 4861 §10: at most three
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
    EXPECT_EQ(cache.learn(peer, first_mac, heard::reply, now).waiting.size(), neighbor_cache::most_pending);
}

TEST_F(neighbors, one_that_was_reachable_is_used_and_then_probed)
{
    make_reachable();
    pass(neighbor_cache::reachable_time);
    EXPECT_EQ(resolve(peer), first_mac); // not delayed by the probe
    EXPECT_EQ(cache.state_of(peer), state::delay);
    pass(neighbor_cache::delay_first_probe);
    EXPECT_EQ(asked(), asks{"one"});
    EXPECT_EQ(cache.state_of(peer), state::probe);
    cache.learn(peer, first_mac, heard::reply, now);
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
    confirm(peer); // RFC 4861 §7.3.1: an upper layer confirms reachability
    pass(neighbor_cache::delay_first_probe);
    EXPECT_EQ(asked(), asks{});
    EXPECT_EQ(cache.state_of(peer), state::reachable);
}

TEST_F(neighbors, progress_above_proves_nothing_of_one_unknown)
{
    confirm(peer);
    EXPECT_EQ(cache.size(), 0U);
    resolve(peer);
    confirm(peer);
    EXPECT_EQ(cache.state_of(peer), state::incomplete);
}

// RFC 826: an entry is created only for the sender of a request for us; existing entries are updated by any packet
TEST_F(neighbors, only_a_request_for_us_makes_an_entry)
{
    for (const heard how : {heard::reply, heard::announcement, heard::overheard}) {
        EXPECT_FALSE(cache.learn(peer, first_mac, how, now).accepted);
        EXPECT_EQ(cache.size(), 0U);
    }
    EXPECT_TRUE(cache.learn(peer, first_mac, heard::request, now).accepted);
    EXPECT_EQ(cache.state_of(peer), state::stale);
    EXPECT_EQ(resolve(peer), first_mac);
}

struct what_is_heard
{
    heard how;
    duration age; ///< time since the entry was confirmed with the first address
    bool accepted;
    state afterwards;
    mac_address address;
};

class heard_of_a_known_neighbor : public neighbors, public testing::WithParamInterface<what_is_heard>
{
};

// The addresses are those of Linux 6.18 with arp_accept 0 and locktime 1 s; after `reply` its state is REACHABLE
TEST_P(heard_of_a_known_neighbor, replaces_its_address_if_old_enough_or_gratuitous)
{
    make_reachable();
    now += GetParam().age;
    EXPECT_EQ(cache.learn(peer, second_mac, GetParam().how, now).accepted, GetParam().accepted);
    EXPECT_EQ(cache.state_of(peer), GetParam().afterwards);
    EXPECT_EQ(resolve(peer), GetParam().address);
}

INSTANTIATE_TEST_SUITE_P(each_kind, heard_of_a_known_neighbor,
                         testing::Values(what_is_heard{heard::request, 0s, true, state::stale, second_mac},
                                         what_is_heard{heard::announcement, 0s, true, state::stale, second_mac},
                                         what_is_heard{heard::reply, 999ms, false, state::reachable, first_mac},
                                         what_is_heard{heard::reply, 1s, true, state::stale, second_mac},
                                         what_is_heard{heard::overheard, 999ms, false, state::reachable, first_mac},
                                         what_is_heard{heard::overheard, 1s, true, state::stale, second_mac}));

TEST_F(neighbors, of_two_answers_to_one_question_the_first_holds)
{
    resolve(peer);
    EXPECT_TRUE(cache.learn(peer, first_mac, heard::reply, now).accepted);
    EXPECT_FALSE(cache.learn(peer, second_mac, heard::reply, now + 1ms).accepted);
    EXPECT_EQ(resolve(peer), first_mac);
}

TEST_F(neighbors, an_unasked_reply_with_the_known_address_confirms_nothing)
{
    cache.learn(peer, first_mac, heard::request, now);
    for (const heard how : {heard::request, heard::announcement, heard::reply, heard::overheard}) {
        EXPECT_TRUE(cache.learn(peer, first_mac, how, now).accepted);
        EXPECT_EQ(cache.state_of(peer), state::stale);
    }
}

TEST_F(neighbors, progress_above_locks_the_address_as_an_answer_does)
{
    make_reachable();
    now += 10s;
    confirm(peer);
    EXPECT_FALSE(cache.learn(peer, second_mac, heard::reply, now + 999ms).accepted);
    EXPECT_TRUE(cache.learn(peer, second_mac, heard::reply, now + 1s).accepted);
}

TEST_F(neighbors, an_answer_to_a_probe_from_another_address_is_not_proof_of_it)
{
    make_reachable();
    pass(neighbor_cache::reachable_time);
    resolve(peer);
    pass(neighbor_cache::delay_first_probe);
    EXPECT_EQ(asked(), asks{"one"}); // to first_mac
    cache.learn(peer, second_mac, heard::reply, now);
    EXPECT_EQ(cache.state_of(peer), state::stale);
    EXPECT_EQ(resolve(peer), second_mac);
    pass(neighbor_cache::delay_first_probe);
    EXPECT_EQ(asked(), asks{"one"}); // to second_mac
}

address numbered_peer(unsigned n) { return address_v4(0xc612'0000U + n); }

TEST_F(neighbors, the_least_recently_used_makes_room)
{
    for (unsigned i = 0; i < neighbor_cache::most_entries; ++i, now += 1ms) {
        resolve(numbered_peer(i));
        cache.learn(numbered_peer(i), first_mac, heard::reply, now);
    }
    resolve(numbered_peer(0));
    now += 1ms;
    cache.learn(numbered_peer(5000), first_mac, heard::request, now);
    EXPECT_EQ(cache.size(), neighbor_cache::most_entries);
    EXPECT_TRUE(cache.state_of(numbered_peer(0)));
    EXPECT_FALSE(cache.state_of(numbered_peer(1)));
}

TEST_F(neighbors, neither_requests_nor_questions_by_the_thousand_displace_one_in_use)
{
    make_reachable();
    for (unsigned i = 0; i < 2 * neighbor_cache::most_entries; ++i, now += 1ms)
        cache.learn(numbered_peer(i), second_mac, heard::request, now);
    for (unsigned i = 0; i < 2 * neighbor_cache::most_entries; ++i, now += 1ms) resolve(numbered_peer(10'000 + i));
    EXPECT_EQ(cache.size(), neighbor_cache::most_entries);
    EXPECT_EQ(cache.state_of(peer), state::reachable);
}

TEST_F(neighbors, neither_displaces_an_idle_one_that_has_been_reachable)
{
    make_reachable();
    pass(neighbor_cache::reachable_time);
    ASSERT_EQ(cache.state_of(peer), state::stale);
    for (unsigned i = 0; i < 2 * neighbor_cache::most_entries; ++i, now += 1us)
        cache.learn(numbered_peer(i), second_mac, heard::request, now);
    for (unsigned i = 0; i < 2 * neighbor_cache::most_entries; ++i, now += 1us) resolve(numbered_peer(10'000 + i));
    EXPECT_EQ(cache.state_of(peer), state::stale);
    cache.learn(peer, second_mac, heard::announcement, now); // another link-layer address has to be confirmed anew
    for (unsigned i = 0; i < 2 * neighbor_cache::most_entries; ++i, now += 1us)
        cache.learn(numbered_peer(i), second_mac, heard::request, now);
    EXPECT_FALSE(cache.state_of(peer));
}

// A step per entry would take 100 times as long
TEST_F(neighbors, an_eviction_takes_no_step_per_entry)
{
    const auto seconds = [&](unsigned first, unsigned count) {
        const std::clock_t began = std::clock();
        for (unsigned i = first; i < first + count; ++i, now += 1us)
            cache.learn(numbered_peer(i), second_mac, heard::request, now);
        return static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC / count;
    };
    const double growing = seconds(0, neighbor_cache::most_entries), evicting = seconds(2000, 100'000);
    EXPECT_LT(evicting, 10 * growing);
    EXPECT_EQ(cache.size(), neighbor_cache::most_entries);
}

TEST_F(neighbors, what_waited_for_a_forgotten_one_is_reported)
{
    resolve(peer, 7);
    now += 1ms;
    for (unsigned i = 0; i < neighbor_cache::most_entries; ++i) resolve(numbered_peer(i));
    EXPECT_EQ(overflow(), std::vector<std::size_t>{7});
}

TEST_F(neighbors, whoever_found_one_asks_again_when_any_has_been_forgotten)
{
    make_reachable();
    neighbor_cache::next_hop to(peer), other(numbered_peer(1));
    packet p = numbered(1);
    EXPECT_NE(cache.resolve(to, p, now), nullptr);
    (void)cache.forget_all();
    p = numbered(1);
    EXPECT_EQ(cache.resolve(to, p, now), nullptr) << "the address is resolved again";
    EXPECT_EQ(asked(), asks{"all"});
    cache.learn(peer, second_mac, heard::reply, now);
    p = numbered(1);
    const mac_address* const found = cache.resolve(to, p, now);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, second_mac);
    cache.confirm(other, now);
    EXPECT_FALSE(cache.state_of(numbered_peer(1))) << "confirm() creates no entry";
}

TEST_F(neighbors, a_reachable_one_wants_no_timer)
{
    make_reachable();
    pass(neighbor_cache::request_interval);
    EXPECT_EQ(cache.next_deadline(), never);
}

} // namespace
} // namespace tapio::core::link
