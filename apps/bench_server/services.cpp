#include "bench_server/services.hpp"

#include <tapio/ip/zero_copy.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace apps::bench_server {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

// The buffer for one read or write. All connections of a thread share it, because it holds nothing between two handlers.
std::vector<char>& scratch()
{
    thread_local std::vector<char> buffer(256 * 1024);
    return buffer;
}

// The same 64 KiB repeated, so that they stay in the processor's cache.
std::vector<tapio::slice> zeros()
{
    static const tapio::slice octets = tapio::slice::copy_of(std::vector<std::byte>(64 * 1024));
    return std::vector<tapio::slice>(8, octets);
}

class sink : public std::enable_shared_from_this<sink>
{
public:
    explicit sink(tcp::socket socket) : socket_(std::move(socket)) {}

    void read()
    {
        got_.clear();
        tapio::ip::async_receive_slices(socket_, got_, 1024 * 1024, [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->read();
        });
    }

private:
    tcp::socket socket_;
    std::vector<tapio::slice> got_;
};

class source : public std::enable_shared_from_this<source>
{
public:
    explicit source(tcp::socket socket) : socket_(std::move(socket)) {}

    void write()
    {
        tapio::ip::async_send_slices(socket_, zeros(), [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->write();
        });
    }

private:
    tcp::socket socket_;
};

// Waits for data without holding a buffer: ten thousand idle connections cost no more memory than their objects.
class echoer : public std::enable_shared_from_this<echoer>
{
public:
    explicit echoer(tcp::socket socket) : socket_(std::move(socket)) {}

    void wait()
    {
        socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
            if (!error) self->turn();
        });
    }

private:
    void turn()
    {
        error_code error;
        const std::size_t got = socket_.read_some(asio::buffer(scratch()), error);
        if (error == asio::error::would_block) return wait();
        if (error) return; // the stream has ended
        const std::size_t sent = socket_.write_some(asio::buffer(scratch(), got), error);
        if (error && error != asio::error::would_block) return;
        if (sent == got) return wait();
        unsent_.assign(scratch().data() + sent, scratch().data() + got);
        asio::async_write(socket_, asio::buffer(unsent_), [self = shared_from_this()](error_code failed, std::size_t) {
            if (!failed) self->resume();
        });
    }

    void resume()
    {
        unsent_ = {};
        wait();
    }

    tcp::socket socket_;
    std::vector<char> unsent_; ///< read, but not yet written to the socket
};

class udp_echoer : public std::enable_shared_from_this<udp_echoer>
{
public:
    udp_echoer(tapio::stack& stack, std::uint16_t port) : socket_(stack, {udp::v6(), port}) { socket_.non_blocking(true); }

    void receive()
    {
        socket_.async_receive_from(asio::buffer(scratch()), sender_,
                                   [self = shared_from_this()](error_code error, std::size_t n) { self->turn(error, n); });
    }

private:
    void turn(error_code error, std::size_t n)
    {
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) return;
        if (!error)
            socket_.send_to(asio::buffer(scratch(), n), sender_, 0, error); // without room the answer is lost, as UDP permits
        receive();
    }

    udp::socket socket_;
    udp::endpoint sender_;
};

} // namespace

void start_sink(tapio::shards& shards, std::uint16_t port)
{
    shards.listen({tcp::v6(), port}, [](tcp::socket&& socket) { std::make_shared<sink>(std::move(socket))->read(); });
}

void start_source(tapio::shards& shards, std::uint16_t port)
{
    shards.listen({tcp::v6(), port}, [](tcp::socket&& socket) { std::make_shared<source>(std::move(socket))->write(); });
}

void echo(tcp::socket&& socket)
{
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.set_option(tcp::no_delay(true), ignored);
    std::make_shared<echoer>(std::move(socket))->wait();
}

void start_echo(tapio::shards& shards, std::uint16_t port) { shards.listen({tcp::v6(), port}, &echo); }

void start_closer(tapio::shards& shards, std::uint16_t port)
{
    shards.listen({tcp::v6(), port}, [](tcp::socket&& came) {
        tcp::socket socket(std::move(came)); // closed at the end of this function
        error_code ignored;
        socket.write_some(asio::buffer("x", 1), ignored); // a new connection has room for it
    });
}

void start_udp_echo(tapio::stack& stack, std::uint16_t port) { std::make_shared<udp_echoer>(stack, port)->receive(); }

} // namespace apps::bench_server
