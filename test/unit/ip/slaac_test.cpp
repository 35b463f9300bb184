// Autoconfiguration: router solicitations, link parameters, default routers, routes, on-link prefixes, DNS. Addresses:
// slaac_address_test.cpp.
#include "slaac_host.hpp"

namespace tapio::core::ip::slaac_test {
namespace {

using slaac = slaac_host;
using wire::router_preference;

wire::router_advertisement default_router(std::uint16_t lifetime, router_preference preference = router_preference::medium)
{
    wire::router_advertisement ra;
    ra.router_lifetime = lifetime;
    ra.preference = preference;
    return ra;
}

// -- link up and down -----------------------------------------------------------------------------------------------

TEST_F(slaac, link_up_adds_the_link_local_address_and_its_prefix) // RFC 4862 §5.3, RFC 4861 §5.1
{
    EXPECT_EQ(autoconf->next_deadline(), never);
    link_up();
    ASSERT_EQ(owner.addresses.size(), 1U);
    const autoconfigured_address own = owner.addresses.begin()->second;
    EXPECT_TRUE(own.address.is_link_local());
    EXPECT_EQ(own.prefix_length, 64U);
    EXPECT_EQ(own.preferred_until, never);
    EXPECT_EQ(own.valid_until, never);
    EXPECT_FALSE(own.deprecated || own.temporary);
    EXPECT_TRUE(has_route("fe80::", 64));
    EXPECT_EQ(autoconf->addresses(), std::vector{own});
    link_up();
    EXPECT_EQ(owner.verified.size(), 1U) << "is up already";
}

TEST_F(slaac, advertisements_count_only_from_link_local_sources_while_the_link_is_up) // RFC 4861 §6.1.2
{
    EXPECT_FALSE(hear(default_router(1800)));
    link_up();
    EXPECT_FALSE(hear(default_router(1800), "2001:db8::1"));
    EXPECT_FALSE(hear(default_router(1800), "::"));
    EXPECT_FALSE(hear(default_router(1800), "ff02::1"));
    EXPECT_FALSE(autoconf->router_advertised(default_router(1800), owner.addresses.begin()->first, now)) << "our own address";
    EXPECT_EQ(owner.routes.size(), 1U);
    EXPECT_TRUE(hear(default_router(1800)));
    autoconf->link_down(now);
    EXPECT_FALSE(hear(default_router(0)));
    EXPECT_TRUE(has_route("::", 0, "fe80::1"));
}

TEST_F(slaac, scope_id_of_the_router_is_ignored)
{
    link_up();
    address_v6 router = a6("fe80::1");
    router.scope_id(7);
    EXPECT_TRUE(autoconf->router_advertised(default_router(1800), router, now));
    EXPECT_TRUE(has_route("::", 0, "fe80::1"));
    EXPECT_TRUE(hear(default_router(0)));
    EXPECT_FALSE(has_route("::", 0, "fe80::1"));
}

TEST_F(slaac, short_interruption_of_the_link_removes_nothing_and_verifies_addresses_again)
{
    link_up();
    auto ra = advertisement("2001:db8::", 3600s, 1800s);
    ra.router_lifetime = 1800;
    hear(ra);
    at(10s);
    const auto before = owner.addresses;
    const auto routes = owner.routes;
    autoconf->link_down(now);
    const unsigned solicited = owner.solicitations;
    at(20s);
    EXPECT_EQ(owner.solicitations, solicited);
    owner.verified.clear();
    link_up();
    EXPECT_EQ(owner.addresses, before);
    EXPECT_EQ(owner.routes, routes);
    EXPECT_EQ(owner.verified.size(), 2U);
    EXPECT_TRUE(owner.verified.front().is_link_local());
    at(21s);
    EXPECT_GT(owner.solicitations, solicited);
}

TEST_F(slaac, lifetimes_pass_while_the_link_is_down)
{
    link_up();
    auto ra = advertisement("2001:db8::", 3600s, 1800s);
    ra.router_lifetime = 1800;
    hear(ra);
    autoconf->link_down(now);
    at(1800s);
    EXPECT_FALSE(has_route("::", 0, "fe80::1"));
    EXPECT_TRUE(of("2001:db8::").at(0).deprecated);
    at(3600s);
    EXPECT_EQ(owner.addresses.size(), 1U);
    EXPECT_EQ(owner.routes.size(), 1U);
    EXPECT_EQ(autoconf->next_deadline(), never);
}

TEST_F(slaac, reset_removes_everything)
{
    link_up();
    auto ra = advertisement("2001:db8::", 3600s, 1800s);
    ra.router_lifetime = 1800;
    ra.hop_limit = 64;
    ra.dns_servers = {{a6("2001:db8::53"), 600}};
    hear(ra);
    autoconf->reset();
    EXPECT_TRUE(owner.addresses.empty());
    EXPECT_TRUE(owner.routes.empty());
    EXPECT_EQ(owner.parameters, link_parameters{});
    EXPECT_EQ(owner.dns, dns_configuration{});
    EXPECT_EQ(autoconf->next_deadline(), never);
    autoconf->reset();
    link_up();
    EXPECT_EQ(owner.addresses.size(), 1U);
    EXPECT_TRUE(has_route("fe80::", 64));
}

// -- router solicitations -------------------------------------------------------------------------------------------

/// When solicitations are sent in the first `length`, without an answer.
class solicitations : public slaac_host
{
protected:
    std::vector<duration> until(duration length)
    {
        std::vector<duration> out;
        while (autoconf->next_deadline() <= start + length) {
            const unsigned before = owner.solicitations;
            at(autoconf->next_deadline() - start);
            if (owner.solicitations != before) out.push_back(elapsed());
        }
        return out;
    }
};

TEST_F(solicitations, first_one_follows_within_a_second) // RFC 4861 §6.3.7
{
    std::vector<duration> first;
    for (int i = 0; i < 50; ++i) {
        link_up();
        first.push_back(autoconf->next_deadline() - now);
        autoconf->reset();
    }
    const auto [soonest, latest] = std::minmax_element(first.begin(), first.end());
    EXPECT_GE(*soonest, 0s);
    EXPECT_LE(*latest, 1s);
    EXPECT_LT(*soonest, 200ms) << "random";
    EXPECT_GT(*latest, 800ms);
}

TEST_F(solicitations, are_repeated_for_ever_at_intervals_that_double_up_to_an_hour) // RFC 7559 §2
{
    link_up();
    const auto sent = until(48h);
    ASSERT_GT(sent.size(), 50U);
    duration previous = 0s;
    for (std::size_t i = 1; i < sent.size(); ++i) {
        const duration interval = sent[i] - sent[i - 1];
        if (i == 1) {
            EXPECT_GE(interval, 3600ms);
            EXPECT_LE(interval, 4400ms);
        } else if (interval < 54min) {
            EXPECT_GE(interval, previous * 19 / 10);
            EXPECT_LE(interval, previous * 21 / 10);
        }
        EXPECT_LE(interval, 66min);
        EXPECT_TRUE(i <= 12 || interval >= 54min) << i;
        previous = interval;
    }
}

TEST_F(solicitations, end_with_the_advertisement_of_a_default_router) // RFC 4861 §6.3.7
{
    link_up();
    at(5500ms);
    EXPECT_EQ(owner.solicitations, 2U);
    hear(default_router(0));
    EXPECT_NE(autoconf->next_deadline(), never) << "this is no default router";
    hear(default_router(9000));
    EXPECT_EQ(autoconf->next_deadline(), now + 9000s);
    at(8000s);
    EXPECT_EQ(owner.solicitations, 2U);
}

TEST_F(solicitations, at_least_one_is_sent_though_a_router_was_heard_before) // RFC 4861 §6.3.7
{
    link_up();
    hear(default_router(9000));
    at(1s);
    EXPECT_EQ(owner.solicitations, 1U);
    hear(default_router(9000));
    at(8000s);
    EXPECT_EQ(owner.solicitations, 1U);
}

TEST_F(solicitations, late_call_sends_one)
{
    link_up();
    now += 1h;
    autoconf->advance(now);
    EXPECT_EQ(owner.solicitations, 1U);
    EXPECT_GT(autoconf->next_deadline(), now);
}

// -- link parameters (RFC 4861 §6.3.4) ------------------------------------------------------------------------------

TEST_F(slaac, parameters_are_copied_and_zero_says_nothing)
{
    link_up();
    wire::router_advertisement ra;
    ra.hop_limit = 64;
    ra.reachable_time = 40'000;
    ra.retransmit_time = 2000;
    ra.mtu = 1400;
    ra.other = true;
    hear(ra);
    const link_parameters said{64, 1400, 40'000ms, 2000ms, false, true};
    EXPECT_EQ(owner.parameters, said);
    EXPECT_EQ(autoconf->parameters(), said);
    wire::router_advertisement nothing;
    nothing.other = true;
    hear(nothing);
    hear(ra);
    EXPECT_EQ(owner.parameter_changes, 1U) << "nothing has changed";
    nothing.other = false;
    nothing.managed = true;
    hear(nothing);
    EXPECT_EQ(owner.parameters, (link_parameters{64, 1400, 40'000ms, 2000ms, true, false}));
}

TEST_F(slaac, mtu_below_1280_is_ignored)
{
    link_up();
    wire::router_advertisement ra;
    ra.mtu = 1279;
    hear(ra);
    EXPECT_EQ(owner.parameters.mtu, std::nullopt);
    ra.mtu = 1280;
    hear(ra);
    EXPECT_EQ(owner.parameters.mtu, 1280U);
}

TEST_F(slaac, timers_have_bounds)
{
    link_up();
    wire::router_advertisement ra;
    ra.reachable_time = 3'600'001;
    ra.retransmit_time = 60'001;
    hear(ra);
    EXPECT_EQ(owner.parameters, link_parameters{}) << "more than an hour (RFC 4861 §6.2.1); DAD would take for ever";
    ra.reachable_time = 3'600'000;
    ra.retransmit_time = 60'000;
    hear(ra);
    EXPECT_EQ(owner.parameters.reachable_time, 1h);
    EXPECT_EQ(owner.parameters.retransmit_time, 1min);
    ra.reachable_time = ra.retransmit_time = 1;
    hear(ra);
    EXPECT_EQ(owner.parameters.reachable_time, 100ms);
    EXPECT_EQ(owner.parameters.retransmit_time, 10ms);
}

// -- default routers ------------------------------------------------------------------------------------------------

TEST_F(slaac, default_router_lasts_for_its_lifetime) // RFC 4861 §6.3.4, §6.3.5
{
    link_up();
    at(10s);
    hear(default_router(1800));
    hear(default_router(600), "fe80::2");
    at(609s);
    EXPECT_TRUE(has_route("::", 0, "fe80::2"));
    hear(default_router(1800));
    at(610s);
    EXPECT_FALSE(has_route("::", 0, "fe80::2"));
    at(2408s);
    EXPECT_TRUE(has_route("::", 0, "fe80::1")) << "renewed by the second advertisement";
    at(2409s);
    EXPECT_FALSE(has_route("::", 0, "fe80::1"));
}

TEST_F(slaac, router_lifetime_zero_removes_the_default_route_at_once) // RFC 4861 §6.3.4
{
    link_up();
    hear(default_router(1800));
    hear(default_router(1800), "fe80::2");
    hear(default_router(0));
    EXPECT_FALSE(has_route("::", 0, "fe80::1"));
    EXPECT_TRUE(has_route("::", 0, "fe80::2"));
    hear(default_router(0), "fe80::3");
}

TEST_F(slaac, preference_of_a_default_router_may_change) // RFC 4191 §3.1
{
    link_up();
    hear(default_router(1800, router_preference::high));
    EXPECT_TRUE(has_route("::", 0, "fe80::1", router_preference::high));
    hear(default_router(1800, router_preference::low));
    EXPECT_TRUE(has_route("::", 0, "fe80::1", router_preference::low));
    EXPECT_EQ(owner.routes.size(), 2U);
}

TEST_F(slaac, neighbor_that_is_no_router_any_more_loses_its_routes) // RFC 4861 §7.2.5
{
    link_up();
    wire::router_advertisement ra = default_router(1800);
    ra.routes = {{a6("2001:db8:9::"), 48, router_preference::medium, 600}};
    hear(ra);
    hear(ra, "fe80::2");
    autoconf->no_longer_router(a6("fe80::1"), now);
    EXPECT_FALSE(has_route("::", 0, "fe80::1"));
    EXPECT_FALSE(has_route("2001:db8:9::", 48, "fe80::1"));
    EXPECT_TRUE(has_route("::", 0, "fe80::2"));
    EXPECT_TRUE(has_route("2001:db8:9::", 48, "fe80::2"));
}

// -- more specific routes (RFC 4191 §3.1, type C) -------------------------------------------------------------------

TEST_F(slaac, route_options_become_routes_with_their_own_lifetime_and_preference)
{
    link_up();
    wire::router_advertisement ra;
    ra.routes = {{a6("2001:db8:9::"), 48, router_preference::high, 600},
                 {a6("2001:db8:8::1"), 128, router_preference::low, wire::infinite_lifetime}};
    hear(ra);
    EXPECT_TRUE(has_route("2001:db8:9::", 48, "fe80::1", router_preference::high));
    EXPECT_TRUE(has_route("2001:db8:8::1", 128, "fe80::1", router_preference::low));
    EXPECT_FALSE(has_route("::", 0, "fe80::1")) << "a router of the prefix is no default router";
    at(600s);
    EXPECT_FALSE(has_route("2001:db8:9::", 48, "fe80::1", router_preference::high));
    at(24h * 365);
    EXPECT_TRUE(has_route("2001:db8:8::1", 128, "fe80::1", router_preference::low));
    ra.routes[1].lifetime = 0;
    ra.routes.erase(ra.routes.begin());
    hear(ra);
    EXPECT_EQ(owner.routes.size(), 1U) << "a lifetime of 0 removes the route";
}

TEST_F(slaac, route_option_for_the_default_route_overrides_the_header)
{
    link_up();
    wire::router_advertisement ra = default_router(1800, router_preference::low);
    ra.routes = {{a6("::"), 0, router_preference::high, 600}};
    hear(ra);
    EXPECT_TRUE(has_route("::", 0, "fe80::1", router_preference::high));
    const unsigned changes = owner.route_changes;
    hear(ra);
    EXPECT_EQ(owner.route_changes, changes) << "the route does not come and go with each advertisement";
    at(600s);
    EXPECT_FALSE(has_route("::", 0, "fe80::1", router_preference::high));
    ra.router_lifetime = 0;
    hear(ra);
    EXPECT_TRUE(has_route("::", 0, "fe80::1", router_preference::high));
    ra = default_router(1800);
    ra.routes = {{a6("::"), 0, router_preference::medium, 0}};
    hear(ra);
    EXPECT_EQ(owner.routes.size(), 1U);
}

TEST_F(slaac, routes_to_groups_link_local_addresses_and_the_loopback_address_are_ignored)
{
    link_up();
    wire::router_advertisement ra;
    ra.routes = {{a6("ff05::"), 16, router_preference::medium, 600},
                 {a6("fe80::"), 64, router_preference::medium, 600},
                 {a6("fe80::9"), 128, router_preference::medium, 600},
                 {a6("::1"), 128, router_preference::medium, 600},
                 {a6("::ffff:0:0"), 96, router_preference::medium, 600}};
    hear(ra);
    EXPECT_EQ(owner.routes.size(), 1U);
    ra.routes = {{a6("64:ff9b::"), 96, router_preference::medium, 600}};
    hear(ra);
    EXPECT_EQ(owner.routes.size(), 2U);
}

// -- on-link prefixes (RFC 4861 §6.3.4) -----------------------------------------------------------------------------

TEST_F(slaac, on_link_prefix_lasts_for_its_valid_lifetime)
{
    link_up();
    hear_prefix("2001:db8::", 600s, 300s, 48);
    EXPECT_TRUE(has_route("2001:db8::", 48));
    at(599s);
    EXPECT_TRUE(has_route("2001:db8::", 48));
    at(600s);
    EXPECT_FALSE(has_route("2001:db8::", 48));
    hear_prefix("2001:db8::", 0s, 0s, 48);
    EXPECT_FALSE(has_route("2001:db8::", 48)) << "a lifetime of 0 adds nothing";
    hear_prefix("2001:db8::", 600s, 300s, 48);
    hear_prefix("2001:db8::", 0s, 0s, 48);
    EXPECT_FALSE(has_route("2001:db8::", 48)) << "it removes at once; the rule of two hours is for addresses";
}

TEST_F(slaac, prefix_that_is_not_on_link_says_nothing) // RFC 4861 §6.3.4, RFC 5942 §4
{
    link_up();
    auto ra = advertisement("2001:db8::", 600s, 300s);
    ra.prefixes[0].on_link = false;
    hear(ra);
    EXPECT_FALSE(has_route("2001:db8::", 64));
    EXPECT_EQ(of("2001:db8::").size(), 1U);
    ra.prefixes[0].on_link = true;
    hear(ra);
    ra.prefixes[0].on_link = false;
    ra.prefixes[0].valid_lifetime = ra.prefixes[0].preferred_lifetime = 0;
    hear(ra);
    EXPECT_TRUE(has_route("2001:db8::", 64)) << "nor does it remove the prefix";
}

TEST_F(slaac, link_local_prefix_and_groups_are_ignored) // RFC 4861 §6.3.4, RFC 4862 §5.5.3 (b)
{
    link_up();
    for (const char* prefix : {"fe80::", "fe80:1::", "ff02::", "::"}) hear_prefix(prefix, 600s, 300s);
    EXPECT_EQ(owner.routes.size(), 1U);
    EXPECT_EQ(owner.addresses.size(), 1U);
}

// -- DNS (RFC 8106 §5.3.1, RFC 8781) --------------------------------------------------------------------------------

TEST_F(slaac, dns_servers_and_domains_last_for_their_lifetimes)
{
    link_up();
    wire::router_advertisement ra;
    ra.dns_servers = {{a6("2001:db8::53"), 600}, {a6("fe80::53"), wire::infinite_lifetime}};
    ra.dns_search_domains = {{"example.com", 300}};
    ra.nat64_prefixes = {{a6("64:ff9b::"), 96, 400}};
    hear(ra);
    const dns_configuration all{{a6("2001:db8::53"), a6("fe80::53")}, {"example.com"}, {{a6("64:ff9b::"), 96}}};
    EXPECT_EQ(owner.dns, all);
    EXPECT_EQ(autoconf->dns(), all);
    hear(ra);
    EXPECT_EQ(owner.dns_changes, 1U) << "the same again";
    at(300s);
    EXPECT_TRUE(owner.dns.search_domains.empty());
    at(400s);
    EXPECT_TRUE(owner.dns.nat64_prefixes.empty());
    at(600s);
    EXPECT_EQ(owner.dns.servers, std::vector{a6("fe80::53")});
    at(24h * 365 * 2);
    EXPECT_EQ(owner.dns.servers, std::vector{a6("fe80::53")});
    EXPECT_EQ(owner.dns_changes, 4U);
}

TEST_F(slaac, dns_lifetime_zero_removes_at_once)
{
    link_up();
    wire::router_advertisement ra;
    ra.dns_servers = {{a6("2001:db8::53"), 600}};
    ra.dns_search_domains = {{"example.com", 600}};
    ra.nat64_prefixes = {{a6("64:ff9b::"), 96, 600}};
    hear(ra);
    ra.dns_servers[0].lifetime = ra.dns_search_domains[0].lifetime = ra.nat64_prefixes[0].lifetime = 0;
    hear(ra);
    EXPECT_EQ(owner.dns, dns_configuration{});
    hear(ra);
    EXPECT_EQ(owner.dns_changes, 2U);
}

// -- time -----------------------------------------------------------------------------------------------------------

TEST_F(slaac, lifetimes_that_reach_beyond_the_clock_are_infinite)
{
    now = time_point::max() - 60s;
    link_up();
    auto ra = advertisement("2001:db8::", 3600s, 1800s);
    ra.router_lifetime = 1800;
    hear(ra);
    EXPECT_EQ(of("2001:db8::").at(0).valid_until, never);
    EXPECT_TRUE(has_route("::", 0, "fe80::1"));
}

} // namespace
} // namespace tapio::core::ip::slaac_test
