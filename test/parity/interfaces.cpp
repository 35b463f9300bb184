// Options that name interfaces and multicast groups, TCP_FASTOPEN, TCP_DEFER_ACCEPT.
#include "observe.hpp"
#include "support/bind_to_device.hpp"

#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <thread>

namespace parity {
namespace {

namespace option = asio::detail::socket_option;
using tapio::test::bind_to_device;

BEHAVIOUR(bound_to_a_device)
{
    asio::io_context io;
    error_code ec;
    udp::socket s(io, udp_of_run());
    bind_to_device got;
    s.get_option(got, ec), out.say("by default", ec, got.device());
    s.set_option(bind_to_device("nosuch0"), ec), out.say("unknown", ec);
    s.set_option(bind_to_device("lo"), ec), out.say("lo", ec);
    got = bind_to_device();
    s.get_option(got, ec), out.say("lo", ec, got.device());
    s.bind({local(), 0});
    udp::socket peer(io, udp::endpoint(local(), 0));
    peer.send_to(asio::buffer("in", 2), s.local_endpoint());
    std::vector<char> v(10);
    udp::endpoint from;
    out.say("receives", s.receive_from(asio::buffer(v), from, 0, ec), ec);
    tcp::socket t(io, tcp_of_run());
    t.set_option(bind_to_device("lo"), ec), out.say("a stream", ec);
}

V4_BEHAVIOUR(multicast)
{
    asio::io_context io;
    error_code ec;
    const auto lo = asio::ip::make_address_v4("127.0.0.1");
    const auto group = asio::ip::make_address_v4("239.0.1.1");
    udp::socket s(io, udp::v4());
    s.set_option(ip::multicast::join_group(group, lo), ec), out.say("join", ec);
    s.set_option(ip::multicast::join_group(group, lo), ec), out.say("join again", ec);
    s.set_option(ip::multicast::join_group(lo, lo), ec), out.say("join no group", ec);
    s.set_option(ip::multicast::join_group(group, asio::ip::make_address_v4("203.0.113.77")), ec), out.say("join nowhere", ec);
    s.set_option(ip::multicast::leave_group(asio::ip::make_address_v4("239.0.1.2"), lo), ec), out.say("leave another", ec);
    s.bind({udp::v4(), 0});
    udp::socket sender(io, udp::v4());
    sender.set_option(ip::multicast::outbound_interface(lo), ec), out.say("outbound interface", ec);
    const udp::endpoint to(group, s.local_endpoint().port());
    std::vector<char> v(10);
    udp::endpoint from;
    out.say("send", sender.send_to(asio::buffer("one", 3), to, 0, ec), ec);
    const std::size_t n = s.receive_from(asio::buffer(v), from, 0, ec);
    out.say("receive", n, ec, text(v, 3), from.address().to_string());
    s.set_option(option::boolean<IPPROTO_IP, IP_MULTICAST_ALL>(false), ec), out.say("multicast all off", ec);
    out.say("send", sender.send_to(asio::buffer("two", 3), to, 0, ec), ec);
    out.say("receive", s.receive_from(asio::buffer(v), from, 0, ec), ec, text(v, 3));
    s.set_option(ip::multicast::leave_group(group, lo), ec), out.say("leave", ec);
    s.set_option(ip::multicast::leave_group(group, lo), ec), out.say("leave again", ec);
    s.non_blocking(true);
    (void)sender.send_to(asio::buffer("three", 5), to, 0, ec);
    out.say("receive", s.receive_from(asio::buffer(v), from, 0, ec), ec);
    sender.set_option(ip::multicast::outbound_interface(asio::ip::make_address_v4("203.0.113.77")), ec);
    out.say("outbound interface that is not ours", ec);
    tcp::socket t(io, tcp::v4());
    t.set_option(ip::multicast::outbound_interface(lo), ec), out.say("of a stream", ec);
}

BEHAVIOUR(datagrams_sent_as_one)
{
    asio::io_context io;
    error_code ec;
    udp::socket s(io, udp::endpoint(local(), 0)), r(io, udp::endpoint(local(), 0));
    using segment = option::integer<IPPROTO_UDP, UDP_SEGMENT>;
    segment size;
    s.get_option(size, ec), out.say("by default", ec, size.value());
    for (const int bad : {-1, 0x10000}) s.set_option(segment(bad), ec), out.say("size", bad, ec);
    s.set_option(segment(1000), ec), out.say("size", ec);
    s.get_option(size, ec), out.say("then", ec, size.value());
    std::string octets;
    for (int i = 0; i < 2500; ++i) octets += static_cast<char>('a' + i % 26);
    out.say("send", s.send_to(asio::buffer(octets), r.local_endpoint(), 0, ec), ec);
    std::string all;
    for (int i = 0; i < 3; ++i) {
        std::vector<char> v(3000);
        const auto n = r.receive(asio::buffer(v), 0, ec);
        out.say("receive", n, ec);
        all.append(v.data(), n);
    }
    out.say("the same", all == octets);
    out.say("send one", s.send_to(asio::buffer(octets, 10), r.local_endpoint(), 0, ec), ec);
    std::vector<char> v(3000);
    out.say("receive", r.receive(asio::buffer(v), 0, ec), ec);
    s.set_option(segment(1));
    out.say("too many", s.send_to(asio::buffer(octets), r.local_endpoint(), 0, ec), ec);
    tcp::socket t(io, tcp_of_run());
    t.get_option(size, ec), out.say("of a stream", bool(ec));
}

BEHAVIOUR(datagram_information)
{
    asio::io_context io;
    error_code ec;
    udp::socket s(io, udp::endpoint(local(), 0));
    const auto flag = [&](auto o, const char* what) {
        s.get_option(o, ec), out.say(what, "by default", ec, o.value() != 0);
        s.set_option(decltype(o)(true), ec), s.get_option(o), out.say(what, ec, o.value() != 0);
    };
    flag(ip_option<IP_PKTINFO, IPV6_RECVPKTINFO>(), "pktinfo");
    flag(ip_option<IP_RECVTTL, IPV6_RECVHOPLIMIT>(), "recvttl");
    flag(ip_option<IP_RECVTOS, IPV6_RECVTCLASS>(), "recvtos");
    flag(ip_option<IP_RECVERR, IPV6_RECVERR>(), "recverr");
    flag(ip_option<IP_MULTICAST_ALL, ipv6_multicast_all>(), "multicast all");
    udp::socket gone(io, udp::endpoint(local(), 0));
    const auto nobody = gone.local_endpoint();
    gone.close();
    out.say("send to nobody", s.send_to(asio::buffer("x", 1), nobody, 0, ec), ec);
    std::vector<char> v(10);
    udp::endpoint from;
    out.say("receive, with recverr", s.receive_from(asio::buffer(v), from, 0, ec), ec);
    s.non_blocking(true);
    out.say("once", s.receive_from(asio::buffer(v), from, 0, ec), ec);
}

// The first connection to a server only fetches a cookie, so the results are those without the option.
BEHAVIOUR(fast_open)
{
    asio::io_context io;
    error_code ec;
    using queue = option::integer<IPPROTO_TCP, TCP_FASTOPEN>;
    using connect = option::integer<IPPROTO_TCP, TCP_FASTOPEN_CONNECT>;
    tcp::acceptor a(io, tcp::endpoint(local(), 0));
    for (const int length : {16, 0, -1, 100000, 1}) {
        a.set_option(queue(length), ec);
        queue o;
        a.get_option(o), out.say("queue", length, "gives", ec, o.value());
    }
    tcp::socket s(io, tcp_of_run());
    for (const int value : {1, 0, 2, -1, 1}) {
        s.set_option(connect(value), ec);
        connect o;
        s.get_option(o), out.say("connect", value, "gives", ec, o.value());
    }
    s.connect(a.local_endpoint(), ec), out.say("connect", ec);
    s.set_option(connect(1), ec), out.say("connect, when connected", ec);
    s.set_option(queue(1), ec), out.say("queue, when connected", ec);
    tcp::socket peer = a.accept();
    asio::write(s, asio::buffer("now", 3), ec), out.say("write", ec);
    std::vector<char> v(3);
    out.say("read", asio::read(peer, asio::buffer(v), ec), ec, text(v, 3));
}

// TCP_DEFER_ACCEPT: the kernel drops the ACK of a peer that sends no data, so that accept waits for data.
BEHAVIOUR(accept_deferred)
{
    asio::io_context io;
    error_code ec;
    tcp::acceptor a(io, tcp::endpoint(local(), 0));
    using defer = option::integer<IPPROTO_TCP, TCP_DEFER_ACCEPT>;
    for (const int seconds : {1, 2, 3, 5, 10, 100, 0, -1}) {
        a.set_option(defer(seconds), ec);
        defer o;
        a.get_option(o), out.say("defer", seconds, "gives", ec, o.value());
    }
    a.set_option(defer(5));
    a.non_blocking(true);
    tcp::socket client(io);
    client.connect(a.local_endpoint(), ec), out.say("connect", ec);
    tcp::socket peer(io), later(io), accepted(io);
    tcp::acceptor another(io, tcp::endpoint(local(), 0));
    later.connect(another.local_endpoint());
    another.accept(accepted); // the earlier connection has been processed by then
    a.accept(peer, ec), out.say("accept of a silent one", ec);
    asio::write(client, asio::buffer("now", 3), ec), out.say("write", ec);
    a.wait(tcp::acceptor::wait_read, ec);
    a.accept(peer, ec), out.say("accept", ec);
    std::vector<char> v(3);
    out.say("read", asio::read(peer, asio::buffer(v), ec), ec, text(v, 3));
}

} // namespace
} // namespace parity
