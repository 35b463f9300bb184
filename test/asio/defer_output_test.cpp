// stack_options::defer_output: all output of one handler is sent after it has returned, and no output is held back forever.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;

const auto left_address = asio::ip::make_address("192.0.2.1"), right_address = asio::ip::make_address("192.0.2.2");

struct defer_output : testing::Test
{
    defer_output()
    {
        left.add_address(left_address, 24);
        right.add_address(right_address, 24);
    }
    static tapio::stack_options deferring()
    {
        tapio::stack_options o;
        o.defer_output = true;
        return o;
    }
    /// Runs the io_context until the condition holds, at most 10,000 handlers.
    template <class Condition>
    void run_until(Condition&& so)
    {
        for (int i = 0; i < 10'000 && !so(); ++i) io.poll_one(), io.restart();
        EXPECT_TRUE(so());
    }
    std::uint64_t sent() const { return left.counters(1).out_packets; }

    asio::io_context io{1};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    tapio::stack left{io, std::move(wire.first), deferring()}, right{io, std::move(wire.second)};
    tcp::acceptor acceptor{right, {tcp::v4(), 7}};
    tcp::socket client{left}, server{right};
    std::string got = std::string(100, ' ');
};

TEST_F(defer_output, writes_and_a_close_of_one_handler_go_in_one_segment)
{
    bool connected = false, accepted = false, done = false;
    acceptor.async_accept(server, [&](error_code) { accepted = true; });
    client.async_connect({right_address, 7}, [&](error_code) { connected = true; });
    run_until([&] { return connected && accepted; });
    client.set_option(tcp::no_delay(true)); // otherwise the Nagle algorithm would combine the writes
    io.poll();
    const std::uint64_t before = sent();
    asio::post(io, [&] {
        asio::write(client, asio::buffer("one ", 4));
        asio::write(client, asio::buffer("two ", 4));
        client.async_write_some(asio::buffer("three", 5), [&](error_code ec, std::size_t) {
            EXPECT_FALSE(ec);
            done = true;
        });
        client.shutdown(tcp::socket::shutdown_send);
        EXPECT_EQ(sent(), before) << "output is sent only after the handler has returned";
    });
    run_until([&] { return done && server.available() == 13; });
    EXPECT_EQ(sent(), before + 1);
    EXPECT_EQ(server.read_some(asio::buffer(got)), 13U);
    EXPECT_EQ(got.substr(0, 13), "one two three");
    error_code ec;
    server.read_some(asio::buffer(got), ec);
    EXPECT_EQ(ec, asio::error::eof); // the FIN was in the same segment
}

TEST_F(defer_output, a_handler_that_blocks_does_not_wait_for_itself)
{
    bool done = false;
    acceptor.async_accept(server, [](error_code) {});
    asio::post(io, [&] {
        client.connect({right_address, 7}); // blocks, so its SYN must be sent at once
        asio::write(client, asio::buffer("hello", 5));
        done = true;
    });
    run_until([&] { return done && server.is_open() && server.available() == 5; });
    EXPECT_EQ(server.read_some(asio::buffer(got)), 5U);
    EXPECT_EQ(got.substr(0, 5), "hello");
}

TEST_F(defer_output, outside_of_handlers_nothing_is_held_back)
{
    client.open(tcp::v4());
    client.non_blocking(true);
    error_code ec;
    const std::uint64_t before = sent();
    client.connect({right_address, 7}, ec);
    EXPECT_FALSE(ec) << "over this wire the SYN,ACK arrives within the call";
    EXPECT_GT(sent(), before);
}

TEST_F(defer_output, what_is_held_back_goes_with_the_stack)
{
    bool done = false;
    acceptor.async_accept(server, [](error_code) {});
    client.async_connect({right_address, 7}, [&](error_code ec) {
        EXPECT_FALSE(ec);
        const std::uint64_t before = sent();
        asio::write(client, asio::buffer("last", 4));
        EXPECT_EQ(sent(), before);
        left.shutdown();
        EXPECT_GT(sent(), before);
        done = true;
    });
    run_until([&] { return done; });
}

} // namespace
