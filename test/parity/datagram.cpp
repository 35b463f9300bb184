// UDP sockets: send and receive, errors, flags, waits.
#include "observe.hpp"

#include <thread>

namespace parity {
namespace {

struct two_sockets
{
    two_sockets() : a(io, udp::endpoint(local(), 0)), b(io, udp::endpoint(local(), 0)) {}
    asio::io_context io;
    udp::socket a, b;
    void run()
    {
        io.restart();
        io.run_for(500ms);
    }
};

BEHAVIOUR(datagrams)
{
    two_sockets t;
    error_code ec;
    std::vector<char> v(100);
    udp::endpoint from;
    out.say("send_to", t.a.send_to(asio::buffer("hello", 5), t.b.local_endpoint(), 0, ec), ec);
    const std::size_t n = t.b.receive_from(asio::buffer(v), from, 0, ec);
    out.say("receive_from", n, ec, text(v, 5), from == t.a.local_endpoint());
    out.say("an empty one", t.a.send_to(asio::buffer("", 0), t.b.local_endpoint(), 0, ec), ec);
    out.say("comes", t.b.receive_from(asio::buffer(v), from, 0, ec), ec);
    out.say("send unconnected", t.a.send(asio::buffer("x", 1), 0, ec), ec);
    (void)t.a.remote_endpoint(ec), out.say("remote_endpoint", ec);
    out.say("port 0", t.a.send_to(asio::buffer("x", 1), {local(), 0}, 0, ec), ec);
}

BEHAVIOUR(datagrams_longer_than_the_buffer)
{
    two_sockets t;
    error_code ec;
    std::vector<char> v(3);
    udp::endpoint from;
    t.a.send_to(asio::buffer("hello", 5), t.b.local_endpoint());
    t.a.send_to(asio::buffer("next", 4), t.b.local_endpoint());
    t.b.wait(udp::socket::wait_read);
    out.say("available", t.b.available());
    out.say("peek", t.b.receive_from(asio::buffer(v), from, udp::socket::message_peek, ec), ec, text(v, 3));
    out.say("first", t.b.receive_from(asio::buffer(v), from, 0, ec), ec, text(v, 3));
    out.say("second", t.b.receive_from(asio::buffer(v), from, 0, ec), ec, text(v, 3));
    t.a.send_to(asio::buffer("hello", 5), t.b.local_endpoint());
    t.b.async_receive_from(asio::buffer(v), from, [&](error_code e, std::size_t n) { out.say("async", e, n); });
    t.run();
}

BEHAVIOUR(connected_datagrams)
{
    two_sockets t;
    error_code ec;
    std::vector<char> v(10);
    t.a.connect(t.b.local_endpoint(), ec), out.say("connect", ec, t.a.remote_endpoint() == t.b.local_endpoint());
    out.say("send", t.a.send(asio::buffer("x", 1), 0, ec), ec);
    out.say("peer receives", t.b.receive(asio::buffer(v), 0, ec), ec);
    udp::socket stranger(t.io, udp::endpoint(local(), 0));
    stranger.send_to(asio::buffer("no", 2), t.a.local_endpoint());
    t.b.send_to(asio::buffer("yes", 3), t.a.local_endpoint());
    out.say("only the peer's", t.a.receive(asio::buffer(v), 0, ec), ec, text(v, 3));
    out.say("send_to another", t.a.send_to(asio::buffer("y", 1), stranger.local_endpoint(), 0, ec), ec);
    out.say("arrives", stranger.receive(asio::buffer(v), 0, ec), ec);
    t.a.connect(stranger.local_endpoint(), ec), out.say("connect again", ec, t.a.remote_endpoint() == stranger.local_endpoint());
}

BEHAVIOUR(nobody_there)
{
    asio::io_context io;
    udp::socket s(io, udp::endpoint(local(), 0));
    udp::endpoint gone;
    {
        udp::socket t(io, udp::endpoint(local(), 0));
        gone = t.local_endpoint();
    }
    error_code ec;
    std::vector<char> v(10);
    s.connect(gone);
    out.say("send", s.send(asio::buffer("x", 1), 0, ec), ec);
    out.say("receive", s.receive(asio::buffer(v), 0, ec), ec);
    out.say("send", s.send(asio::buffer("x", 1), 0, ec), ec);
    s.wait(udp::socket::wait_error); // until the ICMP port unreachable has arrived
    out.say("next send", s.send(asio::buffer("x", 1), 0, ec), ec);
    s.async_receive(asio::buffer(v), [&](error_code e, std::size_t n) { out.say("async receive", e, n); });
    io.run_for(300ms);
    udp::socket u(io, udp::endpoint(local(), 0));
    u.send_to(asio::buffer("x", 1), gone, 0, ec), out.say("unconnected", ec);
    u.non_blocking(true);
    udp::socket behind(io, udp_of_run());
    behind.connect(gone);
    behind.send(asio::buffer("x", 1));
    behind.wait(udp::socket::wait_error); // the port unreachable of the datagram before has arrived by then
    out.say("unconnected receive", u.receive(asio::buffer(v), 0, ec), ec);
}

BEHAVIOUR(unbound_datagrams)
{
    asio::io_context io;
    udp::socket s(io, udp_of_run());
    error_code ec;
    out.say("local", s.local_endpoint(ec), ec);
    udp::socket t(io, udp::endpoint(local(), 0));
    out.say("send_to", s.send_to(asio::buffer("x", 1), t.local_endpoint(), 0, ec), ec);
    out.say("then bound to any", s.local_endpoint().address(), s.local_endpoint().port() != 0);
    s.bind({local(), 0}, ec), out.say("bind afterwards", ec);
    s.shutdown(udp::socket::shutdown_both, ec), out.say("shutdown", ec);
}

BEHAVIOUR(too_long_a_datagram)
{
    asio::io_context io;
    udp::socket s(io, udp::endpoint(local(), 0));
    error_code ec;
    const std::vector<char> v(70'000);
    out.say("70000 octets", s.send_to(asio::buffer(v), s.local_endpoint(), 0, ec), ec);
    out.say("60000 octets", s.send_to(asio::buffer(v, 60'000), s.local_endpoint(), 0, ec), ec);
    std::vector<char> w(70'000);
    out.say("come", s.receive(asio::buffer(w), 0, ec), ec);
}

V4_BEHAVIOUR(broadcast_needs_leave)
{
    asio::io_context io;
    udp::socket s(io, udp::v4());
    error_code ec;
    out.say("without", s.send_to(asio::buffer("x", 1), {ip::address_v4::broadcast(), 9}, 0, ec), ec);
    s.connect({ip::address_v4::broadcast(), 9}, ec), out.say("connect", ec);
}

BEHAVIOUR(datagram_non_blocking_and_cancel)
{
    two_sockets t;
    error_code ec;
    std::vector<char> v(10);
    udp::endpoint from;
    t.a.async_receive_from(asio::buffer(v), from, [&](error_code e, std::size_t n) { out.say("cancelled", e, n); });
    t.a.cancel();
    t.run();
    t.a.async_receive_from(asio::buffer(v), from, [&](error_code e, std::size_t n) { out.say("closed", e, n); });
    t.a.close();
    t.run();
    t.b.non_blocking(true);
    out.say("receive", t.b.receive_from(asio::buffer(v), from, 0, ec), ec);
}

BEHAVIOUR(datagram_waits)
{
    two_sockets t;
    t.a.async_wait(udp::socket::wait_write, [&](error_code e) { out.say("writable", e); });
    t.run();
    t.a.async_wait(udp::socket::wait_read, [&](error_code e) { out.say("readable", e, t.a.available()); });
    t.b.send_to(asio::buffer("abc", 3), t.a.local_endpoint());
    t.run();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" // deprecated since Boost 1.90
    t.a.async_receive(asio::null_buffers(), [&](error_code e, std::size_t n) { out.say("null_buffers", e, n); });
#pragma GCC diagnostic pop
    t.run();
}

BEHAVIOUR(datagrams_in_pieces)
{
    two_sockets t;
    error_code ec;
    const std::array<asio::const_buffer, 3> from{asio::buffer("ab", 2), asio::buffer("c", 1), asio::buffer("de", 2)};
    out.say("send", t.a.send_to(from, t.b.local_endpoint(), 0, ec), ec);
    std::vector<char> x(2), y(2), z(8);
    const std::array<asio::mutable_buffer, 3> into{asio::buffer(x), asio::buffer(y), asio::buffer(z)};
    out.say("receive", t.b.receive(into, 0, ec), ec, text(x, 2), text(y, 2), text(z, 1));
}

BEHAVIOUR(two_datagram_sockets_at_one_port)
{
    asio::io_context io;
    udp::socket a(io, udp::endpoint(local(), 0)), b(io, udp_of_run());
    error_code ec;
    b.bind(a.local_endpoint(), ec), out.say("bind", ec);
    udp::socket c(io, udp_of_run()), d(io, udp_of_run());
    c.set_option(udp::socket::reuse_address(true)), d.set_option(udp::socket::reuse_address(true));
    c.bind({local(), 0});
    d.bind(c.local_endpoint(), ec), out.say("both with reuse_address", ec);
    a.send_to(asio::buffer("x", 1), c.local_endpoint());
    c.non_blocking(true), d.non_blocking(true);
    std::vector<char> v(5);
    eventually([&] { return c.available() + d.available() > 0; });
    out.say("the first gets", c.receive(asio::buffer(v), 0, ec), ec);
    out.say("the last gets", d.receive(asio::buffer(v), 0, ec), ec);
}

BEHAVIOUR(a_datagram_after_shutdown)
{
    two_sockets t;
    error_code ec;
    std::vector<char> v(10);
    t.a.connect(t.b.local_endpoint());
    t.a.shutdown(udp::socket::shutdown_receive, ec), out.say("shutdown receive", ec);
    out.say("receive", t.a.receive(asio::buffer(v), 0, ec), ec);
    t.a.shutdown(udp::socket::shutdown_send, ec), out.say("shutdown send", ec);
    out.say("send", t.a.send(asio::buffer("x", 1), 0, ec), ec);
}

} // namespace
} // namespace parity
