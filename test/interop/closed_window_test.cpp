// The Linux kernel as a peer that does not read: its own data must still flow, and our RST must be accepted (RFC 9293 §3.10.7.4).
#include "support/kernel/beside_a_kernel.hpp"

#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <netinet/tcp.h>
#include <optional>
#include <string>

namespace tapio::test::closed_window_cases {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using kernel_tcp = asio::ip::tcp;

constexpr std::uint16_t port = 5003;

class a_kernel_that_does_not_read : public testing::Test, protected beside_a_kernel
{
protected:
    a_kernel_that_does_not_read() : beside_a_kernel(BOOST_ASIO_CONCURRENCY_HINT_DEFAULT) {}

    void SetUp() override
    {
        if (const std::string why = start(); !why.empty()) GTEST_SKIP() << why;
        acceptor.emplace(*stack, ip::tcp::endpoint(our_address, port));
    }
    void TearDown() override
    {
        if (kernels.joinable()) kernels.join();
        acceptor.reset();
        end();
        io.run_for(100ms);
    }

    asio::awaitable<void> write_without_end(ip::tcp::socket& s)
    {
        const std::string much(65536, 'x');
        error_code ec;
        while (!ec) co_await asio::async_write(s, asio::buffer(much), asio::redirect_error(asio::use_awaitable, ec));
    }
    asio::awaitable<void> read_all(ip::tcp::socket& s)
    {
        std::string into(65536, '\0');
        error_code ec;
        while (!ec) received += co_await s.async_read_some(asio::buffer(into), asio::redirect_error(asio::use_awaitable, ec));
    }
    asio::awaitable<void> serve(ip::tcp::socket& s)
    {
        s = co_await acceptor->async_accept(asio::use_awaitable);
        asio::co_spawn(*stack, write_without_end(s), asio::detached);
        asio::co_spawn(*stack, read_all(s), asio::detached);
    }

    std::optional<ip::tcp::acceptor> acceptor;
    std::uint64_t received = 0;
};

TEST_F(a_kernel_that_does_not_read, still_sends)
{
    ip::tcp::socket s(*stack);
    asio::co_spawn(*stack, serve(s), asio::detached);
    std::atomic<std::uint64_t> sent = 0;
    kernels = kernel->inside([&] {
        asio::io_context k;
        kernel_tcp::socket peer(k);
        error_code ec;
        peer.connect({our_address, port}, ec);
        std::this_thread::sleep_for(1s); // until its receive buffer is full and its window closed
        peer.non_blocking(true);
        const std::string much(65536, 'y');
        for (const auto end = std::chrono::steady_clock::now() + 2s; std::chrono::steady_clock::now() < end;) {
            const std::size_t n = peer.write_some(asio::buffer(much), ec);
            sent += n;
            if (n == 0) std::this_thread::sleep_for(1ms);
        }
    });
    io.run_for(4s);
    EXPECT_GT(sent, 20'000'000U); // only 64 KiB when the SEG.SEQ of our ACKs was beyond its window; 1 GB between two kernels
    EXPECT_GT(received, 20'000'000U);
}

TEST_F(a_kernel_that_does_not_read, hears_of_an_abort)
{
    ip::tcp::socket s(*stack);
    asio::co_spawn(*stack, serve(s), asio::detached);
    std::atomic<int> before = 0, after = 0;
    kernels = kernel->inside([&] {
        asio::io_context k;
        kernel_tcp::socket peer(k);
        peer.open(kernel_tcp::v4());
        peer.set_option(asio::socket_base::receive_buffer_size(4000));
        error_code ec;
        peer.connect({our_address, port}, ec);
        const auto state = [&] {
            ::tcp_info info{};
            socklen_t size = sizeof info;
            ::getsockopt(peer.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
            return int(info.tcpi_state);
        };
        std::this_thread::sleep_for(1500ms);
        before = state();
        for (int i = 0; i < 200 && (after = state()) != TCP_CLOSE; ++i) std::this_thread::sleep_for(10ms);
    });
    io.run_for(1800ms); // its window is closed, and a window probe is in flight
    s.set_option(asio::socket_base::linger(true, 0));
    s.close();
    io.run_for(2s);
    kernels.join();
    EXPECT_EQ(before, TCP_ESTABLISHED);
    EXPECT_EQ(after, TCP_CLOSE);
}

} // namespace
} // namespace tapio::test::closed_window_cases
