// Queriers of older versions (RFC 3376 §7.2.1, RFC 3810 §8.2.1), and what a host does then (RFC 2236 §3, RFC 2710 §4 and §5,
// RFC 1112 Appendix I).
#include "unit/ip/group_link.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tapio::core::ip {
namespace {

using wire::group_protocol;

struct group_versions : both_families
{
    static constexpr duration timeout = 2 * 125s + 10s; // RFC 3376 §8.12: robustness, query interval, response interval

    /// A querier of IGMPv2 or MLDv1 has been heard, and nothing is pending.
    void older_querier()
    {
        link.query_v2(0, 10s);
        link.run(10s);
        link.forget();
    }
};
INSTANTIATE_TEST_SUITE_P(both, group_versions, testing::Values(family::v4, family::v6), family_name);

TEST_P(group_versions, older_querier_is_followed_until_the_timeout)
{
    EXPECT_EQ(link.m.version(), group_protocol::v3);
    link.query_v2(0, 10s);
    EXPECT_EQ(link.m.version(), group_protocol::v2);
    link.run(timeout - 1ns);
    EXPECT_EQ(link.m.version(), group_protocol::v2);
    link.run(1ns);
    EXPECT_EQ(link.m.version(), group_protocol::v3);
    link.join(1);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}"});
}

TEST_P(group_versions, each_query_of_the_older_querier_prolongs_the_time_and_newer_queries_do_not_shorten_it)
{
    link.query_v2(0, 10s);
    link.run(timeout - 1s);
    link.query_v2(0, 10s);
    link.query(0, 10s);
    link.run(timeout - 1s);
    EXPECT_EQ(link.m.version(), group_protocol::v2);
}

TEST_P(group_versions, timeout_uses_the_parameters_that_the_querier_told) // RFC 3376 §8.12: of the last query
{
    link.robustness = 3;
    link.interval = 20s;
    link.query(0, 10s);
    link.query_v2(0, 5s);
    link.run(3 * 20s + 5s - 1ns);
    EXPECT_EQ(link.m.version(), group_protocol::v2);
    link.run(1ns);
    EXPECT_EQ(link.m.version(), group_protocol::v3);
}

TEST_P(group_versions, forged_interval_does_not_keep_the_older_version_for_days)
{
    link.robustness = 7;
    link.interval = 31744s; // the longest that a query can tell
    link.query(0, 10s);
    link.query_v2(0, 10s);
    link.run(7 * 1h + 10s);
    EXPECT_EQ(link.m.version(), group_protocol::v3);
}

TEST_P(group_versions, query_about_a_group_tells_the_version_of_mld_only) // RFC 3376 §7.2.1; RFC 3810 §8.2.1
{
    link.query_v2(1, 10s);
    EXPECT_EQ(link.m.version(), GetParam() == family::v4 ? group_protocol::v3 : group_protocol::v2);
}

TEST(igmp_versions, query_of_version_2_about_a_group_is_answered_in_version_3)
{
    group_link link(family::v4);
    link.include(1, {5});
    link.run(10s);
    link.forget();
    link.query_v2(1, 1s);
    EXPECT_EQ(link.after(1s), texts{"is_include 1 {5}"});
}

TEST_P(group_versions, change_of_the_version_cancels_what_is_pending) // RFC 3376 §7.2.1, RFC 3810 §8.2.1
{
    link.join(1);
    link.join(2);
    link.run(10s);
    link.forget();
    link.query(0, 1h);
    link.query(1, 1h, {7});
    link.leave(2);
    EXPECT_EQ(link.at_once(), texts{"to_include 2 {}"});
    link.query_v2(0, 1s);
    EXPECT_EQ(link.after(200s), texts{"report 1"});
    link.query_v2(0, 1s);
    link.run(timeout - 10s); // the next but one query will come too late
    link.query(0, 8'000s);
    link.run(10s); // version 3 again
    EXPECT_EQ(link.m.version(), group_protocol::v3);
    link.forget();
    EXPECT_EQ(link.after(3h), texts{});
}

TEST_P(group_versions, what_was_due_before_the_older_query_is_sent_in_the_newer_version)
{
    link.join(1);
    link.query_v2(0, 1s);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}"});
    EXPECT_EQ(link.after(10s), texts{"report 1"});
}

TEST_P(group_versions, link_that_comes_up_forgets_the_querier)
{
    link.join(1);
    older_querier();
    link.m.link_up(link.now);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}"});
}

// -- IGMPv2 and MLDv1 -----------------------------------------------------------------------------------------------------

TEST_P(group_versions, join_is_reported_at_once_and_again_within_10_s) // RFC 2236 §3, §8.10; RFC 2710 §4, §7.10
{
    older_querier();
    link.join(1);
    EXPECT_EQ(link.at_once(), texts{"report 1"});
    EXPECT_EQ(link.after(10s), texts{"report 1"});
    EXPECT_EQ(link.after(100s), texts{});
}

TEST_P(group_versions, reports_are_repeated_after_up_to_10_s)
{
    older_querier();
    for (unsigned g = 1; g <= 20; ++g) link.join(g);
    link.run(10s);
    EXPECT_EQ(link.times.size(), 40U);
    EXPECT_GT(link.times.back() - link.times.front(), 5s);
}

TEST_P(group_versions, reports_of_sources_that_were_pending_are_no_messages_of_an_older_version)
{
    link.robustness = 7;
    link.query(9, 1s);
    link.include(1, {5});
    EXPECT_EQ(link.at_once(), texts{"allow 1 {5}"});
    link.query_v2(0, 1s);
    EXPECT_EQ(link.after(20s), texts{"report 1"});
    link.leave(1);
    EXPECT_EQ(link.after(20s), texts{"leave 1"});
}

TEST_P(group_versions, sources_are_not_reported)
{
    older_querier();
    link.include(1, {1});
    link.run(10s);
    EXPECT_EQ(link.sent, (texts{"report 1", "report 1"}));
    link.forget();
    link.include(1, {1, 2});
    link.exclude(1, {2});
    EXPECT_EQ(link.after(10s), texts{});
    EXPECT_FALSE(link.m.accepts(link.group(1), link.source(2))); // but the filter is what it is
    link.query(1, 1s, {2});                                      // a query of version 3: only the group matters
    EXPECT_EQ(link.after(1s), texts{"report 1"});
}

TEST_P(group_versions, each_group_answers_at_its_own_time) // RFC 2236 §3, RFC 2710 §4
{
    for (unsigned g = 1; g <= 30; ++g) link.join(g);
    link.run(10s);
    link.forget();
    const time_point asked = link.now;
    link.query_v2(0, 5s);
    link.run(5s);
    EXPECT_EQ(link.sent.size(), 30U);
    const std::set<time_point> times(link.times.begin(), link.times.end());
    EXPECT_GT(times.size(), 20U);
    EXPECT_GT(*times.begin(), asked);
    link.forget();
    link.query_v2(7, 1s);
    EXPECT_EQ(link.after(1s), texts{"report 7"});
}

TEST_P(group_versions, query_sets_a_running_timer_anew_only_if_it_allows_less_time) // RFC 2236 §3, RFC 2710 §4
{
    link.join(1);
    older_querier();
    for (const auto& [first, second, expected] : {std::tuple(60s, 1s, 1s), {1s, 60s, 1s}}) {
        const time_point asked = link.now;
        link.query_v2(1, first);
        link.query_v2(1, second);
        link.run(100s);
        ASSERT_EQ(link.times.size(), 1U);
        EXPECT_LE(link.times[0] - asked, expected);
        link.forget();
    }
}

TEST_P(group_versions, leave_is_sent_once_to_all_routers_by_the_last_reporter) // RFC 2236 §3, RFC 2710 §4
{
    older_querier();
    link.join(1);
    link.run(10s);
    link.forget();
    link.leave(1);
    EXPECT_EQ(link.after(100s), texts{"leave 1"});
    EXPECT_FALSE(link.m.is_member(link.group(1)));
}

TEST_P(group_versions, leave_is_not_sent_if_another_host_has_reported_last)
{
    older_querier();
    link.join(1);
    link.run(10s);
    link.query_v2(1, 10s);
    link.report_of_another(1);
    link.forget();
    link.leave(1);
    EXPECT_EQ(link.after(100s), texts{});
}

TEST_P(group_versions, report_of_another_host_suppresses_ours) // RFC 2236 §3, RFC 2710 §4
{
    link.join(1);
    link.join(2);
    older_querier();
    link.query_v2(0, 10s);
    link.report_of_another(1);
    EXPECT_EQ(link.after(10s), texts{"report 2"});
    link.join(3);
    EXPECT_EQ(link.at_once(), texts{"report 3"});
    link.report_of_another(3); // also of what is repeated
    EXPECT_EQ(link.after(10s), texts{});
    link.query_v2(0, 10s); // the next query is answered again
    EXPECT_EQ(link.after(10s).size(), 3U);
}

TEST_P(group_versions, report_of_another_host_is_ignored_by_an_idle_member) // RFC 2236 §3: nothing was to be sent
{
    link.join(1);
    older_querier();
    link.query_v2(1, 1s);
    link.run(1s);
    link.report_of_another(1);
    link.report_of_another(9);
    link.forget();
    link.leave(1);
    EXPECT_EQ(link.at_once(), texts{"leave 1"});
}

TEST_P(group_versions, newer_version_is_not_suppressed) // RFC 3376 §7.2.2 (MAY), RFC 3810 §8.2.2
{
    link.join(1);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}"});
    link.report_of_another(1);
    EXPECT_EQ(link.after(10s), texts{"to_exclude 1 {}"});
    link.query(1, 1s);
    link.report_of_another(1);
    EXPECT_EQ(link.after(1s), texts{"is_exclude 1 {}"});
}

TEST_P(group_versions, join_and_leave_of_one_turn_say_nothing_in_an_older_version)
{
    older_querier();
    link.join(1);
    link.leave(1);
    EXPECT_EQ(link.after(100s), texts{});
    link.join(1);
    link.run(10s);
    link.forget();
    link.leave(1);
    link.join(1);
    EXPECT_EQ(link.at_once(), texts{"report 1"});
}

TEST_P(group_versions, all_groups_are_reported_one_by_one_within_the_time_of_a_query)
{
    for (unsigned g = 1; g <= group_membership::most_groups; ++g) link.join(g);
    older_querier();
    link.query_v2(0, 10s);
    link.run(10s);
    EXPECT_EQ(std::set<std::string>(link.sent.begin(), link.sent.end()).size(), group_membership::most_groups);
}

TEST_P(group_versions, flood_of_forged_queries_is_bounded_and_starves_no_group)
{
    for (unsigned g = 1; g <= group_membership::most_groups; ++g) link.join(g);
    older_querier();
    link.query_v2(0, 10s);
    for (unsigned ms = 0; ms < 21'000; ++ms) { // 10 s for the query, 10 s for a round of all groups
        for (unsigned g = 1; g < 10; ++g) link.query_v2(g + (ms * 9 + g) % 200, 10ms);
        link.run(1ms);
    }
    const std::set<std::string> groups(link.sent.begin(), link.sent.end());
    EXPECT_EQ(groups.size(), group_membership::most_groups);
    EXPECT_LT(link.sent.size(), 22U * 100 + 10);
}

// -- IGMPv1 ---------------------------------------------------------------------------------------------------------------

struct igmp_v1 : testing::Test
{
    group_link link{family::v4};
};

TEST_F(igmp_v1, hosts_report_and_do_not_leave) // RFC 1112 Appendix I, RFC 2236 §4
{
    link.query_v1();
    EXPECT_EQ(link.m.version(), group_protocol::v1);
    link.join(1);
    EXPECT_EQ(link.after(10s), (texts{"v1 report 1", "v1 report 1"}));
    link.query_v1();
    EXPECT_EQ(link.after(10s), texts{"v1 report 1"});
    link.leave(1);
    EXPECT_EQ(link.after(10s), texts{});
    EXPECT_FALSE(link.m.is_member(link.group(1)));
}

TEST_F(igmp_v1, querier_of_version_1_has_precedence_over_one_of_version_2) // RFC 3376 §7.2.1
{
    link.query_v1();
    link.run(100s);
    link.query_v2(0, 10s);
    EXPECT_EQ(link.m.version(), group_protocol::v1);
    link.run(160s); // 260 s after the query of version 1
    EXPECT_EQ(link.m.version(), group_protocol::v2);
    link.run(100s);
    EXPECT_EQ(link.m.version(), group_protocol::v3);
}

TEST_F(igmp_v1, report_of_another_host_suppresses_ours) // RFC 1112 Appendix I
{
    link.join(1);
    link.run(10s);
    link.forget();
    link.query_v1();
    link.report_of_another(1);
    EXPECT_EQ(link.after(10s), texts{});
}

} // namespace
} // namespace tapio::core::ip
