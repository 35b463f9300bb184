// Order of routes: longest prefix, lowest metric, order of insertion. Then random changes of the table, against the naive one.
#include "base/split_mix.hpp"
#include "ip/route_table.hpp"
#include "support/naive_route_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <tuple>

namespace tapio::core::ip {

void PrintTo(const route& r, std::ostream* out)
{
    *out << r.network << '/' << r.prefix_length << " interface " << r.interface << " metric " << r.metric << " kind "
         << static_cast<int>(r.kind);
}

namespace {

address at(const char* text) { return boost::asio::ip::make_address(text); }

std::optional<std::uint32_t> interface_to(const route_table& t, const char* destination)
{
    const auto r = t.find(at(destination));
    return r ? std::optional(r->interface) : std::nullopt;
}

TEST(same_prefix, compares_that_many_bits)
{
    EXPECT_TRUE(same_prefix(at("192.0.2.1"), at("192.0.2.254"), 24));
    EXPECT_FALSE(same_prefix(at("192.0.2.1"), at("192.0.3.1"), 24));
    EXPECT_TRUE(same_prefix(at("192.0.2.1"), at("192.0.3.1"), 23));
    EXPECT_TRUE(same_prefix(at("192.0.2.127"), at("192.0.2.64"), 26));
    EXPECT_FALSE(same_prefix(at("192.0.2.127"), at("192.0.2.128"), 25));
    EXPECT_TRUE(same_prefix(at("0.0.0.0"), at("255.255.255.255"), 0));
    EXPECT_FALSE(same_prefix(at("192.0.2.1"), at("192.0.2.0"), 32));
    EXPECT_TRUE(same_prefix(at("192.0.2.1"), at("192.0.2.1"), 32));
}

TEST(same_prefix, families_never_match)
{
    EXPECT_FALSE(same_prefix(at("0.0.0.0"), at("::"), 0));
    EXPECT_TRUE(same_prefix(at("2001:db8::1"), at("2001:db8::ffff"), 112));
    EXPECT_FALSE(same_prefix(at("2001:db8::1"), at("2001:db8::1:0"), 112));
    EXPECT_TRUE(same_prefix(at("2001:db8::"), at("2001:db8::"), 128));
    EXPECT_FALSE(same_prefix(at("2001:db8::"), at("2001:db8::1"), 128));
}

TEST(network_of, keeps_the_prefix_alone)
{
    EXPECT_EQ(network_of(at("192.0.2.255"), 25), at("192.0.2.128"));
    EXPECT_EQ(network_of(at("192.0.2.255"), 0), at("0.0.0.0"));
    EXPECT_EQ(network_of(at("192.0.2.255"), 32), at("192.0.2.255"));
    EXPECT_EQ(network_of(at("2001:db8:1:2:3:4:5:6"), 63), at("2001:db8:1:2::"));
    EXPECT_EQ(network_of(at("2001:db8:1:2:3:4:5:6"), 65), at("2001:db8:1:2::"));
    EXPECT_EQ(network_of(at("2001:db8:1:2:3:4:5:7"), 127), at("2001:db8:1:2:3:4:5:6"));
    EXPECT_EQ(network_of(at("fe80::1%3"), 64), at("fe80::%3"));
}

TEST(routes, the_longest_prefix_wins_in_whatever_order_they_came)
{
    route_table t;
    t.add({at("0.0.0.0"), 0, at("192.0.2.254"), 1, 0});
    t.add({at("198.51.100.7"), 32, std::nullopt, 4, 0});
    t.add({at("198.51.100.0"), 24, std::nullopt, 3, 0});
    t.add({at("198.51.0.0"), 16, std::nullopt, 2, 0});
    EXPECT_EQ(interface_to(t, "198.51.100.7"), 4U);
    EXPECT_EQ(interface_to(t, "198.51.100.8"), 3U);
    EXPECT_EQ(interface_to(t, "198.51.7.7"), 2U);
    EXPECT_EQ(interface_to(t, "203.0.113.1"), 1U);
    EXPECT_EQ(t.find(at("203.0.113.1"))->gateway, at("192.0.2.254"));
}

TEST(routes, of_the_same_length_the_lower_metric_then_the_first)
{
    route_table t;
    t.add({at("203.0.113.0"), 24, std::nullopt, 1, 20});
    t.add({at("203.0.113.0"), 24, std::nullopt, 2, 10});
    t.add({at("203.0.113.0"), 24, std::nullopt, 3, 10});
    t.add({at("203.0.113.0"), 24, std::nullopt, 4, 30});
    EXPECT_EQ(interface_to(t, "203.0.113.9"), 2U);
    t.remove_if([](const route& r) { return r.interface == 2; });
    EXPECT_EQ(interface_to(t, "203.0.113.9"), 3U);
    t.remove_if([](const route& r) { return r.interface == 3; });
    EXPECT_EQ(interface_to(t, "203.0.113.9"), 1U);
}

TEST(routes, added_twice_are_removed_twice)
{
    route_table t;
    const route r{at("203.0.113.0"), 24, std::nullopt, 1, 0};
    t.add(r);
    t.add({at("203.0.113.7"), 24, std::nullopt, 1, 0}); // bits beyond the prefix are ignored
    EXPECT_EQ(t.all().size(), 1U);
    EXPECT_TRUE(t.remove(r));
    EXPECT_EQ(interface_to(t, "203.0.113.9"), 1U);
    EXPECT_TRUE(t.remove(r));
    EXPECT_EQ(interface_to(t, "203.0.113.9"), std::nullopt);
    EXPECT_FALSE(t.remove(r));
}

TEST(routes, added_twice_are_removed_at_once_by_a_condition)
{
    route_table t;
    const route r{at("203.0.113.0"), 24, std::nullopt, 1, 0};
    t.add(r);
    t.add(r);
    t.remove_if([](const route& each) { return each.interface == 1; });
    EXPECT_TRUE(t.all().empty());
    EXPECT_FALSE(t.remove(r));
}

TEST(routes, are_removed_whatever_their_metric)
{
    route_table t;
    t.add({at("203.0.113.0"), 24, std::nullopt, 1, 20});
    t.add({at("203.0.113.0"), 24, std::nullopt, 1, 10});
    EXPECT_TRUE(t.remove({at("203.0.113.0"), 24, std::nullopt, 1, 99}));
    EXPECT_EQ(t.find(at("203.0.113.9"))->metric, 20U) << "the better one is removed first";
    EXPECT_TRUE(t.remove({at("203.0.113.0"), 24, std::nullopt, 1, 99}));
    EXPECT_TRUE(t.all().empty());
}

TEST(routes, of_both_families_are_looked_up_alike)
{
    route_table t;
    t.add({at("2001:db8::"), 33, std::nullopt, 1, 0});
    t.add({at("2001:db8:8000::1"), 128, std::nullopt, 2, 0});
    EXPECT_EQ(interface_to(t, "2001:db8:7fff::1"), 1U);
    EXPECT_EQ(interface_to(t, "2001:db8:8000::1"), 2U);
    EXPECT_EQ(interface_to(t, "2001:db8:8000::2"), std::nullopt);
    EXPECT_EQ(interface_to(t, "32.1.13.184"), std::nullopt);
}

TEST(routes, ignore_the_scope_id)
{
    route_table t;
    t.add({at("fe80::%7"), 64, std::nullopt, 1, 0});
    EXPECT_EQ(interface_to(t, "fe80::1%3"), 1U);
    EXPECT_EQ(t.find(at("fe80::1%3"))->network, at("fe80::"));
}

TEST(routes, none_is_none)
{
    route_table t;
    EXPECT_EQ(interface_to(t, "203.0.113.9"), std::nullopt);
    t.add({at("203.0.113.0"), 24, std::nullopt, 1, 0});
    EXPECT_EQ(interface_to(t, "203.0.114.9"), std::nullopt);
    EXPECT_EQ(interface_to(t, "2001:db8::1"), std::nullopt);
    EXPECT_FALSE(t.remove({at("203.0.113.0"), 25, std::nullopt, 1, 0}));
    EXPECT_FALSE(t.remove({at("203.0.112.0"), 24, std::nullopt, 1, 0}));
    EXPECT_FALSE(t.remove({at("203.0.113.0"), 24, at("192.0.2.1"), 1, 0}));
    EXPECT_FALSE(t.remove({at("203.0.113.0"), 33, std::nullopt, 1, 0}));
    EXPECT_FALSE(t.remove({at("203.0.113.0"), 24, std::nullopt, 1, 0, route_kind::blackhole}));
    EXPECT_EQ(t.all().size(), 1U);
}

TEST(routes, that_are_unusable_give_way_to_shorter_prefixes)
{
    route_table t;
    t.add({at("0.0.0.0"), 0, std::nullopt, 1, 0});
    t.add({at("198.51.0.0"), 16, std::nullopt, 2, 0});
    t.add({at("198.51.100.0"), 22, std::nullopt, 3, 0});
    t.add({at("198.51.100.0"), 24, std::nullopt, 4, 0});
    t.add({at("198.51.100.0"), 24, std::nullopt, 5, 1});
    const auto without = [&](std::initializer_list<std::uint32_t> down) {
        const auto is_up = [&](const route& r) { return std::find(down.begin(), down.end(), r.interface) == down.end(); };
        const auto r = t.find_if(at("198.51.100.1"), std::nullopt, is_up);
        return r ? r->interface : 0;
    };
    EXPECT_EQ(without({}), 4U);
    EXPECT_EQ(without({4}), 5U);
    EXPECT_EQ(without({4, 5}), 3U);
    EXPECT_EQ(without({3, 4, 5}), 2U);
    EXPECT_EQ(without({2, 4, 5}), 3U);
    EXPECT_EQ(without({2, 3, 4, 5}), 1U);
    EXPECT_EQ(without({1, 2, 3, 4, 5}), 0U);
}

TEST(routes, by_another_interface_are_passed_over)
{
    route_table t;
    t.add({at("0.0.0.0"), 0, std::nullopt, 1, 0});
    t.add({at("198.51.100.0"), 24, std::nullopt, 2, 0});
    EXPECT_EQ(t.find(at("198.51.100.1"), 1)->prefix_length, 0U);
    EXPECT_EQ(t.find(at("198.51.100.1"), 2)->prefix_length, 24U);
    EXPECT_EQ(t.find(at("198.51.100.1"), 3), std::nullopt);
}

TEST(routes, that_refuse_match_whatever_the_interface)
{
    route_table t;
    t.add({at("0.0.0.0"), 0, std::nullopt, 1, 0});
    t.add({at("198.51.100.0"), 24, std::nullopt, 0, 0, route_kind::prohibit});
    EXPECT_EQ(t.find(at("198.51.100.1"), 1)->kind, route_kind::prohibit);
    EXPECT_EQ(t.find(at("198.51.101.1"), 1)->kind, route_kind::unicast);
}

TEST(routes, are_listed_by_falling_length_then_network_then_metric)
{
    route_table t;
    t.add({at("198.51.100.0"), 24, std::nullopt, 1, 7});
    t.add({at("::"), 0, std::nullopt, 2, 0});
    t.add({at("198.51.100.0"), 24, std::nullopt, 3, 5});
    t.add({at("192.0.2.0"), 24, std::nullopt, 4, 0});
    t.add({at("0.0.0.0"), 0, std::nullopt, 5, 0});
    t.add({at("2001:db8::"), 24, std::nullopt, 6, 0});
    t.add({at("2001:db8::1"), 128, std::nullopt, 7, 0});
    std::vector<std::uint32_t> interfaces;
    for (const route& r : t.all()) interfaces.push_back(r.interface);
    EXPECT_EQ(interfaces, (std::vector<std::uint32_t>{7, 4, 3, 1, 6, 5, 2}));
}

/// Random changes of a table and of the naive one, after each of which both must say the same. Networks are few bits that are
/// changed in a few addresses, so that prefixes lie within one another.
class random_changes : public ::testing::TestWithParam<std::tuple<family, std::size_t>>
{
protected:
    static family tested() { return std::get<family>(GetParam()); }
    std::uint64_t some(std::uint64_t bound) { return split_mix(state_) % bound; }

    address some_address()
    {
        address_bits bits{0x2001'0db8'0000'0000 | some(4) << 20, 0};
        for (int changes = 0; changes < 3; ++changes) {
            const auto place = static_cast<unsigned>(some(tested() == family::v4 ? 32 : 128));
            bits = bits ^ (address_bits{std::uint64_t{1} << 63, 0} >> place);
        }
        if (tested() == family::v4) return to_address(static_cast<std::uint32_t>(bits.high >> 32));
        return to_address(bits);
    }

    route some_route()
    {
        static constexpr std::array<unsigned, 14> v4{0, 1, 6, 7, 8, 12, 15, 18, 19, 24, 25, 30, 31, 32};
        static constexpr std::array<unsigned, 14> v6{0, 1, 6, 7, 29, 32, 44, 48, 63, 64, 65, 126, 127, 128};
        const unsigned length = tested() == family::v4 ? v4[some(v4.size())] : v6[some(v6.size())];
        const auto gateway = some(2) == 0 ? std::nullopt : std::optional(at(some(2) == 0 ? "192.0.2.1" : "fe80::1%2"));
        return {some_address(),
                length,
                gateway,
                static_cast<std::uint32_t>(some(3)),
                static_cast<std::uint32_t>(some(3)),
                some(8) == 0 ? route_kind::blackhole : route_kind::unicast};
    }

    void compare_one_lookup()
    {
        const address to = some_address();
        const auto interface = some(2) == 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(some(4)));
        const std::uint64_t unusable = some(8); // a metric, or none of those in use
        const auto usable = [unusable](const route& r) { return r.metric != unusable; };
        ASSERT_EQ(table_.find_if(to, interface, usable), naive_.find_if(to, interface, usable)) << to;
        ASSERT_EQ(table_.find(to, interface), naive_.find(to, interface)) << to;
    }

    void change()
    {
        const route r = some_route();
        if (some(2) == 0 && size_ < 400) {
            table_.add(r), naive_.add(r);
            ++size_;
        } else {
            const route& removed = some(4) == 0 || known_.empty() ? r : known_[some(known_.size())];
            const bool was_there = naive_.remove(removed);
            ASSERT_EQ(table_.remove(removed), was_there);
            size_ -= was_there;
            return;
        }
        if (known_.size() < 500)
            known_.push_back(r);
        else
            known_[some(known_.size())] = r;
    }

    void remove_some()
    {
        const std::uint64_t interface = some(3), length = some(130);
        const auto unwanted = [&](const route& r) { return r.interface == interface || r.prefix_length > length; };
        table_.remove_if(unwanted), naive_.remove_if(unwanted);
        size_ = naive_.all().size();
    }

    std::uint64_t state_ = 1;
    std::size_t size_ = 0; // add() calls less remove() calls
    std::vector<route> known_;
    route_table table_{std::get<std::size_t>(GetParam())};
    naive_route_table naive_;
};

TEST_P(random_changes, give_the_same_as_the_naive_table)
{
    for (int i = 0; i < 170'000 && !HasFatalFailure(); ++i) {
        change();
        compare_one_lookup();
        if (i % 10'000 == 9'999) remove_some();
        if (i % 1'000 == 999) {
            ASSERT_EQ(table_.all(), naive_.all());
        }
    }
    table_.remove_if([](const route&) { return true; });
    EXPECT_TRUE(table_.all().empty());
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<family, std::size_t>>& tested)
{
    const auto of = std::get<family>(tested.param);
    const auto indexed_from = std::get<std::size_t>(tested.param);
    if (of == family::v6) return "ipv6";
    return indexed_from == route_table::large ? "ipv4" : "ipv4_indexed_from_" + std::to_string(indexed_from);
}

// The IPv4 trie alone, with an index from the first prefix on, and with one that is made and dropped while the table changes.
INSTANTIATE_TEST_SUITE_P(of, random_changes,
                         ::testing::Values(std::tuple(family::v4, route_table::large), std::tuple(family::v4, 0),
                                           std::tuple(family::v4, 100), std::tuple(family::v6, route_table::large)),
                         name_of);

/// Each prefix of an address, but for its last bit: no route lies within another, and the trie has its greatest depth.
TEST(routes, of_all_lengths_are_found_and_removed)
{
    route_table t;
    std::vector<route> routes;
    for (unsigned length = 1; length <= 128; ++length) {
        const address_bits of{0x2001'0db8'0000'0000, 0xffff'ffff'ffff'ffff};
        const address_bits last = address_bits{std::uint64_t{1} << 63, 0} >> (length - 1);
        routes.push_back({to_address(of ^ last), length, std::nullopt, length, 0});
        t.add(routes.back());
    }
    for (const route& r : routes) {
        ASSERT_TRUE(t.find(r.network)) << r.prefix_length;
        EXPECT_EQ(t.find(r.network)->interface, r.interface);
    }
    for (const route& r : routes) {
        EXPECT_TRUE(t.remove(r));
        EXPECT_FALSE(t.find(r.network)) << r.prefix_length;
    }
    EXPECT_TRUE(t.all().empty());
}

} // namespace
} // namespace tapio::core::ip
