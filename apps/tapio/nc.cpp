// nc: standard input and output over TCP or UDP, as client or server, with the options of OpenBSD's nc.
#include "tapio/network.hpp"
#include "tapio/standard_streams.hpp"
#include "tapio/time_limit.hpp"

#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <iostream>
#include <memory>
#include <optional>

namespace apps::tools {

namespace {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

struct nc_options
{
    std::vector<std::string> words; ///< host and port, or with -l perhaps only a port
    bool listen = false, use_udp = false, keep = false, shut = false, scan = false, verbose = false, numeric = false;
    std::chrono::nanoseconds patience{}; ///< 0: for ever
    std::uint64_t datagrams = 0;         ///< end after so many were received; 0: no limit
    std::uint16_t source_port = 0;
    family_options family;

    std::string host;
    std::uint16_t first_port = 0, last_port = 0;

    void add_to(po::options_description& d)
    {
        d.add_options()                                                                                       //
            ("host-port", po::value(&words), "host and port, or with -l the port")                            //
            ("listen,l", po::bool_switch(&listen), "wait for a connection instead of making one")             //
            ("udp,u", po::bool_switch(&use_udp), "UDP instead of TCP")                                        //
            ("keep,k", po::bool_switch(&keep), "with -l: wait for the next connection after one has ended")   //
            ("shutdown,N", po::bool_switch(&shut), "half-close the connection at the end of standard input")  //
            ("timeout,w", seconds_option(patience), "seconds without a connection or data that end it")       //
            ("receive-limit,W", number(datagrams, 0, INT64_MAX), "end after so many datagrams; 0: no limit")  //
            ("scan,z", po::bool_switch(&scan), "only see which ports answer; the port may be a range, 20-25") //
            ("source-port,p", number(source_port, 0, 65535), "local port")                                    //
            ("verbose,v", po::bool_switch(&verbose), "say on standard error what happens")                    //
            ("numeric,n", po::bool_switch(&numeric), "numbers only (names are never asked of a server)");
        family.add_to(d);
    }

    void check()
    {
        family.choice();
        if (keep && !listen) throw usage_error("-k goes with -l");
        if (listen && scan) throw usage_error("-l and -z exclude each other");
        if (words.size() != 2 && !(listen && words.size() == 1)) throw usage_error("give a host and a port, or with -l a port");
        if (words.size() == 2) host = words.front();
        const std::string& ports = words.back();
        const auto dash = ports.find('-');
        if (dash != ports.npos && !scan) throw usage_error("a range of ports goes with -z");
        first_port = last_port = static_cast<std::uint16_t>(parse_number(ports.substr(0, dash), 1, 65535));
        if (dash != ports.npos) last_port = static_cast<std::uint16_t>(parse_number(ports.substr(dash + 1), first_port, 65535));
    }
};

/// A connection, or a connected UDP socket, and the standard streams: each direction is a coroutine.
template <class Socket>
class relay : public std::enable_shared_from_this<relay<Socket>>
{
public:
    /// @param received  datagrams that have come from the peer before
    relay(asio::io_context& io, Socket& socket, standard_streams& streams, const nc_options& o, std::uint64_t received)
        : socket_(socket), streams_(streams), options_(o), received_(received), ended_(io), idle_(io)
    {
    }

    /// Until both directions have ended, or nothing has come for the time of -w. @return the error that ended it, if any
    asio::awaitable<error_code> run()
    {
        const auto self = this->shared_from_this();
        const auto executor = co_await asio::this_coro::executor;
        progress();
        ended_.expires_at(std::chrono::steady_clock::time_point::max());
        asio::co_spawn(
            executor, [self] { return self->send(); }, asio::detached);
        asio::co_spawn(
            executor, [self] { return self->receive(); }, asio::detached);
        co_await ended_.async_wait(as_tuple(use_awaitable));
        over_ = true;
        idle_.cancel();
        error_code ignored;
        streams_.in.cancel(ignored);
        socket_.close(ignored);
        co_return error_;
    }

private:
    static constexpr bool is_stream = std::is_same_v<Socket, tcp::socket>;

    void end(error_code why = {})
    {
        if (!error_ && !over_) error_ = why;
        ended_.cancel();
    }

    void progress()
    {
        if (options_.patience.count() == 0) return;
        idle_.expires_after(options_.patience);
        idle_.async_wait([self = this->shared_from_this()](error_code e) {
            if (!e) self->end();
        });
    }

    asio::awaitable<void> send()
    {
        std::vector<char> data(is_stream ? 65536 : 16384);
        for (;;) {
            const auto [error, n] = co_await streams_.in.async_read_some(asio::buffer(data), as_tuple(use_awaitable));
            if (error) break;
            progress();
            const error_code failed = co_await put(asio::buffer(data.data(), n));
            if (failed) co_return end(failed);
        }
        sent_all_ = true;
        if constexpr (is_stream) {
            error_code ignored;
            if (options_.shut && !over_) socket_.shutdown(tcp::socket::shutdown_send, ignored);
        }
        if (received_all_) end();
    }

    asio::awaitable<error_code> put(asio::const_buffer data)
    {
        if constexpr (is_stream) {
            const auto [error, n] = co_await asio::async_write(socket_, data, as_tuple(use_awaitable));
            co_return error;
        } else {
            const auto [error, n] = co_await socket_.async_send(data, as_tuple(use_awaitable));
            co_return error;
        }
    }

    asio::awaitable<void> receive()
    {
        std::vector<char> data(65536);
        for (std::uint64_t count = received_ + 1;; ++count) {
            const auto [error, n] = co_await get(asio::buffer(data));
            if (error == asio::error::eof) break;
            if (error) co_return end(error);
            progress();
            const auto [failed, written] =
                co_await asio::async_write(streams_.out, asio::buffer(data.data(), n), as_tuple(use_awaitable));
            if (failed) co_return end(failed);
            if (!is_stream && count == options_.datagrams) co_return end();
        }
        received_all_ = true;
        // The peer has ended its direction. Ours goes on until the end of the input, unless somebody would have to press Ctrl-D.
        if (sent_all_ || ::isatty(STDIN_FILENO) != 0) end();
    }

    auto get(asio::mutable_buffer data)
    {
        if constexpr (is_stream)
            return socket_.async_read_some(data, as_tuple(use_awaitable));
        else
            return socket_.async_receive(data, as_tuple(use_awaitable));
    }

    Socket& socket_;
    standard_streams& streams_;
    const nc_options& options_;
    const std::uint64_t received_;
    asio::steady_timer ended_, idle_;
    bool sent_all_ = false, received_all_ = false, over_ = false;
    error_code error_;
};

class netcat
{
public:
    netcat(network& net, const nc_options& o) : net_(net), options_(o), streams_(net.io()), timer_(net.io()) {}

    asio::awaitable<void> run()
    {
        const auto family = options_.family.choice();
        if (!options_.host.empty()) peer_ = co_await resolve(net_.stack(), options_.host, family, failure);
        if (options_.listen) co_return co_await listen();
        for (unsigned port = options_.first_port; port <= options_.last_port; ++port)
            co_await talk(static_cast<std::uint16_t>(port));
    }

    int status() const { return status_; }

private:
    // No conditional expressions: GCC 12 destroys their operands twice in a co_await.
    asio::awaitable<void> listen()
    {
        if (options_.use_udp)
            co_await listen_udp();
        else
            co_await listen_tcp();
    }
    asio::awaitable<void> talk(std::uint16_t port)
    {
        if (options_.use_udp)
            co_await talk_udp(port);
        else
            co_await talk_tcp(port);
    }

    template <class Protocol>
    typename Protocol::endpoint local(std::uint16_t port) const
    {
        if (options_.listen && !options_.host.empty()) return {peer_, port};
        const bool v4 = options_.listen ? options_.family.v4 : peer_.is_v4();
        return {v4 ? Protocol::v4() : Protocol::v6(), port};
    }

    void tell(const std::string& what) const
    {
        if (options_.verbose) std::cerr << what << std::endl;
    }
    std::string name_of(std::uint16_t port) const { return options_.host + ' ' + std::to_string(port) + " port"; }

    /// What ends an operation that takes too long.
    template <class Socket>
    void limit(Socket& s)
    {
        limit_.emplace(net_.io(), options_.patience, [&s] {
            error_code ignored;
            s.cancel(ignored);
        });
    }
    error_code unlimit(error_code error) { return limit_->end() ? error_code(asio::error::timed_out) : error; }

    asio::awaitable<void> talk_tcp(std::uint16_t port)
    {
        tcp::socket socket(net_.stack(), local<tcp>(options_.source_port));
        limit(socket);
        const auto [failed] = co_await socket.async_connect({peer_, port}, as_tuple(use_awaitable));
        const error_code error = unlimit(failed);
        if (error) {
            const std::string what = "connect to " + name_of(port) + " (tcp) failed: " + error.message();
            if (!options_.scan) throw tool_error(what, failure);
            tell(what);
            co_return;
        }
        status_ = success;
        const std::string done = "Connection to " + name_of(port) + " [tcp] succeeded!";
        if (options_.scan)
            std::cerr << done << std::endl;
        else
            tell(done), co_await relay_all(socket);
    }

    template <class Socket>
    asio::awaitable<void> relay_all(Socket& socket, std::uint64_t received = 0)
    {
        const auto r = std::make_shared<relay<Socket>>(net_.io(), socket, streams_, options_, received);
        const error_code error = co_await r->run();
        if (error && !options_.listen) throw tool_error(error.message(), failure);
        if (error) tell(error.message());
    }

    asio::awaitable<void> listen_tcp()
    {
        tcp::acceptor acceptor(net_.stack(), local<tcp>(options_.first_port));
        tell("Listening on port " + std::to_string(options_.first_port));
        do {
            limit(acceptor);
            auto [failed, socket] = co_await acceptor.async_accept(as_tuple(use_awaitable));
            if (const error_code error = unlimit(failed)) throw boost::system::system_error(error, "accept");
            status_ = success;
            const auto peer = socket.remote_endpoint();
            tell("Connection from " + peer.address().to_string() + ' ' + std::to_string(peer.port()));
            if (!options_.keep) acceptor.close();
            co_await relay_all(socket);
        } while (options_.keep);
    }

    asio::awaitable<void> talk_udp(std::uint16_t port)
    {
        udp::socket socket(net_.stack(), local<udp>(options_.source_port));
        socket.connect({peer_, port});
        if (options_.scan) co_return co_await scan_udp(socket, port);
        status_ = success;
        co_await relay_all(socket);
    }

    /// Nobody has to answer a datagram: a port counts as open unless it is refused.
    asio::awaitable<void> scan_udp(udp::socket& socket, std::uint16_t port)
    {
        error_code error;
        for (int i = 0; i < 3 && !error; ++i) {
            socket.send(asio::buffer("", 0), 0, error);
            timer_.expires_after(std::chrono::milliseconds(300));
            co_await timer_.async_wait(as_tuple(use_awaitable));
        }
        socket.non_blocking(true);
        char octet = 0;
        if (!error) socket.receive(asio::buffer(&octet, 1), 0, error);
        if (error && error != asio::error::would_block)
            co_return tell("connect to " + name_of(port) + " (udp) failed: " + error.message());
        status_ = success;
        std::cerr << "Connection to " << name_of(port) << " [udp] succeeded!" << std::endl;
    }

    /// The first datagram's sender becomes the peer. With -k datagrams of all senders are printed, and nothing is sent.
    asio::awaitable<void> listen_udp()
    {
        udp::socket socket(net_.stack(), local<udp>(options_.first_port));
        tell("Bound on port " + std::to_string(options_.first_port));
        std::vector<char> data(65536);
        for (std::uint64_t count = 1;; ++count) {
            udp::endpoint from;
            limit(socket);
            const auto [failed, n] = co_await socket.async_receive_from(asio::buffer(data), from, as_tuple(use_awaitable));
            if (const error_code error = unlimit(failed)) {
                if (error == asio::error::timed_out) co_return;
                throw boost::system::system_error(error, "receive");
            }
            status_ = success;
            co_await asio::async_write(streams_.out, asio::buffer(data.data(), n), use_awaitable);
            if (count == options_.datagrams) co_return;
            if (options_.keep) continue;
            tell("Connection received on " + from.address().to_string() + ' ' + std::to_string(from.port()));
            socket.connect(from);
            co_return co_await relay_all(socket, count);
        }
    }

    network& net_;
    const nc_options& options_;
    standard_streams streams_;
    asio::steady_timer timer_;
    asio::ip::address peer_;
    std::optional<time_limit> limit_;
    int status_ = failure;
};

int run_nc(const command& self, int argc, const char* const* argv)
{
    tool t(self);
    nc_options options;
    options.add_to(t.options);
    t.positional.add("host-port", 2);
    t.usage_status = failure;
    return t.run(argc, argv, [&] {
        options.check();
        network net(t);
        netcat one(net, options);
        return net.run_and_drain(one.run()) ? one.status() : interrupted_status;
    });
}

} // namespace

const command nc{"nc", "standard input and output over TCP or UDP", "[options] HOST PORT  or  -l [options] [HOST] PORT",
                 "  echo hello | tapio nc --memory -N 198.18.0.2 7\n"
                 "  tapio nc --tap tap0 --address 198.18.0.2/24 -l 8000 >file\n"
                 "  tapio nc --tap tap0 --address 198.18.0.2/24 -z -v -w 1 198.18.0.1 20-25\n"
                 "Exit status: 0 a connection was made, 1 none was.\n\n",
                 run_nc};

} // namespace apps::tools
