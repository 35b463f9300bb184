// TCP Fast Open (RFC 7413) between tapio and the Linux kernel, each as client and as server.
#include "support/kernel/beside_a_kernel.hpp"

#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <future>
#include <netinet/tcp.h>
#include <optional>
#include <string>

namespace tapio::test::fast_open_cases {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;

constexpr std::uint16_t port = 5003;

using fast_open = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_FASTOPEN>;
using fast_open_connect = asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_FASTOPEN_CONNECT>;

/// Echoes the first octets of each connection and closes it.
template <class Tcp>
asio::awaitable<void> serve(typename Tcp::acceptor& a, int connections)
{
    for (; connections > 0; --connections) {
        auto s = co_await a.async_accept(asio::use_awaitable);
        char octets[100];
        const std::size_t n = co_await s.async_read_some(asio::buffer(octets), asio::use_awaitable);
        co_await asio::async_write(s, asio::buffer(octets, n), asio::use_awaitable);
    }
}

/// A client that only sets the Fast Open option and otherwise uses ordinary calls.
template <class Tcp, class Context>
asio::awaitable<std::string> ask(Context& context, asio::ip::address_v4 server, std::string what)
{
    typename Tcp::socket s(context);
    s.open(Tcp::v4());
    s.set_option(fast_open_connect(true));
    co_await s.async_connect({server, port}, asio::use_awaitable);
    co_await asio::async_write(s, asio::buffer(what), asio::use_awaitable);
    std::string answer(what.size(), '\0');
    co_await asio::async_read(s, asio::buffer(answer), asio::use_awaitable);
    co_return answer;
}

class kernel_peer : public testing::Test, protected beside_a_kernel
{
protected:
    kernel_peer() : beside_a_kernel(1) {}

    void SetUp() override
    {
        const std::string why = start("sysctl -qw net.ipv4.tcp_fastopen=3 net.ipv4.tcp_no_metrics_save=0");
        if (!why.empty()) GTEST_SKIP() << why;
    }
    void TearDown() override { end(); }
    void rethrow(std::exception_ptr e)
    {
        if (e) std::rethrow_exception(e);
    }
};

TEST_F(kernel_peer, takes_data_in_our_syn)
{
    std::promise<void> listening;
    kernels = kernel->inside([&] {
        asio::io_context theirs;
        asio::ip::tcp::acceptor a(theirs, asio::ip::tcp::v4());
        a.set_option(fast_open(16));
        a.bind({kernels_address, port});
        a.listen();
        listening.set_value();
        asio::co_spawn(theirs, serve<asio::ip::tcp>(a, 3), asio::detached);
        theirs.run_for(10s);
    });
    listening.get_future().wait();
    std::string answers;
    const auto go = [&]() -> asio::awaitable<void> {
        for (const char* const what : {"first ", "second ", "third"})
            answers += co_await ask<tapio::ip::tcp>(*stack, kernels_address, what);
    };
    asio::co_spawn(*stack, go, [&](std::exception_ptr e) {
        io.stop();
        rethrow(e);
    });
    io.run_for(10s);
    EXPECT_EQ(answers, "first second third");
    EXPECT_EQ(stack->counters().tcp.fast_opens_active, 2U) << "all but the first connection, which fetched the cookie";
    EXPECT_EQ(stack->counters().tcp.fast_opens_refused, 0U);
}

TEST_F(kernel_peer, opens_fast_towards_us)
{
    tapio::ip::tcp::acceptor a(*stack, tapio::ip::tcp::v4());
    a.set_option(fast_open(16));
    a.bind({our_address, port});
    a.listen();
    asio::co_spawn(*stack, serve<tapio::ip::tcp>(a, 3), asio::detached);
    std::string answers;
    kernels = kernel->inside([&] {
        asio::io_context theirs;
        const auto go = [&]() -> asio::awaitable<void> {
            for (const char* const what : {"first ", "second ", "third"})
                answers += co_await ask<asio::ip::tcp>(theirs, our_address, what);
        };
        asio::co_spawn(theirs, go, asio::detached);
        theirs.run_for(10s);
        asio::post(io, [&] { io.stop(); });
    });
    io.run_for(10s);
    kernels.join();
    EXPECT_EQ(answers, "first second third");
    EXPECT_EQ(stack->counters().tcp.fast_opens_passive, 2U);
}

} // namespace
} // namespace tapio::test::fast_open_cases
