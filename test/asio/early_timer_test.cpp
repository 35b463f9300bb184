// early_timer: with a stack on the io_context, Asio timers that are set repeatedly do not each cost a timerfd_settime() call.
#include <tapio/device/decorator.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>

namespace {

std::atomic<int> settings = 0;

} // namespace

/// Counts Asio's calls.
extern "C" int timerfd_settime(int fd, int flags, const itimerspec* to, itimerspec* before) noexcept
{
    ++settings;
    return static_cast<int>(::syscall(SYS_timerfd_settime, fd, flags, to, before));
}

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

/// Keeps the io_context running until the stack is shut down, as the descriptor of a TAP does.
class with_descriptor final : public tapio::device_decorator
{
public:
    using device_decorator::device_decorator;
    ~with_descriptor() override
    {
        stop();
        ::close(fd_);
    }
    int poll_descriptor() const override { return fd_; }

private:
    const int fd_ = ::eventfd(0, EFD_CLOEXEC);
};

struct early_timer : testing::Test
{
    explicit early_timer(bool descriptor = true)
    {
        auto [l, r] = tapio::make_pipe();
        if (descriptor) r = std::make_unique<with_descriptor>(std::move(r));
        client_host.emplace(io, std::move(l));
        server_host.emplace(io, std::move(r));
        client_host->add_address(asio::ip::make_address("192.0.2.1"), 24);
        server_host->add_address(there.address(), 24);
        tcp::acceptor acceptor(*server_host, there);
        acceptor.async_accept([&](error_code ec, tcp::socket s) {
            ASSERT_FALSE(ec);
            server.emplace(std::move(s));
        });
        client.emplace(*client_host);
        client->async_connect(there, [](error_code ec) { ASSERT_FALSE(ec); });
        while (!server) io.run_one();
    }

    /// Sets a timeout for each read, as Beast's tcp_stream does.
    void read_with_timeout(std::size_t left)
    {
        if (left == 0) return;
        timeout.expires_after(30s);
        timeout.async_wait([](error_code ec) { EXPECT_EQ(ec, asio::error::operation_aborted); });
        server->async_read_some(asio::buffer(octet), [this, left](error_code ec, std::size_t) {
            ASSERT_FALSE(ec);
            timeout.cancel();
            ++reads;
            read_with_timeout(left - 1);
            if (left > 1) write();
        });
    }
    void write()
    {
        client->async_write_some(asio::buffer("x", 1), [](error_code ec, std::size_t) { ASSERT_FALSE(ec); });
    }

    int settings_for(std::size_t n)
    {
        const int before = settings;
        reads = 0;
        read_with_timeout(n);
        write();
        while (reads < n) io.run_one();
        return settings - before;
    }

    const tcp::endpoint there{asio::ip::make_address("192.0.2.2"), 80};
    asio::io_context io;
    std::optional<tapio::stack> client_host, server_host;
    std::optional<tcp::socket> client, server;
    asio::steady_timer timeout{io};
    char octet[1]{};
    std::size_t reads = 0;
};

struct early_timer_in_memory : early_timer
{
    early_timer_in_memory() : early_timer(false) {}
};

TEST_F(early_timer, timeouts_of_reads_set_the_kernels_timer_rarely)
{
    const auto began = std::chrono::steady_clock::now();
    const int rarely = settings_for(1000);
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_LT(rarely, 100 + 10 * (took / 100ms)); // more time, and more calls, on a busy machine
}

TEST_F(early_timer, does_not_delay_those_that_are_shorter_or_longer)
{
    settings_for(10);
    for (const auto after : {5ms, 150ms}) {
        asio::steady_timer t(io, after);
        std::optional<std::chrono::steady_clock::duration> late;
        t.async_wait([&](error_code ec) {
            ASSERT_FALSE(ec);
            late = std::chrono::steady_clock::now() - t.expiry();
        });
        while (!late) io.run_one();
        EXPECT_GE(*late, 0ms);
    }
}

TEST_F(early_timer, does_not_keep_the_io_context_running)
{
    settings_for(10);
    client.reset(), server.reset();
    client_host->shutdown(), server_host->shutdown();
    io.poll();
    EXPECT_TRUE(io.stopped());
}

TEST_F(early_timer_in_memory, is_not_used) { EXPECT_GE(settings_for(1000), 1000); }

} // namespace
