// Cost of timeouts in a Beast HTTP server over a TAP: CPU time of its thread per request, with tcp_stream::expires_after before
// every read and write, and without; and its number of threads. The kernel is the client. Needs root:
//
//     beast_timeouts --requests 20000 --connections 16 --rounds 5 --most 1.1
#include "support/kernel/kernel_host.hpp"

#include <tapio/beast.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/program_options.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace po = boost::program_options;
using tapio::ip::tcp;
using namespace std::chrono_literals;

struct result
{
    double microseconds = 0; ///< CPU time of the server's thread per request
    std::ptrdiff_t threads = 0;
};

double thread_seconds()
{
    rusage used{};
    ::getrusage(RUSAGE_THREAD, &used);
    const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::ptrdiff_t threads_of_process()
{
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
}

asio::awaitable<void> serve(tcp::socket socket, bool timeouts, result& out)
{
    tapio::beast::tcp_stream stream(std::move(socket));
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> answer(http::status::ok, 11, "hello");
    answer.keep_alive(true);
    answer.prepare_payload();
    for (;;) {
        http::request<http::empty_body> request;
        if (timeouts) stream.expires_after(30s);
        const auto [ec, n] = co_await http::async_read(stream, buffer, request, asio::as_tuple(asio::use_awaitable));
        if (ec) co_return;
        if (timeouts) stream.expires_after(30s);
        co_await http::async_write(stream, answer, asio::use_awaitable);
        if (out.threads == 0) out.threads = threads_of_process() - 1; // without the client's thread, which is still running
    }
}

struct load
{
    std::size_t requests = 0, connections = 0;
};

/// Sends one request after the other on each connection, with blocking calls of the kernel's sockets.
void ask(const load& l)
{
    asio::io_context io;
    std::vector<asio::ip::tcp::socket> sockets;
    for (std::size_t i = 0; i < l.connections; ++i) {
        sockets.emplace_back(io).connect({asio::ip::make_address("198.18.0.2"), 80});
        sockets.back().set_option(asio::ip::tcp::no_delay(true));
    }
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", end = "\r\n\r\nhello";
    std::string got;
    for (std::size_t i = 0; i < l.requests; i += l.connections) {
        for (auto& s : sockets) asio::write(s, asio::buffer(request));
        for (auto& s : sockets) got.erase(0, asio::read_until(s, asio::dynamic_buffer(got), end));
    }
}

result measure(const load& l, bool timeouts)
{
    tapio::test::kernel_host kernel("198.18.0.1");
    asio::io_context io{1};
    tapio::stack stack(io, std::move(kernel.tap));
    stack.add_address(asio::ip::make_address("198.18.0.2"), 24);
    tcp::acceptor acceptor(stack, {tcp::v4(), 80});
    result out;
    std::size_t left = l.connections;
    std::exception_ptr failed;
    const auto ended = [&](std::exception_ptr e) {
        if (e) failed = e;
        if (--left == 0 || e) stack.shutdown();
    };
    const auto accept = [&]() -> asio::awaitable<void> {
        for (std::size_t i = 0; i < l.connections; ++i)
            asio::co_spawn(stack, serve(co_await acceptor.async_accept(asio::use_awaitable), timeouts, out), ended);
    };
    asio::co_spawn(stack, accept, asio::detached);
    std::thread client = kernel.inside([l] { ask(l); });
    const double before = thread_seconds();
    io.run();
    out.microseconds = (thread_seconds() - before) * 1e6 / static_cast<double>(l.requests);
    client.join();
    if (failed) std::rethrow_exception(failed);
    return out;
}

double median(std::vector<double> of)
{
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

int run(const load& l, std::size_t rounds, double most)
{
    std::vector<double> with, without;
    std::ptrdiff_t threads = 0;
    for (std::size_t i = 0; i < rounds; ++i) {
        without.push_back(measure(l, false).microseconds);
        const result r = measure(l, true);
        with.push_back(r.microseconds);
        threads = r.threads;
    }
    const double ratio = median(with) / median(without);
    std::cout << "without timeouts " << median(without) << " us a request, with " << median(with) << " us: " << ratio
              << " times; threads of the server " << threads << '\n';
    if (threads != 1) std::cout << "WRONG: the server has more than one thread\n";
    if (most > 0 && ratio > most) std::cout << "WRONG: more than " << most << " times\n";
    return threads != 1 || (most > 0 && ratio > most) ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        load l;
        std::size_t rounds = 0;
        double most = 0;
        po::options_description options("What timeouts cost a Beast server over a TAP");
        options.add_options()("help", "this")("requests", po::value(&l.requests)->default_value(20'000), "of each run")(
            "connections", po::value(&l.connections)->default_value(16),
            "that they are spread over")("rounds", po::value(&rounds)->default_value(5), "of both, whose medians count")(
            "most", po::value(&most)->default_value(0), "fail if timeouts cost more times the time; 0: any");
        po::variables_map given;
        po::store(po::parse_command_line(argc, argv, options), given);
        po::notify(given);
        if (given.count("help") != 0) return std::cout << options << '\n', EXIT_SUCCESS;
        if (l.connections == 0) l.connections = 1;
        return run(l, std::max<std::size_t>(rounds, 1), most);
    } catch (const std::runtime_error& e) {
        std::cout << "SKIPPED: " << e.what() << '\n';
        return 77;
    }
}
