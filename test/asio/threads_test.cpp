// tapio starts no hidden threads: Asio's own objects on a stack's executor are run by the user's io_context.
#include <tapio/beast.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

std::ptrdiff_t threads()
{
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
}

/// A stack on the user's io_context. The number of threads must not change.
class threads_of : public testing::Test
{
protected:
    ~threads_of() override { EXPECT_EQ(threads(), before); }

    const std::ptrdiff_t before = threads();
    asio::io_context io{1};
    tapio::stack stack{io};
};

TEST_F(threads_of, timers)
{
    std::string heard;
    asio::steady_timer steady(stack.get_executor(), 1ms);
    asio::system_timer system(stack.get_executor(), 2ms);
    asio::high_resolution_timer third(stack, 3ms);
    tapio::steady_timer own(stack, 10ms);
    steady.async_wait([&](error_code ec) { heard += ec ? "!" : "a"; });
    system.async_wait([&](error_code ec) { heard += ec ? "!" : "b"; });
    third.async_wait([&](error_code ec) { heard += ec ? "!" : "c"; });
    own.async_wait([&](error_code ec) {
        heard += ec ? "!" : "d";
        EXPECT_EQ(threads(), before);
    });
    io.run();
    std::sort(heard.begin(), heard.end()); // on a busy machine all may have expired before the first handler runs
    EXPECT_EQ(heard, "abcd");
}

TEST_F(threads_of, timer_of_a_coroutine)
{
    bool done = false;
    asio::co_spawn(
        stack,
        [&]() -> asio::awaitable<void> {
            asio::steady_timer t(co_await asio::this_coro::executor, 1ms);
            co_await t.async_wait(asio::use_awaitable);
            done = true;
            EXPECT_EQ(threads(), before);
        },
        asio::detached);
    io.run();
    EXPECT_TRUE(done);
}

TEST_F(threads_of, signal_sets)
{
    asio::signal_set signals(stack.get_executor(), SIGUSR1);
    int heard = 0;
    signals.async_wait([&](error_code ec, int number) {
        EXPECT_FALSE(ec) << ec.message();
        heard = number;
        EXPECT_EQ(threads(), before);
    });
    std::raise(SIGUSR1);
    io.run();
    EXPECT_EQ(heard, SIGUSR1);
}

TEST_F(threads_of, kernel_sockets)
{
    asio::ip::udp::socket a(stack.get_executor(), {asio::ip::address_v4::loopback(), 0});
    asio::ip::udp::socket b(stack, {asio::ip::address_v4::loopback(), 0});
    std::string got(5, 0);
    a.async_receive(asio::buffer(got), [&](error_code ec, std::size_t n) {
        EXPECT_TRUE(!ec && n == 5);
        EXPECT_EQ(threads(), before);
    });
    b.send_to(asio::buffer("hello", 5), a.local_endpoint());
    io.run();
    EXPECT_EQ(got, "hello");
}

TEST_F(threads_of, resolvers)
{
    tcp::resolver own(stack.get_executor());
    std::size_t found = 0;
    own.async_resolve("localhost", "80", [&](error_code, const tcp::resolver::results_type& r) { found = r.size(); });
    asio::ip::tcp::resolver of_the_kernel(stack.get_executor()); // Asio starts a thread for a kernel resolver on first use
    EXPECT_EQ(of_the_kernel.resolve("127.0.0.1", "80").begin()->endpoint().port(), 80);
    EXPECT_EQ(threads(), before);
    io.run();
    EXPECT_EQ(found, 2U); // 127.0.0.1 and ::1
}

TEST_F(threads_of, beast_streams)
{
    tcp::acceptor acceptor(stack, {asio::ip::address_v4::loopback(), 80});
    tapio::beast::tcp_stream client(stack.get_executor());
    std::optional<tapio::beast::tcp_stream> server;
    std::string got(5, 0);
    error_code timed_out;
    client.expires_after(30s);
    client.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), 80), [&](error_code ec) {
        EXPECT_FALSE(ec) << ec.message();
        client.expires_after(5ms);
        client.async_read_some(asio::buffer(got), [&](error_code e, std::size_t) {
            timed_out = e;
            EXPECT_EQ(threads(), before);
            stack.shutdown();
        });
    });
    acceptor.async_accept([&](error_code, tcp::socket s) { server.emplace(std::move(s)); });
    io.run();
    EXPECT_EQ(timed_out, boost::beast::error::timeout);
}

/// A user-defined service: found in the io_context, whichever context it is requested from.
class users_service : public asio::execution_context::service
{
public:
    using key_type = users_service;
    inline static asio::execution_context::id id;

    explicit users_service(asio::execution_context& c) : service(c) {}

private:
    void shutdown() override {}
};

TEST_F(threads_of, services_of_the_user_are_the_io_contexts)
{
    tapio::stack second(io);
    auto& of_io = asio::use_service<users_service>(static_cast<asio::execution_context&>(io));
    EXPECT_EQ(&asio::use_service<users_service>(stack.context()), &of_io);
    EXPECT_EQ(&asio::use_service<users_service>(second.context()), &of_io);
    EXPECT_EQ(&of_io.context(), &io);
}

TEST_F(threads_of, sockets_are_their_stacks)
{
    tapio::stack second(io);
    tcp::acceptor here(stack, {asio::ip::address_v4::loopback(), 80}), there(second, {asio::ip::address_v4::loopback(), 80});
    asio::any_io_executor erased = asio::make_strand(asio::any_io_executor(second.get_executor()));
    tcp::socket s(erased);
    s.connect({asio::ip::address_v4::loopback(), 80});
    here.non_blocking(true);
    error_code ec;
    EXPECT_FALSE(here.accept(ec).is_open());
    EXPECT_TRUE(there.accept(ec).is_open());
}

TEST(stack_context, objects_of_asio_in_handlers_that_never_ran_are_destroyed_with_the_io_context)
{
    const auto here = std::make_shared<int>();
    {
        asio::io_context io;
        tapio::stack stack(io);
        const auto work = [&, here]() -> asio::awaitable<void> {
            const auto executor = co_await asio::this_coro::executor;
            const auto copy = here;
            tcp::acceptor acceptor(executor, {tcp::v4(), 0});
            asio::ip::udp::socket kernel(executor, {asio::ip::address_v4::loopback(), 0});
            asio::steady_timer t(executor, 1h);
            co_await t.async_wait(asio::use_awaitable);
        };
        asio::co_spawn(stack, work, asio::detached);
        io.poll();
        EXPECT_GT(here.use_count(), 1);
    }
    EXPECT_EQ(here.use_count(), 1);
}

} // namespace
