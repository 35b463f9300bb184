// RFC 3927: how an interface gives itself an address of 169.254/16.
#include "ip/link_local_v4.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

namespace tapio::core::ip {
namespace {

using namespace std::chrono_literals;

const mac_address our_mac{{2, 0, 0, 0, 0, 1}}, their_mac{{2, 0, 0, 0, 0, 2}};

/// The owner: writes down what it is to do.
struct link_local : testing::Test, link_local_v4_actions
{
    void probe(const address_v4& a) override { did.push_back("probe " + a.to_string()); }
    bool use(const address_v4& a) override
    {
        if (refuses) return false;
        did.push_back("use " + a.to_string());
        return true;
    }
    void announce(const address_v4& a) override { did.push_back("announce " + a.to_string()); }
    void give_up(const address_v4& a) override { did.push_back("give up " + a.to_string()); }

    void run(duration d)
    {
        for (const time_point end = now + d;; machine.advance(now)) {
            if (machine.next_deadline() >= end) return void(now = end);
            now = std::max(now, machine.next_deadline());
        }
    }
    /// The address of the last action `what`.
    address_v4 last(const std::string& what) const
    {
        for (auto each = did.rbegin(); each != did.rend(); ++each)
            if (each->starts_with(what + ' ')) return boost::asio::ip::make_address_v4(each->substr(what.size() + 1));
        return {};
    }
    std::size_t count(const std::string& what) const
    {
        return static_cast<std::size_t>(
            std::count_if(did.begin(), did.end(), [&](const std::string& s) { return s.starts_with(what + ' '); }));
    }
    void conflict(const address_v4& a) { machine.heard({wire::arp_operation::reply, their_mac, a, {}, {}}, now); }

    std::array<std::byte, random_source::seed_size> seed{};
    random_source random{seed};
    std::vector<std::string> did;
    bool refuses = false;
    time_point now{1h};
    link_local_v4 machine{our_mac, random, *this};
};

TEST_F(link_local, probes_uses_and_announces_an_address) // RFC 3927 §2.2, §2.4
{
    machine.link_up(now);
    EXPECT_FALSE(machine.address());
    run(1min);
    ASSERT_TRUE(machine.address());
    const std::string a = machine.address()->to_string();
    EXPECT_EQ(did, (std::vector<std::string>{"probe " + a, "probe " + a, "probe " + a, "use " + a, "announce " + a}));
    EXPECT_EQ(machine.next_deadline(), never);
}

TEST_F(link_local, has_the_same_address_after_a_restart_and_another_than_other_interfaces) // §2.1
{
    machine.link_up(now);
    run(1min);
    const auto first = *machine.address();
    seed[0] = std::byte{1};
    random_source otherwise(seed);
    link_local_v4 again(our_mac, otherwise, *this), elsewhere(their_mac, otherwise, *this);
    for (link_local_v4* const m : {&again, &elsewhere}) {
        m->link_up(now);
        while (!m->address()) m->advance(m->next_deadline());
    }
    EXPECT_EQ(*again.address(), first);
    EXPECT_NE(*elsewhere.address(), first);
}

TEST_F(link_local, tries_another_address_if_the_first_is_taken) // §2.2.1
{
    machine.link_up(now);
    run(2s);
    const address_v4 first = last("probe");
    conflict(first);
    run(1min);
    ASSERT_TRUE(machine.address());
    EXPECT_NE(*machine.address(), first);
    EXPECT_EQ(last("use"), *machine.address());
    EXPECT_EQ(count("use"), 1U);
}

TEST_F(link_local, addresses_are_spread_over_the_range) // §2.1: 169.254.1.0 to 169.254.254.255
{
    machine.link_up(now);
    std::set<address_v4> tried;
    for (unsigned n = 0; n < 2000; ++n) {
        now = machine.next_deadline();
        machine.advance(now);
        tried.insert(last("probe"));
        conflict(last("probe"));
    }
    EXPECT_GT(tried.size(), 1900U);
    EXPECT_GE(*tried.begin(), address_v4(0xa9fe'0100U));
    EXPECT_LE(*tried.rbegin(), address_v4(0xa9fe'feffU));
    EXPECT_LT(*tried.begin(), address_v4(0xa9fe'0a00U));
    EXPECT_GT(*tried.rbegin(), address_v4(0xa9fe'f500U));
}

TEST_F(link_local, gives_up_an_address_that_it_has_lost) // §2.5 (b)
{
    machine.link_up(now);
    run(1min);
    const address_v4 first = *machine.address();
    machine.lost(now);
    EXPECT_EQ(last("give up"), first);
    EXPECT_FALSE(machine.address());
    run(1min);
    ASSERT_TRUE(machine.address());
    EXPECT_NE(*machine.address(), first);
}

TEST_F(link_local, ignores_a_loss_while_it_has_no_address)
{
    machine.link_up(now);
    run(2s);
    const address_v4 probed = last("probe");
    machine.lost(now);
    run(1min);
    EXPECT_EQ(count("give up"), 0U);
    EXPECT_EQ(*machine.address(), probed);
}

TEST_F(link_local, probes_its_address_again_when_the_link_comes_back) // §2.2
{
    machine.link_up(now);
    run(1min);
    const address_v4 first = *machine.address();
    machine.link_down();
    EXPECT_EQ(last("give up"), first);
    EXPECT_EQ(machine.next_deadline(), never);
    did.clear();
    machine.link_up(now);
    run(1min);
    EXPECT_EQ(machine.address(), first);
    EXPECT_EQ(count("probe"), 3U);
}

TEST_F(link_local, tries_another_address_if_the_host_has_the_first)
{
    machine.link_up(now);
    refuses = true;
    run(6s + 3s);
    EXPECT_FALSE(machine.address());
    refuses = false;
    run(1min);
    EXPECT_TRUE(machine.address());
    EXPECT_GT(count("probe"), 3U);
}

TEST_F(link_local, is_slow_where_everything_is_taken) // §2.2.1: MAX_CONFLICTS
{
    machine.link_up(now);
    const time_point began = now;
    while (now < began + 1h) {
        if (machine.next_deadline() == never) break;
        now = machine.next_deadline();
        machine.advance(now);
        conflict(last("probe"));
    }
    EXPECT_GE(count("probe"), 60U);
    EXPECT_LE(count("probe"), 75U); // ten at once, then one each minute
}

} // namespace
} // namespace tapio::core::ip
