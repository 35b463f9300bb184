// ICMP datagram sockets.
#include "packets.hpp"

namespace parity {
namespace {

std::string request(unsigned sequence, const std::string& data)
{
    std::string m(8, '\0');
    m[0] = static_cast<char>(over_v6() ? 128 : 8);
    m[4] = m[5] = '\x77';
    m[6] = static_cast<char>(sequence >> 8), m[7] = static_cast<char>(sequence & 0xff);
    return m + data;
}
ping protocol() { return of_run<ping>(); }
ping::endpoint here(unsigned short identifier = 0) { return {local(), identifier}; }

struct received
{
    error_code ec;
    std::size_t size = 0;
    ping::endpoint from;
    std::string octets = std::string(70'000, '\0');

    unsigned at(std::size_t n) const { return static_cast<unsigned char>(octets[n]); }
    unsigned number(std::size_t n) const { return at(n) << 8 | at(n + 1); }
    std::string data() const { return octets.substr(8, size < 8 ? 0 : size - 8); }
};
received receive(ping::socket& s)
{
    received r;
    r.size = s.receive_from(asio::buffer(r.octets), r.from, 0, r.ec);
    return r;
}
error_code send(ping::socket& s, const std::string& m, const ping::endpoint& to, int flags = 0)
{
    error_code ec;
    s.send_to(asio::buffer(m), to, flags, ec);
    return ec;
}

BEHAVIOUR(an_echo_goes_around)
{
    asio::io_context io;
    ping::socket s(io, protocol()), other(io, protocol());
    other.bind(here());
    out.say("unbound", s.local_endpoint().port(), s.local_endpoint().address());
    out.say("sent", send(s, request(300, "hello"), here()));
    const received r = receive(s);
    out.say("reply", r.ec, r.size, r.at(0), r.at(1), r.number(6), r.data());
    out.say("identifier", r.number(4) == s.local_endpoint().port(), s.local_endpoint().port() != 0);
    out.say("sender", r.from.address(), r.from.port());
    out.say("still any", s.local_endpoint().address());
    other.non_blocking(true);
    out.say("the other", receive(other).ec);
    s.non_blocking(true);
    out.say("no more", receive(s).ec);
}

BEHAVIOUR(long_and_short_echoes)
{
    asio::io_context io;
    ping::socket s(io, protocol());
    for (const std::size_t size : {0U, 1U, 1000U, 5000U, 65'000U}) {
        out.say("send", size, send(s, request(1, std::string(size, 'x')), here()));
        const received r = receive(s);
        out.say("receive", r.ec, r.size, r.data() == std::string(size, 'x'));
    }
    std::string small(10, '.');
    send(s, request(1, "long"), here());
    ping::endpoint from;
    error_code ec;
    out.say("truncated", s.receive_from(asio::buffer(small), from, 0, ec), ec);
}

BEHAVIOUR(only_requests_are_sent)
{
    asio::io_context io;
    ping::socket s(io, protocol());
    for (const unsigned type : {0U, 1U, 3U, 5U, 8U, 13U, 42U, 128U, 129U, 135U, 160U}) {
        if (type == 42 || type == 160) continue; // extended echo (RFC 8335) is newer than some kernels
        std::string m = request(1, "");
        m[0] = static_cast<char>(type);
        out.say("type", type, send(s, m, here()));
    }
    std::string code = request(1, "");
    code[1] = 1;
    out.say("code 1", send(s, code, here()));
    for (const std::size_t size : {0U, 1U, 7U}) out.say("size", size, send(s, request(1, "").substr(0, size), here()));
    out.say("65536 octets", send(s, request(1, std::string(65528, 'x')), here()));
    out.say("out of band", send(s, request(1, ""), here(), MSG_OOB));
    error_code ec;
    s.send(asio::buffer(request(1, "")), 0, ec);
    out.say("without a destination", ec);
    if (over_v6()) out.say("to an IPv4 address", send(s, request(1, ""), {ip::make_address("::ffff:127.0.0.1"), 0}));
}

BEHAVIOUR(identifiers_are_local_ports)
{
    asio::io_context io;
    ping::socket a(io, protocol()), b(io, protocol()), c(io, protocol());
    error_code ec;
    a.bind(here(4711), ec);
    out.say("bind", ec, a.local_endpoint().port());
    a.bind(here(4712), ec);
    out.say("again", ec);
    b.set_option(asio::socket_base::reuse_address(false));
    b.bind(here(4711), ec);
    out.say("taken", ec);
    b.bind({not_ours(), 4713}, ec);
    out.say("not ours", ec);
    b.bind({either("224.0.0.1", "ff02::1"), 4713}, ec);
    out.say("a group", ec != error_code());
    b.bind(here(4713), ec);
    out.say("free", ec);
    send(b, request(1, "x"), here());
    out.say("reply", receive(b).number(4));
    c.bind(here(4711), ec);
    out.say("shared", ec);
    send(c, request(2, "x"), here());
    out.say("reply", receive(c).number(6));
}

BEHAVIOUR(connected_pings)
{
    asio::io_context io;
    ping::socket s(io, protocol());
    error_code ec;
    s.connect(here(), ec);
    out.say("connect", ec, s.local_endpoint().address(), s.local_endpoint().port() != 0);
    s.remote_endpoint(ec);
    out.say("remote, of port 0", ec);
    s.send(asio::buffer(request(1, "x")), 0, ec);
    out.say("send", ec);
    std::string memory(100, '.');
    out.say("receive", s.receive(asio::buffer(memory), 0, ec), ec);
    s.connect(here(9), ec);
    out.say("remote", s.remote_endpoint(ec).port(), ec);
    s.shutdown(asio::socket_base::shutdown_send, ec);
    out.say("shutdown", ec);
    s.send(asio::buffer(request(1, "x")), 0, ec);
    out.say("send afterwards", ec);
}

BEHAVIOUR(options_of_pings)
{
    asio::io_context io;
    ping::socket s(io, protocol());
    error_code ec;
    for (const int name : {SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN}) {
        int_option o(SOL_SOCKET, name);
        s.get_option(o, ec);
        out.say("option", name, ec, o.value());
    }
    for (const int value : {0, 1, 64, 255, 256}) {
        s.set_option(int_option(over_v6() ? IPPROTO_IPV6 : IPPROTO_IP, over_v6() ? IPV6_UNICAST_HOPS : IP_TTL, value), ec);
        out.say("hops", value, ec);
    }
    s.set_option(int_option(over_v6() ? IPPROTO_IPV6 : IPPROTO_IP, over_v6() ? IPV6_TCLASS : IP_TOS, 8), ec);
    out.say("class", ec);
    s.set_option(int_option(over_v6() ? IPPROTO_IPV6 : IPPROTO_IP, over_v6() ? IPV6_RECVERR : IP_RECVERR, 1), ec);
    out.say("errors", ec);
    s.set_option(int_option(IPPROTO_IP, IP_HDRINCL, 1), ec);
    out.say("no raw socket", ec);
}

BEHAVIOUR(a_program_filters_pings)
{
    asio::io_context io;
    ping::socket s(io, protocol());
    const auto type = static_cast<unsigned>(over_v6() ? 129 : 0);
    out.say("attach", attach(s, {{0x30, 0, 0, 0}, {0x15, 0, 1, type}, {0x06, 0, 0, 9}, {0x06, 0, 0, 0}})); // by the reply's type
    send(s, request(1, "abc"), here());
    const received r = receive(s);
    out.say("cut", r.size, r.data());
    out.say("attach", attach(s, {{0x06, 0, 0, 0}}));
    send(s, request(1, "abc"), here());
    s.non_blocking(true);
    out.say("refused", receive(s).ec);
    error_code ec;
    s.set_option(int_option(SOL_SOCKET, SO_DETACH_FILTER), ec);
    out.say("detach", ec);
    s.set_option(int_option(SOL_SOCKET, SO_DETACH_FILTER), ec);
    out.say("again", ec);
}

} // namespace
} // namespace parity
