// RFC 6724: each rule of §5 and §6, and the examples of §10.
#include "ip/source_selection.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace tapio::core::ip::source_selection_test {
namespace {

address a(const std::string& text) { return boost::asio::ip::make_address(text); }

/// With the prefix length that addresses of its family usually have.
source_candidate from(const std::string& text, std::uint32_t interface = 1)
{
    const address own = a(text);
    return {own, own.is_v4() ? 24U : 64U, interface};
}
source_candidate deprecated(source_candidate c) { return c.deprecated = true, c; }
source_candidate temporary(source_candidate c) { return c.temporary = true, c; }
source_candidate home(source_candidate c) { return c.home = true, c; }
source_candidate care_of(source_candidate c) { return c.care_of = true, c; }
source_candidate advertised(source_candidate c) { return c.advertised_by_next_hop = true, c; }

const policy_table default_table;

using candidates = std::vector<source_candidate>;

std::string selected(const candidates& from, const source_request& request, const policy_table& policies = default_table)
{
    const source_candidate* const best = select_source(from, request, policies);
    return best == nullptr ? "none" : best->address.to_string();
}

/// The result must not depend on the order of the candidates.
std::string selected(const std::string& destination, candidates from, const source_preferences& preferences = {})
{
    const source_request request{a(destination), 1, preferences};
    const std::string first = selected(from, request);
    std::reverse(from.begin(), from.end());
    return selected(from, request) == first ? first : "depends on the order";
}

policy row(const char* prefix, unsigned length, std::uint32_t precedence, std::uint32_t label)
{
    return {boost::asio::ip::make_address_v6(prefix), length, precedence, label};
}

// --- §2.1 and §3

TEST(scopes, of_ipv6_addresses)
{
    EXPECT_EQ(scope_of(a("2001:db8::1")), scope::global);
    EXPECT_EQ(scope_of(a("fd00::1")), scope::global) << "unique local";
    EXPECT_EQ(scope_of(a("fe80::1")), scope::link_local);
    EXPECT_EQ(scope_of(a("febf::1")), scope::link_local);
    EXPECT_EQ(scope_of(a("fec0::1")), scope::site_local);
    EXPECT_EQ(scope_of(a("::1")), scope::link_local) << "§3.4";
    EXPECT_EQ(scope_of(a("ff01::1")), scope::interface_local);
    EXPECT_EQ(scope_of(a("ff02::1")), scope::link_local);
    EXPECT_EQ(scope_of(a("ff15::1")), scope::site_local) << "the flags do not matter";
    EXPECT_EQ(scope_of(a("ff08::1")), scope::organization_local);
    EXPECT_EQ(scope_of(a("ff0e::1")), scope::global);
}

TEST(scopes, of_ipv4_addresses)
{
    for (const char* prefix : {"", "::ffff:"}) {
        const std::string p = prefix;
        EXPECT_EQ(scope_of(a(p + "198.51.100.1")), scope::global);
        EXPECT_EQ(scope_of(a(p + "10.1.2.3")), scope::global) << "private";
        EXPECT_EQ(scope_of(a(p + "169.254.1.1")), scope::link_local);
        EXPECT_EQ(scope_of(a(p + "169.253.1.1")), scope::global);
        EXPECT_EQ(scope_of(a(p + "127.0.0.1")), scope::link_local);
        EXPECT_EQ(scope_of(a(p + "224.0.0.251")), scope::link_local);
        EXPECT_EQ(scope_of(a(p + "224.0.1.1")), scope::global);
        EXPECT_EQ(scope_of(a(p + "239.255.1.1")), scope::realm_local);
        EXPECT_EQ(scope_of(a(p + "239.195.1.1")), scope::organization_local);
        EXPECT_EQ(scope_of(a(p + "239.196.1.1")), scope::global);
    }
}

TEST(policy_tables, the_default_is_that_of_the_rfc)
{
    const auto expect = [](const char* of, std::uint32_t precedence, std::uint32_t label) {
        EXPECT_EQ(default_table.find(a(of)).precedence, precedence) << of;
        EXPECT_EQ(default_table.find(a(of)).label, label) << of;
    };
    expect("::1", 50, 0);
    expect("2001:db8::1", 40, 1);
    expect("fe80::1", 40, 1);
    expect("::ffff:198.51.100.1", 35, 4);
    expect("198.51.100.1", 35, 4);
    expect("2002:c633:6401::1", 30, 2);
    expect("2001:0:1::1", 5, 5);
    expect("fc00::1", 3, 13);
    expect("fdff::1", 3, 13);
    expect("::c633:6401", 1, 3);
    expect("fec0::1", 1, 11);
    expect("3ffe::1", 1, 12);
}

TEST(policy_tables, of_users_are_searched_by_the_longest_prefix)
{
    const policy_table t({row("2001:db8::", 32, 7, 1), row("2001:db8:1::", 48, 8, 2), row("::", 0, 9, 3)});
    EXPECT_EQ(t.find(a("2001:db8:1::1")).precedence, 8U);
    EXPECT_EQ(t.find(a("2001:db8:2::1")).precedence, 7U);
    EXPECT_EQ(t.find(a("2001:db9::1")).precedence, 9U);
}

TEST(policy_tables, without_a_row_for_all_addresses_get_one)
{
    EXPECT_EQ(policy_table({row("2001:db8::", 32, 7, 9)}).find(a("fe80::1")).precedence, 40U);
    EXPECT_EQ(policy_table(std::vector<policy>()).find(a("198.51.100.1")).label, 1U);
}

// --- §4 and §5

TEST(source_selection, without_a_candidate_there_is_none)
{
    EXPECT_EQ(selected("2001:db8::1", {}), "none");
    EXPECT_EQ(selected("2001:db8::1", {from("192.0.2.1"), from("::"), from("ff02::1")}), "none");
    EXPECT_EQ(selected("192.0.2.1", {from("2001:db8::1"), from("0.0.0.0")}), "none");
}

TEST(source_selection, what_stays_on_the_link_has_a_source_of_the_interface)
{
    const candidates own{from("fe80::1", 2), from("2001:db8::1", 1)};
    EXPECT_EQ(selected("fe80::9", own), "2001:db8::1");
    EXPECT_EQ(selected("ff02::9", own), "2001:db8::1");
    EXPECT_EQ(selected("ff0e::9", {from("2001:db8::1", 2)}), "none");
    EXPECT_EQ(selected("2001:db8::9", {from("2001:db8::1", 2)}), "2001:db8::1");
}

TEST(source_selection, rule_1_prefers_the_destination_itself)
{
    EXPECT_EQ(selected("2001:db8::1", {from("2001:db8::2"), deprecated(from("2001:db8::1", 2))}), "2001:db8::1");
}

TEST(source_selection, rule_2_prefers_the_smallest_scope_that_is_large_enough)
{
    EXPECT_EQ(selected("2001:db8::1", {from("fe80::1"), deprecated(from("2001:db8::2", 2))}), "2001:db8::2");
    EXPECT_EQ(selected("fe80::9", {deprecated(from("fe80::1")), from("2001:db8::2")}), "fe80::1");
    EXPECT_EQ(selected("ff05::9", {from("fe80::1"), from("fec0::1"), from("2001:db8::2")}), "fec0::1");
    EXPECT_EQ(selected("ff05::9", {from("fe80::1"), from("2001:db8::2")}), "2001:db8::2");
    EXPECT_EQ(selected("2001:db8::1", {from("fe80::1"), from("fec0::1")}), "fec0::1") << "the largest of those too small";
    EXPECT_EQ(selected("198.51.100.1", {from("169.254.1.1"), from("10.0.0.1")}), "10.0.0.1");
}

TEST(source_selection, rule_3_avoids_deprecated_addresses)
{
    EXPECT_EQ(selected("2001:db8::9", {deprecated(home(from("2001:db8::1"))), from("2001:db9::1", 2)}), "2001:db9::1");
}

TEST(source_selection, rule_4_prefers_home_addresses_unless_told_otherwise)
{
    const candidates own{home(from("2001:db8:1::1", 2)), care_of(from("2001:db8:2::1"))};
    EXPECT_EQ(selected("2001:db8:2::9", own), "2001:db8:1::1");
    EXPECT_EQ(selected("2001:db8:2::9", own, {.temporary = true, .home = false}), "2001:db8:2::1");
    for (const bool prefer_home : {false, true}) {
        candidates more = own;
        more.push_back(home(care_of(from("2001:db9::1", 3))));
        EXPECT_EQ(selected("2001:db8:2::9", more, {.temporary = true, .home = prefer_home}), "2001:db9::1") << "both at once";
    }
}

TEST(source_selection, rule_5_prefers_the_outgoing_interface)
{
    EXPECT_EQ(selected("2001:db8:2::9", {from("2001:db8:1::1", 1), advertised(from("2001:db8:2::1", 2))}), "2001:db8:1::1");
}

TEST(source_selection, rule_5_5_prefers_prefixes_of_the_next_hop)
{
    EXPECT_EQ(selected("2002:c633:6401::9", {advertised(from("2001:db8:1::1")), from("2002:c633:6401::1")}), "2001:db8:1::1");
}

TEST(source_selection, rule_6_prefers_the_same_label)
{
    EXPECT_EQ(selected("2002:c633:6401::9", {from("2002:c633:6402::1"), temporary(from("2001:db8::1"))}), "2002:c633:6402::1");
    EXPECT_EQ(selected("2001:db8::9", {from("fd00::1"), from("2001:db9::1")}), "2001:db9::1");
    EXPECT_EQ(selected("fd01::9", {from("fd00::1"), temporary(from("2001:db9::1"))}), "fd00::1");
}

TEST(source_selection, rule_7_prefers_temporary_addresses_unless_told_otherwise)
{
    const candidates own{temporary(from("2001:db8:1::1")), from("2001:db8:2::1")};
    EXPECT_EQ(selected("2001:db8:2::9", own), "2001:db8:1::1");
    EXPECT_EQ(selected("2001:db8:1::9", own, {.temporary = false, .home = true}), "2001:db8:2::1");
}

TEST(source_selection, rule_8_prefers_the_longest_common_prefix_up_to_the_prefix_length)
{
    EXPECT_EQ(selected("2001:db8:1::9", {from("2001:db8:3::1"), from("2001:db8:4::1")}), "2001:db8:3::1");
    EXPECT_EQ(selected("10.1.2.3", {from("10.1.4.1"), from("10.2.2.3")}), "10.1.4.1");
    source_candidate narrow = from("2001:db8:1::8"), wide = from("2001:db8:1::1000");
    EXPECT_EQ(select_source(candidates{wide, narrow}, {a("2001:db8:1::9"), 1, {}}, default_table)->address, wide.address)
        << "bits beyond the prefix do not count, and among equals the first is taken";
    narrow.prefix_length = 128;
    EXPECT_EQ(selected("2001:db8:1::9", {wide, narrow}), "2001:db8:1::8");
}

TEST(source_selection, examples_of_the_rfc)
{
    EXPECT_EQ(selected("2001:db8:1::1", {from("2001:db8:3::1"), from("fe80::1")}), "2001:db8:3::1");
    EXPECT_EQ(selected("ff05::1", {from("2001:db8:3::1"), from("fe80::1")}), "2001:db8:3::1");
    EXPECT_EQ(selected("2001:db8:1::1", {deprecated(from("2001:db8:1::1")), from("2001:db8:2::1")}), "2001:db8:1::1");
    EXPECT_EQ(selected("fe80::1", {deprecated(from("fe80::2")), from("2001:db8:1::1")}), "fe80::2");
    EXPECT_EQ(selected("2001:db8:1::1", {from("2001:db8:1::2"), from("2001:db8:3::2")}), "2001:db8:1::2");
    EXPECT_EQ(selected("2001:db8:1::1", {care_of(from("2001:db8:1::2")), home(from("2001:db8:3::2"))}), "2001:db8:3::2");
    EXPECT_EQ(selected("2002:c633:6401::1", {temporary(from("2002:c633:6401::d5e3:7953:13eb:22e8")), from("2001:db8:1::2")}),
              "2002:c633:6401:0:d5e3:7953:13eb:22e8");
    EXPECT_EQ(selected("2001:db8:1::d5e3:0:0:1", {from("2001:db8:1::2"), temporary(from("2001:db8:1::d5e3:7953:13eb:22e8"))}),
              "2001:db8:1:0:d5e3:7953:13eb:22e8");
}

// --- §6

destination_choice to(const std::string& destination, const source_candidate& source) { return {a(destination), source}; }

std::vector<std::string> ordered(std::vector<destination_choice> choices, const policy_table& policies = default_table)
{
    order_destinations(choices, policies);
    std::vector<std::string> out;
    for (const destination_choice& c : choices) out.push_back(c.destination.to_string());
    return out;
}

/// Whether `first` comes before `second`, in whatever order they were given.
bool is_before(const destination_choice& first, const destination_choice& second, const policy_table& policies = default_table)
{
    const std::vector<std::string> expected{first.destination.to_string(), second.destination.to_string()};
    return ordered({first, second}, policies) == expected && ordered({second, first}, policies) == expected;
}

TEST(destination_order, rule_1_avoids_what_cannot_be_used)
{
    const destination_choice good = to("2001:db8:1::1", deprecated(from("fe80::1")));
    destination_choice unreachable = to("2001:db8:2::1", from("2001:db8:2::2"));
    unreachable.reachable = false;
    EXPECT_TRUE(is_before(good, unreachable));
    EXPECT_TRUE(is_before(good, {a("2001:db8:2::1"), std::nullopt}));
}

TEST(destination_order, rule_2_prefers_matching_scopes)
{
    EXPECT_TRUE(is_before(to("2001:db8:1::1", deprecated(from("2001:db8:1::2"))), to("2001:db8:2::1", from("fe80::1"))));
    EXPECT_TRUE(is_before(to("198.51.100.1", from("10.0.0.1")), to("2001:db8:2::1", from("fe80::1"))));
}

TEST(destination_order, rule_3_avoids_deprecated_sources)
{
    EXPECT_TRUE(is_before(to("2001:db8:1::1", from("2001:db8:1::2")), to("fe80::1", deprecated(home(from("fe80::2"))))));
}

TEST(destination_order, rule_4_prefers_home_addresses)
{
    const destination_choice by_home = to("2001:db8:1::1", home(from("2002:c633:6401::1"))),
                             by_care_of = to("2001:db8:2::1", care_of(from("2001:db8:2::2"))),
                             by_both = to("2001:db8:3::1", home(care_of(from("2002:c633:6401::2"))));
    EXPECT_TRUE(is_before(by_home, by_care_of));
    EXPECT_TRUE(is_before(by_both, by_home));
    EXPECT_TRUE(is_before(by_both, by_care_of));
}

TEST(destination_order, rule_5_prefers_matching_labels)
{
    EXPECT_TRUE(is_before(to("2002:c633:6401::1", from("2002:c633:6401::2")), to("2001:db8:1::1", from("2002:c633:6401::2"))));
}

TEST(destination_order, rule_6_prefers_the_higher_precedence)
{
    EXPECT_TRUE(is_before(to("2001:db8:1::1", from("2001:db8:2::2")), to("10.1.2.3", from("10.1.2.4"))));
    EXPECT_TRUE(is_before(to("10.1.2.3", from("10.1.2.4")), to("fd00::1", from("fd00::2"))));
}

TEST(destination_order, rule_7_prefers_native_transport)
{
    destination_choice tunnelled = to("fe80::1", from("fe80::2"));
    tunnelled.encapsulated = true;
    EXPECT_TRUE(is_before(to("2001:db8:1::1", from("2001:db8:1::2")), tunnelled));
}

TEST(destination_order, rule_8_prefers_the_smaller_scope)
{
    EXPECT_TRUE(is_before(to("fe80::1", from("fe80:0:0:1::2")), to("2001:db8:1::1", from("2001:db8:1::2"))));
    EXPECT_TRUE(is_before(to("169.254.1.1", from("169.254.2.1")), to("198.51.100.1", from("198.51.100.2"))));
}

TEST(destination_order, rule_9_prefers_the_longest_common_prefix)
{
    EXPECT_TRUE(is_before(to("2001:db8:1::1", from("2001:db8:1::2")), to("2001:db8:3ffe::1", from("2001:db8:3f44::2"))));
    EXPECT_TRUE(is_before(to("198.51.100.1", from("198.51.100.2")), to("203.0.113.1", from("198.51.100.2"))));
}

TEST(destination_order, rule_9_does_not_compare_families)
{
    const policy_table equal({row("::", 0, 40, 1)});
    const destination_choice far6 = to("2001:db8::1", from("2002:c633:6401::1")),
                             near6 = to("2001:db8:1::1", from("2001:db8:1::2")), far4 = to("198.51.100.1", from("10.0.0.1")),
                             near4 = to("203.0.113.1", from("203.0.113.2"));
    EXPECT_EQ(ordered({far6, near4}, equal), (std::vector<std::string>{"2001:db8::1", "203.0.113.1"}));
    EXPECT_EQ(ordered({far4, near6}, equal), (std::vector<std::string>{"198.51.100.1", "2001:db8:1::1"}));
    EXPECT_EQ(ordered({far6, far4, near4, near6}, equal),
              (std::vector<std::string>{"2001:db8:1::1", "203.0.113.1", "198.51.100.1", "2001:db8::1"}));
}

TEST(destination_order, rule_10_leaves_the_order)
{
    std::vector<destination_choice> choices;
    std::vector<std::string> expected;
    for (int i = 50; i > 0; --i) {
        choices.push_back(to("203.0.113." + std::to_string(i), from("198.51.100.1")));
        expected.push_back("203.0.113." + std::to_string(i));
    }
    EXPECT_EQ(ordered(choices), expected);
    EXPECT_TRUE(ordered({}).empty());
}

/// As a resolver does: the source of each destination is selected among the host's addresses first.
std::vector<std::string> resolved(std::initializer_list<const char*> destinations, const candidates& own,
                                  const policy_table& policies = default_table)
{
    std::vector<destination_choice> choices;
    for (const char* d : destinations) {
        const source_candidate* const source = select_source(own, {a(d), 1, {}}, policies);
        choices.push_back({a(d), source == nullptr ? std::nullopt : std::optional(*source)});
    }
    order_destinations(choices, policies);
    std::vector<std::string> out;
    for (const auto& c : choices)
        out.push_back(c.destination.to_string() + " from " + (c.source ? c.source->address.to_string() : "none"));
    return out;
}

using lines = std::vector<std::string>;

TEST(destination_order, examples_of_the_rfc)
{
    EXPECT_EQ(resolved({"2001:db8:1::1", "198.51.100.121"}, {from("2001:db8:1::2"), from("fe80::1"), from("169.254.13.78")}),
              (lines{"2001:db8:1::1 from 2001:db8:1::2", "198.51.100.121 from 169.254.13.78"}));
    EXPECT_EQ(resolved({"2001:db8:1::1", "198.51.100.121"}, {from("fe80::1"), from("198.51.100.117")}),
              (lines{"198.51.100.121 from 198.51.100.117", "2001:db8:1::1 from fe80::1"}));
    EXPECT_EQ(resolved({"2001:db8:1::1", "10.1.2.3"}, {from("2001:db8:1::2"), from("fe80::1"), from("10.1.2.4")}),
              (lines{"2001:db8:1::1 from 2001:db8:1::2", "10.1.2.3 from 10.1.2.4"}));
    EXPECT_EQ(resolved({"2001:db8:1::1", "fe80::1"}, {from("2001:db8:1::2"), from("fe80::2")}),
              (lines{"fe80::1 from fe80::2", "2001:db8:1::1 from 2001:db8:1::2"}));
    EXPECT_EQ(resolved({"2001:db8:1::1", "fe80::1"},
                       {care_of(from("2001:db8:1::2")), home(from("2001:db8:3::1")), care_of(from("fe80::2"))}),
              (lines{"2001:db8:1::1 from 2001:db8:3::1", "fe80::1 from fe80::2"}));
    EXPECT_EQ(resolved({"2001:db8:1::1", "fe80::1"}, {from("2001:db8:1::2"), deprecated(from("fe80::2"))}),
              (lines{"2001:db8:1::1 from 2001:db8:1::2", "fe80::1 from fe80::2"}));
    EXPECT_EQ(resolved({"2001:db8:1::1", "2001:db8:3ffe::1"}, {from("2001:db8:1::2"), from("2001:db8:3f44::2"), from("fe80::2")}),
              (lines{"2001:db8:1::1 from 2001:db8:1::2", "2001:db8:3ffe::1 from 2001:db8:3f44::2"}));
    EXPECT_EQ(resolved({"2002:c633:6401::1", "2001:db8:1::1"}, {from("2002:c633:6401::2"), from("fe80::2")}),
              (lines{"2002:c633:6401::1 from 2002:c633:6401::2", "2001:db8:1::1 from 2002:c633:6401::2"}));
    EXPECT_EQ(
        resolved({"2002:c633:6401::1", "2001:db8:1::1"}, {from("2002:c633:6401::2"), from("2001:db8:1::2"), from("fe80::2")}),
        (lines{"2001:db8:1::1 from 2001:db8:1::2", "2002:c633:6401::1 from 2002:c633:6401::2"}));
}

TEST(destination_order, a_policy_can_prefer_ipv4) // §10.3
{
    const policy_table ipv4_first({row("::1", 128, 50, 0), row("::", 0, 40, 1), row("::ffff:0:0", 96, 100, 4),
                                   row("2002::", 16, 30, 2), row("2001::", 32, 5, 5), row("fc00::", 7, 3, 13)});
    const candidates own{from("2001:db8::2"), from("fe80::1"), from("10.1.2.4")};
    EXPECT_EQ(resolved({"2001:db8::1", "10.1.2.3"}, own, ipv4_first),
              (lines{"10.1.2.3 from 10.1.2.4", "2001:db8::1 from 2001:db8::2"}));
    EXPECT_EQ(resolved({"2001:db8::1", "10.1.2.3"}, {from("2001:db8::2"), from("169.254.13.78")}, ipv4_first),
              (lines{"2001:db8::1 from 2001:db8::2", "10.1.2.3 from 169.254.13.78"}))
        << "a matching scope comes first";
}

TEST(destination_order, a_policy_can_prefer_a_site_of_its_own) // §10.5
{
    const policy_table two_sites(
        {row("::1", 128, 50, 0), row("2001:db8:1aaa::", 48, 43, 6), row("2001:db8:1::", 48, 45, 5), row("::", 0, 40, 1)});
    const candidates own{from("2001:db8:1aaa::1"), from("2001:db8:1::1"), from("2001:db8:2::1")};
    EXPECT_EQ(resolved({"2001:db8:1aaa::9", "2001:db8:1::9", "2001:db8:2::9"}, own, two_sites),
              (lines{"2001:db8:1::9 from 2001:db8:1::1", "2001:db8:1aaa::9 from 2001:db8:1aaa::1",
                     "2001:db8:2::9 from 2001:db8:2::1"}));
}

} // namespace
} // namespace tapio::core::ip::source_selection_test
