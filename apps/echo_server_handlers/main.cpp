/// @file
/// echo_server_handlers: does what echo_server does, with plain handlers instead of coroutines.
#include "common/program.hpp"
#include "common/served_host.hpp"

#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <memory>
#include <utility>

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

bool is_over(const error_code& error) { return error == asio::error::operation_aborted || error == asio::error::bad_descriptor; }

/// One connection. Its handlers own it: it is destroyed when none is pending.
class tcp_session : public std::enable_shared_from_this<tcp_session>
{
public:
    explicit tcp_session(tcp::socket socket) : socket_(std::move(socket)) {}

    void read()
    {
        socket_.async_read_some(asio::buffer(data_), [self = shared_from_this()](error_code error, std::size_t n) {
            if (!error) self->write(n); // otherwise the peer has closed or is gone, and the session ends
        });
    }

private:
    void write(std::size_t n)
    {
        asio::async_write(socket_, asio::buffer(data_, n), [self = shared_from_this()](error_code error, std::size_t) {
            if (!error) self->read();
        });
    }

    tcp::socket socket_;
    std::array<char, 16384> data_;
};

/// Accepts connections and starts a session on each.
class tcp_server
{
public:
    tcp_server(tapio::stack& stack, std::uint16_t port) : acceptor_(stack, {tcp::v6(), port}) { accept(); }

private:
    void accept()
    {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (is_over(error)) return;
            if (!error) std::make_shared<tcp_session>(std::move(socket))->read();
            accept();
        });
    }

    tcp::acceptor acceptor_;
};

/// Sends back every datagram.
class udp_server
{
public:
    udp_server(tapio::stack& stack, std::uint16_t port) : socket_(stack, {udp::v6(), port}) { receive(); }

private:
    void receive()
    {
        socket_.async_receive_from(asio::buffer(data_), sender_, [this](error_code error, std::size_t n) {
            if (is_over(error)) return;
            if (error) return receive(); // an ICMP error about an earlier answer
            send(n);
        });
    }

    void send(std::size_t n)
    {
        socket_.async_send_to(asio::buffer(data_, n), sender_, [this](error_code error, std::size_t) {
            if (!is_over(error)) receive();
        });
    }

    udp::socket socket_;
    udp::endpoint sender_;
    std::array<char, 65536> data_;
};

void serve(const apps::host_options& host, std::uint16_t port)
{
    apps::served_host h(host);

    tcp_server tcp_echo(h.stack, port);
    udp_server udp_echo(h.stack, port);

    h.run();
}

} // namespace

int main(int argc, char** argv)
{
    apps::program program("echo_server_handlers", "a host that sends back what it is sent, written with plain handlers");
    apps::host_options host;
    std::uint16_t port = 7;
    program.options.add_options()("port", apps::port_number(port), "port of both services");
    program.options.add(host.description()).add(host.capture_description()).add(host.control_description());
    return program.run(argc, argv, [&] { serve(host, port); });
}
