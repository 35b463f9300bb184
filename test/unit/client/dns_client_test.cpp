// Lookups: servers in turn, timeouts, TCP, EDNS, CNAME records, search domains, shared queries, bounds, cancellation.
#include "unit/client/dns_world.hpp"

namespace tapio::core::client {
namespace {

const endpoint first{ip_of("192.0.2.53"), 53}, second{ip_of("2001:db8::53"), 5353};

TEST(dns_client, an_answer)
{
    dns_world w;
    const auto l = w.look_up("www.example.com");
    ASSERT_EQ(w.sent.size(), 1U);
    EXPECT_EQ(w.sent[0].server, first);
    EXPECT_EQ(w.sent[0].message.question->name, n("www.example.com"));
    EXPECT_TRUE(w.sent[0].message.recursion_desired);
    EXPECT_EQ(w.sent[0].message.edns, (wire::dns_edns{1232, 0}));
    w.answer({a_record("www.example.com", "192.0.2.1"), a_record("www.example.com", "192.0.2.2")});
    EXPECT_EQ(w.result(l).what, outcome::found);
    EXPECT_EQ(w.addresses(l), "192.0.2.1 192.0.2.2");
    EXPECT_FALSE(w.result(l).answers[0].from_cache);
    EXPECT_TRUE(w.open.empty()) << "the socket is closed";
    EXPECT_EQ(w.client.next_deadline(), never);
}

TEST(dns_client, both_families_are_asked_for_at_once)
{
    dns_world w;
    const auto l = w.look_up("www.example.com", {record_type::aaaa, record_type::a});
    ASSERT_EQ(w.sent.size(), 2U);
    EXPECT_NE(w.sent[0].message.id, w.sent[1].message.id);
    EXPECT_NE(w.sent[0].query, w.sent[1].query) << "a socket each";
    w.answer({aaaa_record("www.example.com", "2001:db8::1")});
    EXPECT_FALSE(w.results.contains(l));
    w.answer({a_record("www.example.com", "192.0.2.1")});
    EXPECT_EQ(w.addresses(l, 0), "2001:db8::1");
    EXPECT_EQ(w.addresses(l, 1), "192.0.2.1");
}

TEST(dns_client, a_negative_answer_tells_whose_it_is)
{
    for (const auto code : {response_code::name_error, response_code::no_error}) {
        dns_world w;
        const auto l = w.look_up("www.example.com");
        const auto q = w.next();
        wire::dns_message r = response_to(q.message, {}, code);
        record one = soa("example.com", 60);
        std::string labels = q.message.question->name.labels().substr(4); // as a server compresses it: with our letters
        one.owner = *name::of_labels(labels);
        std::get<dns::zone_authority>(one.data).mailbox = one.owner;
        r.authorities = {soa("example.org", 60), one};
        w.receive(q, r);
        ASSERT_TRUE(w.result(l).answers.at(0).authority);
        const record& got = *w.result(l).answers[0].authority;
        EXPECT_EQ(got.owner.to_string(), "example.com");
        EXPECT_EQ(std::get<dns::zone_authority>(got.data).mailbox.to_string(), "example.com");
        const auto cached = w.look_up("www.example.com");
        EXPECT_FALSE(w.result(cached).answers.at(0).authority);
    }
}

TEST(dns_client, one_family_is_enough)
{
    dns_world w;
    const auto l = w.look_up("www.example.com", {record_type::aaaa, record_type::a});
    w.refuse({soa("example.com", 60)}, response_code::no_error);
    w.answer({a_record("www.example.com", "192.0.2.1")});
    EXPECT_EQ(w.result(l).what, outcome::found);
    EXPECT_EQ(w.addresses(l, 1), "192.0.2.1");
}

TEST(dns_client, a_silent_server_is_followed_by_the_next_and_time_doubles)
{
    dns_world w;
    const auto l = w.look_up("www.example.com");
    w.pass(24h);
    std::vector<endpoint> order;
    for (const auto& m : w.sent) order.push_back(m.server);
    EXPECT_EQ(order, (std::vector{first, second, first, second}));
    EXPECT_EQ(w.result(l).what, outcome::failed);
    EXPECT_EQ(w.client.counters().timeouts, 4U);
    std::set<std::uint16_t> ids;
    for (const auto& m : w.sent) ids.insert(m.message.id);
    EXPECT_EQ(ids.size(), 4U) << "a new identifier for each attempt";
}

TEST(dns_client, timeouts_to_the_second)
{
    dns_world w;
    (void)w.look_up("www.example.com");
    for (const auto& [wait, count] : std::to_array<std::pair<duration, std::size_t>>(
             {{4999ms, 1}, {1ms, 2}, {4999ms, 2}, {1ms, 3}, {9999ms, 3}, {1ms, 4}, {9999ms, 4}, {1ms, 4}})) {
        EXPECT_TRUE(w.results.empty());
        w.pass(wait);
        EXPECT_EQ(w.sent.size(), count);
    }
    EXPECT_EQ(w.results.size(), 1U);
}

TEST(dns_client, a_server_that_was_silent_is_asked_last_for_half_a_minute)
{
    dns_world w;
    (void)w.look_up("a.example.com");
    w.pass(5s);
    (void)w.next();
    w.answer({a_record("a.example.com", "192.0.2.1")});
    (void)w.look_up("b.example.com");
    EXPECT_EQ(w.sent.at(0).server, second);
    w.answer({a_record("b.example.com", "192.0.2.1")});
    w.pass(29s);
    (void)w.look_up("c.example.com");
    EXPECT_EQ(w.sent.at(0).server, second);
    w.answer({a_record("c.example.com", "192.0.2.1")});
    w.pass(1s);
    (void)w.look_up("d.example.com");
    EXPECT_EQ(w.next().server, first);
}

TEST(dns_client, a_server_that_refuses_is_not_asked_again)
{
    for (const auto code : {response_code::server_failure, response_code::refused, response_code(9)}) {
        dns_world w;
        const auto l = w.look_up("www.example.com");
        w.refuse({}, code);
        EXPECT_EQ(w.sent.at(0).server, second);
        w.refuse({}, code);
        EXPECT_TRUE(w.sent.empty());
        EXPECT_EQ(w.result(l).what, outcome::failed);
        EXPECT_EQ(w.result(l).answers.at(0).code, code);
    }
}

TEST(dns_client, what_cannot_be_sent_goes_to_the_next_server_at_once)
{
    dns_world w;
    w.unreachable = {first};
    const auto l = w.look_up("www.example.com");
    EXPECT_EQ(w.sent.at(0).server, second);
    w.answer({a_record("www.example.com", "192.0.2.1")});
    EXPECT_EQ(w.result(l).what, outcome::found);
    w.unreachable = {first, second};
    const auto failed = w.look_up("other.example.com");
    EXPECT_EQ(w.result(failed).what, outcome::failed) << "within the call";
}

TEST(dns_client, an_icmp_error_leads_to_the_next_server_at_once)
{
    dns_world w;
    (void)w.look_up("www.example.com");
    w.client.unreachable(w.next().query, w.now);
    EXPECT_EQ(w.next().server, second);
}

TEST(dns_client, a_truncated_response_is_asked_for_by_tcp)
{
    dns_world w;
    const auto l = w.look_up("www.example.com");
    const auto q = w.next();
    auto r = response_to(q.message, {a_record("www.example.com", "192.0.2.66")});
    r.truncated = true;
    w.receive(q, r);
    const auto by_tcp = w.next();
    EXPECT_TRUE(by_tcp.stream);
    EXPECT_EQ(by_tcp.server, first);
    const octets whole = wire::make_dns(response_to(by_tcp.message, {a_record("www.example.com", "192.0.2.1")}));
    octets framed(2);
    wire::store_16(framed.data(), static_cast<std::uint16_t>(whole.size()));
    framed.insert(framed.end(), whole.begin(), whole.end());
    for (const std::byte& b : framed) {
        EXPECT_TRUE(w.results.empty());
        w.client.receive_stream(by_tcp.query, const_bytes(&b, 1), w.now);
        w.deliver();
    }
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
}

TEST(dns_client, asks_by_tcp_alone_if_it_is_to)
{
    dns_options o = dns_world::options();
    o.use_tcp = true;
    dns_world w(o);
    const auto l = w.look_up("www.example.com");
    const auto q = w.next();
    EXPECT_TRUE(q.stream);
    w.client.unreachable(q.query, w.now);
    EXPECT_EQ(w.sent.at(0).server, second);
    EXPECT_TRUE(w.sent.at(0).stream);
    w.answer({a_record("www.example.com", "192.0.2.1")});
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
}

TEST(dns_client, a_tcp_server_that_hangs_up_is_followed_by_the_next)
{
    dns_world w;
    (void)w.look_up("www.example.com");
    const auto q = w.next();
    auto r = response_to(q.message);
    r.truncated = true;
    w.receive(q, r);
    w.client.unreachable(w.next().query, w.now);
    const auto next = w.next();
    EXPECT_EQ(next.server, second);
    EXPECT_FALSE(next.stream);
}

TEST(dns_client, a_server_without_edns_is_asked_without)
{
    for (const auto code : {response_code::format_error, response_code::not_implemented}) {
        for (const bool repeats_question : {true, false}) {
            dns_world w;
            const auto l = w.look_up("www.example.com");
            const auto q = w.next();
            auto r = response_to(q.message, {}, code);
            r.edns.reset();
            if (!repeats_question) r.question.reset();
            w.receive(q, r);
            EXPECT_EQ(w.sent.at(0).server, first);
            EXPECT_FALSE(w.sent.at(0).message.edns);
            w.answer({a_record("www.example.com", "192.0.2.1")});
            EXPECT_EQ(w.result(l).what, outcome::found);
        }
    }
}

TEST(dns_client, a_referral_is_no_answer)
{
    dns_world w;
    (void)w.look_up("www.example.com");
    const auto q = w.next();
    auto r = response_to(q.message);
    r.recursion_available = false;
    r.authorities = {{n("com"), record_type::ns, 60, n("ns.com")}};
    w.receive(q, r);
    EXPECT_EQ(w.next().server, second);
}

TEST(dns_client, a_response_that_is_damaged_behind_its_question_fails_the_server)
{
    dns_world w;
    (void)w.look_up("www.example.com");
    const auto q = w.next();
    octets r = wire::make_dns(response_to(q.message, {a_record("www.example.com", "192.0.2.1")}));
    r.pop_back();
    w.receive(q, r);
    EXPECT_EQ(w.next().server, second);
}

TEST(dns_client, cnames_within_a_response_and_beyond)
{
    dns_world w;
    const auto l = w.look_up("www.example.com");
    w.answer({alias("www.example.com", "a.example.net"), alias("a.example.net", "b.example.org")});
    EXPECT_EQ(w.sent.at(0).message.question->name, n("b.example.org")) << "the response ends there";
    w.answer({a_record("b.example.org", "192.0.2.1")});
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
    EXPECT_EQ(w.result(l).answers[0].records.size(), 3U);
    EXPECT_EQ(w.result(l).answers[0].canonical, n("b.example.org"));
    const auto again = w.look_up("www.example.com");
    EXPECT_EQ(w.addresses(again), "192.0.2.1");
    EXPECT_TRUE(w.result(again).answers[0].from_cache);
    EXPECT_EQ(w.result(again).answers[0].records.size(), 3U);
    EXPECT_TRUE(w.sent.empty());
}

TEST(dns_client, a_query_for_cname_is_not_followed)
{
    dns_world w;
    const auto l = w.look_up("www.example.com", {record_type::cname});
    w.answer({alias("www.example.com", "a.example.net"), alias("a.example.net", "b.example.org")});
    EXPECT_EQ(w.result(l).answers[0].records.size(), 1U);
    EXPECT_EQ(w.result(l).what, outcome::found);
}

TEST(dns_client, cnames_in_a_circle_or_without_end_fail)
{
    {
        dns_world w;
        const auto l = w.look_up("a.example.com");
        w.answer({alias("a.example.com", "b.example.com"), alias("b.example.com", "a.example.com")});
        EXPECT_EQ(w.result(l).what, outcome::failed);
    }
    dns_world w;
    const auto l = w.look_up("0.example.com");
    unsigned asked = 0;
    for (; !w.sent.empty(); ++asked)
        w.answer({alias(std::to_string(asked) + ".example.com", std::to_string(asked + 1) + ".example.com")});
    EXPECT_EQ(asked, most_cnames + 1);
    EXPECT_EQ(w.result(l).what, outcome::failed);
}

TEST(dns_client, exactly_the_permitted_cnames)
{
    dns_world w;
    const auto l = w.look_up("0.example.com");
    std::vector<record> chain;
    for (unsigned i = 0; i < most_cnames; ++i)
        chain.push_back(alias(std::to_string(i) + ".example.com", std::to_string(i + 1) + ".example.com"));
    chain.push_back(a_record(std::to_string(most_cnames) + ".example.com", "192.0.2.1"));
    w.answer(chain);
    EXPECT_EQ(w.result(l).what, outcome::found);
    const auto cached = w.look_up("0.example.com");
    EXPECT_EQ(w.result(cached).what, outcome::found);
}

TEST(dns_client, records_that_do_not_belong_to_the_question_are_not_used)
{
    dns_world w;
    const auto l = w.look_up("www.example.com");
    const auto q = w.next();
    auto r = response_to(q.message, {a_record("www.example.com", "192.0.2.1"), a_record("bank.example.net", "192.0.2.66")});
    r.additionals = {a_record("ns.example.org", "192.0.2.66")};
    r.authorities = {{n("example.net"), record_type::ns, 60, n("evil.example")}};
    w.receive(q, r);
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
    for (const char* const other : {"bank.example.net", "ns.example.org"}) {
        (void)w.look_up(other);
        EXPECT_EQ(w.sent.size(), 1U) << other << " is not in the cache";
        w.sent.clear();
    }
}

/// Servers compress names with the question, whose case is random.
TEST(dns_client, names_in_answers_have_no_random_case)
{
    for (int i = 0; i < 20; ++i) {
        dns_world w;
        const auto l = w.look_up("Www.Example.Com", {record_type::mx});
        const auto q = w.next();
        const name sent = q.message.question->name, mail = *(n("Mail") + sent.parent());
        w.receive(q, response_to(q.message, {{sent, record_type::mx, 60, dns::mail_exchange{1, mail}},
                                             {sent, record_type::mx, 60, dns::mail_exchange{2, n("OTHER.example.net")}}}));
        ASSERT_EQ(w.result(l).what, outcome::found);
        const auto& records = w.result(l).answers[0].records;
        EXPECT_EQ(records[0].owner.to_string(), "Www.Example.Com");
        EXPECT_EQ(std::get<dns::mail_exchange>(records[0].data).exchange.to_string(), "Mail.Example.Com");
        EXPECT_EQ(std::get<dns::mail_exchange>(records[1].data).exchange.to_string(), "OTHER.example.net");
    }
}

TEST(dns_client, no_such_name_and_no_such_type)
{
    dns_world w;
    const auto l = w.look_up("none.example.com");
    w.refuse({soa("example.com", 60)}, response_code::name_error);
    EXPECT_EQ(w.result(l).what, outcome::no_name);
    const auto m = w.look_up("some.example.com");
    w.refuse({soa("example.com", 60)}, response_code::no_error);
    EXPECT_EQ(w.result(m).what, outcome::no_data);
    EXPECT_EQ(w.result(m).answers.at(0).code, response_code::no_error);
    EXPECT_EQ(w.result(w.look_up("none.example.com", {record_type::mx})).what, outcome::no_name) << "for all types";
    EXPECT_EQ(w.result(w.look_up("some.example.com")).what, outcome::no_data);
    EXPECT_TRUE(w.sent.empty());
    (void)w.look_up("some.example.com", {record_type::mx});
    EXPECT_EQ(w.sent.size(), 1U) << "another type may exist";
}

TEST(dns_client, a_cname_to_a_name_that_does_not_exist)
{
    dns_world w;
    const auto l = w.look_up("www.example.com");
    const auto q = w.next();
    auto r = response_to(q.message, {alias("www.example.com", "none.example.com")}, response_code::name_error); // RFC 6604
    r.authorities = {soa("example.com", 60)};
    w.receive(q, r);
    EXPECT_EQ(w.result(l).what, outcome::no_name);
    const auto again = w.look_up("www.example.com");
    EXPECT_EQ(w.result(again).what, outcome::no_name);
    EXPECT_EQ(w.result(w.look_up("none.example.com")).what, outcome::no_name);
    EXPECT_TRUE(w.sent.empty());
}

TEST(dns_client, search_domains_by_ndots)
{
    dns_options o = dns_world::options();
    o.search = {"one.example", "two.example", "not..a.domain"};
    o.ndots = 2;
    const dns_world w(o);
    const auto names = [&](const char* text) {
        std::string out;
        for (const name& c : w.client.candidates(text)) out += c.to_string() + ' ';
        return out;
    };
    EXPECT_EQ(names("host"), "host.one.example host.two.example host ");
    EXPECT_EQ(names("host.sub"), "host.sub.one.example host.sub.two.example host.sub ");
    EXPECT_EQ(names("host.sub.example"), "host.sub.example host.sub.example.one.example host.sub.example.two.example ");
    EXPECT_EQ(names("host."), "host ");
    EXPECT_EQ(names("localhost"), "localhost ");
    EXPECT_EQ(names("a..b"), "");
    EXPECT_EQ(names(""), "");
}

TEST(dns_client, search_goes_on_after_no_such_name_and_no_data)
{
    dns_options o = dns_world::options();
    o.search = {"one.example", "two.example"};
    dns_world w(o);
    const auto l = w.look_up("host");
    w.refuse({soa("one.example", 60)}, response_code::name_error);
    EXPECT_EQ(w.sent.at(0).message.question->name, n("host.two.example"));
    w.answer({a_record("host.two.example", "192.0.2.1")});
    EXPECT_EQ(w.addresses(l), "192.0.2.1");

    const auto none = w.look_up("other");
    w.refuse({soa("one.example", 60)}, response_code::no_error);
    w.refuse({soa("two.example", 60)}, response_code::name_error);
    EXPECT_EQ(w.sent.at(0).message.question->name, n("other"));
    w.refuse({soa(".", 60)}, response_code::name_error);
    EXPECT_EQ(w.result(none).what, outcome::no_data) << "one of the names exists";
    EXPECT_EQ(w.result(none).answers.at(0).canonical, n("other.one.example"));
}

TEST(dns_client, search_goes_on_after_a_failure_but_remembers_it_and_stops_at_silence)
{
    dns_options o = dns_world::options();
    o.servers.resize(1);
    o.search = {"one.example"};
    dns_world w(o);
    const auto l = w.look_up("host");
    w.refuse({}, response_code::server_failure);
    w.refuse({soa(".", 60)}, response_code::name_error);
    EXPECT_EQ(w.result(l).what, outcome::failed) << "host.one.example may exist";
    const auto silent = w.look_up("another");
    w.pass(1h);
    EXPECT_EQ(w.result(silent).what, outcome::failed);
    for (const auto& m : w.sent) EXPECT_EQ(m.message.question->name, n("another.one.example"));
}

TEST(dns_client, equal_questions_share_a_query)
{
    dns_world w;
    std::vector<lookup_id> all;
    for (int i = 0; i < 50; ++i) all.push_back(w.look_up(i % 2 == 0 ? "www.example.com" : "WWW.Example.COM"));
    EXPECT_EQ(w.sent.size(), 1U);
    EXPECT_EQ(w.client.counters().shared, 49U);
    w.client.cancel(all[0], w.now);
    w.answer({a_record("www.example.com", "192.0.2.1")});
    EXPECT_FALSE(w.results.contains(all[0]));
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(w.addresses(all[i]), "192.0.2.1");
}

TEST(dns_client, the_last_cancellation_closes_the_socket)
{
    dns_world w;
    const auto l = w.look_up("www.example.com"), m = w.look_up("www.example.com");
    const auto q = w.next();
    w.client.cancel(l, w.now);
    EXPECT_EQ(w.open.size(), 1U);
    w.client.cancel(m, w.now);
    EXPECT_TRUE(w.open.empty());
    EXPECT_EQ(w.client.next_deadline(), never);
    w.receive(q, response_to(q.message, {a_record("www.example.com", "192.0.2.1")}));
    EXPECT_TRUE(w.results.empty());
    EXPECT_EQ(w.client.lookups() + w.client.queries(), 0U);
    w.client.cancel(l, w.now);
}

TEST(dns_client, a_result_that_was_not_delivered_can_be_cancelled)
{
    dns_world w;
    const auto l = w.client.start({w.client.candidates("localhost"), {record_type::a}}, w, w.now);
    w.client.cancel(l, w.now);
    w.deliver();
    EXPECT_TRUE(w.results.empty());
}

TEST(dns_client, queries_beyond_the_bound_wait_for_their_turn)
{
    dns_options o = dns_world::options();
    o.most_queries = 3;
    dns_world w(o);
    std::vector<lookup_id> all;
    for (int i = 0; i < 10; ++i) all.push_back(w.look_up("h" + std::to_string(i) + ".example.com"));
    EXPECT_EQ(w.sent.size(), 3U);
    EXPECT_EQ(w.open.size(), 3U);
    w.client.cancel(all[9], w.now); // it has not been sent
    for (int i = 0; i < 9; ++i) w.answer({a_record("h" + std::to_string(i) + ".example.com", "192.0.2.1")});
    EXPECT_TRUE(w.sent.empty());
    EXPECT_EQ(w.results.size(), 9U);
    EXPECT_EQ(w.client.active_queries(), 0U);
}

TEST(dns_client, lookups_beyond_the_bound_are_refused)
{
    dns_world w;
    for (std::size_t i = 0; i < dns_client::most_lookups; ++i) (void)w.look_up("www.example.com");
    EXPECT_TRUE(w.results.empty());
    EXPECT_EQ(w.result(w.look_up("www.example.com")).what, outcome::refused);
    w.answer({a_record("www.example.com", "192.0.2.1")});
    EXPECT_EQ(w.results.size(), dns_client::most_lookups + 1);
    EXPECT_EQ(w.result(w.look_up("www.example.com")).what, outcome::found);
}

TEST(dns_client, without_servers_there_is_no_such_name)
{
    dns_world w{dns_options{}};
    const auto l = w.look_up("www.example.com");
    EXPECT_EQ(w.result(l).what, outcome::no_name);
    EXPECT_FALSE(w.result(l).asked);
    EXPECT_EQ(w.addresses(w.look_up("localhost")), "127.0.0.1");
}

TEST(dns_client, names_that_never_leave_the_host)
{
    dns_world w;
    EXPECT_EQ(w.addresses(w.look_up("LocalHost")), "127.0.0.1");
    EXPECT_EQ(w.addresses(w.look_up("a.b.localhost.", {record_type::aaaa})), "::1");
    EXPECT_EQ(w.result(w.look_up("localhost", {record_type::mx})).what, outcome::no_data);
    EXPECT_EQ(w.result(w.look_up("x.invalid")).what, outcome::no_name);
    EXPECT_EQ(w.result(w.look_up("abc.onion")).what, outcome::no_name);
    const auto back = w.client.start({{reverse_name(ip_of("127.0.0.1"))}, {record_type::ptr}}, w, w.now);
    w.deliver();
    EXPECT_EQ(std::get<name>(w.result(back).answers.at(0).records.at(0).data), n("localhost"));
    EXPECT_TRUE(w.sent.empty());
    (void)w.look_up("notlocalhost");
    (void)w.look_up("localhost.example");
    EXPECT_EQ(w.sent.size(), 2U);
}

TEST(dns_client, reverse_names)
{
    EXPECT_EQ(reverse_name(ip_of("192.0.2.1")), n("1.2.0.192.in-addr.arpa"));
    EXPECT_EQ(reverse_name(ip_of("2001:db8::567:89ab")),
              n("b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"));
}

TEST(dns_client, rotate_begins_with_another_server_each_time)
{
    dns_options o = dns_world::options();
    o.rotate = true;
    dns_world w(o);
    for (const endpoint& e : {first, second, first}) {
        (void)w.look_up("h" + std::to_string(w.now.time_since_epoch().count()) + ".example");
        EXPECT_EQ(w.next().server, e);
        w.now += 1ms;
    }
}

TEST(dns_client, servers_that_are_configured_later_are_used_from_then_on)
{
    dns_world w{dns_options{}};
    w.client.configure(dns_world::options());
    (void)w.look_up("www.example.com");
    EXPECT_EQ(w.sent.size(), 1U);
    dns_options many;
    many.servers.assign(100, first);
    w.client.configure(many);
    EXPECT_EQ(w.client.options().servers.size(), dns_client::most_servers);
}

TEST(dns_client, stale_records_of_one_family_are_enough)
{
    dns_options o = dns_world::options();
    o.serve_stale = 24h;
    dns_world w(o);
    const auto before = w.look_up("v4.example.com", {record_type::a, record_type::aaaa});
    w.answer({a_record("v4.example.com", "192.0.2.1")});
    w.refuse({soa("example.com", 60)}, response_code::no_error);
    ASSERT_EQ(w.results[before].what, outcome::found);
    w.pass(61s);
    const auto again = w.look_up("v4.example.com", {record_type::a, record_type::aaaa});
    w.pass(dns_client::stale_patience);
    ASSERT_TRUE(w.results.contains(again)) << "although no server answers about AAAA";
    EXPECT_EQ(w.results[again].what, outcome::found);
    EXPECT_TRUE(w.results[again].answers[0].stale);
    EXPECT_EQ(w.addresses(again), "192.0.2.1");
}

} // namespace
} // namespace tapio::core::client
