// TCP data transfer: read, write, end of stream, errors.
#include "observe.hpp"

#include <thread>

namespace parity {
namespace {

BEHAVIOUR(reading_what_was_written)
{
    connected c;
    error_code ec;
    std::vector<char> v(100);
    out.say("write", c.client.write_some(asio::buffer("hello", 5), ec), ec);
    out.say("available", eventually([&] { return c.server.available() == 5; }), c.server.available());
    out.say("read of 2", c.server.read_some(asio::buffer(v, 2), ec), ec, text(v, 2));
    out.say("read of more", c.server.read_some(asio::buffer(v), ec), ec, text(v, 3));
    out.say("available", c.server.available());
}

BEHAVIOUR(empty_operations)
{
    connected c;
    error_code ec;
    char x = 0;
    out.say("read", c.server.read_some(asio::buffer(&x, 0), ec), ec);
    out.say("write", c.server.write_some(asio::buffer(&x, 0), ec), ec);
    bool inside = true;
    c.server.async_read_some(asio::buffer(&x, 0), [&](error_code e, std::size_t n) { out.say("async read", e, n, inside); });
    c.server.async_write_some(asio::buffer(&x, 0), [&](error_code e, std::size_t n) { out.say("async write", e, n, inside); });
    inside = false;
    c.run();
    c.client.close();
    c.server.wait(tcp::socket::wait_read);
    out.say("read after the peer closed", c.server.read_some(asio::buffer(&x, 0), ec), ec);
}

BEHAVIOUR(scatter_and_gather)
{
    connected c;
    error_code ec;
    const std::string a = "ab", b = "cdef", d = "g";
    const std::array<asio::const_buffer, 4> from{asio::buffer(a), asio::const_buffer(), asio::buffer(b), asio::buffer(d)};
    out.say("write", c.client.write_some(from, ec), ec);
    eventually([&] { return c.server.available() == 7; });
    std::vector<char> x(3), y(10);
    const std::array<asio::mutable_buffer, 2> into{asio::buffer(x), asio::buffer(y)};
    out.say("read", c.server.read_some(into, ec), ec, text(x, 3), text(y, 4));
}

BEHAVIOUR(peeking)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    asio::write(c.client, asio::buffer("peek", 4));
    c.server.wait(tcp::socket::wait_read);
    out.say("peek", c.server.receive(asio::buffer(v), tcp::socket::message_peek, ec), ec, text(v, 4));
    out.say("receive", c.server.receive(asio::buffer(v), 0, ec), ec, text(v, 4));
}

BEHAVIOUR(non_blocking_reads_and_writes)
{
    connected c(4096);
    error_code ec;
    std::vector<char> v(100'000, 'x');
    c.server.non_blocking(true);
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec);
    c.client.non_blocking(true);
    bool blocked = false;
    for (int i = 0; i < 10'000 && !blocked; ++i) {
        c.client.write_some(asio::buffer(v), ec);
        blocked = bool(ec);
    }
    out.say("write until it would block", ec);
}

BEHAVIOUR(asynchronous_reads_and_writes_complete_in_order)
{
    connected c;
    std::vector<char> v(3);
    std::string reads, writes;
    for (std::size_t i = 0; i < 3; ++i)
        c.server.async_read_some(asio::buffer(&v[i], 1), [&, i](error_code ec, std::size_t n) {
            reads += std::to_string(i) + (ec ? '!' : ':') + std::to_string(n) + ' ';
        });
    for (std::size_t i = 0; i < 3; ++i)
        c.client.async_write_some(asio::buffer("abc" + i, 1), [&, i](error_code ec, std::size_t n) {
            writes += std::to_string(i) + (ec ? '!' : ':') + std::to_string(n) + ' ';
        });
    c.run();
    out.say("reads", reads);
    out.say("writes", writes);
    out.say("octets", text(v, 3));
}

BEHAVIOUR(handlers_of_ready_operations_are_posted)
{
    connected c;
    asio::write(c.client, asio::buffer("x", 1));
    c.server.wait(tcp::socket::wait_read);
    char x = 0;
    bool inside = true;
    asio::post(c.io, [&] { out.say("posted before"); });
    c.server.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t) { out.say("read", ec, inside); });
    inside = false;
    c.run();
}

BEHAVIOUR(the_peer_closes)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    asio::write(c.client, asio::buffer("last", 4));
    c.client.close();
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 4));
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec);
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec);
    out.say("available", c.server.available(ec), ec);
    out.say("first write", c.server.write_some(asio::buffer(v), ec), ec);
    c.server.wait(tcp::socket::wait_error); // until the RST has arrived
    out.say("second write", c.server.write_some(asio::buffer(v), ec), ec);
    out.say("third write", c.server.write_some(asio::buffer(v), ec), ec);
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec);
    (void)c.server.remote_endpoint(ec), out.say("remote_endpoint", ec);
    c.server.shutdown(tcp::socket::shutdown_both, ec), out.say("shutdown", ec);
}

BEHAVIOUR(a_read_pending_when_the_peer_closes)
{
    connected c;
    char x = 0;
    c.server.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("first", ec, n); });
    c.server.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("second", ec, n); });
    c.client.close();
    c.run();
}

BEHAVIOUR(half_close)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    asio::write(c.client, asio::buffer("ask", 3));
    c.client.shutdown(tcp::socket::shutdown_send, ec), out.say("shutdown send", ec);
    out.say("write", c.client.write_some(asio::buffer(v), ec), ec);
    out.say("peer reads", asio::read(c.server, asio::buffer(v), ec), ec, text(v, 3));
    asio::write(c.server, asio::buffer("answer", 6));
    c.server.close();
    out.say("we read", asio::read(c.client, asio::buffer(v), ec), ec, text(v, 6));
    c.client.shutdown(tcp::socket::shutdown_send, ec), out.say("shutdown again", ec);
}

BEHAVIOUR(shutdown_of_receiving)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    c.client.shutdown(tcp::socket::shutdown_receive, ec), out.say("shutdown receive", ec);
    out.say("read", c.client.read_some(asio::buffer(v), ec), ec);
    out.say("write", c.client.write_some(asio::buffer("x", 1), ec), ec);
    out.say("peer reads", c.server.read_some(asio::buffer(v), ec), ec);
    out.say("peer writes", c.server.write_some(asio::buffer("y", 1), ec), ec);
    out.say("acknowledged", eventually([&] { return all_acknowledged(c.server); }));
    out.say("peer writes more", c.server.write_some(asio::buffer("z", 1), ec), ec);
}

BEHAVIOUR(shutdown_wakes_a_pending_read)
{
    connected c;
    char x = 0;
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("read", ec, n); });
    c.client.shutdown(tcp::socket::shutdown_receive);
    c.run();
    connected d;
    d.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("read", ec, n); });
    d.client.shutdown(tcp::socket::shutdown_both);
    d.run();
}

BEHAVIOUR(close_with_unread_data_resets)
{
    connected c;
    error_code ec;
    char x = 0;
    asio::write(c.client, asio::buffer("unread", 6));
    c.server.wait(tcp::socket::wait_read);
    c.server.close();
    out.say("read", c.client.read_some(asio::buffer(&x, 1), ec), ec);
    out.say("read again", c.client.read_some(asio::buffer(&x, 1), ec), ec);
    out.say("write", c.client.write_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(linger_zero_resets)
{
    connected c;
    error_code ec;
    char x = 0;
    c.server.set_option(asio::socket_base::linger(true, 0));
    c.server.close();
    c.client.wait(tcp::socket::wait_read);
    out.say("is open", c.client.is_open());
    out.say("write", c.client.write_some(asio::buffer(&x, 1), ec), ec);
    out.say("read", c.client.read_some(asio::buffer(&x, 1), ec), ec);
    (void)c.client.remote_endpoint(ec), out.say("remote_endpoint", ec);
    (void)c.client.local_endpoint(ec), out.say("local_endpoint", ec);
    c.client.shutdown(tcp::socket::shutdown_both, ec), out.say("shutdown", ec);
    c.client.close(ec), out.say("close", ec);
}

BEHAVIOUR(a_reset_ends_pending_operations)
{
    connected c;
    char x = 0;
    std::vector<char> much(4'000'000);
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("read", ec, n); });
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("second read", ec, n); });
    c.server.set_option(asio::socket_base::linger(true, 0));
    c.server.close();
    c.run();
}

BEHAVIOUR(data_before_a_reset_is_lost)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    asio::write(c.server, asio::buffer("data", 4));
    c.client.wait(tcp::socket::wait_read);
    c.server.set_option(asio::socket_base::linger(true, 0));
    c.server.close();
    c.client.wait(tcp::socket::wait_error);
    out.say("read", c.client.read_some(asio::buffer(v), ec), ec);
}

BEHAVIOUR(error_option)
{
    connected c;
    c.server.set_option(asio::socket_base::linger(true, 0));
    c.server.close();
    c.client.wait(tcp::socket::wait_read);
    asio::detail::socket_option::integer<SOL_SOCKET, SO_ERROR> e;
    c.client.get_option(e), out.say("SO_ERROR", e.value() == ECONNRESET);
    c.client.get_option(e), out.say("again", e.value());
    char x = 0;
    error_code ec;
    out.say("read", c.client.read_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(waiting)
{
    connected c;
    error_code ec;
    c.client.wait(tcp::socket::wait_write, ec), out.say("write", ec);
    c.client.async_wait(tcp::socket::wait_read, [&](error_code e) { out.say("readable", e, c.client.available()); });
    c.client.async_wait(tcp::socket::wait_write, [&](error_code e) { out.say("writable", e); });
    c.io.restart();
    out.say("at once", c.io.run_one_for(500ms));
    asio::write(c.server, asio::buffer("x", 1));
    c.run();
}

// Deprecated since Boost 1.90
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
BEHAVIOUR(null_buffers)
{
    connected c;
    c.client.async_read_some(asio::null_buffers(),
                             [&](error_code e, std::size_t n) { out.say("read", e, n, c.client.available()); });
    asio::write(c.server, asio::buffer("x", 1));
    c.run();
    c.client.async_write_some(asio::null_buffers(), [&](error_code e, std::size_t n) { out.say("write", e, n); });
    c.run();
}
#pragma GCC diagnostic pop

BEHAVIOUR(a_wait_that_ends_with_the_stream)
{
    connected c;
    c.client.async_wait(tcp::socket::wait_read, [&](error_code e) {
        char x = 0;
        error_code ec;
        out.say("wait", e);
        out.say("read", c.client.read_some(asio::buffer(&x, 1), ec), ec);
    });
    c.server.close();
    c.run();
}

BEHAVIOUR(a_large_transfer)
{
    connected c;
    std::vector<char> from(3'000'000), into(3'000'000);
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i * 2654435761U >> 24);
    asio::async_write(c.client, asio::buffer(from), [&](error_code ec, std::size_t n) {
        out.say("wrote", ec, n);
        c.client.shutdown(tcp::socket::shutdown_send);
    });
    bool right = false;
    asio::async_read(c.server, asio::buffer(into),
                     [&](error_code ec, std::size_t n) { right = !ec && n == from.size() && from == into; });
    c.run(10s);
    out.say("right", right);
}

BEHAVIOUR(many_pieces)
{
    connected c;
    error_code ec;
    std::string data(5000, 0);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 26);
    std::vector<asio::const_buffer> pieces;
    for (std::size_t i = 0; i < data.size(); i += 10) pieces.push_back(asio::buffer(&data[i], 10));
    out.say("write", asio::write(c.client, pieces, ec), ec);
    std::string got(5000, 0);
    out.say("read", asio::read(c.server, asio::buffer(got), ec), ec, got == data);
}

BEHAVIOUR(composed_operations)
{
    connected c;
    error_code ec;
    asio::write(c.client, asio::buffer("line one\nline two\nrest", 22));
    std::string dynamic;
    out.say("read_until", asio::read_until(c.server, asio::dynamic_buffer(dynamic), '\n', ec), ec);
    asio::streambuf s;
    c.client.close();
    out.say("read to the end", asio::read(c.server, asio::dynamic_buffer(dynamic), asio::transfer_all(), ec), ec, dynamic.size());
}

BEHAVIOUR(out_of_band)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    asio::write(c.client, asio::buffer("ab", 2));
    out.say("send", c.client.send(asio::buffer("!", 1), tcp::socket::message_out_of_band, ec), ec);
    asio::write(c.client, asio::buffer("cd", 2));
    out.say("acknowledged", eventually([&] { return all_acknowledged(c.client); }));
    out.say("at mark", c.server.at_mark());
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 2));
    out.say("at mark", c.server.at_mark());
    out.say("out of band", c.server.receive(asio::buffer(v), tcp::socket::message_out_of_band, ec), ec, text(v, 1));
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 2));
    out.say("none left", c.server.receive(asio::buffer(v), tcp::socket::message_out_of_band, ec), ec);
}

BEHAVIOUR(out_of_band_in_line)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    c.server.set_option(asio::socket_base::out_of_band_inline(true));
    asio::write(c.client, asio::buffer("ab", 2));
    c.client.send(asio::buffer("!", 1), tcp::socket::message_out_of_band, ec);
    asio::write(c.client, asio::buffer("cd", 2));
    eventually([&] { return c.server.available() >= 5; });
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 2));
    out.say("at mark", c.server.at_mark());
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 3));
    out.say("out of band", c.server.receive(asio::buffer(v), tcp::socket::message_out_of_band, ec), ec);
}

} // namespace
} // namespace parity
