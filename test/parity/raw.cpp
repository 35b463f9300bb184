// Raw sockets: ICMP, and protocol 253 (for experiments, RFC 3692).
#include "observe.hpp"

#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parity {
namespace {

using asio::socket_base;
using icmp = ip::icmp;
using raw = net::generic::raw_protocol;

constexpr int experimental = 253;

/// A loopback address for this process: raw sockets also receive packets that other processes send to a shared address.
ip::address_v4 own(unsigned last = 1)
{
    const auto process = static_cast<unsigned>(::getpid());
    return ip::address_v4(127U << 24 | (1 + process / 250 % 250) << 16 | process % 250 << 8 | last);
}

/// Raw sockets require CAP_NET_RAW on Linux. Without it both programs print nothing.
bool has_permission()
{
    const int s = ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (s >= 0) ::close(s);
    return s >= 0;
}

#define RAW_BEHAVIOUR(name)                    \
    static void run_##name(report& out);       \
    BEHAVIOUR(name)                            \
    {                                          \
        if (has_permission()) run_##name(out); \
    }                                          \
    static void run_##name(report& out)

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

RAW_BEHAVIOUR(an_echo_and_its_answer)
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

RAW_BEHAVIOUR(an_echo_asynchronously)
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

RAW_BEHAVIOUR(an_unreachable_port_is_heard_by_icmp)
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

/// Two raw sockets of one protocol.
struct pair
{
    asio::io_context io;
    raw::socket a{io, raw(AF_INET, experimental)}, b{io, raw(AF_INET, experimental)};
    icmp::endpoint here{own(), 0};
    pair()
    {
        a.bind(here);
        b.bind(here);
    }
};

RAW_BEHAVIOUR(every_socket_of_a_protocol_has_a_copy)
{
    pair p;
    error_code ec;
    std::vector<char> v(100);
    p.a.non_blocking(true), p.b.non_blocking(true);
    raw::socket another(p.io, raw(AF_INET, experimental + 1));
    another.non_blocking(true);
    out.say("send_to", p.a.send_to(asio::buffer("hello", 5), p.here, 0, ec), ec);
    eventually([&] { return p.b.available() > 0; });
    out.say("available", p.b.available());
    raw::endpoint from;
    std::size_t n = p.b.receive_from(asio::buffer(v), from, 0, ec);
    out.say("the other", n, ec, std::string_view(v.data() + 20, 5));
    n = p.a.receive_from(asio::buffer(v), from, 0, ec);
    out.say("the sender", n, ec, std::string_view(v.data() + 20, 5));
    out.say("another protocol's", another.receive(asio::buffer(v), 0, ec), ec);
    out.say("no more", p.b.receive(asio::buffer(v), 0, ec), ec);
}

RAW_BEHAVIOUR(raw_names)
{
    pair p;
    error_code ec;
    icmp::socket s(p.io, icmp::v4());
    out.say("local", s.local_endpoint(ec), ec);
    (void)s.remote_endpoint(ec), out.say("remote", ec);
    s.bind({local(), 7}, ec), out.say("bind", ec, s.local_endpoint(ec));
    s.bind({local(), 0}, ec), out.say("bind again", ec);
    s.connect({local(), 9}, ec), out.say("connect", ec, s.remote_endpoint(ec));
    out.say("local", s.local_endpoint(ec), ec);
    icmp::socket t(p.io, icmp::v4());
    t.bind({ip::make_address("203.0.113.77"), 0}, ec), out.say("an address not ours", ec);
    t.connect({local(), 7}, ec), out.say("connect", ec);
    out.say("local", t.local_endpoint(ec)), out.say("remote", t.remote_endpoint(ec));
    t.connect({ip::make_address("127.0.0.5"), 8}, ec), out.say("elsewhere", ec);
    out.say("local", t.local_endpoint(ec)), out.say("remote", t.remote_endpoint(ec));
    t.connect({local(), 0}, ec), out.say("to port 0", ec);
    (void)t.remote_endpoint(ec), out.say("is none, for the kernel", ec);
}

RAW_BEHAVIOUR(raw_calls_without_a_peer)
{
    pair p;
    error_code ec;
    std::vector<char> v(100);
    out.say("send", p.a.send(asio::buffer("x", 1), 0, ec), ec);
    p.a.shutdown(socket_base::shutdown_receive, ec), out.say("shutdown", ec);
    p.a.non_blocking(true);
    out.say("receive", p.a.receive(asio::buffer(v), 0, ec), ec);
    const std::vector<char> much(66'000);
    out.say("much", p.b.send_to(asio::buffer(much), p.here, 0, ec), ec);
    out.say("as much as there can be", p.b.send_to(asio::buffer(much, 65'515), p.here, 0, ec), ec);
    out.say("one more", p.b.send_to(asio::buffer(much, 65'516), p.here, 0, ec), ec);
    out.say("nothing", p.b.send_to(asio::buffer(much, 0), p.here, 0, ec), ec);
    out.say("to port 77", p.b.send_to(asio::buffer("x", 1), icmp::endpoint(own(), 77), 0, ec), ec);
    const icmp::endpoint everyone(ip::make_address("127.255.255.255"), 0);
    out.say("broadcast", p.b.send_to(asio::buffer("x", 1), everyone, 0, ec), ec);
    p.b.connect(everyone, ec), out.say("connect to broadcast", ec);
    p.b.set_option(socket_base::broadcast(true));
    out.say("with leave", p.b.send_to(asio::buffer("x", 1), everyone, 0, ec), ec);
    out.say("at_mark", p.b.at_mark(ec), ec);
}

RAW_BEHAVIOUR(raw_connected)
{
    pair p;
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
    pair p;
    error_code ec;
    std::vector<char> v(22);
    for (int i = 0; i < 3; ++i) p.a.send_to(asio::buffer("hello", 5), p.here);
    out.say("peek", p.b.receive(asio::buffer(v), socket_base::message_peek, ec), ec, std::string_view(v.data() + 20, 2));
    out.say("MSG_TRUNC", p.b.receive(asio::buffer(v), MSG_TRUNC, ec), ec);
    out.say("cut", p.b.receive(asio::buffer(v), 0, ec), ec, std::string_view(v.data() + 20, 2));
    p.b.async_receive(asio::buffer(v), [&](error_code e, std::size_t n) { out.say("async", e, n); });
    p.io.run_for(200ms);
}

RAW_BEHAVIOUR(raw_in_pieces_by_more)
{
    pair p;
    error_code ec;
    std::vector<char> v(100);
    out.say("first", p.a.send_to(asio::buffer("ab", 2), p.here, MSG_MORE, ec), ec);
    p.b.non_blocking(true);
    out.say("nothing has gone", p.b.receive(asio::buffer(v), 0, ec), ec);
    out.say("last", p.a.send_to(asio::buffer("c", 1), p.here, 0, ec), ec);
    p.b.non_blocking(false);
    out.say("comes", p.b.receive(asio::buffer(v), 0, ec), ec, std::string_view(v.data() + 20, 3));
}

RAW_BEHAVIOUR(raw_copies_of_datagrams)
{
    asio::io_context io;
    raw::socket s(io, raw(AF_INET, IPPROTO_UDP));
    s.bind(icmp::endpoint(own(), 0));
    udp::socket a(io, udp::endpoint(own(), 0)), b(io, udp::endpoint(own(), 0));
    error_code ec;
    std::vector<unsigned char> v(100);
    a.send_to(asio::buffer("hello", 5), b.local_endpoint());
    out.say("comes", s.receive(asio::buffer(v), 0, ec), ec);
    out.say("source port and length", v[20] * 256 + v[21] == a.local_endpoint().port(), v[24] * 256 + v[25]);
    b.wait(udp::socket::wait_read);
    out.say("and to whom it was for", b.available());
}

RAW_BEHAVIOUR(raw_options)
{
    pair p;
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
    one("IP_TOS", option::integer<IPPROTO_IP, IP_TOS>(), 0x28);
    one("IP_MTU_DISCOVER", option::integer<IPPROTO_IP, IP_MTU_DISCOVER>(), 2);
    one("SO_TYPE", option::integer<SOL_SOCKET, SO_TYPE>(), 1);
    one("SO_PROTOCOL", option::integer<SOL_SOCKET, SO_PROTOCOL>(), 1);
    one("UDP_CORK", option::integer<IPPROTO_UDP, 1>(), 1);
    one("TCP_NODELAY", option::integer<IPPROTO_TCP, 1>(), 1);
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
        s.open(raw(AF_INET, protocol), ec), out.say("protocol", protocol, ec);
    }
    icmp::socket s(io);
    (void)s.available(ec), out.say("closed: available", ec);
    s.bind({local(), 0}, ec), out.say("closed: bind", ec);
    char octet = 0;
    out.say("closed: receive", s.receive(asio::buffer(&octet, 1), 0, ec), ec);
    s.open(icmp::v4(), ec), out.say("open", ec);
    s.open(icmp::v4(), ec), out.say("open again", ec);
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
