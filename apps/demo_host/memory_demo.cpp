#include "demo_host/memory_demo.hpp"

#include "common/echo.hpp"
#include "common/program.hpp"
#include "http_server/server.hpp"

#include <tapio/device/pipe.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace apps {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

void expect(bool right, const std::string& what)
{
    say(what + (right ? ": right" : ": WRONG"));
    if (!right) throw std::runtime_error(what + " failed");
}

asio::awaitable<void> ask_udp_echo(asio::ip::address server)
{
    const std::string question = "hello over UDP";
    udp::socket socket(co_await asio::this_coro::executor, udp::v4());
    co_await socket.async_send_to(asio::buffer(question), udp::endpoint(server, 7), use_awaitable);
    std::string answer(100, '\0');
    udp::endpoint from;
    answer.resize(co_await socket.async_receive_from(asio::buffer(answer), from, use_awaitable));
    expect(answer == question && from == udp::endpoint(server, 7), "UDP echo");
}

asio::awaitable<tcp::socket> connect(asio::ip::address server, std::uint16_t port)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(tcp::endpoint(server, port), use_awaitable);
    co_return socket;
}

// Reads up to the end of the stream.
asio::awaitable<std::string> read_all(tcp::socket& socket)
{
    std::string out;
    error_code error;
    co_await asio::async_read(socket, asio::dynamic_buffer(out), redirect_error(use_awaitable, error));
    if (error != asio::error::eof) throw boost::system::system_error(error, "read");
    co_return out;
}

asio::awaitable<void> ask_tcp_echo(asio::ip::address server)
{
    const std::string question(10'000, 'x');
    tcp::socket socket = co_await connect(server, 7);
    co_await asio::async_write(socket, asio::buffer(question), use_awaitable);
    socket.shutdown(tcp::socket::shutdown_send);
    const std::string answer = co_await read_all(socket);
    expect(answer == question, "TCP echo of 10000 octets");
}

asio::awaitable<void> ask_http(asio::ip::address server)
{
    const std::string question = "GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n";
    tcp::socket socket = co_await connect(server, 80);
    co_await asio::async_write(socket, asio::buffer(question), use_awaitable);
    const std::string answer = co_await read_all(socket);
    expect(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("</html>\n"), "HTTP front page");
}

asio::awaitable<void> ask_closed_port(asio::ip::address server)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    error_code error;
    co_await socket.async_connect(tcp::endpoint(server, 9), redirect_error(use_awaitable, error));
    expect(error == asio::error::connection_refused, "refusal by a closed port");
}

asio::awaitable<void> ask_everything(asio::ip::address server)
{
    co_await ask_udp_echo(server);
    co_await ask_tcp_echo(server);
    co_await ask_http(server);
    co_await ask_closed_port(server);
}

} // namespace

void run_memory_demo(tapio::core::trace* trace)
{
    const auto server_address = asio::ip::make_address("198.18.0.2");
    http_server::site site;
    std::exception_ptr failed;

    asio::io_context io(1);
    auto wire = tapio::make_pipe();
    tapio::stack server(io, std::move(wire.first), {.trace = trace}), client(io, std::move(wire.second), {.trace = trace});
    server.add_address(server_address, 24);
    client.add_address(asio::ip::make_address("198.18.0.1"), 24);

    asio::co_spawn(server, echo_udp(udp::socket(server, {udp::v4(), 7})), asio::detached);
    asio::co_spawn(server, echo_tcp(tcp::acceptor(server, {tcp::v4(), 7})), asio::detached);
    http_server::server http(io, server, {tcp::v4(), 80}, site);

    asio::co_spawn(client, ask_everything(server_address), [&](std::exception_ptr e) {
        failed = e;
        io.stop();
    });
    asio::steady_timer patience(io, std::chrono::seconds(10));
    patience.async_wait([&](error_code error) {
        if (error) return;
        failed = std::make_exception_ptr(std::runtime_error("no answer within 10 s"));
        io.stop();
    });
    io.run();
    if (failed) std::rethrow_exception(failed);
}

} // namespace apps
