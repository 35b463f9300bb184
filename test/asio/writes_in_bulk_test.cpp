// Consecutive asynchronous writes: the partial segment at the end of a write waits for the next write, but only until its handler
// has run.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;

constexpr std::size_t mss = 1448; // octets, with the timestamps option

/// With and without stack_options::defer_output.
struct writes_in_bulk : testing::TestWithParam<bool>
{
    writes_in_bulk()
    {
        left.add_address(asio::ip::make_address("192.0.2.1"), 24);
        right.add_address(asio::ip::make_address("192.0.2.2"), 24);
        bool connected = false, accepted = false;
        tcp::acceptor acceptor(right, {tcp::v4(), 7});
        acceptor.async_accept(server, [&](error_code) { accepted = true; });
        client.async_connect({asio::ip::make_address("192.0.2.2"), 7}, [&](error_code) { connected = true; });
        run_until([&] { return connected && accepted; });
        client.set_option(tcp::no_delay(true)); // the Nagle algorithm would combine the writes as well
        read();
    }
    static tapio::stack_options options()
    {
        tapio::stack_options o;
        o.defer_output = GetParam();
        return o;
    }
    template <class Condition>
    void run_until(Condition&& so)
    {
        for (int i = 0; i < 100'000 && !so(); ++i) io.poll_one(), io.restart();
        EXPECT_TRUE(so());
    }
    void read()
    {
        server.async_read_some(asio::buffer(got), [this](error_code ec, std::size_t n) {
            if (ec) return;
            received += n;
            read();
        });
    }
    void write(std::size_t size, unsigned times)
    {
        text.resize(size, 'x');
        asio::async_write(client, asio::buffer(text), [this, size, times](error_code ec, std::size_t) {
            EXPECT_FALSE(ec);
            if (times > 1) write(size, times - 1);
        });
    }
    /// Three writes that complete at the same time.
    template <class Handler>
    void write_three(Handler handler)
    {
        asio::post(io, [this, handler] {
            for (int i = 0; i < 3; ++i) client.async_write_some(asio::buffer("x", 1), handler);
        });
    }
    std::uint64_t sent() const { return left.counters(1).out_packets; }

    asio::io_context io{1};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    tapio::stack left{io, std::move(wire.first), options()}, right{io, std::move(wire.second)};
    tcp::socket client{left}, server{right};
    std::array<char, 10> answer{};
    std::string text, got = std::string(1'000'000, ' ');
    std::size_t received = 0;
    const tcp::endpoint acceptor_endpoint{asio::ip::make_address("192.0.2.2"), 8};
};

TEST_P(writes_in_bulk, go_in_full_segments)
{
    const std::uint64_t before = sent();
    asio::post(io, [&] { write(3 * mss + 100, 100); });
    run_until([&] { return received == 100 * (3 * mss + 100); });
    EXPECT_LE(sent() - before, 100 * (3 * mss + 100) / mss + 2)
        << "one more segment per write if the partial segments did not wait";
}

TEST_P(writes_in_bulk, the_end_of_the_last_goes_when_its_handler_has_run)
{
    bool told = false;
    asio::post(io, [&] {
        text.resize(10 * mss + 7);
        asio::async_write(client, asio::buffer(text), [&](error_code, std::size_t) {
            told = true;
            EXPECT_LT(received, text.size());
        });
    });
    run_until([&] { return received == 10 * mss + 7; });
    EXPECT_TRUE(told);
}

TEST_P(writes_in_bulk, who_blocks_in_the_handler_waits_for_nothing)
{
    bool answered = false;
    asio::post(io, [&] {
        text.resize(10 * mss + 7);
        asio::async_write(client, asio::buffer(text), [&](error_code, std::size_t) {
            const std::uint64_t before = sent();
            tcp::socket other(left);
            other.connect(acceptor_endpoint); // any synchronous call
            EXPECT_GE(sent() - before, GetParam() ? 3U : 2U)
                << "the partial segment (without defer_output sent before), a SYN, an ACK";
            answered = true;
        });
    });
    tcp::acceptor acceptor(right, acceptor_endpoint);
    acceptor.async_accept([](error_code, tcp::socket) {});
    run_until([&] { return answered && received == 10 * mss + 7; });
}

TEST_P(writes_in_bulk, a_handler_may_run_the_io_context_itself)
{
    bool ended = false;
    text = "x";
    asio::async_write(client, asio::buffer(text), [&](error_code, std::size_t) {
        asio::steady_timer soon(io, std::chrono::milliseconds(1));
        bool answered = false;
        soon.async_wait([&](error_code) { server.async_write_some(asio::buffer("y", 1), [](error_code, std::size_t) {}); });
        client.async_read_some(asio::buffer(answer), [&](error_code, std::size_t) { answered = true; });
        for (int i = 0; i < 100 && !answered; ++i) io.run_one_for(std::chrono::milliseconds(50));
        EXPECT_TRUE(answered);
        ended = true;
    });
    run_until([&] { return ended; });
}

TEST_P(writes_in_bulk, a_handler_that_throws_takes_nobody_with_it)
{
    unsigned told = 0;
    write_three([&](error_code, std::size_t) {
        if (++told == 1) throw std::runtime_error("its own business");
    });
    EXPECT_THROW(run_until([&] { return told == 3; }), std::runtime_error);
    run_until([&] { return told == 3 && received == 3; });
}

TEST_P(writes_in_bulk, after_a_stop_the_rest_comes_when_it_runs_again)
{
    unsigned told = 0;
    write_three([&](error_code, std::size_t) {
        ++told;
        io.stop();
    });
    io.restart();
    io.run();
    EXPECT_EQ(told, 1U);
    run_until([&] { return told == 3 && received == 3; });
}

TEST_P(writes_in_bulk, a_handler_may_shut_the_stack_down)
{
    unsigned told = 0;
    write_three([&](error_code ec, std::size_t n) {
        EXPECT_FALSE(ec) << "the write had completed before";
        EXPECT_EQ(n, 1U);
        ++told;
        left.shutdown();
    });
    run_until([&] { return told == 3; });
    error_code ec;
    client.write_some(asio::buffer("x", 1), ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
}

TEST_P(writes_in_bulk, a_short_message_waits_for_its_handler_only_if_deferred)
{
    bool told = false;
    asio::post(io, [&] {
        const std::uint64_t before = sent();
        client.async_write_some(asio::buffer("hello", 5), [&](error_code, std::size_t) { told = true; });
        EXPECT_EQ(sent(), before + (GetParam() ? 0 : 1));
    });
    run_until([&] { return told && received == 5; });
}

INSTANTIATE_TEST_SUITE_P(output, writes_in_bulk, testing::Bool(),
                         [](const auto& one) { return one.param ? "deferred" : "at_once"; });

} // namespace
