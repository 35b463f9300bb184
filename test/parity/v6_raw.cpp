// Raw ICMPv6 sockets (RFC 3542 §3): checksums, what they receive, and names.
#include "raw.hpp"
#include "v6.hpp"

#include <cstdint>
#include <netinet/icmp6.h>

namespace parity {
namespace {

using asio::socket_base;

constexpr unsigned char echo = 128, echo_reply = 129, unreachable = 1; // RFC 4443
constexpr std::size_t v6_header = 40, udp_header = 8, icmp_header = 8;

/// An echo request without a checksum. The identifier is that of this process, since ::1 is shared with others.
std::string request(unsigned sequence, const std::string& data)
{
    const auto process = static_cast<unsigned>(::getpid());
    std::string m(icmp_header, '\0');
    m[0] = static_cast<char>(echo);
    m[4] = static_cast<char>(process >> 8 & 0xff), m[5] = static_cast<char>(process & 0xff);
    m[7] = static_cast<char>(sequence);
    return m + data;
}

struct received
{
    error_code ec;
    std::size_t size = 0;
    icmp::endpoint from;
    std::vector<unsigned char> octets = std::vector<unsigned char>(2000);

    bool is_ours() const
    {
        const auto process = static_cast<unsigned>(::getpid());
        const bool identified = octets[4] == (process >> 8 & 0xff) && octets[5] == (process & 0xff);
        return ec || ((octets[0] == echo || octets[0] == echo_reply) && identified);
    }
    std::string data(std::size_t at = icmp_header) const
    {
        return {octets.begin() + static_cast<std::ptrdiff_t>(at), octets.begin() + static_cast<std::ptrdiff_t>(size)};
    }
    /// RFC 4443 §2.3, from ::1 to ::1.
    bool has_right_checksum() const
    {
        std::uint32_t sum = 2 + IPPROTO_ICMPV6 + static_cast<std::uint32_t>(size);
        for (std::size_t i = 0; i < size; ++i) sum += i % 2 == 0 ? octets[i] * 256U : octets[i];
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return sum == 0xffff;
    }
};
received receive_any(icmp::socket& s)
{
    received r;
    r.size = s.receive_from(asio::buffer(r.octets), r.from, 0, r.ec);
    return r;
}
/// The next echo message of this process.
received receive(icmp::socket& s)
{
    received r;
    do r = receive_any(s);
    while (!r.is_ours());
    return r;
}

V6_RAW_BEHAVIOUR(a_v6_echo_and_its_answer)
{
    asio::io_context io;
    icmp::socket s(io, {local(), 0});
    error_code ec;
    for (const char* const data : {"hello", "hello!"}) {
        std::string m = request(1, data);
        m[2] = m[3] = 0x55; // not the checksum
        out.say("send_to", s.send_to(asio::buffer(m), {local(), 0}, 0, ec), ec);
        for (int i = 0; i < 2; ++i) { // on the loopback the socket receives its own request as well
            const received r = receive(s);
            out.say("comes", r.ec, r.size, "type", +r.octets[0], "code", +r.octets[1], r.data());
            out.say("  checksum", r.has_right_checksum(), "sender", r.from);
        }
    }
}

V6_RAW_BEHAVIOUR(a_v6_echo_asynchronously)
{
    asio::io_context io;
    icmp::socket s(io, icmp::v6());
    const std::string m = request(2, "hello");
    s.async_send_to(asio::buffer(m), {local(), 0}, [&](error_code ec, std::size_t n) { out.say("sent", ec, n); });
    received r;
    int left = 2;
    std::function<void()> receive_next = [&] {
        s.async_receive_from(asio::buffer(r.octets), r.from, [&](error_code ec, std::size_t n) {
            if (r.is_ours()) out.say("comes", ec, n, +r.octets[0], r.from.address()), --left;
            if (!ec && left > 0) receive_next();
        });
    };
    receive_next();
    io.run_for(500ms);
    out.say("left", left);
}

V6_RAW_BEHAVIOUR(an_unreachable_port_is_heard_by_icmpv6)
{
    asio::io_context io;
    icmp::socket s(io, {local(), 0});
    udp::socket u(io, udp::endpoint(local(), 0)), gone(io, udp::endpoint(local(), 0));
    const auto nobody = gone.local_endpoint();
    const int port = nobody.port();
    gone.close();
    u.send_to(asio::buffer("xyz", 3), nobody);
    received r;
    constexpr std::size_t quoted_ports = icmp_header + v6_header;
    do r = receive_any(s);
    while (r.octets[0] != unreachable || r.octets[quoted_ports + 2] * 256 + r.octets[quoted_ports + 3] != port);
    out.say("comes", r.ec, r.size, "type", +r.octets[0], "code", +r.octets[1], r.data(quoted_ports + udp_header));
    out.say("checksum", r.has_right_checksum(), "sender", r.from);
    out.say("quotes", r.octets[icmp_header] >> 4, "next header", +r.octets[icmp_header + 6], "hop limit",
            +r.octets[icmp_header + 7]);
}

V6_RAW_BEHAVIOUR(v6_raw_messages_that_are_short)
{
    asio::io_context io;
    icmp::socket s(io, {local(), 0});
    error_code ec;
    for (const std::size_t n : {0U, 1U, 2U, 3U, 4U, 7U})
        out.say("send_to", s.send_to(asio::buffer("\x80\0\0\0\0\0\0", n), {local(), 0}, 0, ec), ec);
    const std::string m = request(3, "0123456789");
    s.send_to(asio::buffer(m), {local(), 0});
    out.say("the next one comes", receive(s).data());
}

V6_RAW_BEHAVIOUR(v6_raw_connected)
{
    asio::io_context io;
    icmp::socket s(io, icmp::v6());
    error_code ec;
    s.connect({local(), 0}, ec), out.say("connect", ec, s.local_endpoint().address());
    out.say("send", s.send(asio::buffer(request(4, "abc")), 0, ec), ec);
    for (int i = 0; i < 2; ++i) {
        received r;
        do r.size = s.receive(asio::buffer(r.octets), 0, r.ec);
        while (!r.is_ours());
        out.say("comes", r.ec, r.size, +r.octets[0]);
    }
    s.shutdown(socket_base::shutdown_send, ec), out.say("shutdown send", ec);
    out.say("send", s.send(asio::buffer(request(4, "abc")), 0, ec), ec);
}

V6_RAW_BEHAVIOUR(v6_raw_and_the_other_family)
{
    asio::io_context io;
    error_code ec;
    const auto v4 = ip::address(ip::address_v4::loopback());
    icmp::socket s(io, icmp::v6()), t(io, icmp::v4());
    s.bind({mapped(), 0}, ec), out.say("bind to a mapped address", ec);
    s.bind({v4, 0}, ec), out.say("bind to v4", ec);
    out.say("send_to v4", s.send_to(asio::buffer(request(5, "")), {v4, 0}, 0, ec), ec);
    s.connect({v4, 0}, ec), out.say("connect to v4", ec);
    s.connect({mapped(), 0}, ec), out.say("connect to a mapped address", ec);
    t.bind({local(), 0}, ec), out.say("v4, bind to v6", ec);
    t.connect({local(), 0}, ec), out.say("v4, connect to v6", ec);
    out.say("v4, send_to v6", t.send_to(asio::buffer(request(5, "")), {local(), 0}, 0, ec), ec);
}

V6_RAW_BEHAVIOUR(v6_raw_names)
{
    asio::io_context io;
    error_code ec;
    icmp::socket s(io, icmp::v6());
    out.say("local", s.local_endpoint(ec), ec);
    s.bind({ip::make_address("fe80::1"), 0}, ec), out.say("bind to a link-local address", ec);
    s.bind({ip::make_address("2001:db8::77"), 0}, ec), out.say("not ours", ec);
    s.bind({local(), 7}, ec), out.say("bind", ec, s.local_endpoint());
    s.bind({any(), 0}, ec), out.say("again", ec, s.local_endpoint());
    out.say("to the protocol as a port", s.send_to(asio::buffer(request(6, "")), {local(), 58}, 0, ec), ec);
    out.say("to another port", s.send_to(asio::buffer(request(6, "")), {local(), 77}, 0, ec), ec);
    s.connect({any(), 0}, ec), out.say("connect to ::", ec);
    ip::v6_only only;
    s.get_option(only, ec), out.say("v6_only", ec, only.value());
    s.set_option(ip::v6_only(true), ec), out.say("set", ec);
}

V6_RAW_BEHAVIOUR(v6_raw_options)
{
    asio::io_context io;
    error_code ec;
    icmp::socket s(io, icmp::v6());
    namespace option = asio::detail::socket_option;
    const auto one = [&](const char* name, auto o, std::initializer_list<int> values) {
        s.get_option(o, ec), out.say(name, "by default", ec, o.value());
        for (const int v : values) {
            s.set_option(decltype(o)(v), ec), out.say(name, v, "set", ec);
            s.get_option(o, ec), out.say(name, "get", ec, o.value());
        }
    };
    one("IPV6_UNICAST_HOPS", option::integer<IPPROTO_IPV6, IPV6_UNICAST_HOPS>(), {3, 0, -1, 256});
    one("IPV6_MULTICAST_HOPS", option::integer<IPPROTO_IPV6, IPV6_MULTICAST_HOPS>(), {3, 0, -1, 256});
    one("IPV6_TCLASS", option::integer<IPPROTO_IPV6, IPV6_TCLASS>(), {3, 256});
    one("IPV6_RECVPKTINFO", option::integer<IPPROTO_IPV6, IPV6_RECVPKTINFO>(), {1});
    one("IPV6_MTU_DISCOVER", option::integer<IPPROTO_IPV6, IPV6_MTU_DISCOVER>(), {2, 6});
    one("SO_DOMAIN", option::integer<SOL_SOCKET, SO_DOMAIN>(), {2});
    one("SO_PROTOCOL", option::integer<SOL_SOCKET, SO_PROTOCOL>(), {2});
    one("IP_TTL", option::integer<IPPROTO_IP, IP_TTL>(), {9});
    one("IP_TOS", option::integer<IPPROTO_IP, IP_TOS>(), {9});
    one("IPV6_CHECKSUM", option::integer<IPPROTO_IPV6, IPV6_CHECKSUM>(), {2, -1});
}

} // namespace
} // namespace parity
