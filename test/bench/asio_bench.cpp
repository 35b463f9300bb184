// Cost of socket operations through Asio's templates: tapio in memory and the kernel's loopback, in one run.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <array>
#include <benchmark/benchmark.h>
#include <optional>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Two connected kernel sockets.
struct kernel
{
    using tcp = asio::ip::tcp;
    asio::io_context io{1};
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    tcp::socket client{io}, server{io};
};

/// Two connected sockets of one stack, over its loopback. With a concurrency hint of 1 the stack uses no locks.
template <int ConcurrencyHint>
struct basic_loopback
{
    using tcp = tapio::ip::tcp;
    asio::io_context io{ConcurrencyHint};
    tapio::stack stack{io};
    tcp::acceptor acceptor{stack, {asio::ip::address_v4::loopback(), 0}};
    tcp::socket client{stack}, server{stack};
};

using loopback = basic_loopback<1>;
using shared_loopback = basic_loopback<BOOST_ASIO_CONCURRENCY_HINT_DEFAULT>;

/// Two connected sockets of two stacks, over an Ethernet in memory.
struct pipe
{
    using tcp = tapio::ip::tcp;
    pipe()
    {
        auto [l, r] = tapio::make_pipe();
        left.emplace(io, std::move(l));
        right.emplace(io, std::move(r));
        left->add_address(asio::ip::make_address("192.0.2.1"), 24);
        right->add_address(asio::ip::make_address("192.0.2.2"), 24);
        acceptor.emplace(*right, tcp::endpoint(asio::ip::make_address("192.0.2.2"), 7));
        client = tcp::socket(*left);
        server = tcp::socket(*right);
    }
    asio::io_context io{1};
    std::optional<tapio::stack> left, right;
    std::optional<tcp::acceptor> acceptor;
    tcp::socket client{io}, server{io};
};

template <class Net>
void connect(Net& net)
{
    auto& acceptor = [&]() -> auto&
    {
        if constexpr (requires { net.acceptor->local_endpoint(); })
            return *net.acceptor;
        else
            return net.acceptor;
    }
    ();
    acceptor.async_accept(net.server, [](error_code) {});
    net.client.connect(acceptor.local_endpoint());
    while (!net.server.is_open()) net.io.run_one();
    net.client.set_option(typename Net::tcp::no_delay(true));
    net.server.set_option(typename Net::tcp::no_delay(true));
}

/// One octet back and forth, with asynchronous operations at both ends.
template <class Net>
void echo_round_trip(benchmark::State& state)
{
    Net net;
    const auto work = asio::make_work_guard(net.io);
    connect(net);
    char there = 0, here = 0;
    struct server
    {
        Net& net;
        char& octet;
        void read()
        {
            net.server.async_read_some(asio::buffer(&octet, 1), [this](error_code ec, std::size_t) {
                if (ec) return;
                net.server.async_write_some(asio::buffer(&octet, 1), [this](error_code, std::size_t) { read(); });
            });
        }
    } echo{net, there};
    echo.read();
    for (auto _ : state) {
        bool done = false;
        net.client.async_write_some(asio::buffer(&here, 1), [&](error_code, std::size_t) {
            net.client.async_read_some(asio::buffer(&here, 1), [&](error_code, std::size_t) { done = true; });
        });
        while (!done) net.io.run_one();
    }
    net.client.close();
    net.server.close();
    net.io.poll();
}
BENCHMARK(echo_round_trip<kernel>);
BENCHMARK(echo_round_trip<loopback>);
BENCHMARK(echo_round_trip<shared_loopback>);
BENCHMARK(echo_round_trip<pipe>);

/// A read that completes immediately: the cost of an asynchronous call.
template <class Net>
void ready_read(benchmark::State& state)
{
    Net net;
    const auto work = asio::make_work_guard(net.io);
    connect(net);
    std::array<char, 4096> data{};
    std::size_t left = 0;
    for (auto _ : state) {
        if (left == 0) {
            state.PauseTiming();
            left = asio::write(net.server, asio::buffer(data));
            while (net.client.available() < left) net.io.poll_one();
            state.ResumeTiming();
        }
        net.client.async_read_some(asio::buffer(data, 1), [](error_code, std::size_t) {});
        net.io.run_one();
        --left;
    }
}
BENCHMARK(ready_read<kernel>);
BENCHMARK(ready_read<loopback>);
BENCHMARK(ready_read<shared_loopback>);

/// 64 KiB per write, in one direction.
template <class Net>
void bulk(benchmark::State& state)
{
    Net net;
    const auto work = asio::make_work_guard(net.io);
    connect(net);
    std::vector<char> from(65536), into(65536);
    for (auto _ : state) {
        bool done = false;
        asio::async_write(net.client, asio::buffer(from), [](error_code, std::size_t) {});
        asio::async_read(net.server, asio::buffer(into), [&](error_code, std::size_t) { done = true; });
        while (!done) net.io.run_one();
    }
    state.SetBytesProcessed(state.iterations() * 65536);
}
BENCHMARK(bulk<kernel>);
BENCHMARK(bulk<loopback>);
BENCHMARK(bulk<pipe>);

} // namespace
