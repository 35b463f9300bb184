// Opening, closing, moving, assigning and destroying sockets.
#include "observe.hpp"

namespace parity {
namespace {

BEHAVIOUR(a_fresh_socket)
{
    asio::io_context io;
    tcp::socket s(io);
    error_code ec;
    out.say("is open", s.is_open());
    s.close(ec), out.say("close", ec);
    s.cancel(ec), out.say("cancel", ec);
    s.shutdown(tcp::socket::shutdown_both, ec), out.say("shutdown", ec);
    (void)s.local_endpoint(ec), out.say("local_endpoint", ec);
    (void)s.remote_endpoint(ec), out.say("remote_endpoint", ec);
    (void)s.available(ec), out.say("available", ec);
    (void)s.at_mark(ec), out.say("at_mark", ec);
    s.non_blocking(true, ec), out.say("non_blocking", ec);
    s.native_non_blocking(true, ec), out.say("native_non_blocking", ec);
    s.bind({local(), 0}, ec), out.say("bind", ec);
    s.set_option(tcp::no_delay(true), ec), out.say("set_option", ec);
    tcp::no_delay o;
    s.get_option(o, ec), out.say("get_option", ec);
    asio::socket_base::bytes_readable b;
    s.io_control(b, ec), out.say("io_control", ec);
    s.wait(tcp::socket::wait_read, ec), out.say("wait", ec);
    char c = 0;
    out.say("read_some", s.read_some(asio::buffer(&c, 1), ec), ec);
    out.say("read_some of nothing", s.read_some(asio::buffer(&c, 0), ec), ec);
    out.say("write_some", s.write_some(asio::buffer(&c, 1), ec), ec);
    out.say("write_some of nothing", s.write_some(asio::buffer(&c, 0), ec), ec);
    out.say("receive", s.receive(asio::buffer(&c, 1), 0, ec), ec);
    (void)s.release(ec), out.say("release", ec);
}

BEHAVIOUR(a_fresh_acceptor)
{
    asio::io_context io;
    tcp::acceptor a(io);
    tcp::socket s(io);
    error_code ec;
    out.say("is open", a.is_open());
    a.listen(5, ec), out.say("listen", ec);
    a.accept(s, ec), out.say("accept", ec);
    a.close(ec), out.say("close", ec);
    a.open(tcp_of_run(), ec), out.say("open", ec);
    a.accept(s, ec), out.say("accept without listen", ec);
    (void)a.local_endpoint(ec), out.say("local_endpoint", ec);
    a.open(tcp_of_run(), ec), out.say("open again", ec);
}

BEHAVIOUR(asynchronous_calls_on_a_closed_socket)
{
    asio::io_context io;
    tcp::socket s(io);
    tcp::acceptor a(io);
    char c = 0;
    s.async_read_some(asio::buffer(&c, 1), [&](error_code ec, std::size_t n) { out.say("read", ec, n); });
    s.async_write_some(asio::buffer(&c, 1), [&](error_code ec, std::size_t n) { out.say("write", ec, n); });
    s.async_read_some(asio::buffer(&c, 0), [&](error_code ec, std::size_t n) { out.say("empty read", ec, n); });
    s.async_wait(tcp::socket::wait_read, [&](error_code ec) { out.say("wait", ec); });
    a.async_accept([&](error_code ec, const tcp::socket&) { out.say("accept", ec); });
    out.say("begun");
    io.run();
}

BEHAVIOUR(open_and_close)
{
    asio::io_context io;
    tcp::socket s(io);
    error_code ec;
    s.open(tcp_of_run(), ec), out.say("open", ec);
    out.say("is open", s.is_open());
    s.open(tcp_of_run(), ec), out.say("open again", ec);
    const auto at = s.local_endpoint(ec);
    out.say("local_endpoint", ec, at.address(), at.port());
    (void)s.remote_endpoint(ec), out.say("remote_endpoint", ec);
    s.shutdown(tcp::socket::shutdown_both, ec), out.say("shutdown", ec);
    out.say("available", s.available(ec), ec);
    s.cancel(ec), out.say("cancel", ec);
    s.close(ec), out.say("close", ec);
    s.close(ec), out.say("close again", ec);
    out.say("is open", s.is_open());
}

BEHAVIOUR(reading_and_writing_unconnected)
{
    asio::io_context io;
    tcp::socket s(io, tcp_of_run());
    error_code ec;
    char c = 0;
    out.say("read", s.read_some(asio::buffer(&c, 1), ec), ec);
    out.say("write", s.write_some(asio::buffer(&c, 1), ec), ec);
    out.say("read of nothing", s.read_some(asio::buffer(&c, 0), ec), ec);
    out.say("write of nothing", s.write_some(asio::buffer(&c, 0), ec), ec);
    s.async_read_some(asio::buffer(&c, 1), [&](error_code e, std::size_t n) { out.say("async read", e, n); });
    s.async_write_some(asio::buffer(&c, 1), [&](error_code e, std::size_t n) { out.say("async write", e, n); });
    io.run();
}

BEHAVIOUR(binding)
{
    asio::io_context io;
    error_code ec;
    tcp::socket s(io, tcp_of_run());
    s.bind({local(), 0}, ec), out.say("bind", ec);
    const auto at = s.local_endpoint();
    out.say("a port was chosen", at.port() != 0, at.address());
    s.bind({local(), 0}, ec), out.say("bind again", ec);
    tcp::socket other(io, tcp_of_run());
    other.bind(at, ec), out.say("the same address", ec);
    other.bind({not_ours(), 0}, ec), out.say("an address not ours", ec);
    other.bind({any(), at.port()}, ec), out.say("any, the same port", ec);
    tcp::socket third(io, tcp_of_run());
    third.set_option(tcp::socket::reuse_address(true));
    third.bind(at, ec), out.say("with reuse_address of one only", ec);
    s.close();
    other.bind(at, ec), out.say("after close", ec);
}

BEHAVIOUR(reuse_address)
{
    asio::io_context io;
    error_code ec;
    tcp::socket a(io, tcp_of_run()), b(io, tcp_of_run());
    a.set_option(tcp::socket::reuse_address(true));
    b.set_option(tcp::socket::reuse_address(true));
    a.bind({local(), 0});
    b.bind(a.local_endpoint(), ec), out.say("both", ec);
    tcp::acceptor l(io, tcp_of_run()), m(io, tcp_of_run());
    l.set_option(tcp::acceptor::reuse_address(true));
    m.set_option(tcp::acceptor::reuse_address(true));
    l.bind({local(), 0});
    m.bind(l.local_endpoint(), ec), out.say("bind beside one that does not listen", ec);
    l.listen(5, ec), out.say("listen", ec);
    m.listen(5, ec), out.say("listen beside it", ec);
    tcp::acceptor n(io, tcp_of_run());
    n.set_option(tcp::acceptor::reuse_address(true));
    n.bind(l.local_endpoint(), ec), out.say("bind beside one that listens", ec);
}

BEHAVIOUR(acceptors_by_default_reuse)
{
    asio::io_context io;
    tcp::acceptor a(io, tcp::endpoint(local(), 0));
    asio::socket_base::reuse_address r;
    a.get_option(r);
    out.say("reuse_address", r.value());
    error_code ec;
    try {
        tcp::acceptor b(io, a.local_endpoint());
    } catch (const boost::system::system_error& e) {
        ec = e.code();
    }
    out.say("a second one", ec);
}

BEHAVIOUR(a_moved_socket)
{
    connected c;
    const auto at = c.client.local_endpoint();
    tcp::socket moved(std::move(c.client));
    out.say("the old is open", c.client.is_open());
    out.say("the new is open", moved.is_open(), moved.local_endpoint() == at);
    error_code ec;
    char x = 'x';
    out.say("write", moved.write_some(asio::buffer(&x, 1), ec), ec);
    out.say("read", c.server.read_some(asio::buffer(&x, 1), ec), ec, std::string_view(&x, 1));
    c.client.open(tcp_of_run(), ec), out.say("the old opens again", ec);
}

BEHAVIOUR(a_move_with_pending_operations)
{
    connected c;
    char x = 0;
    c.client.async_read_some(asio::buffer(&x, 1),
                             [&](error_code ec, std::size_t n) { out.say("read", ec, n, std::string_view(&x, 1)); });
    tcp::socket moved(std::move(c.client));
    asio::write(c.server, asio::buffer("y", 1));
    c.run();
}

BEHAVIOUR(move_assignment_closes_what_was_there)
{
    connected d, c; // the socket moved to c must not outlive the io_context of d
    char x = 0;
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("pending there", ec, n); });
    c.client = std::move(d.client);
    c.run(200ms);
    error_code ec;
    out.say("its peer reads", c.server.read_some(asio::buffer(&x, 1), ec), ec);
    asio::write(d.server, asio::buffer("z", 1));
    out.say("the moved one reads", c.client.read_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(destruction_aborts)
{
    asio::io_context io;
    listening l(io);
    char x = 0;
    {
        tcp::socket s(io);
        s.connect(l.at);
        s.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("read", ec, n); });
    }
    out.say("destroyed");
    io.run();
}

BEHAVIOUR(a_context_that_ends_first_destroys_handlers_uncalled)
{
    struct teller
    {
        std::shared_ptr<int> alive = std::make_shared<int>(0);
        report* to;
        void operator()(error_code ec, std::size_t) { to->say("called", ec); }
    };
    std::weak_ptr<int> watched;
    char x = 0;
    {
        auto io = std::make_unique<asio::io_context>();
        auto s = std::make_unique<tcp::socket>(*io);
        {
            listening l(*io);
            s->connect(l.at);
            teller t;
            t.to = &out;
            watched = t.alive;
            s->async_read_some(asio::buffer(&x, 1), std::move(t));
            out.say("alive", !watched.expired());
            s.reset();
        }
        out.say("alive after the socket is gone", !watched.expired());
    }
    out.say("alive after the context is gone", !watched.expired());
}

BEHAVIOUR(native_handles)
{
    connected c;
    const auto h = c.client.native_handle();
    out.say("not negative", h >= 0);
    error_code ec;
    tcp::socket other(c.io);
    const auto released = c.client.release(ec);
    out.say("release", ec, released == h, c.client.is_open());
    other.assign(tcp_of_run(), released, ec), out.say("assign", ec);
    asio::write(other, asio::buffer("x", 1));
    char x = 0;
    out.say("works", c.server.read_some(asio::buffer(&x, 1), ec), ec);
    other.assign(tcp_of_run(), released, ec), out.say("assign to an open one", ec);
}

BEHAVIOUR(release_cancels)
{
    connected c;
    char x = 0;
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("read", ec, n); });
    const auto h = c.client.release();
    tcp::socket again(c.io, tcp_of_run(), h);
    c.run(200ms);
    out.say("open", again.is_open());
}

BEHAVIOUR(protocols_and_endpoints)
{
    asio::io_context io;
    out.say("v4", tcp::v4() == tcp::v4(), tcp::v4() == tcp::v6(), tcp::v4().family() == AF_INET, tcp::v4().type() == SOCK_STREAM,
            tcp::v4().protocol());
    out.say("udp", udp::v4().type() == SOCK_DGRAM, udp::v4().protocol());
    tcp::endpoint e(ip::make_address("192.0.2.1"), 80);
    out.say("endpoint", e, e.size(), e.protocol() == tcp::v4());
    out.say("order", e < tcp::endpoint(ip::make_address("192.0.2.1"), 81), tcp::endpoint() == tcp::endpoint(tcp::v4(), 0));
    connected c;
    out.say("peers agree", c.client.local_endpoint() == c.server.remote_endpoint(),
            c.client.remote_endpoint() == c.server.local_endpoint());
}

} // namespace
} // namespace parity
