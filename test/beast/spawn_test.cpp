// Stackful coroutines (boost::asio::spawn) over tapio.
#include "network.hpp"

#include <boost/asio/spawn.hpp>

#include <string>

namespace tapio::test {
namespace {

class stackful : public network
{
};

TEST_F(stackful, an_echo)
{
    std::string got(5, 0);
    error_code refused;
    bool done = false;
    asio::spawn(
        server->get_executor(),
        [&](asio::yield_context yield) {
            tcp::acceptor a(*server, {tcp::v4(), 7});
            tcp::socket s = a.async_accept(yield);
            std::array<char, 100> data;
            error_code ec;
            while (!ec) {
                const std::size_t n = s.async_read_some(asio::buffer(data), yield[ec]);
                if (!ec) asio::async_write(s, asio::buffer(data, n), yield);
            }
        },
        asio::detached);
    asio::spawn(
        client->get_executor(),
        [&](asio::yield_context yield) {
            tcp::socket s(*client);
            s.async_connect({server_address, 9}, yield[refused]);
            s.close();
            s.async_connect({server_address, 7}, yield);
            asio::async_write(s, asio::buffer("hello", 5), yield);
            asio::async_read(s, asio::buffer(got), yield);
            done = true;
        },
        asio::detached);
    ASSERT_TRUE(time.run_until([&] { return done; }, 1h));
    EXPECT_EQ(got, "hello");
    EXPECT_EQ(refused, asio::error::connection_refused);
}

} // namespace
} // namespace tapio::test
