// close() with SO_LINGER and a timeout: its duration, its result, and what becomes of unsent data.
#include "observe.hpp"

namespace parity {

namespace {

struct stuck : connected
{
    stuck() : connected(8192)
    {
        const std::vector<char> much(100'000, 'x');
        client.set_option(asio::socket_base::send_buffer_size(50'000));
        client.non_blocking(true);
        for (error_code ec; !ec;) sent += client.write_some(asio::buffer(much), ec);
    }
    /// Octets that the server still receives, up to the end of the stream or an error.
    std::size_t rest(error_code& ec)
    {
        std::vector<char> got;
        return asio::read(server, asio::dynamic_buffer(got), ec);
    }

    std::size_t sent = 0;
};

/// Duration of f(), rounded to 0.5 s.
template <class F>
double seconds_of(F&& f)
{
    const auto begin = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return static_cast<int>(took.count() * 2 + 0.5) / 2.0;
}

} // namespace

BEHAVIOUR(linger_waits_as_long_as_it_says)
{
    stuck c;
    error_code ec;
    c.client.set_option(asio::socket_base::linger(true, 1));
    out.say("seconds", seconds_of([&] { c.client.close(ec); }));
    out.say("close", ec), out.say("is open", c.client.is_open());
    const std::size_t n = c.rest(ec); // the connection continues after close()
    out.say("all arrived", n == c.sent, ec);
}

BEHAVIOUR(linger_does_not_wait_for_what_is_acknowledged)
{
    connected c;
    error_code ec;
    asio::write(c.client, asio::buffer("data", 4));
    c.client.set_option(asio::socket_base::linger(true, 5));
    out.say("seconds", seconds_of([&] { c.client.close(ec); }), ec);
    std::vector<char> got;
    out.say("read", asio::read(c.server, asio::dynamic_buffer(got), ec), ec);
}

BEHAVIOUR(linger_does_not_wait_with_unread_data)
{
    stuck c;
    error_code ec;
    char x = 0;
    asio::write(c.server, asio::buffer("unread", 6));
    c.client.wait(tcp::socket::wait_read);
    c.client.set_option(asio::socket_base::linger(true, 2));
    out.say("seconds", seconds_of([&] { c.client.close(ec); }), ec);
    (void)c.server.write_some(asio::buffer(&x, 1), ec), out.say("write", bool(ec));
}

BEHAVIOUR(linger_of_a_listener_and_of_one_that_is_not_connected)
{
    asio::io_context io;
    error_code ec;
    listening l(io);
    l.acceptor.set_option(asio::socket_base::linger(true, 2));
    out.say("listener", seconds_of([&] { l.acceptor.close(ec); }), ec);
    tcp::socket s(io, tcp_of_run());
    s.set_option(asio::socket_base::linger(true, 2));
    out.say("unconnected", seconds_of([&] { s.close(ec); }), ec);
}

BEHAVIOUR(a_destructor_does_not_linger)
{
    stuck c;
    error_code ec;
    c.client.set_option(asio::socket_base::linger(true, 2));
    out.say("seconds", seconds_of([&] { tcp::socket gone(std::move(c.client)); }));
    const std::size_t n = c.rest(ec);
    out.say("all arrived", n == c.sent, ec);
}

BEHAVIOUR(a_destructor_does_not_reset)
{
    connected c;
    error_code ec;
    char x = 0;
    c.client.set_option(asio::socket_base::linger(true, 0));
    {
        tcp::socket gone(std::move(c.client));
    }
    out.say("read", c.server.read_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(an_assignment_does_not_linger)
{
    stuck c;
    c.client.set_option(asio::socket_base::linger(true, 2));
    out.say("seconds", seconds_of([&] { c.client = tcp::socket(c.io); }));
}

BEHAVIOUR(linger_from_the_listener_lasts_through_the_destructor)
{
    asio::io_context io;
    listening l(io);
    l.acceptor.set_option(asio::socket_base::linger(true, 0));
    tcp::socket client(io);
    client.connect(l.at);
    error_code ec;
    char x = 0;
    {
        tcp::socket server = l.acceptor.accept();
    }
    out.say("read", client.read_some(asio::buffer(&x, 1), ec), ec);
}

} // namespace parity
