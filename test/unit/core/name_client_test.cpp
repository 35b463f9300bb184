// The resolver's sockets: random ports, sources, ICMP errors, TCP, servers that interfaces have learned.
#include "core/name_client.hpp"
#include "support/two_hosts.hpp"
#include "wire/dns.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace tapio::core::name_client_test {
namespace {

using namespace std::chrono_literals;
using dns::name;
using dns::record;
using dns::record_type;

struct name_client_sockets : testing::Test, two_hosts, client::dns_sink
{
    name_client_sockets() { EXPECT_FALSE(b.udp().bind(server = *b.udp().open(family::v4), {there.address, 53})); }

    void resolved(client::lookup_id l, client::dns_result&& r, time_point) override { results[l] = std::move(r); }

    void use(std::vector<endpoint> servers)
    {
        dns_options o;
        o.servers = std::move(servers);
        a.set_dns(o, now);
    }
    /// Exchanges packets and events until nothing happens.
    void run()
    {
        do settle();
        while (a.dispatch_events(now) || b.dispatch_events(now));
    }
    void pass(duration d)
    {
        const time_point end = now + d;
        for (run(); a.next_deadline() <= end; run()) now = std::max(now + 1us, a.next_deadline());
        now = end;
    }
    client::lookup_id ask(const std::string& host)
    {
        const auto l = a.names().look_up(host, {record_type::a}, *this, now);
        run();
        return l;
    }
    struct query
    {
        endpoint from;
        wire::dns_message message;
    };
    std::optional<query> received(host& h, socket_id at)
    {
        std::array<std::byte, 2000> memory;
        const std::array<mutable_bytes, 1> into{memory};
        received_message about;
        const auto got = h.udp().receive(at, into, {}, &about, now);
        if (!got) return std::nullopt;
        return query{about.sender, wire::parse_dns(const_bytes(memory).first(*got)).value()};
    }
    static wire::dns_message answer_to(const wire::dns_message& q, const char* address = "192.0.2.77")
    {
        wire::dns_message m;
        m.id = q.id;
        m.response = m.recursion_available = true;
        m.question = q.question;
        m.answers = {{q.question->name, record_type::a, 60, boost::asio::ip::make_address_v4(address)}};
        return m;
    }
    void send(socket_id from, const endpoint& to, const wire::dns_message& m)
    {
        const auto o = wire::make_dns(m);
        const std::array<const_bytes, 1> list{o};
        EXPECT_TRUE(b.udp().send(from, list, &to, now));
        run();
    }
    std::string address_in(client::lookup_id l)
    {
        if (!results.contains(l)) return "no result";
        if (results[l].answers.empty() || results[l].answers[0].records.empty()) return "none";
        return std::get<address_v4>(results[l].answers[0].records[0].data).to_string();
    }

    socket_id server{};
    std::map<client::lookup_id, client::dns_result> results;
};

/// As many as dns_options::most_queries lets go at once.
TEST_F(name_client_sockets, a_burst_of_queries_waits_for_the_link_layer_address_of_the_server)
{
    use({{there.address, 53}});
    const std::size_t queries = dns_options().most_queries;
    for (std::size_t n = 0; n < queries; ++n)
        (void)a.names().look_up("n" + std::to_string(n) + ".example", {record_type::a}, *this, now);
    run();
    std::size_t arrived = 0;
    while (received(b, server)) ++arrived;
    EXPECT_EQ(arrived, queries);
    EXPECT_EQ(a.counters().drops[drop_reason::neighbor_queue_full], 0U);
}

TEST_F(name_client_sockets, a_name_by_udp)
{
    use({{there.address, 0}});
    const auto l = ask("www.example.com");
    const auto q = received(b, server);
    ASSERT_TRUE(q);
    EXPECT_EQ(q->from.address, here.address);
    send(server, q->from, answer_to(q->message));
    EXPECT_EQ(address_in(l), "192.0.2.77");
    EXPECT_EQ(a.names().next_deadline(), never);
    send(server, q->from, answer_to(q->message));
    EXPECT_EQ(a.counters().udp.no_ports, 1U) << "the socket is closed";
}

TEST_F(name_client_sockets, each_query_has_a_port_of_its_own)
{
    use({{there.address, 0}});
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 100; ++i) (void)ask("h" + std::to_string(i) + ".example.com");
    while (const auto q = received(b, server)) ports.insert(q->from.port);
    EXPECT_EQ(ports.size(), 100U);
    EXPECT_GT(*ports.rbegin() - *ports.begin(), 10'000) << "spread over the ephemeral ports";
}

TEST_F(name_client_sockets, another_port_and_another_host_are_not_heard)
{
    use({{there.address, 0}});
    const auto l = ask("www.example.com");
    const auto q = received(b, server);
    ASSERT_TRUE(q);
    const socket_id forger = *b.udp().open(family::v4);
    ASSERT_FALSE(b.udp().bind(forger, {there.address, 54}));
    send(forger, q->from, answer_to(q->message, "192.0.2.66"));
    const address another = boost::asio::ip::make_address("192.0.2.3");
    ASSERT_FALSE(b.add_address(1, another, 24, now));
    const socket_id elsewhere = *b.udp().open(family::v4);
    ASSERT_FALSE(b.udp().bind(elsewhere, {another, 53}));
    send(elsewhere, q->from, answer_to(q->message, "192.0.2.66"));
    EXPECT_EQ(address_in(l), "no result");
    EXPECT_EQ(a.counters().udp.no_ports, 2U);
    send(server, q->from, answer_to(q->message));
    EXPECT_EQ(address_in(l), "192.0.2.77");
}

TEST_F(name_client_sockets, an_unreachable_port_leads_to_the_next_server_at_once)
{
    use({{there.address, 5300}, {there.address, 53}});
    const auto l = ask("www.example.com");
    const auto q = received(b, server);
    ASSERT_TRUE(q) << "without waiting";
    send(server, q->from, answer_to(q->message));
    EXPECT_EQ(address_in(l), "192.0.2.77");
    EXPECT_EQ(a.names().status().counters.unreachable, 1U);
}

TEST_F(name_client_sockets, a_server_without_a_route_or_without_a_neighbour)
{
    const endpoint no_route{boost::asio::ip::make_address("203.0.113.1"), 53},
        nobody{boost::asio::ip::make_address("192.0.2.9"), 53}, other_family{boost::asio::ip::make_address("2001:db8::1"), 53};
    use({no_route, other_family, nobody, {there.address, 53}});
    const auto l = ask("www.example.com");
    EXPECT_EQ(a.names().status().counters.unreachable, 2U);
    pass(4s); // the neighbour is given up after three seconds
    const auto q = received(b, server);
    ASSERT_TRUE(q);
    send(server, q->from, answer_to(q->message));
    EXPECT_EQ(address_in(l), "192.0.2.77");
}

TEST_F(name_client_sockets, a_truncated_response_leads_to_tcp)
{
    use({{there.address, 53}});
    there.port = 53;
    const tcp_id listener = listen(5);
    const auto l = ask("www.example.com");
    const auto q = received(b, server);
    ASSERT_TRUE(q);
    auto truncated = answer_to(q->message);
    truncated.truncated = true;
    send(server, q->from, truncated);
    endpoint peer;
    const auto stream = b.tcp().accept(listener, peer, now);
    ASSERT_TRUE(stream);
    std::array<std::byte, 2000> memory;
    const std::array<mutable_bytes, 1> into{memory};
    const auto got = b.tcp().receive(*stream, into, {}, now);
    ASSERT_TRUE(got);
    const std::size_t size = wire::load_16(memory.data());
    ASSERT_EQ(*got, size + 2);
    const auto again = wire::parse_dns(const_bytes(memory).subspan(2, size));
    ASSERT_TRUE(again);
    auto m = answer_to(*again);
    for (int i = 0; i < 500; ++i)
        m.answers.push_back({again->question->name, record_type::a, 60, address_v4(0xcb007100U + static_cast<unsigned>(i))});
    const auto o = wire::make_dns(m);
    std::array<std::byte, 2> length;
    wire::store_16(length.data(), static_cast<std::uint16_t>(o.size()));
    const std::array<const_bytes, 2> list{const_bytes(length), const_bytes(o)};
    ASSERT_EQ(*b.tcp().send(*stream, list, now), o.size() + 2);
    run();
    ASSERT_TRUE(results.contains(l));
    EXPECT_EQ(results[l].answers[0].records.size(), 501U);
    pass(10s);
    EXPECT_EQ(*b.tcp().receive(*stream, into, {}, now), 0U) << "the client closes the stream when it has been idle";
}

TEST_F(name_client_sockets, a_refused_stream_leads_to_the_next_server)
{
    use({{there.address, 53}, {there.address, 5353}});
    const socket_id second = *b.udp().open(family::v4);
    ASSERT_FALSE(b.udp().bind(second, {address_v4::any(), 5353}));
    (void)ask("www.example.com");
    const auto q = received(b, server);
    ASSERT_TRUE(q);
    auto truncated = answer_to(q->message);
    truncated.truncated = true;
    send(server, q->from, truncated);
    EXPECT_TRUE(received(b, second));
}

TEST_F(name_client_sockets, a_silent_server)
{
    use({{there.address, 53}});
    const auto l = ask("www.example.com");
    pass(14s);
    EXPECT_FALSE(results.contains(l));
    pass(1s);
    EXPECT_EQ(results[l].what, client::dns_result::outcome::failed);
    EXPECT_EQ(a.names().next_deadline(), never);
}

TEST_F(name_client_sockets, a_cancelled_lookup_leaves_nothing)
{
    use({{there.address, 53}});
    const auto l = ask("www.example.com");
    const auto q = received(b, server);
    ASSERT_TRUE(q);
    a.names().cancel(l, now);
    run();
    EXPECT_EQ(a.names().next_deadline(), never);
    send(server, q->from, answer_to(q->message));
    EXPECT_EQ(a.counters().udp.no_ports, 1U);
    EXPECT_TRUE(results.empty());
}

TEST_F(name_client_sockets, without_servers_there_is_no_name)
{
    EXPECT_TRUE(a.names().status().servers.empty());
    const auto none = ask("www.example.com");
    EXPECT_EQ(results[none].what, client::dns_result::outcome::no_name);
}

} // namespace
} // namespace tapio::core::name_client_test
