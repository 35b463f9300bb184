/// @file
/// For the tests of autoconfiguration: an owner that carries the actions out and checks that they fit, and a fixture in virtual
/// time.
#pragma once

#include "ip/slaac.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tapio::core::ip {

using namespace std::chrono_literals;

inline address_v6 a6(const char* text) { return boost::asio::ip::make_address_v6(text); }

/// The state that an owner would have after the actions.
class fake_owner final : public autoconfiguration_actions
{
public:
    std::map<address_v6, autoconfigured_address> addresses;
    std::vector<learned_route> routes;
    link_parameters parameters;
    dns_configuration dns;
    std::vector<std::pair<address_v6, bool>> failures; ///< of address_failed()
    std::vector<address_v6> verified;                  ///< each address of add_address(), in order
    unsigned solicitations = 0, parameter_changes = 0, dns_changes = 0, route_changes = 0;
    bool link_came_up = false; ///< addresses that are there may be added again

    void add_address(const autoconfigured_address& a) override
    {
        EXPECT_TRUE(link_came_up || !addresses.contains(a.address)) << a.address;
        addresses[a.address] = a;
        verified.push_back(a.address);
    }
    void remove_address(const address_v6& a) override { EXPECT_EQ(addresses.erase(a), 1U) << a; }
    void set_deprecated(const address_v6& a, bool deprecated) override
    {
        ASSERT_TRUE(addresses.contains(a)) << a;
        EXPECT_NE(addresses[a].deprecated, deprecated) << a;
        addresses[a].deprecated = deprecated;
    }
    void address_failed(const address_v6& prefix, bool temporary) override { failures.emplace_back(prefix, temporary); }
    void add_route(const learned_route& r) override
    {
        EXPECT_EQ(std::count(routes.begin(), routes.end(), r), 0) << r.prefix;
        routes.push_back(r);
        ++route_changes;
    }
    void remove_route(const learned_route& r) override
    {
        EXPECT_EQ(std::erase(routes, r), 1U) << r.prefix;
        ++route_changes;
    }
    void solicit_routers() override { ++solicitations; }
    void parameters_changed(const link_parameters& p) override
    {
        EXPECT_NE(p, parameters);
        parameters = p;
        ++parameter_changes;
    }
    void dns_changed(const dns_configuration& d) override
    {
        EXPECT_NE(d, dns);
        dns = d;
        ++dns_changes;
    }
};

class slaac_host : public ::testing::Test
{
protected:
    static constexpr time_point start = time_point(100s);
    static constexpr siphash_key secret{1, 2};

    static autoconfiguration_options options(bool temporary = false)
    {
        autoconfiguration_options o;
        o.secret = secret;
        o.net_iface = "02:00:00:00:00:02";
        o.temporary_addresses = temporary;
        return o;
    }

    void link_up()
    {
        owner.link_came_up = true;
        autoconf->link_up(now);
        owner.link_came_up = false;
    }
    void link_up_with_temporary_addresses()
    {
        autoconf.emplace(options(true), random, owner);
        link_up();
    }

    /// Lets the time pass up to `t` after the start, with a call of advance() at each deadline.
    void at(duration t)
    {
        const time_point end = start + t;
        ASSERT_GE(end, now);
        while (autoconf->next_deadline() <= end) {
            now = std::max(now, autoconf->next_deadline());
            autoconf->advance(now);
            ASSERT_GT(autoconf->next_deadline(), now) << "nothing stays due";
        }
        now = end;
        autoconf->advance(now);
    }
    duration elapsed() const { return now - start; }

    bool hear(const wire::router_advertisement& ra, const char* router = "fe80::1")
    {
        return autoconf->router_advertised(ra, a6(router), now);
    }
    void hear_prefix(const char* prefix, std::chrono::seconds valid, std::chrono::seconds preferred, unsigned length = 64)
    {
        hear(advertisement(prefix, valid, preferred, length));
    }
    /// Of a prefix, on-link and autonomous, by a router that is no default router.
    static wire::router_advertisement advertisement(const char* prefix, std::chrono::seconds valid,
                                                    std::chrono::seconds preferred, unsigned length = 64)
    {
        wire::router_advertisement ra;
        ra.prefixes.push_back({a6(prefix), static_cast<std::uint8_t>(length), true, true,
                               static_cast<std::uint32_t>(valid.count()), static_cast<std::uint32_t>(preferred.count())});
        return ra;
    }

    /// The addresses of a prefix of 64 bits.
    std::vector<autoconfigured_address> of(const char* prefix) const
    {
        std::vector<autoconfigured_address> out;
        const auto network = a6(prefix).to_bytes();
        for (const auto& [address, what] : owner.addresses) {
            const auto bytes = address.to_bytes();
            if (std::equal(bytes.begin(), bytes.begin() + 8, network.begin())) out.push_back(what);
        }
        return out;
    }
    bool has_route(const char* prefix, unsigned length, const char* gateway = nullptr,
                   wire::router_preference preference = wire::router_preference::medium) const
    {
        const learned_route wanted{a6(prefix), length, gateway ? std::optional(a6(gateway)) : std::nullopt, preference};
        return std::count(owner.routes.begin(), owner.routes.end(), wanted) == 1;
    }

    random_source random{std::array<std::byte, random_source::seed_size>{}};
    fake_owner owner;
    std::optional<autoconfiguration> autoconf{std::in_place, options(), random, owner};
    time_point now = start;
};

} // namespace tapio::core::ip
