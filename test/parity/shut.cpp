// shutdown(), and non-blocking modes of a socket.
#include "observe.hpp"

namespace parity {
namespace {

BEHAVIOUR(shutdown_before_a_connection_lasts)
{
    asio::io_context io;
    listening l(io);
    error_code ec;
    char x = 'x';
    tcp::socket r(io, tcp_of_run()), w(io, tcp_of_run()), peer(io);
    r.shutdown(tcp::socket::shutdown_receive, ec), out.say("shutdown receive", ec);
    r.connect(l.at, ec), out.say("connect", ec);
    l.acceptor.accept(peer);
    out.say("read", r.read_some(asio::buffer(&x, 1), ec), ec);
    out.say("write", r.write_some(asio::buffer(&x, 1), ec), ec);
    out.say("peer reads", peer.read_some(asio::buffer(&x, 1), ec), ec);
    peer.close();
    w.shutdown(tcp::socket::shutdown_send, ec), out.say("shutdown send", ec);
    w.connect(l.at, ec), out.say("connect", ec);
    l.acceptor.accept(peer);
    out.say("write", w.write_some(asio::buffer(&x, 1), ec), ec);
    asio::write(peer, asio::buffer("y", 1));
    out.say("read", w.read_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(shutdown_before_a_connection_of_datagrams)
{
    asio::io_context io;
    error_code ec;
    std::vector<char> v(5);
    udp::socket a(io, udp::endpoint(local(), 0)), b(io, udp::endpoint(local(), 0));
    a.shutdown(udp::socket::shutdown_receive, ec), out.say("shutdown receive", ec);
    out.say("receive", a.receive(asio::buffer(v), 0, ec), ec);
    b.send_to(asio::buffer("abc", 3), a.local_endpoint());
    a.wait(udp::socket::wait_read);
    eventually([&] { return a.available() > 0; });
    out.say("receive what has come since", a.receive(asio::buffer(v), 0, ec), ec);
    a.shutdown(udp::socket::shutdown_send, ec), out.say("shutdown send", ec);
    out.say("send", a.send_to(asio::buffer("x", 1), b.local_endpoint(), 0, ec), ec);
}

BEHAVIOUR(data_before_shutdown_receive_can_be_read)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    asio::write(c.server, asio::buffer("before", 6));
    eventually([&] { return c.client.available() == 6; });
    c.client.shutdown(tcp::socket::shutdown_receive, ec), out.say("shutdown", ec, c.client.available());
    out.say("read", c.client.read_some(asio::buffer(v), ec), ec, text(v, 6));
    out.say("then", c.client.read_some(asio::buffer(v), ec), ec);
}

BEHAVIOUR(data_after_shutdown_receive_can_be_read)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    c.client.shutdown(tcp::socket::shutdown_receive, ec), out.say("shutdown", ec);
    out.say("read", c.client.read_some(asio::buffer(v), ec), ec);
    out.say("write", c.server.write_some(asio::buffer("after", 5), ec), ec);
    out.say("comes", eventually([&] { return c.client.available() == 5; }));
    out.say("read", c.client.read_some(asio::buffer(v), ec), ec, text(v, 5));
    out.say("then", c.client.read_some(asio::buffer(v), ec), ec);
    out.say("the other way", c.client.write_some(asio::buffer("on", 2), ec), ec);
    out.say("arrives", c.server.read_some(asio::buffer(v), ec), ec);
}

BEHAVIOUR(data_after_shutdown_both_resets)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    c.client.shutdown(tcp::socket::shutdown_both, ec), out.say("shutdown", ec);
    out.say("the peer reads", c.server.read_some(asio::buffer(v), ec), ec);
    out.say("and writes", c.server.write_some(asio::buffer("x", 1), ec), ec);
    c.server.wait(tcp::socket::wait_error);
    out.say("the peer reads", c.server.read_some(asio::buffer(v), ec), ec);
    out.say("the peer writes", c.server.write_some(asio::buffer("x", 1), ec), ec);
}

BEHAVIOUR(shutdown_while_connecting_ends_it)
{
    asio::io_context io;
    listening l(io);
    l.acceptor.listen(0);
    tcp::socket first(io), s(io);
    first.connect(l.at);
    error_code ec;
    s.async_connect(l.at, [&](error_code e) { out.say("connect", e); });
    io.run_for(20ms);
    s.shutdown(tcp::socket::shutdown_receive, ec), out.say("shutdown", ec);
    io.restart();
    io.run_for(300ms);
    listening other(io);
    s.connect(other.at, ec), out.say("connect elsewhere", ec);
}

BEHAVIOUR(shutdown_send_twice)
{
    connected c;
    error_code ec;
    char x = 0;
    c.client.shutdown(tcp::socket::shutdown_send, ec), out.say("first", ec);
    c.client.shutdown(tcp::socket::shutdown_send, ec), out.say("second", ec);
    out.say("peer reads", c.server.read_some(asio::buffer(&x, 1), ec), ec);
    c.client.shutdown(tcp::socket::shutdown_receive, ec), out.say("the other half", ec);
}

BEHAVIOUR(shutdown_ends_a_pending_write)
{
    connected c;
    std::vector<char> much(50'000'000);
    asio::async_write(c.client, asio::buffer(much), [&](error_code ec, std::size_t n) { out.say("write", ec, n < much.size()); });
    c.run(50ms);
    error_code ec;
    c.client.shutdown(tcp::socket::shutdown_send, ec), out.say("shutdown", ec);
    c.run(300ms);
}

// -- modes -------------------------------------------------------------------------------------------------------------

template <class Socket>
void say_modes(report& out, const char* when, Socket& s)
{
    out.say(when, s.non_blocking(), s.native_non_blocking());
}

BEHAVIOUR(asynchronous_operations_make_it_non_blocking)
{
    connected c;
    char x = 0;
    say_modes(out, "at first", c.client);
    c.client.async_read_some(asio::buffer(&x, 0), [](error_code, std::size_t) {});
    c.run(50ms);
    say_modes(out, "after a read of nothing", c.client);
    c.client.async_wait(tcp::socket::wait_write, [](error_code) {});
    c.run(50ms);
    say_modes(out, "after a wait", c.client);
    c.client.async_write_some(asio::buffer("x", 1), [](error_code, std::size_t) {});
    c.run(50ms);
    say_modes(out, "after a write", c.client);
    asio::write(c.server, asio::buffer("y", 1));
    out.say("a synchronous read waits all the same", c.client.read_some(asio::buffer(&x, 1)));
    tcp::socket moved(std::move(c.client));
    say_modes(out, "moved", moved);
    say_modes(out, "the old", c.client);
    tcp::socket assigned(c.io, tcp_of_run(), moved.release());
    say_modes(out, "assigned", assigned);
}

BEHAVIOUR(an_asynchronous_connect_and_accept_make_it_non_blocking)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io), a(io);
    say_modes(out, "closed", s);
    l.acceptor.async_accept(a, [](error_code) {});
    say_modes(out, "acceptor", l.acceptor);
    s.async_connect(l.at, [](error_code) {});
    say_modes(out, "connecting", s);
    io.run();
    say_modes(out, "connected", s);
    say_modes(out, "accepted", a);
}

BEHAVIOUR(native_non_blocking_modes)
{
    connected c;
    error_code ec;
    c.client.native_non_blocking(true, ec), out.say("native on", ec);
    say_modes(out, "then", c.client);
    c.client.native_non_blocking(false, ec), out.say("native off", ec);
    say_modes(out, "then", c.client);
    c.client.non_blocking(true, ec), out.say("the user's on", ec);
    say_modes(out, "then", c.client);
    c.client.native_non_blocking(false, ec), out.say("native off", ec);
    say_modes(out, "then", c.client);
    c.client.native_non_blocking(true, ec), out.say("native on", ec);
    c.client.non_blocking(false, ec), out.say("the user's off", ec);
    say_modes(out, "then", c.client);
    c.client.close();
    say_modes(out, "closed", c.client);
}

BEHAVIOUR(native_non_blocking_calls_wait)
{
    connected c;
    error_code ec;
    char x = 0;
    c.client.native_non_blocking(true);
    std::thread later([&] {
        std::this_thread::sleep_for(20ms);
        asio::write(c.server, asio::buffer("x", 1));
    });
    out.say("read", c.client.read_some(asio::buffer(&x, 1), ec), ec);
    later.join();
}

BEHAVIOUR(datagram_modes)
{
    asio::io_context io;
    udp::socket s(io, udp::endpoint(local(), 0));
    char x = 0;
    say_modes(out, "at first", s);
    s.async_receive(asio::buffer(&x, 1), [](error_code, std::size_t) {});
    say_modes(out, "after a receive", s);
    s.cancel();
    io.run();
    s.non_blocking(true);
    say_modes(out, "the user's on", s);
    s.non_blocking(false);
    say_modes(out, "off", s);
}

} // namespace
} // namespace parity
