// connect() and accept(), synchronous and asynchronous.
#include "observe.hpp"

#include <thread>

namespace parity {
namespace {

/// A port on the loopback at which no socket listens.
tcp::endpoint closed_port(asio::io_context& io)
{
    tcp::socket s(io, tcp_of_run());
    s.bind({local(), 0});
    return s.local_endpoint();
}

BEHAVIOUR(refused)
{
    asio::io_context io;
    const auto nobody = closed_port(io);
    tcp::socket s(io);
    error_code ec;
    s.connect(nobody, ec), out.say("connect", ec, s.is_open());
    s.async_connect(nobody, [&](error_code e) { out.say("async_connect", e); });
    out.say("begun");
    io.run();
    out.say("is open", s.is_open());
    (void)s.remote_endpoint(ec), out.say("remote_endpoint", ec);
    listening l(io);
    s.connect(l.at, ec), out.say("connect elsewhere afterwards", ec);
}

BEHAVIOUR(connect_opens_and_binds)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io);
    error_code ec;
    s.connect(l.at, ec), out.say("connect", ec, s.is_open());
    out.say("addresses", s.local_endpoint().address(), s.local_endpoint().port() != 0, s.remote_endpoint() == l.at);
    s.connect(l.at, ec), out.say("connect again", ec);
    tcp::socket t(io, tcp_of_run());
    t.bind({local(), 0});
    const auto at = t.local_endpoint();
    t.connect(l.at, ec), out.say("from a bound socket", ec, t.local_endpoint() == at);
}

BEHAVIOUR(connect_twice_at_once)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io);
    error_code first = asio::error::would_block, second = first;
    s.async_connect(l.at, [&](error_code ec) { first = ec; });
    s.async_connect(l.at, [&](error_code ec) { second = ec; });
    io.run_for(500ms);
    out.say("both", first, second);
}

BEHAVIOUR(async_connect_is_never_inline)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io);
    bool inside = true;
    s.async_connect(l.at, [&](error_code ec) { out.say("handler", ec, inside); });
    inside = false;
    io.run();
}

BEHAVIOUR(connect_of_a_range)
{
    asio::io_context io;
    listening l(io);
    const std::vector<tcp::endpoint> all{closed_port(io), closed_port(io), l.at};
    tcp::socket s(io);
    error_code ec;
    const auto chosen = asio::connect(s, all, ec);
    out.say("sync", ec, chosen == l.at);
    tcp::socket t(io);
    asio::async_connect(t, all, [&](error_code e, const tcp::endpoint& at) { out.say("async", e, at == l.at); });
    io.run();
    tcp::socket u(io);
    (void)asio::connect(u, std::vector<tcp::endpoint>{}, ec), out.say("none", ec);
    (void)asio::connect(u, std::vector<tcp::endpoint>{closed_port(io)}, ec), out.say("none that answers", ec);
}

V4_BEHAVIOUR(v6_where_v4_listens)
{
    asio::io_context io;
    error_code ec;
    tcp::socket s(io, tcp::v4());
    s.connect({ip::address_v6::loopback(), 9}, ec);
    out.say("a v6 address on a v4 socket", ec);
}

BEHAVIOUR(accept_forms)
{
    asio::io_context io;
    listening l(io);
    tcp::socket a(io), b(io), c(io), d(io);
    error_code ec;
    a.connect(l.at);
    tcp::endpoint peer;
    l.acceptor.accept(b, peer, ec), out.say("with endpoint", ec, peer == a.local_endpoint());
    l.acceptor.accept(b, ec), out.say("into an open socket", ec);
    c.connect(l.at);
    tcp::socket made = l.acceptor.accept(ec);
    out.say("returning", ec, made.is_open(), made.remote_endpoint() == c.local_endpoint());
    asio::io_context other;
    d.connect(l.at);
    tcp::socket elsewhere = l.acceptor.accept(other, ec);
    out.say("for another context", ec, &elsewhere.get_executor().context() == &other);
}

BEHAVIOUR(async_accept_forms)
{
    asio::io_context io;
    listening l(io);
    tcp::socket a(io), b(io), c(io), into(io), into2(io);
    tcp::endpoint peer;
    l.acceptor.async_accept(into, peer, [&](error_code ec) { out.say("into, with endpoint", ec, peer == a.local_endpoint()); });
    l.acceptor.async_accept(
        [&](error_code ec, tcp::socket s) { out.say("moved", ec, s.remote_endpoint() == b.local_endpoint()); });
    l.acceptor.async_accept(into2, [&](error_code ec) { out.say("into", ec, into2.is_open()); });
    a.connect(l.at), b.connect(l.at), c.connect(l.at);
    io.run();
    l.acceptor.async_accept(into, [&](error_code ec) { out.say("into an open socket", ec); });
    io.restart();
    io.run();
}

BEHAVIOUR(accepts_are_served_in_order)
{
    asio::io_context io;
    listening l(io);
    std::vector<tcp::socket> clients;
    for (int i = 0; i < 3; ++i)
        l.acceptor.async_accept([&, i](error_code ec, tcp::socket s) {
            out.say("accept", i, ec, s.remote_endpoint() == clients[static_cast<std::size_t>(i)].local_endpoint());
        });
    for (int i = 0; i < 3; ++i) clients.emplace_back(io).connect(l.at);
    io.run();
}

BEHAVIOUR(closing_an_acceptor)
{
    asio::io_context io;
    listening l(io);
    tcp::socket waiting(io);
    l.acceptor.async_accept([&](error_code ec, const tcp::socket& s) { out.say("accept", ec, s.is_open()); });
    l.acceptor.close();
    io.run();
    error_code ec;
    waiting.connect(l.at, ec), out.say("connect afterwards", ec);
}

BEHAVIOUR(connections_that_were_not_accepted_are_reset)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io);
    s.connect(l.at);
    l.acceptor.close();
    char x = 0;
    error_code ec;
    out.say("read", s.read_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(accepted_after_the_client_closed)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io);
    s.connect(l.at);
    asio::write(s, asio::buffer("bye", 3));
    s.close();
    error_code ec;
    tcp::socket a = l.acceptor.accept(ec);
    out.say("accept", ec);
    std::vector<char> v(10);
    out.say("read", a.read_some(asio::buffer(v), ec), ec);
    out.say("then", a.read_some(asio::buffer(v), ec), ec);
}

BEHAVIOUR(non_blocking_accept_and_connect)
{
    asio::io_context io;
    listening l(io);
    error_code ec;
    tcp::socket s(io);
    l.acceptor.non_blocking(true);
    l.acceptor.accept(s, ec), out.say("accept", ec);
    tcp::socket n(io, tcp_of_run());
    n.non_blocking(true);
    n.connect(l.at, ec);
    out.say("connect succeeds or goes on", !ec || ec == asio::error::in_progress || ec == asio::error::would_block);
    n.wait(tcp::socket::wait_write, ec), out.say("becomes writable", ec);
    out.say("remote", n.remote_endpoint(ec) == l.at, ec);
}

BEHAVIOUR(waiting_on_an_acceptor)
{
    asio::io_context io;
    listening l(io);
    l.acceptor.async_wait(tcp::acceptor::wait_read, [&](error_code ec) {
        out.say("ready", ec);
        tcp::socket s = l.acceptor.accept(ec);
        out.say("accept", ec, s.is_open());
    });
    tcp::socket c(io);
    c.connect(l.at);
    io.run();
}

BEHAVIOUR(listening_twice)
{
    asio::io_context io;
    error_code ec;
    tcp::acceptor a(io, tcp_of_run());
    a.listen(1, ec), out.say("without bind", ec, a.local_endpoint().port() != 0);
    a.listen(5, ec), out.say("again", ec);
    a.bind({local(), 0}, ec), out.say("bind afterwards", ec);
    tcp::socket s(io);
    s.connect({local(), a.local_endpoint().port()}, ec), out.say("connect", ec);
}

BEHAVIOUR(an_accepted_socket_inherits)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp_of_run());
    a.set_option(tcp::no_delay(true));
    a.set_option(asio::socket_base::keep_alive(true));
    a.set_option(asio::socket_base::linger(true, 7));
    a.bind({local(), 0});
    a.listen();
    tcp::socket c(io), s(io);
    c.connect(a.local_endpoint());
    a.accept(s);
    tcp::no_delay n;
    asio::socket_base::keep_alive k;
    asio::socket_base::linger g;
    asio::socket_base::reuse_address r;
    s.get_option(n), s.get_option(k), s.get_option(g), s.get_option(r);
    out.say("no_delay", n.value());
    out.say("keep_alive", k.value());
    out.say("linger", g.enabled(), g.timeout());
    out.say("non_blocking", s.non_blocking(), s.native_non_blocking());
}

BEHAVIOUR(connecting_to_port_zero)
{
    asio::io_context io;
    tcp::socket s(io);
    error_code ec;
    s.connect({local(), 0}, ec), out.say("connect", ec);
}

BEHAVIOUR(connecting_to_any_is_to_ourselves)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io);
    error_code ec;
    s.connect({any(), l.at.port()}, ec);
    out.say("connect", ec);
    if (!ec) out.say("remote", s.remote_endpoint().address());
}

V4_BEHAVIOUR(connecting_to_where_no_route_leads)
{
    asio::io_context io;
    tcp::socket s(io);
    error_code ec;
    s.connect({ip::make_address("255.255.255.255"), 9}, ec);
    out.say("broadcast", bool(ec));
}

BEHAVIOUR(a_listener_does_not_read)
{
    asio::io_context io;
    listening l(io);
    tcp::socket s(io, tcp_of_run(), l.acceptor.release());
    error_code ec;
    char x = 0;
    out.say("read", s.read_some(asio::buffer(&x, 1), ec), ec);
    out.say("write", s.write_some(asio::buffer(&x, 1), ec), ec);
    (void)s.remote_endpoint(ec), out.say("remote_endpoint", ec);
    s.shutdown(tcp::socket::shutdown_send, ec), out.say("shutdown send", ec);
    s.connect(l.at, ec), out.say("connect", bool(ec));
}

} // namespace
} // namespace parity
