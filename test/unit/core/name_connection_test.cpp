// Connections to DNS servers that queries share, by TCP and by (toy) TLS: reuse, order, ends, silence, authentication.
#include "core/name_client.hpp"
#include "support/toy_tls.hpp"
#include "support/two_hosts.hpp"
#include "wire/dns.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tapio::core::name_connection_cases {
namespace {

using namespace std::chrono_literals;
using dns::record_type;
using bytes = std::vector<std::byte>;

class toy_streams final : public secure_streams
{
public:
    std::unique_ptr<secure_stream> connect(const endpoint& server) override
    {
        asked.push_back(server);
        return known ? std::make_unique<test::toy_tls>() : nullptr;
    }

    std::vector<endpoint> asked;
    bool known = true;
};

struct name_connections : testing::TestWithParam<bool>, two_hosts, client::dns_sink
{
    bool secure() const { return GetParam(); }

    name_connections()
    {
        there.port = secure() ? 853 : 53;
        listener = listen(100);
    }
    void use(dns_options o = {})
    {
        o.servers = {{there.address, 53}};
        (secure() ? o.tls = tls : nullptr);
        o.use_tcp = !secure();
        o.cache_entries = 0;
        a.set_dns(o, now);
    }
    void resolved(client::lookup_id l, client::dns_result&& r, time_point) override { results[l] = std::move(r); }
    void run()
    {
        do settle();
        while (a.dispatch_events(now) || b.dispatch_events(now));
    }
    void pass(duration d)
    {
        const time_point end = now + d;
        for (run(); std::min(a.next_deadline(), b.next_deadline()) <= end; run())
            now = std::max(now + 1us, std::min(a.next_deadline(), b.next_deadline()));
        now = end;
        run();
    }
    client::lookup_id ask(const std::string& host)
    {
        const auto l = a.names().query(*dns::name::parse(host), record_type::a, *this, now);
        run();
        return l;
    }
    std::string result(client::lookup_id l)
    {
        if (!results.contains(l)) return "none yet";
        if (results[l].what != client::dns_result::outcome::found) return "failed";
        return std::get<address_v4>(results[l].answers[0].records[0].data).to_string();
    }

    // -- the server
    struct connection
    {
        tcp_id id;
        bytes unread;
        bool greeted = false, ended = false;
        std::deque<wire::dns_message> queries;
    };
    /// Takes what has come. @return the number of connections that the client has made so far
    std::size_t look()
    {
        run();
        endpoint peer;
        while (const auto id = b.tcp().accept(listener, peer, now)) {
            EXPECT_FALSE(b.tcp().set_option(*id, socket_option::no_delay, no_delay ? 1 : 0, now));
            connections.push_back({*id, {}, false, false, {}});
        }
        for (connection& c : connections) read(c);
        run();
        return connections.size();
    }
    void read(connection& c)
    {
        std::array<std::byte, 4096> memory;
        const std::array<mutable_bytes, 1> into{memory};
        for (;;) {
            const auto got = b.tcp().receive(c.id, into, {}, now);
            if (!got) break;
            if (*got == 0) {
                c.ended = true;
                break;
            }
            bytes some(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(*got));
            if (secure()) {
                if (!std::exchange(c.greeted, true)) {
                    EXPECT_EQ(some, bytes{std::byte{'!'}});
                    if (greets) write(c, bytes{greeting});
                    continue;
                }
                if (some == bytes{std::byte{'.'}}) continue; // the end in order
                some = test::hidden(some);
            }
            c.unread.insert(c.unread.end(), some.begin(), some.end());
        }
        while (c.unread.size() > 2) {
            const std::size_t size = wire::load_16(c.unread.data());
            if (c.unread.size() < size + 2) break;
            c.queries.push_back(wire::parse_dns(const_bytes(c.unread).subspan(2, size)).value());
            c.unread.erase(c.unread.begin(), c.unread.begin() + static_cast<std::ptrdiff_t>(size + 2));
        }
    }
    void write(connection& c, const bytes& o)
    {
        const std::array<const_bytes, 1> list{o};
        EXPECT_TRUE(b.tcp().send(c.id, list, now));
        run();
    }
    /// Takes what has come, the answers to greetings included.
    std::size_t serve()
    {
        look();
        return look();
    }
    void answer(connection& c, const wire::dns_message& q)
    {
        wire::dns_message m;
        m.id = q.id;
        m.response = m.recursion_available = true;
        m.question = q.question;
        m.answers = {{q.question->name, record_type::a, 60, boost::asio::ip::make_address_v4("192.0.2.77")}};
        const auto o = wire::make_dns(m);
        bytes framed(2);
        wire::store_16(framed.data(), static_cast<std::uint16_t>(o.size()));
        framed.insert(framed.end(), o.begin(), o.end());
        write(c, secure() ? test::hidden(framed) : framed);
    }
    /// Answers the oldest query.
    void answer(connection& c)
    {
        ASSERT_FALSE(c.queries.empty());
        const auto q = c.queries.front();
        c.queries.pop_front();
        answer(c, q);
    }
    void hang_up(connection& c)
    {
        b.tcp().close(c.id, now);
        run();
    }

    std::shared_ptr<toy_streams> tls = std::make_shared<toy_streams>();
    std::byte greeting{'!'};
    bool greets = true, no_delay = true;
    tcp_id listener{};
    std::deque<connection> connections;
    std::map<client::lookup_id, client::dns_result> results;
};

INSTANTIATE_TEST_SUITE_P(, name_connections, testing::Bool(), [](const auto& i) { return i.param ? "tls" : "tcp"; });

TEST_P(name_connections, a_hundred_queries_share_one_and_are_answered_out_of_order)
{
    use();
    std::vector<client::lookup_id> all;
    for (int i = 0; i < 100; ++i) all.push_back(ask("h" + std::to_string(i) + ".example"));
    EXPECT_EQ(serve(), 1U);
    ASSERT_EQ(connections[0].queries.size(), 100U);
    std::reverse(connections[0].queries.begin(), connections[0].queries.end());
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(result(all[99 - i]), "none yet");
        answer(connections[0]);
        ASSERT_EQ(result(all[99 - i]), "192.0.2.77");
        EXPECT_EQ(results[all[99 - i]].answers[0].encrypted, secure());
    }
    EXPECT_EQ(a.names().status().connections, 1U);
    if (secure()) {
        EXPECT_EQ(tls->asked, (std::vector{endpoint{there.address, 853}}));
    }
}

/// Unbound has Nagle's algorithm, and sends a session ticket before its first response.
TEST_P(name_connections, a_server_with_nagles_algorithm_does_not_wait_for_a_delayed_ack)
{
    no_delay = false;
    use();
    std::vector<client::lookup_id> all;
    for (int i = 0; i < 3; ++i) all.push_back(ask("h" + std::to_string(i) + ".example"));
    serve();
    for (const auto l : all) {
        answer(connections[0]);
        EXPECT_EQ(result(l), "192.0.2.77");
    }
}

TEST_P(name_connections, an_idle_one_is_used_again_and_then_closed)
{
    use();
    (void)ask("a.example");
    serve();
    answer(connections[0]);
    pass(9s);
    const auto l = ask("b.example");
    EXPECT_EQ(serve(), 1U);
    answer(connections[0]);
    EXPECT_EQ(result(l), "192.0.2.77");
    pass(9s);
    look();
    EXPECT_FALSE(connections[0].ended);
    pass(1s);
    look();
    EXPECT_TRUE(connections[0].ended);
    EXPECT_EQ(a.names().status().connections, 0U);
    EXPECT_EQ(a.names().next_deadline(), never);
    (void)ask("c.example");
    EXPECT_EQ(serve(), 2U);
}

TEST_P(name_connections, the_server_may_close_an_idle_one)
{
    use();
    (void)ask("a.example");
    serve();
    answer(connections[0]);
    hang_up(connections[0]);
    EXPECT_EQ(a.names().status().connections, 0U);
    const auto l = ask("b.example");
    EXPECT_EQ(serve(), 2U);
    answer(connections[1]);
    EXPECT_EQ(result(l), "192.0.2.77");
    EXPECT_EQ(a.names().status().counters.unreachable, 0U);
}

TEST_P(name_connections, queries_that_a_server_left_unanswered_are_sent_again)
{
    use();
    std::vector<client::lookup_id> all;
    for (int i = 0; i < 10; ++i) all.push_back(ask("h" + std::to_string(i) + ".example"));
    for (std::size_t n = 0; n < 10; ++n) { // a server that answers one query per connection
        EXPECT_EQ(serve(), n + 1);
        EXPECT_EQ(connections[n].queries.size(), 10 - n);
        answer(connections[n]);
        hang_up(connections[n]);
    }
    for (const auto l : all) EXPECT_EQ(result(l), "192.0.2.77");
    EXPECT_EQ(a.names().status().counters.unreachable, 0U);
}

TEST_P(name_connections, a_server_that_only_hangs_up_is_asked_as_often_as_attempts_say)
{
    use();
    const auto l = ask("a.example");
    std::size_t n = 0;
    for (; n < 10 && serve() > n; ++n) hang_up(connections[n]);
    EXPECT_EQ(n, 2U);
    EXPECT_EQ(result(l), "failed");
    if (secure()) {
        EXPECT_NE(a.names().status().tls_failure, "");
    }
}

TEST_P(name_connections, a_cancelled_query_leaves_the_others)
{
    use();
    const auto gone = ask("a.example"), l = ask("b.example");
    serve();
    a.names().cancel(gone, now);
    run();
    answer(connections[0]);
    EXPECT_EQ(result(gone), "none yet");
    answer(connections[0]);
    EXPECT_EQ(result(l), "192.0.2.77");
}

TEST_P(name_connections, a_silent_one_is_replaced)
{
    use();
    const auto first = ask("a.example");
    serve();
    pass(3s);
    const auto second = ask("b.example");
    EXPECT_EQ(serve(), 2U);
    EXPECT_TRUE(connections[0].ended);
    ASSERT_EQ(connections[1].queries.size(), 2U) << "the first query, too";
    answer(connections[1]);
    answer(connections[1]);
    EXPECT_EQ(result(first), "192.0.2.77");
    EXPECT_EQ(result(second), "192.0.2.77");
}

TEST_P(name_connections, nonsense_ends_it)
{
    use();
    const auto l = ask("a.example");
    serve();
    wire::dns_message q = connections[0].queries.front();
    q.id = static_cast<std::uint16_t>(q.id + 1);
    answer(connections[0], q);
    look();
    EXPECT_TRUE(connections[0].ended);
    serve();
    ASSERT_EQ(connections.size(), 2U) << "the second attempt";
    answer(connections[1]);
    EXPECT_EQ(result(l), "192.0.2.77");
}

TEST_P(name_connections, other_options_mean_another_connection)
{
    use();
    const auto l = ask("a.example");
    serve();
    dns_options others;
    others.idle_timeout = 5s;
    use(others);
    (void)ask("b.example");
    EXPECT_EQ(serve(), 2U);
    answer(connections[0]);
    EXPECT_EQ(result(l), "192.0.2.77") << "a query under way goes on";
    pass(1ms);
    look();
    EXPECT_TRUE(connections[0].ended) << "it was the last one there";
}

TEST_P(name_connections, a_refused_connection)
{
    b.tcp().close(listener, now);
    use();
    EXPECT_EQ(result(ask("a.example")), "failed");
    EXPECT_EQ(a.names().status().counters.unreachable, 2U);
    EXPECT_EQ(a.names().next_deadline(), never);
}

TEST_P(name_connections, the_end_of_the_host_ends_them)
{
    use();
    (void)ask("a.example");
    serve();
    (void)ask("b.example"); // the fixture's destruction must find nothing wrong
}

struct secure_name_connections : name_connections
{
};
INSTANTIATE_TEST_SUITE_P(, secure_name_connections, testing::Values(true), [](const auto&) { return "tls"; });

TEST_P(secure_name_connections, an_impostor_is_told_nothing_and_gives_no_answer)
{
    use();
    greeting = std::byte{'?'};
    const auto l = ask("a.example");
    serve();
    serve();
    EXPECT_EQ(connections.size(), 2U) << "attempts";
    for (const connection& c : connections) EXPECT_TRUE(c.queries.empty() && c.unread.empty());
    EXPECT_EQ(result(l), "failed");
    EXPECT_EQ(a.names().status().tls_failure, "an impostor");
    EXPECT_EQ(a.counters().udp.out_datagrams, 0U);
}

TEST_P(secure_name_connections, a_server_of_unknown_identity_is_not_asked)
{
    tls->known = false;
    use();
    EXPECT_EQ(result(ask("a.example")), "failed");
    EXPECT_EQ(serve(), 0U);
    EXPECT_NE(a.names().status().tls_failure.find("identity"), std::string::npos);
}

TEST_P(secure_name_connections, with_fallback_an_impostor_leads_to_udp)
{
    const socket_id in_clear = *b.udp().open(family::v4);
    ASSERT_FALSE(b.udp().bind(in_clear, {there.address, 53}));
    greeting = std::byte{'?'};
    dns_options opportunistic;
    opportunistic.tls_fallback = true;
    use(opportunistic);
    (void)ask("a.example");
    serve();
    EXPECT_EQ(connections.size(), 1U);
    std::array<std::byte, 2000> memory;
    const std::array<mutable_bytes, 1> into{memory};
    EXPECT_TRUE(b.udp().receive(in_clear, into, {}, nullptr, now));
    (void)ask("b.example");
    EXPECT_EQ(serve(), 1U) << "not tried again for a while";
    EXPECT_TRUE(b.udp().receive(in_clear, into, {}, nullptr, now));
}

TEST_P(secure_name_connections, a_handshake_that_never_ends_costs_the_timeouts)
{
    greets = false;
    dns_options hasty;
    hasty.timeout = 1s;
    use(hasty);
    const auto l = ask("a.example");
    serve();
    pass(2999ms);
    EXPECT_EQ(result(l), "none yet");
    pass(1ms);
    EXPECT_EQ(result(l), "failed");
    EXPECT_EQ(serve(), 1U) << "the second attempt waits for the same handshake";
    pass(10s);
    EXPECT_EQ(a.names().status().connections, 0U);
}

} // namespace
} // namespace tapio::core::name_connection_cases
