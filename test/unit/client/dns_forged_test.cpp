// Responses that somebody else sends: which are believed, and what a flood of them costs (RFC 5452).
#include "support/repetitions.hpp"
#include "unit/client/dns_world.hpp"

#include <random>

namespace tapio::core::client {
namespace {

const std::string name_of_test = "www.bank.example.com";

wire::dns_message forged(const wire::dns_message& q) { return response_to(q, {a_record(name_of_test, "192.0.2.66")}); }

/// Neither answers the lookup nor changes what is sent.
void expect_ignored(const char* what, const std::function<void(wire::dns_message&)>& change)
{
    dns_world w;
    const auto l = w.look_up(name_of_test);
    const auto q = w.next();
    auto m = forged(q.message);
    change(m);
    w.receive(q, m);
    EXPECT_TRUE(w.results.empty()) << what;
    EXPECT_TRUE(w.sent.empty()) << what;
    EXPECT_EQ(w.client.counters().mismatches, 1U) << what;
    w.receive(q, response_to(q.message, {a_record(name_of_test, "192.0.2.1")}));
    EXPECT_EQ(w.addresses(l), "192.0.2.1") << what;
}

TEST(dns_forged, a_response_must_repeat_what_was_sent)
{
    expect_ignored("id", [](auto& m) { ++m.id; });
    expect_ignored("a query", [](auto& m) { m.response = false; });
    expect_ignored("opcode", [](auto& m) { m.opcode = 5; });
    expect_ignored("no question", [](auto& m) { m.question.reset(); });
    expect_ignored("another name", [](auto& m) { m.question->name = n("www.bank.example.net"); });
    expect_ignored("another type", [](auto& m) { m.question->type = record_type::aaaa; });
    expect_ignored("another class", [](auto& m) { m.question->class_code = 3; });
    expect_ignored("truncated, with another id", [](auto& m) { ++m.id, m.truncated = true; });
    expect_ignored("failure, with another id", [](auto& m) { ++m.id, m.code = response_code::server_failure; });
}

TEST(dns_forged, the_case_of_names_varies)
{
    dns_world w;
    std::set<std::string> seen;
    for (int i = 0; i < 20; ++i) {
        const auto l = w.look_up(name_of_test);
        seen.insert(w.next().message.question->name.labels());
        w.client.cancel(l, w.now);
    }
    EXPECT_GT(seen.size(), 18U);
    dns_options o = dns_world::options();
    o.use_0x20 = false;
    dns_world without(o);
    (void)without.look_up("Www.Bank.example.com");
    EXPECT_EQ(without.next().message.question->name.to_string(), "Www.Bank.example.com");
}

TEST(dns_forged, a_response_of_the_wrong_case_leads_to_tcp)
{
    dns_world w;
    const auto l = w.look_up(name_of_test);
    const auto q = w.next();
    auto m = forged(q.message);
    m.question->name = m.question->name.lower_case();
    ASSERT_FALSE(m.question->name.same_case(q.message.question->name));
    w.receive(q, m);
    EXPECT_TRUE(w.results.empty());
    const auto by_tcp = w.next();
    ASSERT_TRUE(by_tcp.stream);
    auto honest = response_to(by_tcp.message, {a_record(name_of_test, "192.0.2.1")});
    honest.question->name = honest.question->name.lower_case();
    w.receive(by_tcp, honest);
    EXPECT_EQ(w.addresses(l), "192.0.2.1") << "a server that does not repeat the case is believed by TCP";
}

TEST(dns_forged, a_server_that_changes_the_case_and_has_no_tcp_is_asked_without_varying_it)
{
    dns_options o = dns_world::options();
    o.servers.resize(1);
    dns_world w(o);
    const auto l = w.look_up(name_of_test);
    const auto q = w.next();
    auto m = response_to(q.message, {a_record(name_of_test, "192.0.2.1")});
    m.question->name = m.question->name.lower_case();
    w.receive(q, m);
    const auto by_tcp = w.next();
    ASSERT_TRUE(by_tcp.stream);
    w.client.unreachable(by_tcp.query, w.now);
    const auto again = w.next();
    ASSERT_FALSE(again.stream);
    EXPECT_NE(again.message.id, q.message.id);
    EXPECT_TRUE(again.message.question->name.same_case(n(name_of_test)));
    w.receive(again, response_to(again.message, {a_record(name_of_test, "192.0.2.1")}));
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
}

TEST(dns_forged, somebody_who_guesses_moves_the_query_to_tcp)
{
    dns_world w;
    const auto l = w.look_up(name_of_test);
    const auto q = w.next();
    unsigned guesses = 0;
    for (std::uint32_t id = 0; id < 65536 && w.sent.empty(); ++id) {
        auto m = forged(q.message);
        if (m.id == id) continue;
        m.id = static_cast<std::uint16_t>(id);
        w.receive(q, m);
        ++guesses;
    }
    EXPECT_EQ(guesses, dns_query::most_mismatches);
    const auto by_tcp = w.next();
    EXPECT_TRUE(by_tcp.stream);
    w.client.receive_datagram(q.query, wire::make_dns(forged(by_tcp.message)), w.now);
    EXPECT_TRUE(w.results.empty()) << "datagrams are not looked at any more";
    w.receive(by_tcp, response_to(by_tcp.message, {a_record(name_of_test, "192.0.2.1")}));
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
}

TEST(dns_forged, nothing_is_received_after_the_answer)
{
    dns_world w;
    (void)w.look_up(name_of_test);
    const auto q = w.next();
    w.receive(q, response_to(q.message, {a_record(name_of_test, "192.0.2.1")}));
    w.receive(q, forged(q.message));
    EXPECT_EQ(w.addresses(w.look_up(name_of_test)), "192.0.2.1");
    EXPECT_TRUE(w.sent.empty());
}

/// A million guesses by a forger who knows everything but identifier and case: none is believed, and memory and messages stay
/// within bounds. A guess succeeds with a probability of 32 / 2^16 / 2^17 for each query.
TEST(dns_forged, a_flood_of_guesses)
{
    std::mt19937 random(3);
    dns_world w;
    std::size_t sent = 0;
    for (int round = 0; round < 50; ++round) {
        const std::string host = "h" + std::to_string(round) + "." + name_of_test;
        const auto l = w.look_up(host);
        const auto q = w.next();
        for (std::size_t i = 0; i < test::repetitions(20'000); ++i) {
            auto m = response_to(q.message, {a_record(host, "192.0.2.66")});
            m.id = static_cast<std::uint16_t>(random());
            m.question->name = n(host);
            const octets o = wire::make_dns(m);
            w.client.receive_datagram(q.query, o, w.now);
            if (i == 0 && !w.sent.empty()) break;
        }
        w.deliver();
        ASSERT_TRUE(w.results.empty());
        sent += w.sent.size();
        ASSERT_EQ(w.client.queries(), 1U);
        ASSERT_LE(w.sent.size(), 1U);
        const auto by_tcp = w.next();
        w.receive(by_tcp, response_to(by_tcp.message, {a_record(host, "192.0.2.1")}));
        EXPECT_EQ(w.addresses(l), "192.0.2.1");
        w.results.clear();
    }
    EXPECT_EQ(sent, 50U);
    EXPECT_EQ(w.client.lookups() + w.client.queries(), 0U);
}

/// 100,000 damaged copies of the true response: the answer is the true one, or none.
TEST(dns_forged, damaged_responses)
{
    std::mt19937 random(11);
    std::size_t answered = 0, failed = 0;
    dns_options o = dns_world::options();
    o.cache_entries = 0;
    for (std::size_t i = 0; i < test::repetitions(100'000); ++i) {
        dns_world w(o);
        const auto l = w.look_up(name_of_test);
        const auto q = w.next();
        octets m = wire::make_dns(
            response_to(q.message, {alias(name_of_test, "b.example.com"), a_record("b.example.com", "192.0.2.1")}));
        const std::size_t at = random() % m.size();
        m[at] ^= static_cast<std::byte>(1 + random() % 255);
        w.receive(q, m);
        if (w.results.contains(l)) {
            ++answered;
            ASSERT_NE(at, 0U);
            ASSERT_NE(at, 1U) << "the identifier was wrong";
            ASSERT_TRUE(at < 12 || at >= 12 + n(name_of_test).wire_size() + 4) << "the question was wrong";
        } else {
            ++failed;
            ASSERT_LE(w.sent.size(), 1U);
        }
        w.client.cancel(l, w.now);
        ASSERT_EQ(w.client.lookups() + w.client.queries() + w.open.size(), 0U);
    }
    EXPECT_GT(answered, test::repetitions(10'000));
    EXPECT_GT(failed, test::repetitions(10'000));
}

} // namespace
} // namespace tapio::core::client
