// MLD of both versions, read and written (RFC 3810 §5 and §8.1, RFC 2710 §3). What IGMP shares: igmp_test.cpp.
#include "unit/wire/group_messages.hpp"
#include "wire/icmpv6.hpp"
#include "wire/mld.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace tapio::core::wire::mld_test {
namespace {

using namespace std::chrono_literals;

const address_v6 group = boost::asio::ip::make_address_v6("ff05::1:3");
const address_v6 source = boost::asio::ip::make_address_v6("2001:db8::1");

octets octets_of_address(const address_v6& a)
{
    octets out;
    for (const auto b : a.to_bytes()) out.push_back(std::byte{b});
    return out;
}

octets query_v2(const address_v6& g, unsigned flags, unsigned interval, unsigned sources)
{
    return octets_of_address(g) + bytes({flags, interval, sources >> 8, sources & 255});
}

TEST(mld_query, versions_are_told_apart_by_length) // RFC 3810 §8.1: 24 octets of ICMPv6, or 28 and more
{
    const octets v1 = octets_of_address(address_v6());
    EXPECT_EQ(parse_mld_query(0, v1)->version, group_protocol::v2);
    for (std::size_t n = 0; n < 16; ++n)
        EXPECT_EQ(parse_mld_query(0, const_bytes(v1).first(n)).error(), drop_reason::mld_malformed);
    for (std::size_t n = 1; n < 4; ++n) EXPECT_EQ(parse_mld_query(0, v1 + octets(n)).error(), drop_reason::mld_malformed);
    EXPECT_EQ(parse_mld_query(0, v1 + octets(4))->version, group_protocol::v3);
}

TEST(mld_query, of_version_1_has_milliseconds_without_exponent) // RFC 2710 §3.4
{
    const auto q = parse_mld_query(0xffff'0000U, octets_of_address(group));
    ASSERT_TRUE(q);
    EXPECT_EQ(q->group, group);
    EXPECT_EQ(q->max_response, 65'535ms);
}

TEST(mld_query, of_version_2_has_all_fields) // RFC 3810 §5.1
{
    const octets body = query_v2(group, 0xfa, 125, 2) + octets_of_address(source) + octets_of_address(address_v6());
    const auto q = parse_mld_query(1000U << 16 | 0x1234, body);
    ASSERT_TRUE(q);
    EXPECT_FALSE(q->is_general());
    EXPECT_EQ(q->max_response, 1s);
    EXPECT_TRUE(q->suppress_router);
    EXPECT_EQ(q->robustness, 2);
    EXPECT_EQ(q->query_interval, 125s);
    EXPECT_EQ(addresses(q->sources), (std::vector<address>{source, address_v6()}));
}

struct mld_time_code : testing::TestWithParam<std::tuple<unsigned, unsigned>>
{
};

TEST_P(mld_time_code, above_32767_has_an_exponent) // RFC 3810 §5.1.3
{
    const auto [code, value] = GetParam();
    const auto q = parse_mld_query(code << 16, query_v2(address_v6(), 0, 0, 0));
    ASSERT_TRUE(q);
    EXPECT_EQ(q->max_response, 1ms * value);
}

INSTANTIATE_TEST_SUITE_P(rfc_3810, mld_time_code,
                         testing::Values(std::tuple(0U, 0U), std::tuple(32767U, 32767U), std::tuple(0x8000U, 32768U),
                                         std::tuple(0x8001U, 32776U), std::tuple(0x9000U, 65536U),
                                         std::tuple(0xffffU, 8'387'584U)));

TEST(mld_query, sources_that_are_cut_off_are_malformed_and_more_data_is_ignored) // RFC 3810 §5.1.10, §5.1.12
{
    const octets whole = query_v2(group, 2, 125, 2) + octets_of_address(source) + octets_of_address(source);
    for (std::size_t n = 20; n < whole.size(); ++n)
        EXPECT_EQ(parse_mld_query(0, const_bytes(whole).first(n)).error(), drop_reason::mld_malformed);
    EXPECT_EQ(parse_mld_query(0, whole + octets(9))->sources.size(), 2U);
}

TEST(mld_query, about_sources_of_all_groups_or_no_multicast_address_is_malformed) // RFC 3810 §5.1.13
{
    EXPECT_EQ(parse_mld_query(0, query_v2(address_v6(), 2, 125, 1) + octets_of_address(source)).error(),
              drop_reason::mld_malformed);
    EXPECT_EQ(parse_mld_query(0, octets_of_address(source)).error(), drop_reason::mld_malformed);
    EXPECT_EQ(parse_mld_query(0, query_v2(source, 2, 125, 0)).error(), drop_reason::mld_malformed);
}

TEST(mld_report, of_version_1_is_the_group) // RFC 2710 §3
{
    packet p = make_mld(group);
    EXPECT_EQ(flat(p), octets_of_address(group));
    EXPECT_EQ(*parse_mld_report(flat(p)), group);
    for (std::size_t n = 0; n < 16; ++n)
        EXPECT_EQ(parse_mld_report(const_bytes(flat(p)).first(n)).error(), drop_reason::mld_malformed);
    EXPECT_EQ(parse_mld_report(octets_of_address(source)).error(), drop_reason::mld_malformed);
    push_icmpv6(p, icmpv6_type::listener_done, 0, 0, flow_key({source, 0}, {group, 0}, ip_protocol::icmpv6));
    EXPECT_EQ(p.size(), 24U);
}

group_record_writer two_records(std::span<const address> sources)
{
    group_record_writer w(family::v6, 1000);
    std::span<const address> left;
    EXPECT_TRUE(w.add(group_record_type::to_exclude, group, left));
    left = sources;
    EXPECT_TRUE(w.add(group_record_type::allow, group, left));
    return w;
}

TEST(mld_report, of_version_2_has_the_octets_of_the_rfc) // RFC 3810 §5.2
{
    const address sources[] = {source};
    const auto w = two_records(sources);
    const octets body = flat(make_mld_report(w));
    EXPECT_EQ(rest_of(w), 2U);
    EXPECT_EQ(body, bytes({4, 0, 0, 0}) + octets_of_address(group) + bytes({5, 0, 0, 1}) + octets_of_address(group) +
                        octets_of_address(source));
    std::size_t seen = 0;
    EXPECT_TRUE(for_each_mld_record(2, body, [&](const group_record& r) {
        EXPECT_EQ(r.group, group);
        EXPECT_EQ(r.sources.size(), seen++);
    }));
    EXPECT_EQ(seen, 2U);
}

TEST(mld_report, sources_that_do_not_fit_continue_in_the_next_report) // RFC 3810 §5.2.15
{
    const std::vector<address> sources(5, source);
    std::span<const address> left(sources);
    group_record_writer w(family::v6, 20 + 3 * 16 + 15);
    EXPECT_FALSE(w.add(group_record_type::block, group, left));
    EXPECT_EQ(left.size(), 2U);
    EXPECT_EQ(w.octets().size(), 20U + 3 * 16);
    w.clear();
    EXPECT_TRUE(w.add(group_record_type::block, group, left));
}

TEST(mld, the_hop_by_hop_header_is_a_router_alert) // RFC 2711 §2.1, RFC 3810 §5
{
    const auto& h = mld_hop_by_hop_header;
    EXPECT_EQ(h[0], static_cast<std::uint8_t>(ip_protocol::icmpv6));
    EXPECT_EQ((h[1] + 1U) * 8, sizeof h);
    EXPECT_EQ(h[2], 5); // option type, then length 2 and the value 0: MLD
    EXPECT_EQ(h[3] + h[4] + h[5], 2);
}

TEST(mld, a_million_mutated_messages_are_read_within_their_bounds)
{
    const address some[] = {source};
    const std::vector<octets> good{octets_of_address(address_v6()), octets_of_address(group),
                                   query_v2(group, 2, 125, 2) + octets_of_address(source) + octets_of_address(source),
                                   flat(make_mld_report(two_records(some)))};
    std::size_t accepted = 0, refused = 0;
    for_each_mutation(good, 1'000'000, [&](std::span<std::byte> m) {
        const auto q = parse_mld_query(0x1388'0002U, m);
        if (q) {
            ASSERT_LE(16 + 16 * q->sources.size(), m.size());
            ASSERT_TRUE(q->is_general() || q->group.is_multicast());
            for (const address& s : addresses(q->sources)) ASSERT_TRUE(s.is_v6());
        }
        (void)for_each_mld_record(2, m, [](const group_record& r) { ASSERT_LE(addresses(r.sources).size(), 10U); });
        const auto r = parse_mld_report(m);
        ASSERT_TRUE(!r || r->is_multicast());
        ++(q ? accepted : refused);
    });
    EXPECT_GT(accepted, 100'000U); // the mutations are neither all harmless nor all fatal
    EXPECT_GT(refused, 100'000U);
}

} // namespace
} // namespace tapio::core::wire::mld_test
