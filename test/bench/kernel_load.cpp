// The kernel's side of the benchmarks: a client that loads bench_server, and the same services on kernel sockets for comparison.
//
//     kernel_load server                                   5001 sink, 5002 source, 5003 echo, 5004 one octet: as bench_server
//     kernel_load sink|source|pingpong|connrate ADDRESS    prints one number: Gbit/s, Gbit/s, round trips/s, connections/s
//         --streams N (1)   sink, source: connections at a time; connrate: clients at a time
//         --seconds S (2)
#include <boost/asio.hpp>
#include <boost/program_options.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace po = boost::program_options;
using asio::ip::tcp;
using boost::system::error_code;
using clock_type = std::chrono::steady_clock;

/// Both ends use CUBIC, as tapio does, because the kernel's default may pace (bbr). Set before connecting, since a socket that
/// has begun to pace continues to. Accepted sockets inherit it from the acceptor.
template <class Socket>
void use_cubic(Socket& s)
{
    ::setsockopt(s.native_handle(), IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
}

// -- the services, as bench_server has them ---------------------------------------------------------------------------------

asio::awaitable<void> serve(tcp::socket s, unsigned short port)
{
    static std::vector<char> memory(256 * 1024);
    error_code ec;
    auto token = asio::redirect_error(asio::use_awaitable, ec);
    s.set_option(tcp::no_delay(true));
    while (!ec) {
        if (port == 5001) co_await s.async_read_some(asio::buffer(memory), token);
        if (port == 5002) co_await s.async_write_some(asio::buffer(memory), token);
        if (port == 5003) {
            const std::size_t n = co_await s.async_read_some(asio::buffer(memory), token);
            if (!ec) co_await asio::async_write(s, asio::buffer(memory, n), token);
        }
        if (port == 5004) {
            co_await s.async_write_some(asio::buffer("x", 1), token);
            break;
        }
    }
}

asio::awaitable<void> accept_all(tcp::acceptor acceptor)
{
    for (;;) {
        tcp::socket s = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(acceptor.get_executor(), serve(std::move(s), acceptor.local_endpoint().port()), asio::detached);
    }
}

void run_server()
{
    asio::io_context io(1);
    for (unsigned short port = 5001; port <= 5004; ++port) {
        tcp::acceptor acceptor(io, {tcp::v6(), port}); // IPv4 as well
        use_cubic(acceptor);
        asio::co_spawn(io, accept_all(std::move(acceptor)), asio::detached);
    }
    asio::signal_set stop(io, SIGTERM, SIGINT);
    stop.async_wait([&](error_code, int) { io.stop(); });
    std::puts("ready");
    std::fflush(stdout);
    io.run();
}

// -- the client: a thread for each connection --------------------------------------------------------------------------------

struct load
{
    std::string what;
    asio::ip::address server;
    double seconds = 2;
    double warm_up = 0.5; // seconds
    unsigned streams = 1;
    std::atomic<std::uint64_t> done{0}; ///< octets, round trips or connections
    std::atomic<bool> counting{false}, over{false};

    void count(std::uint64_t n)
    {
        if (counting) done += n;
    }

    void stream(unsigned short port)
    {
        asio::io_context io;
        tcp::socket s(io, tcp::endpoint(server, 0).protocol());
        use_cubic(s);
        s.connect({server, port});
        s.set_option(tcp::no_delay(true));
        std::vector<char> memory(65536);
        error_code ec;
        while (!over && !ec) {
            if (what == "sink") count(s.write_some(asio::buffer(memory), ec));
            if (what == "source") count(s.read_some(asio::buffer(memory), ec));
            if (what == "pingpong") {
                asio::write(s, asio::buffer(memory, 1), ec);
                asio::read(s, asio::buffer(memory, 1), ec);
                count(ec ? 0 : 1);
            }
        }
    }

    void connect_again_and_again()
    {
        asio::io_context io;
        char octet[2];
        while (!over) {
            tcp::socket s(io, tcp::endpoint(server, 0).protocol());
            use_cubic(s);
            error_code ec;
            s.connect({server, 5004}, ec);
            std::size_t n = 0;
            while (!ec) n += s.read_some(asio::buffer(octet), ec);
            if (ec == asio::error::eof && n == 1) count(1);
        }
    }

    double run()
    {
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < streams; ++i)
            threads.emplace_back([this] {
                if (what == "connrate") return connect_again_and_again();
                stream(what == "sink" ? 5001 : what == "source" ? 5002 : 5003);
            });
        std::this_thread::sleep_for(std::chrono::duration<double>(warm_up));
        const auto begin = clock_type::now();
        counting = true;
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        counting = false;
        const std::chrono::duration<double> took = clock_type::now() - begin;
        over = true;
        for (std::thread& t : threads) t.join();
        return static_cast<double>(done) / took.count();
    }
};

} // namespace

int main(int argc, char** argv)
{
    load l;
    std::string address = "198.18.0.2";
    po::options_description options("kernel_load");
    po::positional_options_description positional;
    positional.add("what", 1).add("address", 1);
    options.add_options()("help", "this")("what", po::value(&l.what)->required(), "server, sink, source, pingpong, connrate");
    options.add_options()("address", po::value(&address), "of the server");
    options.add_options()("streams", po::value(&l.streams), "connections at a time");
    options.add_options()("seconds", po::value(&l.seconds), "that are measured");
    options.add_options()("warm-up", po::value(&l.warm_up), "seconds before them");
    try {
        po::variables_map given;
        po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(), given);
        if (given.contains("help")) return std::cout << options, 0;
        po::notify(given);
        if (l.what == "server") return run_server(), 0;
        l.server = asio::ip::make_address(address);
        const double rate = l.run();
        const bool octets = l.what == "sink" || l.what == "source";
        std::printf("%.3f\n", octets ? rate * 8 / 1e9 : rate);
    } catch (const std::exception& e) {
        std::cerr << "kernel_load: " << e.what() << '\n';
        return 2;
    }
}
