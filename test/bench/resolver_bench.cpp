// How long lookups take: tapio's resolver and the C library's getaddrinfo, which ask the same server. test/bench/resolver runs
// it.
//
//     resolver_bench tapio --tap NAME --address ADDRESS/LENGTH --server ADDRESS
//     resolver_bench getaddrinfo                       one thread for each lookup at a time; the server is /etc/resolv.conf's
//         --lookups N (10000)   of names that differ, below bench.example
//         --parallel N (1)      at a time
//         --v4                  A records only; otherwise AAAA, too
//         --io-uring            drives the TAP by io_uring
//
// Prints lookups/s, the median and the 99th percentile of the time that one takes, and the CPU time of the program for one, in
// us. One lookup goes before, which finds libraries and link-layer addresses. A failed lookup ends the program.
#include <tapio/device/tap.hpp>
#include <tapio/dns.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio.hpp>
#include <boost/program_options.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <netdb.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace po = boost::program_options;
using boost::system::error_code;
using clock_type = std::chrono::steady_clock;
using tapio::ip::tcp;

struct settings
{
    std::size_t lookups = 10'000, parallel = 1;
    bool v4 = false, uring = false;
    std::string tap, address, server;
};

/// No two runs ask for the same names.
std::string name_of(std::size_t n) { return "n" + std::to_string(n) + ".r" + std::to_string(::getpid()) + ".bench.example"; }

/// The times that lookups take.
class stop_watch
{
public:
    explicit stop_watch(std::size_t lookups) : taken_(lookups) {}

    void start()
    {
        begin_ = clock_type::now();
        cpu_ = std::clock();
    }

    void note(std::size_t n, clock_type::time_point begin) { taken_[n] = clock_type::now() - begin; }
    void report()
    {
        const std::chrono::duration<double> all = clock_type::now() - begin_;
        std::sort(taken_.begin(), taken_.end());
        const double cpu = static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC;
        const auto lookups = static_cast<double>(taken_.size());
        std::printf("%.0f %.1f %.1f %.1f\n", lookups / all.count(), us(taken_[taken_.size() / 2]),
                    us(taken_[taken_.size() * 99 / 100]), cpu * 1e6 / lookups);
    }

private:
    static double us(clock_type::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

    clock_type::time_point begin_;
    std::clock_t cpu_ = 0;
    std::vector<clock_type::duration> taken_;
};

// -- getaddrinfo --------------------------------------------------------------------------------------------------------------

void look_up_by_getaddrinfo(const std::string& name, bool v4)
{
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = v4 ? AF_INET : AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    if (const int failed = ::getaddrinfo(name.c_str(), "80", &hints, &found))
        throw std::runtime_error(name + ": " + ::gai_strerror(failed));
    ::freeaddrinfo(found);
}

void run_getaddrinfo(const settings& s)
{
    stop_watch watch(s.lookups);
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    const auto work = [&] {
        try {
            for (std::size_t n = 0; (n = next++) < s.lookups;) {
                const auto begin = clock_type::now();
                look_up_by_getaddrinfo(name_of(n), s.v4);
                watch.note(n, begin);
            }
        } catch (const std::exception& e) {
            if (!failed.exchange(true)) std::cerr << "resolver_bench: " << e.what() << '\n';
        }
    };
    look_up_by_getaddrinfo(name_of(s.lookups), s.v4);
    watch.start();
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < s.parallel; ++n) threads.emplace_back(work);
    for (std::thread& t : threads) t.join();
    if (failed) throw std::runtime_error("getaddrinfo failed");
    watch.report();
}

// -- tapio --------------------------------------------------------------------------------------------------------------------

class tapio_lookups
{
public:
    tapio_lookups(tapio::stack& stack, const settings& s) : settings_(s), stack_(stack), resolver_(stack), watch_(s.lookups) {}

    void start()
    {
        look_up(settings_.lookups, [this](error_code ec, const tcp::resolver::results_type&) {
            if (ec) throw boost::system::system_error(ec);
            watch_.start();
            for (std::size_t n = 0; n < settings_.parallel; ++n) look_up_next();
        });
    }

private:
    void end()
    {
        watch_.report();
        stack_.shutdown();
    }
    void look_up_next()
    {
        if (next_ == settings_.lookups) return;
        const std::size_t n = next_++;
        look_up(n, [this, n, begin = clock_type::now()](error_code ec, const tcp::resolver::results_type&) {
            if (ec) throw boost::system::system_error(ec, name_of(n));
            watch_.note(n, begin);
            if (++done_ == settings_.lookups) return end();
            look_up_next();
        });
    }
    template <class Handler>
    void look_up(std::size_t n, Handler&& done)
    {
        if (settings_.v4)
            resolver_.async_resolve(tcp::v4(), name_of(n), "80", std::forward<Handler>(done));
        else
            resolver_.async_resolve(name_of(n), "80", std::forward<Handler>(done));
    }

    const settings& settings_;
    tapio::stack& stack_;
    tcp::resolver resolver_;
    stop_watch watch_;
    std::size_t next_ = 0, done_ = 0;
};

void run_tapio(const settings& s)
{
    asio::io_context io(1);
    tapio::stack stack(io, tapio::open_tap({.name = s.tap, .io_uring = s.uring}));
    const auto slash = s.address.find('/');
    stack.add_address(asio::ip::make_address(s.address.substr(0, slash)),
                      static_cast<unsigned>(std::stoul(s.address.substr(slash + 1))));
    tapio::dns_options options;
    options.servers = {{asio::ip::make_address(s.server), 53}};
    stack.set_dns(options);
    tapio_lookups lookups(stack, s);
    lookups.start();
    io.run();
}

} // namespace

int main(int argc, char** argv)
try {
    settings s;
    std::string way;
    po::options_description all;
    auto add = all.add_options();
    add("way", po::value(&way)->required());
    add("tap", po::value(&s.tap));
    add("address", po::value(&s.address));
    add("server", po::value(&s.server));
    add("lookups", po::value(&s.lookups));
    add("parallel", po::value(&s.parallel));
    add("v4", po::bool_switch(&s.v4));
    add("io-uring", po::bool_switch(&s.uring));
    po::positional_options_description positions;
    positions.add("way", 1);
    po::variables_map given;
    po::store(po::command_line_parser(argc, argv).options(all).positional(positions).run(), given);
    po::notify(given);
    if (s.lookups == 0 || s.parallel == 0) throw std::invalid_argument("there must be something to look up");
    if (way == "tapio")
        run_tapio(s);
    else if (way == "getaddrinfo")
        run_getaddrinfo(s);
    else
        throw std::invalid_argument(way + ": neither tapio nor getaddrinfo");
    return 0;
} catch (const std::exception& e) {
    std::cerr << "resolver_bench: " << e.what() << '\n';
    return 1;
}
