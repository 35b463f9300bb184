// Router Advertisements and Redirects: round trips, and what each RFC says of malformed messages and options.
#include "support/flat.hpp"
#include "wire/redirect.hpp"
#include "wire/router_advertisement.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace tapio::core::wire {
namespace {

using test::flat;
using test::octets;

address_v6 a(const char* text) { return boost::asio::ip::make_address_v6(text); }

/// An option: type, length in units of 8 octets, and the octets given; zeros fill it up.
octets option(unsigned type, unsigned length, std::initializer_list<unsigned> content = {})
{
    octets out{static_cast<std::byte>(type), static_cast<std::byte>(length)};
    for (const unsigned c : content) out.push_back(static_cast<std::byte>(c));
    out.resize(length * 8);
    return out;
}

/// Appends the octets of a text.
octets with(octets to, std::size_t at, const std::string& text)
{
    for (const char c : text) to.at(at++) = static_cast<std::byte>(c);
    return to;
}

/// What is parsed of a message that has no reachable time, no retransmission timer, and these options.
parsed<router_advertisement> parse(const octets& options, std::uint32_t rest = 0)
{
    octets body(8);
    body.insert(body.end(), options.begin(), options.end());
    return parse_router_advertisement(rest, body);
}

router_advertisement full_advertisement()
{
    router_advertisement ra;
    ra.hop_limit = 64;
    ra.managed = true;
    ra.preference = router_preference::high;
    ra.router_lifetime = 1800;
    ra.reachable_time = 30'000;
    ra.retransmit_time = 1000;
    ra.source_link = mac_address{{2, 0, 0, 0, 0, 1}};
    ra.mtu = 1400;
    ra.prefixes = {{a("2001:db8:1::"), 64, true, true, 86'400, 14'400},
                   {a("2001:db8:2:8000::"), 49, true, false, infinite_lifetime, infinite_lifetime}};
    ra.routes = {{a("2001:db8:100::"), 48, router_preference::low, 600},
                 {a("::"), 0, router_preference::high, 60},
                 {a("2001:db8::1"), 128, router_preference::medium, infinite_lifetime}};
    ra.dns_servers = {{a("2001:db8::53"), 600}, {a("fe80::53"), 0}};
    ra.dns_search_domains = {{"example.com", 600}, {"a.b-c.d_e.example", 1200}, {std::string(63, 'x'), 1}};
    ra.nat64_prefixes = {{a("64:ff9b::"), 96, 600}, {a("2001:db8:64::"), 48, 65528}, {a("2001:db8::"), 32, 0}};
    return ra;
}

TEST(router_advertisement, a_round_trip_keeps_every_field)
{
    const router_advertisement ra = full_advertisement();
    const auto again = parse_router_advertisement(rest_of(ra), flat(make_router_advertisement(ra)));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, ra);
}

TEST(router_advertisement, header_fields_are_where_rfc_4861_and_rfc_4191_have_them) // RFC 4861 §4.2, RFC 4191 §2.2
{
    octets body(8);
    body[3] = std::byte{5};
    body[6] = std::byte{1};
    const auto ra = parse_router_advertisement(0xff'48'0708, body);
    ASSERT_TRUE(ra);
    EXPECT_EQ(ra->hop_limit, 255);
    EXPECT_FALSE(ra->managed);
    EXPECT_TRUE(ra->other);
    EXPECT_EQ(ra->preference, router_preference::high);
    EXPECT_EQ(ra->router_lifetime, 1800);
    EXPECT_EQ(ra->reachable_time, 5U);
    EXPECT_EQ(ra->retransmit_time, 256U);
    EXPECT_FALSE(ra->source_link);
    EXPECT_FALSE(ra->mtu);
}

TEST(router_advertisement, cut_anywhere_but_between_options_is_malformed) // RFC 4861 §6.1.2, §4.6
{
    const router_advertisement ra = full_advertisement();
    const octets whole = flat(make_router_advertisement(ra));
    std::size_t next = 8, cuts = 0; // the next end of an option
    for (std::size_t n = 0; n < whole.size(); ++n) {
        const bool between = n == next;
        if (between) next += std::to_integer<std::size_t>(whole[n + 1]) * 8, ++cuts;
        const auto cut = parse_router_advertisement(rest_of(ra), const_bytes(whole).first(n));
        EXPECT_EQ(cut.has_value(), between) << n;
        EXPECT_TRUE(between || cut.error() == drop_reason::ndp_malformed) << n;
    }
    EXPECT_EQ(cuts, 15U);
}

TEST(router_advertisement, option_of_length_zero_is_malformed) // RFC 4861 §4.6
{
    octets options = option(5, 1, {0, 0, 0, 0, 5, 0xdc});
    options.resize(16);
    EXPECT_FALSE(parse(options));
    options[8] = std::byte{200}; // of whatever type
    EXPECT_FALSE(parse(options));
    options[9] = std::byte{1};
    EXPECT_TRUE(parse(options)) << "an unknown option is skipped";
    EXPECT_EQ(parse(options)->mtu, 1500U);
}

TEST(router_advertisement, reserved_preference_means_medium_and_without_lifetime_none_counts) // RFC 4191 §2.2
{
    EXPECT_EQ(parse({}, 0x0010'0001)->preference, router_preference::medium);
    EXPECT_EQ(parse({}, 0x0018'0001)->preference, router_preference::low);
    EXPECT_EQ(parse({}, 0x0008'0001)->preference, router_preference::high);
    EXPECT_EQ(parse({}, 0x0018'0000)->preference, router_preference::medium);
}

TEST(router_advertisement, options_of_a_wrong_length_are_skipped)
{
    for (const unsigned length : {1U, 3U, 5U}) EXPECT_TRUE(parse(option(3, length))->prefixes.empty()) << length;
    EXPECT_FALSE(parse(option(5, 2, {0, 0, 0, 0, 5, 0xdc}))->mtu);
    EXPECT_FALSE(parse(option(1, 2, {2, 0, 0, 0, 0, 1}))->source_link);
}

TEST(router_advertisement, bits_behind_the_prefix_are_ignored) // RFC 4861 §4.6.2
{
    octets o = option(3, 4, {61, 0xc0});
    for (std::size_t i = 16; i < 32; ++i) o[i] = std::byte{0xff};
    const auto ra = parse(o);
    ASSERT_EQ(ra->prefixes.size(), 1U);
    EXPECT_EQ(ra->prefixes[0].prefix, a("ffff:ffff:ffff:fff8::"));
    EXPECT_EQ(ra->prefixes[0].length, 61);
    o[2] = std::byte{128};
    EXPECT_EQ(parse(o)->prefixes[0].prefix, a("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    o[2] = std::byte{0};
    EXPECT_EQ(parse(o)->prefixes[0].prefix, a("::"));
    o[2] = std::byte{129};
    EXPECT_TRUE(parse(o)->prefixes.empty()) << "longer than an address";
}

TEST(router_advertisement, route_option_needs_the_octets_of_its_prefix) // RFC 4191 §2.3
{
    const auto routes = [](unsigned length, unsigned prefix_length) {
        return parse(option(24, length, {prefix_length, 0, 0, 0, 0, 9}))->routes.size();
    };
    EXPECT_EQ(routes(1, 0), 1U);
    EXPECT_EQ(routes(1, 1), 0U);
    EXPECT_EQ(routes(2, 64), 1U);
    EXPECT_EQ(routes(2, 65), 0U);
    EXPECT_EQ(routes(3, 128), 1U);
    EXPECT_EQ(routes(3, 129), 0U);
    EXPECT_EQ(routes(3, 0), 1U);
    EXPECT_EQ(routes(4, 64), 0U) << "longer than any";
}

TEST(router_advertisement, route_option_of_reserved_preference_is_ignored) // RFC 4191 §2.3
{
    EXPECT_TRUE(parse(option(24, 2, {64, 0x10, 0, 0, 0, 9}))->routes.empty());
    EXPECT_EQ(parse(option(24, 2, {64, 0x18, 0, 0, 0, 9}))->routes.at(0).preference, router_preference::low);
    EXPECT_EQ(parse(option(24, 2, {64, 0xef, 0, 0, 0, 9}))->routes.at(0).preference, router_preference::high);
}

TEST(router_advertisement, dns_servers_of_one_option_share_its_lifetime) // RFC 8106 §5.1
{
    octets o = option(25, 5, {0, 0, 0, 0, 2, 0x58});
    o[8] = o[24] = std::byte{0x20};
    o[39] = std::byte{1};
    const auto ra = parse(o);
    EXPECT_EQ(ra->dns_servers, (std::vector<dns_server>{{a("2000::"), 600}, {a("2000::1"), 600}}));
}

TEST(router_advertisement, dns_server_option_of_a_wrong_length_is_discarded) // RFC 8106 §5.3.1
{
    for (const unsigned length : {1U, 2U, 4U, 6U}) {
        octets o = option(25, length);
        for (std::size_t i = 2; i < o.size(); ++i) o[i] = std::byte{0x20};
        EXPECT_TRUE(parse(o)->dns_servers.empty()) << length;
    }
}

TEST(router_advertisement, dns_server_option_with_an_address_that_is_not_unicast_is_discarded) // RFC 8106 §5.3.1
{
    for (const char* bad : {"ff02::fb", "::", "::1"}) {
        router_advertisement ra;
        ra.dns_servers = {{a("2001:db8::53"), 600}};
        octets body = flat(make_router_advertisement(ra));
        body[9] = std::byte{5};
        const auto server = a(bad).to_bytes();
        for (const auto c : server) body.push_back(std::byte{c});
        EXPECT_TRUE(parse_router_advertisement(0, body)->dns_servers.empty()) << bad;
    }
}

TEST(router_advertisement, names_of_a_search_list_are_read_up_to_the_padding) // RFC 8106 §5.2
{
    const octets o = with(option(31, 4, {0, 0, 0, 0, 0, 9}), 8, std::string("\3Foo\3com\0\1b\0\0\0", 15));
    EXPECT_EQ(parse(o)->dns_search_domains, (std::vector<dns_search_domain>{{"foo.com", 9}, {"b", 9}}));
    EXPECT_TRUE(parse(option(31, 1))->dns_search_domains.empty()) << "RFC 8106 §5.3.1: at least two units";
    EXPECT_TRUE(parse(option(31, 2))->dns_search_domains.empty()) << "nothing but padding";
}

TEST(router_advertisement, search_list_with_a_malformed_name_is_discarded) // RFC 8106 §5.2, RFC 1035 §3.1
{
    const auto names = [](unsigned length, const std::string& text) {
        return parse(with(option(31, length, {0, 0, 0, 0, 0, 9}), 8, text))->dns_search_domains.size();
    };
    EXPECT_EQ(names(2, std::string("\1a\0\1b\0\0\0", 8)), 2U);
    EXPECT_EQ(names(2, std::string("\1a\0\xc0\x08\0\0\0", 8)), 0U) << "compressed";
    EXPECT_EQ(names(2, std::string("\1a\0\4bbbb", 8)), 0U) << "cut off in a label";
    EXPECT_EQ(names(2, std::string("\1a\0\3bbb\1", 8)), 0U) << "cut off before the root";
    EXPECT_EQ(names(2, std::string("\1a\0\4bbb\0", 8)), 0U) << "cut off in the last octet of a label";
    EXPECT_EQ(names(2, std::string("\1a\0\3bbb\0", 8)), 2U);
    EXPECT_EQ(names(10, '\x40' + std::string(64, 'x')), 0U) << "label of 64 octets";
    std::string longest;
    for (int i = 0; i < 127; ++i) longest += "\1x";
    EXPECT_EQ(names(40, longest), 1U) << "255 octets";
    EXPECT_EQ(names(40, "\2xx" + longest.substr(2)), 0U) << "256 octets";
}

TEST(router_advertisement, names_that_no_host_has_are_left_out)
{
    const octets o = with(option(31, 4, {0, 0, 0, 0, 0, 9}), 8, std::string("\3a.b\0\1 \0\2c\0\0\1/\0\1d\0", 18));
    EXPECT_EQ(parse(o)->dns_search_domains, (std::vector<dns_search_domain>{{"d", 9}}));
}

TEST(router_advertisement, nat64_prefix_with_an_unknown_length_is_ignored) // RFC 8781 §4
{
    const auto prefixes = [](unsigned length, unsigned code) {
        return parse(option(38, length, {2, 0x58 | code}))->nat64_prefixes;
    };
    EXPECT_EQ(prefixes(2, 5).at(0).length, 32);
    EXPECT_EQ(prefixes(2, 5).at(0).lifetime, 600);
    EXPECT_TRUE(prefixes(2, 6).empty());
    EXPECT_TRUE(prefixes(2, 7).empty());
    EXPECT_TRUE(prefixes(1, 0).empty());
    EXPECT_TRUE(prefixes(3, 0).empty());
}

TEST(router_advertisement, more_options_of_a_kind_than_the_bound_are_ignored)
{
    router_advertisement ra;
    for (unsigned char i = 0; i < 100; ++i) {
        ra.prefixes.push_back({address_v6(address_v6::bytes_type{0x20, i}), 64, true, true, 9, 9});
        ra.routes.push_back({address_v6(address_v6::bytes_type{0x20, i}), 64, {}, 9});
        ra.dns_servers.push_back({address_v6(address_v6::bytes_type{0x20, i}), 9});
        ra.dns_search_domains.push_back({std::string(1, 'a') + std::to_string(i), 9});
        ra.nat64_prefixes.push_back({address_v6(address_v6::bytes_type{0x20, i}), 96, 8});
    }
    const auto again = parse_router_advertisement(0, flat(make_router_advertisement(ra)));
    ASSERT_TRUE(again);
    ra.prefixes.resize(ra.most_prefixes);
    ra.routes.resize(ra.most_routes);
    ra.dns_servers.resize(ra.most_dns_servers);
    ra.dns_search_domains.resize(ra.most_dns_search_domains);
    ra.nat64_prefixes.resize(ra.most_nat64_prefixes);
    EXPECT_EQ(*again, ra);
}

// -- Redirect (RFC 4861 §4.5, §8.1) ---------------------------------------------------------------------------------

octets redirect_body(const char* target, const char* destination)
{
    return flat(make_redirect({a(target), a(destination), mac_address{{2, 0, 0, 0, 0, 9}}}));
}

TEST(redirect, a_round_trip_keeps_every_field)
{
    const auto to_router = parse_redirect(redirect_body("fe80::1", "2001:db8::9"));
    ASSERT_TRUE(to_router);
    EXPECT_EQ(to_router->target, a("fe80::1"));
    EXPECT_EQ(to_router->destination, a("2001:db8::9"));
    EXPECT_EQ(to_router->target_link, (mac_address{{2, 0, 0, 0, 0, 9}}));
    EXPECT_FALSE(to_router->on_link());
    EXPECT_TRUE(parse_redirect(redirect_body("2001:db8::9", "2001:db8::9"))->on_link());
}

TEST(redirect, cut_anywhere_but_between_options_is_malformed)
{
    const octets whole = redirect_body("fe80::1", "2001:db8::9");
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_EQ(parse_redirect(const_bytes(whole).first(n)).has_value(), n == 32) << n;
    EXPECT_FALSE(parse_redirect(const_bytes(whole).first(32))->target_link);
}

TEST(redirect, target_is_a_link_local_address_or_the_destination) // RFC 4861 §8.1
{
    EXPECT_FALSE(parse_redirect(redirect_body("2001:db8::1", "2001:db8::9")));
    EXPECT_FALSE(parse_redirect(redirect_body("ff02::2", "2001:db8::9")));
    EXPECT_FALSE(parse_redirect(redirect_body("::", "2001:db8::9")));
}

TEST(redirect, destination_is_unicast) // RFC 4861 §8.1
{
    EXPECT_FALSE(parse_redirect(redirect_body("fe80::1", "ff05::9")));
    EXPECT_FALSE(parse_redirect(redirect_body("ff05::9", "ff05::9")));
    EXPECT_FALSE(parse_redirect(redirect_body("fe80::1", "::")));
}

TEST(redirect, option_of_length_zero_is_malformed)
{
    octets body = redirect_body("fe80::1", "2001:db8::9");
    body.resize(body.size() + 8);
    EXPECT_FALSE(parse_redirect(body));
}

} // namespace
} // namespace tapio::core::wire
