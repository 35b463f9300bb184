// The clocks of std::chrono and Asio's own timers in virtual time. Another translation unit includes virtual_std_clock.hpp.
#include <tapio/beast.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;

class std_clock : public testing::Test
{
protected:
    auto hear(char c)
    {
        return [this, c](error_code ec) { order += ec ? '!' : c; };
    }

    asio::io_context io{1};
    std::optional<tapio::virtual_time> time{io};
    tapio::stack stack{io, nullptr, {.time = &*time}};
    const tapio::core::time_point begin = time->now();
    std::string order;
};

TEST_F(std_clock, says_the_time_of_the_world_on_its_thread_only)
{
    EXPECT_EQ(steady_clock::now().time_since_epoch(), time->now().time_since_epoch());
    time->run_for(1450ms);
    EXPECT_EQ(steady_clock::now().time_since_epoch(), (begin + 1450ms).time_since_epoch());
    EXPECT_EQ(system_clock::now() - system_clock::time_point(std::chrono::sys_days(std::chrono::year(2070) / 1 / 1)), 1450ms);
    steady_clock::time_point elsewhere;
    std::thread([&] { elsewhere = steady_clock::now(); }).join();
    EXPECT_LT(elsewhere.time_since_epoch(), begin.time_since_epoch());
    stack.shutdown();
    time.reset();
    EXPECT_GE(steady_clock::now(), elsewhere);
    EXPECT_LT(steady_clock::now() - elsewhere, 1min);
}

TEST_F(std_clock, timers_of_asio_expire_in_order_with_ours_wherever_they_were_made)
{
    asio::steady_timer a(stack, steady_clock::now() + 10s), b(io, 20s);
    tapio::steady_timer c(stack, 30s), d(io, 40s);
    asio::system_timer e(io, system_clock::now() + 50s), f(stack, 24h);
    a.async_wait(hear('a')), b.async_wait(hear('b')), c.async_wait(hear('c'));
    d.async_wait(hear('d')), e.async_wait(hear('e')), f.async_wait(hear('f'));
    time->run_for(10s - 1us);
    EXPECT_EQ(order, "");
    time->run_for(1us);
    EXPECT_EQ(order, "a");
    time->run_for(30s);
    EXPECT_EQ(order, "abcd");
    time->run();
    EXPECT_EQ(order, "abcdef");
    EXPECT_EQ(time->now() - begin, 24h);
}

TEST_F(std_clock, a_timer_that_is_cancelled_or_never_expires_moves_no_time)
{
    asio::steady_timer cancelled(io, 1h), never(stack, steady_clock::time_point::max());
    cancelled.async_wait(hear('c'));
    never.async_wait(hear('n'));
    cancelled.cancel();
    time->run();
    EXPECT_EQ(order, "!");
    EXPECT_EQ(time->now(), begin);
}

TEST_F(std_clock, a_timer_between_two_microseconds_is_late_by_less_than_one)
{
    asio::steady_timer t(io, 1500ns);
    t.async_wait(hear('t'));
    time->run();
    EXPECT_GE(time->now() - begin, 1500ns);
    EXPECT_LT(time->now() - begin, 2500ns);
}

TEST_F(std_clock, a_synchronous_call_lets_timers_of_asio_expire_but_runs_no_handler)
{
    asio::steady_timer t(io, 1h);
    tcp::acceptor acceptor(stack, {tcp::v4(), 80});
    t.async_wait(hear('t'));
    error_code ec;
    EXPECT_FALSE(acceptor.accept(ec).is_open());
    EXPECT_EQ(ec, boost::system::errc::resource_deadlock_would_occur);
    EXPECT_EQ(time->now() - begin, 1h);
    EXPECT_EQ(order, "");
    time->run();
    EXPECT_EQ(order, "t");
}

TEST_F(std_clock, timeouts_of_beast_expire_and_not_before)
{
    tcp::acceptor acceptor(stack, {asio::ip::address_v4::loopback(), 80});
    tapio::beast::tcp_stream client(stack.get_executor());
    error_code ended;
    char c = 0;
    client.expires_after(30s);
    client.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), 80), [&](error_code ec) {
        EXPECT_FALSE(ec) << ec.message();
        client.expires_after(30s);
        client.async_read_some(asio::buffer(&c, 1), [&](error_code e, std::size_t) { ended = e; });
    });
    time->run_for(29s);
    EXPECT_FALSE(ended);
    time->run_for(1s);
    EXPECT_EQ(ended, boost::beast::error::timeout);
}

} // namespace
