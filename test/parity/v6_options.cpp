// Options of IPv6 sockets: hop limits, traffic class, MTU, multicast; and options of one family's level on the other's sockets.
#include "v6.hpp"

namespace parity::v6_options {
namespace {

using asio::socket_base;
namespace option = asio::detail::socket_option;

/// One socket of each kind, open and unbound.
struct kinds
{
    explicit kinds(bool v6 = true)
        : stream(io, v6 ? tcp::v6() : tcp::v4()),
          acceptor(io, v6 ? tcp::v6() : tcp::v4()),
          datagram(io, v6 ? udp::v6() : udp::v4())
    {
    }

    template <class F>
    void each(F f)
    {
        f("stream", stream);
        f("acceptor", acceptor);
        f("datagram", datagram);
    }

    asio::io_context io;
    tcp::socket stream;
    tcp::acceptor acceptor;
    udp::socket datagram;
};

/// Prints an option's default, and its value after setting each of `values`.
template <int Level, int Name>
void walk(report& out, const char* name, std::initializer_list<int> values, bool v6 = true)
{
    using number = option::integer<Level, Name>;
    kinds all(v6);
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        number o;
        s.get_option(o, ec), out.say(name, kind, "by default", ec, o.value());
        for (const int v : values) {
            s.set_option(number(v), ec), out.say(name, kind, v, "set", ec);
            s.get_option(o, ec), out.say(name, kind, v, "get", ec, o.value());
        }
    });
}

V6_BEHAVIOUR(v6_hop_limits)
{
    walk<IPPROTO_IPV6, IPV6_UNICAST_HOPS>(out, "unicast", {1, 255, 0, -1, 256, -2});
    walk<IPPROTO_IPV6, IPV6_MULTICAST_HOPS>(out, "multicast", {1, 255, 0, -1, 256, -2});
    walk<IPPROTO_IPV6, IPV6_MULTICAST_LOOP>(out, "loopback", {0, 1, 2, -1});
}
V6_BEHAVIOUR(v6_traffic_class) { walk<IPPROTO_IPV6, IPV6_TCLASS>(out, "IPV6_TCLASS", {0x28, 3, 255, 0, 0xfc, -1, 256, -2}); }
V6_BEHAVIOUR(v6_ancillary_data)
{
    walk<IPPROTO_IPV6, IPV6_RECVPKTINFO>(out, "IPV6_RECVPKTINFO", {1, 0, 2});
    walk<IPPROTO_IPV6, IPV6_RECVHOPLIMIT>(out, "IPV6_RECVHOPLIMIT", {1, 0, 2});
    walk<IPPROTO_IPV6, IPV6_RECVTCLASS>(out, "IPV6_RECVTCLASS", {1, 0, 2});
    walk<IPPROTO_IPV6, IPV6_RECVERR>(out, "IPV6_RECVERR", {1, 0, 2});
    walk<IPPROTO_IPV6, ipv6_multicast_all>(out, "IPV6_MULTICAST_ALL", {0, 1, 2, -1});
}
V6_BEHAVIOUR(v6_mtu_discovery) { walk<IPPROTO_IPV6, IPV6_MTU_DISCOVER>(out, "IPV6_MTU_DISCOVER", {0, 1, 2, 3, 4, 5, 6, -1}); }

V6_BEHAVIOUR(v6_source_preferences) // RFC 5014
{
    constexpr int temporary = 1, public_ = 2, care_of = 4, generated = 8, by_default = 0x100, home = 0x400, not_generated = 0x800;
    walk<IPPROTO_IPV6, IPV6_ADDR_PREFERENCES>(out, "one",
                                              {temporary, public_, 0, by_default, care_of, home, generated, not_generated});
    walk<IPPROTO_IPV6, IPV6_ADDR_PREFERENCES>(out, "several",
                                              {temporary | care_of, public_ | home | generated, by_default | not_generated});
    walk<IPPROTO_IPV6, IPV6_ADDR_PREFERENCES>(out, "contradicting",
                                              {temporary | public_, temporary | by_default, public_ | by_default, home | care_of,
                                               generated | not_generated, public_ | home | care_of, -1});
    walk<IPPROTO_IPV6, IPV6_ADDR_PREFERENCES>(out, "unknown", {0x10, 0x200, 0x10000 | public_, 0x1000});
    walk<IPPROTO_IPV6, IPV6_ADDR_PREFERENCES>(out, "of an IPv4 socket", {public_}, false);
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        s.set_option(tapio::test::value_option<IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, std::uint8_t>(2), ec);
        out.say(kind, "one octet", ec);
    });
}

/// IPV6_MTU: what is set bounds the packets that the socket sends; what is read is the path's.
V6_BEHAVIOUR(v6_mtu_limit)
{
    walk<IPPROTO_IPV6, IPV6_MTU>(out, "IPV6_MTU", {0, 1, 1279, 1280, 1500, 65536, 1 << 30, -1});
    using limit = option::integer<IPPROTO_IPV6, IPV6_MTU>;
    asio::io_context io;
    udp::socket receiver(io, udp::endpoint(local(), 0));
    for (const int discover : {0, 1, 2, 3, 4, 5}) {
        udp::socket s(io, udp::v6());
        error_code ec;
        s.set_option(option::integer<IPPROTO_IPV6, IPV6_MTU_DISCOVER>(discover), ec);
        s.set_option(limit(1300), ec), out.say("discover", discover, ec);
        s.connect(receiver.local_endpoint());
        limit got;
        s.get_option(got, ec), out.say("read", ec, got.value() > 60000);
        for (const std::size_t n : {1252U, 1253U, 5000U}) { // a packet of 1300 octets, and longer ones
            out.say("send", s.send(asio::buffer(std::string(n, 'x')), 0, ec), ec);
            if (ec) continue;
            std::string came(6000, '\0');
            const std::size_t size = receiver.receive(asio::buffer(came), 0, ec);
            out.say("comes", size, ec);
        }
        s.set_option(limit(0), ec), out.say("no limit", ec);
        out.say("send", s.send(asio::buffer(std::string(5000, 'x')), 0, ec), ec);
        if (ec) continue;
        std::string came(6000, '\0');
        out.say("comes", receiver.receive(asio::buffer(came), 0, ec), ec);
    }
}

V6_BEHAVIOUR(v6_mtu)
{
    walk<IPPROTO_IPV6, IPV6_MTU>(out, "IPV6_MTU", {});
    connected c;
    error_code ec;
    option::integer<IPPROTO_IPV6, IPV6_MTU> mtu;
    option::integer<IPPROTO_IP, IP_MTU> v4_mtu;
    c.client.get_option(mtu, ec), out.say("a connected stream", ec, mtu.value());
    udp::socket u(c.io, udp::v6());
    u.connect({local(), 9});
    u.get_option(mtu, ec), out.say("a connected datagram socket", ec, mtu.value());
    u.get_option(v4_mtu, ec), out.say("the other level", ec);
    udp::socket m(c.io, udp::v6());
    m.connect({mapped(), 9});
    m.get_option(mtu, ec), out.say("to a mapped address", ec, mtu.value());
    m.get_option(v4_mtu, ec), out.say("the other level", ec, v4_mtu.value());
}

V6_BEHAVIOUR(v6_facts)
{
    walk<SOL_SOCKET, SO_DOMAIN>(out, "SO_DOMAIN", {AF_INET});
    walk<SOL_SOCKET, SO_PROTOCOL>(out, "SO_PROTOCOL", {1});
    walk<SOL_SOCKET, SO_TYPE>(out, "SO_TYPE", {1});
    walk<IPPROTO_TCP, TCP_MAXSEG>(out, "TCP_MAXSEG", {1000, 0});
    walk<IPPROTO_IPV6, 9999>(out, "unknown", {1});
}

V6_BEHAVIOUR(options_of_v4_on_v6_sockets)
{
    walk<IPPROTO_IP, IP_TTL>(out, "IP_TTL", {9, 0, 256, -1});
    walk<IPPROTO_IP, IP_TOS>(out, "IP_TOS", {0x28, 3, 256});
    walk<IPPROTO_IP, IP_MTU_DISCOVER>(out, "IP_MTU_DISCOVER", {2, 6});
    walk<IPPROTO_IP, IP_PKTINFO>(out, "IP_PKTINFO", {1});
    walk<IPPROTO_IP, IP_RECVTTL>(out, "IP_RECVTTL", {1});
    walk<IPPROTO_IP, IP_RECVTOS>(out, "IP_RECVTOS", {1});
    walk<IPPROTO_IP, IP_RECVERR>(out, "IP_RECVERR", {1});
    walk<IPPROTO_IP, IP_MTU>(out, "IP_MTU", {});
    walk<IPPROTO_IP, IP_MULTICAST_TTL>(out, "IP_MULTICAST_TTL", {7, 256, -1});
    walk<IPPROTO_IP, IP_MULTICAST_LOOP>(out, "IP_MULTICAST_LOOP", {0, 2});
    walk<IPPROTO_IP, IP_MULTICAST_ALL>(out, "IP_MULTICAST_ALL", {0});
}

V6_BEHAVIOUR(options_of_both_levels_are_set_on_their_own)
{
    using ttl = option::integer<IPPROTO_IP, IP_TTL>;
    using hops = option::integer<IPPROTO_IPV6, IPV6_UNICAST_HOPS>;
    using tos = option::integer<IPPROTO_IP, IP_TOS>;
    using traffic_class = option::integer<IPPROTO_IPV6, IPV6_TCLASS>;
    asio::io_context io;
    udp::socket s(io, udp::v6());
    const auto get = [&](const char* what, auto o) { s.get_option(o), out.say(what, o.value()); };
    s.set_option(ttl(9)), get("hops after IP_TTL", hops());
    s.set_option(hops(10)), get("IP_TTL after hops", ttl());
    s.set_option(tos(0x28)), get("traffic class after IP_TOS", traffic_class());
    s.set_option(traffic_class(0x48)), get("IP_TOS after traffic class", tos());
}

V6_BEHAVIOUR(options_of_v6_on_v4_sockets)
{
    walk<IPPROTO_IPV6, IPV6_V6ONLY>(out, "IPV6_V6ONLY", {1}, false);
    walk<IPPROTO_IPV6, IPV6_UNICAST_HOPS>(out, "IPV6_UNICAST_HOPS", {9, 256}, false);
    walk<IPPROTO_IPV6, IPV6_TCLASS>(out, "IPV6_TCLASS", {9}, false);
    walk<IPPROTO_IPV6, IPV6_RECVPKTINFO>(out, "IPV6_RECVPKTINFO", {1}, false);
    walk<IPPROTO_IPV6, IPV6_MTU>(out, "IPV6_MTU", {}, false);
    walk<IPPROTO_IPV6, IPV6_MULTICAST_IF>(out, "IPV6_MULTICAST_IF", {1}, false);
    walk<IPPROTO_IPV6, IPV6_JOIN_GROUP>(out, "IPV6_JOIN_GROUP", {1}, false);
    walk<IPPROTO_IPV6, 9999>(out, "unknown", {1}, false);
}

V6_BEHAVIOUR(options_of_v6_with_a_short_value)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        const auto one = [&](const char* name, auto o) {
            error_code ec;
            s.set_option(o, ec), out.say(kind, name, "set", ec);
            s.get_option(o, ec), out.say(kind, name, "get", ec, int{o.value()}, o.filled());
        };
        one("IPV6_UNICAST_HOPS", tapio::test::value_option<IPPROTO_IPV6, IPV6_UNICAST_HOPS, std::uint8_t>(9));
        one("IPV6_V6ONLY", tapio::test::value_option<IPPROTO_IPV6, IPV6_V6ONLY, std::uint8_t>(1));
        one("IPV6_TCLASS", tapio::test::value_option<IPPROTO_IPV6, IPV6_TCLASS, std::uint8_t>(9));
        one("IPV6_RECVPKTINFO", tapio::test::value_option<IPPROTO_IPV6, IPV6_RECVPKTINFO, std::uint8_t>(1));
        one("IPV6_MULTICAST_LOOP", tapio::test::value_option<IPPROTO_IPV6, IPV6_MULTICAST_LOOP, std::uint8_t>(0));
        one("IP_TTL", tapio::test::value_option<IPPROTO_IP, IP_TTL, std::uint8_t>(9));
    });
}

// -- multicast ----------------------------------------------------------------------------------------------------------

V6_BEHAVIOUR(v6_outbound_interface)
{
    kinds all;
    all.each([&](const char* kind, auto& s) {
        error_code ec;
        option::integer<IPPROTO_IPV6, IPV6_MULTICAST_IF> got;
        s.get_option(got, ec), out.say(kind, "by default", ec, got.value());
        for (const unsigned index : {loopback_index, no_index, 0U}) {
            s.set_option(ip::multicast::outbound_interface(index), ec), out.say(kind, index, ec);
            s.get_option(got, ec), out.say(kind, "get", ec, got.value());
        }
        s.set_option(option::integer<IPPROTO_IPV6, IPV6_MULTICAST_IF>(-1), ec), out.say(kind, "negative", ec);
        s.set_option(ip::multicast::outbound_interface(loopback_index), ec);
        s.set_option(ip::multicast::enable_loopback(false), ec), out.say(kind, "enable_loopback", ec);
        ip::multicast::enable_loopback loop;
        s.get_option(loop, ec), out.say(kind, "is", ec, loop.value());
    });
    using device = option::integer<SOL_SOCKET, SO_BINDTOIFINDEX>;
    error_code ec;
    udp::socket u(all.io, udp::v6());
    u.set_option(device(loopback_index));
    u.set_option(ip::multicast::outbound_interface(loopback_index), ec), out.say("that of the device", ec);
    u.set_option(ip::multicast::outbound_interface(0U), ec), out.say("none", ec);
}

V6_BEHAVIOUR(v6_groups)
{
    kinds all;
    const auto lo = asio::ip::address_v6::loopback();
    for (const char* const name : {"ff02::1:5", "ff01::1:5", "ff05::1:5", "ff1e::1:5"}) {
        const auto group = asio::ip::make_address_v6(name);
        using ip::multicast::join_group, ip::multicast::leave_group;
        all.each([&](const char* kind, auto& s) {
            error_code ec;
            s.set_option(leave_group(group, loopback_index), ec), out.say(name, kind, "leave before", ec);
            s.set_option(join_group(group, loopback_index), ec), out.say(name, kind, "join", ec);
            s.set_option(join_group(group, loopback_index), ec), out.say(name, kind, "join again", ec);
            s.set_option(leave_group(group, no_index), ec), out.say(name, kind, "leave elsewhere", ec);
            s.set_option(leave_group(group, loopback_index), ec), out.say(name, kind, "leave", ec);
            s.set_option(leave_group(group, loopback_index), ec), out.say(name, kind, "leave again", ec);
            s.set_option(join_group(group, no_index), ec), out.say(name, kind, "join nowhere", ec);
            s.set_option(join_group(lo, loopback_index), ec), out.say(name, kind, "no group", ec);
            s.set_option(leave_group(lo, loopback_index), ec), out.say(name, kind, "leave no group", ec);
        });
    }
}

V6_BEHAVIOUR(v6_groups_by_scope_id)
{
    asio::io_context io;
    udp::socket s(io, udp::v6());
    error_code ec;
    auto group = asio::ip::make_address_v6("ff02::1:6");
    group.scope_id(loopback_index);
    s.set_option(ip::multicast::join_group(ip::address(group)), ec), out.say("join", ec);
    s.set_option(ip::multicast::join_group(group, loopback_index), ec), out.say("by the index", ec);
    s.set_option(ip::multicast::leave_group(ip::address(group)), ec), out.say("leave", ec);
}

V6_BEHAVIOUR(v4_groups_of_v6_sockets)
{
    asio::io_context io;
    udp::socket s(io, udp::v6());
    tcp::socket t(io, tcp::v6());
    error_code ec;
    using request = tapio::test::value_option<IPPROTO_IP, IP_ADD_MEMBERSHIP, ::ip_mreq>;
    using leave = tapio::test::value_option<IPPROTO_IP, IP_DROP_MEMBERSHIP, ::ip_mreq>;
    ::ip_mreq r{};
    r.imr_multiaddr.s_addr = htonl(0xef010203), r.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
    s.set_option(request(r), ec), out.say("join", ec);
    s.set_option(request(r), ec), out.say("again", ec);
    s.set_option(leave(r), ec), out.say("leave", ec);
    t.set_option(request(r), ec), out.say("a stream", ec);
    s.set_option(ip::multicast::join_group(asio::ip::make_address_v6("::ffff:239.1.2.3"), loopback_index), ec);
    out.say("a mapped group", ec);
    udp::socket four(io, udp::v4());
    using v6_request = tapio::test::value_option<IPPROTO_IPV6, IPV6_JOIN_GROUP, ::ipv6_mreq>;
    ::ipv6_mreq r6{};
    r6.ipv6mr_interface = loopback_index;
    r6.ipv6mr_multiaddr.s6_addr[0] = 0xff, r6.ipv6mr_multiaddr.s6_addr[1] = 2;
    four.set_option(v6_request(r6), ec), out.say("v4, join", ec);
}

V6_BEHAVIOUR(v6_multicast)
{
    asio::io_context io;
    error_code ec;
    const auto group = asio::ip::make_address_v6("ff02::1:7");
    udp::socket s(io, udp::v6()), sender(io, udp::v6());
    s.set_option(ip::multicast::join_group(group, loopback_index), ec), out.say("join", ec);
    s.bind({any(), 0});
    s.non_blocking(true);
    const udp::endpoint to(group, s.local_endpoint().port());
    sender.set_option(ip::multicast::outbound_interface(loopback_index), ec), out.say("outbound interface", ec);
    out.say("send", sender.send_to(asio::buffer("one", 3), to, 0, ec), ec);
    if (ec) return;
    eventually([&] { return s.available() > 0; });
    std::vector<char> v(10);
    udp::endpoint from;
    const std::size_t n = s.receive_from(asio::buffer(v), from, 0, ec);
    out.say("receive", n, ec, text(v, 3), from.address());
}

} // namespace
} // namespace parity::v6_options
