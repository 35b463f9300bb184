// A very large number of connections in one process, with both ends: the cost of an idle connection, and whether each still
// works.
//
//     idle_connections --connections 100000
//
// Two stacks over a wire in memory. Each end waits with async_wait, as a server does that holds no buffer per connection. Then
// one connection in a hundred sends an octet and gets it back, and all are idle again. Prints one line of JSON: memory per end as
// counted by the allocator (stack, socket object and pending wait), resident memory per end, the times to connect and for an
// echo, and memory per listening socket.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>
#include <boost/program_options.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <malloc.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

std::size_t allocated = 0; ///< octets in use, as rounded by the allocator

} // namespace

void* operator new(std::size_t n)
{
    void* const p = std::malloc(n);
    if (p == nullptr) throw std::bad_alloc();
    allocated += ::malloc_usable_size(p);
    return p;
}
void operator delete(void* p) noexcept
{
    if (p != nullptr) allocated -= ::malloc_usable_size(p);
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using clock_type = std::chrono::steady_clock;

constexpr std::uint16_t first_port = 10000;
constexpr std::size_t for_each_port = 20000; // connections per server port; a client has about 28,000 ephemeral ports for each

std::size_t resident() ///< octets
{
    std::size_t pages = 0, skipped = 0;
    std::ifstream("/proc/self/statm") >> skipped >> pages;
    return pages * 4096;
}

/// A server end that echoes, or a client end that waits for the echo; holds no buffer.
class end
{
public:
    end(tcp::socket s, bool echoes, std::size_t& heard) : socket_(std::move(s)), echoes_(echoes), heard_(heard) {}

    void wait()
    {
        socket_.async_wait(tcp::socket::wait_read, [this](error_code ec) {
            if (!ec) read();
        });
    }
    /// Memory that belongs to the application: everything but the socket object.
    static const double own_octets;

    void speak() { socket_.send(asio::buffer("x", 1)); }

private:
    void read()
    {
        char octet = 0;
        error_code ec;
        const std::size_t n = socket_.receive(asio::buffer(&octet, 1), 0, ec);
        if (n == 0) throw std::runtime_error("a connection ended");
        if (echoes_) socket_.send(asio::buffer(&octet, 1));
        ++heard_;
        wait();
    }

    tcp::socket socket_;
    const bool echoes_;
    std::size_t& heard_;
};

const double end::own_octets = static_cast<double>(sizeof(end) + sizeof(std::unique_ptr<end>) - sizeof(tcp::socket));

class crowd
{
public:
    crowd(std::size_t wanted, std::size_t awake) : wanted_(wanted)
    {
        tapio::stack_options options;
        options.tcp_awake_connections = awake;
        auto [l, r] = tapio::make_pipe({.queue_length = 100000});
        left_.emplace(io_, std::move(l), options);
        right_.emplace(io_, std::move(r), options);
        left_->add_address(asio::ip::make_address("198.18.0.1"), 24);
        right_->add_address(there_, 24);
        servers_.reserve(wanted);
        clients_.reserve(wanted);
        for (std::size_t n = 0; n < wanted; n += for_each_port)
            listen(static_cast<std::uint16_t>(first_port + n / for_each_port));
    }

    void connect()
    {
        for (int i = 0; i < at_once; ++i) connect_next();
        run_until([this] { return clients_.size() == wanted_ && servers_.size() == wanted_; });
    }
    /// Every hundredth client sends an octet. @return number of echoes received
    std::size_t echo()
    {
        heard_here_ = 0;
        std::size_t spoke = 0;
        for (std::size_t i = 0; i < clients_.size(); i += 100, ++spoke) clients_[i]->speak();
        run_until([&] { return heard_here_ == spoke; });
        return spoke;
    }
    tapio::host_counters counters() const { return right_->counters(); }

private:
    static constexpr int at_once = 32;

    template <class Done>
    void run_until(Done&& done)
    {
        const auto limit = clock_type::now() + std::chrono::minutes(10);
        while (!done()) {
            if (clock_type::now() > limit) throw std::runtime_error("it takes too long");
            io_.run_one();
        }
    }
    void listen(std::uint16_t port)
    {
        acceptors_.push_back(std::make_unique<tcp::acceptor>(*right_, tcp::endpoint(there_, port)));
        // with fewer pending accepts, connecting clients would outrun the server
        for (int i = 0; i < at_once; ++i) accept(*acceptors_.back());
    }
    void accept(tcp::acceptor& a)
    {
        a.async_accept([this, &a](error_code ec, tcp::socket s) {
            if (ec) return;
            servers_.push_back(std::make_unique<end>(std::move(s), true, heard_there_));
            servers_.back()->wait();
            accept(a);
        });
    }
    void connect_next()
    {
        if (begun_ == wanted_) return;
        const auto port = static_cast<std::uint16_t>(first_port + begun_++ / for_each_port);
        auto s = std::make_shared<tcp::socket>(*left_);
        s->async_connect({there_, port}, [this, s](error_code ec) {
            if (ec) throw boost::system::system_error(ec);
            clients_.push_back(std::make_unique<end>(std::move(*s), false, heard_here_));
            clients_.back()->wait();
            connect_next();
        });
    }

    const asio::ip::address there_ = asio::ip::make_address("198.18.0.2");
    const std::size_t wanted_;
    std::size_t begun_ = 0, heard_here_ = 0, heard_there_ = 0;
    asio::io_context io_{1};
    std::optional<tapio::stack> left_, right_;
    std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
    std::vector<std::unique_ptr<end>> servers_, clients_;
};

/// Memory per listening socket, octets, without the acceptor object, which belongs to the application.
double octets_per_listener()
{
    constexpr std::uint16_t listeners = 2000;
    asio::io_context io{1};
    tapio::stack stack(io);
    std::vector<tcp::acceptor> all;
    all.reserve(listeners);
    const std::size_t before = allocated;
    for (std::uint16_t n = 0; n < listeners; ++n)
        all.emplace_back(stack, tcp::endpoint(tcp::v4(), static_cast<std::uint16_t>(first_port + n)));
    return static_cast<double>(allocated - before) / listeners;
}

} // namespace

int main(int argc, char** argv)
{
    namespace po = boost::program_options;
    std::size_t connections = 10000;
    std::size_t most = 0, most_of_listener = 0, awake = tapio::stack_options().tcp_awake_connections;
    po::options_description options("idle_connections: what very many of them cost");
    options.add_options()("help", "this");
    options.add_options()("connections", po::value(&connections), "how many");
    options.add_options()("awake", po::value(&awake), "so many idle ones of a stack do not rest");
    options.add_options()("most", po::value(&most), "octets for each end beyond which it fails; 0: none");
    options.add_options()("most-of-listener", po::value(&most_of_listener), "likewise, for each listening socket");
    try {
        po::variables_map given;
        po::store(po::parse_command_line(argc, argv, options), given);
        po::notify(given);
        if (given.contains("help")) return std::cout << options, 0;
        const double of_listener = octets_per_listener();
        crowd all(connections, awake);
        const std::size_t allocated_before = allocated, resident_before = resident();
        const auto start = clock_type::now();
        all.connect();
        const std::chrono::duration<double> connecting = clock_type::now() - start;
        const auto each = [&](std::size_t now, std::size_t before) {
            return (static_cast<double>(now) - static_cast<double>(before)) / static_cast<double>(2 * connections);
        };
        const double for_each = each(allocated, allocated_before) - end::own_octets,
                     resident_each = each(resident(), resident_before);
        const auto began = clock_type::now();
        const std::size_t spoke = all.echo();
        const std::chrono::duration<double> echoing = clock_type::now() - began;
        const double afterwards = each(allocated, allocated_before) - end::own_octets;
        std::printf(R"({"connections": %zu, "octets_per_end": %.0f, "resident_per_end": %.0f, "connect_us": %.2f, )"
                    R"("echoes": %zu, "echo_us": %.2f, "octets_per_end_afterwards": %.0f, "at_rest": %llu, )"
                    R"("octets_per_listener": %.0f})"
                    "\n",
                    connections, for_each, resident_each, 1e6 * connecting.count() / static_cast<double>(connections), spoke,
                    1e6 * echoing.count() / static_cast<double>(spoke), afterwards,
                    static_cast<unsigned long long>(all.counters().tcp.at_rest), of_listener);
        const auto bound = static_cast<double>(most); // afterwards the block pool also holds memory
        if (most_of_listener != 0 && of_listener > static_cast<double>(most_of_listener)) return 1;
        return most != 0 && (for_each > bound || afterwards > 1.25 * bound) ? 1 : 0;
    } catch (const std::exception& e) {
        std::cerr << "idle_connections: " << e.what() << '\n';
        return 2;
    }
}
