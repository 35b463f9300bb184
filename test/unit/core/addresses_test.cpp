// Many addresses on one host: the cost of adding, looking up and removing an address does not grow with their number. All
// addresses of a subnet share one connected route.
#include "core/host.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <vector>

namespace tapio::core {
namespace {

constexpr std::uint32_t lowest = 0xc612'0001; // 198.18.0.1

double processor_time() ///< CPU time of this thread, s
{
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

address_v4 nth(std::uint32_t n) { return address_v4(lowest + n); }

class many_addresses : public testing::TestWithParam<unsigned>
{
protected:
    std::unique_ptr<host> make()
    {
        auto h = std::make_unique<host>(host_options(), std::array<std::byte, 32>{});
        device_info eth;
        eth.name = "eth0";
        eth.mac = mac_address{{2, 0, 0, 0, 0, 1}};
        h->add_interface(eth);
        return h;
    }

    /// Seconds of CPU time per address to add, look up and remove `n` of them; the best of three rounds.
    double cost(std::uint32_t n)
    {
        double best = 1e9;
        for (int round = 0; round < 3; ++round) {
            const auto h = make();
            const double began = processor_time();
            for (std::uint32_t i = 0; i < n; ++i) EXPECT_FALSE(h->add_address(1, nth(i), GetParam(), now));
            for (std::uint32_t i = 0; i < n; ++i) (void)h->net().routes().find(nth(n + i), nth(i));
            for (std::uint32_t i = 0; i < n; ++i) EXPECT_FALSE(h->remove_address(nth(i), now));
            best = std::min(best, (processor_time() - began) / n);
        }
        return best;
    }

    const time_point now{std::chrono::hours(1)};
};

TEST_P(many_addresses, cost_for_each_what_a_few_cost)
{
    const double few = cost(2000), many = cost(20'000);
    EXPECT_LT(many, 6 * few) << "as many as this have an index of routes, which costs more to change";
}

INSTANTIATE_TEST_SUITE_P(prefix_length, many_addresses, testing::Values(15U, 24U, 32U));

TEST(addresses, of_one_subnet_have_one_route_that_stays_until_the_last_is_removed)
{
    host h(host_options(), std::array<std::byte, 32>{});
    device_info tun;
    tun.link = link_type::ip;
    h.add_interface(tun);
    const time_point now{};
    for (std::uint32_t i = 0; i < 3; ++i) ASSERT_FALSE(h.add_address(1, nth(i), 24, now));
    ASSERT_EQ(h.net().list_routes().size(), 1U);
    ASSERT_FALSE(h.remove_address(nth(0), now));
    ASSERT_FALSE(h.remove_address(nth(2), now));
    EXPECT_EQ(h.net().list_routes().size(), 1U);
    EXPECT_EQ(h.net().routes().find(nth(9), std::nullopt)->source, nth(1));
    EXPECT_TRUE(h.net().addresses().is_broadcast(address_v4(lowest | 0xff)));
    ASSERT_FALSE(h.remove_address(nth(1), now));
    EXPECT_TRUE(h.net().list_routes().empty());
    EXPECT_FALSE(h.net().addresses().is_broadcast(address_v4(lowest | 0xff)));
    EXPECT_EQ(h.remove_address(nth(1), now), errno_code(EADDRNOTAVAIL));
}

} // namespace
} // namespace tapio::core
