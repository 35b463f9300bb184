// Which local names of IPv4 and IPv6 sockets conflict, and scope ids of link-local addresses (RFC 4007, RFC 3493 §3.3).
#include "v6.hpp"

namespace parity {
namespace {

using asio::socket_base;

/// A local name, and whether the socket for it is IPv6 only.
struct local_name
{
    const char* address;
    bool v6_only = false;

    bool is_v6() const { return ip::make_address(address).is_v6(); }
};

template <class Protocol, class Socket>
void open_for(Socket& s, const local_name& n, bool reuse)
{
    s.open(n.is_v6() ? Protocol::v6() : Protocol::v4());
    if (n.is_v6()) s.set_option(ip::v6_only(n.v6_only));
    s.set_option(socket_base::reuse_address(reuse));
}

/// All pairs of names, in both orders.
template <class F>
void each_pair(F f)
{
    const local_name all[] = {{"::"},        {"::", true},         {"0.0.0.0"},       {"::1"},
                              {"127.0.0.1"}, {"::ffff:127.0.0.1"}, {"::ffff:0.0.0.0"}};
    for (const local_name& a : all)
        for (const local_name& b : all)
            for (const bool reuse : {false, true}) f(a, b, reuse);
}

V6_BEHAVIOUR(names_of_streams_that_conflict)
{
    each_pair([&](const local_name& first, const local_name& second, bool reuse) {
        asio::io_context io;
        tcp::acceptor a(io), b(io);
        error_code ec;
        open_for<tcp>(a, first, reuse), open_for<tcp>(b, second, reuse);
        const auto port = free_port<tcp>(io);
        a.bind({ip::make_address(first.address), port}, ec);
        if (ec) return out.say(first.address, ec);
        b.bind({ip::make_address(second.address), port}, ec);
        out.say(first.address, first.v6_only, second.address, second.v6_only, "reuse", reuse, ec);
        if (ec) return;
        a.listen(5, ec), out.say("listen", ec);
        b.listen(5, ec), out.say("listen", ec);
    });
}

V6_BEHAVIOUR(names_beside_a_listener_that_conflict)
{
    each_pair([&](const local_name& first, const local_name& second, bool reuse) {
        asio::io_context io;
        tcp::acceptor a(io), b(io);
        error_code ec;
        open_for<tcp>(a, first, reuse), open_for<tcp>(b, second, reuse);
        const auto port = free_port<tcp>(io);
        a.bind({ip::make_address(first.address), port}, ec);
        if (ec) return out.say(first.address, ec);
        a.listen();
        b.bind({ip::make_address(second.address), port}, ec);
        out.say(first.address, first.v6_only, second.address, second.v6_only, "reuse", reuse, ec);
    });
}

V6_BEHAVIOUR(names_of_datagram_sockets_that_conflict)
{
    each_pair([&](const local_name& first, const local_name& second, bool reuse) {
        asio::io_context io;
        udp::socket a(io), b(io);
        error_code ec;
        open_for<udp>(a, first, reuse), open_for<udp>(b, second, reuse);
        const auto port = free_port<udp>(io);
        a.bind({ip::make_address(first.address), port}, ec);
        if (ec) return out.say(first.address, ec);
        b.bind({ip::make_address(second.address), port}, ec);
        out.say(first.address, first.v6_only, second.address, second.v6_only, "reuse", reuse, ec);
    });
}

V6_BEHAVIOUR(two_families_share_a_port)
{
    asio::io_context io;
    tcp::acceptor six(io, tcp::v6()), four(io, tcp::v4());
    six.set_option(ip::v6_only(true));
    const auto port = free_port<tcp>(io);
    six.bind({any(), port});
    error_code ec;
    four.bind({ip::address_v4::any(), port}, ec), out.say("bind", ec);
    six.listen(), four.listen();
    tcp::socket a(io), b(io);
    a.connect({local(), port}), b.connect({ip::address_v4::loopback(), port});
    out.say("six accepts", six.accept().remote_endpoint().address());
    out.say("four accepts", four.accept().remote_endpoint().address());
}

V6_BEHAVIOUR(bound_to_a_mapped_address)
{
    asio::io_context io;
    error_code ec;
    tcp::acceptor a(io, tcp::v6());
    a.bind({mapped(), 0}, ec), out.say("bind", ec, a.local_endpoint().address());
    a.listen();
    const auto port = a.local_endpoint().port();
    tcp::socket c(io), d(io), s(io), t(io, tcp::v6()), u(io, tcp::v6());
    c.connect({ip::address_v4::loopback(), port}, ec), out.say("v4 connects", ec);
    a.accept(s), out.say("accept", s.local_endpoint().address(), s.remote_endpoint().address());
    d.connect({local(), port}, ec), out.say("v6 connects", ec);
    t.bind({mapped("203.0.113.77"), 0}, ec), out.say("not ours", ec);
    t.bind({mapped("0.0.0.0"), 0}, ec), out.say("any", ec, t.local_endpoint().address());
    t.connect({local(), port}, ec), out.say("and to v6", ec);
    u.bind({ip::make_address("2001:db8::77"), 0}, ec), out.say("v6, not ours", ec);
    udp::socket w(io, udp::v6());
    w.bind({mapped(), 0}, ec), out.say("datagram", ec, w.local_endpoint().address());
    udp::socket x(io, udp::v6());
    x.bind({mapped("239.1.2.3"), 0}, ec), out.say("a v4 group", ec, x.local_endpoint().address());
}

// -- scope ids ----------------------------------------------------------------------------------------------------------

V6_BEHAVIOUR(binding_to_a_link_local_address)
{
    asio::io_context io;
    const std::pair<const char*, unsigned> all[] = {
        {"fe80::1", 0},
        {"fe80::1", loopback_index},
        {"fe80::1", no_index},
        {"ff02::1:3", 0},
        {"ff02::1:3", 1},
        {"ff02::1:3", no_index},
        {"ff01::1:3", 1},
        {"ff05::1:3", 0},
        {"::1", 1},
        {"::1", no_index},
        {"::", 1},
        {"2001:db8::77", 1},
    };
    for (const auto& [address, scope] : all) {
        error_code ec;
        tcp::socket s(io, tcp::v6());
        udp::socket u(io, udp::v6());
        s.bind({scoped(address, scope), 0}, ec), out.say(address, scope, "stream", ec, s.local_endpoint().address());
        u.bind({scoped(address, scope), 0}, ec), out.say(address, scope, "datagram", ec, u.local_endpoint().address());
    }
}

V6_BEHAVIOUR(connecting_to_a_link_local_address)
{
    asio::io_context io;
    for (const unsigned scope : {0U, no_index}) {
        error_code ec;
        tcp::socket s(io);
        udp::socket u(io, udp::v6());
        s.connect({scoped("fe80::1", scope), 9}, ec), out.say("stream", scope, ec);
        u.connect({scoped("fe80::1", scope), 9}, ec), out.say("datagram", scope, ec);
        if (scope == 0) continue; // Linux sends to an interface with a route to fe80::/64, if there is one
        out.say("send_to", scope, u.send_to(asio::buffer("x", 1), {scoped("fe80::1", scope), 9}, 0, ec), ec);
    }
}

V6_BEHAVIOUR(a_scope_id_where_none_is_needed)
{
    asio::io_context io;
    listening l(io);
    error_code ec;
    for (const unsigned scope : {loopback_index, no_index}) {
        tcp::socket s(io);
        s.connect({scoped("::1", scope), l.at.port()}, ec), out.say("connect", scope, ec);
        if (!ec) out.say("remote", s.remote_endpoint() == l.at, s.local_endpoint().address());
        udp::socket u(io, udp::v6());
        u.connect({scoped("::1", scope), 9}, ec), out.say("datagram", scope, ec);
        if (!ec) out.say("remote", u.remote_endpoint().address());
        out.say("send_to", u.send_to(asio::buffer("x", 1), {scoped("::1", scope), 9}, 0, ec), ec);
    }
}

V6_BEHAVIOUR(a_device_and_a_scope_id)
{
    asio::io_context io;
    error_code ec;
    using device = asio::detail::socket_option::integer<SOL_SOCKET, SO_BINDTOIFINDEX>;
    const std::pair<const char*, unsigned> all[] = {{"fe80::1", 0}, {"fe80::1", no_index}, {"ff02::1:3", 0}};
    for (const auto& [address, scope] : all) {
        udp::socket a(io, udp::v6());
        a.set_option(device(loopback_index), ec), out.say("to lo", ec);
        a.bind({scoped(address, scope), 0}, ec), out.say(address, scope, ec, a.local_endpoint().address());
    }
    device d;
    udp::socket b(io, udp::v6());
    b.bind({scoped("ff02::1:3", loopback_index), 0}, ec), out.say("a group with a scope", ec);
    b.get_option(d, ec), out.say("binds to the device", ec, d.value());
}

} // namespace
} // namespace parity
