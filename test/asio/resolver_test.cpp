// Resolvers and DNS: a small server at the other end of a wire in virtual time.
#include "client/dns_answer.hpp"
#include "named_hosts.hpp"

#include <algorithm>
#include <ctime>
#include <list>
#include <memory>
#include <random>
#include <set>

namespace tapio::test {
namespace {

namespace asio = boost::asio;
using asio::ip::resolver_base;
using ip::tcp;

TEST(resolver, addresses_of_both_families_in_the_order_of_rfc_6724)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::2");
    server.add("www.example.com", "2001:db8:ffff::2"); // no route
    const auto o = net.resolve("www.example.com");
    EXPECT_FALSE(o.ec);
    EXPECT_EQ(o.text, "2001:db8::2 192.0.2.2 2001:db8:ffff::2");
    EXPECT_EQ(server.asked.size(), 2U);
    EXPECT_EQ(net.resolve("WWW.example.com.").text, o.text) << "from the cache";
    EXPECT_EQ(server.asked.size(), 2U);
    EXPECT_EQ(net.client->dns().counters.cache_hits, 2U);
}

TEST(resolver, each_query_comes_from_another_port_and_in_another_case)
{
    named_hosts net;
    net.options.cache_entries = 0;
    net.use(net.options.servers);
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2");
    for (int i = 0; i < 20; ++i) (void)net.resolve("www.example.com", resolver_base::address_configured);
    std::set<std::uint16_t> ports;
    std::set<std::string> names;
    for (const auto& e : server.askers) ports.insert(e.port());
    for (const auto& q : server.asked) names.insert(q.name.labels());
    EXPECT_EQ(ports.size(), 40U);
    EXPECT_GT(names.size(), 35U);
}

TEST(resolver, one_family)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::2");
    server.add("four.example.com", "192.0.2.2");
    tcp::resolver r(*net.client);
    const auto ask = [&](const tcp& p, const char* host, resolver_base::flags f) {
        named_hosts::outcome o;
        r.async_resolve(p, host, "80", f, net.noting(o));
        EXPECT_TRUE(net.time.run_until([&] { return o.over; }, 1min));
        return o;
    };
    EXPECT_EQ(ask(tcp::v4(), "www.example.com", {}).text, "192.0.2.2");
    EXPECT_EQ(server.asked.size(), 1U);
    EXPECT_EQ(ask(tcp::v6(), "www.example.com", {}).text, "2001:db8::2");
    EXPECT_EQ(ask(tcp::v6(), "four.example.com", {}).ec, asio::error::host_not_found);
    EXPECT_EQ(ask(tcp::v6(), "four.example.com", resolver_base::v4_mapped).text, "::ffff:192.0.2.2");
    EXPECT_EQ(ask(tcp::v6(), "www.example.com", resolver_base::v4_mapped).text, "2001:db8::2");
}

TEST(resolver, address_configured_asks_for_what_the_stack_has)
{
    named_hosts net;
    net.client->remove_address(make_address("2001:db8::1"));
    for (const auto& i : net.client->interfaces())
        for (const auto& a : i.addresses)
            if (i.id == 1 && a.address.is_v6()) net.client->remove_address(a.address);
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::2");
    EXPECT_EQ(net.resolve("www.example.com", resolver_base::address_configured).text, "192.0.2.2");
    ASSERT_EQ(server.asked.size(), 1U);
    EXPECT_EQ(server.asked[0].type, record_type::a);
}

TEST(resolver, canonical_names)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add_alias("www.example.com", "Host.example.net");
    server.add("host.example.net", "192.0.2.2");
    tcp::resolver r(*net.client);
    std::string with, without;
    r.async_resolve("www.example.com", "80", resolver_base::canonical_name,
                    [&](error_code, const tcp::resolver::results_type& all) { with = all.begin()->host_name(); });
    r.async_resolve("www.example.com", "80",
                    [&](error_code, const tcp::resolver::results_type& all) { without = all.begin()->host_name(); });
    net.time.run_for(1s);
    EXPECT_EQ(with, "Host.example.net");
    EXPECT_EQ(without, "www.example.com");
}

TEST(resolver, errors)
{
    named_hosts net;
    std::optional<dns_server> server(std::in_place, *net.peer, make_address("192.0.2.2"));
    server->add("www.example.com", "192.0.2.2");
    server->records.push_back(
        {dns_server::n("mx.example.com"), record_type::mx, 60, core::dns::mail_exchange{1, dns_server::n("a")}});
    EXPECT_EQ(net.resolve("none.example.com").ec, asio::error::host_not_found);
    EXPECT_EQ(net.resolve("mx.example.com").ec, asio::error::host_not_found) << "as glibc's EAI_NODATA through Asio";
    EXPECT_EQ(net.resolve("a..b").ec, asio::error::host_not_found);
    EXPECT_EQ(net.resolve(std::string(300, 'x')).ec, asio::error::host_not_found);
    server->change = [](auto& m, bool) { m.code = core::dns::response_code::refused, m.answers.clear(); };
    EXPECT_EQ(net.resolve("refused.example.com").ec, asio::error::host_not_found_try_again);
    server->silent = true;
    EXPECT_EQ(net.resolve("silent.example.com").ec, asio::error::host_not_found_try_again);
    server.reset();
    const auto begin = net.time.now();
    EXPECT_EQ(net.resolve("gone.example.com").ec, asio::error::host_not_found_try_again);
    EXPECT_LT(net.time.now() - begin, 1s) << "ICMP says that nobody listens";
    net.use({});
    EXPECT_EQ(net.resolve("www.example.org").ec, asio::error::host_not_found) << "no server";
}

TEST(resolver, names_that_are_not_asked_for)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    net.client->add_host_name("Table.example", make_address("192.0.2.77"));
    EXPECT_EQ(net.resolve("table.EXAMPLE.").text, "192.0.2.77");
    EXPECT_EQ(net.resolve("localhost").text, "127.0.0.1 ::1");
    EXPECT_EQ(net.resolve("a.localhost").ec, error_code());
    EXPECT_EQ(net.resolve("x.invalid").ec, asio::error::host_not_found);
    EXPECT_EQ(net.resolve("192.0.2.9").text, "192.0.2.9");
    EXPECT_TRUE(server.asked.empty());
}

TEST(resolver, back_to_names)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.records = {
        {dns_server::n("9.2.0.192.in-addr.arpa"), record_type::ptr, 60, dns_server::n("nine.example.com")},
        {core::client::reverse_name(make_address("2001:db8::9")), record_type::ptr, 60, dns_server::n("v6.example.com")}};
    net.client->add_host_name("table.example", make_address("192.0.2.77"));
    tcp::resolver r(*net.client);
    const auto ask = [&](const char* address) {
        std::string out = "nothing";
        r.async_resolve(tcp::endpoint(make_address(address), 80), [&](error_code ec, const tcp::resolver::results_type& all) {
            out = ec ? ec.message() : all.begin()->host_name() + " " + all.begin()->service_name();
        });
        EXPECT_EQ(out, "nothing");
        EXPECT_TRUE(net.time.run_until([&] { return out != "nothing"; }, 1min));
        return out;
    };
    EXPECT_EQ(ask("192.0.2.9"), "nine.example.com http");
    EXPECT_EQ(ask("::ffff:192.0.2.9"), "nine.example.com http");
    EXPECT_EQ(ask("2001:db8::9"), "v6.example.com http");
    EXPECT_EQ(ask("192.0.2.10"), "192.0.2.10 http") << "no such name";
    EXPECT_EQ(ask("192.0.2.77"), "table.example http");
    EXPECT_EQ(ask("127.0.0.1"), "localhost http");
    server.silent = true;
    EXPECT_EQ(ask("192.0.2.11"), error_code(asio::error::host_not_found_try_again).message());
}

TEST(resolver, search_domains)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("host.two.example", "192.0.2.7");
    net.options.search = {"one.example", "two.example"};
    net.use(net.options.servers);
    EXPECT_EQ(net.resolve("host").text, "192.0.2.7");
    EXPECT_EQ(net.resolve("host.").ec, asio::error::host_not_found);
    EXPECT_EQ(net.client->dns().search, net.options.search);
}

TEST(resolver, lost_datagrams_are_repeated)
{
    core::impairment_options wire;
    wire.delay = 10ms;
    wire.drop = 0.3;
    named_hosts net(wire);
    net.options.timeout = 1s;
    net.options.attempts = 5;
    net.options.cache_entries = 0;
    net.use(net.options.servers);
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2");
    int found = 0;
    for (int i = 0; i < 50; ++i) found += net.resolve("www.example.com").ec ? 0 : 1;
    EXPECT_GT(found, 40); // five attempts with 0.51 each fail once in 35
    EXPECT_GT(net.client->dns().counters.timeouts, 20U);
}

TEST(resolver, a_silent_server_is_followed_by_the_next)
{
    named_hosts net;
    net.use({{make_address("192.0.2.2"), 0}, {make_address("2001:db8::3"), 5353}});
    dns_server first(*net.peer, make_address("192.0.2.2")), second(*net.peer, make_address("2001:db8::3"), 5353);
    first.silent = true;
    second.add("www.example.com", "192.0.2.2");
    const auto begin = net.time.now();
    EXPECT_EQ(net.resolve("www.example.com").text, "192.0.2.2");
    EXPECT_GE(net.time.now() - begin, 5s);
    EXPECT_LT(net.time.now() - begin, 6s);
    const auto then = net.time.now();
    second.add("other.example.com", "192.0.2.3");
    EXPECT_EQ(net.resolve("other.example.com").text, "192.0.2.3");
    EXPECT_LT(net.time.now() - then, 1s) << "the silent server is asked last for a while";
}

TEST(resolver, a_truncated_answer_comes_by_tcp)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    for (int i = 1; i < 250; ++i) server.add("many.example.com", ("198.18.0." + std::to_string(i)).c_str());
    const auto o = net.resolve("many.example.com", resolver_base::address_configured);
    EXPECT_EQ(std::count(o.text.begin(), o.text.end(), ' '), 248);
    EXPECT_EQ(server.by_tcp, 1U);
    server.add("small.example.com", "192.0.2.2");
    server.truncates = true;
    EXPECT_EQ(net.resolve("small.example.com").text, "192.0.2.2");
}

TEST(resolver, forged_answers_are_not_believed)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.bank.example", "192.0.2.2");
    ip::udp::socket forger(*net.peer, ip::udp::endpoint(make_address("192.0.2.3"), 53)),
        near(*net.peer, ip::udp::endpoint(make_address("192.0.2.2"), 54));
    std::mt19937 random(5);
    std::size_t forged = 0;
    server.ignores = [&](const core::wire::dns_message& q) { // the forger sees the query, and is faster
        core::wire::dns_message m;
        m.id = q.id;
        m.response = m.recursion_available = true;
        m.question = q.question;
        m.answers = {{q.question->name, q.question->type, 60, core::address_v4(0xc0000242U)}};
        if (q.question->type != record_type::a) m.answers.clear();
        const auto send = [&](ip::udp::socket& from) {
            from.send_to(asio::buffer(core::wire::make_dns(m)), server.askers.back());
            ++forged;
        };
        send(forger); // from another host
        send(near);   // from another port
        for (int i = 0; i < 20; ++i) {
            m.id = static_cast<std::uint16_t>(random());
            if (m.id != q.id) send(server.socket());
        }
        return false;
    };
    EXPECT_EQ(net.resolve("www.bank.example").text, "192.0.2.2");
    EXPECT_GT(forged, 40U);
    EXPECT_GE(net.client->dns().counters.mismatches, 38U);
}

TEST(resolver, a_flood_of_forged_answers_leads_to_tcp)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.bank.example", "192.0.2.2");
    server.ignores = [&](const core::wire::dns_message& q) {
        core::wire::dns_message m;
        m.response = m.recursion_available = true;
        m.question = q.question;
        m.question->name = m.question->name.lower_case();
        m.answers = {{m.question->name, record_type::a, 60, core::address_v4(0xc0000242U)}};
        for (std::uint32_t id = 0; id < 2000; ++id) {
            m.id = static_cast<std::uint16_t>(q.id + 1 + id);
            server.socket().send_to(asio::buffer(core::wire::make_dns(m)), server.askers.back());
        }
        return server.by_tcp == 0;
    };
    const auto begin = net.time.now();
    EXPECT_EQ(net.resolve("www.bank.example", resolver_base::address_configured).text, "192.0.2.2");
    EXPECT_LT(net.time.now() - begin, 1s);
    EXPECT_GE(server.by_tcp, 1U);
}

TEST(resolver, the_ttl_is_kept_and_the_negative_one)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2", 100);
    server.negative_ttl = 50;
    tcp::resolver r(*net.client);
    const auto ask = [&](const char* host) {
        named_hosts::outcome o;
        r.async_resolve(tcp::v4(), host, "80", net.noting(o));
        EXPECT_TRUE(net.time.run_until([&] { return o.over; }, 1min));
        return server.asked.size();
    };
    EXPECT_EQ(ask("www.example.com"), 1U);
    EXPECT_EQ(ask("none.example.com"), 2U);
    net.time.run_for(49s);
    EXPECT_EQ(ask("none.example.com"), 2U);
    net.time.run_for(1s);
    EXPECT_EQ(ask("none.example.com"), 3U);
    EXPECT_EQ(ask("www.example.com"), 3U);
    net.time.run_for(51s);
    EXPECT_EQ(ask("www.example.com"), 4U);
}

TEST(resolver, stale_records_while_the_server_is_away)
{
    named_hosts net;
    net.options.serve_stale = 24h;
    net.use(net.options.servers);
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2", 60);
    server.add("www.example.com", "2001:db8::2", 60);
    EXPECT_FALSE(net.resolve("www.example.com").ec);
    net.time.run_for(1h);
    server.silent = true;
    const auto begin = net.time.now();
    EXPECT_EQ(net.resolve("www.example.com").text, "2001:db8::2 192.0.2.2");
    EXPECT_GE(net.time.now() - begin, 1800ms);
    EXPECT_LT(net.time.now() - begin, 1900ms);
    EXPECT_EQ(net.client->dns().counters.stale_answers, 2U);
    net.time.run_for(24h);
    EXPECT_EQ(net.resolve("www.example.com").ec, asio::error::host_not_found_try_again);
}

TEST(resolver, the_end_of_one_costs_no_more_beside_the_lookups_of_others)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.silent = true;
    int aborted = 0;
    const auto count = [&](error_code ec, const tcp::resolver::results_type&) {
        aborted += ec == asio::error::operation_aborted ? 1 : 0;
    };
    const auto cost = [&] { // CPU time of the ends of 2,000 resolvers with a lookup each
        std::clock_t all = 0;
        for (int round = 0; round < 20; ++round) {
            std::list<tcp::resolver> some;
            for (int n = 0; n < 100; ++n)
                some.emplace_back(*net.client).async_resolve("n" + std::to_string(n) + ".example.com", "80", count);
            const std::clock_t begin = std::clock();
            for (auto& r : some) r.cancel();
            some.clear();
            all += std::clock() - begin;
        }
        return all;
    };
    const std::clock_t alone = cost();
    tcp::resolver others(*net.client);
    for (int n = 0; n < 4500; ++n) others.async_resolve("o" + std::to_string(n) + ".example.com", "80", count);
    EXPECT_EQ(net.client->dns().queries, 9000U);
    const std::clock_t beside = cost();
    EXPECT_LT(beside, 4 * alone) << alone << " us alone";
    EXPECT_EQ(net.client->dns().queries, 9000U);
    net.time.run_for(1ms);
    EXPECT_EQ(aborted, 4000) << "each that was cancelled, and none of the others";
    others.cancel();
    net.time.run_for(1ms);
    EXPECT_EQ(aborted, 8500);
}

TEST(resolver, cancellation)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.silent = true;
    named_hosts::outcome one, two, three;
    tcp::resolver r(*net.client);
    r.async_resolve("one.example.com", "80", net.noting(one));
    asio::cancellation_signal signal;
    r.async_resolve("two.example.com", "80", asio::bind_cancellation_slot(signal.slot(), net.noting(two)));
    net.time.run_for(1s);
    EXPECT_FALSE(one.over || two.over);
    EXPECT_EQ(net.client->dns().queries, 4U);
    signal.emit(asio::cancellation_type::total);
    EXPECT_FALSE(two.over) << "posted";
    net.time.run_for(1ms);
    EXPECT_EQ(two.ec, asio::error::operation_aborted);
    EXPECT_FALSE(one.over);
    r.cancel();
    net.time.run_for(1ms);
    EXPECT_EQ(one.ec, asio::error::operation_aborted);
    EXPECT_EQ(net.client->dns().queries, 0U);
    {
        tcp::resolver gone(*net.client);
        gone.async_resolve("three.example.com", "80", net.noting(three));
    }
    net.time.run_for(1ms);
    EXPECT_EQ(three.ec, asio::error::operation_aborted) << "the resolver was destroyed";
    named_hosts::outcome four;
    tcp::resolver moved(std::move(r));
    moved.async_resolve("four.example.com", "80", net.noting(four));
    r = std::move(moved);
    net.time.run_for(1ms);
    EXPECT_FALSE(four.over) << "a lookup moves with its resolver";
    r.cancel();
    net.time.run_for(1ms);
    EXPECT_EQ(four.ec, asio::error::operation_aborted);
}

TEST(resolver, shutdown_with_pending_lookups)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.silent = true;
    named_hosts::outcome one, two;
    tcp::resolver r(*net.client);
    r.async_resolve("one.example.com", "80", net.noting(one));
    net.time.run_for(1s);
    net.client->shutdown();
    r.async_resolve("two.example.com", "80", net.noting(two));
    net.time.run_for(1s);
    EXPECT_EQ(one.ec, asio::error::operation_aborted);
    EXPECT_EQ(two.ec, asio::error::operation_aborted);
}

TEST(resolver, lookups_are_outstanding_work_and_may_be_abandoned)
{
    const auto alive = std::make_shared<int>();
    {
        asio::io_context io;
        auto [l, r] = make_pipe();
        stack client(io, std::move(l));
        client.add_address(make_address("192.0.2.1"), 24);
        dns_options o;
        o.servers = {{make_address("192.0.2.2"), 0}};
        client.set_dns(o);
        tcp::resolver resolver(client);
        resolver.async_resolve("www.example.com", "80", [alive](error_code, const tcp::resolver::results_type&) {});
        io.run_for(20ms);
        EXPECT_FALSE(io.stopped()) << "there is work";
    }
    EXPECT_EQ(alive.use_count(), 1);
}

TEST(resolver, suspended_coroutines_may_outlive_the_stack)
{
    const auto alive = std::make_shared<int>();
    {
        named_hosts net;
        asio::co_spawn(
            *net.client,
            [alive]() -> asio::awaitable<void> {
                const auto copy = alive;
                tcp::resolver r(co_await asio::this_coro::executor);
                co_await r.async_resolve("www.example.com", "80", asio::use_awaitable);
            },
            asio::detached);
        net.time.run_for(1s);
    }
    EXPECT_EQ(alive.use_count(), 1);
}

TEST(resolver, synchronous_in_virtual_time)
{
    named_hosts net;
    dns_server server(*net.peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2");
    (void)net.resolve("www.example.com");
    tcp::resolver r(*net.client);
    error_code ec;
    EXPECT_EQ(named_hosts::text_of(r.resolve("www.example.com", "80", ec)), "192.0.2.2") << "from the cache";
    EXPECT_FALSE(ec);
    const auto begin = net.time.now();
    (void)r.resolve("other.example.com", "80", ec); // no handler of the server runs
    EXPECT_EQ(ec, asio::error::host_not_found_try_again);
    EXPECT_EQ(net.time.now() - begin, 15s);
    EXPECT_EQ(named_hosts::text_of(r.resolve("a.localhost", "80", ec)), "::1 127.0.0.1");
    EXPECT_EQ(r.resolve(tcp::endpoint(make_address("127.0.0.1"), 80), ec).begin()->host_name(), "localhost");
}

TEST(resolver, synchronous_in_real_time)
{
    asio::io_context io;
    auto [l, r] = make_pipe();
    stack peer(std::move(r)); // with a thread of its own
    peer.add_address(make_address("192.0.2.2"), 24);
    dns_server server(peer, make_address("192.0.2.2"));
    server.add("www.example.com", "192.0.2.2");
    server.records.push_back({dns_server::n("2.2.0.192.in-addr.arpa"), record_type::ptr, 60, dns_server::n("www.example.com")});
    stack client(io, std::move(l));
    client.add_address(make_address("192.0.2.1"), 24);
    dns_options o;
    o.servers = {{make_address("192.0.2.2"), 0}};
    client.set_dns(o);
    tcp::resolver resolver(client);
    error_code ec;
    EXPECT_EQ(named_hosts::text_of(resolver.resolve("www.example.com", "80", ec)), "192.0.2.2");
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_EQ(resolver.resolve(tcp::endpoint(make_address("192.0.2.2"), 80), ec).begin()->host_name(), "www.example.com");
    (void)resolver.resolve("none.example.com", "80", ec);
    EXPECT_EQ(ec, asio::error::host_not_found);
    peer.shutdown();
}

} // namespace
} // namespace tapio::test
