// Which addresses are ours, which are broadcast or multicast, and the route and source address of a packet.
#include "base/random_source.hpp"
#include "ip/routing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

namespace tapio::core::ip::routing_test {
namespace {

const time_point now = time_point(std::chrono::seconds(100));

address a(const char* text) { return boost::asio::ip::make_address(text); }

/// A loopback interface and two Ethernets.
class tables : public ::testing::Test
{
protected:
    tables()
    {
        device_info d;
        d.link = link_type::loopback;
        addresses.add(interfaces.add(d), {address_v4::loopback(), 8});
        d.link = link_type::ethernet;
        d.mtu = 1500;
        for (const char* name : {"one", "two"}) {
            d.name = name;
            (void)interfaces.add(d);
        }
    }

    void add(interface_id i, const char* own, unsigned prefix)
    {
        addresses.add(interfaces[i], {a(own), prefix});
        routes.add_network(i, a(own), prefix);
        routes.invalidate();
    }
    void remove(const char* own)
    {
        const auto gone = addresses.remove(a(own));
        ASSERT_TRUE(gone);
        routes.remove_network(gone->interface, a(own), gone->prefix_length);
        routes.invalidate();
    }
    interface_id way(const char* to) const
    {
        const auto found = routes.find(a(to), std::nullopt);
        return found ? found->route->interface : 99;
    }

    random_source random{std::array<std::byte, random_source::seed_size>{}};
    host_counters counters;
    link::interface_table interfaces{random, counters, 4};
    address_table addresses{interfaces};
    routing routes{interfaces, addresses};
};

using address_table_of = tables;
using routing_of = tables;

TEST_F(address_table_of, ours_are_those_of_interfaces_and_all_of_127)
{
    add(1, "192.0.2.1", 24);
    EXPECT_TRUE(addresses.is_ours(a("192.0.2.1")));
    EXPECT_TRUE(addresses.is_ours(a("127.9.9.9")));
    EXPECT_FALSE(addresses.is_ours(a("192.0.2.2")));
    EXPECT_FALSE(addresses.is_ours(a("::1"))) << "there is no IPv6 yet";
    EXPECT_EQ(addresses.interface_of(a("192.0.2.1")), 1U);
    EXPECT_EQ(addresses.interface_of(a("192.0.2.2")), std::nullopt);
    remove("192.0.2.1");
    EXPECT_FALSE(addresses.is_ours(a("192.0.2.1")));
    EXPECT_FALSE(addresses.remove(a("192.0.2.1")));
}

TEST_F(address_table_of, a_broadcast_is_one_while_some_address_makes_it_one)
{
    add(1, "192.0.2.1", 24);
    add(1, "192.0.2.2", 24);
    add(2, "198.51.100.0", 31);
    EXPECT_TRUE(addresses.is_broadcast(a("255.255.255.255")));
    EXPECT_TRUE(addresses.is_broadcast(a("192.0.2.255")));
    EXPECT_FALSE(addresses.is_broadcast(a("198.51.100.1"))) << "RFC 3021: a /31 has no broadcast address";
    remove("192.0.2.1");
    EXPECT_TRUE(addresses.is_broadcast(a("192.0.2.255")));
    remove("192.0.2.2");
    EXPECT_FALSE(addresses.is_broadcast(a("192.0.2.255")));
}

TEST_F(address_table_of, groups_are_heard_by_their_members)
{
    add(1, "192.0.2.1", 24);
    const address group = a("224.1.2.3");
    EXPECT_FALSE(addresses.hears(interfaces[1], group));
    interfaces[1].join_group(group);
    EXPECT_TRUE(addresses.hears(interfaces[1], group));
    EXPECT_FALSE(addresses.hears(interfaces[2], group));
    EXPECT_TRUE(addresses.hears(interfaces[2], a("224.0.0.1"))) << "the all-hosts group";
    EXPECT_TRUE(addresses.hears(interfaces[1], a("192.0.2.255")));
    EXPECT_FALSE(addresses.hears(interfaces[1], a("192.0.2.1"))) << "not a broadcast or multicast address";
}

TEST_F(address_table_of, a_source_stands_on_the_next_hops_subnet_if_one_does)
{
    add(1, "192.0.2.1", 24);
    add(1, "203.0.113.1", 24);
    EXPECT_EQ(addresses.source_for(1, a("203.0.113.7")), a("203.0.113.1"));
    EXPECT_EQ(addresses.source_for(1, a("198.51.100.7")), a("192.0.2.1"));
    EXPECT_EQ(addresses.source_for(2, a("203.0.113.7")), std::nullopt);
}

TEST_F(routing_of, the_longest_prefix_by_an_interface_that_is_up)
{
    add(1, "192.0.2.1", 24);
    add(2, "198.51.100.1", 24);
    ASSERT_FALSE(routes.add({a("0.0.0.0"), 0, a("192.0.2.254"), 1, 0}));
    ASSERT_FALSE(routes.add({a("203.0.113.0"), 24, a("198.51.100.254"), 2, 0}));
    routes.invalidate();
    EXPECT_EQ(way("203.0.113.5"), 2U);
    EXPECT_EQ(way("198.18.0.1"), 1U);
    EXPECT_EQ(way("192.0.2.1"), loopback);
    EXPECT_EQ(routes.find(a("203.0.113.5"), std::nullopt)->source, a("198.51.100.1"));
    EXPECT_FALSE(routes.is_direct(a("203.0.113.5"), std::nullopt));
    EXPECT_TRUE(routes.is_direct(a("192.0.2.9"), std::nullopt));

    (void)interfaces[2].set_enabled(false, now);
    routes.invalidate();
    EXPECT_EQ(way("203.0.113.5"), 1U) << "the default route is used";
    (void)interfaces[1].set_enabled(false, now);
    routes.invalidate();
    EXPECT_EQ(routes.find(a("203.0.113.5"), std::nullopt).error(), errno_code(ENETDOWN));
}

TEST_F(routing_of, an_entry_is_shared_and_holds_until_something_changes)
{
    add(1, "192.0.2.1", 24);
    const auto first = routes.find(a("192.0.2.9"), std::nullopt), again = routes.find(a("192.0.2.9"), a("192.0.2.1"));
    ASSERT_TRUE(first && again);
    EXPECT_EQ(first->route, again->route);
    EXPECT_TRUE(routes.holds(*first->route));
    EXPECT_FALSE(routes.holds(*routes.none()));
    routes.invalidate();
    EXPECT_FALSE(routes.holds(*first->route));
    const auto fresh = routes.find(a("192.0.2.9"), std::nullopt);
    EXPECT_NE(fresh->route, first->route);
    EXPECT_TRUE(routes.holds(*fresh->route));
}

TEST_F(routing_of, says_why_there_is_none)
{
    add(1, "192.0.2.1", 24);
    EXPECT_EQ(routes.find(a("198.18.0.1"), std::nullopt).error(), errno_code(ENETUNREACH));
    EXPECT_EQ(routes.find(a("192.0.2.9"), a("192.0.2.8")).error(), errno_code(ENETUNREACH))
        << "the source is not an address of ours";
    EXPECT_EQ(routes.find(a("192.0.2.9"), a("127.0.0.1")).error(), errno_code(EINVAL));
    EXPECT_EQ(routes.add({a("0.0.0.0"), 0, a("198.18.0.1"), 1, 0}), errno_code(ENETUNREACH))
        << "the gateway is not on a connected subnet";
    EXPECT_EQ(routes.add({a("0.0.0.0"), 0, std::nullopt, 7, 0}), errno_code(ENODEV));
    EXPECT_EQ(routes.remove({a("203.0.113.0"), 24, std::nullopt, 1, 0}), errno_code(ESRCH));
}

TEST_F(routing_of, with_its_last_address_an_interface_loses_its_routes)
{
    add(1, "192.0.2.1", 24);
    add(1, "192.0.2.2", 24);
    ASSERT_FALSE(routes.add({a("0.0.0.0"), 0, a("192.0.2.254"), 1, 0}));
    remove("192.0.2.1");
    EXPECT_EQ(way("192.0.2.9"), 1U);
    EXPECT_EQ(way("198.18.0.1"), 1U);
    remove("192.0.2.2");
    EXPECT_EQ(way("192.0.2.9"), 99U);
    EXPECT_EQ(way("198.18.0.1"), 99U);
}

TEST_F(routing_of, an_ethernet_needs_no_neighbour_for_a_group)
{
    add(1, "192.0.2.1", 24);
    EXPECT_EQ(routes.find(a("192.0.2.255"), std::nullopt)->route->group_mac, mac_address::broadcast());
    EXPECT_EQ(routes.find(a("239.129.2.3"), std::nullopt)->route->group_mac, (mac_address{{0x01, 0x00, 0x5e, 0x01, 2, 3}}));
    EXPECT_EQ(routes.find(a("192.0.2.9"), std::nullopt)->route->group_mac, std::nullopt);
}

TEST_F(routing_of, a_silent_router_yields_to_another)
{
    add(1, "2001:db8::1", 64);
    add(1, "fe80::1%2", 64);
    const auto router = [](const char* gateway, std::uint32_t metric) {
        return route{a("::"), 0, a(gateway), 1, metric, route_kind::unicast};
    };
    EXPECT_FALSE(routes.add(router("fe80::aa%2", 10)));
    EXPECT_FALSE(routes.add(router("fe80::bb%2", 20)));
    routes.invalidate();
    const auto next_hop = [&] { return routes.find(a("2001:db8:9::9"), std::nullopt)->route->next_hop.address(); };
    EXPECT_EQ(next_hop(), a("fe80::aa"));
    routes.neighbor_is_silent(1, a("fe80::cc"), now); // no router
    EXPECT_EQ(next_hop(), a("fe80::aa"));
    routes.neighbor_is_silent(1, a("fe80::aa"), now);
    EXPECT_EQ(next_hop(), a("fe80::bb"));
    EXPECT_EQ(routes.next_deadline(), now + silent_gateways::rest);
    routes.neighbor_is_silent(1, a("fe80::bb"), now);
    EXPECT_EQ(next_hop(), a("fe80::aa")) << "none answers";
}

} // namespace
} // namespace tapio::core::ip::routing_test
