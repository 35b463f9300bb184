// Answers to queries with IGMPv3 and MLDv2 (RFC 3376 §5.2, RFC 3810 §6.2 and §6.3), and floods of forged ones.
#include "base/split_mix.hpp"
#include "unit/ip/group_link.hpp"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

namespace tapio::core::ip::group_queries_test {
namespace {

constexpr auto in = filter_mode::include, ex = filter_mode::exclude;

struct group_queries : both_families
{
    /// Groups whose reports have all been sent: 1 excludes source 1, 2 includes sources 1 and 2, 3 excludes none.
    void SetUp() override
    {
        link.exclude(1, {1});
        link.include(2, {1, 2});
        link.join(3);
        link.run(10s);
        link.forget();
    }
    /// When the only message since forget() was sent, after the query.
    duration delay(time_point asked) const { return link.times.size() == 1 ? link.times[0] - asked : -1s; }
};
INSTANTIATE_TEST_SUITE_P(both, group_queries, testing::Values(family::v4, family::v6), family_name);

TEST_P(group_queries, general_query_is_answered_for_all_groups_within_the_time_it_allows) // RFC 3376 §5.2
{
    std::map<duration, unsigned> delays;
    for (unsigned i = 0; i < 50; ++i) {
        const time_point asked = link.now;
        link.query(0, 10s);
        EXPECT_EQ(link.after(10s), texts{"is_exclude 1 {1}, is_include 2 {1 2}, is_exclude 3 {}"});
        ASSERT_GT(delay(asked), 0s); // MUST NOT be immediate
        ++delays[delay(asked)];
        link.forget();
    }
    EXPECT_GT(delays.size(), 40U);
    EXPECT_LT(delays.begin()->first, 2s);
    EXPECT_GT(delays.rbegin()->first, 8s);
}

TEST_P(group_queries, host_without_groups_does_not_answer)
{
    for (const unsigned g : {1, 2, 3}) link.leave(g);
    link.query(0, 10s); // while the leaving is still being reported
    link.run(11s);
    for (const std::string& s : link.sent) EXPECT_EQ(s.find("is_"), std::string::npos) << s;
    EXPECT_EQ(link.m.next_deadline(), never);
    link.query(0, 10s);
    EXPECT_EQ(link.m.next_deadline(), never);
}

TEST_P(group_queries, query_about_a_group_is_answered_for_that_group)
{
    link.query(2, 1s);
    EXPECT_EQ(link.after(1s), texts{"is_include 2 {1 2}"});
    link.query(4, 1s);
    EXPECT_EQ(link.after(1s), texts{});
}

TEST_P(group_queries, time_of_less_than_10_ms_counts_as_10_ms)
{
    const time_point asked = link.now;
    link.query(1, 0s);
    link.run(1s);
    EXPECT_GT(delay(asked), 0s);
    EXPECT_LE(delay(asked), 10ms);
}

struct source_query : testing::TestWithParam<std::tuple<family, std::tuple<filter_mode, numbers, numbers, const char*>>>
{
};

TEST_P(source_query, is_answered_by_the_table_of_the_rfc) // RFC 3376 §5.2, RFC 3810 §6.3
{
    const auto& [f, story] = GetParam();
    const auto& [mode, sources, asked, answer] = story;
    group_link link(f);
    link.set(1, 1, mode, sources);
    link.run(10s);
    link.forget();
    link.query(1, 1s, asked);
    EXPECT_EQ(link.after(1s), *answer == 0 ? texts{} : texts{answer});
}

INSTANTIATE_TEST_SUITE_P(rfc_3376, source_query,
                         testing::Combine(testing::Values(family::v4, family::v6),
                                          testing::Values(std::tuple(in, numbers{1, 2}, numbers{3, 2, 2}, "is_include 1 {2}"),
                                                          std::tuple(in, numbers{1, 2}, numbers{3}, ""),
                                                          std::tuple(ex, numbers{1, 2}, numbers{2, 3, 4}, "is_include 1 {3 4}"),
                                                          std::tuple(ex, numbers{1, 2}, numbers{2}, ""),
                                                          std::tuple(ex, numbers{}, numbers{9}, "is_include 1 {9}"))));

TEST_P(group_queries, answer_about_sources_is_that_of_the_time_when_it_is_sent)
{
    link.query(2, 10s, {1, 3});
    link.include(2, {3});
    EXPECT_EQ(link.at_once(), texts{"allow 2 {3}, block 2 {1 2}"});
    link.run(10s);
    EXPECT_NE(std::find(link.sent.begin(), link.sent.end(), "is_include 2 {3}"), link.sent.end());
}

TEST_P(group_queries, group_that_has_been_left_is_not_reported_any_more)
{
    link.query(3, 10ms); // the leaving is reported for longer
    link.query(1, 10ms, {5});
    link.leave(3);
    link.leave(1);
    EXPECT_EQ(link.at_once(), texts{"to_include 1 {}, to_include 3 {}"});
    for (const std::string& s : link.after(10s)) EXPECT_EQ(s.find("is_"), std::string::npos) << s;
}

// -- several queries: the rules of RFC 3376 §5.2 --------------------------------------------------------------------------

TEST_P(group_queries, rule_1_an_earlier_general_answer_is_enough)
{
    const time_point asked = link.now;
    link.query(0, 10ms);
    link.query(3, 1h);
    link.query(0, 1h);
    EXPECT_EQ(link.after(2h), texts{"is_exclude 1 {1}, is_include 2 {1 2}, is_exclude 3 {}"});
    EXPECT_LE(delay(asked), 10ms);
}

TEST_P(group_queries, rule_2_a_general_query_replaces_a_later_general_answer)
{
    const time_point asked = link.now;
    link.query(0, 1h);
    link.query(0, 10ms);
    EXPECT_EQ(link.after(2h).size(), 1U);
    EXPECT_LE(delay(asked), 10ms);
}

TEST_P(group_queries, rule_3_a_group_may_answer_before_the_general_answer)
{
    link.query(0, 1h);
    link.query(3, 10ms);
    EXPECT_EQ(link.after(1s), texts{"is_exclude 3 {}"});
    EXPECT_EQ(link.after(1h).size(), 1U);
}

TEST_P(group_queries, rule_4_a_query_about_the_whole_group_covers_one_about_sources)
{
    link.query(2, 1h, {1});
    link.query(2, 1s);
    EXPECT_EQ(link.after(2h), texts{"is_include 2 {1 2}"});
    link.query(2, 1s);
    link.query(2, 1h, {1});
    EXPECT_EQ(link.after(2h), texts{"is_include 2 {1 2}"});
}

TEST_P(group_queries, rule_4_the_earliest_time_counts)
{
    for (const auto& [first, second] : {std::pair<duration, duration>(1h, 10ms), {10ms, 1h}}) {
        const time_point asked = link.now;
        link.query(3, first);
        link.query(3, second);
        EXPECT_EQ(link.after(2h).size(), 1U);
        EXPECT_LE(delay(asked), 10ms);
        link.forget();
    }
}

TEST_P(group_queries, rule_5_sources_of_several_queries_are_answered_together)
{
    const time_point asked = link.now;
    link.query(1, 1h, {5, 4});
    link.query(1, 10ms, {1, 3, 4});
    EXPECT_EQ(link.after(2h), texts{"is_include 1 {3 4 5}"});
    EXPECT_LE(delay(asked), 10ms);
}

TEST_P(group_queries, general_answer_covers_pending_answers_about_groups)
{
    link.query(2, 1h, {1});
    link.query(0, 10ms);
    EXPECT_EQ(link.after(2h), texts{"is_exclude 1 {1}, is_include 2 {1 2}, is_exclude 3 {}"});
}

// -- bounds ---------------------------------------------------------------------------------------------------------------

TEST_P(group_queries, too_many_sources_asked_about_are_answered_with_the_whole_state)
{
    numbers most(group_membership::most_queried_sources);
    for (unsigned n = 0; n < most.size(); ++n) most[n] = 100 + n;
    link.query(2, 1s, most);
    link.query(1, 1s, {5});
    EXPECT_EQ(link.after(2s), texts{"is_exclude 1 {1}"}); // too many in all; group 2 has none of those
    link.query(1, 1s, {5});                               // the others are forgotten
    EXPECT_EQ(link.after(2s), texts{"is_include 1 {5}"});
}

TEST_P(group_queries, flood_of_forged_queries_is_answered_by_a_bounded_number_of_reports)
{
    for (unsigned g = 4; g <= group_membership::most_groups; ++g) link.include(g, {1, 2, 3, 4});
    link.run(10s);
    link.forget();
    std::uint64_t state = 5;
    for (unsigned ms = 0; ms < 10'000; ++ms) { // 10 s
        for (unsigned i = 0; i < 5; ++i) {
            const std::uint64_t r = split_mix(state);
            const unsigned g = r % 4 == 0 ? 0 : static_cast<unsigned>(r >> 8) % 2000 + 1;
            link.query(g, 1ms * ((r >> 32) % 3), r % 4 == 1 ? numbers{1, 2, 9} : numbers{});
        }
        link.run(1ms);
    }
    EXPECT_GT(link.sent.size(), 150U);
    EXPECT_LT(link.sent.size(), 20U * 11 + 50); // 20 in a second, once those of a second before, and the last group's
}

TEST_P(group_queries, group_is_answered_in_spite_of_a_flood_about_others)
{
    numbers many(1000);
    for (unsigned n = 0; n < many.size(); ++n) many[n] = n;
    for (unsigned g = 10; g < 18; ++g) link.include(g, many); // several messages each
    link.run(10s);
    for (unsigned ms = 0; ms < 3000; ++ms) {
        for (unsigned g = 10; g < 18; ++g) link.query(g, 1ms);
        link.run(1ms);
    }
    for (const unsigned g : {1U, 20U}) {
        link.join(g);
        link.run(10s);
        link.forget();
        link.query(g, 10ms);
        for (unsigned ms = 0; ms < 10'000; ++ms) {
            for (unsigned other = 10; other < 18; ++other) link.query(other, 1ms);
            link.run(1ms);
        }
        const std::string answer = "is_exclude " + std::to_string(g) + " {";
        EXPECT_TRUE(std::any_of(link.sent.begin(), link.sent.end(),
                                [&](const std::string& s) { return s.find(answer) != std::string::npos; }));
    }
}

TEST_P(group_queries, calls_in_any_order_come_to_rest)
{
    using wire::group_protocol;
    std::uint64_t state = 9;
    for (unsigned i = 0; i < 50'000; ++i) {
        const std::uint64_t r = split_mix(state);
        const auto g = static_cast<unsigned>(r >> 8) % 6; // 0: general
        const duration time = 1ms * ((r >> 16) % 4096);
        const auto version = GetParam() == family::v4 && (r >> 30) % 2 == 0 ? group_protocol::v1 : group_protocol::v2;
        const numbers some((r >> 32) % 4, static_cast<unsigned>(r >> 34) % 5);
        switch (r % 16) {
        case 0: link.query(version == group_protocol::v1 ? 0 : g, time, {}, version); break;
        case 1: link.run(1ms * ((r >> 40) % 400'000)); break;
        case 2: (r >> 40) % 8 == 0 ? link.m.link_down() : link.m.report_all(link.now); break;
        case 3: link.m.link_up(link.now); break;
        case 4: link.report_of_another(g + 1); break;
        case 5: link.run(time); break;
        case 6: link.robustness = static_cast<std::uint8_t>((r >> 40) % 8); break;
        case 7: link.interval = std::chrono::seconds((r >> 40) % 300); break;
        case 8: link.query(0, time); break;
        case 9:
        case 10: link.query(g + 1, time, some); break;
        case 11: link.settle(); break;
        default: link.set((r >> 40) % 3, g + 1, (r >> 43) % 3 == 0 ? ex : in, some);
        }
    }
    link.m.link_up(link.now);
    for (subscriber_id who = 0; who < 3; ++who)
        for (unsigned g = 1; g <= 6; ++g) link.set(who, g, in);
    link.run(10s);
    EXPECT_EQ(link.m.next_deadline(), never);
    link.forget();
    link.m.link_up(link.now);
    EXPECT_EQ(link.after(10s), texts{}); // nothing is left
    for (unsigned g = 1; g <= 6; ++g) EXPECT_FALSE(link.m.is_member(link.group(g)));
}

} // namespace
} // namespace tapio::core::ip::group_queries_test
