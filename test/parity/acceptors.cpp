// Acceptors in every state, backlogs, and conflicts of bound addresses.
#include "observe.hpp"

namespace parity {
namespace {

using asio::socket_base;

void walk(report& out, void (*arrange)(tcp::acceptor&))
{
    const auto fresh = [&](auto what) {
        asio::io_context io;
        tcp::acceptor a(io);
        arrange(a);
        error_code ec;
        a.non_blocking(true, ec);
        what(io, a);
    };
    error_code ec;
    fresh([&](auto& io, auto& a) {
        tcp::socket s(io);
        a.accept(s, ec), out.say("accept", ec, s.is_open());
    });
    fresh([&](auto&, auto& a) {
        const tcp::socket s = a.accept(ec);
        out.say("accept, returned", ec, s.is_open());
    });
    fresh([&](auto&, auto& a) { out.say("local_endpoint", a.local_endpoint(ec).port() != 0, ec); });
    fresh([&](auto&, auto& a) { a.open(tcp_of_run(), ec), out.say("open", ec); });
    fresh([&](auto&, auto& a) { a.bind({local(), 0}, ec), out.say("bind", ec); });
    fresh([&](auto&, auto& a) { a.listen(3, ec), out.say("listen", ec); });
    fresh([&](auto&, auto& a) { a.listen(-1, ec), out.say("listen, -1", ec); });
    fresh([&](auto&, auto& a) { a.cancel(ec), out.say("cancel", ec); });
    fresh([&](auto&, auto& a) { a.close(ec), out.say("close", ec, a.is_open()); });
    fresh([&](auto&, auto& a) {
        (void)a.release(ec);
        out.say("release", ec, a.is_open());
    });
    fresh([&](auto&, auto& a) { out.say("modes", a.non_blocking(), a.native_non_blocking()); });
    fresh([&](auto& io, auto& a) {
        bool done = false;
        a.async_accept([&](error_code e, const tcp::socket& s) { done = true, out.say("async_accept", e, s.is_open()); });
        io.run_for(30ms);
        out.say("done", done);
    });
    fresh([&](auto& io, auto& a) {
        bool done = false;
        a.async_wait(tcp::acceptor::wait_read, [&](error_code e) { done = true, out.say("async_wait", e); });
        io.run_for(30ms);
        out.say("done", done);
    });
    fresh([&](auto& io, auto& a) {
        tcp::acceptor moved(std::move(a));
        out.say("moved", a.is_open(), moved.is_open());
        tcp::acceptor assigned(io);
        assigned = std::move(moved);
        out.say("assigned", assigned.is_open());
    });
}

BEHAVIOUR(acceptor_state_closed)
{
    walk(out, [](tcp::acceptor&) {});
}
BEHAVIOUR(acceptor_state_open)
{
    walk(out, [](tcp::acceptor& a) { a.open(tcp_of_run()); });
}
BEHAVIOUR(acceptor_state_bound)
{
    walk(out, [](tcp::acceptor& a) {
        a.open(tcp_of_run());
        a.bind({local(), 0});
    });
}
BEHAVIOUR(acceptor_state_listening)
{
    walk(out, [](tcp::acceptor& a) {
        a.open(tcp_of_run());
        a.bind({local(), 0});
        a.listen();
    });
}

BEHAVIOUR(a_small_backlog)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp_of_run());
    a.bind({local(), 0});
    a.listen(1);
    std::vector<tcp::socket> clients;
    int connected = 0;
    for (int i = 0; i < 5; ++i) clients.emplace_back(io);
    for (tcp::socket& c : clients) c.async_connect(a.local_endpoint(), [&](error_code ec) { connected += ec ? 0 : 1; });
    io.run_for(100ms);
    out.say("two of five are connected", connected);
    a.non_blocking(true);
    error_code ec;
    std::vector<tcp::socket> accepted;
    for (int i = 0; i < 2; ++i) accepted.push_back(a.accept(ec)), out.say("accept", ec);
    a.accept(ec), out.say("then", ec);
}

BEHAVIOUR(a_larger_backlog_afterwards)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp_of_run());
    error_code ec;
    a.bind({local(), 0});
    a.listen(0);
    a.listen(10, ec), out.say("listen again", ec);
    std::vector<tcp::socket> clients;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back(io).connect(a.local_endpoint(), ec);
        out.say("connect", ec);
    }
}

BEHAVIOUR(listening_where_something_is_bound)
{
    asio::io_context io;
    error_code ec;
    tcp::acceptor a(io, tcp_of_run()), b(io, tcp_of_run()), c(io, tcp_of_run());
    a.bind({local(), 0});
    b.bind(a.local_endpoint(), ec), out.say("bind", ec);
    a.listen();
    b.listen(5, ec), out.say("listen elsewhere", ec, b.local_endpoint().port() != a.local_endpoint().port());
    c.set_option(socket_base::reuse_address(true));
    c.bind(a.local_endpoint(), ec), out.say("bind with reuse_address", ec);
}

BEHAVIOUR(listening_at_a_port_with_connections)
{
    asio::io_context io;
    error_code ec;
    auto l = std::make_unique<listening>(io);
    tcp::socket c(io), s(io);
    c.connect(l->at);
    l->acceptor.accept(s);
    const auto at = l->at;
    l.reset();
    tcp::acceptor plain(io, tcp_of_run()), again(io, tcp_of_run());
    plain.bind(at, ec), out.say("without reuse_address", ec);
    again.set_option(socket_base::reuse_address(true));
    again.bind(at, ec), out.say("with it", ec);
    again.listen(5, ec), out.say("listen", ec);
}

BEHAVIOUR(two_listeners_with_reuse_port)
{
    asio::io_context io;
    error_code ec;
    using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    tcp::acceptor a(io, tcp_of_run()), b(io, tcp_of_run());
    a.set_option(reuse_port(true)), b.set_option(reuse_port(true));
    a.bind({local(), 0});
    b.bind(a.local_endpoint(), ec), out.say("bind", ec);
    a.listen(5, ec), out.say("listen", ec);
    b.listen(5, ec), out.say("listen beside it", ec);
    tcp::socket c(io);
    c.connect(a.local_endpoint(), ec), out.say("connect", ec);
}

BEHAVIOUR(a_listener_on_any_and_one_on_an_address)
{
    asio::io_context io;
    error_code ec;
    tcp::acceptor a(io, tcp_of_run()), b(io, tcp_of_run());
    a.set_option(socket_base::reuse_address(true)), b.set_option(socket_base::reuse_address(true));
    a.bind({any(), 0});
    b.bind({local(), a.local_endpoint().port()}, ec), out.say("bind before it listens", ec);
    a.listen();
    b.listen(5, ec), out.say("listen", ec);
}

BEHAVIOUR(accepting_a_connection_that_was_reset)
{
    asio::io_context io;
    listening l(io);
    error_code ec;
    {
        tcp::socket c(io);
        c.connect(l.at);
        c.set_option(socket_base::linger(true, 0));
    }
    std::this_thread::sleep_for(20ms);
    l.acceptor.non_blocking(true);
    tcp::socket s = l.acceptor.accept(ec);
    out.say("accept", ec, s.is_open());
    if (ec) return;
    char x = 0;
    out.say("read", s.read_some(asio::buffer(&x, 1), ec), ec);
    out.say("write", s.write_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(cancelling_accepts)
{
    asio::io_context io;
    listening l(io);
    for (int i = 0; i < 3; ++i) l.acceptor.async_accept([&](error_code ec, const tcp::socket&) { out.say("accept", ec); });
    l.acceptor.cancel();
    io.run_for(100ms);
    tcp::socket c(io);
    error_code ec;
    c.connect(l.at, ec), out.say("connect", ec);
    l.acceptor.accept(ec), out.say("accept", ec);
}

BEHAVIOUR(a_moved_acceptor_accepts)
{
    asio::io_context io;
    listening l(io);
    l.acceptor.async_accept([&](error_code ec, const tcp::socket& s) { out.say("pending", ec, s.is_open()); });
    tcp::acceptor moved(std::move(l.acceptor));
    tcp::socket c(io), d(io);
    c.connect(l.at);
    io.run_for(200ms);
    d.connect(l.at);
    error_code ec;
    moved.accept(ec), out.say("accept", ec);
}

BEHAVIOUR(handles_that_are_never_assigned)
{
    asio::io_context io;
    listening l(io);
    tcp::socket c(io);
    c.connect(l.at);
    out.say("released", c.release() >= 0, l.acceptor.release() >= 0);
}

BEHAVIOUR(assigning_what_is_no_handle)
{
    asio::io_context io;
    tcp::socket s(io);
    error_code ec;
    s.assign(tcp_of_run(), -1, ec), out.say("assign", bool(ec), s.is_open());
}

/// IP_LOCAL_PORT_RANGE: connect() uses ports of the range only, and fails when all are in use.
BEHAVIOUR(a_range_of_local_ports)
{
    using port_range = asio::detail::socket_option::integer<IPPROTO_IP, 51>;
    constexpr int first = 60960, last = 60963;
    asio::io_context io;
    listening l(io);
    error_code ec;
    std::vector<tcp::socket> all;
    bool within = true;
    for (int i = 0; i < 10 && !ec; ++i) {
        tcp::socket& s = all.emplace_back(io, tcp_of_run());
        s.set_option(port_range(last << 16 | first));
        s.connect(l.at, ec);
        if (ec) break;
        const int port = s.local_endpoint().port();
        within = within && port >= first && port <= last;
    }
    out.say("within the range", within, all.size() > 1);
    out.say("beyond it", ec);
    tcp::socket b(io, tcp_of_run());
    b.set_option(port_range(last << 16 | first));
    b.bind({local(), 0}, ec), out.say("bind", ec);
    udp::socket u(io, udp_of_run());
    u.set_option(port_range(last << 16 | first));
    u.bind({local(), 0}, ec);
    const int port = u.local_endpoint().port();
    out.say("a datagram socket", ec, port >= first && port <= last);
}

} // namespace
} // namespace parity
