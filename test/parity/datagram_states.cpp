// Every call on a datagram socket in each state: closed, open, bound, connected, shut down, refused.
#include "observe.hpp"

#include <netinet/udp.h>
#include <sys/socket.h>

namespace parity::datagram_states {
namespace {

using asio::socket_base;

char octet[4];

struct scene
{
    asio::io_context io;
    udp::socket peer{io, udp::endpoint(local(), 0)}, s{io};
};

void opened(scene& x) { x.s.open(udp_of_run()); }
void bound(scene& x)
{
    x.s.open(udp_of_run());
    x.s.bind({local(), 0});
}
void joined(scene& x) { x.s.connect(x.peer.local_endpoint()); }
void shut(scene& x)
{
    joined(x);
    x.s.shutdown(udp::socket::shutdown_both);
}
void refused(scene& x)
{
    const auto gone = x.peer.local_endpoint();
    x.s.connect(gone);
    x.peer.close();
    x.s.send(asio::buffer(octet));
    x.s.wait(udp::socket::wait_error);
    x.peer = udp::socket(x.io, udp::endpoint(local(), 0));
}
void closed(scene&) {}

void walk(report& out, void (*arrange)(scene&))
{
    const auto fresh = [&](const char* name, auto what) {
        scene x;
        arrange(x);
        error_code ec;
        x.s.non_blocking(true, ec);
        what(x.s, x, name);
    };
    error_code ec;
    using name = const char*;
    fresh("receive", [&](auto& s, scene&, name n) { out.say(n, s.receive(asio::buffer(octet), 0, ec), ec); });
    fresh("receive nothing", [&](auto& s, scene&, name n) { out.say(n, s.receive(asio::buffer(octet, 0), 0, ec), ec); });
    fresh("peek",
          [&](auto& s, scene&, name n) { out.say(n, s.receive(asio::buffer(octet), socket_base::message_peek, ec), ec); });
    fresh("send", [&](auto& s, scene&, name n) { out.say(n, s.send(asio::buffer(octet), 0, ec), ec); });
    fresh("send nothing", [&](auto& s, scene&, name n) { out.say(n, s.send(asio::buffer(octet, 0), 0, ec), ec); });
    fresh("send twice", [&](auto& s, scene&, name n) {
        s.send(asio::buffer(octet), 0, ec);
        out.say(n, s.send(asio::buffer(octet), 0, ec), ec);
    });
    fresh("send_to",
          [&](auto& s, scene& x, name n) { out.say(n, s.send_to(asio::buffer(octet), x.peer.local_endpoint(), 0, ec), ec); });
    fresh("receive_from", [&](auto& s, scene&, name n) {
        udp::endpoint from;
        out.say(n, s.receive_from(asio::buffer(octet), from, 0, ec), ec);
    });
    fresh("available", [&](auto& s, scene&, name n) { out.say(n, s.available(ec), ec); });
    fresh("at_mark", [&](auto& s, scene&, name n) { out.say(n, s.at_mark(ec), ec); });
    fresh("local_endpoint", [&](auto& s, scene&, name n) {
        const auto at = s.local_endpoint(ec);
        out.say(n, at.address(), at.port() != 0, ec);
    });
    fresh("remote_endpoint", [&](auto& s, scene&, name n) { out.say(n, s.remote_endpoint(ec).port() != 0, ec); });
    fresh("bind", [&](auto& s, scene&, name n) { s.bind({local(), 0}, ec), out.say(n, ec); });
    fresh("open", [&](auto& s, scene&, name n) { s.open(udp_of_run(), ec), out.say(n, ec); });
    fresh("connect", [&](auto& s, scene& x, name n) {
        s.connect(x.peer.local_endpoint(), ec), out.say(n, ec);
        out.say("remote", s.remote_endpoint(ec) == x.peer.local_endpoint(), ec);
    });
    for (const auto what : {socket_base::shutdown_receive, socket_base::shutdown_send, socket_base::shutdown_both})
        fresh("shutdown", [&](auto& s, scene&, name n) {
            s.shutdown(what, ec), out.say(n, ec);
            out.say("receive after it", s.receive(asio::buffer(octet), 0, ec), ec);
            out.say("send after it", s.send(asio::buffer(octet), 0, ec), ec);
        });
    fresh("wait to write", [&](auto& s, scene&, name n) { s.wait(udp::socket::wait_write, ec), out.say(n, ec); });
    fresh("cancel", [&](auto& s, scene&, name n) { s.cancel(ec), out.say(n, ec); });
    fresh("close", [&](auto& s, scene&, name n) { s.close(ec), out.say(n, ec); });
    fresh("async_receive", [&](auto& s, scene& x, name n) {
        s.async_receive(asio::buffer(octet), [&](error_code e, std::size_t size) { out.say(n, e, size); });
        x.io.run_for(30ms);
        s.cancel(ec);
        x.io.restart();
        x.io.run_for(30ms);
    });
    fresh("async_send", [&](auto& s, scene& x, name n) {
        s.async_send(asio::buffer(octet), [&](error_code e, std::size_t size) { out.say(n, e, size); });
        x.io.run_for(30ms);
    });
    fresh("async_connect", [&](auto& s, scene& x, name n) {
        s.async_connect(x.peer.local_endpoint(), [&](error_code e) { out.say(n, e, s.is_open()); });
        x.io.run_for(30ms);
    });
}

BEHAVIOUR(datagram_state_closed) { walk(out, closed); }
BEHAVIOUR(datagram_state_open) { walk(out, opened); }
BEHAVIOUR(datagram_state_bound) { walk(out, bound); }
BEHAVIOUR(datagram_state_connected) { walk(out, joined); }
BEHAVIOUR(datagram_state_shut) { walk(out, shut); }
BEHAVIOUR(datagram_state_refused) { walk(out, refused); }

BEHAVIOUR(datagrams_in_pieces_by_more)
{
    scene x;
    bound(x);
    error_code ec;
    std::vector<char> v(20);
    const auto to = x.peer.local_endpoint();
    out.say("first", x.s.send_to(asio::buffer("ab", 2), to, MSG_MORE, ec), ec);
    out.say("second", x.s.send_to(asio::buffer("cd", 2), to, MSG_MORE, ec), ec);
    x.peer.non_blocking(true);
    out.say("nothing has gone", x.peer.receive(asio::buffer(v), 0, ec), ec);
    out.say("last", x.s.send_to(asio::buffer("e", 1), to, 0, ec), ec);
    x.peer.non_blocking(false);
    out.say("comes", x.peer.receive(asio::buffer(v), 0, ec), ec, text(v, 5));
    out.say("the next", x.s.send_to(asio::buffer("f", 1), to, 0, ec), ec);
    out.say("is alone", x.peer.receive(asio::buffer(v), 0, ec), ec);
}

BEHAVIOUR(too_much_by_more)
{
    scene x;
    bound(x);
    error_code ec;
    const std::vector<char> much(40'000);
    std::vector<char> v(10);
    const auto to = x.peer.local_endpoint();
    out.say("first", x.s.send_to(asio::buffer(much), to, MSG_MORE, ec), ec);
    out.say("second", x.s.send_to(asio::buffer(much), to, 0, ec), ec);
    out.say("the next", x.s.send_to(asio::buffer("z", 1), to, 0, ec), ec);
    out.say("is alone", x.peer.receive(asio::buffer(v), 0, ec), ec);
    out.say("unconnected", x.s.send(asio::buffer("z", 1), MSG_MORE, ec), ec);
}

BEHAVIOUR(datagrams_in_pieces_by_a_cork)
{
    using cork = asio::detail::socket_option::boolean<IPPROTO_UDP, UDP_CORK>;
    scene x;
    bound(x);
    error_code ec;
    cork c;
    x.s.get_option(c, ec), out.say("by default", ec, c.value());
    x.s.set_option(cork(false), ec), out.say("unset with nothing in it", ec);
    x.s.set_option(cork(true), ec), out.say("set", ec);
    x.s.get_option(c, ec), out.say("get", ec, c.value());
    std::vector<char> v(20);
    udp::socket other(x.io, udp::endpoint(local(), 0));
    const auto to = x.peer.local_endpoint();
    out.say("first", x.s.send_to(asio::buffer("ab", 2), to, 0, ec), ec);
    out.say("second, to another", x.s.send_to(asio::buffer("cd", 2), other.local_endpoint(), 0, ec), ec);
    out.say("third, with more", x.s.send_to(asio::buffer("e", 1), to, MSG_MORE, ec), ec);
    x.peer.non_blocking(true), other.non_blocking(true);
    out.say("nothing has gone", x.peer.receive(asio::buffer(v), 0, ec), ec);
    x.s.set_option(cork(true), ec), out.say("set again", ec);
    out.say("nothing has gone", x.peer.receive(asio::buffer(v), 0, ec), ec);
    x.s.set_option(cork(false), ec), out.say("unset", ec);
    x.peer.non_blocking(false);
    out.say("comes", x.peer.receive(asio::buffer(v), 0, ec), ec, text(v, 5));
    out.say("the other has", other.receive(asio::buffer(v), 0, ec), ec);
    out.say("the next", x.s.send_to(asio::buffer("f", 1), to, 0, ec), ec);
    out.say("is alone", x.peer.receive(asio::buffer(v), 0, ec), ec);
}

BEHAVIOUR(a_cork_with_an_error_and_with_more)
{
    using cork = asio::detail::socket_option::boolean<IPPROTO_UDP, UDP_CORK>;
    scene x;
    bound(x);
    error_code ec;
    std::vector<char> v(20);
    const std::vector<char> much(40'000);
    const auto to = x.peer.local_endpoint();
    x.s.set_option(cork(true));
    out.say("much", x.s.send_to(asio::buffer(much), to, 0, ec), ec);
    out.say("too much", x.s.send_to(asio::buffer(much), to, 0, ec), ec);
    out.say("after it", x.s.send_to(asio::buffer("ab", 2), to, 0, ec), ec);
    x.s.set_option(cork(false), ec), out.say("unset", ec);
    out.say("comes", x.peer.receive(asio::buffer(v), 0, ec), ec, text(v, 2));
    out.say("more", x.s.send_to(asio::buffer("c", 1), to, MSG_MORE, ec), ec);
    x.s.set_option(cork(false), ec), out.say("unset again", ec);
    out.say("comes too", x.peer.receive(asio::buffer(v), 0, ec), ec, text(v, 1));
    x.s.set_option(cork(true));
    out.say("nothing", x.s.send_to(asio::buffer("", 0), to, 0, ec), ec);
    x.s.set_option(cork(false), ec), out.say("unset", ec);
    out.say("an empty one comes", x.peer.receive(asio::buffer(v), 0, ec), ec);
    tcp::socket stream(x.io, tcp_of_run());
    stream.set_option(cork(true), ec), out.say("of a stream", ec);
    x.s.set_option(asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_CORK>(true), ec), out.say("a stream's", ec);
}

BEHAVIOUR(the_length_of_what_was_cut)
{
    scene x;
    bound(x);
    error_code ec;
    std::vector<char> v(3);
    for (int i = 0; i < 2; ++i) x.peer.send_to(asio::buffer("hello", 5), x.s.local_endpoint());
    eventually([&] { return x.s.available() > 0; });
    out.say("peek", x.s.receive(asio::buffer(v), MSG_TRUNC | MSG_PEEK, ec), ec, text(v, 3));
    out.say("receive", x.s.receive(asio::buffer(v), MSG_TRUNC, ec), ec, text(v, 3));
    out.say("without", x.s.receive(asio::buffer(v), 0, ec), ec);
}

BEHAVIOUR(empty_datagrams)
{
    scene x;
    bound(x);
    error_code ec;
    std::vector<char> v(3);
    x.peer.connect(x.s.local_endpoint());
    const std::array<asio::const_buffer, 0> none{};
    const std::array<asio::const_buffer, 2> empty{};
    out.say("no buffers", x.peer.send(none, 0, ec), ec);
    out.say("empty ones", x.peer.send(empty, 0, ec), ec);
    out.say("comes", x.s.receive(asio::buffer(v), 0, ec), ec);
    out.say("and", x.s.receive(asio::buffer(v), 0, ec), ec);
    x.peer.send(asio::buffer("abc", 3));
    out.say("into nothing", x.s.receive(asio::buffer(v, 0), 0, ec), ec);
    x.s.non_blocking(true);
    out.say("it is gone", x.s.receive(asio::buffer(v), 0, ec), ec);
    x.peer.async_send(empty, [&](error_code e, std::size_t n) { out.say("async", e, n); });
    x.s.async_receive(asio::buffer(v), [&](error_code e, std::size_t n) { out.say("async receive", e, n); });
    x.io.run_for(200ms);
}

BEHAVIOUR(connect_and_connect_again)
{
    scene x;
    udp::socket other(x.io, udp::endpoint(local(), 0));
    error_code ec;
    std::vector<char> v(3);
    opened(x);
    x.s.connect(x.peer.local_endpoint(), ec), out.say("connect", ec);
    const auto at = x.s.local_endpoint();
    x.s.connect(other.local_endpoint(), ec), out.say("elsewhere", ec, x.s.local_endpoint() == at);
    x.peer.send_to(asio::buffer("old", 3), at);
    other.send_to(asio::buffer("new", 3), at);
    out.say("hears", x.s.receive(asio::buffer(v), 0, ec), ec, text(v, 3));
    x.s.connect({local(), 0}, ec), out.say("port 0", ec);
    x.s.connect({any(), x.peer.local_endpoint().port()}, ec), out.say("any", ec);
    out.say("is to", x.s.remote_endpoint(ec).address(), ec);
}

BEHAVIOUR(datagrams_that_came_before_connect)
{
    scene x;
    bound(x);
    udp::socket stranger(x.io, udp::endpoint(local(), 0));
    error_code ec;
    std::vector<char> v(8);
    stranger.send_to(asio::buffer("stranger", 8), x.s.local_endpoint());
    eventually([&] { return x.s.available() > 0; });
    x.s.connect(x.peer.local_endpoint());
    out.say("is still there", x.s.receive(asio::buffer(v), 0, ec), ec, text(v, 8));
}

BEHAVIOUR(a_full_receive_buffer)
{
    scene x;
    bound(x);
    x.s.set_option(socket_base::receive_buffer_size(10'000));
    error_code ec;
    const std::vector<char> some(1000);
    for (int i = 0; i < 200; ++i) x.peer.send_to(asio::buffer(some), x.s.local_endpoint(), 0, ec);
    out.say("sends do not fail", ec);
    x.s.non_blocking(true);
    std::vector<char> v(2000);
    int came = 0;
    while (x.s.receive(asio::buffer(v), 0, ec) > 0) ++came;
    out.say("some came, and some did not", came > 0 && came < 200, ec);
    x.peer.send_to(asio::buffer(some), x.s.local_endpoint());
    eventually([&] { return x.s.available() > 0; });
    out.say("there is room again", x.s.receive(asio::buffer(v), 0, ec), ec);
}

BEHAVIOUR(several_receives_wait_in_order)
{
    scene x;
    bound(x);
    char first = 0, second = 0;
    x.s.async_receive(asio::buffer(&first, 1),
                      [&](error_code ec, std::size_t) { out.say("one", ec, std::string_view(&first, 1)); });
    x.s.async_receive(asio::buffer(&second, 1),
                      [&](error_code ec, std::size_t) { out.say("two", ec, std::string_view(&second, 1)); });
    x.peer.send_to(asio::buffer("a", 1), x.s.local_endpoint());
    x.peer.send_to(asio::buffer("b", 1), x.s.local_endpoint());
    x.io.run_for(500ms);
}

BEHAVIOUR(datagram_binding)
{
    asio::io_context io;
    error_code ec;
    udp::socket a(io, udp_of_run()), b(io, udp_of_run());
    a.bind({any(), 0}, ec), out.say("any", ec);
    const auto port = a.local_endpoint().port();
    b.bind({local(), port}, ec), out.say("the same port", ec);
    b.bind({not_ours(), 0}, ec), out.say("an address not ours", ec);
    if (!over_v6()) b.bind({ip::address_v4::broadcast(), 0}, ec), out.say("broadcast", ec);
    udp::socket c(io, udp_of_run());
    c.bind({either("239.1.2.3", "ff05::1:3"), 0}, ec), out.say("a group", ec);
    udp::socket d(io, udp_of_run()), e(io, udp_of_run());
    d.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true));
    e.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true));
    d.bind({local(), 0});
    e.bind(d.local_endpoint(), ec), out.say("both with reuse_port", ec);
}

V4_BEHAVIOUR(broadcast_permission)
{
    asio::io_context io;
    error_code ec;
    udp::socket s(io, udp::v4());
    const udp::endpoint everyone(ip::make_address("127.255.255.255"), 9);
    out.say("send_to", s.send_to(asio::buffer("x", 1), everyone, 0, ec), ec);
    s.connect(everyone, ec), out.say("connect", ec);
    s.set_option(socket_base::broadcast(true));
    out.say("send_to", s.send_to(asio::buffer("x", 1), everyone, 0, ec), ec);
    s.connect(everyone, ec), out.say("connect", ec);
    s.set_option(socket_base::broadcast(false));
    out.say("send on what is connected", s.send(asio::buffer("x", 1), 0, ec), ec);
}

BEHAVIOUR(do_not_route_to_ourselves)
{
    scene x;
    bound(x);
    error_code ec;
    x.s.set_option(socket_base::do_not_route(true));
    out.say("option", x.s.send_to(asio::buffer("x", 1), x.peer.local_endpoint(), 0, ec), ec);
    x.s.set_option(socket_base::do_not_route(false));
    out.say("flag", x.s.send_to(asio::buffer("x", 1), x.peer.local_endpoint(), socket_base::message_do_not_route, ec), ec);
}

BEHAVIOUR(an_error_of_a_socket_bound_to_a_device)
{
    scene x;
    opened(x);
    error_code ec;
    x.s.set_option(asio::detail::socket_option::integer<SOL_SOCKET, SO_BINDTOIFINDEX>(1), ec), out.say("to lo", ec);
    x.s.connect(x.peer.local_endpoint());
    x.peer.close();
    out.say("send", x.s.send(asio::buffer("x", 1), 0, ec), ec);
    x.s.async_wait(udp::socket::wait_error, [&](error_code e) { out.say("wait", e); });
    x.io.run_for(200ms);
    out.say("send", x.s.send(asio::buffer("x", 1), 0, ec), ec);
}

BEHAVIOUR(a_datagram_socket_moves_and_is_assigned)
{
    scene x;
    bound(x);
    error_code ec;
    std::vector<char> v(3);
    const auto at = x.s.local_endpoint();
    udp::socket moved(std::move(x.s));
    out.say("the old", x.s.is_open());
    x.peer.send_to(asio::buffer("abc", 3), at);
    out.say("the new receives", moved.receive(asio::buffer(v), 0, ec), ec);
    udp::socket assigned(x.io);
    assigned.assign(udp_of_run(), moved.release(), ec), out.say("assign", ec, assigned.local_endpoint() == at);
    x.peer.send_to(asio::buffer("abc", 3), at);
    out.say("receives", assigned.receive(asio::buffer(v), 0, ec), ec);
}

} // namespace
} // namespace parity::datagram_states
