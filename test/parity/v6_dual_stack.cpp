// IPV6_V6ONLY, dual-stack TCP sockets, IPv4-mapped addresses (RFC 3493 §3.7, §5.3), and endpoints of the other family.
#include "v6.hpp"

namespace parity {
namespace {

/// A listener on all addresses of both families.
struct dual_listener
{
    explicit dual_listener(asio::io_context& io)
        : acceptor(io, tcp::endpoint(tcp::v6(), 0)), port(acceptor.local_endpoint().port())
    {
    }
    tcp::acceptor acceptor;
    std::uint16_t port;
};

// -- IPV6_V6ONLY --------------------------------------------------------------------------------------------------------

template <class Socket, class Protocol>
void walk_v6_only(report& out, const char* kind, const Protocol& p)
{
    asio::io_context io;
    error_code ec;
    ip::v6_only o;
    for (const bool only : {false, true}) {
        Socket s(io, p);
        s.get_option(o, ec), out.say(kind, "by default", ec, o.value());
        s.set_option(ip::v6_only(only), ec), s.get_option(o), out.say(kind, "set", only, ec, o.value());
        s.bind({any(), 0}, ec), out.say(kind, "bind", ec);
        s.set_option(ip::v6_only(!only), ec), s.get_option(o), out.say(kind, "when bound", ec, o.value());
        s.set_option(ip::v6_only(only), ec), out.say(kind, "the same, when bound", ec);
    }
}

V6_BEHAVIOUR(v6_only_before_and_after_bind)
{
    walk_v6_only<tcp::acceptor>(out, "acceptor", tcp::v6());
    walk_v6_only<tcp::socket>(out, "stream", tcp::v6());
    walk_v6_only<udp::socket>(out, "datagram", udp::v6());
}

V6_BEHAVIOUR(binding_to_an_address_makes_it_v6_only)
{
    asio::io_context io;
    error_code ec;
    ip::v6_only o;
    for (const ip::address& a : {local(), any(), mapped()}) {
        tcp::acceptor s(io, tcp::v6());
        udp::socket u(io, udp::v6());
        s.bind({a, 0}), s.get_option(o, ec), out.say("stream", a, ec, o.value());
        u.bind({a, 0}), u.get_option(o, ec), out.say("datagram", a, ec, o.value());
    }
}

V6_BEHAVIOUR(v6_only_of_a_connected_socket)
{
    connected c;
    error_code ec;
    ip::v6_only o;
    for (tcp::socket* s : {&c.client, &c.server}) {
        s->get_option(o, ec), out.say("get", ec, o.value());
        s->set_option(ip::v6_only(true), ec), out.say("set", ec);
    }
    udp::socket u(c.io, udp::v6());
    u.connect({local(), 9});
    u.set_option(ip::v6_only(true), ec), out.say("datagram", ec);
}

V6_BEHAVIOUR(v6_only_is_inherited)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp::v6());
    a.set_option(ip::v6_only(true));
    a.bind({any(), 0});
    a.listen();
    tcp::socket c(io), s(io);
    c.connect({local(), a.local_endpoint().port()});
    a.accept(s);
    ip::v6_only o;
    error_code ec;
    s.get_option(o, ec), out.say("accepted", ec, o.value());
    c.get_option(o, ec), out.say("client", ec, o.value());
}

V6_BEHAVIOUR(a_v6_only_listener_refuses_v4)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp::v6());
    a.set_option(ip::v6_only(true));
    a.bind({any(), free_port<tcp>(io)});
    a.listen();
    error_code ec;
    tcp::socket c(io), d(io, tcp::v6()), e(io);
    const auto port = a.local_endpoint().port();
    c.connect({loopback_of(false), port}, ec), out.say("v4", ec);
    d.connect({mapped(), port}, ec), out.say("mapped", ec);
    e.connect({local(), port}, ec), out.say("v6", ec);
}

// -- TCP ----------------------------------------------------------------------------------------------------------------

V6_BEHAVIOUR(a_dual_stack_listener_accepts_both)
{
    asio::io_context io;
    dual_listener l(io);
    error_code ec;
    for (const bool v6 : {false, true}) {
        tcp::socket c(io), s(io);
        tcp::endpoint peer;
        c.connect({loopback_of(v6), l.port}, ec), out.say("connect", ec);
        l.acceptor.accept(s, peer, ec), out.say("accept", ec, peer.address(), peer.port() == c.local_endpoint().port());
        say_addresses(out, "client", c);
        say_addresses(out, "server", s);
        std::vector<char> v(5);
        asio::write(c, asio::buffer("hello", 5));
        out.say("read", asio::read(s, asio::buffer(v), ec), ec, text(v, 5));
        asio::write(s, asio::buffer("world", 5));
        out.say("read", asio::read(c, asio::buffer(v), ec), ec, text(v, 5));
        asio::detail::socket_option::integer<SOL_SOCKET, SO_DOMAIN> domain;
        s.get_option(domain, ec), out.say("SO_DOMAIN", ec, domain.value() == AF_INET6);
    }
}

V6_BEHAVIOUR(a_dual_stack_listener_accepts_asynchronously)
{
    asio::io_context io;
    dual_listener l(io);
    tcp::endpoint first;
    tcp::socket a(io), b(io), into(io);
    l.acceptor.async_accept(into, first,
                            [&](error_code ec) { out.say("into", ec, first.address(), into.remote_endpoint().address()); });
    l.acceptor.async_accept([&](error_code ec, const tcp::socket& s) { out.say("moved", ec, s.remote_endpoint().address()); });
    a.connect({loopback_of(false), l.port});
    b.connect({loopback_of(false), l.port});
    io.run_for(500ms);
}

V6_BEHAVIOUR(connecting_to_a_mapped_address)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp::endpoint(loopback_of(false), 0));
    const tcp::endpoint at(mapped(), a.local_endpoint().port());
    error_code ec;
    tcp::socket s(io), peer(io), later(io);
    s.connect(at, ec), out.say("connect", ec, s.remote_endpoint() == at);
    a.accept(peer);
    say_addresses(out, "client", s);
    say_addresses(out, "server", peer);
    out.say("the same", s.local_endpoint().port() == peer.remote_endpoint().port());
    s.connect(at, ec), out.say("again", ec);
    char x = 0;
    asio::write(peer, asio::buffer("x", 1));
    out.say("read", s.read_some(asio::buffer(&x, 1), ec), ec);
    later.async_connect(at, [&](error_code e) { out.say("async_connect", e, later.remote_endpoint().address()); });
    io.run_for(500ms);
    a.close();
    tcp::socket refused(io);
    refused.connect(at, ec), out.say("nobody listens", ec);
}

V6_BEHAVIOUR(a_v6_only_socket_to_a_mapped_address)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp::endpoint(loopback_of(false), 0));
    const auto port = a.local_endpoint().port();
    error_code ec;
    tcp::socket s(io, tcp::v6());
    s.set_option(ip::v6_only(true));
    s.connect({mapped(), port}, ec), out.say("connect", ec, s.is_open());
    s.async_connect({mapped(), port}, [&](error_code e) { out.say("async_connect", e); });
    io.run_for(100ms);
    tcp::socket t(io, tcp::v6());
    t.set_option(ip::v6_only(true));
    t.bind({mapped(), 0}, ec), out.say("bind", ec);
    udp::socket u(io, udp::v6());
    u.set_option(ip::v6_only(true));
    u.bind({mapped(), 0}, ec), out.say("datagram: bind", ec);
    u.connect({mapped(), 9}, ec), out.say("datagram: connect", ec);
    out.say("datagram: send_to", u.send_to(asio::buffer("x", 1), {mapped(), 9}, 0, ec), ec);
}

V6_BEHAVIOUR(connecting_to_any_of_either_family)
{
    asio::io_context io;
    dual_listener l(io);
    error_code ec;
    tcp::socket a(io), b(io), c(io), d(io, tcp::v6());
    a.connect({ip::address_v6::any(), l.port}, ec), say_addresses(out, "::", a);
    b.connect({mapped("0.0.0.0"), l.port}, ec), say_addresses(out, "::ffff:0.0.0.0", b);
    c.connect({ip::address_v4::any(), l.port}, ec), say_addresses(out, "0.0.0.0", c);
    d.bind({mapped(), 0});
    d.connect({ip::address_v6::any(), l.port}, ec), out.say("::, bound to a mapped address", ec);
    say_addresses(out, "it", d);
}

V6_BEHAVIOUR(bound_to_one_family_and_connecting_to_the_other)
{
    asio::io_context io;
    dual_listener l(io);
    error_code ec;
    tcp::socket a(io, tcp::v6()), c(io, tcp::v6());
    a.bind({mapped(), 0});
    a.connect({local(), l.port}, ec), out.say("mapped to v6", ec);
    c.bind({any(), 0});
    c.connect({mapped(), l.port}, ec), out.say(":: to mapped", ec);
    say_addresses(out, "it", c);
    tcp::acceptor there(io, tcp::endpoint(loopback_of(false), 0));
    tcp::socket d(io, tcp::v6());
    d.bind({local(), 0});
    d.connect({mapped(), there.local_endpoint().port()}, ec), out.say("v6 to mapped", ec);
    udp::socket u(io, udp::v6()), w(io, udp::v6());
    u.bind({mapped(), 0});
    u.connect({local(), 9}, ec), out.say("datagram: mapped to v6", ec);
    out.say("send_to", u.send_to(asio::buffer("x", 1), {local(), 9}, 0, ec), ec);
    out.say("send_to ::", u.send_to(asio::buffer("x", 1), {any(), 9}, 0, ec), ec);
    say_addresses(out, "it", u);
    w.bind({local(), 0});
    out.say("datagram: v6 to mapped", w.send_to(asio::buffer("x", 1), {mapped(), 9}, 0, ec), ec);
    out.say("to v4", w.send_to(asio::buffer("x", 1), {loopback_of(false), 9}, 0, ec), ec);
    w.connect({mapped(), 9}, ec), out.say("connect to mapped", ec);
}

// -- endpoints of the other family ---------------------------------------------------------------------------------------

V6_BEHAVIOUR(streams_and_endpoints_of_the_other_family)
{
    for (const bool v6 : {false, true}) {
        asio::io_context io;
        tcp::acceptor there(io, tcp::endpoint(loopback_of(!v6), 0)), here(io, tcp::endpoint(loopback_of(v6), 0));
        error_code ec;
        tcp::socket s(io, protocol<tcp>(v6));
        s.bind({loopback_of(!v6), 0}, ec), out.say(v6 ? "v6" : "v4", "bind", ec);
        s.bind({v6 ? ip::address(ip::address_v4::any()) : ip::address_v6::any(), 0}, ec), out.say("bind to any", ec);
        s.connect(there.local_endpoint(), ec), out.say("connect", ec, s.is_open());
        s.connect(here.local_endpoint(), ec), out.say("connect in its own", ec);
        s.connect(there.local_endpoint(), ec), out.say("when connected", ec);
        tcp::socket t(io, protocol<tcp>(v6));
        t.async_connect(there.local_endpoint(), [&](error_code e) { out.say("async_connect", e); });
        io.run_for(100ms);
        tcp::acceptor a(io, protocol<tcp>(v6));
        a.bind({loopback_of(!v6), 0}, ec), out.say("acceptor", ec);
    }
    asio::io_context io;
    tcp::socket s(io, tcp::v4());
    error_code ec;
    s.bind({mapped(), 0}, ec), out.say("v4, bind to a mapped address", ec);
    s.connect({mapped(), 9}, ec), out.say("v4, connect to a mapped address", ec);
}

} // namespace
} // namespace parity
