// Membership in groups with IGMPv3 and MLDv2: state-change reports (RFC 3376 §5.1, RFC 3810 §6.1), what is reported at all, the
// state of the link, and bounds. Answers to queries: group_queries_test.cpp. Older versions: group_versions_test.cpp.
#include "base/split_mix.hpp"
#include "unit/ip/group_link.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

namespace tapio::core::ip {
namespace {

constexpr auto in = filter_mode::include, ex = filter_mode::exclude;

struct group_membership_test : both_families
{
    /// Sets a state whose reports have all been sent.
    void establish(filter_mode mode, const numbers& sources)
    {
        link.set(1, 1, mode, sources);
        link.run(10s);
        link.forget();
    }
};
INSTANTIATE_TEST_SUITE_P(both, group_membership_test, testing::Values(family::v4, family::v6), family_name);

// -- state-change reports -----------------------------------------------------------------------------------------------

TEST_P(group_membership_test, join_is_reported_at_once_and_again_within_a_second) // §5.1, §8.1, §8.11; RFC 3810 §9.11
{
    link.join(1);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}"});
    EXPECT_EQ(link.after(1s), texts{"to_exclude 1 {}"});
    EXPECT_EQ(link.after(1h), texts{});
    ASSERT_EQ(link.times.size(), 2U);
    EXPECT_GT(link.times[1], link.times[0]);
}

TEST_P(group_membership_test, intervals_between_reports_are_random) // §5.1
{
    std::set<time_point> seconds;
    for (unsigned g = 1; g <= 20; ++g) link.join(g);
    link.run(1s);
    for (const time_point t : link.times) seconds.insert(t);
    EXPECT_GT(seconds.size(), 10U);
    for (const time_point t : seconds) EXPECT_EQ((t - time_point()) % 10ms, 0ns); // so that groups share reports
}

TEST_P(group_membership_test, leave_is_reported_twice_and_then_forgotten) // §5.1
{
    establish(ex, {});
    link.leave(1);
    EXPECT_FALSE(link.m.is_member(link.group(1)));
    EXPECT_EQ(link.after(1s), (texts{"to_include 1 {}", "to_include 1 {}"}));
    EXPECT_EQ(link.m.next_deadline(), never);
}

TEST_P(group_membership_test, joins_of_one_turn_share_a_report)
{
    for (unsigned g = 1; g <= 3; ++g) link.join(g);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}, to_exclude 2 {}, to_exclude 3 {}"});
}

struct transition
{
    filter_mode from;
    numbers before;
    filter_mode to;
    numbers after;
    std::string report; ///< empty: none
};
void PrintTo(const transition& t, std::ostream* out) { *out << t.report; }

struct group_transition : testing::TestWithParam<std::tuple<family, transition>>
{
};

TEST_P(group_transition, is_reported_by_the_table_of_the_rfc) // §5.1, RFC 3810 §6.1
{
    const auto& [f, t] = GetParam();
    group_link link(f);
    link.set(1, 1, t.from, t.before);
    link.run(10s);
    link.forget();
    link.set(1, 1, t.to, t.after);
    EXPECT_EQ(link.after(1s), t.report.empty() ? texts{} : (texts{t.report, t.report}));
}

INSTANTIATE_TEST_SUITE_P(
    rfc_3376, group_transition,
    testing::Combine(testing::Values(family::v4, family::v6),
                     testing::Values(transition{in, {1, 2}, in, {2, 3}, "allow 1 {3}, block 1 {1}"},
                                     transition{in, {1, 2}, in, {1, 2, 3}, "allow 1 {3}"},
                                     transition{in, {1, 2}, in, {2}, "block 1 {1}"}, transition{in, {}, in, {1}, "allow 1 {1}"},
                                     transition{in, {1}, in, {}, "block 1 {1}"},
                                     transition{ex, {1, 2}, ex, {2, 3}, "allow 1 {1}, block 1 {3}"},
                                     transition{ex, {}, ex, {3}, "block 1 {3}"}, transition{ex, {3}, ex, {}, "allow 1 {3}"},
                                     transition{in, {1, 2}, ex, {2, 3}, "to_exclude 1 {2 3}"},
                                     transition{ex, {1, 2}, in, {2, 3}, "to_include 1 {2 3}"},
                                     transition{ex, {1, 2}, in, {}, "to_include 1 {}"}, transition{ex, {1}, ex, {1}, ""},
                                     transition{in, {1, 2}, in, {2, 1}, ""})));

TEST_P(group_membership_test, change_before_the_repetition_is_merged_with_it) // §5.1
{
    link.include(1, {1});
    EXPECT_EQ(link.at_once(), texts{"allow 1 {1}"});
    link.include(1, {1, 2});
    EXPECT_EQ(link.at_once(), texts{"allow 1 {1 2}"}); // source 1 has now been reported twice
    EXPECT_EQ(link.after(2s), texts{"allow 1 {2}"});
}

TEST_P(group_membership_test, source_that_returns_is_reported_by_what_it_is_now) // §5.1
{
    establish(in, {1, 2});
    link.include(1, {2});
    EXPECT_EQ(link.at_once(), texts{"block 1 {1}"});
    link.include(1, {1, 2});
    EXPECT_EQ(link.after(2s), (texts{"allow 1 {1}", "allow 1 {1}"}));
}

TEST_P(group_membership_test, sources_are_reported_after_the_mode_has_been_reported_twice) // §5.1
{
    establish(in, {2});
    link.exclude(1, {1});
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {1}"});
    link.exclude(1, {1, 3});
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {1 3}"}); // the second of the mode, the first of source 3
    EXPECT_EQ(link.after(2s), texts{"block 1 {3}"});
}

TEST_P(group_membership_test, mode_that_changes_back_is_reported_twice_anew) // §5.1
{
    link.join(1);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}"});
    link.leave(1);
    EXPECT_EQ(link.at_once(), texts{"to_include 1 {}"});
    link.join(1);
    EXPECT_EQ(link.after(2s), (texts{"to_exclude 1 {}", "to_exclude 1 {}"}));
}

TEST_P(group_membership_test, too_many_changed_sources_are_reported_as_the_whole_state)
{
    for (unsigned n = 0; n <= state_change::most_sources; ++n) link.include(1, {n});
    const auto last = std::to_string(state_change::most_sources);
    EXPECT_EQ(link.after(2s), (texts{"to_include 1 {" + last + "}", "to_include 1 {" + last + "}"}));
}

TEST_P(group_membership_test, robustness_of_the_querier_is_the_number_of_reports) // §4.1.6, §8.1; as Linux does
{
    for (const auto& [told, reports] : {std::pair(4, 4U), {0, 2U}, {7, 7U}, {1, 2U}}) { // §8.1: 1 SHOULD NOT be used
        link.robustness = static_cast<std::uint8_t>(told);
        link.query(9, 1s);
        link.join(1);
        EXPECT_EQ(link.after(10s).size(), reports) << told;
        link.leave(1);
        EXPECT_EQ(link.after(10s).size(), reports) << told;
    }
}

/// A router's state of group 1, with one host on the link (§6.4).
struct router
{
    filter_mode mode = in;
    std::set<unsigned> sources;

    void take(wire::group_record_type type, const std::set<unsigned>& listed)
    {
        using enum wire::group_record_type;
        if (type == to_include || type == to_exclude) {
            mode = type == to_include ? in : ex;
            sources = listed;
        } else if ((type == allow) == (mode == in)) {
            sources.insert(listed.begin(), listed.end());
        } else {
            std::erase_if(sources, [&](unsigned n) { return listed.contains(n); });
        }
    }
};

TEST_P(group_membership_test, router_knows_the_state_although_half_of_the_reports_are_lost) // what §5.1 is for
{
    constexpr unsigned sources = 8;
    router r;
    std::uint64_t state = 1;
    bool lost = false;
    link.on_message = [&] { lost = !lost && split_mix(state) % 3 != 0; }; // robustness 2: of two in a row one arrives
    link.on_record = [&](const wire::group_record& record) {
        std::set<unsigned> listed;
        for (unsigned n = 0; n < sources; ++n)
            for (std::size_t i = 0; i < record.sources.size(); ++i)
                if (record.sources[i] == link.source(n)) listed.insert(n);
        if (!lost) r.take(record.type, listed);
    };
    for (unsigned story = 0; story < 3000; ++story) {
        for (std::uint64_t changes = 1 + split_mix(state) % 6; changes > 0; --changes) {
            const std::uint64_t what = split_mix(state);
            numbers some;
            for (unsigned n = 0; n < sources; ++n)
                if ((what >> (16 + 2 * n) & 3) == 0) some.push_back(n);
            link.set(what % 3, 1, (what >> 8) % 3 == 0 ? ex : in, some);
            link.run(std::chrono::milliseconds((what >> 40) % 3 == 0 ? 0 : (what >> 48) % 700));
        }
        link.run(10s);
        const source_filter is = link.m.interface_filter(link.group(1));
        ASSERT_EQ(r.mode, is.mode) << story;
        ASSERT_EQ(link.sources({r.sources.begin(), r.sources.end()}), is.sources) << story;
    }
}

// -- what is reported ---------------------------------------------------------------------------------------------------

TEST_P(group_membership_test, only_the_merged_state_is_reported) // §3.2
{
    link.set(1, 1, ex, {1, 2});
    EXPECT_EQ(link.after(2s), (texts{"to_exclude 1 {1 2}", "to_exclude 1 {1 2}"}));
    link.set(2, 1, ex, {1, 2, 3}); // changes nothing
    link.set(3, 1, in, {3});
    EXPECT_EQ(link.after(2s), texts{});
    link.set(3, 1, in, {2});
    EXPECT_EQ(link.after(2s), (texts{"allow 1 {2}", "allow 1 {2}"}));
    link.set(1, 1, in, {});
    EXPECT_EQ(link.after(2s), (texts{"block 1 {3}", "block 1 {3}"}));
    link.set(2, 1, in, {});
    EXPECT_EQ(link.after(2s), (texts{"to_include 1 {2}", "to_include 1 {2}"}));
}

TEST_P(group_membership_test, filters_of_sockets_and_of_the_interface_are_asked_apart)
{
    const address g = link.group(1);
    link.set(1, 1, in, {1});
    link.set(2, 1, ex, {1, 2});
    EXPECT_TRUE(link.m.accepts(g, link.source(1)));
    EXPECT_FALSE(link.m.accepts(g, link.source(2)));
    EXPECT_TRUE(link.m.accepts(1, g, link.source(1)));
    EXPECT_FALSE(link.m.accepts(1, g, link.source(3)));
    EXPECT_FALSE(link.m.accepts(2, g, link.source(1)));
    EXPECT_TRUE(link.m.accepts(2, g, link.source(3)));
    EXPECT_FALSE(link.m.accepts(3, g, link.source(1))); // no member
    EXPECT_FALSE(link.m.accepts(link.group(2), link.source(1)));
    EXPECT_EQ(link.m.filter_of(3, g), nullptr);
    EXPECT_EQ(*link.m.filter_of(1, g), make_filter(in, link.sources({1})));
}

struct special_group : testing::TestWithParam<std::tuple<const char*, bool, bool>> ///< group, heard always, reported
{
};

TEST_P(special_group, is_heard_and_reported_as_the_rfc_says) // RFC 3376 §5, RFC 3810 §6
{
    const auto [text, heard, reported] = GetParam();
    const address g = boost::asio::ip::make_address(text);
    group_link link(family_of(g));
    EXPECT_EQ(link.m.accepts(g, link.source(1)), heard);
    EXPECT_FALSE(link.m.is_member(g));
    link.m.set_filter(1, g, in, link.sources({2}), link.now);
    EXPECT_TRUE(link.m.is_member(g));
    EXPECT_EQ(link.m.accepts(g, link.source(1)), heard);
    EXPECT_FALSE(link.m.accepts(1, g, link.source(1)));
    link.run(2s);
    link.query(0, 1s);
    link.run(2s);
    link.m.link_up(link.now);
    link.run(2s);
    link.query(0, 1s, {}, wire::group_protocol::v2);
    link.run(2s);
    link.m.set_filter(1, g, in, {}, link.now);
    EXPECT_EQ(link.after(2s).size(), reported ? 7U : 0U);
    EXPECT_FALSE(link.m.is_member(g));
}

INSTANTIATE_TEST_SUITE_P(both, special_group,
                         testing::Values(std::tuple("224.0.0.1", true, false), std::tuple("224.0.0.5", false, true),
                                         std::tuple("ff02::1", true, false), std::tuple("ff01::1", true, false),
                                         std::tuple("ff01::5", false, false), std::tuple("ff11::1", false, false),
                                         std::tuple("ff00::5", false, false), std::tuple("ff02::fb", false, true),
                                         std::tuple("ff12::1", false, true), std::tuple("ff02::1:ff00:1", false, true)));

TEST(group_membership, zone_of_an_address_does_not_matter)
{
    group_link link(family::v6);
    const address bare = boost::asio::ip::make_address("ff02::fb"), source = boost::asio::ip::make_address("fe80::1");
    const auto zoned = [](const address& a) { return address(address_v6(a.to_v6().to_bytes(), 3)); };
    const address some[] = {zoned(source)};
    link.m.set_filter(1, zoned(bare), in, some, link.now);
    EXPECT_TRUE(link.m.accepts(bare, source));
    EXPECT_TRUE(link.m.accepts(1, zoned(bare), zoned(source)));
    link.m.set_filter(1, bare, in, {}, link.now);
    EXPECT_FALSE(link.m.is_member(zoned(bare)));
}

// -- the link -----------------------------------------------------------------------------------------------------------

TEST_P(group_membership_test, link_that_comes_up_reports_everything_anew)
{
    link.join(1);
    link.include(2, {7});
    link.run(10s);
    link.forget();
    link.m.link_up(link.now);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 1 {}, to_include 2 {7}"});
    EXPECT_FALSE(link.after(1s).empty());
    EXPECT_EQ(link.after(1h), texts{});
}

TEST_P(group_membership_test, link_that_is_down_is_silent_and_filters_still_change)
{
    establish(ex, {});
    link.query(0, 1s);
    link.m.link_down();
    link.leave(1);
    link.join(2);
    link.query(0, 1s);
    link.report_of_another(2);
    link.m.report_all(link.now);
    EXPECT_EQ(link.m.next_deadline(), never);
    EXPECT_EQ(link.after(10s), texts{});
    EXPECT_TRUE(link.m.accepts(link.group(2), link.source(1)));
    EXPECT_FALSE(link.m.is_member(link.group(1)));
    link.m.link_up(link.now);
    EXPECT_EQ(link.at_once(), texts{"to_exclude 2 {}"});
}

TEST_P(group_membership_test, report_all_repeats_what_a_router_could_not_accept) // RFC 3590 §4
{
    establish(ex, {3});
    link.m.report_all(link.now);
    EXPECT_EQ(link.after(2s), (texts{"to_exclude 1 {3}", "to_exclude 1 {3}"}));
}

// -- bounds -------------------------------------------------------------------------------------------------------------

TEST_P(group_membership_test, reports_keep_to_the_mtu) // §4.2.16, RFC 3810 §5.2.15; each message is checked by group_link
{
    numbers many(200);
    for (unsigned n = 0; n < many.size(); ++n) many[n] = n;
    link.m.set_mtu(0); // counts as the least that the family allows
    std::map<wire::group_record_type, std::size_t> sources;
    link.on_record = [&](const wire::group_record& r) { sources[r.type] += r.sources.size(); };
    link.include(1, many);
    EXPECT_GT(link.at_once().size(), 2U);
    EXPECT_EQ(sources[wire::group_record_type::allow], 200U);
    link.exclude(1, many);
    EXPECT_EQ(link.at_once().size(), 1U); // as many as fit
    EXPECT_EQ(sources[wire::group_record_type::to_exclude], GetParam() == family::v4 ? 7U : 75U);
    for (unsigned g = 2; g < 200; ++g) link.join(g);
    EXPECT_GT(link.at_once().size(), 2U);
}

TEST_P(group_membership_test, groups_are_bounded)
{
    for (unsigned g = 1; g <= group_membership::most_groups; ++g) ASSERT_FALSE(link.join(g));
    EXPECT_EQ(link.join(5000), errno_code(ENOBUFS));
    EXPECT_FALSE(link.m.is_member(link.group(5000)));
    EXPECT_FALSE(link.leave(5001)); // of a group that is none
    EXPECT_FALSE(link.set(2, 1, ex));
    link.leave(7);
    EXPECT_FALSE(link.join(5000)); // although the leaving has not been reported yet
    EXPECT_EQ(link.join(7), errno_code(ENOBUFS));
}

TEST_P(group_membership_test, sources_of_all_filters_together_are_bounded)
{
    numbers many(group_membership::most_sources / 4);
    for (unsigned n = 0; n < many.size(); ++n) many[n] = n;
    for (subscriber_id who = 1; who <= 4; ++who) ASSERT_FALSE(link.set(who, 1, in, many));
    EXPECT_EQ(link.set(5, 2, in, {1}), errno_code(ENOBUFS));
    EXPECT_FALSE(link.m.is_member(link.group(2)));
    EXPECT_FALSE(link.set(5, 2, ex));
    many.pop_back();
    EXPECT_FALSE(link.set(1, 1, ex, many));
    EXPECT_FALSE(link.set(5, 2, in, {1}));
    EXPECT_EQ(link.set(5, 2, in, {1, 2}), errno_code(ENOBUFS));
    EXPECT_EQ(*link.m.filter_of(5, link.group(2)), make_filter(in, link.sources({1}))); // as before
    for (subscriber_id who = 1; who <= 5; ++who) EXPECT_FALSE(link.set(who, who < 5 ? 1 : 2, in));
    EXPECT_FALSE(link.set(1, 1, in, many));
}

TEST_P(group_membership_test, messages_that_nobody_takes_are_bounded)
{
    for (unsigned i = 0; i < 3 * group_membership::most_messages; ++i) {
        i % 2 == 0 ? link.join(1) : link.leave(1);
        link.m.advance(link.now);
    }
    std::size_t waiting = 0;
    for (; link.m.has_message(); ++waiting) link.m.take_message();
    EXPECT_EQ(waiting, group_membership::most_messages);
}

} // namespace
} // namespace tapio::core::ip
