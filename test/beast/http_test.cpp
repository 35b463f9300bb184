// // Beast's HTTP and WebSocket over tapio: exchanges over a lossy wire, and timeouts in virtual time.
#include "network.hpp"

#include <tapio/beast.hpp>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <string>

namespace tapio::test {
namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using stream = tapio::beast::tcp_stream;

/// The wire loses some of the packets.
class beast_over_tapio : public network
{
protected:
    asio::awaitable<stream> accept_one(std::uint16_t port)
    {
        tcp::acceptor a(*server, {tcp::v4(), port});
        co_return stream(co_await a.async_accept(asio::use_awaitable));
    }
    asio::awaitable<stream> connect(const char* service)
    {
        const auto executor = co_await asio::this_coro::executor;
        stream s(executor);
        s.expires_after(30s);
        tcp::resolver names(executor);
        co_await s.async_connect(co_await names.async_resolve("server.example", service, asio::use_awaitable),
                                 asio::use_awaitable);
        co_return s;
    }
};

TEST_F(beast_over_tapio, an_http_request_and_its_answer)
{
    const std::string page(200'000, 'p');
    talk(
        [&]() -> asio::awaitable<void> {
            stream s = co_await accept_one(80);
            boost::beast::flat_buffer buffer;
            http::request<http::string_body> q;
            co_await http::async_read(s, buffer, q, asio::use_awaitable);
            EXPECT_EQ(q.target(), "/index.html");
            http::response<http::string_body> a(http::status::ok, q.version(), page);
            a.prepare_payload();
            co_await http::async_write(s, a, asio::use_awaitable);
            s.socket().shutdown(tcp::socket::shutdown_send);
        },
        [&]() -> asio::awaitable<void> {
            stream s = co_await connect("80");
            const http::request<http::empty_body> q(http::verb::get, "/index.html", 11);
            co_await http::async_write(s, q, asio::use_awaitable);
            boost::beast::flat_buffer buffer;
            http::response<http::string_body> a;
            co_await http::async_read(s, buffer, a, asio::use_awaitable);
            EXPECT_EQ(a.body(), page);
        });
}

TEST_F(beast_over_tapio, a_server_that_says_nothing_times_out)
{
    error_code ended;
    const auto begin = time.now();
    talk(
        [&]() -> asio::awaitable<void> {
            stream s = co_await accept_one(80);
            s.expires_never();
            char c = 0;
            co_await s.async_read_some(asio::buffer(&c, 1), asio::as_tuple(asio::use_awaitable));
        },
        [&]() -> asio::awaitable<void> {
            stream s = co_await connect("80");
            s.expires_after(5min);
            char c = 0;
            const auto [ec, n] = co_await s.async_read_some(asio::buffer(&c, 1), asio::as_tuple(asio::use_awaitable));
            ended = ec;
        });
    EXPECT_EQ(ended, boost::beast::error::timeout);
    EXPECT_GE(time.now() - begin, 5min);
    EXPECT_LT(time.now() - begin, 6min);
}

TEST_F(beast_over_tapio, websocket_messages_both_ways)
{
    const std::string large(100'000, 'w');
    talk(
        [&]() -> asio::awaitable<void> {
            websocket::stream<stream> ws(co_await accept_one(8080));
            ws.set_option(websocket::stream_base::timeout::suggested(boost::beast::role_type::server));
            co_await ws.async_accept(asio::use_awaitable);
            for (;;) {
                boost::beast::flat_buffer buffer;
                const auto [ec, n] = co_await ws.async_read(buffer, asio::as_tuple(asio::use_awaitable));
                if (ec) {
                    EXPECT_EQ(ec, websocket::error::closed);
                    co_return;
                }
                co_await ws.async_write(buffer.data(), asio::use_awaitable);
            }
        },
        [&]() -> asio::awaitable<void> {
            websocket::stream<stream> ws(co_await connect("8080"));
            boost::beast::get_lowest_layer(ws).expires_never();
            ws.set_option(websocket::stream_base::timeout::suggested(boost::beast::role_type::client));
            co_await ws.async_handshake("server.example", "/", asio::use_awaitable);
            for (const std::string& message : {std::string("hello"), large, std::string()}) {
                co_await ws.async_write(asio::const_buffer(asio::buffer(message)), asio::use_awaitable); // the echo's type, too
                boost::beast::flat_buffer buffer;
                const auto [ec, n] = co_await ws.async_read(buffer, asio::as_tuple(asio::use_awaitable));
                EXPECT_FALSE(ec) << ec.message();
                EXPECT_EQ(boost::beast::buffers_to_string(buffer.data()), message);
            }
            co_await ws.async_close(websocket::close_code::normal, asio::use_awaitable);
        });
}

TEST_F(beast_over_tapio, an_idle_websocket_is_closed_after_its_five_minutes)
{
    const auto begin = time.now();
    error_code ended;
    talk(
        [&]() -> asio::awaitable<void> {
            websocket::stream<stream> ws(co_await accept_one(8080));
            auto patience = websocket::stream_base::timeout::suggested(boost::beast::role_type::server);
            patience.idle_timeout = 300s;
            patience.keep_alive_pings = false;
            ws.set_option(patience);
            co_await ws.async_accept(asio::use_awaitable);
            boost::beast::flat_buffer buffer;
            const auto [ec, n] = co_await ws.async_read(buffer, asio::as_tuple(asio::use_awaitable));
            ended = ec;
        },
        [&]() -> asio::awaitable<void> {
            websocket::stream<stream> ws(co_await connect("8080"));
            boost::beast::get_lowest_layer(ws).expires_never();
            co_await ws.async_handshake("server.example", "/", asio::use_awaitable);
            steady_timer t(co_await asio::this_coro::executor, 10min);
            co_await t.async_wait(asio::use_awaitable);
        });
    EXPECT_EQ(ended, boost::beast::error::timeout);
    EXPECT_GE(time.now() - begin, 10min);
}

} // namespace
} // namespace tapio::test
