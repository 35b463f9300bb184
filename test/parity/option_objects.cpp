// Asio's option classes on stream, acceptor and datagram sockets: set, get, errors.
#include "observe.hpp"

#include <sys/time.h>
#include <unistd.h>

namespace parity {
namespace {

using asio::socket_base;
namespace option = asio::detail::socket_option;

/// One socket of each kind, open and unbound.
struct kinds
{
    asio::io_context io;
    tcp::socket stream{io, tcp_of_run()};
    tcp::acceptor acceptor{io, tcp_of_run()};
    udp::socket datagram{io, udp_of_run()};

    template <class F>
    void each(F f)
    {
        f("stream", stream);
        f("acceptor", acceptor);
        f("datagram", datagram);
    }
};

/// Prints an option's default, and its value after setting each of `values`.
template <class Option, class... Value>
void walk(report& out, Value... values)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        Option o;
        s.get_option(o, ec), out.say(kind, "by default", ec, o.value());
        const auto set = [&](auto v) {
            s.set_option(Option(v), ec), out.say(kind, v, "set", ec);
            s.get_option(o, ec), out.say(kind, v, "get", ec, o.value());
        };
        (set(values), ...);
    });
}

BEHAVIOUR(option_broadcast) { walk<socket_base::broadcast>(out, true, false); }
BEHAVIOUR(option_do_not_route) { walk<socket_base::do_not_route>(out, true, false); }
BEHAVIOUR(option_keep_alive) { walk<socket_base::keep_alive>(out, true, false); }
BEHAVIOUR(option_reuse_address) { walk<socket_base::reuse_address>(out, true, false); }
BEHAVIOUR(option_out_of_band_inline) { walk<socket_base::out_of_band_inline>(out, true, false); }
BEHAVIOUR(option_enable_connection_aborted) { walk<socket_base::enable_connection_aborted>(out, true, false); }
BEHAVIOUR(option_no_delay) { walk<tcp::no_delay>(out, true, false); }
BEHAVIOUR(option_v6_only) { walk<ip::v6_only>(out, true, false); }
BEHAVIOUR(option_multicast_loopback) { walk<ip::multicast::enable_loopback>(out, true, false); }
BEHAVIOUR(option_multicast_hops) { walk<ip::multicast::hops>(out, 0, 1, 255); }
BEHAVIOUR(option_unicast_hops) { walk<ip::unicast::hops>(out, 1, 64, 255, 0, 256, -1); }
BEHAVIOUR(option_receive_low_watermark) { walk<socket_base::receive_low_watermark>(out, 1, 100, 0); }
BEHAVIOUR(option_send_low_watermark) { walk<socket_base::send_low_watermark>(out, 1, 100); }
BEHAVIOUR(option_not_sent_low_watermark) { walk<option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>>(out, 1, 16384, 0, -1); }

/// SO_DEBUG requires CAP_NET_ADMIN on Linux.
BEHAVIOUR(option_debug)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        socket_base::debug d;
        s.get_option(d, ec), out.say(kind, "by default", ec, d.value());
        s.set_option(socket_base::debug(true), ec);
        const bool refused = ec == asio::error::access_denied && ::geteuid() != 0;
        s.get_option(d), out.say(kind, "on", !ec || refused, d.value() || refused);
        s.set_option(socket_base::debug(false), ec), s.get_option(d), out.say(kind, "off", ec, d.value());
    });
}

BEHAVIOUR(option_linger)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        socket_base::linger l;
        s.get_option(l, ec), out.say(kind, "by default", ec, l.enabled(), l.timeout());
        s.set_option(socket_base::linger(true, 60), ec), s.get_option(l), out.say(kind, "on", ec, l.enabled(), l.timeout());
        s.set_option(socket_base::linger(true, 0), ec), s.get_option(l), out.say(kind, "zero", ec, l.enabled(), l.timeout());
        s.set_option(socket_base::linger(false, 60), ec), s.get_option(l), out.say(kind, "off", ec, l.enabled());
    });
}

template <class Option>
void sizes(report& out)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        Option o;
        for (const int v : {4096, 5000, 8192, 65536, 100'000, 2304, 0, 1, 1000}) {
            s.set_option(Option(v), ec);
            s.get_option(o), out.say(kind, v, "gives", ec, o.value());
        }
    });
}
BEHAVIOUR(option_send_buffer_size) { sizes<socket_base::send_buffer_size>(out); }
BEHAVIOUR(option_receive_buffer_size) { sizes<socket_base::receive_buffer_size>(out); }

V4_BEHAVIOUR(option_outbound_interface)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        s.set_option(ip::multicast::outbound_interface(asio::ip::make_address_v4("127.0.0.1")), ec), out.say(kind, "lo", ec);
        s.set_option(ip::multicast::outbound_interface(asio::ip::make_address_v4("203.0.113.9")), ec), out.say(kind, "none", ec);
        s.set_option(ip::multicast::outbound_interface(asio::ip::address_v4::any()), ec), out.say(kind, "any", ec);
    });
}

V4_BEHAVIOUR(option_groups)
{
    kinds all;
    const auto lo = asio::ip::make_address_v4("127.0.0.1"), group = asio::ip::make_address_v4("239.1.2.3");
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        s.set_option(ip::multicast::leave_group(group, lo), ec), out.say(kind, "leave before", ec);
        s.set_option(ip::multicast::join_group(group, lo), ec), out.say(kind, "join", ec);
        s.set_option(ip::multicast::join_group(group, lo), ec), out.say(kind, "join again", ec);
        s.set_option(ip::multicast::leave_group(group, lo), ec), out.say(kind, "leave", ec);
        s.set_option(ip::multicast::leave_group(group, lo), ec), out.say(kind, "leave again", ec);
        s.set_option(ip::multicast::join_group(lo, lo), ec), out.say(kind, "no group", ec);
    });
}

template <int Name>
struct timeout : tapio::test::value_option<SOL_SOCKET, Name, ::timeval>
{
    explicit timeout(long seconds = 0, long microseconds = 0)
        : tapio::test::value_option<SOL_SOCKET, Name, ::timeval>({seconds, microseconds})
    {
    }
    double seconds() const
    {
        return static_cast<double>(this->value().tv_sec) + static_cast<double>(this->value().tv_usec) / 1e6;
    }
};

template <int Name>
void timeouts(report& out)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        timeout<Name> t;
        s.get_option(t, ec), out.say(kind, "by default", ec, t.seconds());
        s.set_option(timeout<Name>(2, 500'000), ec), s.get_option(t), out.say(kind, "2.5", ec, t.seconds());
        s.set_option(timeout<Name>(0, 1'000'000), ec), s.get_option(t), out.say(kind, "no such fraction", ec, t.seconds());
        s.set_option(timeout<Name>(0, -1), ec), s.get_option(t), out.say(kind, "a negative one", ec, t.seconds());
        s.set_option(timeout<Name>(0, 0), ec), s.get_option(t), out.say(kind, "none", ec, t.seconds());
    });
}
BEHAVIOUR(option_receive_timeout) { timeouts<SO_RCVTIMEO>(out); }
BEHAVIOUR(option_send_timeout) { timeouts<SO_SNDTIMEO>(out); }

BEHAVIOUR(options_of_a_closed_socket)
{
    asio::io_context io;
    tcp::socket s(io);
    udp::socket u(io);
    tcp::acceptor a(io);
    error_code ec;
    s.set_option(socket_base::send_buffer_size(4096), ec), out.say("stream", ec);
    u.set_option(socket_base::broadcast(true), ec), out.say("datagram", ec);
    a.set_option(socket_base::reuse_address(true), ec), out.say("acceptor", ec);
    a.set_option(socket_base::enable_connection_aborted(true), ec), out.say("Asio's own", ec);
    socket_base::linger l;
    s.get_option(l, ec), out.say("get", ec);
    s.set_option(timeout<SO_RCVTIMEO>(1), ec), out.say("timeout", ec);
}

BEHAVIOUR(options_of_an_accepted_socket)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp_of_run());
    a.set_option(socket_base::do_not_route(true));
    a.set_option(socket_base::receive_low_watermark(7));
    a.set_option(socket_base::out_of_band_inline(true));
    a.set_option(socket_base::send_buffer_size(9000));
    a.set_option(ip::unicast::hops(9));
    a.set_option(timeout<SO_RCVTIMEO>(5));
    a.set_option(option::integer<IPPROTO_TCP, TCP_KEEPCNT>(3));
    a.set_option(option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>(4000));
    a.bind({local(), 0});
    a.listen();
    tcp::socket c(io), s(io);
    c.connect(a.local_endpoint());
    a.accept(s);
    socket_base::do_not_route d;
    socket_base::receive_low_watermark w;
    socket_base::out_of_band_inline o;
    socket_base::send_buffer_size b;
    ip::unicast::hops h;
    timeout<SO_RCVTIMEO> t;
    option::integer<IPPROTO_TCP, TCP_KEEPCNT> k;
    option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT> u;
    s.get_option(d), s.get_option(w), s.get_option(o), s.get_option(b), s.get_option(h), s.get_option(t);
    s.get_option(k), s.get_option(u);
    out.say("do_not_route", d.value());
    out.say("low watermark", w.value());
    out.say("in line", o.value());
    out.say("send buffer", b.value());
    out.say("hops", h.value());
    out.say("timeout", t.seconds());
    out.say("keep count", k.value());
    out.say("user timeout", u.value());
}

BEHAVIOUR(options_of_a_connection_that_was_reset)
{
    connected c;
    c.server.set_option(socket_base::linger(true, 0));
    c.server.close();
    c.client.wait(tcp::socket::wait_read);
    error_code ec;
    c.client.set_option(tcp::no_delay(true), ec), out.say("set", ec);
    tcp::no_delay n;
    c.client.get_option(n, ec), out.say("get", ec, n.value());
    c.client.set_option(socket_base::keep_alive(true), ec), out.say("keep_alive", ec);
    c.client.set_option(socket_base::send_buffer_size(5000), ec), out.say("send_buffer_size", ec);
}

BEHAVIOUR(ip_level_options_of_streams)
{
    kinds all;
    const auto one = [&](const char* name, auto o, int wanted) {
        all.each([&](const char* kind, auto& s) {
            error_code ec;
            s.set_option(decltype(o)(wanted), ec), out.say(name, kind, wanted, ec);
            s.get_option(o, ec), out.say(name, kind, "get", ec, o.value());
        });
    };
    one("IP_PKTINFO", ip_option<IP_PKTINFO, IPV6_RECVPKTINFO>(), 1);
    one("IP_RECVTTL", ip_option<IP_RECVTTL, IPV6_RECVHOPLIMIT>(), 1);
    one("IP_RECVTOS", ip_option<IP_RECVTOS, IPV6_RECVTCLASS>(), 1);
    one("IP_RECVERR", ip_option<IP_RECVERR, IPV6_RECVERR>(), 1);
    one("IP_MTU_DISCOVER", ip_option<IP_MTU_DISCOVER, IPV6_MTU_DISCOVER>(), 2);
    one("IP_MULTICAST_ALL", ip_option<IP_MULTICAST_ALL, ipv6_multicast_all>(), 0);
    one("IP_TOS", ip_option<IP_TOS, IPV6_TCLASS>(), 0x28);
    one("SO_TIMESTAMP", option::integer<SOL_SOCKET, SO_TIMESTAMP>(), 1);
    one("TCP_INQ", option::integer<IPPROTO_TCP, TCP_INQ>(), 1);
    one("IP_LOCAL_PORT_RANGE", option::integer<IPPROTO_IP, 51>(), (60999 << 16) | 60000);
    one("IP_LOCAL_PORT_RANGE upside down", option::integer<IPPROTO_IP, 51>(), (60000 << 16) | 60999);
}

} // namespace
} // namespace parity
