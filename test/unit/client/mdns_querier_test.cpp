// Lookups by multicast: questions, answers, the cache, and what hostile stations make of them.
#include "mdns_world.hpp"

namespace tapio::core::client::mdns::mdns_querier_test {
namespace {

struct mdns_querier : testing::Test, world
{
    host& me = add({"192.0.2.1"});
    const endpoint other{ip_of("192.0.2.2"), wire::mdns_port};

    std::vector<std::string> questions()
    {
        std::vector<std::string> out;
        for (const sent& s : take())
            for (const auto& q : s.message.questions)
                out.push_back(std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(s.at - began).count()) + ' ' +
                              q.name.to_string() + (q.unicast ? " QU" : " QM"));
        return out;
    }
    void answer(std::vector<wire::mdns_record> records) { receive(me, response(std::move(records)), other); }

    const time_point began = now;
};

using strings = std::vector<std::string>;

TEST_F(mdns_querier, asks_again_after_1_2_and_4_seconds_first_for_unicast)
{
    const auto l = me.look_up("a.local", {record_type::a}, 10s);
    pass(20s);
    EXPECT_EQ(questions(), (strings{"0 a.local QU", "1000 a.local QM", "3000 a.local QM", "7000 a.local QM"}));
    EXPECT_EQ(me.found(l), "no name");
    EXPECT_EQ(me.ended[l] - began, 10s);
    EXPECT_EQ(me.querier.questions(), 0U);
    EXPECT_EQ(me.querier.next_deadline(), never);
}

TEST_F(mdns_querier, an_answer_ends_the_lookup_and_is_remembered_for_its_ttl)
{
    const auto l = me.look_up("a.local");
    answer({a_record("a.local", "192.0.2.2", 10)});
    EXPECT_EQ(me.found(l), "a.local A 192.0.2.2");
    EXPECT_TRUE(me.results[l].answers[0].authoritative);
    (void)take();
    pass(9s);
    const auto again = me.look_up("A.LOCAL");
    EXPECT_EQ(me.found(again), "a.local A 192.0.2.2");
    EXPECT_TRUE(me.results[again].answers[0].from_cache);
    EXPECT_EQ(me.results[again].answers[0].records[0].ttl, 1U);
    EXPECT_TRUE(take().empty()) << "nothing was asked";
    pass(2s);
    (void)me.look_up("a.local");
    EXPECT_EQ(take().size(), 1U) << "it has expired";
}

TEST_F(mdns_querier, both_families_are_asked_in_one_message_and_what_comes_late_is_not_waited_for)
{
    const auto l = me.look_up("a.local", {record_type::a, record_type::aaaa});
    const auto all = take();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].message.questions.size(), 2U);
    answer({a_record("a.local", "192.0.2.2")});
    EXPECT_EQ(me.found(l), "nothing yet");
    pass(499ms);
    EXPECT_EQ(me.found(l), "nothing yet");
    pass(1ms);
    EXPECT_EQ(me.found(l), "a.local A 192.0.2.2");
    const auto both = me.look_up("b.local", {record_type::a, record_type::aaaa});
    answer({a_record("b.local", "192.0.2.2"), aaaa_record("b.local", "2001:db8::2")});
    EXPECT_EQ(me.found(both), "b.local A 192.0.2.2, b.local AAAA 2001:db8::2");
}

TEST_F(mdns_querier, nsec_says_that_there_is_no_such_record)
{
    const wire::mdns_record only_v4{{n("a.local"), record_type::nsec, 120, wire::make_nsec(n("a.local"), {record_type::a})},
                                    true};
    const auto l = me.look_up("a.local", {record_type::a, record_type::aaaa});
    answer({a_record("a.local", "192.0.2.2"), only_v4});
    EXPECT_EQ(me.found(l), "a.local A 192.0.2.2") << "without waiting for the other family";
    const auto missing = me.look_up("a.local", {record_type::aaaa});
    EXPECT_EQ(me.found(missing), "no data");
}

TEST_F(mdns_querier, shared_records_are_collected_and_known_ones_are_told)
{
    const auto l = me.look_up("_http._tcp.local", {record_type::ptr});
    pass(100ms);
    answer({ptr_record("_http._tcp.local", "one._http._tcp.local")});
    pass(300ms);
    answer({ptr_record("_http._tcp.local", "two._http._tcp.local")});
    pass(300ms);
    EXPECT_EQ(me.found(l), "_http._tcp.local PTR one._http._tcp.local, _http._tcp.local PTR two._http._tcp.local");
    (void)take();
    const auto again = me.look_up("_http._tcp.local", {record_type::ptr});
    const auto all = take();
    ASSERT_EQ(all.size(), 1U) << "there may be more by now";
    EXPECT_EQ(text_of(all[0].message.answers),
              "_http._tcp.local PTR one._http._tcp.local, _http._tcp.local PTR two._http._tcp.local");
    pass(600ms);
    EXPECT_EQ(me.results[again].answers[0].records.size(), 2U);
    pass(2250s);
    (void)take();
    (void)me.look_up("_http._tcp.local", {record_type::ptr});
    EXPECT_TRUE(take()[0].message.answers.empty()) << "half of their TTL is over (RFC 6762 §7.1)";
}

TEST_F(mdns_querier, known_answers_that_do_not_fit_follow_in_messages_without_questions)
{
    for (int i = 0; i < 120; ++i)
        answer(
            {ptr_record("_http._tcp.local", "a-service-with-a-name-of-some-length-" + std::to_string(i) + "._http._tcp.local")});
    (void)me.look_up("_http._tcp.local", {record_type::ptr});
    const auto all = take();
    ASSERT_GT(all.size(), 2U);
    std::size_t told = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].message.questions.size(), i == 0 ? 1U : 0U);
        EXPECT_EQ(all[i].message.truncated, i + 1 < all.size()) << "TC: more follow (RFC 6762 §7.2)";
        EXPECT_LE(all[i].size, mdns_payload);
        told += all[i].message.answers.size();
    }
    EXPECT_EQ(told, 120U);
}

TEST_F(mdns_querier, a_goodbye_ends_a_record_after_a_second)
{
    answer({a_record("a.local", "192.0.2.2")});
    answer({a_record("a.local", "192.0.2.2", 0)});
    pass(900ms);
    EXPECT_EQ(me.found(me.look_up("a.local")), "a.local A 192.0.2.2");
    pass(200ms);
    EXPECT_EQ(me.found(me.look_up("a.local")), "nothing yet");
    answer({a_record("b.local", "192.0.2.3", 0)});
    EXPECT_EQ(me.querier.cache().size(), 0U) << "what was not known cannot be taken back";
}

TEST_F(mdns_querier, a_record_that_others_ask_for_twice_in_vain_ends_after_ten_seconds)
{
    const auto another_asks = [&](bool unicast = false, const char* known = nullptr) {
        auto q = query("a.local", record_type::a, unicast);
        if (known != nullptr) q.answers.push_back(a_record("a.local", known));
        receive(me, q, other);
        pass(2s);
    };
    const auto is_known = [&](const char* address) {
        (void)take();
        const auto l = me.look_up("a.local", {record_type::a}, 10ms);
        pass(20ms);
        return me.found(l) == std::string("a.local A ") + address;
    };
    const auto begin = [&](const char* address) {
        answer({a_record("a.local", address, 4000)});
        pass(2s);
    };
    begin("192.0.2.2");
    another_asks();
    pass(1min);
    EXPECT_TRUE(is_known("192.0.2.2")) << "asked for once";
    another_asks();
    pass(7s);
    EXPECT_TRUE(is_known("192.0.2.2")) << "the answer may still come";
    pass(2s);
    EXPECT_FALSE(is_known("192.0.2.2"));

    begin("192.0.2.3");
    another_asks();
    begin("192.0.2.3");
    another_asks();
    pass(20s);
    EXPECT_TRUE(is_known("192.0.2.3")) << "answered in between";
    another_asks();
    begin("192.0.2.3");
    pass(20s);
    EXPECT_TRUE(is_known("192.0.2.3")) << "answered late";
    for (int i = 0; i < 5; ++i) another_asks(true);
    pass(20s);
    EXPECT_TRUE(is_known("192.0.2.3")) << "answered by unicast, perhaps";
    for (int i = 0; i < 5; ++i) another_asks(false, "192.0.2.3");
    pass(20s);
    EXPECT_TRUE(is_known("192.0.2.3")) << "the others knew it";
    another_asks(false, "192.0.2.4");
    another_asks(false, "192.0.2.4");
    pass(20s);
    EXPECT_FALSE(is_known("192.0.2.3")) << "they knew something else";

    answer({a_record("a.local", "192.0.2.5", 4000)});
    for (int i = 0; i < 5; ++i) receive(me, query("a.local", record_type::a), other);
    pass(20s);
    EXPECT_TRUE(is_known("192.0.2.5")) << "nobody repeats it within a second";
}

TEST_F(mdns_querier, the_flush_bit_replaces_what_is_older_than_a_second)
{
    answer({a_record("a.local", "192.0.2.2")});
    pass(500ms);
    answer({a_record("a.local", "192.0.2.3")}); // the same announcement, by another message
    pass(2s);
    auto l = me.look_up("a.local");
    EXPECT_EQ(me.results[l].answers[0].records.size(), 2U);
    answer({a_record("a.local", "192.0.2.4")});
    pass(1100ms);
    l = me.look_up("a.local");
    EXPECT_EQ(me.found(l), "a.local A 192.0.2.4");
    answer({a_record("a.local", "192.0.2.5", 120, false)});
    pass(2s);
    l = me.look_up("a.local");
    EXPECT_EQ(me.results[l].answers[0].records.size(), 2U) << "without the bit nothing is replaced";
}

TEST_F(mdns_querier, a_question_of_another_host_is_not_repeated)
{
    (void)me.look_up("a.local");
    pass(500ms);
    receive(me, query("a.local", record_type::a), other);
    pass(1s);
    EXPECT_EQ(questions(), (strings{"0 a.local QU"}));
    pass(2s);
    EXPECT_EQ(questions(), (strings{"3000 a.local QM"}));
    auto with_known = query("a.local", record_type::a);
    with_known.answers = {a_record("a.local", "192.0.2.9")};
    const auto l = me.look_up("b.local", {record_type::a}, 10s);
    auto unicast = query("b.local", record_type::a, true);
    receive(me, unicast, other);
    receive(me, with_known, other);
    (void)take();
    pass(1s);
    EXPECT_EQ(questions().size(), 1U) << "QU: the answer may not be heard here";
    EXPECT_EQ(me.querier.cache().size(), 0U) << "known answers are not cached (RFC 6762 §7.1)";
    me.querier.cancel(l);
}

TEST_F(mdns_querier, lookups_share_a_question_and_may_be_cancelled)
{
    const auto one = me.look_up("a.local"), two = me.look_up("a.local");
    EXPECT_EQ(take().size(), 1U);
    me.querier.cancel(one);
    answer({a_record("a.local", "192.0.2.2")});
    EXPECT_FALSE(me.results.contains(one));
    EXPECT_EQ(me.found(two), "a.local A 192.0.2.2");
    const auto three = me.look_up("b.local");
    me.querier.cancel(three);
    EXPECT_EQ(me.querier.questions(), 0U);
}

TEST_F(mdns_querier, link_local_addresses_have_the_zone_of_their_link)
{
    const auto l = me.look_up("a.local", {record_type::aaaa});
    answer({aaaa_record("a.local", "fe80::2")});
    EXPECT_EQ(me.found(l), "a.local AAAA fe80::2%2");
}

TEST_F(mdns_querier, links_are_asked_and_remembered_by_themselves)
{
    host& router = add({"192.0.2.9"}, {2, 3});
    (void)router.look_up("a.local");
    EXPECT_EQ(take().size(), 2U) << "one for each link";
    router.querier.receive(3, response({a_record("a.local", "192.0.2.3")}), now);
    settle();
    router.querier.set_links({2}, now);
    const auto l = router.look_up("a.local");
    EXPECT_EQ(router.found(l), "nothing yet") << "what was heard on a link that is gone is forgotten";
    router.querier.receive(3, response({a_record("a.local", "192.0.2.3")}), now);
    settle();
    EXPECT_EQ(router.found(l), "nothing yet");
    router.querier.set_links({}, now);
    const auto nowhere = router.look_up("b.local");
    EXPECT_EQ(router.found(nowhere), "no name") << "there is nobody to ask";
    EXPECT_FALSE(router.results[nowhere].asked);
}

TEST_F(mdns_querier, a_link_that_comes_up_is_asked_what_is_still_open)
{
    (void)me.look_up("a.local", {record_type::a}, 10s);
    pass(1500ms);
    (void)take();
    me.querier.set_links({2, 3}, now);
    pass(0s);
    EXPECT_EQ(questions(), (strings{"1500 a.local QU", "1500 a.local QU"}));
}

TEST_F(mdns_querier, a_flood_of_records_does_not_grow_the_cache_nor_hide_an_answer)
{
    const auto l = me.look_up("a.local", {record_type::a, record_type::aaaa});
    answer({a_record("a.local", "192.0.2.2")});
    for (unsigned i = 0; i < 100; ++i) {
        std::vector<wire::mdns_record> many;
        for (unsigned k = 0; k < 100; ++k) many.push_back(a_record("x" + std::to_string(i * 100 + k) + ".local", "192.0.2.66"));
        answer(std::move(many));
        (void)me.look_up("a.local"); // it is in use
    }
    EXPECT_LE(me.querier.cache().size(), mdns_cache::default_records);
    EXPECT_LE(me.querier.cache().octets(), mdns_cache::default_octets);
    pass(600ms);
    EXPECT_EQ(me.found(l), "a.local A 192.0.2.2");
    for (unsigned i = 0; i < 1000; ++i) answer({ptr_record("_x._tcp.local", "s" + std::to_string(i) + "._x._tcp.local")});
    const auto set = me.look_up("_x._tcp.local", {record_type::ptr});
    pass(1s);
    EXPECT_EQ(me.results[set].answers[0].records.size(), mdns_cache::most_of_set);
}

TEST_F(mdns_querier, more_lookups_than_the_bound_are_refused)
{
    for (std::size_t i = 0; i < client::mdns_querier::most_lookups; ++i) (void)me.look_up("n" + std::to_string(i) + ".local");
    const auto l = me.look_up("one-more.local");
    EXPECT_EQ(me.results[l].what, outcome::refused);
    for (const sent& s : take()) EXPECT_LE(s.size, mdns_payload);
    pass(1s); // all again, in few messages
    std::size_t asked = 0;
    for (const sent& s : take()) {
        EXPECT_LE(s.size, mdns_payload);
        EXPECT_LE(s.message.questions.size(), wire::most_mdns_questions);
        asked += s.message.questions.size();
    }
    EXPECT_EQ(asked, client::mdns_querier::most_lookups);
}

TEST(mdns_cache, makes_room_by_octets)
{
    mdns_cache c(1000, 10'000);
    for (unsigned i = 0; i < 100; ++i) {
        const std::string owner = "t" + std::to_string(i) + ".local";
        c.add(2, {{n(owner), record_type::txt, 60, dns::text_strings{std::string(250, 'x')}}, false}, time_point{1h});
    }
    EXPECT_LE(c.octets(), 10'000U);
    EXPECT_GT(c.size(), 3U);
    EXPECT_TRUE(c.find(n("t0.local"), record_type::txt, std::nullopt, time_point{1h}).empty());
    EXPECT_EQ(c.find(n("t99.local"), record_type::any, std::nullopt, time_point{1h}).size(), 1U);
    c.clear();
    EXPECT_EQ(c.octets(), 0U);
}

} // namespace
} // namespace tapio::core::client::mdns::mdns_querier_test
