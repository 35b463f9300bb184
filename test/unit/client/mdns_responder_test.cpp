// A host's names: probing, announcing, answering, conflicts, goodbyes.
#include "mdns_world.hpp"

namespace tapio::core::client::mdns::mdns_responder_test {
namespace {

using strings = std::vector<std::string>;

struct mdns_responder : testing::Test, world
{
    host& me = add({"192.0.2.1", "2001:db8::1"});
    const endpoint other{ip_of("192.0.2.2"), wire::mdns_port}, legacy{ip_of("192.0.2.2"), 40000};

    static mdns_service web(std::string instance = "Front desk") { return {std::move(instance), "_http._tcp", 80, {"path=/"}}; }
    /// Publishes, and waits until nothing remembers that it was announced a moment ago.
    void publish(const std::string& name, std::vector<mdns_service> services = {})
    {
        me.publish(name, std::move(services));
        pass(10min);
        ASSERT_TRUE(me.responder.is_published());
        (void)take();
    }
    void ask(const wire::mdns_message& m) { receive(me, m, other); }
    std::string name() const { return me.responder.name().to_string(); }
};

TEST_F(mdns_responder, probes_three_times_and_announces_twice)
{
    me.publish("printer");
    pass(10s);
    const auto all = take();
    ASSERT_EQ(all.size(), 5U);
    EXPECT_LE(all[0].at - time_point(1h), 250ms);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_FALSE(all[i].message.response);
        EXPECT_EQ(all[i].message.questions, (std::vector<wire::mdns_question>{{n("printer.local"), record_type::any, true}}));
        EXPECT_EQ(text_of(all[i].message.authorities), "printer.local A 192.0.2.1, printer.local AAAA 2001:db8::1");
        EXPECT_EQ(all[i].at - all[0].at, i * 250ms);
    }
    for (std::size_t i = 3; i < 5; ++i) {
        EXPECT_TRUE(all[i].message.response && all[i].message.questions.empty());
        EXPECT_EQ(text_of(all[i].message.answers),
                  "printer.local A 192.0.2.1!, 1.2.0.192.in-addr.arpa PTR printer.local!, printer.local AAAA 2001:db8::1!, "
                  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR printer.local!");
    }
    EXPECT_EQ(all[3].at - all[0].at, 750ms);
    EXPECT_EQ(all[4].at - all[3].at, 1s);
    EXPECT_TRUE(me.responder.is_published());
    EXPECT_EQ(me.responder.next_deadline(), never);
}

TEST_F(mdns_responder, says_nothing_while_it_probes)
{
    me.publish("printer");
    pass(600ms);
    (void)take();
    ask(query("printer.local", record_type::a));
    EXPECT_TRUE(take_answers().empty());
    EXPECT_TRUE(me.responder.own(n("printer.local"), record_type::a).empty());
}

TEST_F(mdns_responder, answers_at_once_for_what_is_its_own)
{
    publish("printer");
    ask(query("PRINTER.local", record_type::a));
    const auto all = take();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_FALSE(all[0].to);
    EXPECT_EQ(all[0].message.id, 0U);
    EXPECT_TRUE(all[0].message.questions.empty());
    EXPECT_EQ(text_of(all[0].message.answers), "printer.local A 192.0.2.1!");
    EXPECT_EQ(text_of(all[0].message.additionals), "printer.local AAAA 2001:db8::1!, printer.local NSEC!");
    pass(2s);
    ask(query("1.2.0.192.in-addr.arpa", record_type::ptr));
    EXPECT_EQ(take_answers(), strings{"1.2.0.192.in-addr.arpa PTR printer.local!"});
    ask(query("other.local", record_type::a));
    ask(query("2.2.0.192.in-addr.arpa", record_type::ptr));
    EXPECT_TRUE(take().empty()) << "what it does not have is no business of its own";
}

TEST_F(mdns_responder, says_what_there_is_not)
{
    publish("printer");
    ask(query("printer.local", record_type::srv));
    const auto all = take();
    ASSERT_EQ(all.size(), 1U);
    ASSERT_EQ(text_of(all[0].message.answers), "printer.local NSEC!");
    const auto& types = std::get<dns::unknown_data>(all[0].message.answers[0].data);
    EXPECT_TRUE(wire::nsec_allows(types, record_type::a));
    EXPECT_TRUE(wire::nsec_allows(types, record_type::aaaa));
    EXPECT_FALSE(wire::nsec_allows(types, record_type::srv));
}

TEST_F(mdns_responder, repeats_a_record_after_a_second_at_the_earliest)
{
    publish("printer");
    for (int i = 0; i < 50; ++i) {
        ask(query("printer.local", record_type::a));
        pass(100ms);
    }
    EXPECT_EQ(take().size(), 5U);
    auto probe = query("printer.local", record_type::any, true);
    probe.authorities = {a_record("printer.local", "192.0.2.66")};
    pass(1min);
    for (int i = 0; i < 8; ++i) {
        ask(probe);
        pass(125ms);
    }
    EXPECT_EQ(take().size(), 8U) << "a probe is answered every 250 ms by multicast, and meanwhile to its sender";
}

TEST_F(mdns_responder, known_answers_are_left_out)
{
    publish("printer");
    auto m = query("printer.local", record_type::any);
    m.answers = {a_record("printer.local", "192.0.2.1", 60, false)};
    ask(m);
    EXPECT_EQ(take_answers(), strings{"printer.local AAAA 2001:db8::1!"});
    pass(2s);
    m.answers[0].ttl = 59; // less than half
    ask(m);
    EXPECT_EQ(take_answers(), strings{"printer.local A 192.0.2.1!, printer.local AAAA 2001:db8::1!"});
    pass(2s);
    m.answers = {a_record("printer.local", "192.0.2.77", 120, false)};
    ask(m);
    EXPECT_EQ(take_answers().size(), 1U) << "another address is no answer of ours";
}

TEST_F(mdns_responder, shared_records_wait_20_to_120_ms)
{
    publish("printer", {web()});
    std::vector<duration> waited;
    for (int i = 0; i < 30; ++i) {
        const time_point asked = now;
        ask(query("_http._tcp.local", record_type::ptr));
        EXPECT_TRUE(take().empty());
        pass(2s);
        const auto all = take();
        ASSERT_EQ(all.size(), 1U);
        waited.push_back(all[0].at - asked);
        EXPECT_EQ(text_of(all[0].message.answers), "_http._tcp.local PTR Front\\032desk._http._tcp.local");
        EXPECT_TRUE(
            text_of(all[0].message.additionals)
                .starts_with("Front\\032desk._http._tcp.local SRV printer.local:80!, Front\\032desk._http._tcp.local TXT!, "));
    }
    const auto [least, most] = std::minmax_element(waited.begin(), waited.end());
    EXPECT_GE(*least, 20ms);
    EXPECT_LE(*most, 120ms);
    EXPECT_GT(*most - *least, 50ms);
}

TEST_F(mdns_responder, what_another_host_has_just_said_is_not_said_again)
{
    publish("printer", {web()});
    ask(query("_services._dns-sd._udp.local", record_type::ptr));
    receive(me, response({ptr_record("_services._dns-sd._udp.local", "_http._tcp.local")}), other);
    pass(1s);
    EXPECT_TRUE(take().empty());
    ask(query("_services._dns-sd._udp.local", record_type::ptr));
    receive(me, response({ptr_record("_services._dns-sd._udp.local", "_http._tcp.local", 10)}), other);
    pass(1s);
    EXPECT_EQ(take().size(), 1U) << "it would not last as long";
}

TEST_F(mdns_responder, known_answers_may_come_in_several_messages)
{
    publish("printer", {web("one"), web("two"), web("three")});
    auto first = query("_http._tcp.local", record_type::ptr);
    first.truncated = true;
    const time_point asked = now;
    ask(first);
    wire::mdns_message more;
    more.answers = {ptr_record("_http._tcp.local", "two._http._tcp.local")};
    pass(50ms);
    ask(more);
    receive(me, more, {ip_of("192.0.2.7"), wire::mdns_port}); // somebody else's
    more.answers = {ptr_record("_http._tcp.local", "one._http._tcp.local")};
    receive(me, more, {ip_of("192.0.2.7"), wire::mdns_port});
    pass(1s);
    const auto all = take();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_GE(all[0].at - asked, 400ms);
    EXPECT_LE(all[0].at - asked, 500ms);
    EXPECT_EQ(text_of(all[0].message.answers),
              "_http._tcp.local PTR one._http._tcp.local, _http._tcp.local PTR three._http._tcp.local");
}

TEST_F(mdns_responder, a_question_that_wants_it_is_answered_to_its_sender_alone)
{
    publish("printer");
    ask(query("printer.local", record_type::a, true));
    EXPECT_EQ(take_answers(), strings{"printer.local A 192.0.2.1!"}) << "all have not heard it for a quarter of its TTL";
    pass(5s);
    ask(query("printer.local", record_type::a, true));
    const auto all = take();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].to, std::optional(other));
    EXPECT_TRUE(all[0].message.answers[0].flush);
    me.responder.receive_query({2, {ip_of("198.51.100.1"), wire::mdns_port}, false, true},
                               query("printer.local", record_type::a, true), now);
    EXPECT_EQ(take_answers(), strings{"printer.local A 192.0.2.1!"}) << "nothing leaves the link";
    pass(5s);
    me.responder.receive_query({2, {ip_of("198.51.100.1"), wire::mdns_port}, false, false},
                               query("printer.local", record_type::a, true), now);
    EXPECT_TRUE(take().empty()) << "asked by unicast from elsewhere (RFC 6762 §5.5)";
    receive(me, query("printer.local", record_type::a), other, false);
    EXPECT_EQ(take_answers(), strings{"alone: printer.local A 192.0.2.1!"});
}

TEST_F(mdns_responder, a_legacy_resolver_gets_what_dns_would_say)
{
    publish("printer", {web()});
    auto m = query("printer.local", record_type::a);
    m.id = 0x1234;
    receive(me, m, legacy);
    auto all = take();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].to, std::optional(legacy));
    EXPECT_EQ(all[0].message.id, 0x1234U);
    EXPECT_EQ(all[0].message.questions, m.questions);
    EXPECT_EQ(text_of(all[0].message.answers), "printer.local A 192.0.2.1") << "no flush bit (RFC 6762 §6.7)";
    EXPECT_EQ(all[0].message.answers[0].ttl, 10U);
    receive(me, query("_http._tcp.local", record_type::ptr), legacy);
    all = take();
    ASSERT_EQ(all.size(), 1U) << "at once: its user waits";
    me.responder.receive_query({2, {ip_of("198.51.100.1"), 40000}, false, true}, m, now);
    EXPECT_TRUE(take().empty());
    receive(me, query("unknown.local", record_type::a), legacy);
    EXPECT_TRUE(take().empty());
}

TEST_F(mdns_responder, services_can_be_found_by_their_types)
{
    publish("printer", {web(), {"", "_ipp._tcp", 631, {}}});
    ask(query("_services._dns-sd._udp.local", record_type::ptr));
    pass(2s);
    EXPECT_EQ(take_answers(), strings{"_services._dns-sd._udp.local PTR _http._tcp.local, "
                                      "_services._dns-sd._udp.local PTR _ipp._tcp.local"});
    ask(query("printer._ipp._tcp.local", record_type::any));
    const auto all = take();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(text_of(all[0].message.answers), "printer._ipp._tcp.local SRV printer.local:631!, printer._ipp._tcp.local TXT!");
    EXPECT_EQ(std::get<dns::text_strings>(all[0].message.answers[1].data), dns::text_strings{""}) << "RFC 6763 §6.1";
}

TEST_F(mdns_responder, what_is_no_query_is_not_answered)
{
    publish("printer");
    auto m = query("printer.local", record_type::a);
    m.opcode = 1;
    ask(m);
    m.opcode = 0;
    m.code = 3;
    ask(m);
    EXPECT_TRUE(take().empty());
}

TEST_F(mdns_responder, a_crowd_of_questions_waits_within_a_bound)
{
    publish("printer", {web()});
    auto m = query("_http._tcp.local", record_type::ptr);
    while (m.questions.size() < wire::most_mdns_questions) m.questions.push_back(m.questions.front());
    for (unsigned i = 0; i < 1000; ++i) ask(m);
    EXPECT_TRUE(take().empty());
    pass(2s);
    EXPECT_EQ(take().size(), 1U);
    m.answers.assign(700, ptr_record("_http._tcp.local", "another._http._tcp.local"));
    ask(m);
    pass(2s);
    EXPECT_EQ(take().size(), 1U) << "a long list of what is not ours suppresses nothing";
}

// -- conflicts --------------------------------------------------------------------------------------------------------------

TEST_F(mdns_responder, a_name_that_is_taken_is_changed)
{
    publish("printer");
    host& second = add({"192.0.2.2"});
    second.publish("printer");
    pass(10s);
    EXPECT_EQ(name(), "printer.local");
    EXPECT_EQ(second.responder.name().to_string(), "printer-2.local");
    EXPECT_EQ(second.responder.conflicts(), 1U);
    EXPECT_TRUE(second.responder.is_published());
    host& third = add({"192.0.2.3"});
    third.publish("printer");
    pass(10s);
    EXPECT_EQ(third.responder.name().to_string(), "printer-3.local");
}

TEST_F(mdns_responder, of_two_that_probe_at_once_the_later_data_wins)
{
    host& second = add({"192.0.2.2"}); // later than 192.0.2.1
    me.responder.set_addresses(2, {ip_of("192.0.2.1")}, now);
    me.publish("printer");
    second.publish("printer");
    pass(10s);
    EXPECT_EQ(second.responder.name().to_string(), "printer.local");
    EXPECT_EQ(second.responder.conflicts(), 0U);
    EXPECT_EQ(name(), "printer-2.local") << "it waited a second, and then it was taken";
}

TEST_F(mdns_responder, the_same_data_is_no_tie)
{
    host& mirror = add({"192.0.2.1", "2001:db8::1"});
    me.publish("printer");
    mirror.publish("printer");
    pass(10s);
    EXPECT_EQ(name(), "printer.local");
    EXPECT_EQ(mirror.responder.name().to_string(), "printer.local");
}

TEST_F(mdns_responder, two_networks_that_are_joined_decide_whose_the_name_is)
{
    host& second = add({"192.0.2.2"}, {3});
    publish("printer");
    second.publish("printer");
    pass(10s);
    EXPECT_EQ(second.responder.name().to_string(), "printer.local");
    second.links = {2};
    second.responder.set_addresses(3, {}, now);
    second.responder.set_addresses(2, second.addresses, now);
    pass(10s);
    EXPECT_EQ(name(), "printer.local");
    EXPECT_EQ(second.responder.name().to_string(), "printer-2.local");
}

TEST_F(mdns_responder, a_conflict_later_on_is_settled_by_probes)
{
    publish("printer");
    receive(me, response({a_record("printer.local", "192.0.2.66")}), other);
    EXPECT_FALSE(me.responder.is_published());
    ask(query("printer.local", record_type::a));
    pass(5s);
    EXPECT_EQ(name(), "printer.local") << "nobody has defended it";
    EXPECT_TRUE(me.responder.is_published());
    std::size_t probes = 0;
    for (const sent& s : take()) probes += s.message.authorities.empty() ? 0 : 1;
    EXPECT_EQ(probes, 3U);
    receive(me, response({aaaa_record("printer.local", "2001:db8::1")}), other);
    EXPECT_TRUE(me.responder.is_published()) << "the same data is no conflict";
    receive(me, response({a_record("printer.local", "192.0.2.66", 0)}), other);
    EXPECT_TRUE(me.responder.is_published()) << "a goodbye is none";
    receive(me, response({ptr_record("printer.local", "x.local")}), other);
    EXPECT_TRUE(me.responder.is_published()) << "another type is none";
}

TEST_F(mdns_responder, a_forger_with_many_names_costs_one_name_and_then_time)
{
    me.publish("printer");
    std::vector<wire::mdns_record> all{a_record("printer.local", "192.0.2.66")};
    for (int i = 2; i < 200; ++i) all.push_back(a_record("printer-" + std::to_string(i) + ".local", "192.0.2.66"));
    const auto forged = response(all);
    pass(300ms); // a probe is out
    receive(me, forged, other);
    EXPECT_EQ(name(), "printer-2.local");
    const time_point began = now;
    while (now - began < 100s) {
        pass(100ms);
        receive(me, forged, other);
    }
    EXPECT_GE(me.responder.conflicts(), 15U);
    EXPECT_LE(me.responder.conflicts(), 40U) << "after 15 in 10 s, one each 5 s (RFC 6762 §8.1)";
}

TEST_F(mdns_responder, a_service_is_renamed_by_itself)
{
    publish("printer", {web()});
    host& second = add({"192.0.2.2"});
    second.publish("scanner", {web()});
    pass(10s);
    EXPECT_EQ(second.responder.services()[0].to_string(), "Front\\032desk\\032(2)._http._tcp.local");
    EXPECT_EQ(second.responder.name().to_string(), "scanner.local");
    const auto l = me.look_up("_http._tcp.local", {record_type::ptr});
    pass(1s);
    EXPECT_EQ(me.found(l), "_http._tcp.local PTR Front\\032desk._http._tcp.local, "
                           "_http._tcp.local PTR Front\\032desk\\032(2)._http._tcp.local");
}

TEST_F(mdns_responder, when_the_host_is_renamed_its_services_are_announced_anew)
{
    host& second = add({"192.0.2.200"}, {3}); // its data is later than mine
    publish("printer", {web()});
    second.publish("printer");
    pass(10s);
    second.links = {2, 3};
    second.responder.set_addresses(2, second.addresses, now);
    // `me` is told of a conflict, probes, and loses: the other host probes at the same time.
    receive(me, response({a_record("printer.local", "192.0.2.200")}), other);
    pass(10s);
    EXPECT_EQ(name(), "printer-2.local");
    bool told = false;
    for (const auto& s : take_answers()) told = told || s.find("SRV printer-2.local:80!") != std::string::npos;
    EXPECT_TRUE(told);
}

TEST_F(mdns_responder, a_host_that_is_connected_to_a_link_twice_hears_itself_without_a_conflict)
{
    publish("printer");
    me.responder.set_addresses(3, {ip_of("192.0.2.9")}, now);
    receive(me, response({a_record("printer.local", "192.0.2.9")}), other);
    pass(5s);
    EXPECT_EQ(name(), "printer.local");
    EXPECT_EQ(me.responder.conflicts(), 0U);
}

// -- changes ----------------------------------------------------------------------------------------------------------------

TEST_F(mdns_responder, says_goodbye)
{
    publish("printer", {web()});
    me.responder.say_goodbye(now);
    const auto said = take_answers();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(said[0].substr(0, 60), "-printer.local A 192.0.2.1!, -1.2.0.192.in-addr.arpa PTR pri");
    EXPECT_NE(said[0].find("-_http._tcp.local PTR Front"), std::string::npos);
    ask(query("printer.local", record_type::a));
    pass(10s);
    EXPECT_TRUE(take().empty());
    EXPECT_EQ(me.responder.next_deadline(), never);
}

TEST_F(mdns_responder, leaves_a_link_and_comes_back)
{
    publish("printer", {web()});
    me.responder.leave(2, now);
    EXPECT_EQ(take_answers().size(), 1U);
    me.responder.leave(2, now);
    ask(query("printer.local", record_type::a));
    pass(10s);
    EXPECT_TRUE(take().empty());
    EXPECT_EQ(me.responder.next_deadline(), never);
    EXPECT_FALSE(me.responder.is_published());
    me.responder.set_addresses(2, me.addresses, now);
    pass(5s);
    EXPECT_TRUE(me.responder.is_published()) << "probed for and announced anew";
    const auto all = take();
    EXPECT_EQ(all.size(), core::client::mdns_responder::probes + core::client::mdns_responder::announcements);
}

/// RFC 6763 §7.1.
TEST_F(mdns_responder, a_service_is_found_by_its_subtypes)
{
    auto s = web();
    s.subtypes = {"_printer", "with. dots"};
    publish("printer", {s});
    ask(query("_printer._sub._http._tcp.local", record_type::ptr));
    pass(1s);
    auto said = take_answers();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(said[0].find("_printer._sub._http._tcp.local PTR Front"), 0U) << said[0];
    ask(query("with\\. dots._sub._http._tcp.local", record_type::ptr));
    pass(1s);
    EXPECT_EQ(take_answers().size(), 1U);
    ask(query("_other._sub._http._tcp.local", record_type::ptr));
    ask(query("_sub._http._tcp.local", record_type::ptr));
    pass(1s);
    EXPECT_TRUE(take().empty());
    s.subtypes.pop_back();
    me.publish("printer", {s});
    said = take_answers();
    ASSERT_GE(said.size(), 1U);
    EXPECT_EQ(said[0].find("-with\\.\\032dots._sub._http._tcp.local PTR Front"), 0U) << said[0];
}

TEST_F(mdns_responder, a_service_that_is_gone_is_taken_back_and_a_new_one_is_probed_for)
{
    publish("printer", {web("one")});
    me.publish("printer", {web("two")});
    const auto said = take_answers();
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(said[0], "-one._http._tcp.local SRV printer.local:80!, -one._http._tcp.local TXT!, "
                       "-_http._tcp.local PTR one._http._tcp.local");
    pass(5s);
    std::size_t probes = 0;
    for (const sent& s : take()) {
        probes += s.message.authorities.empty() ? 0 : 1;
        EXPECT_EQ(text_of(s.message.answers).find("printer.local A"), std::string::npos) << "the host stays as it is";
    }
    EXPECT_EQ(probes, 3U);
    mdns_service changed = web("two");
    changed.port = 8080;
    me.publish("printer", {changed});
    pass(5s);
    const auto again = take_answers();
    ASSERT_EQ(again.size(), 3U) << "what was is taken back, what is new is announced twice (RFC 6762 §8.4)";
    EXPECT_NE(again[2].find("SRV printer.local:8080!"), std::string::npos);
}

TEST_F(mdns_responder, another_name_takes_the_place_of_the_first)
{
    publish("printer", {web("one")});
    me.publish("scanner", {web("one")});
    pass(10s);
    EXPECT_TRUE(me.responder.is_published());
    ask(query("printer.local", record_type::a));
    EXPECT_EQ(me.responder.own(n("printer.local"), record_type::a).size(), 0U);
    EXPECT_EQ(std::get<dns::service_location>(me.responder.own(n("one._http._tcp.local"), record_type::srv)[0].data).target,
              n("scanner.local"));
    me.publish("");
    pass(10s);
    (void)take();
    ask(query("scanner.local", record_type::a));
    EXPECT_TRUE(take().empty());
}

TEST_F(mdns_responder, changed_addresses_are_announced)
{
    publish("printer");
    me.responder.set_addresses(2, {ip_of("192.0.2.1"), ip_of("192.0.2.50")}, now);
    pass(10s);
    const auto said = take_answers();
    ASSERT_EQ(said.size(), 3U);
    EXPECT_EQ(said[0].substr(0, 32), "-printer.local AAAA 2001:db8::1!");
    EXPECT_EQ(said[1].substr(0, 27), "printer.local A 192.0.2.1!,");
    EXPECT_NE(said[1].find("printer.local A 192.0.2.50!"), std::string::npos);
    EXPECT_EQ(said[1], said[2]);
}

TEST_F(mdns_responder, each_link_hears_of_its_own_addresses)
{
    publish("printer");
    me.responder.set_addresses(3, {ip_of("198.51.100.1")}, now);
    pass(10s);
    (void)take();
    me.responder.receive_query({3, other, true, true}, query("printer.local", record_type::a), now);
    const auto all = take();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].link, 3U);
    EXPECT_EQ(text_of(all[0].message.answers), "printer.local A 198.51.100.1!");
    me.responder.set_addresses(3, {}, now);
    me.responder.receive_query({3, other, true, true}, query("printer.local", record_type::a), now);
    EXPECT_TRUE(take().empty());
}

TEST_F(mdns_responder, many_services_share_messages_that_fit_into_frames)
{
    std::vector<mdns_service> many;
    for (std::size_t i = 0; i < mdns_options::most_services; ++i) {
        mdns_service s = web("service number " + std::to_string(i) + std::string(40, '.'));
        s.text = {std::string(250, 'x'), std::string(250, 'y'), std::string(250, 'z')};
        many.push_back(std::move(s));
    }
    me.publish("printer", many);
    pass(10min);
    EXPECT_TRUE(me.responder.is_published());
    for (const sent& s : take()) EXPECT_LE(s.size, mdns_payload);
    const auto l = add({"192.0.2.2"}).look_up("_http._tcp.local", {record_type::ptr});
    pass(1s);
    EXPECT_EQ(hosts[1]->results[l].answers[0].records.size(), many.size());
    for (const sent& s : take()) EXPECT_LE(s.size, mdns_payload);
}

// -- two hosts --------------------------------------------------------------------------------------------------------------

TEST_F(mdns_responder, hosts_find_each_other)
{
    host& second = add({"192.0.2.2", "fe80::2"});
    me.publish("one");
    second.publish("two");
    pass(5s);
    EXPECT_EQ(me.found(me.look_up("two.local", {record_type::a, record_type::aaaa})),
              "two.local A 192.0.2.2, two.local AAAA fe80::2%2")
        << "from the announcement";
    add({"192.0.2.3"});
    host& third = *hosts[2];
    const auto l = third.look_up("two.local", {record_type::a, record_type::aaaa});
    EXPECT_EQ(third.found(l), "two.local A 192.0.2.2, two.local AAAA fe80::2%2");
    const auto reverse = third.look_up("1.2.0.192.in-addr.arpa", {record_type::ptr});
    EXPECT_EQ(third.found(reverse), "1.2.0.192.in-addr.arpa PTR one.local");
    const auto self = me.look_up("one.local", {record_type::a, record_type::srv});
    EXPECT_EQ(me.found(self), "one.local A 192.0.2.1") << "without asking";
    EXPECT_EQ(me.found(me.look_up("one.local", {record_type::srv})), "no data");
}

TEST_F(mdns_responder, lost_messages_are_made_up_for)
{
    host& second = add({"192.0.2.2"});
    std::mt19937 dice(1);
    unsigned gone = 0;
    lost = [&](const sent&) { return dice() % 10 < 3 && ++gone > 0; };
    for (int i = 0; i < 20; ++i) {
        const std::string name = "n" + std::to_string(i);
        me.publish(name);
        pass(4s);
        const auto l = second.look_up(name + ".local", {record_type::a}, 10s);
        pass(10s);
        EXPECT_EQ(second.found(l), name + ".local A 192.0.2.1");
    }
    EXPECT_GT(gone, 20U);
}

TEST(mdns_names, tell_which_are_asked_for_by_multicast)
{
    for (const char* yes :
         {"local", "a.LOCAL", "b.a.local", "1.2.254.169.in-addr.arpa", "x.0.8.e.f.ip6.arpa", "1.b.e.f.ip6.arpa"})
        EXPECT_TRUE(is_link_local_name(n(yes))) << yes;
    for (const char* no : {"local.example", "alocal", "1.2.168.192.in-addr.arpa", "1.7.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"})
        EXPECT_FALSE(is_link_local_name(n(no))) << no;
    EXPECT_FALSE(is_link_local_name(name()));
}

TEST(mdns_names, have_room_for_a_number)
{
    EXPECT_EQ(host_label("printer", 1), "printer");
    EXPECT_EQ(host_label(std::string(63, 'x'), 12), std::string(60, 'x') + "-12");
    EXPECT_EQ(instance_label("Front desk", 2), "Front desk (2)");
    const std::string umlauts = [] {
        std::string s = "x";
        for (int i = 0; i < 31; ++i) s += "\xc3\xa4";
        return s;
    }();
    EXPECT_EQ(instance_label(umlauts, 2), umlauts.substr(0, 59) + " (2)") << "not within a character";
}

TEST(mdns_names, options_are_checked)
{
    const auto with = [](auto change) {
        mdns_options o{"printer", {{"desk", "_http._tcp", 80, {"a=b"}}}};
        change(o);
        return is_valid(o);
    };
    EXPECT_TRUE(with([](mdns_options&) {}));
    EXPECT_TRUE(is_valid({}));
    EXPECT_FALSE(with([](mdns_options& o) { o.host_name.clear(); }));
    EXPECT_FALSE(with([](mdns_options& o) { o.host_name = "a.local"; }));
    EXPECT_FALSE(with([](mdns_options& o) { o.host_name = std::string(64, 'x'); }));
    EXPECT_TRUE(with([](mdns_options& o) { o.services[0].instance = "with. dots"; }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services[0].instance = std::string(64, 'x'); }));
    for (const char* type :
         {"", "_http", "http._tcp", "_http._sctp", "_._tcp", "_a b._tcp", "_sixteen-letters1._tcp", "_123._tcp"})
        EXPECT_FALSE(with([type](mdns_options& o) { o.services[0].type = type; })) << type;
    EXPECT_TRUE(with([](mdns_options& o) { o.services[0].type = "_sleep-proxy._udp"; }));
    EXPECT_TRUE(with([](mdns_options& o) { o.services[0].subtypes = {"_printer", "another"}; }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services[0].subtypes = {"_printer", "_Printer"}; }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services[0].subtypes = {""}; }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services[0].subtypes = {std::string(64, 'x')}; }));
    EXPECT_FALSE(with([](mdns_options& o) {
        for (std::size_t n = 0; n <= mdns_service::most_subtypes; ++n) o.services[0].subtypes.push_back(std::to_string(n));
    }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services[0].text = {"=b"}; }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services[0].text = {std::string(256, 'x')}; }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services[0].text.assign(5, std::string(250, 'x')); }));
    EXPECT_FALSE(with([](mdns_options& o) { o.services.push_back(o.services[0]); })) << "twice the same name";
    EXPECT_FALSE(with([](mdns_options& o) { o.services.resize(mdns_options::most_services + 1); }));
}

} // namespace
} // namespace tapio::core::client::mdns::mdns_responder_test
