#include "common/echo.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <exception>
#include <utility>

namespace apps {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

asio::awaitable<void> echo_connection(tcp::socket socket)
{
    try {
        std::array<char, 16384> data;
        for (;;) {
            const std::size_t n = co_await socket.async_read_some(asio::buffer(data), use_awaitable);
            co_await asio::async_write(socket, asio::buffer(data, n), use_awaitable);
        }
    } catch (const std::exception&) {
        // The peer has closed the stream, or is gone: the destructor closes the socket.
    }
}

bool is_over(const boost::system::error_code& error)
{
    return error == asio::error::operation_aborted || error == asio::error::bad_descriptor;
}

} // namespace

asio::awaitable<void> echo_tcp(tcp::acceptor acceptor)
{
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        boost::system::error_code error;
        tcp::socket socket = co_await acceptor.async_accept(redirect_error(use_awaitable, error));
        if (is_over(error)) co_return;
        if (!error) asio::co_spawn(executor, echo_connection(std::move(socket)), asio::detached);
    }
}

asio::awaitable<void> echo_udp(udp::socket socket)
{
    std::array<char, 65536> data;
    udp::endpoint sender;
    for (;;) {
        boost::system::error_code error;
        const std::size_t n =
            co_await socket.async_receive_from(asio::buffer(data), sender, redirect_error(use_awaitable, error));
        if (is_over(error)) co_return;
        if (error) continue; // an ICMP error about an earlier answer
        co_await socket.async_send_to(asio::buffer(data, n), sender, redirect_error(use_awaitable, error));
    }
}

} // namespace apps
