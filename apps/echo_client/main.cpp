/// @file
/// echo_client: connects from a tapio host to an echo server (or any other) and prints what comes back.
#include "common/device_watch.hpp"
#include "common/host_options.hpp"
#include "common/logging.hpp"
#include "common/program.hpp"

#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using asio::as_tuple;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

struct client_options
{
    std::string server;
    std::uint16_t port = 7;
    bool use_udp = false;
    std::uint64_t octets = 0; ///< how many to send; 0: the lines of standard input
    unsigned patience = 10;

    apps::po::options_description description()
    {
        apps::po::options_description d("Client");
        d.add_options()                                                                                            //
            ("server", apps::po::value(&server)->required(), "address to connect to (also the first argument)")    //
            ("port", apps::port_number(port), "its port (also the second argument)")                               //
            ("udp", apps::po::bool_switch(&use_udp), "UDP instead of TCP")                                         //
            ("octets", apps::number(octets, 0, UINT64_MAX), "send so many instead of the lines of standard input") //
            ("timeout", apps::number(patience, 1, 86400), "seconds to wait for a connection or an answer");
        return d;
    }
};

/// Reads standard input without blocking the thread that runs the host.
class line_reader
{
public:
    explicit line_reader(asio::io_context& io) : input_(io, ::dup(STDIN_FILENO)) {}

    /// The next line with its newline; empty at the end of the input.
    asio::awaitable<std::string> next()
    {
        error_code error;
        std::size_t n =
            co_await asio::async_read_until(input_, asio::dynamic_buffer(text_), '\n', redirect_error(use_awaitable, error));
        if (error) n = text_.size(); // the last line may lack its newline
        std::string line = text_.substr(0, n);
        text_.erase(0, n);
        co_return line;
    }

private:
    asio::posix::stream_descriptor input_;
    std::string text_;
};

/// Octet `i` of what `--octets` sends.
char pattern(std::uint64_t i) { return static_cast<char>((i * 31 + i / 256) & 0xff); }

std::vector<char> pattern_from(std::uint64_t first, std::size_t length)
{
    std::vector<char> out(length);
    for (std::size_t i = 0; i < length; ++i) out[i] = pattern(first + i);
    return out;
}

void check_pattern(std::uint64_t first, const char* data, std::size_t length)
{
    for (std::size_t i = 0; i < length; ++i)
        if (data[i] != pattern(first + i)) throw std::runtime_error("octet " + std::to_string(first + i) + " came back wrong");
}

class client
{
public:
    client(asio::io_context& io, const client_options& options, const asio::ip::address& server)
        : io_(io), options_(options), server_(server), input_(io)
    {
    }

    asio::awaitable<void> run()
    {
        if (options_.use_udp)
            co_await talk_udp(udp::endpoint(server_, options_.port));
        else
            co_await talk_tcp(tcp::endpoint(server_, options_.port));
    }

private:
    /// The result of `operation`, or timed_out after the time of --timeout. Both operands of `||` use as_tuple, so that a failure
    /// of `operation` ends the wait, too: `||` alone waits for the first that does not throw.
    template <class... Results>
    asio::awaitable<std::tuple<error_code, Results...>> in_time(asio::awaitable<std::tuple<error_code, Results...>> operation)
    {
        asio::steady_timer timer(io_, std::chrono::seconds(options_.patience));
        auto first = co_await (std::move(operation) || timer.async_wait(as_tuple(use_awaitable)));
        if (first.index() == 1) co_return std::tuple<error_code, Results...>(asio::error::timed_out, Results()...);
        co_return std::get<0>(std::move(first));
    }

    asio::awaitable<void> talk_tcp(tcp::endpoint server)
    {
        tcp::socket socket(co_await asio::this_coro::executor);
        const auto [error] = co_await in_time(socket.async_connect(server, as_tuple(use_awaitable)));
        if (error) throw boost::system::system_error(error, "connect");
        if (options_.octets == 0)
            co_await (send_lines(socket) && print_all(socket));
        else
            co_await (send_octets(socket) && check_all(socket));
    }

    asio::awaitable<void> send_lines(tcp::socket& socket)
    {
        for (;;) {
            const std::string line = co_await input_.next();
            if (line.empty()) break;
            co_await asio::async_write(socket, asio::buffer(line), use_awaitable);
        }
        socket.shutdown(tcp::socket::shutdown_send);
    }

    asio::awaitable<void> print_all(tcp::socket& socket)
    {
        std::array<char, 16384> data;
        for (;;) {
            error_code error;
            const auto n = co_await socket.async_read_some(asio::buffer(data), redirect_error(use_awaitable, error));
            if (error == asio::error::eof) co_return;
            if (error) throw boost::system::system_error(error, "read");
            std::fwrite(data.data(), 1, n, stdout);
            std::fflush(stdout);
        }
    }

    asio::awaitable<void> send_octets(tcp::socket& socket)
    {
        for (std::uint64_t sent = 0; sent < options_.octets;) {
            const auto chunk = pattern_from(sent, std::min<std::uint64_t>(65536, options_.octets - sent));
            sent += co_await asio::async_write(socket, asio::buffer(chunk), use_awaitable);
        }
        socket.shutdown(tcp::socket::shutdown_send);
    }

    asio::awaitable<void> check_all(tcp::socket& socket)
    {
        const auto begin = std::chrono::steady_clock::now();
        std::vector<char> data(65536);
        std::uint64_t got = 0;
        for (error_code error; !error;) {
            const auto n = co_await socket.async_read_some(asio::buffer(data), redirect_error(use_awaitable, error));
            if (error && error != asio::error::eof) throw boost::system::system_error(error, "read");
            check_pattern(got, data.data(), n);
            got += n;
        }
        report(got, begin);
    }

    /// Sends each line, or each 1000 octets, in a datagram of its own, and waits for its answer before it sends the next.
    asio::awaitable<void> talk_udp(udp::endpoint server)
    {
        const auto begin = std::chrono::steady_clock::now();
        udp::socket socket(co_await asio::this_coro::executor);
        socket.connect(server);
        std::uint64_t got = 0;
        for (;;) {
            const std::string datagram = co_await next_datagram(got);
            if (datagram.empty()) break;
            const std::string answer = co_await exchange(socket, datagram);
            if (options_.octets == 0)
                std::fwrite(answer.data(), 1, answer.size(), stdout);
            else
                check_pattern(got, answer.data(), answer.size());
            got += answer.size();
        }
        if (options_.octets != 0) report(got, begin);
    }

    asio::awaitable<std::string> next_datagram(std::uint64_t so_far)
    {
        if (options_.octets == 0) co_return co_await input_.next();
        const auto chunk = pattern_from(so_far, std::min<std::uint64_t>(1000, options_.octets - so_far));
        co_return std::string(chunk.begin(), chunk.end());
    }

    asio::awaitable<std::string> exchange(udp::socket& socket, const std::string& datagram)
    {
        std::string answer(65536, '\0');
        co_await socket.async_send(asio::buffer(datagram), use_awaitable);
        const auto [error, n] = co_await in_time(socket.async_receive(asio::buffer(answer), as_tuple(use_awaitable)));
        if (error) throw boost::system::system_error(error, "receive");
        answer.resize(n);
        if (options_.octets != 0 && n != datagram.size()) throw std::runtime_error("an answer has the wrong length");
        co_return answer;
    }

    void report(std::uint64_t got, std::chrono::steady_clock::time_point begin) const
    {
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        if (got != options_.octets) throw std::runtime_error(std::to_string(got) + " octets came back");
        apps::say(std::to_string(got) + " octets came back right in " + std::to_string(seconds.count()) + " s");
    }

    asio::io_context& io_;
    const client_options& options_;
    const asio::ip::address server_;
    line_reader input_;
};

/// Parses a numeric address, because our host resolves no names.
asio::ip::address address_of(const std::string& server)
{
    error_code error;
    const auto address = asio::ip::make_address(server, error);
    if (error) throw std::runtime_error(server + ": host not found (an address is wanted)");
    return address;
}

void talk(const apps::host_options& host, const client_options& options)
{
    host.check();
    const auto server = address_of(options.server);
    asio::io_context io(1);
    const apps::stack_log log(host.log);
    tapio::stack stack(io, apps::open_device(host), {.trace = log.trace()});
    apps::configure(stack, host);

    client one(io, options, server);
    std::exception_ptr failed;
    const auto end = [&] { apps::drain(stack, [&] { io.stop(); }); };
    apps::when_configured(stack, host, [&] {
        asio::co_spawn(stack, one.run(), [&](std::exception_ptr e) {
            failed = e;
            end();
        });
    });
    apps::stop_signal stop(io, end);
    const apps::device_watch watch(stack, [&] { io.stop(); });
    io.run();
    watch.check();
    if (failed) std::rethrow_exception(failed);
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("echo_client", "connects from a host of its own, sends lines or octets, prints what comes back");
    apps::host_options host;
    client_options options;
    program.options.add(options.description()).add(host.description()).add(host.capture_description());
    program.positional.add("server", 1).add("port", 1);
    return program.run(argc, argv, [&] { talk(host, options); });
}
