// IGMP of all versions, read and written (RFC 3376 §4 and §7.1, RFC 2236 §2, RFC 1112 Appendix I); the parts that MLD shares.
#include "base/checksum.hpp"
#include "unit/wire/group_messages.hpp"
#include "wire/igmp.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace tapio::core::wire {
namespace {

using namespace std::chrono_literals;

const address_v4 group(0xefff'fffaU); // 239.255.255.250

octets& sum_up(octets& m)
{
    m[2] = m[3] = std::byte{0};
    store_16(m.data() + 2, static_cast<std::uint16_t>(~ones_sum(m)));
    return m;
}

/// The sources of the query are in `m`.
parsed<group_query> query_in(octets& m)
{
    const auto type = parse_igmp(sum_up(m));
    EXPECT_TRUE(type && *type == igmp_type::query);
    return parse_igmp_query(m);
}
parsed<group_query> query(octets m) { return query_in(m); }

octets query_head(unsigned code, const address_v4& g = {})
{
    return bytes({0x11, code, 0, 0}) +
           bytes({g.to_uint() >> 24, g.to_uint() >> 16 & 255, g.to_uint() >> 8 & 255, g.to_uint() & 255});
}

TEST(igmp, cut_within_the_first_8_octets_is_malformed)
{
    const octets whole = flat(make_igmp(igmp_type::report_v2, group));
    ASSERT_EQ(whole.size(), 8U);
    for (std::size_t n = 0; n < 8; ++n) EXPECT_EQ(parse_igmp(const_bytes(whole).first(n)).error(), drop_reason::igmp_malformed);
}

TEST(igmp, the_checksum_covers_the_whole_message)
{
    octets m = query_head(100) + bytes({2, 125, 0, 1, 192, 0, 2, 1});
    sum_up(m);
    ASSERT_TRUE(parse_igmp(m));
    for (std::size_t at = 0; at < m.size(); ++at) {
        octets changed = m;
        changed[at] ^= std::byte{0x10};
        EXPECT_EQ(parse_igmp(changed).error(), drop_reason::igmp_bad_checksum) << at;
    }
}

TEST(igmp, types_of_other_protocols_are_unknown) // RFC 2236 §2.1: to be ignored; 0x13 is DVMRP, 0x14 PIM of version 1
{
    for (const unsigned type : {0U, 0x10U, 0x13U, 0x14U, 0x18U, 0x30U, 0xffU}) {
        octets m = bytes({type, 0, 0, 0, 0, 0, 0, 0});
        EXPECT_EQ(parse_igmp(sum_up(m)).error(), drop_reason::igmp_unknown_type) << type;
    }
}

TEST(igmp_query, versions_are_told_apart_by_length_and_code) // RFC 3376 §7.1
{
    EXPECT_EQ(query(query_head(0))->version, group_protocol::v1);
    EXPECT_EQ(query(query_head(1))->version, group_protocol::v2);
    for (std::size_t n = 1; n < 4; ++n) EXPECT_EQ(query(query_head(100) + octets(n)).error(), drop_reason::igmp_malformed);
    EXPECT_EQ(query(query_head(0) + octets(4))->version, group_protocol::v3);
}

TEST(igmp_query, version_1_allows_10_s_and_is_general) // RFC 2236 §4; RFC 1112 Appendix I: the group is ignored
{
    const auto q = query(query_head(0, group));
    ASSERT_TRUE(q);
    EXPECT_TRUE(q->is_general());
    EXPECT_EQ(q->max_response, 10s);
}

TEST(igmp_query, of_version_2_has_no_exponent) // RFC 2236 §2.2
{
    const auto q = query(query_head(0xff, group));
    ASSERT_TRUE(q);
    EXPECT_EQ(q->group, group);
    EXPECT_EQ(q->max_response, 25'500ms);
}

TEST(igmp_query, of_version_3_has_all_fields) // RFC 3376 §4.1
{
    octets m = query_head(20, group) + bytes({0xfb, 0x8f, 0, 2, 192, 0, 2, 1, 192, 0, 2, 9});
    const auto q = query_in(m);
    ASSERT_TRUE(q);
    EXPECT_FALSE(q->is_general());
    EXPECT_EQ(q->group, group);
    EXPECT_EQ(q->max_response, 2s);
    EXPECT_TRUE(q->suppress_router);
    EXPECT_EQ(q->robustness, 3);
    EXPECT_EQ(q->query_interval, 248s); // (15 | 16) << 3
    EXPECT_EQ(addresses(q->sources), (std::vector<address>{address_v4(0xc000'0201U), address_v4(0xc000'0209U)}));
}

struct time_code : testing::TestWithParam<std::tuple<unsigned, unsigned>>
{
};

TEST_P(time_code, above_127_has_an_exponent) // RFC 3376 §4.1.1, §4.1.7
{
    const auto [code, value] = GetParam();
    const auto q = query(query_head(code) + bytes({0, code, 0, 0}));
    ASSERT_TRUE(q);
    EXPECT_EQ(q->max_response, 100ms * value);
    EXPECT_EQ(q->query_interval, std::chrono::seconds(value));
}

INSTANTIATE_TEST_SUITE_P(rfc_3376, time_code,
                         testing::Values(std::tuple(0U, 0U), std::tuple(1U, 1U), std::tuple(127U, 127U), std::tuple(0x80U, 128U),
                                         std::tuple(0x81U, 136U), std::tuple(0x90U, 256U), std::tuple(0xffU, 31744U)));

TEST(igmp_query, sources_that_are_cut_off_are_malformed_and_more_data_is_ignored) // RFC 3376 §4.1.8, §4.1.10
{
    const octets whole = query_head(20, group) + bytes({2, 125, 0, 2}) + octets(8, std::byte{1});
    for (std::size_t n = 12; n < whole.size(); ++n)
        EXPECT_EQ(query({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)}).error(), drop_reason::igmp_malformed);
    const auto q = query(whole + octets(5));
    ASSERT_TRUE(q);
    EXPECT_EQ(q->sources.size(), 2U);
}

TEST(igmp_query, about_sources_of_all_groups_or_no_multicast_address_is_malformed) // RFC 3376 §4.1.11
{
    EXPECT_EQ(query(query_head(20) + bytes({2, 125, 0, 1, 192, 0, 2, 1})).error(), drop_reason::igmp_malformed);
    EXPECT_EQ(query(query_head(20, address_v4(0xc000'0201U)) + bytes({2, 125, 0, 0})).error(), drop_reason::igmp_malformed);
    EXPECT_EQ(query(query_head(20, address_v4(0xc000'0201U))).error(), drop_reason::igmp_malformed);
}

TEST(igmp_report, of_another_host_names_a_group) // RFC 2236 §2.4; octets behind the eighth are ignored (§2.5)
{
    octets m = flat(make_igmp(igmp_type::report_v1, group)) + octets(3, std::byte{9});
    ASSERT_EQ(*parse_igmp(sum_up(m)), igmp_type::report_v1);
    EXPECT_EQ(*parse_igmp_report(m), group);
    EXPECT_EQ(parse_igmp_report(flat(make_igmp(igmp_type::report_v2, address_v4(0xc000'0201U)))).error(),
              drop_reason::igmp_malformed);
}

TEST(igmp_made, messages_of_older_versions_have_8_octets)
{
    EXPECT_EQ(flat(make_igmp(igmp_type::report_v2, group)), bytes({0x16, 0, 0xfa, 0x04, 0xef, 0xff, 0xff, 0xfa}));
    EXPECT_EQ(flat(make_igmp(igmp_type::report_v1, group))[0], std::byte{0x12});
    const octets leave = flat(make_igmp(igmp_type::leave, group));
    EXPECT_EQ(*parse_igmp(leave), igmp_type::leave);
    EXPECT_EQ(*parse_igmp_report(leave), group);
}

group_record_writer one_record(group_record_type type, std::vector<address> sources = {})
{
    group_record_writer w(family::v4, 1000);
    std::span<const address> left(sources);
    EXPECT_TRUE(w.add(type, group, left));
    return w;
}

TEST(igmp_made, report_of_version_3_has_the_octets_of_the_rfc) // RFC 3376 §4.2
{
    EXPECT_EQ(flat(make_igmp_report(one_record(group_record_type::to_exclude))),
              bytes({0x22, 0, 0xea, 0x03, 0, 0, 0, 1, 4, 0, 0, 0, 0xef, 0xff, 0xff, 0xfa}));
    const octets m = flat(make_igmp_report(one_record(group_record_type::allow, {address_v4(0xc000'0201U)})));
    EXPECT_EQ(*parse_igmp(m), igmp_type::report_v3);
    EXPECT_EQ((octets{m.begin() + 8, m.end()}), bytes({5, 0, 0, 1, 0xef, 0xff, 0xff, 0xfa, 192, 0, 2, 1}));
}

TEST(group_records, auxiliary_data_is_skipped_and_a_cut_record_refused) // RFC 3376 §4.2.6, §4.2.10
{
    const octets records = bytes({1, 2, 0, 1, 239, 0, 0, 1, 192, 0, 2, 1}) + octets(8) + bytes({6, 0, 0, 0, 239, 0, 0, 2});
    std::vector<address> groups;
    const auto note = [&](const group_record& r) { groups.push_back(r.group); };
    EXPECT_TRUE(for_each_group_record(records, 2, family::v4, note));
    EXPECT_EQ(groups, (std::vector<address>{address_v4(0xef00'0001U), address_v4(0xef00'0002U)}));
    EXPECT_FALSE(for_each_group_record(records, 3, family::v4, note));
    for (std::size_t n = 0; n < records.size(); ++n)
        EXPECT_FALSE(for_each_group_record(const_bytes(records).first(n), 2, family::v4, note)) << n;
}

std::vector<address> many(std::uint32_t n)
{
    std::vector<address> out;
    for (std::uint32_t i = 0; i < n; ++i) out.push_back(address_v4(0xc612'0000U + i));
    return out;
}

TEST(group_records, report_that_is_full_refuses_the_next_record) // RFC 3376 §4.2.16
{
    group_record_writer w(family::v4, 40);
    const auto sources = many(4); // 8 + 4 * 4 octets
    std::span<const address> left(sources);
    EXPECT_TRUE(w.add(group_record_type::allow, group, left));
    left = sources;
    EXPECT_FALSE(w.add(group_record_type::allow, group, left));
    EXPECT_EQ(left.size(), 4U); // untouched
    EXPECT_EQ(w.count(), 1);
    left = left.first(2);
    EXPECT_TRUE(w.add(group_record_type::allow, group, left)); // exactly full
    EXPECT_EQ(w.octets().size(), 40U);
}

TEST(group_records, sources_that_do_not_fit_continue_in_the_next_report) // RFC 3376 §4.2.16
{
    for (const auto type :
         {group_record_type::is_include, group_record_type::to_include, group_record_type::allow, group_record_type::block}) {
        group_record_writer w(family::v4, 30); // 5 sources
        const auto sources = many(12);
        std::span<const address> left(sources);
        EXPECT_FALSE(w.add(type, group, left));
        EXPECT_EQ(left.size(), 7U);
        w.clear();
        EXPECT_FALSE(w.add(type, group, left));
        w.clear();
        EXPECT_TRUE(w.add(type, group, left));
        EXPECT_EQ(w.octets().size(), 8U + 2 * 4);
        for_each_group_record(w.octets(), 1, family::v4, [&](const group_record& r) { EXPECT_EQ(r.sources[1], sources[11]); });
    }
}

TEST(group_records, excluded_sources_that_do_not_fit_are_left_out) // RFC 3376 §4.2.16
{
    for (const auto type : {group_record_type::is_exclude, group_record_type::to_exclude}) {
        group_record_writer w(family::v4, 30);
        const auto sources = many(12);
        std::span<const address> left(sources);
        EXPECT_TRUE(w.add(type, group, left));
        EXPECT_EQ(w.count(), 1);
        EXPECT_EQ(w.octets().size(), 8U + 5 * 4);
    }
}

TEST(igmp, a_million_mutated_messages_are_read_within_their_bounds)
{
    std::vector<octets> good{
        query_head(0), query_head(100, group), query_head(20, group) + bytes({2, 125, 0, 2, 192, 0, 2, 1, 192, 0, 2, 2}),
        flat(make_igmp(igmp_type::report_v2, group)), flat(make_igmp_report(one_record(group_record_type::to_include, many(3))))};
    std::size_t accepted = 0, refused = 0;
    for_each_mutation(good, 1'000'000, [&](std::span<std::byte> m) {
        if (m.size() >= 4) store_16(m.data() + 2, 0), store_16(m.data() + 2, static_cast<std::uint16_t>(~ones_sum(m)));
        const auto type = parse_igmp(m);
        bool fine = type.has_value();
        if (fine && *type == igmp_type::query) {
            const auto q = parse_igmp_query(m);
            fine = q.has_value();
            if (q) {
                ASSERT_LE(8 + 4 * q->sources.size(), m.size());
                ASSERT_TRUE(q->is_general() || q->group.is_multicast());
                for (const address& s : addresses(q->sources)) ASSERT_TRUE(s.is_v4());
            }
        } else if (fine && *type == igmp_type::report_v3) {
            fine = for_each_igmp_record(m, [](const group_record& r) { ASSERT_LE(addresses(r.sources).size(), 10U); });
        } else if (fine) {
            fine = parse_igmp_report(m).has_value();
        }
        ++(fine ? accepted : refused);
    });
    EXPECT_GT(accepted, 100'000U); // the mutations are neither all harmless nor all fatal
    EXPECT_GT(refused, 100'000U);
}

} // namespace
} // namespace tapio::core::wire
