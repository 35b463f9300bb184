// close() of a socket with SO_LINGER and a timeout. Compared with the kernel in test/parity/linger.cpp.
#include "connected_hosts.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

/// A connection over a wire with a delay of 100 ms each way.
struct lingering : testing::Test, tapio::test::connected_hosts
{
    lingering() : connected_hosts({.delay = 100ms}, 8192) {}

    /// Writes until the send buffer is full. @return octets
    std::size_t fill(tcp::socket& s)
    {
        const std::string much(100'000, 'x');
        s.non_blocking(true);
        std::size_t n = 0;
        for (error_code ec; !ec;) n += s.write_some(asio::buffer(much), ec);
        return n;
    }

    std::size_t read_to_the_end(tcp::socket& s)
    {
        std::string got;
        error_code ec;
        asio::read(s, asio::dynamic_buffer(got), ec);
        EXPECT_EQ(ec, asio::error::eof);
        return got.size();
    }
};

TEST_F(lingering, close_returns_when_all_is_acknowledged)
{
    asio::write(*client, asio::buffer(std::string(1000, 'x')));
    client->set_option(asio::socket_base::linger(true, 10));
    const auto begin = time.now();
    client->close();
    EXPECT_GE(time.now() - begin, 200ms);
    EXPECT_LT(time.now() - begin, 300ms);
    client_host.reset(); // all data has been delivered, so destroying the stack loses nothing
    EXPECT_EQ(read_to_the_end(*server), 1000U);
}

TEST_F(lingering, close_returns_when_the_time_is_over_and_the_connection_goes_on)
{
    const std::size_t sent = fill(*client); // makes the socket non-blocking, on which SO_LINGER does not depend
    client->set_option(asio::socket_base::linger(true, 3));
    const auto begin = time.now();
    error_code ec = asio::error::fault;
    client->close(ec);
    EXPECT_FALSE(ec);
    EXPECT_EQ(time.now() - begin, 3s);
    EXPECT_EQ(read_to_the_end(*server), sent);
}

TEST_F(lingering, close_does_not_wait_without_a_time)
{
    fill(*client);
    const auto begin = time.now();
    client->close();
    EXPECT_EQ(time.now(), begin);
}

TEST_F(lingering, a_destructor_does_not_wait)
{
    const std::size_t sent = fill(*client);
    client->set_option(asio::socket_base::linger(true, 3));
    const auto begin = time.now();
    client.reset();
    EXPECT_EQ(time.now(), begin);
    EXPECT_EQ(read_to_the_end(*server), sent);
}

TEST_F(lingering, a_destructor_does_not_reset)
{
    client->set_option(asio::socket_base::linger(true, 0));
    client.reset();
    EXPECT_EQ(read_to_the_end(*server), 0U);
}

TEST_F(lingering, close_waits_in_a_handler_and_what_was_pending_is_called_afterwards)
{
    client->set_option(asio::socket_base::linger(true, 10));
    char x = 0;
    bool aborted = false;
    tapio::core::time_point closed{};
    client->async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t) {
        aborted = ec == asio::error::operation_aborted;
        EXPECT_NE(closed, tapio::core::time_point{});
    });
    const auto begin = time.now();
    asio::post(io, [&] {
        client->close();
        closed = time.now();
    });
    time.run_for(1s);
    EXPECT_TRUE(aborted);
    EXPECT_GE(closed - begin, 200ms);
    EXPECT_LT(closed - begin, 300ms);
}

TEST_F(lingering, a_reset_ends_the_wait)
{
    fill(*client);
    client->set_option(asio::socket_base::linger(true, 100));
    tapio::steady_timer later(*server_host, 1s);
    server->set_option(asio::socket_base::linger(true, 0));
    server_host->shutdown(); // sends RSTs
    const auto begin = time.now();
    client->close();
    EXPECT_LT(time.now() - begin, 1s);
}

/// In real time with a single thread: close() itself must run the stack, called in a handler or outside of run().
TEST(lingering_in_real_time, close_drives_the_stack_itself)
{
    for (const bool in_handler : {false, true}) {
        asio::io_context io{1};
        auto [l, r] = tapio::make_pipe();
        const tapio::core::impairment_options slow{.delay = 20ms};
        tapio::stack left(io, tapio::impaired(std::move(l), {slow, slow})), right(io, std::move(r));
        left.add_address(asio::ip::make_address("192.0.2.1"), 24);
        right.add_address(asio::ip::make_address("192.0.2.2"), 24);
        tcp::acceptor acceptor(right, {tcp::v4(), 80});
        tcp::socket client(left), server(right);
        acceptor.async_accept(server, [](error_code) {});
        client.async_connect({asio::ip::make_address("192.0.2.2"), 80}, [](error_code) {});
        for (int i = 0; i < 1000 && !server.is_open(); ++i) io.run_one_for(10ms);
        asio::write(client, asio::buffer("x", 1));
        client.set_option(asio::socket_base::linger(true, 10));
        const auto begin = std::chrono::steady_clock::now();
        const auto close = [&] {
            client.close();
            EXPECT_GE(std::chrono::steady_clock::now() - begin, 35ms);
            EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
        };
        in_handler ? asio::post(io, close) : close();
        io.poll();
        EXPECT_FALSE(client.is_open());
        EXPECT_EQ(server.available(), 1U);
    }
}

} // namespace
