// Messages of DHCPv4 and domain lists: round trips, options that are split or overloaded, and what is made of malformed ones.
#include "base/split_mix.hpp"
#include "support/repetitions.hpp"
#include "wire/dhcpv4.hpp"
#include "wire/domain_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

namespace tapio::core::wire {
namespace {

using dhcp_octets = std::vector<std::byte>;

address_v4 v4(const char* text) { return boost::asio::ip::make_address_v4(text); }

dhcp_octets octets_from(std::initializer_list<unsigned> numbers)
{
    dhcp_octets out;
    for (const unsigned n : numbers) out.push_back(static_cast<std::byte>(n));
    return out;
}

dhcp_octets operator+(dhcp_octets a, const dhcp_octets& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

dhcp_octets text(const std::string& s)
{
    dhcp_octets out;
    for (const char c : s) out.push_back(static_cast<std::byte>(c));
    return out;
}

/// An option as it travels. Precondition: at most 255 octets.
dhcp_octets option(unsigned code, const dhcp_octets& value)
{
    return octets_from({code, static_cast<unsigned>(value.size())}) + value;
}

dhcpv4_message full_message()
{
    dhcpv4_message m;
    m.from_server = true;
    m.xid = 0x1234'5678;
    m.secs = 3;
    m.broadcast = true;
    m.ciaddr = v4("192.0.2.1");
    m.yiaddr = v4("192.0.2.2");
    m.siaddr = v4("192.0.2.3");
    m.giaddr = v4("192.0.2.4");
    m.chaddr = mac_address{{2, 0, 0, 0, 0, 1}};
    m.type = dhcpv4_type::ack;
    m.prefix_length = 24;
    m.routers = {v4("192.0.2.254"), v4("192.0.2.253")};
    m.dns_servers = {v4("192.0.2.53")};
    m.ntp_servers = {v4("192.0.2.123")};
    m.host_name = "host-1";
    m.domain_name = "corp.example.com";
    m.message = "as you like it";
    m.vendor_class = "tapio";
    m.mtu = 1400;
    m.requested_address = v4("192.0.2.9");
    m.server_id = v4("192.0.2.254");
    m.lease_time = 3600;
    m.renewal_time = 1800;
    m.rebinding_time = 3150;
    m.parameters = {1, 3, 6};
    m.max_message_size = 1500;
    m.client_id = octets_from({1, 2, 0, 0, 0, 0, 1});
    m.rapid_commit = true;
    m.search_domains = {"example.com", "sub.example.org"};
    m.classless_routes = {{v4("0.0.0.0"), 0, v4("192.0.2.254")},
                          {v4("198.51.100.0"), 25, v4("192.0.2.253")},
                          {v4("203.0.113.7"), 32, v4("0.0.0.0")}};
    return m;
}

/// The fixed part of an answer, and these options.
dhcp_octets with_options(const dhcp_octets& options)
{
    dhcpv4_message m;
    m.from_server = true;
    m.type = dhcpv4_type::ack;
    dhcp_octets out = make_dhcpv4(m);
    out.resize(240);
    return out + options;
}

const dhcp_octets ack = octets_from({53, 1, 5}), end_mark = octets_from({255});

dhcpv4_message parsed_from(const dhcp_octets& options)
{
    const auto m = parse_dhcpv4(with_options(ack + options + end_mark));
    EXPECT_TRUE(m);
    return m ? *m : dhcpv4_message();
}

TEST(dhcpv4, a_round_trip_keeps_every_field)
{
    const dhcpv4_message m = full_message();
    const auto back = parse_dhcpv4(make_dhcpv4(m));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, m);
    dhcpv4_message other = m;
    other.classless_routes[1].gateway = v4("192.0.2.1");
    EXPECT_FALSE(*parse_dhcpv4(make_dhcpv4(other)) == m);
}

TEST(dhcpv4, has_the_layout_of_the_rfc) // RFC 2131 §2, RFC 2132 §2
{
    const dhcp_octets o = make_dhcpv4(full_message());
    EXPECT_EQ(dhcp_octets(o.begin(), o.begin() + 8), octets_from({2, 1, 6, 0, 0x12, 0x34, 0x56, 0x78}));
    EXPECT_EQ(dhcp_octets(o.begin() + 8, o.begin() + 12), octets_from({0, 3, 0x80, 0}));
    EXPECT_EQ(dhcp_octets(o.begin() + 16, o.begin() + 20), octets_from({192, 0, 2, 2}));
    EXPECT_EQ(dhcp_octets(o.begin() + 28, o.begin() + 35), octets_from({2, 0, 0, 0, 0, 1, 0}));
    EXPECT_EQ(dhcp_octets(o.begin() + 236, o.begin() + 243), octets_from({99, 130, 83, 99, 53, 1, 5}));
}

TEST(dhcpv4, has_at_least_300_octets) // RFC 1542 §2.1
{
    dhcpv4_message m;
    m.type = dhcpv4_type::discover;
    EXPECT_EQ(make_dhcpv4(m).size(), 300U);
    m.message = std::string(200, 'x');
    EXPECT_EQ(make_dhcpv4(m).size(), 240U + 3 + 202 + 1);
}

TEST(dhcpv4, is_refused_if_its_fixed_part_is_cut)
{
    const dhcp_octets whole = make_dhcpv4(full_message());
    for (std::size_t n = 0; n < 243; ++n) EXPECT_FALSE(parse_dhcpv4(const_bytes(whole).first(n))) << n;
}

TEST(dhcpv4, is_refused_if_it_is_not_of_ethernet_or_not_dhcp)
{
    const dhcp_octets good = with_options(ack + end_mark);
    ASSERT_TRUE(parse_dhcpv4(good));
    for (const auto& [at, value] : {std::pair(0U, 3U), {0U, 0U}, {1U, 6U}, {2U, 16U}, {236U, 0U}, {239U, 100U}}) {
        dhcp_octets bad = good;
        bad[at] = static_cast<std::byte>(value);
        EXPECT_EQ(parse_dhcpv4(bad).error(), drop_reason::dhcp_malformed) << at;
    }
}

TEST(dhcpv4, needs_a_message_type) // without one it is BOOTP
{
    EXPECT_FALSE(parse_dhcpv4(with_options(end_mark)));
    EXPECT_FALSE(parse_dhcpv4(with_options(octets_from({53, 1, 0, 255}))));
    EXPECT_FALSE(parse_dhcpv4(with_options(octets_from({53, 1, 9, 255}))));
    EXPECT_FALSE(parse_dhcpv4(with_options(octets_from({53, 2, 5, 5, 255}))));
    EXPECT_TRUE(parse_dhcpv4(with_options(octets_from({0, 0, 53, 1, 8})))) << "padded, and without an end";
}

TEST(dhcpv4, an_option_beyond_its_field_makes_the_message_invalid)
{
    EXPECT_FALSE(parse_dhcpv4(with_options(ack + octets_from({6, 4, 192, 0, 2}))));
    EXPECT_FALSE(parse_dhcpv4(with_options(ack + octets_from({6}))));
    EXPECT_TRUE(parse_dhcpv4(with_options(ack + octets_from({255, 6, 200, 1})))) << "nothing counts behind the end";
}

struct wrong_option
{
    const char* what;
    dhcp_octets option;
};
void PrintTo(const wrong_option& w, std::ostream* out) { *out << w.what; }

class dhcpv4_wrong_option : public testing::TestWithParam<wrong_option>
{
};

TEST_P(dhcpv4_wrong_option, is_ignored)
{
    const dhcpv4_message plain = parsed_from({});
    EXPECT_EQ(parsed_from(GetParam().option), plain);
}

INSTANTIATE_TEST_SUITE_P(
    options, dhcpv4_wrong_option,
    testing::Values(wrong_option{"a mask with holes", octets_from({1, 4, 255, 0, 255, 0})},
                    wrong_option{"a mask of zero", octets_from({1, 4, 0, 0, 0, 0})},
                    wrong_option{"a mask too short", octets_from({1, 3, 255, 255, 0})},
                    wrong_option{"routers of five octets", octets_from({3, 5, 192, 0, 2, 1, 9})},
                    wrong_option{"a lease time of two octets", octets_from({51, 2, 1, 0})},
                    wrong_option{"an MTU of one octet", octets_from({26, 1, 5})},
                    wrong_option{"a client identifier of one octet", octets_from({61, 1, 1})},
                    wrong_option{"a host name with a space", option(12, text("a b"))},
                    wrong_option{"a host name with an empty label", option(12, text("a..b"))},
                    wrong_option{"a domain with a leading dot", option(15, text(".example.com"))},
                    wrong_option{"a domain with a long label", option(15, text(std::string(64, 'x')))},
                    wrong_option{"a route of 33 bits", octets_from({121, 10, 33, 192, 0, 2, 1, 1, 192, 0, 2, 1})},
                    wrong_option{"a route that is cut off", octets_from({121, 6, 24, 198, 51, 100, 192, 0})},
                    wrong_option{"a route cut off behind a good one", octets_from({121, 8, 0, 192, 0, 2, 1, 8, 198, 192})},
                    wrong_option{"a search list that is cut off", octets_from({119, 4, 5, 'a', 'b', 'c'})},
                    wrong_option{"a search list that points to itself", octets_from({119, 2, 0xc0, 0})},
                    wrong_option{"a search list that points forwards", octets_from({119, 6, 0xc0, 2, 1, 'a', 0, 0})},
                    wrong_option{"a search list with a reserved label", octets_from({119, 3, 0x41, 'a', 0})},
                    wrong_option{"an unknown option", octets_from({200, 2, 1, 2})}));

TEST(dhcpv4, the_parts_of_an_option_are_joined) // RFC 3396 §7
{
    const dhcpv4_message m = parsed_from(octets_from({6, 2, 192, 0, 3, 4, 192, 0, 2, 1, 6, 2, 2, 53}));
    EXPECT_EQ(m.dns_servers, std::vector{v4("192.0.2.53")});
    EXPECT_EQ(m.routers, std::vector{v4("192.0.2.1")});
}

TEST(dhcpv4, options_of_more_than_255_octets_are_split) // RFC 3396 §5
{
    dhcpv4_message m = full_message();
    m.classless_routes.clear();
    for (unsigned n = 0; n < 32; ++n) m.classless_routes.push_back({address_v4(0xc633'6400U + n), 32, v4("192.0.2.1")});
    m.search_domains.assign(16, std::string(60, 'a') + ".example.com");
    const dhcp_octets o = make_dhcpv4(m);
    EXPECT_GT(o.size(), 240U + 32 * 9 + 16 * 74);
    EXPECT_EQ(*parse_dhcpv4(o), m);
}

/// An answer whose fields for names have options, too.
dhcp_octets overloaded(unsigned which)
{
    dhcp_octets o = with_options(ack + octets_from({6, 4, 192, 0, 2, 1, 52, 1, which, 255}));
    const dhcp_octets in_file = octets_from({6, 4, 192, 0, 2, 2, 255}), in_name = octets_from({6, 4, 192, 0, 2, 3, 255});
    std::copy(in_name.begin(), in_name.end(), o.begin() + 44);
    std::copy(in_file.begin(), in_file.end(), o.begin() + 108);
    return o;
}

TEST(dhcpv4, options_may_be_in_the_fields_for_names) // RFC 2132 §9.3; the order is that of RFC 3396 §5
{
    const address_v4 one = v4("192.0.2.1"), two = v4("192.0.2.2"), three = v4("192.0.2.3");
    EXPECT_EQ(parse_dhcpv4(overloaded(1))->dns_servers, (std::vector{one, two}));
    EXPECT_EQ(parse_dhcpv4(overloaded(2))->dns_servers, (std::vector{one, three}));
    EXPECT_EQ(parse_dhcpv4(overloaded(3))->dns_servers, (std::vector{one, two, three}));
    EXPECT_EQ(parse_dhcpv4(overloaded(0))->dns_servers, std::vector{one});
    EXPECT_EQ(parse_dhcpv4(overloaded(4))->dns_servers, std::vector{one});
}

TEST(dhcpv4, an_option_beyond_the_field_for_names_makes_the_message_invalid)
{
    dhcp_octets o = overloaded(2);
    for (std::size_t at = 44; at < 106; ++at) o[at] = std::byte{0};
    o[106] = std::byte{6}, o[107] = std::byte{4}; // its value would be in the next field
    EXPECT_FALSE(parse_dhcpv4(o));
    EXPECT_TRUE(parse_dhcpv4(overloaded(2)));
}

TEST(dhcpv4, lists_are_bounded)
{
    dhcp_octets servers, routes, names;
    for (unsigned n = 0; n < 60; ++n) servers = servers + octets_from({192, 0, 2, n + 1});
    for (unsigned n = 0; n < 50; ++n) routes = routes + octets_from({0, 192, 0, 2, 1});
    for (unsigned n = 0; n < 80; ++n) names = names + octets_from({1, 'a' + n % 26, 0});
    const dhcpv4_message m =
        parsed_from(option(3, servers) + option(6, servers) + option(42, servers) + option(121, routes) + option(119, names));
    EXPECT_EQ(m.routers.size(), 8U);
    EXPECT_EQ(m.dns_servers.size(), 8U);
    EXPECT_EQ(m.ntp_servers.size(), 8U);
    EXPECT_EQ(m.classless_routes.size(), 32U);
    EXPECT_EQ(m.search_domains.size(), 16U);
}

TEST(dhcpv4, classless_routes_as_in_the_rfcs_table) // RFC 3442: as many octets of the network as it has significant ones
{
    const dhcpv4_message m = parsed_from(option(
        121, octets_from({0, 192, 0, 2, 1, 8, 10, 192, 0, 2, 1, 24, 10, 0, 0, 192, 0, 2, 1, 25, 10, 229, 0, 128, 192, 0, 2, 1})));
    const address_v4 by = v4("192.0.2.1");
    EXPECT_EQ(m.classless_routes,
              (std::vector<leased_route>{
                  {v4("0.0.0.0"), 0, by}, {v4("10.0.0.0"), 8, by}, {v4("10.0.0.0"), 24, by}, {v4("10.229.0.128"), 25, by}}));
}

TEST(dhcpv4, the_bits_of_a_route_behind_its_prefix_are_cleared)
{
    const dhcpv4_message m = parsed_from(option(121, octets_from({9, 198, 255, 0, 0, 0, 0})));
    ASSERT_EQ(m.classless_routes.size(), 1U);
    EXPECT_EQ(m.classless_routes[0].network, v4("198.128.0.0"));
}

TEST(dhcpv4, the_search_list_as_in_the_rfcs_example) // RFC 3397 §3: eng.example.com marketing.example.com, in two parts
{
    const dhcp_octets first = octets_from({3}) + text("eng") + octets_from({7}) + text("example") + octets_from({3}) +
                              text("com") + octets_from({0}) + octets_from({9}) + text("marketi");
    const dhcp_octets second = text("ng") + octets_from({0xc0, 4});
    EXPECT_EQ(parsed_from(option(119, first) + option(119, second)).search_domains,
              (std::vector<std::string>{"eng.example.com", "marketing.example.com"}));
}

TEST(dhcpv4, names_are_in_lower_case_without_a_final_dot)
{
    const dhcpv4_message m = parsed_from(option(12, text("Host-1") + octets_from({0})) + option(15, text("Example.COM.")));
    EXPECT_EQ(m.host_name, "host-1");
    EXPECT_EQ(m.domain_name, "example.com");
}

TEST(dhcpv4, text_is_printable) { EXPECT_EQ(parsed_from(option(56, text("no \x1b[1mway\n"))).message, "no [1mway"); }

TEST(domain_list, a_chain_of_pointers_has_a_bound)
{
    dhcp_octets list = octets_from({1, 'a', 0});
    for (unsigned n = 0; n < 40; ++n) list = list + octets_from({0xc0, n == 0 ? 0 : 3 + 2 * (n - 1)});
    EXPECT_FALSE(parse_domain_list(list, true, 100)) << "40 pointers";
    list.resize(3 + 2 * 16);
    const auto names = parse_domain_list(list, true, 100);
    ASSERT_TRUE(names);
    EXPECT_EQ(names->size(), 17U);
    EXPECT_EQ(names->back(), "a");
}

TEST(domain_list, pointers_are_refused_where_there_is_no_compression)
{
    const dhcp_octets list = octets_from({1, 'a', 0, 1, 'b', 0xc0, 0});
    EXPECT_FALSE(parse_domain_list(list, false, 100));
    EXPECT_EQ(parse_domain_list(list, true, 100), (std::vector<std::string>{"a", "b.a"}));
}

TEST(domain_list, a_name_of_more_than_253_characters_is_refused)
{
    const auto named = [](unsigned labels, unsigned last) {
        dhcp_octets out;
        for (unsigned n = 0; n < labels; ++n) out = out + octets_from({49}) + text(std::string(49, 'x'));
        return out + octets_from({last}) + text(std::string(last, 'y')) + octets_from({0});
    };
    EXPECT_EQ(parse_domain_list(named(5, 3), false, 9)->at(0).size(), 253U);
    EXPECT_FALSE(parse_domain_list(named(5, 4), false, 9));
}

TEST(domain_list, a_name_with_other_characters_is_left_out)
{
    EXPECT_EQ(parse_domain_list(octets_from({1, 'a', 0, 1, ' ', 0, 1, 'B', 0, 0}), true, 9),
              (std::vector<std::string>{"a", "b"}));
}

/// Damages messages at random: parsing ends, and what it returns keeps its bounds and can be sent on.
TEST(dhcpv4, damaged_messages_are_refused_or_parsed_within_bounds)
{
    std::uint64_t state = 1;
    const auto random = [&state](std::size_t below) { return static_cast<std::size_t>(split_mix(state) % below); };
    const dhcp_octets whole = make_dhcpv4(full_message());
    std::size_t taken = 0, refused = 0;
    for (std::size_t n = 0; n < test::repetitions(200'000); ++n) {
        dhcp_octets o = n % 4 == 0 ? overloaded(static_cast<unsigned>(1 + random(3))) : whole;
        for (std::size_t damage = 1 + random(6); damage > 0; --damage) {
            const std::size_t at = random(3) == 0 ? random(o.size()) : 240 + random(o.size() - 240);
            o[at] = static_cast<std::byte>(random(256));
        }
        if (random(4) == 0) o.resize(240 + random(o.size() - 240));
        const auto m = parse_dhcpv4(o);
        ++(m ? taken : refused);
        if (!m) continue;
        ASSERT_LE(m->routers.size(), m->most_servers);
        ASSERT_LE(m->classless_routes.size(), m->most_routes);
        ASSERT_LE(m->search_domains.size(), m->most_domains);
        ASSERT_LE(m->client_id.size(), 255U);
        const auto again = parse_dhcpv4(make_dhcpv4(*m));
        ASSERT_TRUE(again);
        ASSERT_EQ(*again, *m);
    }
    EXPECT_GT(taken, test::repetitions(50'000));
    EXPECT_GT(refused, test::repetitions(50'000));
}

TEST(dhcpv4, random_octets_as_options_are_parsed_in_time)
{
    std::uint64_t state = 2;
    for (unsigned n = 0; n < 2000; ++n) {
        dhcp_octets options(split_mix(state) % 2000);
        for (std::byte& b : options) b = static_cast<std::byte>(split_mix(state) % 3 == 0 ? 119 : split_mix(state));
        (void)parse_dhcpv4(with_options(ack + options));
    }
}

} // namespace
} // namespace tapio::core::wire
