// Complete programs in virtual time: impaired networks, timeouts of hours, synchronous calls, reproducible runs.
#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");

/// Two stacks connected by an impaired wire.
struct bad_network
{
    explicit bad_network(const tapio::core::impairment_options& both, std::uint64_t seed = 1) : time(io, seed)
    {
        auto [l, r] = tapio::make_pipe();
        left.emplace(io, tapio::impaired(std::move(l), {both, both, seed}), tapio::stack_options{.time = &time});
        right.emplace(io, std::move(r), tapio::stack_options{.time = &time});
        left->add_address(left_address, 24);
        right->add_address(right_address, 24);
    }

    asio::io_context io{1};
    tapio::virtual_time time;
    std::optional<tapio::stack> left, right;
};

asio::awaitable<void> echo(tcp::socket socket)
{
    std::vector<char> data(20'000);
    for (;;) {
        const auto [ec, n] = co_await socket.async_read_some(asio::buffer(data), asio::as_tuple(asio::use_awaitable));
        if (ec) break;
        co_await asio::async_write(socket, asio::buffer(data, n), asio::use_awaitable);
    }
}

asio::awaitable<void> serve(tcp::acceptor acceptor)
{
    for (;;) {
        auto [ec, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
        if (ec) break;
        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
    }
}

/// Sends `size` octets to the echo server and reads them back. @return virtual time of completion
tapio::core::time_point echo_octets(bad_network& net, std::size_t size)
{
    std::string sent(size, 0), got(size, 0);
    for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<char>(i * 2654435761U >> 24);
    bool done = false;
    asio::co_spawn(*net.right, serve(tcp::acceptor(*net.right, {tcp::v4(), 7})), asio::detached);
    asio::co_spawn(
        *net.left,
        [&]() -> asio::awaitable<void> {
            tcp::socket s(co_await asio::this_coro::executor);
            co_await s.async_connect({right_address, 7}, asio::use_awaitable);
            co_await (asio::async_write(s, asio::buffer(sent), asio::use_awaitable) &&
                      asio::async_read(s, asio::buffer(got), asio::use_awaitable));
            done = true;
        },
        asio::detached);
    EXPECT_TRUE(net.time.run_until([&] { return done; }, 1h));
    EXPECT_EQ(sent, got);
    return net.time.now();
}

TEST(virtual_time, an_echo_over_a_bad_network_is_whole_and_takes_no_real_time)
{
    const auto begin = std::chrono::steady_clock::now();
    tapio::core::impairment_options o;
    o.delay = 100ms;
    o.drop = 0.05;
    o.duplicate = 0.02;
    o.reorder = 0.05;
    bad_network net(o);
    const auto at = echo_octets(net, 300'000);
    EXPECT_GT(at - tapio::virtual_time::beginning, 1s);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(virtual_time, the_same_seed_gives_the_same_run)
{
    tapio::core::impairment_options o;
    o.delay = 20ms;
    o.drop = 0.1;
    const auto run = [&](std::uint64_t seed) {
        bad_network net(o, seed);
        const auto at = echo_octets(net, 100'000);
        return std::tuple(at, net.left->counters().tcp.retrans_segs, net.right->counters().tcp.out_segs);
    };
    EXPECT_EQ(run(3), run(3));
    EXPECT_NE(run(3), run(4));
}

TEST(virtual_time, timers_of_a_day_and_who_is_first)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    tapio::stack stack(io, nullptr, {.time = &time});
    const auto begin = time.now();
    std::string order;
    tapio::steady_timer day(stack, 24h), hour(stack, 1h), minute(stack, 1min);
    day.async_wait([&](error_code ec) { order += ec ? "!" : "d"; });
    hour.async_wait([&](error_code) {
        order += 'h';
        EXPECT_EQ(time.now(), begin + 1h);
        EXPECT_EQ(tapio::steady_clock::now().time_since_epoch(), time.now().time_since_epoch());
    });
    minute.async_wait([&](error_code) {
        order += 'm';
        minute.expires_after(1min);
        minute.async_wait([&](error_code) { order += 'n'; });
    });
    time.run();
    EXPECT_EQ(order, "mnhd");
    EXPECT_EQ(time.now(), begin + 24h);
}

TEST(virtual_time, timers_are_cancelled_as_asios_are)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    tapio::stack stack(io, nullptr, {.time = &time});
    tapio::steady_timer t(stack, 1h);
    std::string heard;
    const auto hear = [&](error_code ec) { heard += ec == asio::error::operation_aborted ? 'a' : 'o'; };
    t.async_wait(hear), t.async_wait(hear), t.async_wait(hear);
    EXPECT_EQ(t.cancel_one(), 1U);
    time.run_for(1s);
    EXPECT_EQ(heard, "a");
    EXPECT_EQ(t.expires_after(1s), 2U);
    time.run_for(100ms);
    EXPECT_EQ(heard, "aaa");
    t.async_wait(hear);
    asio::cancellation_signal signal;
    t.async_wait(asio::bind_cancellation_slot(signal.slot(), hear));
    signal.emit(asio::cancellation_type::total);
    time.run_for(100ms);
    EXPECT_EQ(heard, "aaaa");
    time.run();
    EXPECT_EQ(heard, "aaaao");
    t.async_wait(hear); // already expired
    time.run();
    EXPECT_EQ(heard, "aaaaoo");
    tapio::steady_timer moved(std::move(t));
    EXPECT_EQ(moved.cancel(), 0U);
    t.expires_after(1s);
    t.async_wait(hear);
    time.run();
    EXPECT_EQ(heard, "aaaaooo");
    t.expires_after(1h);
    t.wait(); // a synchronous wait
}

TEST(virtual_time, timers_of_the_io_context_itself_go_by_it)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    tapio::steady_timer t(io), at(io, tapio::steady_clock::now() + 2h);
    EXPECT_EQ(at.expiry().time_since_epoch(), (time.now() + 2h).time_since_epoch());
    std::string order;
    t.expires_after(1h);
    t.async_wait([&](error_code ec) { order += ec ? '!' : 't'; });
    at.async_wait([&](error_code ec) { order += ec ? '!' : 'a'; });
    time.run_for(1h);
    EXPECT_EQ(order, "t");
    time.run();
    EXPECT_EQ(order, "ta");
    EXPECT_EQ(time.now(), tapio::virtual_time::beginning + 2h);
    at.wait(); // already expired
}

TEST(virtual_time, begins_later_than_any_machine_has_been_up)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    EXPECT_GT(time.now().time_since_epoch(), std::chrono::steady_clock::now().time_since_epoch() + 24h * 365 * 90);
    EXPECT_EQ(tapio::steady_clock::now().time_since_epoch(), time.now().time_since_epoch());
    {
        asio::io_context another_io;
        tapio::virtual_time another(another_io);
        another.run_for(1h);
        // steady_clock shows the most recently created virtual time
        EXPECT_EQ(tapio::steady_clock::now().time_since_epoch(), another.now().time_since_epoch());
    }
    EXPECT_EQ(tapio::steady_clock::now().time_since_epoch(), time.now().time_since_epoch());
}

TEST(virtual_time, a_run_as_long_as_a_duration_can_say_ends_when_nothing_is_left)
{
    asio::io_context io;
    tapio::virtual_time time(io);
    tapio::stack stack(io, nullptr, {.time = &time});
    tapio::steady_timer t(stack, 1h);
    bool expired = false;
    t.async_wait([&](error_code) { expired = true; });
    EXPECT_FALSE(time.run_until([] { return false; }, tapio::core::duration::max()));
    EXPECT_TRUE(expired);
    time.run_for(tapio::core::duration::max());
    EXPECT_EQ(time.now(), tapio::virtual_time::beginning + 1h);
}

TEST(virtual_time, sockets_and_timers_in_suspended_coroutines_outlive_it)
{
    const auto here = std::make_shared<int>();
    {
        asio::io_context io;
        tapio::virtual_time time(io);
        tapio::stack stack(io, nullptr, {.time = &time});
        asio::co_spawn(
            stack,
            [here, &io]() -> asio::awaitable<void> {
                const auto copy = here;
                tcp::acceptor acceptor(co_await asio::this_coro::executor, {tcp::v4(), 80});
                tapio::steady_timer t(io, 1h);
                co_await t.async_wait(asio::use_awaitable);
            },
            asio::detached);
        io.poll();
    }
    EXPECT_EQ(here.use_count(), 1);
}

TEST(virtual_time, a_read_with_a_timeout)
{
    bad_network net({});
    std::string result;
    asio::co_spawn(*net.right, serve(tcp::acceptor(*net.right, {tcp::v4(), 7})), asio::detached);
    asio::co_spawn(
        *net.left,
        [&]() -> asio::awaitable<void> {
            const auto executor = co_await asio::this_coro::executor;
            tcp::socket s(executor);
            co_await s.async_connect({right_address, 7}, asio::use_awaitable);
            tapio::steady_timer t(executor, 5min);
            char c = 0;
            const auto r =
                co_await (s.async_read_some(asio::buffer(&c, 1), asio::use_awaitable) || t.async_wait(asio::use_awaitable));
            result = r.index() == 1 ? "timeout" : "read";
        },
        asio::detached);
    const auto begin = net.time.now();
    EXPECT_TRUE(net.time.run_until([&] { return !result.empty(); }, 1h));
    EXPECT_EQ(result, "timeout");
    EXPECT_EQ(net.time.now() - begin, 5min);
}

TEST(virtual_time, synchronous_calls_let_time_pass)
{
    tapio::core::impairment_options o;
    o.delay = 50ms;
    bad_network net(o);
    tcp::acceptor acceptor(*net.right, {tcp::v4(), 7});
    tcp::socket client(*net.left), server(*net.right);
    const auto begin = net.time.now();
    client.connect({right_address, 7});
    EXPECT_EQ(net.time.now() - begin, 150ms); // the ARP announcement of the right stack, the SYN and the SYN,ACK
    acceptor.accept(server);
    asio::write(client, asio::buffer("hello", 5));
    std::string got(5, 0);
    asio::read(server, asio::buffer(got));
    EXPECT_EQ(got, "hello");
}

TEST(virtual_time, a_call_that_can_never_end_fails)
{
    bad_network net({});
    tcp::acceptor acceptor(*net.right, {tcp::v4(), 7});
    tcp::socket client(*net.left), server(*net.right);
    client.connect({right_address, 7});
    acceptor.accept(server);
    char c = 0;
    error_code ec;
    client.read_some(asio::buffer(&c, 1), ec);
    EXPECT_EQ(ec, boost::system::errc::resource_deadlock_would_occur);
    net.right.reset();
    ec = {};
    asio::write(client, asio::buffer("x", 1), ec);
    while (!ec) client.read_some(asio::buffer(&c, 1), ec); // until retransmission gives up or a RST is received
    EXPECT_TRUE(ec == asio::error::connection_reset || ec == asio::error::timed_out) << ec.message();
}

TEST(virtual_time, run_returns_when_nothing_can_happen)
{
    bad_network net({});
    tcp::acceptor acceptor(*net.right, {tcp::v4(), 7});
    acceptor.async_accept([](error_code, const tcp::socket&) {});
    net.time.run();
    const auto then = net.time.now();
    net.time.run_for(1h);
    EXPECT_EQ(net.time.now() - then, 1h);
}

/// A connect of the kernel returns "in progress" on a non-blocking socket, and Asio's synchronous connect waits for the result.
TEST(virtual_time, connect_waits_on_a_non_blocking_socket_too)
{
    bad_network net({.delay = 50ms});
    tcp::acceptor acceptor(*net.right, {tcp::v4(), 7});
    for (const std::uint16_t port : {std::uint16_t{7}, std::uint16_t{8}}) {
        tcp::socket s(*net.left, tcp::v4());
        s.non_blocking(true);
        const auto begin = net.time.now();
        error_code ec;
        s.connect({right_address, port}, ec);
        EXPECT_EQ(ec, port == 7 ? error_code() : error_code(asio::error::connection_refused));
        EXPECT_GE(net.time.now() - begin, 100ms);
    }
}

} // namespace
