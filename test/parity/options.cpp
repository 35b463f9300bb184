// Socket options by number: defaults, values read back, errors.
#include "observe.hpp"

#include <netinet/tcp.h>

namespace parity {
namespace {

using asio::socket_base;

template <class Option, class Socket>
void boolean(report& out, Socket& s, const char* name)
{
    Option o;
    error_code ec;
    s.get_option(o, ec), out.say(name, "by default", ec, o.value());
    s.set_option(Option(true), ec), s.get_option(o), out.say(name, "on", ec, o.value());
    s.set_option(Option(false), ec), s.get_option(o), out.say(name, "off", ec, o.value());
}

template <class Option, class Socket>
void integer(report& out, Socket& s, const char* name, std::initializer_list<int> values, bool with_default = true)
{
    Option o;
    error_code ec;
    if (with_default) s.get_option(o, ec), out.say(name, "by default", ec, o.value());
    for (const int v : values) {
        s.set_option(Option(v), ec);
        const error_code set = ec;
        s.get_option(o, ec), out.say(name, v, "gives", set, ec, o.value());
    }
}
template <int Level, int Name, class Socket>
void integer(report& out, Socket& s, const char* name, std::initializer_list<int> values, bool with_default = true)
{
    integer<asio::detail::socket_option::integer<Level, Name>>(out, s, name, values, with_default);
}

BEHAVIOUR(tcp_options)
{
    asio::io_context io;
    tcp::socket s(io, tcp_of_run());
    boolean<tcp::no_delay>(out, s, "no_delay");
    boolean<socket_base::keep_alive>(out, s, "keep_alive");
    boolean<socket_base::reuse_address>(out, s, "reuse_address");
    boolean<socket_base::broadcast>(out, s, "broadcast");
    boolean<socket_base::out_of_band_inline>(out, s, "out_of_band_inline");
    boolean<asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>>(out, s, "reuse_port");
    boolean<asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_CORK>>(out, s, "cork");
    integer<IPPROTO_TCP, TCP_KEEPIDLE>(out, s, "keep_idle", {1, 100, 32767, 0, -1, 32768});
    integer<IPPROTO_TCP, TCP_KEEPINTVL>(out, s, "keep_interval", {1, 10, 32767, 0, 40000});
    integer<IPPROTO_TCP, TCP_KEEPCNT>(out, s, "keep_count", {1, 127, 0, 128});
    integer<IPPROTO_TCP, TCP_USER_TIMEOUT>(out, s, "user_timeout", {5000, 0, -1});
    integer<IPPROTO_TCP, TCP_SYNCNT>(out, s, "syn_count", {1, 3, 127, 0, 128}, false);
    integer<IPPROTO_TCP, TCP_LINGER2>(out, s, "linger2", {5, -1}, false);
    integer<IPPROTO_TCP, TCP_MAXSEG>(out, s, "max_segment", {87, 10, 40000}, false);
    integer<ip_option<IP_TTL, IPV6_UNICAST_HOPS>>(out, s, "ttl", {1, 255, 0, 256, -1});
    integer<ip_option<IP_TOS, IPV6_TCLASS>>(out, s, "tos", {0x10, 0xfc});
    integer<SOL_SOCKET, SO_RCVLOWAT>(out, s, "receive_low_watermark", {100, 1});
}

BEHAVIOUR(linger)
{
    asio::io_context io;
    tcp::socket s(io, tcp_of_run());
    socket_base::linger l;
    s.get_option(l), out.say("by default", l.enabled(), l.timeout());
    s.set_option(socket_base::linger(true, 30)), s.get_option(l), out.say("on", l.enabled(), l.timeout());
    s.set_option(socket_base::linger(false, 0)), s.get_option(l), out.say("off", l.enabled());
}

BEHAVIOUR(buffer_sizes)
{
    asio::io_context io;
    tcp::socket s(io, tcp_of_run());
    error_code ec;
    socket_base::receive_buffer_size r;
    socket_base::send_buffer_size w;
    s.set_option(socket_base::receive_buffer_size(30'000), ec), out.say("receive", ec);
    s.get_option(r), out.say("at least what was asked for", r.value() >= 30'000);
    s.set_option(socket_base::send_buffer_size(30'000), ec), out.say("send", ec);
    s.get_option(w), out.say("at least what was asked for", w.value() >= 30'000);
    s.set_option(socket_base::send_low_watermark(100), ec), out.say("send_low_watermark", ec);
    s.set_option(socket_base::receive_buffer_size(0), ec), out.say("receive, nothing", ec);
    s.get_option(r), out.say("still something", r.value() > 0);
}

BEHAVIOUR(udp_options)
{
    asio::io_context io;
    udp::socket s(io, udp_of_run());
    boolean<socket_base::broadcast>(out, s, "broadcast");
    boolean<socket_base::reuse_address>(out, s, "reuse_address");
    error_code ec;
    s.set_option(tcp::no_delay(true), ec), out.say("no_delay", ec);
    integer<ip_option<IP_TTL, IPV6_UNICAST_HOPS>>(out, s, "ttl", {1, 255, 0, 256});
    ip::multicast::hops hops;
    s.get_option(hops, ec), out.say("multicast hops", ec, hops.value());
    s.set_option(ip::multicast::hops(7), ec), s.get_option(hops), out.say("multicast hops", ec, hops.value());
    ip::multicast::enable_loopback loop;
    s.get_option(loop, ec), out.say("multicast loopback", ec, loop.value());
    s.set_option(ip::multicast::enable_loopback(false), ec), s.get_option(loop), out.say("multicast loopback", ec, loop.value());
    ip::unicast::hops u;
    s.set_option(ip::unicast::hops(9), ec), s.get_option(u), out.say("unicast hops", ec, u.value());
}

BEHAVIOUR(unknown_options)
{
    asio::io_context io;
    tcp::socket s(io, tcp_of_run());
    error_code ec;
    asio::detail::socket_option::integer<IPPROTO_TCP, 9999> o(1);
    s.set_option(o, ec), out.say("set", ec);
    s.get_option(o, ec), out.say("get", ec);
    asio::detail::socket_option::integer<SOL_SOCKET, SO_TYPE> type;
    s.get_option(type, ec), out.say("SO_TYPE", ec, type.value() == SOCK_STREAM);
    asio::detail::socket_option::integer<SOL_SOCKET, SO_PROTOCOL> protocol;
    s.get_option(protocol, ec), out.say("SO_PROTOCOL", ec, protocol.value());
    asio::detail::socket_option::integer<SOL_SOCKET, SO_DOMAIN> domain;
    s.get_option(domain, ec), out.say("SO_DOMAIN", ec, domain.value() == tcp_of_run().family());
    asio::detail::socket_option::integer<SOL_SOCKET, SO_ACCEPTCONN> listening;
    s.get_option(listening, ec), out.say("SO_ACCEPTCONN", ec, listening.value());
    tcp::acceptor a(io, tcp::endpoint(local(), 0));
    a.get_option(listening, ec), out.say("SO_ACCEPTCONN", ec, listening.value());
}

BEHAVIOUR(io_control)
{
    connected c;
    error_code ec;
    socket_base::bytes_readable b;
    c.server.io_control(b, ec), out.say("bytes_readable", ec, b.get());
    asio::write(c.client, asio::buffer("four", 4));
    c.server.wait(tcp::socket::wait_read);
    c.server.io_control(b, ec), out.say("bytes_readable", ec, b.get());
}

BEHAVIOUR(non_blocking_modes)
{
    asio::io_context io;
    tcp::socket s(io, tcp_of_run());
    out.say("by default", s.non_blocking(), s.native_non_blocking());
    s.non_blocking(true);
    out.say("non_blocking on", s.non_blocking());
    s.non_blocking(false);
    out.say("off", s.non_blocking());
}

} // namespace
} // namespace parity
