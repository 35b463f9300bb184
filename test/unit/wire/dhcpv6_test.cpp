// Messages of DHCPv6: round trips, malformed options, bounds.
#include "base/split_mix.hpp"
#include "wire/dhcpv6.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace tapio::core::wire::dhcpv6_test {
namespace {

using v6_octets = std::vector<std::byte>;

address_v6 v6(const char* text) { return boost::asio::ip::make_address_v6(text); }

v6_octets numbers(std::initializer_list<unsigned> all)
{
    v6_octets out;
    for (const unsigned n : all) out.push_back(static_cast<std::byte>(n));
    return out;
}
v6_octets joined(v6_octets a, const v6_octets& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

dhcpv6_message full_v6_message()
{
    dhcpv6_message m;
    m.type = dhcpv6_type::reply;
    m.xid = 0x12'3456;
    m.client_id = numbers({0, 3, 0, 1, 2, 0, 0, 0, 0, 1});
    m.server_id = numbers({0, 3, 0, 1, 2, 0, 0, 0, 0, 2});
    m.addresses = {{7, 100, 160, {{v6("2001:db8::5"), 128, 200, 300, dhcpv6_status::success}}, dhcpv6_status::success},
                   {8, 0, 0, {}, dhcpv6_status::no_addresses}};
    m.prefixes = {{7, 100, 160, {{v6("2001:db8:7::"), 48, 200, 300, dhcpv6_status::no_prefixes}}, dhcpv6_status::success}};
    m.requested = {23, 24, 56};
    m.preference = 9;
    m.elapsed_time = 100;
    m.status = dhcpv6_status::use_multicast;
    m.rapid_commit = true;
    m.dns_servers = {v6("2001:db8::53"), v6("fe80::1")};
    m.ntp_servers = {v6("2001:db8::123")};
    m.search_domains = {"example.com", "example.org"};
    m.refresh_time = 3600;
    m.sol_max_rt = 600;
    m.inf_max_rt = 700;
    return m;
}

TEST(dhcpv6, a_round_trip_keeps_every_field)
{
    const dhcpv6_message m = full_v6_message();
    const auto back = parse_dhcpv6(make_dhcpv6(m));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, m);
}

TEST(dhcpv6, has_the_layout_of_the_rfc) // RFC 8415 §8, §21.4, §21.6
{
    dhcpv6_message m;
    m.type = dhcpv6_type::solicit;
    m.xid = 0x0a0b0c;
    m.addresses = {{1, 2, 3, {{v6("2001:db8::1"), 128, 4, 5, dhcpv6_status::success}}, dhcpv6_status::success}};
    EXPECT_EQ(make_dhcpv6(m), numbers({1,    10, 11,   12,   0, 3, 0, 40, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 5, 0, 24,
                                       0x20, 1,  0x0d, 0xb8, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 5}));
}

TEST(dhcpv6, is_refused_if_cut_within_an_option)
{
    const v6_octets whole = make_dhcpv6(full_v6_message());
    std::size_t taken = 0;
    for (std::size_t n = 0; n < whole.size(); ++n)
        if (parse_dhcpv6(const_bytes(whole).first(n))) ++taken;
    EXPECT_EQ(taken, 16U) << "between two options";
}

TEST(dhcpv6, another_type_is_refused) // relays' messages among them
{
    for (const unsigned type : {0U, 12U, 13U, 255U}) EXPECT_FALSE(parse_dhcpv6(numbers({type, 0, 0, 1}))) << type;
    EXPECT_TRUE(parse_dhcpv6(numbers({11, 0, 0, 1})));
}

TEST(dhcpv6, contradictions_make_an_option_invalid) // RFC 8415 §21.4, §21.6
{
    dhcpv6_message m;
    m.type = dhcpv6_type::reply;
    m.addresses = {{1, 200, 100, {}, dhcpv6_status::success}};
    EXPECT_TRUE(parse_dhcpv6(make_dhcpv6(m))->addresses.empty()) << "T1 after T2";
    m.addresses = {{1, 200, 0, {{v6("2001:db8::1"), 128, 10, 5, dhcpv6_status::success}}, dhcpv6_status::success}};
    const auto parsed = parse_dhcpv6(make_dhcpv6(m));
    ASSERT_EQ(parsed->addresses.size(), 1U);
    EXPECT_TRUE(parsed->addresses[0].resources.empty()) << "preferred for longer than valid";
}

TEST(dhcpv6, an_option_cut_within_an_association_makes_the_message_invalid)
{
    EXPECT_FALSE(parse_dhcpv6(joined(numbers({7, 0, 0, 1, 0, 3, 0, 15}), v6_octets(15))));
    EXPECT_TRUE(parse_dhcpv6(joined(numbers({7, 0, 0, 1, 0, 3, 0, 12}), v6_octets(12))));
    EXPECT_TRUE(parse_dhcpv6(joined(numbers({7, 0, 0, 1, 0, 3, 0, 3}), v6_octets(3)))) << "too short: ignored";
}

TEST(dhcpv6, options_of_a_wrong_length_are_ignored)
{
    const auto m = parse_dhcpv6(
        numbers({7, 0, 0, 1, 0, 23, 0, 3, 1, 2, 3, 0, 7, 0, 0, 0, 32, 0, 2, 1, 1, 0, 1, 0, 2, 0, 3, 0, 13, 0, 1, 9}));
    ASSERT_TRUE(m);
    dhcpv6_message plain;
    plain.type = dhcpv6_type::reply;
    plain.xid = 1;
    EXPECT_EQ(*m, plain);
}

TEST(dhcpv6, bits_behind_a_prefix_are_cleared)
{
    dhcpv6_message m;
    m.type = dhcpv6_type::reply;
    m.prefixes = {{1, 0, 0, {{v6("2001:db8:ffff:ffff::1"), 36, 1, 1, dhcpv6_status::success}}, dhcpv6_status::success}};
    EXPECT_EQ(parse_dhcpv6(make_dhcpv6(m))->prefixes.at(0).resources.at(0).address, v6("2001:db8:f000::"));
}

TEST(dhcpv6, servers_of_sntp_are_servers_of_time) // RFC 4075
{
    v6_octets o = numbers({7, 0, 0, 1, 0, 31, 0, 16});
    o.resize(24);
    o[8] = std::byte{0x20}, o[23] = std::byte{9};
    const auto m = parse_dhcpv6(o);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->ntp_servers, std::vector{v6("2000::9")});
}

TEST(dhcpv6, lists_are_bounded)
{
    dhcpv6_message m;
    m.type = dhcpv6_type::reply;
    m.addresses.assign(50, {1, 0, 0, std::vector<dhcpv6_resource>(50), dhcpv6_status::success});
    m.dns_servers.assign(50, v6("2001:db8::53"));
    m.ntp_servers.assign(50, v6("2001:db8::53"));
    m.requested.assign(500, 23);
    m.search_domains.assign(50, "example.com");
    const auto back = parse_dhcpv6(make_dhcpv6(m));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->addresses.size(), 4U);
    EXPECT_EQ(back->addresses[0].resources.size(), 8U);
    EXPECT_EQ(back->dns_servers.size(), 8U);
    EXPECT_EQ(back->ntp_servers.size(), 8U);
    EXPECT_EQ(back->requested.size(), 64U);
    EXPECT_EQ(back->search_domains.size(), 16U);
}

TEST(dhcpv6, damaged_messages_are_refused_or_parsed_within_bounds)
{
    std::uint64_t state = 5;
    const auto random = [&state](std::size_t below) { return static_cast<std::size_t>(split_mix(state) % below); };
    const v6_octets whole = make_dhcpv6(full_v6_message());
    std::size_t taken = 0, refused = 0;
    for (unsigned n = 0; n < 200'000; ++n) {
        v6_octets o = whole;
        for (std::size_t damage = 1 + random(4); damage > 0; --damage) o[random(o.size())] = static_cast<std::byte>(random(256));
        if (random(8) == 0) o.resize(random(o.size()));
        const auto m = parse_dhcpv6(o);
        ++(m ? taken : refused);
        if (!m) continue;
        const auto again = parse_dhcpv6(make_dhcpv6(*m));
        ASSERT_TRUE(again);
        ASSERT_EQ(*again, *m);
    }
    EXPECT_GT(taken, 50'000U);
    EXPECT_GT(refused, 20'000U);
}

} // namespace
} // namespace tapio::core::wire::dhcpv6_test
