// Raw sockets: ICMP, and protocol 253 (for experiments, RFC 3692).
#include "raw.hpp"

#include <array>
#include <cstdint>
#include <netinet/in.h>

namespace parity {
namespace {

using asio::socket_base;

/// An ICMP echo request with its checksum.
std::string echo_request(std::uint16_t identifier, std::uint16_t sequence, const std::string& data)
{
    std::string m{8, 0, 0, 0};
    for (const unsigned n : {unsigned{identifier}, unsigned{sequence}})
        m += {static_cast<char>(n >> 8), static_cast<char>(n & 0xff)};
    m += data;
    m[0] = 8;
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < m.size(); i += 2)
        sum += static_cast<unsigned>(static_cast<unsigned char>(m[i])) << 8 |
               (i + 1 < m.size() ? static_cast<unsigned char>(m[i + 1]) : 0U);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    m[2] = static_cast<char>(~sum >> 8), m[3] = static_cast<char>(~sum & 0xff);
    return m;
}

struct received
{
    error_code ec;
    std::size_t size = 0;
    icmp::endpoint from;
    std::vector<unsigned char> octets = std::vector<unsigned char>(2000);

    std::size_t header() const { return std::size_t{octets[0]} % 16 * 4; }
    int type() const { return octets[header()]; }
    int code() const { return octets[header() + 1]; }
    std::string data(std::size_t at) const
    {
        return {octets.begin() + static_cast<std::ptrdiff_t>(header() + at), octets.begin() + static_cast<std::ptrdiff_t>(size)};
    }
};
received receive(icmp::socket& s)
{
    received r;
    r.size = s.receive_from(asio::buffer(r.octets), r.from, 0, r.ec);
    return r;
}
void say_header(report& out, const received& r)
{
    const auto& o = r.octets;
    out.say("  version and length", o[0] / 16, r.header());
    out.say("  total length", o[2] * 256 + o[3] == static_cast<int>(r.size));
    out.say("  ttl and protocol", +o[8], +o[9]);
    out.say("  from", ip::address_v4({o[12], o[13], o[14], o[15]}) == own());
    out.say("  to", ip::address_v4({o[16], o[17], o[18], o[19]}) == own());
    out.say("  sender", r.from == icmp::endpoint(own(), 0));
}

V4_RAW_BEHAVIOUR(an_echo_and_its_answer)
{
    asio::io_context io;
    icmp::socket s(io, {own(), 0});
    error_code ec;
    const std::string request = echo_request(0x1234, 1, "hello");
    out.say("send_to", s.send_to(asio::buffer(request), {own(), 0}, 0, ec), ec);
    for (int i = 0; i < 2; ++i) { // on the loopback the socket receives its own request as well
        const received r = receive(s);
        out.say("comes", r.ec, r.size, r.type(), r.code(), r.data(8));
        say_header(out, r);
    }
    s.non_blocking(true);
    out.say("no more", receive(s).ec);
}

V4_RAW_BEHAVIOUR(an_echo_asynchronously)
{
    asio::io_context io;
    icmp::socket s(io, {own(), 0});
    const std::string request = echo_request(0x1235, 1, "hello");
    std::vector<char> v(100);
    icmp::endpoint from;
    int left = 2;
    std::function<void()> receive_next = [&] {
        s.async_receive_from(asio::buffer(v), from, [&](error_code ec, std::size_t n) {
            out.say("comes", ec, n, from.address() == own(), int{v[20]});
            if (--left > 0) receive_next();
        });
    };
    receive_next();
    s.async_send_to(asio::buffer(request), {own(), 0}, [&](error_code ec, std::size_t n) { out.say("sent", ec, n); });
    io.run_for(500ms);
    out.say("left", left);
}

V4_RAW_BEHAVIOUR(an_unreachable_port_is_heard_by_icmp)
{
    asio::io_context io;
    icmp::socket s(io, {own(), 0});
    udp::socket u(io, udp::endpoint(own(), 0)), gone(io, udp::endpoint(own(), 0));
    const auto nobody = gone.local_endpoint();
    gone.close();
    u.send_to(asio::buffer("xyz", 3), nobody);
    const received r = receive(s);
    out.say("comes", r.ec, r.size, r.type(), r.code(), r.data(8 + 20 + 8));
    say_header(out, r);
}

RAW_BEHAVIOUR(every_socket_of_a_protocol_has_a_copy)
{
    raw_pair p;
    error_code ec;
    std::vector<char> v(100);
    p.a.non_blocking(true), p.b.non_blocking(true);
    raw::socket another(p.io, raw(family_of_run(), experimental + 1));
    another.non_blocking(true);
    out.say("send_to", p.a.send_to(asio::buffer("hello", 5), p.here, 0, ec), ec);
    eventually([&] { return p.b.available() > 0; });
    out.say("available", p.b.available());
    raw::endpoint from;
    std::size_t n = p.b.receive_from(asio::buffer(v), from, 0, ec);
    out.say("the other", n, ec, std::string_view(v.data() + ip_header(), 5));
    n = p.a.receive_from(asio::buffer(v), from, 0, ec);
    out.say("the sender", n, ec, std::string_view(v.data() + ip_header(), 5));
    out.say("another protocol's", another.receive(asio::buffer(v), 0, ec), ec);
    out.say("no more", p.b.receive(asio::buffer(v), 0, ec), ec);
}

RAW_BEHAVIOUR(raw_names)
{
    raw_pair p;
    error_code ec;
    icmp::socket s(p.io, of_run<icmp>());
    out.say("local", s.local_endpoint(ec), ec);
    (void)s.remote_endpoint(ec), out.say("remote", ec);
    s.bind({local(), 7}, ec), out.say("bind", ec, s.local_endpoint(ec));
    s.bind({local(), 0}, ec), out.say("bind again", ec);
    s.connect({local(), 9}, ec), out.say("connect", ec, s.remote_endpoint(ec));
    out.say("local", s.local_endpoint(ec), ec);
    icmp::socket t(p.io, of_run<icmp>());
    t.bind({not_ours(), 0}, ec), out.say("an address not ours", ec);
    t.connect({local(), 7}, ec), out.say("connect", ec);
    out.say("local", t.local_endpoint(ec)), out.say("remote", t.remote_endpoint(ec));
    t.connect({either("127.0.0.5", "::1"), 8}, ec), out.say("elsewhere", ec);
    out.say("local", t.local_endpoint(ec)), out.say("remote", t.remote_endpoint(ec));
    t.connect({local(), 0}, ec), out.say("to port 0", ec);
    (void)t.remote_endpoint(ec), out.say("is none, for the kernel", ec);
}

RAW_BEHAVIOUR(raw_calls_without_a_peer)
{
    raw_pair p;
    error_code ec;
    std::vector<char> v(100);
    out.say("send", p.a.send(asio::buffer("x", 1), 0, ec), ec);
    p.a.shutdown(socket_base::shutdown_receive, ec), out.say("shutdown", ec);
    p.a.non_blocking(true);
    out.say("receive", p.a.receive(asio::buffer(v), 0, ec), ec);
    const std::vector<char> much(66'000);
    out.say("much", p.b.send_to(asio::buffer(much), p.here, 0, ec), ec);
    const std::size_t most = over_v6() ? 65'535 : 65'535 - 20; // IPv6: the field of the payload's length; IPv4: of the whole
    out.say("as much as there can be", p.b.send_to(asio::buffer(much, most), p.here, 0, ec), ec);
    out.say("one more", p.b.send_to(asio::buffer(much, most + 1), p.here, 0, ec), ec);
    out.say("nothing", p.b.send_to(asio::buffer(much, 0), p.here, 0, ec), ec);
    out.say("to port 77", p.b.send_to(asio::buffer("x", 1), icmp::endpoint(own(), 77), 0, ec), ec);
    out.say("at_mark", p.b.at_mark(ec), ec);
    if (over_v6()) return; // which has no broadcast
    const icmp::endpoint everyone(ip::make_address("127.255.255.255"), 0);
    out.say("broadcast", p.b.send_to(asio::buffer("x", 1), everyone, 0, ec), ec);
    p.b.connect(everyone, ec), out.say("connect to broadcast", ec);
    p.b.set_option(socket_base::broadcast(true));
    out.say("with leave", p.b.send_to(asio::buffer("x", 1), everyone, 0, ec), ec);
}

V4_RAW_BEHAVIOUR(raw_connected)
{
    raw_pair p;
    error_code ec;
    std::vector<char> v(100);
    p.a.connect(p.here, ec), out.say("connect", ec);
    out.say("send", p.a.send(asio::buffer("abc", 3), 0, ec), ec);
    out.say("receive", p.b.receive(asio::buffer(v), 0, ec), ec, std::string_view(v.data() + 20, 3));
    out.say("own copy", p.a.receive(asio::buffer(v), 0, ec), ec);
    p.b.bind(icmp::endpoint(own(2), 0), ec), out.say("bind elsewhere", ec);
    out.say("send", p.a.send(asio::buffer("abc", 3), 0, ec), ec);
    eventually([&] { return p.a.available() > 0; });
    p.b.non_blocking(true);
    out.say("is not for that address", p.b.receive(asio::buffer(v), 0, ec), ec);
    p.b.send_to(asio::buffer("de", 2), p.here, 0, ec), out.say("send_to", ec);
    p.a.receive(asio::buffer(v));
    p.a.non_blocking(true);
    out.say("from that address does not come", p.a.receive(asio::buffer(v), 0, ec), ec);
    p.a.shutdown(socket_base::shutdown_send, ec), out.say("shutdown send", ec);
    out.say("send", p.a.send(asio::buffer("abc", 3), 0, ec), ec);
    p.a.shutdown(socket_base::shutdown_receive, ec), out.say("shutdown receive", ec);
    p.a.non_blocking(false);
    out.say("receive", p.a.receive(asio::buffer(v), 0, ec), ec);
}

RAW_BEHAVIOUR(raw_packets_longer_than_the_buffer)
{
    raw_pair p;
    error_code ec;
    std::vector<char> v(ip_header() + 2);
    for (int i = 0; i < 3; ++i) p.a.send_to(asio::buffer("hello", 5), p.here);
    out.say("peek", p.b.receive(asio::buffer(v), socket_base::message_peek, ec), ec, std::string_view(v.data() + ip_header(), 2));
    out.say("MSG_TRUNC", p.b.receive(asio::buffer(v), MSG_TRUNC, ec), ec);
    out.say("cut", p.b.receive(asio::buffer(v), 0, ec), ec, std::string_view(v.data() + ip_header(), 2));
    p.b.async_receive(asio::buffer(v), [&](error_code e, std::size_t n) { out.say("async", e, n); });
    p.io.run_for(200ms);
}

RAW_BEHAVIOUR(raw_in_pieces_by_more)
{
    raw_pair p;
    error_code ec;
    std::vector<char> v(100);
    out.say("first", p.a.send_to(asio::buffer("ab", 2), p.here, MSG_MORE, ec), ec);
    p.b.non_blocking(true);
    out.say("nothing has gone", p.b.receive(asio::buffer(v), 0, ec), ec);
    out.say("last", p.a.send_to(asio::buffer("c", 1), p.here, 0, ec), ec);
    p.b.non_blocking(false);
    out.say("comes", p.b.receive(asio::buffer(v), 0, ec), ec, std::string_view(v.data() + ip_header(), 3));
}

RAW_BEHAVIOUR(raw_copies_of_datagrams)
{
    asio::io_context io;
    raw::socket s(io, raw(family_of_run(), IPPROTO_UDP));
    s.bind(icmp::endpoint(own(), 0));
    udp::socket a(io, udp::endpoint(own(), 0)), b(io, udp::endpoint(own(), 0));
    error_code ec;
    std::vector<unsigned char> v(100);
    a.send_to(asio::buffer("hello", 5), b.local_endpoint());
    const unsigned char* const header = v.data() + ip_header();
    const auto is_ours = [&] { return header[0] * 256 + header[1] == a.local_endpoint().port(); };
    std::size_t n = 0;
    do n = s.receive(asio::buffer(v), 0, ec);
    while (over_v6() && !ec && !is_ours()); // ::1 is shared with other processes
    out.say("comes", n, ec);
    out.say("source port and length", is_ours(), header[4] * 256 + header[5]);
    b.wait(udp::socket::wait_read);
    out.say("and to whom it was for", b.available());
}

RAW_BEHAVIOUR(raw_options)
{
    raw_pair p;
    icmp::socket s(p.io, {own(), 0});
    error_code ec;
    const auto one = [&](const char* name, auto o, int wanted) {
        using option = decltype(o);
        s.get_option(o, ec), out.say(name, "by default", ec, o.value());
        s.set_option(option(wanted), ec), out.say(name, "set", ec);
        s.get_option(o, ec), out.say(name, "get", ec, o.value());
    };
    namespace option = asio::detail::socket_option;
    one("broadcast", socket_base::broadcast(), 1);
    one("reuse_address", socket_base::reuse_address(), 1);
    one("receive_low_watermark", socket_base::receive_low_watermark(), 7);
    one("hops", ip::unicast::hops(), 3);
    one("multicast hops", ip::multicast::hops(), 3);
    one("IP_TOS", ip_option<IP_TOS, IPV6_TCLASS>(), 0x28);
    one("IP_MTU_DISCOVER", ip_option<IP_MTU_DISCOVER, IPV6_MTU_DISCOVER>(), 2);
    one("SO_TYPE", option::integer<SOL_SOCKET, SO_TYPE>(), 1);
    one("SO_PROTOCOL", option::integer<SOL_SOCKET, SO_PROTOCOL>(), 1);
    one("UDP_CORK", option::integer<IPPROTO_UDP, 1>(), 1);
    one("TCP_NODELAY", option::integer<IPPROTO_TCP, 1>(), 1);
    if (over_v6()) return; // which has no header to look at
    const std::string request = echo_request(0x1236, 1, "");
    s.send_to(asio::buffer(request), {own(), 0});
    const received r = receive(s);
    out.say("its request", r.type(), +r.octets[8], +r.octets[1]);
}

RAW_BEHAVIOUR(raw_opening)
{
    asio::io_context io;
    error_code ec;
    for (const int protocol : {0, 1, 253, 255}) {
        raw::socket s(io);
        s.open(raw(family_of_run(), protocol), ec), out.say("protocol", protocol, ec);
    }
    icmp::socket s(io);
    (void)s.available(ec), out.say("closed: available", ec);
    s.bind({local(), 0}, ec), out.say("closed: bind", ec);
    char octet = 0;
    out.say("closed: receive", s.receive(asio::buffer(&octet, 1), 0, ec), ec);
    s.open(of_run<icmp>(), ec), out.say("open", ec);
    s.open(of_run<icmp>(), ec), out.say("open again", ec);
    s.async_receive(asio::buffer(&octet, 1), [&](error_code e, std::size_t n) { out.say("cancelled", e, n); });
    s.cancel();
    io.run_for(100ms);
    io.restart();
    s.async_receive(asio::buffer(&octet, 1), [&](error_code e, std::size_t n) { out.say("closed", e, n); });
    s.close();
    io.run_for(100ms);
}

} // namespace
} // namespace parity
