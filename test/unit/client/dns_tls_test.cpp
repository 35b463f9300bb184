// Queries by TLS: the strict and the opportunistic profile, padding, what is remembered of servers.
#include "unit/client/dns_world.hpp"

#include <tapio/core/secure_stream.hpp>

#include <memory>

namespace tapio::core::client {
namespace {

/// That there is TLS; the connections are the test's.
class some_tls final : public secure_streams
{
    std::unique_ptr<secure_stream> connect(const endpoint&) override { return nullptr; }
};

dns_options with_tls(bool fallback = false)
{
    dns_options o = dns_world::options();
    o.tls = std::make_shared<some_tls>();
    o.tls_fallback = fallback;
    return o;
}

TEST(dns_by_tls, queries_are_padded_to_blocks_of_128)
{
    dns_world w(with_tls());
    for (std::size_t length = 1; length <= 60; ++length) {
        (void)w.look_up(std::string(length, 'x') + ".example.com");
        const auto q = w.next();
        EXPECT_TRUE(q.secure);
        EXPECT_EQ(q.size, 128U) << length;
        EXPECT_EQ(q.message.edns->payload, 1232);
    }
    const std::string label(63, 'x');
    (void)w.look_up(label + '.' + label + '.' + std::string(40, 'x'));
    EXPECT_EQ(w.next().size, 256U);
    EXPECT_EQ(w.client.counters().secure_streams, 61U);
    EXPECT_EQ(w.client.counters().datagrams + w.client.counters().streams, 0U);
}

TEST(dns_by_tls, every_padding_is_exact)
{
    for (const auto block : std::to_array<std::uint16_t>({1, 2, 3, 16, 128, 468})) {
        for (std::size_t length = 1; length <= 63; ++length) {
            wire::dns_message m;
            m.question = wire::dns_question{n(std::string(length, 'x')), record_type::a, wire::dns_class_in};
            m.edns = wire::dns_edns{1232, 0, block};
            const octets o = wire::make_dns(m);
            EXPECT_EQ(o.size() % block, 0U);
            const std::size_t least = wire::dns_header_size + length + 2 + 4 + 11 + 4;
            EXPECT_GE(o.size(), least);
            EXPECT_LT(o.size(), least + block);
            const auto parsed = wire::parse_dns(o);
            ASSERT_TRUE(parsed);
            EXPECT_EQ(parsed->question, m.question);
            EXPECT_EQ(parsed->edns, (wire::dns_edns{1232, 0}));
        }
    }
}

TEST(dns_by_tls, an_answer_tells_how_it_came)
{
    dns_world w(with_tls());
    const auto l = w.look_up("www.example.com");
    w.answer({a_record("www.example.com", "192.0.2.1")});
    EXPECT_EQ(w.addresses(l), "192.0.2.1");
    EXPECT_TRUE(w.result(l).answers[0].encrypted);
    const auto again = w.look_up("www.example.com");
    EXPECT_TRUE(w.result(again).answers[0].from_cache);
    EXPECT_FALSE(w.result(again).answers[0].encrypted);
}

TEST(dns_by_tls, strict_nothing_is_ever_sent_in_clear)
{
    for (const bool silent : {false, true}) {
        dns_world w(with_tls());
        w.no_tls = !silent;
        const auto l = w.look_up("www.example.com");
        w.pass(24h);
        EXPECT_EQ(w.result(l).what, outcome::failed);
        for (const auto& m : w.sent) EXPECT_TRUE(m.secure);
        EXPECT_EQ(w.sent.size(), silent ? 4U : 0U) << "two servers, two attempts";
        EXPECT_EQ(w.client.counters().secure_streams, 4U);
        EXPECT_EQ(w.client.counters().datagrams + w.client.counters().streams, 0U);
    }
}

TEST(dns_by_tls, strict_truncation_and_a_lost_case_change_nothing)
{
    dns_world w(with_tls());
    const auto l = w.look_up("www.example.com");
    const auto q = w.next();
    auto r = response_to(q.message, {a_record("www.example.com", "192.0.2.1")});
    r.truncated = true;
    r.question->name = r.question->name.lower_case();
    w.receive(q, r);
    EXPECT_EQ(w.result(l).what, outcome::found);
    EXPECT_TRUE(w.sent.empty());
}

TEST(dns_by_tls, a_server_without_edns_is_asked_by_tls_without_padding)
{
    dns_world w(with_tls());
    (void)w.look_up("www.example.com");
    const auto q = w.next();
    auto r = response_to(q.message, {}, response_code::format_error);
    r.edns.reset();
    w.receive(q, r);
    const auto again = w.next();
    EXPECT_TRUE(again.secure);
    EXPECT_FALSE(again.message.edns);
}

TEST(dns_by_tls, opportunistic_a_server_without_tls_is_asked_in_clear_for_five_minutes)
{
    dns_world w(with_tls(true));
    w.no_tls = true;
    const auto l = w.look_up("www.example.com");
    const auto q = w.next();
    EXPECT_FALSE(q.secure || q.stream);
    EXPECT_EQ(q.server, (endpoint{ip_of("192.0.2.53"), 53})) << "the same server";
    EXPECT_EQ(q.size % 128 == 0, false) << "what is in clear needs no padding";
    w.receive(q, response_to(q.message, {a_record("www.example.com", "192.0.2.1")}));
    EXPECT_FALSE(w.result(l).answers[0].encrypted);
    w.no_tls = false;
    w.pass(299s);
    (void)w.look_up("a.example.com");
    EXPECT_FALSE(w.sent.at(0).secure) << "at once";
    w.answer({a_record("a.example.com", "192.0.2.1")});
    w.pass(1s);
    (void)w.look_up("b.example.com");
    EXPECT_TRUE(w.next().secure);
}

TEST(dns_by_tls, opportunistic_silence_on_the_port_of_tls_costs_one_timeout)
{
    dns_world w(with_tls(true));
    (void)w.look_up("www.example.com");
    EXPECT_TRUE(w.next().secure);
    w.pass(5s);
    const auto q = w.next();
    EXPECT_FALSE(q.secure);
    EXPECT_EQ(q.server.address, ip_of("192.0.2.53"));
    (void)w.look_up("other.example.com");
    EXPECT_FALSE(w.sent.at(0).secure);
}

TEST(dns_by_tls, opportunistic_an_unhelpful_answer_is_no_reason_to_ask_in_clear)
{
    dns_world w(with_tls(true));
    (void)w.look_up("www.example.com");
    w.refuse({}, response_code::server_failure);
    const auto q = w.next();
    EXPECT_TRUE(q.secure);
    EXPECT_EQ(q.server.address, ip_of("2001:db8::53"));
}

TEST(dns_by_tls, what_was_remembered_does_not_hold_in_the_strict_profile)
{
    dns_world w(with_tls(true));
    w.no_tls = true;
    (void)w.look_up("www.example.com");
    w.no_tls = false;
    w.answer({a_record("www.example.com", "192.0.2.1")});
    w.client.configure(with_tls(false));
    (void)w.look_up("other.example.com");
    EXPECT_TRUE(w.next().secure);
}

TEST(dns_by_tls, answers_in_clear_are_forgotten_when_tls_is_wanted)
{
    dns_world w;
    (void)w.look_up("www.example.com");
    w.answer({a_record("www.example.com", "192.0.2.66")});
    w.client.configure(with_tls());
    (void)w.look_up("www.example.com");
    EXPECT_TRUE(w.next().secure);
}

} // namespace
} // namespace tapio::core::client
