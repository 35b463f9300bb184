#include "bench_server/services.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <charconv>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace apps::bench_server {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;

namespace {

std::string_view name_of(const error_code& error)
{
    using namespace asio::error;
    using entry = std::pair<basic_errors, std::string_view>;
    static constexpr std::array<entry, 10> names{{{connection_refused, "connection_refused"},
                                                  {connection_reset, "connection_reset"},
                                                  {connection_aborted, "connection_aborted"},
                                                  {timed_out, "timed_out"},
                                                  {host_unreachable, "host_unreachable"},
                                                  {network_unreachable, "network_unreachable"},
                                                  {address_in_use, "address_in_use"},
                                                  {invalid_argument, "invalid_argument"},
                                                  {address_family_not_supported, "address_family_not_supported"},
                                                  {operation_aborted, "operation_aborted"}}};
    for (const auto& [code, name] : names)
        if (error == code) return name;
    return "other";
}

// "connect 198.18.0.1 9000" -> the endpoint; throws invalid_argument for any other line.
error_code parse(std::string_view line, tcp::endpoint& out)
{
    static constexpr std::string_view verb = "connect ";
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    const auto space = line.rfind(' ');
    if (!line.starts_with(verb) || space < verb.size()) return asio::error::invalid_argument;
    error_code error;
    const auto address = asio::ip::make_address(line.substr(verb.size(), space - verb.size()), error);
    std::uint16_t port = 0;
    const char* const end = line.data() + line.size();
    if (error || std::from_chars(line.data() + space + 1, end, port).ptr != end) return asio::error::invalid_argument;
    out = tcp::endpoint(address, port);
    return {};
}

asio::awaitable<error_code> connect(std::string_view line)
{
    tcp::endpoint peer;
    error_code error = parse(line, peer);
    if (error) co_return error;
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(peer, redirect_error(use_awaitable, error));
    if (error) co_return error;
    co_await asio::async_write(socket, asio::buffer("hi", 2), redirect_error(use_awaitable, error));
    if (!error) echo(std::move(socket));
    co_return error;
}

asio::awaitable<void> control(tcp::socket socket)
{
    try {
        std::string line;
        co_await asio::async_read_until(socket, asio::dynamic_buffer(line, 256), '\n', use_awaitable);
        const error_code error = co_await connect(line);
        std::string answer = "ok\n";
        if (error) answer = "error " + std::string(name_of(error)) + '\n';
        co_await asio::async_write(socket, asio::buffer(answer), use_awaitable);
    } catch (const std::exception&) {
        // The control connection was lost.
    }
}

} // namespace

void start_control(tapio::shards& shards, std::uint16_t port)
{
    shards.listen({tcp::v6(), port}, [](tcp::socket socket) {
        const auto executor = socket.get_executor(); // that of the connection's shard
        asio::co_spawn(executor, control(std::move(socket)), asio::detached);
    });
}

} // namespace apps::bench_server
