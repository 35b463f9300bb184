// Routes that refuse what would be sent by them: the error that a local sender gets.
#include "base/random_source.hpp"
#include "ip/routing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

namespace tapio::core::ip {
namespace {

address a(const char* text) { return boost::asio::ip::make_address(text); }

/// A loopback interface and an Ethernet with 192.0.2.1/24 and a default route.
class route_kinds : public ::testing::Test
{
protected:
    route_kinds()
    {
        device_info d;
        d.link = link_type::loopback;
        addresses.add(interfaces.add(d), {address_v4::loopback(), 8});
        d.link = link_type::ethernet;
        d.name = "one";
        d.mtu = 1500;
        (void)interfaces.add(d);
        addresses.add(interfaces[1], {a("192.0.2.1"), 24});
        routes.add_network(1, a("192.0.2.1"), 24);
        EXPECT_FALSE(routes.add({a("0.0.0.0"), 0, a("192.0.2.254"), 1, 0}));
        routes.invalidate();
    }

    void refuse(const char* network, unsigned prefix_length, route_kind kind, std::uint32_t metric = 0)
    {
        EXPECT_FALSE(routes.add({a(network), prefix_length, std::nullopt, loopback, metric, kind}));
        routes.invalidate();
    }
    error_code error_to(const char* destination, std::optional<interface_id> via = {}) const
    {
        const auto found = routes.find(a(destination), std::nullopt, via);
        return found ? error_code() : found.error();
    }

    random_source random{std::array<std::byte, random_source::seed_size>{}};
    host_counters counters;
    link::interface_table interfaces{random, counters, 4};
    address_table addresses{interfaces};
    routing routes{interfaces, addresses};
};

TEST_F(route_kinds, each_has_the_error_of_linux)
{
    refuse("198.51.100.0", 26, route_kind::blackhole);
    refuse("198.51.100.64", 26, route_kind::unreachable);
    refuse("198.51.100.128", 26, route_kind::prohibit);
    EXPECT_EQ(error_to("198.51.100.1"), errno_code(EINVAL));
    EXPECT_EQ(error_to("198.51.100.65"), errno_code(EHOSTUNREACH));
    EXPECT_EQ(error_to("198.51.100.129"), errno_code(EACCES));
    EXPECT_FALSE(error_to("198.51.100.193"));
}

TEST_F(route_kinds, a_longer_prefix_is_an_exception_to_a_refusal)
{
    refuse("198.51.0.0", 16, route_kind::unreachable);
    EXPECT_FALSE(routes.add({a("198.51.100.0"), 24, a("192.0.2.7"), 1, 0}));
    routes.invalidate();
    EXPECT_FALSE(error_to("198.51.100.1"));
    EXPECT_EQ(error_to("198.51.101.1"), errno_code(EHOSTUNREACH));
}

TEST_F(route_kinds, a_refusal_of_higher_metric_takes_effect_when_the_interface_is_down)
{
    EXPECT_FALSE(routes.add({a("198.51.100.0"), 24, a("192.0.2.7"), 1, 0}));
    refuse("198.51.100.0", 24, route_kind::prohibit, 100);
    EXPECT_FALSE(error_to("198.51.100.1"));
    interfaces[1].set_enabled(false, time_point(std::chrono::seconds(100)));
    routes.invalidate();
    EXPECT_EQ(error_to("198.51.100.1"), errno_code(EACCES));
}

TEST_F(route_kinds, a_bound_device_does_not_evade_a_refusal)
{
    refuse("198.51.100.0", 24, route_kind::prohibit);
    EXPECT_EQ(error_to("198.51.100.1", 1), errno_code(EACCES));
}

TEST_F(route_kinds, our_own_addresses_are_never_refused)
{
    refuse("192.0.2.1", 32, route_kind::prohibit);
    EXPECT_FALSE(error_to("192.0.2.1"));
}

TEST_F(route_kinds, a_refusal_has_no_gateway_and_leads_to_none)
{
    EXPECT_EQ(routes.add({a("198.51.100.0"), 24, a("192.0.2.7"), 1, 0, route_kind::blackhole}), errno_code(EINVAL));
    refuse("192.0.2.7", 32, route_kind::blackhole);
    EXPECT_EQ(routes.add({a("198.51.100.0"), 24, a("192.0.2.7"), 1, 0}), errno_code(ENETUNREACH));
}

TEST_F(route_kinds, a_refused_group_has_no_interface_of_its_own)
{
    refuse("224.0.0.0", 4, route_kind::unreachable);
    EXPECT_EQ(routes.group_interface(a("239.1.2.3")), 1U);
    EXPECT_EQ(error_to("239.1.2.3"), errno_code(EHOSTUNREACH));
}

TEST_F(route_kinds, a_refusal_outlives_the_addresses_of_the_interface)
{
    EXPECT_FALSE(routes.add({a("198.51.100.0"), 24, std::nullopt, 1, 0, route_kind::prohibit}));
    const auto gone = addresses.remove(a("192.0.2.1"));
    ASSERT_TRUE(gone);
    routes.remove_network(gone->interface, a("192.0.2.1"), gone->prefix_length);
    routes.invalidate();
    EXPECT_EQ(routes.all().size(), 1U);
    EXPECT_EQ(error_to("198.51.100.1"), errno_code(EACCES));
    EXPECT_EQ(error_to("198.51.101.1"), errno_code(ENETUNREACH));
}

TEST_F(route_kinds, are_removed_by_kind)
{
    refuse("198.51.100.0", 24, route_kind::prohibit);
    EXPECT_EQ(routes.remove({a("198.51.100.0"), 24, std::nullopt, loopback, 0}), errno_code(ESRCH));
    EXPECT_FALSE(routes.remove({a("198.51.100.0"), 24, std::nullopt, loopback, 0, route_kind::prohibit}));
    routes.invalidate();
    EXPECT_FALSE(error_to("198.51.100.1"));
}

} // namespace
} // namespace tapio::core::ip
