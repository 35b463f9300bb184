// tapio::async_connect: Happy Eyeballs (RFC 8305), to the millisecond.
#include "named_hosts.hpp"

#include <future>

namespace tapio::test {
namespace {

namespace asio = boost::asio;
using ip::tcp;

struct connecting : testing::Test, named_hosts
{
    struct result
    {
        error_code ec;
        tcp::endpoint to;
        core::duration took{};
    };
    result connect(const std::string& host = "www.example.com", const std::string& service = "80")
    {
        std::optional<result> out;
        const auto begin = time.now();
        socket.emplace(*client);
        tapio::async_connect(*socket, host, service, [&](error_code ec, const tcp::endpoint& e) {
            EXPECT_FALSE(out) << "called twice";
            out = {ec, e, time.now() - begin};
        });
        EXPECT_FALSE(out) << "the handler ran within the call";
        EXPECT_TRUE(time.run_until([&] { return out.has_value(); }, 10min));
        return out.value_or(result{});
    }
    void listen(const char* address) { acceptors.emplace_back(*peer, tcp::endpoint(make_address(address), 80)); }
    std::string now_connected() const { return socket->remote_endpoint().address().to_string(); }

    dns_server server{*peer, make_address("192.0.2.2")};
    std::deque<tcp::acceptor> acceptors;
    std::optional<tcp::socket> socket;
    // 192.0.2.99 and 2001:db8::99 are neighbours that do not answer: a black hole until resolution gives them up after 3 s.
};

TEST_F(connecting, ipv6_is_preferred)
{
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::2");
    listen("192.0.2.2"), listen("2001:db8::2");
    const auto r = connect();
    EXPECT_FALSE(r.ec) << r.ec.message();
    EXPECT_EQ(r.to, tcp::endpoint(make_address("2001:db8::2"), 80));
    EXPECT_EQ(now_connected(), "2001:db8::2");
    EXPECT_LT(r.took, 20ms);
}

TEST_F(connecting, a_black_hole_costs_250_ms)
{
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::99");
    listen("192.0.2.2");
    const auto r = connect();
    EXPECT_FALSE(r.ec);
    EXPECT_EQ(now_connected(), "192.0.2.2");
    EXPECT_GE(r.took, 250ms);
    EXPECT_LT(r.took, 260ms);
}

TEST_F(connecting, families_take_turns)
{
    for (const char* const a : {"2001:db8::99", "2001:db8::98", "2001:db8::97", "192.0.2.99", "192.0.2.2"})
        server.add("www.example.com", a);
    listen("192.0.2.2");
    const auto r = connect(); // IPv6, IPv4, IPv6, IPv4
    EXPECT_EQ(now_connected(), "192.0.2.2");
    EXPECT_GE(r.took, 750ms);
    EXPECT_LT(r.took, 760ms);
}

TEST_F(connecting, a_refusal_leads_to_the_next_at_once)
{
    for (const char* const a : {"2001:db8::2", "2001:db8::3", "192.0.2.2"}) server.add("www.example.com", a);
    listen("192.0.2.2");
    const auto r = connect();
    EXPECT_EQ(now_connected(), "192.0.2.2");
    EXPECT_LT(r.took, 20ms);
}

TEST_F(connecting, a_slow_answer_about_ipv6_is_not_awaited_longer_than_50_ms)
{
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::2");
    listen("192.0.2.2"), listen("2001:db8::2");
    server.ignores = [](const auto& q) { return q.question->type == record_type::aaaa; };
    const auto r = connect();
    EXPECT_EQ(now_connected(), "192.0.2.2");
    EXPECT_GE(r.took, 50ms);
    EXPECT_LT(r.took, 60ms);
    EXPECT_EQ(client->dns().queries, 0U) << "the other lookup is cancelled";
}

TEST_F(connecting, a_slow_answer_about_ipv4_is_not_awaited_at_all)
{
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::2");
    listen("192.0.2.2"), listen("2001:db8::2");
    server.ignores = [](const auto& q) { return q.question->type == record_type::a; };
    const auto r = connect();
    EXPECT_EQ(now_connected(), "2001:db8::2");
    EXPECT_LT(r.took, 20ms);
}

TEST_F(connecting, no_address_of_ipv6_is_known_at_once)
{
    server.add("www.example.com", "192.0.2.2");
    listen("192.0.2.2");
    EXPECT_LT(connect().took, 20ms);
    EXPECT_EQ(now_connected(), "192.0.2.2");
}

TEST_F(connecting, late_addresses_of_the_other_family_join)
{
    server.add("www.example.com", "192.0.2.99");
    server.add("www.example.com", "2001:db8::2");
    listen("2001:db8::2");
    unsigned asked = 0;
    server.ignores = [&](const auto& q) { return q.question->type == record_type::aaaa && asked++ == 0; };
    options.timeout = 1s;
    use(options.servers);
    const auto r = connect();
    EXPECT_EQ(now_connected(), "2001:db8::2");
    EXPECT_GE(r.took, 1s);
    EXPECT_LT(r.took, 1020ms);
}

TEST_F(connecting, errors)
{
    EXPECT_EQ(connect("none.example.com").ec, asio::error::host_not_found);
    EXPECT_EQ(connect("192.0.2.2", "nosuchservice").ec, asio::error::service_not_found);
    EXPECT_EQ(connect("192.0.2.2", "81").ec, asio::error::connection_refused);
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::2");
    EXPECT_EQ(connect().ec, asio::error::connection_refused) << "nobody listens";
    EXPECT_FALSE(socket->is_open());
    server.silent = true;
    EXPECT_EQ(connect("other.example.com").ec, asio::error::host_not_found_try_again);
}

TEST_F(connecting, numeric_hosts_and_localhost)
{
    listen("2001:db8::2"), listen("192.0.2.2");
    EXPECT_FALSE(connect("2001:db8::2").ec);
    EXPECT_FALSE(connect("192.0.2.2").ec);
    tcp::acceptor own(*client, tcp::endpoint(make_address("127.0.0.1"), 8080));
    EXPECT_FALSE(connect("localhost", "8080").ec);
    EXPECT_TRUE(server.asked.empty());
}

TEST_F(connecting, cancellation_closes_everything)
{
    server.add("www.example.com", "192.0.2.99");
    server.add("www.example.com", "2001:db8::99");
    for (const auto wait : {0ms, 1ms, 300ms}) {
        asio::cancellation_signal signal;
        std::optional<error_code> got;
        socket.emplace(*client);
        tapio::async_connect(*socket, "www.example.com", "80",
                             asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, const tcp::endpoint&) { got = ec; }));
        time.run_for(wait);
        EXPECT_FALSE(got);
        signal.emit(asio::cancellation_type::total);
        time.run_for(1ms);
        ASSERT_TRUE(got);
        EXPECT_EQ(*got, asio::error::operation_aborted);
        EXPECT_TRUE(client->connections().empty());
        EXPECT_EQ(client->dns().queries, 0U);
    }
}

TEST_F(connecting, the_losers_are_closed)
{
    server.add("www.example.com", "192.0.2.2");
    server.add("www.example.com", "2001:db8::99");
    listen("192.0.2.2");
    (void)connect();
    time.run_for(1s);
    EXPECT_EQ(client->connections().size(), 1U);
}

TEST_F(connecting, shutdown_while_it_tries)
{
    server.add("www.example.com", "2001:db8::99");
    std::optional<error_code> got;
    socket.emplace(*client);
    tapio::async_connect(*socket, "www.example.com", "80", [&](error_code ec, const tcp::endpoint&) { got = ec; });
    time.run_for(100ms);
    client->shutdown();
    time.run_for(1s);
    ASSERT_TRUE(got);
    EXPECT_TRUE(*got);
}

TEST_F(connecting, with_coroutines_and_beside_asios)
{
    server.add("www.example.com", "192.0.2.2");
    listen("192.0.2.2");
    bool done = false;
    asio::co_spawn(
        *client,
        [&]() -> asio::awaitable<void> {
            tcp::socket s(co_await asio::this_coro::executor);
            co_await tapio::async_connect(s, "www.example.com", "80", asio::use_awaitable);
            tcp::resolver r(co_await asio::this_coro::executor);
            const auto found = co_await r.async_resolve("www.example.com", "80", asio::use_awaitable);
            s.close();
            co_await tapio::async_connect(s, found, asio::use_awaitable); // Asio's
            done = s.is_open();
        },
        asio::detached);
    time.run_for(1s);
    EXPECT_TRUE(done);
}

/// Four threads, real time: the operation runs on a strand.
TEST(connecting_in_threads, many_at_once)
{
    asio::io_context io(4);
    auto [l, r] = make_pipe();
    std::optional<stack> client(std::in_place, io, std::move(l)), peer(std::in_place, std::move(r));
    client->add_address(make_address("192.0.2.1"), 24);
    peer->add_address(make_address("192.0.2.2"), 24);
    client->add_host_name("www.example.com", make_address("192.0.2.2"));
    client->add_host_name("www.example.com", make_address("192.0.2.77")); // not there
    tcp::acceptor acceptor(*peer, tcp::endpoint(make_address("192.0.2.2"), 80));
    std::deque<tcp::socket> sockets;
    std::atomic<int> connected = 0;
    for (int i = 0; i < 50; ++i) {
        sockets.emplace_back(*client);
        tapio::async_connect(sockets.back(), "www.example.com", "80",
                             [&](error_code ec, const tcp::endpoint&) { connected += ec ? 0 : 1; });
    }
    auto work = asio::make_work_guard(io);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (connected < 50 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(connected, 50);
    io.stop();
    for (auto& t : threads) t.join();
    sockets.clear();
    peer->shutdown();
    client.reset();
}

} // namespace
} // namespace tapio::test
