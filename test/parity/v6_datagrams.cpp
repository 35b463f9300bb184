// UDP over dual-stack sockets: IPv4-mapped addresses (RFC 3493 §3.7), and endpoints of the other family.
#include "v6.hpp"

namespace parity {
namespace {

using asio::socket_base;

V6_BEHAVIOUR(datagrams_over_a_dual_stack_socket)
{
    asio::io_context io;
    udp::socket s(io, udp::endpoint(udp::v6(), 0));
    const auto port = s.local_endpoint().port();
    error_code ec;
    std::vector<char> v(10);
    for (const bool v6 : {false, true}) {
        udp::socket peer(io, udp::endpoint(loopback_of(v6), 0));
        udp::endpoint from;
        peer.send_to(asio::buffer("ask", 3), {loopback_of(v6), port});
        std::size_t n = s.receive_from(asio::buffer(v), from, 0, ec);
        out.say("receive_from", n, ec, from.address(), from.port() == peer.local_endpoint().port());
        out.say("send_to", s.send_to(asio::buffer("answer", 6), from, 0, ec), ec);
        n = peer.receive_from(asio::buffer(v), from, 0, ec);
        out.say("comes", n, ec, text(v, 6), from.address(), from.port() == port);
        peer.send_to(asio::buffer("more", 4), {loopback_of(v6), port});
        s.async_receive_from(asio::buffer(v), from, [&](error_code e, std::size_t m) { out.say("async", e, m, from.address()); });
        io.restart();
        io.run_for(200ms);
        say_addresses(out, "it", s);
    }
}

V6_BEHAVIOUR(datagrams_to_any_of_either_family)
{
    asio::io_context io;
    udp::socket r(io, udp::endpoint(udp::v6(), 0)), s(io, udp::v6());
    r.non_blocking(true);
    const auto port = r.local_endpoint().port();
    error_code ec;
    std::vector<char> v(10);
    udp::endpoint from;
    for (const ip::address& a : {ip::address(ip::address_v6::any()), mapped("0.0.0.0"), ip::address(ip::address_v4::any())}) {
        out.say("send_to", a, s.send_to(asio::buffer("x", 1), {a, port}, 0, ec), ec);
        eventually([&] { return ec || r.available() > 0; });
        const std::size_t n = r.receive_from(asio::buffer(v), from, 0, ec);
        out.say("comes", n, ec, from.address());
        udp::socket c(io, udp::v6());
        c.connect({a, port}, ec), out.say("connect", ec);
        say_addresses(out, "it", c);
    }
}

V6_BEHAVIOUR(a_datagram_socket_connected_to_a_mapped_address)
{
    asio::io_context io;
    udp::socket s(io, udp::v6()), peer(io, udp::endpoint(loopback_of(false), 0)), six(io, udp::endpoint(local(), 0));
    const udp::endpoint to(mapped(), peer.local_endpoint().port());
    error_code ec;
    std::vector<char> v(10);
    s.connect(to, ec), out.say("connect", ec, s.remote_endpoint() == to);
    say_addresses(out, "it", s);
    out.say("send", s.send(asio::buffer("abc", 3), 0, ec), ec);
    udp::endpoint from;
    std::size_t n = peer.receive_from(asio::buffer(v), from, 0, ec);
    out.say("comes", n, ec, from.address());
    peer.send_to(asio::buffer("de", 2), from);
    n = s.receive_from(asio::buffer(v), from, 0, ec);
    out.say("answer", n, ec, from.address(), from == to);
    out.say("send_to v6", s.send_to(asio::buffer("abc", 3), six.local_endpoint(), 0, ec), ec);
    s.connect(six.local_endpoint(), ec), out.say("connect to v6", ec);
    say_addresses(out, "it", s);
    out.say("send", s.send(asio::buffer("abc", 3), 0, ec), ec);
}

V6_BEHAVIOUR(nobody_at_a_mapped_address)
{
    asio::io_context io;
    std::uint16_t port = 0;
    {
        udp::socket gone(io, udp::endpoint(loopback_of(false), 0));
        port = gone.local_endpoint().port();
    }
    udp::socket s(io, udp::v6());
    error_code ec;
    char x = 0;
    s.connect({mapped(), port});
    out.say("send", s.send(asio::buffer("x", 1), 0, ec), ec);
    out.say("receive", s.receive(asio::buffer(&x, 1), 0, ec), ec);
    s.send(asio::buffer("x", 1));
    s.wait(udp::socket::wait_error);
    out.say("send", s.send(asio::buffer("x", 1), 0, ec), ec);
}

V6_BEHAVIOUR(a_datagram_goes_to_the_closest_match)
{
    for (const bool reversed : {false, true}) {
        asio::io_context io;
        udp::socket four(io, udp::v4()), six(io, udp::v6()), sender(io, udp::v4());
        four.set_option(socket_base::reuse_address(true)), six.set_option(socket_base::reuse_address(true));
        error_code ec;
        std::vector<char> v(10);
        const auto port = free_port<udp>(io);
        if (reversed) four.bind({ip::address_v4::any(), port}, ec), out.say("four", ec);
        six.bind({any(), port}, ec), out.say("six", ec);
        if (!reversed) four.bind({ip::address_v4::any(), port}, ec), out.say("four", ec);
        four.non_blocking(true), six.non_blocking(true);
        sender.send_to(asio::buffer("x", 1), {loopback_of(false), port});
        eventually([&] { return four.available() + six.available() > 0; });
        out.say("four has", four.receive(asio::buffer(v), 0, ec), ec);
        out.say("six has", six.receive(asio::buffer(v), 0, ec), ec);
    }
}

V6_BEHAVIOUR(an_ephemeral_port_is_free_in_both_families)
{
    asio::io_context io;
    error_code ec;
    udp::socket six(io, udp::endpoint(udp::v6(), 0)), four(io, udp::v4());
    four.bind({ip::address_v4::any(), six.local_endpoint().port()}, ec), out.say("the port of a dual-stack socket", ec);
    tcp::socket t(io, tcp::v6());
    t.bind({any(), 0});
    tcp::socket u(io, tcp::v4());
    u.bind({loopback_of(false), t.local_endpoint().port()}, ec), out.say("of a stream", ec);
}

V6_BEHAVIOUR(datagrams_and_endpoints_of_the_other_family)
{
    for (const bool v6 : {false, true}) {
        asio::io_context io;
        udp::socket there(io, udp::endpoint(loopback_of(!v6), 0)), s(io, protocol<udp>(v6));
        error_code ec;
        std::vector<char> v(10);
        s.bind({loopback_of(!v6), 0}, ec), out.say(v6 ? "v6" : "v4", "bind", ec);
        out.say("send_to", s.send_to(asio::buffer("abc", 3), there.local_endpoint(), 0, ec), ec);
        if (!ec) {
            udp::endpoint from;
            const std::size_t n = there.receive_from(asio::buffer(v), from, 0, ec);
            out.say("comes", n, ec, from.address());
            say_addresses(out, "it", s);
        }
        s.connect(there.local_endpoint(), ec), out.say("connect", ec);
        say_addresses(out, "it", s);
        out.say("send", s.send(asio::buffer("abc", 3), 0, ec), ec);
    }
    asio::io_context io;
    udp::socket s(io, udp::v6()), there(io, udp::endpoint(loopback_of(false), 0));
    error_code ec;
    s.set_option(ip::v6_only(true));
    s.connect(there.local_endpoint(), ec), out.say("v6 only, connect", ec);
    out.say("v6 only, send_to", s.send_to(asio::buffer("x", 1), there.local_endpoint(), 0, ec), ec);
    udp::socket t(io, udp::v4());
    t.bind({mapped(), 0}, ec), out.say("v4, bind to a mapped address", ec);
    out.say("v4, send_to a mapped address", t.send_to(asio::buffer("x", 1), {mapped(), 9}, 0, ec), ec);
}

} // namespace
} // namespace parity
