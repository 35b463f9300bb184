// dns::async_query: every type, errors, where an answer comes from, cancellation, completion tokens; advertised servers.
#include "named_hosts.hpp"

namespace tapio::test {
namespace {

namespace asio = boost::asio;
using dns::name;
using dns::record;

struct asking : testing::Test, named_hosts
{
    struct got
    {
        error_code ec;
        dns::answer answer;
    };
    got ask(const std::string& host, record_type type)
    {
        std::optional<got> out;
        dns::async_query(*client, host, type, [&](error_code ec, dns::answer a) { out = {ec, std::move(a)}; });
        EXPECT_FALSE(out) << "the handler ran within the call";
        EXPECT_TRUE(time.run_until([&] { return out.has_value(); }, 1min));
        return out.value_or(got{});
    }
    dns_server server{*peer, make_address("192.0.2.2")};
};

TEST_F(asking, every_type)
{
    const auto n = dns_server::n;
    server.records = {
        {n("x.example"), record_type::a, 10, make_address("192.0.2.7").to_v4()},
        {n("x.example"), record_type::aaaa, 11, make_address("2001:db8::7").to_v6()},
        {n("x.example"), record_type::ns, 12, n("ns.x.example")},
        {n("x.example"), record_type::soa, 13, dns::zone_authority{n("ns.x.example"), n("a\\.b.x.example"), 1, 2, 3, 4, 5}},
        {n("x.example"), record_type::mx, 14, dns::mail_exchange{20, n("mail.x.example")}},
        {n("x.example"), record_type::txt, 15, dns::text_strings{"v=spf1 -all", std::string("\0\xff", 2)}},
        {n("_s._tcp.x.example"), record_type::srv, 16, dns::service_location{1, 2, 3, n("srv.x.example")}},
        {n("7.2.0.192.in-addr.arpa"), record_type::ptr, 17, n("x.example")},
        {n("alias.example"), record_type::cname, 18, n("x.example")},
        {n("x.example"), record_type(257), 19, dns::unknown_data{std::byte{0}, std::byte{5}}}, // CAA
    };
    for (const record& r : server.records) {
        const auto g = ask(r.owner.to_string(), r.type);
        EXPECT_FALSE(g.ec) << g.ec.message();
        ASSERT_EQ(g.answer.records.size(), 1U) << r.owner.to_string();
        EXPECT_EQ(g.answer.records[0], r);
        EXPECT_LE(g.answer.records[0].ttl, r.ttl);
        EXPECT_TRUE(g.answer.authoritative && !g.answer.from_cache && !g.answer.stale);
    }
    const auto cached = ask("X.Example", record_type::mx);
    EXPECT_TRUE(cached.answer.from_cache && !cached.answer.authoritative);
    const auto alias = ask("alias.example", record_type::mx);
    EXPECT_EQ(alias.answer.records.size(), 2U);
    EXPECT_EQ(alias.answer.canonical, n("x.example"));
}

TEST_F(asking, errors_say_what_is_wrong)
{
    server.add("x.example", "192.0.2.7");
    const auto none = ask("none.example", record_type::a);
    EXPECT_EQ(none.ec, asio::error::host_not_found);
    EXPECT_EQ(none.answer.code, dns::response_code::name_error);
    const auto no_type = ask("x.example", record_type::mx);
    EXPECT_EQ(no_type.ec, asio::error::no_data);
    EXPECT_EQ(no_type.answer.code, dns::response_code::no_error);
    EXPECT_EQ(ask("a..b", record_type::a).ec, asio::error::invalid_argument);
    server.change = [](auto& m, bool) { m.code = dns::response_code::refused; };
    const auto refused = ask("y.example", record_type::a);
    EXPECT_EQ(refused.ec, asio::error::host_not_found_try_again);
    EXPECT_EQ(refused.answer.code, dns::response_code::refused);
    EXPECT_EQ(ask("b.localhost", record_type::a).answer.records.size(), 1U);
}

TEST_F(asking, search_domains_and_the_hosts_table_are_not_used)
{
    options.search = {"example"};
    use(options.servers);
    client->add_host_name("x", make_address("192.0.2.9"));
    EXPECT_EQ(ask("x", record_type::a).ec, asio::error::host_not_found);
    EXPECT_EQ(server.asked.size(), 1U);
}

TEST_F(asking, cancellation_and_tokens)
{
    server.silent = true;
    asio::cancellation_signal signal;
    error_code said;
    dns::async_query(*client, "x.example", record_type::a,
                     asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, const dns::answer&) { said = ec; }));
    time.run_for(1s);
    signal.emit(asio::cancellation_type::terminal);
    time.run_for(1ms);
    EXPECT_EQ(said, asio::error::operation_aborted);
    EXPECT_EQ(client->dns().queries, 0U);
    server.silent = false;
    server.add("x.example", "192.0.2.7");
    std::size_t records = 0;
    asio::co_spawn(
        *client,
        [&]() -> asio::awaitable<void> {
            const auto a = co_await dns::async_query(*client, "x.example", record_type::a, asio::use_awaitable);
            records = a.records.size();
        },
        asio::detached);
    auto later = dns::async_query(*client, *name::parse("x.example"), record_type::a, asio::use_future);
    time.run_for(1s);
    EXPECT_EQ(records, 1U);
    EXPECT_EQ(later.get().records.size(), 1U);
    server.silent = true;
    said = {};
    dns::async_query(*client, "y.example", record_type::a, [&](error_code ec, const dns::answer&) { said = ec; });
    time.run_for(1s);
    client->shutdown();
    time.run_for(1ms);
    EXPECT_EQ(said, asio::error::operation_aborted);
}

TEST_F(asking, queries_at_once_have_bounds)
{
    options.most_queries = 10;
    use(options.servers);
    for (int i = 0; i < 100; ++i) server.add("h" + std::to_string(i) + ".example", "192.0.2.7");
    int answered = 0;
    for (int i = 0; i < 100; ++i)
        dns::async_query(*client, "h" + std::to_string(i) + ".example", record_type::a,
                         [&](error_code ec, const dns::answer&) { answered += ec ? 0 : 1; });
    time.run_for(1s);
    EXPECT_EQ(answered, 100);
    EXPECT_EQ(client->dns().counters.queries, 100U);
}

} // namespace
} // namespace tapio::test
