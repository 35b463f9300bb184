// Autoconfiguration under attack: floods of Router Advertisements, and random ones. Bounds are kept, and what is in use stays.
#include "slaac_host.hpp"
#include "wire/ndp.hpp"

#include <cstdlib>

namespace tapio::core::ip {
namespace {

class slaac_flood : public slaac_host
{
protected:
    /// An address whose first and last words are as given.
    static address_v6 numbered(unsigned first, std::uint32_t n)
    {
        address_v6::bytes_type octets{static_cast<unsigned char>(first >> 8), static_cast<unsigned char>(first)};
        for (int i = 0; i < 4; ++i) octets[4 + i] = octets[12 + i] = static_cast<unsigned char>(n >> (24 - 8 * i));
        return address_v6(octets);
    }
    static address_v6 router(std::uint32_t n)
    {
        auto octets = numbered(0xfe80, n).to_bytes();
        std::fill(octets.begin() + 2, octets.begin() + 8, std::uint8_t{0});
        return address_v6(octets);
    }
    static address_v6 network(std::uint32_t n)
    {
        auto octets = numbered(0x2001, n).to_bytes();
        std::fill(octets.begin() + 8, octets.end(), std::uint8_t{0});
        return address_v6(octets);
    }

    /// One that claims all there is, with numbers that no other one has.
    static wire::router_advertisement hostile(std::uint32_t n)
    {
        wire::router_advertisement ra;
        ra.router_lifetime = 65535;
        ra.preference = wire::router_preference::high;
        for (std::uint32_t i = 0; i < 4; ++i) {
            const std::uint32_t k = 0x0100'0000 + 4 * n + i;
            ra.prefixes.push_back({network(k), 64, true, true, wire::infinite_lifetime, wire::infinite_lifetime});
            ra.routes.push_back({network(k), 64, wire::router_preference::high, wire::infinite_lifetime});
            ra.dns_servers.push_back({numbered(0x2001, k), wire::infinite_lifetime});
            ra.dns_search_domains.push_back({"x" + std::to_string(k), wire::infinite_lifetime});
            ra.nat64_prefixes.push_back({network(k), 64, 65528});
        }
        return ra;
    }
    static wire::router_advertisement honest()
    {
        auto ra = advertisement("2001:db8:1::", 30 * 24h, 7 * 24h);
        ra.router_lifetime = 1800;
        ra.routes = {{a6("2001:db8:100::"), 48, wire::router_preference::medium, 1800}};
        ra.dns_servers = {{a6("2001:db8::53"), 1800}};
        ra.dns_search_domains = {{"example.com", 1800}};
        return ra;
    }
    bool has_what_is_honest() const
    {
        const auto has = [](const auto& list, const auto& what) { return std::count(list.begin(), list.end(), what) == 1; };
        return has_route("::", 0, "fe80::1") && has_route("2001:db8:100::", 48, "fe80::1") && has_route("2001:db8:1::", 64) &&
               !of("2001:db8:1::").empty() && has(owner.dns.servers, a6("2001:db8::53")) &&
               has(owner.dns.search_domains, std::string("example.com"));
    }

    void expect_bounds() const
    {
        std::size_t default_routers = 0, specific = 0, on_link = 0;
        for (const learned_route& r : owner.routes) ++(!r.gateway ? on_link : r.prefix_length == 0 ? default_routers : specific);
        ASSERT_LE(default_routers, learned_routes::most_default_routers);
        ASSERT_LE(specific, learned_routes::most_specific_routes);
        ASSERT_LE(on_link, learned_routes::most_on_link_prefixes + 1) << "and the link-local prefix";
        ASSERT_LE(owner.addresses.size(), slaac_addresses::most_addresses + 1) << "and the link-local address";
        ASSERT_LE(owner.dns.servers.size(), autoconfiguration::most_dns_servers);
        ASSERT_LE(owner.dns.search_domains.size(), autoconfiguration::most_search_domains);
        ASSERT_LE(owner.dns.nat64_prefixes.size(), autoconfiguration::most_nat64_prefixes);
    }
    void expect_the_owner_knows_all() const
    {
        ASSERT_EQ(autoconf->addresses().size(), owner.addresses.size());
        for (const auto& a : autoconf->addresses()) {
            const auto at = owner.addresses.find(a.address);
            ASSERT_NE(at, owner.addresses.end());
            ASSERT_EQ(at->second.deprecated, a.deprecated);
            ASSERT_EQ(a.deprecated, a.preferred_until <= now);
            ASSERT_GT(a.valid_until, now);
            ASSERT_LE(a.preferred_until, a.valid_until);
        }
        ASSERT_EQ(autoconf->routes().size() + 1, owner.routes.size());
        ASSERT_EQ(autoconf->dns(), owner.dns);
        ASSERT_EQ(autoconf->parameters(), owner.parameters);
        ASSERT_GT(autoconf->next_deadline(), now);
    }
};

TEST_F(slaac_flood, new_routers_and_prefixes_fill_the_bounds_and_no_more)
{
    link_up();
    for (std::uint32_t n = 0; n < 2000; ++n) {
        autoconf->router_advertised(hostile(n), router(n + 100), now);
        expect_bounds();
    }
    EXPECT_EQ(owner.addresses.size(), 17U);
    EXPECT_EQ(owner.routes.size(), 1U + 16 + 32 + 32);
    EXPECT_EQ(owner.dns.servers.size(), 8U);
    EXPECT_EQ(owner.dns.search_domains.size(), 8U);
    EXPECT_EQ(owner.dns.nat64_prefixes.size(), 4U);
    expect_the_owner_knows_all();
}

TEST_F(slaac_flood, what_was_learned_before_stays_while_it_is_advertised)
{
    link_up();
    hear(honest());
    for (std::uint32_t n = 0; n < 4000; ++n) {
        autoconf->router_advertised(hostile(n), router(n + 100), now);
        if (n % 200 == 0) {
            ASSERT_TRUE(has_what_is_honest());
            at(elapsed() + 10min);
            hear(honest());
        }
    }
    EXPECT_TRUE(has_what_is_honest());
    expect_bounds();
}

TEST_F(slaac_flood, room_of_what_expires_is_free_for_others)
{
    link_up();
    for (std::uint32_t n = 0; n < 16; ++n) {
        wire::router_advertisement ra;
        ra.router_lifetime = 100;
        autoconf->router_advertised(ra, router(n + 100), now);
    }
    hear(honest());
    EXPECT_FALSE(has_route("::", 0, "fe80::1"));
    EXPECT_TRUE(has_route("2001:db8:100::", 48, "fe80::1"));
    now += 100s; // the advertisement comes before the timer
    hear(honest());
    EXPECT_TRUE(has_route("::", 0, "fe80::1"));
}

TEST_F(slaac_flood, temporary_addresses_stay_within_the_bound_too)
{
    link_up_with_temporary_addresses();
    hear(honest());
    for (std::uint32_t n = 0; n < 2000; ++n) {
        autoconf->router_advertised(hostile(n), router(n + 100), now);
        at(elapsed() + 10min);
        hear(honest());
        expect_bounds();
        const auto all = of("2001:db8:1::");
        ASSERT_TRUE(std::any_of(all.begin(), all.end(), [](auto& a) { return a.temporary && !a.deprecated; }));
    }
}

/// Random advertisements: built from few prefixes and lifetimes, so that they concern one another, then changed octet by octet.
class slaac_random : public slaac_flood
{
protected:
    std::uint32_t lifetime()
    {
        constexpr std::uint32_t some[] = {0, 1, 5, 6, 60, 7199, 7200, 7201, 86'400, 0xffff'fffe, wire::infinite_lifetime};
        return dice.uniform(4) == 0 ? dice.next_u32() : some[dice.uniform(std::size(some))];
    }
    wire::router_preference preference() { return static_cast<wire::router_preference>(static_cast<int>(dice.uniform(3)) - 1); }
    wire::router_advertisement some_advertisement()
    {
        wire::router_advertisement ra;
        ra.hop_limit = static_cast<std::uint8_t>(dice.next_u32());
        ra.router_lifetime = static_cast<std::uint16_t>(lifetime());
        ra.preference = preference();
        ra.reachable_time = lifetime();
        ra.retransmit_time = lifetime();
        if (dice.uniform(2) == 0) ra.mtu = lifetime();
        for (std::uint32_t i = dice.uniform(3); i-- > 0;)
            ra.prefixes.push_back(
                {network(dice.uniform(24)), 64, dice.uniform(2) == 0, dice.uniform(4) != 0, lifetime(), lifetime()});
        for (std::uint32_t i = dice.uniform(3); i-- > 0;)
            ra.routes.push_back(
                {network(dice.uniform(40)), static_cast<std::uint8_t>(dice.uniform(2) * 64), preference(), lifetime()});
        for (std::uint32_t i = dice.uniform(2); i-- > 0;)
            ra.dns_servers.push_back({numbered(0x2001, dice.uniform(20)), lifetime()});
        for (std::uint32_t i = dice.uniform(2); i-- > 0;)
            ra.dns_search_domains.push_back({"x" + std::to_string(dice.uniform(20)) + ".example", lifetime()});
        for (std::uint32_t i = dice.uniform(2); i-- > 0;)
            ra.nat64_prefixes.push_back({network(dice.uniform(8)), 64, static_cast<std::uint16_t>(lifetime() & 0xfff8)});
        return ra;
    }
    /// The message's octets, some of them changed, perhaps cut.
    std::vector<std::byte> mutated(const wire::router_advertisement& ra)
    {
        const packet p = wire::make_router_advertisement(ra);
        std::vector<std::byte> body(p.size());
        p.copy_to(body);
        for (std::uint32_t i = dice.uniform(8); i-- > 0;)
            body[dice.uniform(static_cast<std::uint32_t>(body.size()))] = static_cast<std::byte>(dice.next_u32());
        if (dice.uniform(16) == 0) body.resize(dice.uniform(static_cast<std::uint32_t>(body.size()) + 1));
        body.shrink_to_fit(); // so that the address sanitizer sees every octet beyond the end
        return body;
    }
    void something_else_happens()
    {
        const auto all = autoconf->addresses();
        switch (dice.uniform(64)) {
        case 0: autoconf->link_down(now), link_up(); break;
        case 1: autoconf->reset(), link_up(); break;
        case 2: autoconf->no_longer_router(router(dice.uniform(30)), now); break;
        case 3:
        case 4:
            if (!all.empty()) autoconf->duplicate(all[dice.uniform(static_cast<std::uint32_t>(all.size()))].address, now);
            break;
        default: break;
        }
    }
    void run(long rounds)
    {
        long heard = 0;
        for (long n = 0; n < rounds; ++n) {
            const auto sent = some_advertisement();
            const auto body = mutated(sent);
            if (const auto ra = wire::parse_router_advertisement(wire::rest_of(sent), body))
                heard += autoconf->router_advertised(*ra, router(dice.uniform(30)), now) ? 1 : 0;
            if (dice.uniform(2) == 0)
                at(elapsed() + std::chrono::milliseconds(dice.uniform(dice.uniform(200) == 0 ? 86'400'000 : 5000)));
            something_else_happens();
            expect_bounds();
            if (n % 16 == 0) expect_the_owner_knows_all();
            if (HasFatalFailure()) FAIL() << "round " << n;
        }
        EXPECT_GT(heard, rounds / 4);
    }
    /// For a run with sanitizers: TAPIO_SLAAC_ROUNDS=1000000.
    static long rounds()
    {
        const char* const wanted = std::getenv("TAPIO_SLAAC_ROUNDS");
        return wanted != nullptr ? std::atol(wanted) : 20'000;
    }

    random_source dice{std::array<std::byte, random_source::seed_size>{std::byte{1}}};
};

TEST_F(slaac_random, advertisements_keep_the_bounds)
{
    link_up();
    run(rounds());
}

TEST_F(slaac_random, advertisements_keep_the_bounds_with_temporary_addresses)
{
    link_up_with_temporary_addresses();
    run(rounds());
}

} // namespace
} // namespace tapio::core::ip
