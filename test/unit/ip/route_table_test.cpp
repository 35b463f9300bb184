// Order of routes: longest prefix, lowest metric, order of insertion.
#include "ip/route_table.hpp"

#include <gtest/gtest.h>

namespace tapio::core::ip {
namespace {

address at(const char* text) { return boost::asio::ip::make_address(text); }

std::optional<std::uint32_t> interface_to(const route_table& t, const char* destination)
{
    const route* r = t.find(at(destination));
    return r == nullptr ? std::nullopt : std::optional(r->interface);
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

TEST(routes, none_is_none)
{
    route_table t;
    EXPECT_EQ(interface_to(t, "203.0.113.9"), std::nullopt);
    t.add({at("203.0.113.0"), 24, std::nullopt, 1, 0});
    EXPECT_EQ(interface_to(t, "203.0.114.9"), std::nullopt);
    EXPECT_EQ(interface_to(t, "2001:db8::1"), std::nullopt);
}

} // namespace
} // namespace tapio::core::ip
