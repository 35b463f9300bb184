// What runs a stack: a thread of its own, the user's io_context, or a thread that blocks in a synchronous call.
#include <tapio/device/impaired.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

namespace driver_test {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");

/// A wire that delays packets, so that a reply never arrives within the call that caused it.
auto slow_pipe()
{
    auto [l, r] = tapio::make_pipe();
    tapio::core::impairment_options o;
    o.delay = 2ms;
    return std::pair(tapio::impaired(std::move(l), {o, o, 1}), std::move(r));
}

/// Accepts one connection and echoes 5 octets, with synchronous calls.
void echo_once(tcp::acceptor& acceptor)
{
    tcp::socket s = acceptor.accept();
    std::vector<char> data(5);
    asio::read(s, asio::buffer(data));
    asio::write(s, asio::buffer(data));
}

std::string ask(tcp::socket& s)
{
    s.connect({right_address, 7});
    asio::write(s, asio::buffer("hello", 5));
    std::string got(5, 0);
    asio::read(s, asio::buffer(got));
    return got;
}

TEST(driver, run_of_the_users_io_context_stays_for_what_may_still_happen_only)
{
    asio::io_context io;
    tapio::stack_options options;
    options.tcp_time_wait = 50ms;
    tapio::stack stack(io, nullptr, options);
    EXPECT_EQ(io.run(), 0U) << "a stack with only the loopback is no outstanding work";
    io.restart();
    const tcp::endpoint here(asio::ip::address_v4::loopback(), 80);
    tcp::acceptor acceptor(stack, here);
    tcp::socket client(stack);
    client.connect(here);
    tcp::socket server = acceptor.accept();
    client.close(), server.close();
    const auto begin = std::chrono::steady_clock::now();
    io.run();
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms) << "TIME-WAIT is outstanding work";
    EXPECT_TRUE(acceptor.is_open()) << "a listener without pending operations is not";
}

TEST(driver, a_blocked_caller_drives_a_stack_that_nobody_runs)
{
    asio::io_context io;
    auto [l, r] = slow_pipe();
    tapio::stack left(io, std::move(l)), right(std::move(r)); // the right stack runs on its own thread
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    asio::io_context other;
    tapio::use_stack(other, right);
    tcp::acceptor acceptor(other, {tcp::v4(), 7});
    std::thread server([&] { echo_once(acceptor); });
    tcp::socket client(left);
    EXPECT_EQ(ask(client), "hello");
    server.join();
}

TEST(driver, a_blocked_caller_within_a_handler)
{
    asio::io_context io;
    auto [l, r] = slow_pipe();
    tapio::stack left(io, std::move(l)), right(std::move(r));
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    asio::io_context other;
    tapio::use_stack(other, right);
    tcp::acceptor acceptor(other, {tcp::v4(), 7});
    std::thread server([&] { echo_once(acceptor); });
    std::string got;
    asio::post(io, [&] {
        tcp::socket client(left);
        got = ask(client);
    });
    while (got.empty()) io.run_one_for(1s);
    EXPECT_EQ(got, "hello");
    server.join();
}

TEST(driver, a_blocked_caller_beside_a_running_context)
{
    asio::io_context io;
    auto [l, r] = slow_pipe();
    tapio::stack left(io, std::move(l)), right(io, std::move(r));
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    auto work = asio::make_work_guard(io);
    std::thread runner([&] { io.run(); });
    tcp::acceptor acceptor(right, {tcp::v4(), 7});
    std::thread server([&] { echo_once(acceptor); });
    tcp::socket client(left);
    EXPECT_EQ(ask(client), "hello");
    server.join();
    work.reset();
    left.shutdown(), right.shutdown();
    io.stop();
    runner.join();
}

TEST(driver, two_blocked_callers_and_nobody_else)
{
    asio::io_context one, two;
    auto [l, r] = slow_pipe();
    tapio::stack left(one, std::move(l)), right(two, std::move(r));
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    tcp::acceptor acceptor(right, {tcp::v4(), 7});
    std::thread server([&] { echo_once(acceptor); });
    tcp::socket client(left);
    EXPECT_EQ(ask(client), "hello");
    server.join();
}

/// One thread, two stacks, and a synchronous call on one of them; the device of the other stack must be polled as well.
TEST(driver, a_blocked_caller_drives_all_stacks_of_its_io_context)
{
    for (const int hint : {1, 2}) {
        asio::io_context io{hint};
        auto [l, r] = slow_pipe(); // the left end holds the delayed packets
        tapio::stack left(io, std::move(l)), right(io, std::move(r));
        left.add_address(left_address, 24);
        right.add_address(right_address, 24);
        tcp::acceptor acceptor(right, {tcp::v4(), 7});
        tcp::socket client(left);
        client.async_connect({right_address, 7}, [](error_code ec) { EXPECT_FALSE(ec); });
        tcp::socket server = acceptor.accept();
        asio::write(client, asio::buffer("hello", 5));
        std::string got(5, 0);
        asio::read(server, asio::buffer(got));
        EXPECT_EQ(got, "hello");
    }
}

/// Output deferred by a handler is sent even though the handler then blocks on a socket of another stack.
TEST(driver, a_blocked_handler_lets_the_output_of_other_stacks_go)
{
    asio::io_context io{1};
    auto [l, r] = slow_pipe();
    tapio::stack left(io, std::move(l), {.defer_output = true}), right(io, std::move(r));
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    tcp::acceptor acceptor(right, {tcp::v4(), 7});
    tcp::socket client(left), server(right);
    client.async_connect({right_address, 7}, [](error_code ec) { EXPECT_FALSE(ec); });
    acceptor.accept(server);
    std::string got(5, 0);
    asio::post(io, [&] {
        asio::async_write(client, asio::buffer("hello", 5), [](error_code, std::size_t) {});
        asio::read(server, asio::buffer(got));
    });
    for (int i = 0; i < 10 && got != "hello"; ++i) io.run_one_for(100ms);
    EXPECT_EQ(got, "hello");
}

TEST(driver, with_a_thread_of_its_own_run_returns_when_the_users_work_is_done)
{
    auto [l, r] = slow_pipe();
    tapio::stack left(std::move(l)), right(std::move(r));
    left.add_address(left_address, 24);
    right.add_address(right_address, 24);
    asio::io_context io, far;
    tapio::use_stack(io, left);
    tapio::use_stack(far, right);
    tcp::acceptor acceptor(far, {tcp::v4(), 7});
    std::thread server([&] { echo_once(acceptor); });
    std::string got(5, 0);
    {
        tcp::socket s(io);
        s.async_connect({right_address, 7}, [&](error_code ec) {
            ASSERT_FALSE(ec);
            asio::async_write(s, asio::buffer("hello", 5), [&](error_code, std::size_t) {
                asio::async_read(s, asio::buffer(got), [](error_code, std::size_t) {});
            });
        });
        io.run();
    }
    EXPECT_EQ(got, "hello");
    server.join();
    for (int i = 0; i < 1000 && left.counters().tcp.curr_estab != 0; ++i) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(left.counters().tcp.curr_estab, 0U) << "the stack closes connections although no thread runs an io_context";
}

TEST(driver, a_socket_outlives_its_stack)
{
    asio::io_context io;
    std::optional<tcp::socket> s, t, accepted;
    std::string heard;
    char c = 0;
    {
        tapio::stack stack(io), with_thread(nullptr);
        tcp::acceptor acceptor(stack, {tcp::v4(), 7});
        s.emplace(stack);
        t.emplace(with_thread);
        s->connect({asio::ip::address_v4::loopback(), 7});
        accepted.emplace(acceptor.accept());
        s->async_read_some(asio::buffer(&c, 1), [&](error_code ec, std::size_t) { heard = ec.message(); });
    }
    io.run();
    EXPECT_EQ(heard, error_code(asio::error::operation_aborted).message());
    error_code ec;
    s->read_some(asio::buffer(&c, 1), ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    t->open(tcp::v4(), ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    s->close(ec);
    EXPECT_FALSE(ec);
    s.reset(), t.reset(), accepted.reset();
}

TEST(driver, a_timer_of_tapio_in_real_time)
{
    asio::io_context io;
    const auto begin = std::chrono::steady_clock::now();
    tapio::steady_timer t(io, 20ms);
    bool done = false;
    t.async_wait([&](error_code ec) { done = !ec; });
    io.run();
    EXPECT_TRUE(done);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

} // namespace
} // namespace driver_test
