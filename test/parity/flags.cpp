// Message flags, buffer sequences, zero-length buffers.
#include "observe.hpp"

#include <sys/socket.h>

namespace parity {
namespace {

using asio::socket_base;

/// @return octets available at the peer, after waiting until there are `n`
std::size_t arrives(tcp::socket& s, std::size_t n)
{
    eventually([&] { return s.available() >= n; });
    return s.available();
}

BEHAVIOUR(more_is_to_come)
{
    connected c;
    error_code ec;
    std::vector<char> v(20);
    out.say("more", c.client.send(asio::buffer("abc", 3), MSG_MORE, ec), ec);
    out.say("the rest", c.client.send(asio::buffer("def", 3), 0, ec), ec);
    out.say("arrives", arrives(c.server, 6));
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 6));
    out.say("more that stays alone", c.client.send(asio::buffer("ghi", 3), MSG_MORE, ec), ec);
    out.say("arrives in the end", arrives(c.server, 3));
}

BEHAVIOUR(more_goes_with_the_end)
{
    connected c;
    error_code ec;
    std::vector<char> v(20);
    c.client.send(asio::buffer("abc", 3), MSG_MORE, ec);
    c.client.shutdown(tcp::socket::shutdown_send);
    out.say("read", asio::read(c.server, asio::buffer(v), ec), ec);
}

BEHAVIOUR(no_delay_flushes_a_cork)
{
    connected c;
    asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_CORK> cork(true);
    c.client.set_option(cork);
    asio::write(c.client, asio::buffer("abc", 3));
    c.client.set_option(tcp::no_delay(true));
    const auto begun = std::chrono::steady_clock::now();
    out.say("arrives", arrives(c.server, 3));
    out.say("before the cork's 200 ms", std::chrono::steady_clock::now() - begun < 150ms);
}

BEHAVIOUR(peeking_in_pieces)
{
    connected c;
    error_code ec;
    std::vector<char> v(10);
    asio::write(c.client, asio::buffer("abcdef", 6));
    arrives(c.server, 6);
    out.say("peek", c.server.receive(asio::buffer(v, 3), socket_base::message_peek, ec), ec, text(v, 3));
    out.say("peek more", c.server.receive(asio::buffer(v), socket_base::message_peek, ec), ec, text(v, 6));
    out.say("read", c.server.receive(asio::buffer(v, 2), 0, ec), ec, text(v, 2));
    c.server.async_receive(asio::buffer(v), socket_base::message_peek,
                           [&](error_code e, std::size_t n) { out.say("async peek", e, n, text(v, 4)); });
    c.run();
    out.say("available", c.server.available());
    c.client.close();
    out.say("read", c.server.receive(asio::buffer(v), 0, ec), ec);
    out.say("peek at the end", c.server.receive(asio::buffer(v), socket_base::message_peek, ec), ec);
}

BEHAVIOUR(peeking_waits_for_data)
{
    connected c;
    error_code ec;
    char x = 0;
    c.server.non_blocking(true);
    out.say("peek", c.server.receive(asio::buffer(&x, 1), socket_base::message_peek, ec), ec);
    c.server.non_blocking(false);
    std::thread later([&] {
        std::this_thread::sleep_for(20ms);
        asio::write(c.client, asio::buffer("x", 1));
    });
    out.say("peek", c.server.receive(asio::buffer(&x, 1), socket_base::message_peek, ec), ec);
    later.join();
}

BEHAVIOUR(waiting_for_all)
{
    connected c;
    error_code ec;
    std::vector<char> v(6);
    asio::write(c.client, asio::buffer("abc", 3));
    std::thread later([&] {
        std::this_thread::sleep_for(50ms);
        asio::write(c.client, asio::buffer("def", 3));
    });
    out.say("receive", c.server.receive(asio::buffer(v), MSG_WAITALL, ec), ec, text(v, 6));
    later.join();
    asio::write(c.client, asio::buffer("gh", 2));
    c.client.close();
    out.say("the end comes first", c.server.receive(asio::buffer(v), MSG_WAITALL, ec), ec, text(v, 2));
    out.say("then", c.server.receive(asio::buffer(v), MSG_WAITALL, ec), ec);
}

BEHAVIOUR(waiting_for_all_until_a_reset)
{
    connected c;
    error_code ec;
    std::vector<char> v(6);
    asio::write(c.client, asio::buffer("ab", 2));
    std::thread later([&] {
        std::this_thread::sleep_for(50ms);
        c.client.set_option(tcp::socket::linger(true, 0));
        c.client.close();
    });
    out.say("data comes first", c.server.receive(asio::buffer(v), MSG_WAITALL, ec), ec, text(v, 2));
    later.join();
    out.say("then the error", c.server.receive(asio::buffer(v), MSG_WAITALL, ec), ec);
    out.say("then the end", c.server.receive(asio::buffer(v), MSG_WAITALL, ec), ec);
}

BEHAVIOUR(waiting_for_all_across_the_mark)
{
    connected c;
    error_code ec;
    std::vector<char> v(6);
    asio::write(c.client, asio::buffer("ab", 2));
    c.client.send(asio::buffer("!", 1), socket_base::message_out_of_band);
    asio::write(c.client, asio::buffer("cdef", 4));
    c.server.wait(tcp::socket::wait_error);
    out.say("to the mark", c.server.receive(asio::buffer(v), MSG_WAITALL, ec), ec, text(v, 2));
    out.say("and beyond", c.server.receive(asio::buffer(v, 4), MSG_WAITALL, ec), ec, text(v, 4));
}

BEHAVIOUR(flags_without_meaning)
{
    connected c;
    error_code ec;
    char x = 'x';
    out.say("do_not_route", c.client.send(asio::buffer(&x, 1), socket_base::message_do_not_route, ec), ec);
    out.say("end_of_record", c.client.send(asio::buffer(&x, 1), socket_base::message_end_of_record, ec), ec);
    out.say("MSG_DONTWAIT", c.client.send(asio::buffer(&x, 1), MSG_DONTWAIT, ec), ec);
    out.say("arrive", arrives(c.server, 3));
}

BEHAVIOUR(out_of_band_states)
{
    connected c;
    error_code ec;
    char x = 0;
    std::vector<char> v(10);
    c.server.non_blocking(true);
    out.say("none came", c.server.receive(asio::buffer(&x, 1), socket_base::message_out_of_band, ec), ec);
    c.client.send(asio::buffer("!", 1), socket_base::message_out_of_band);
    c.server.wait(tcp::socket::wait_error);
    out.say("peek", c.server.receive(asio::buffer(&x, 1), socket_base::message_out_of_band | socket_base::message_peek, ec), ec,
            std::string_view(&x, 1));
    out.say("receive", c.server.receive(asio::buffer(&x, 1), socket_base::message_out_of_band, ec), ec, std::string_view(&x, 1));
    out.say("again", c.server.receive(asio::buffer(&x, 1), socket_base::message_out_of_band, ec), ec);
    out.say("at mark", c.server.at_mark());
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec);
    asio::write(c.client, asio::buffer("ab", 2));
    arrives(c.server, 2);
    out.say("at mark", c.server.at_mark());
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 2));
}

BEHAVIOUR(available_around_the_mark)
{
    for (const bool in_line : {false, true}) {
        connected c;
        error_code ec;
        std::vector<char> v(10);
        c.server.non_blocking(true);
        c.server.set_option(tcp::socket::out_of_band_inline(in_line));
        asio::write(c.client, asio::buffer("ab", 2));
        c.client.send(asio::buffer("!", 1), socket_base::message_out_of_band);
        asio::write(c.client, asio::buffer("cd", 2));
        c.server.wait(tcp::socket::wait_error);
        std::this_thread::sleep_for(60ms); // until "cd" has arrived
        out.say("in front of it", in_line, c.server.available(), c.server.at_mark());
        out.say("read", c.server.read_some(asio::buffer(v), ec), ec, text(v, 2));
        out.say("at it", c.server.available(), c.server.at_mark());
        out.say("read", c.server.read_some(asio::buffer(v, 1), ec), ec, text(v, 1));
        out.say("behind it", c.server.available(), c.server.at_mark());
    }
}

BEHAVIOUR(out_of_band_asynchronously)
{
    connected c;
    char x = 0;
    c.client.send(asio::buffer("?", 1), socket_base::message_out_of_band);
    c.server.wait(tcp::socket::wait_error);
    c.server.async_receive(asio::buffer(&x, 1), socket_base::message_out_of_band,
                           [&](error_code ec, std::size_t n) { out.say("receive", ec, n, std::string_view(&x, 1)); });
    c.run(100ms);
}

// -- buffers -----------------------------------------------------------------------------------------------------------

BEHAVIOUR(nothing_to_read_or_write)
{
    connected c;
    error_code ec;
    const std::array<asio::mutable_buffer, 0> none{};
    const std::array<asio::mutable_buffer, 3> empty{};
    out.say("read into no buffers", c.client.read_some(none, ec), ec);
    out.say("read into empty ones", c.client.read_some(empty, ec), ec);
    out.say("write no buffers", c.client.write_some(none, ec), ec);
    out.say("write empty ones", c.client.write_some(empty, ec), ec);
    out.say("send empty ones", c.client.send(empty, 0, ec), ec);
    c.client.async_read_some(empty, [&](error_code e, std::size_t n) { out.say("async read", e, n); });
    c.client.async_write_some(none, [&](error_code e, std::size_t n) { out.say("async write", e, n); });
    c.run(100ms);
    c.server.close();
    c.client.wait(tcp::socket::wait_read);
    out.say("read of nothing at the end", c.client.read_some(empty, ec), ec);
}

BEHAVIOUR(empty_buffers_among_others)
{
    connected c;
    error_code ec;
    const std::array<asio::const_buffer, 5> from{asio::const_buffer(), asio::buffer("ab", 2), asio::const_buffer(),
                                                 asio::buffer("c", 1), asio::const_buffer()};
    out.say("write", c.client.write_some(from, ec), ec);
    arrives(c.server, 3);
    char x = 0, y[5];
    const std::array<asio::mutable_buffer, 4> into{asio::mutable_buffer(), asio::buffer(&x, 1), asio::mutable_buffer(),
                                                   asio::buffer(y)};
    out.say("read", c.server.read_some(into, ec), ec, std::string_view(&x, 1), std::string_view(y, 2));
}

BEHAVIOUR(more_than_64_buffers)
{
    connected c;
    error_code ec;
    char octets[100];
    std::vector<asio::mutable_buffer> pieces;
    for (char& o : octets) o = 'o', pieces.push_back(asio::buffer(&o, 1));
    out.say("write_some takes so many", c.client.write_some(pieces, ec), ec);
    arrives(c.server, 64);
    out.say("write the others", asio::write(c.client, pieces, ec), ec);
    arrives(c.server, 164);
    out.say("read_some", c.server.read_some(pieces, ec), ec);
}

BEHAVIOUR(a_thousand_octets_one_by_one)
{
    connected c;
    error_code ec;
    std::string got;
    for (int i = 0; i < 1000; ++i) asio::write(c.client, asio::buffer("z", 1));
    c.client.close();
    out.say("read", asio::read(c.server, asio::dynamic_buffer(got), ec), ec);
}

BEHAVIOUR(a_full_send_buffer)
{
    connected c;
    error_code ec;
    const std::vector<char> much(100'000);
    c.client.non_blocking(true);
    std::size_t sent = 0;
    while (!ec) sent += c.client.write_some(asio::buffer(much), ec);
    out.say("at last", ec, sent > 0);
    bool writable = false;
    c.client.async_wait(tcp::socket::wait_write, [&](error_code) { writable = true; });
    c.run(50ms);
    out.say("writable", writable);
    std::vector<char> v(100'000);
    std::size_t got = 0;
    while (got < sent) got += c.server.read_some(asio::buffer(v));
    c.run(500ms);
    out.say("writable", writable, got == sent);
}

BEHAVIOUR(a_low_watermark_of_what_is_unsent)
{
    connected c;
    error_code ec;
    c.client.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>(4096));
    const std::vector<char> much(100'000);
    c.client.non_blocking(true);
    while (!ec) c.client.write_some(asio::buffer(much), ec);
    bool writable = false;
    c.client.async_wait(tcp::socket::wait_write, [&](error_code) { writable = true; });
    c.run(50ms);
    out.say("writable while much waits", writable);
    std::vector<char> v(100'000);
    c.server.non_blocking(true);
    eventually([&] {
        c.server.read_some(asio::buffer(v), ec);
        c.run(1ms);
        return writable;
    });
    out.say("writable when it has gone", writable);
}

BEHAVIOUR(a_receive_low_watermark)
{
    connected c;
    c.server.set_option(socket_base::receive_low_watermark(5));
    bool readable = false;
    c.server.async_wait(tcp::socket::wait_read, [&](error_code) { readable = true; });
    asio::write(c.client, asio::buffer("abc", 3));
    c.run(50ms);
    out.say("three of five", readable, c.server.available());
    asio::write(c.client, asio::buffer("de", 2));
    c.run(500ms);
    out.say("five", readable);
    std::vector<char> v(10);
    error_code ec;
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec);
    asio::write(c.client, asio::buffer("f", 1));
    c.client.close();
    c.server.wait(tcp::socket::wait_read, ec), out.say("the end counts", ec);
    out.say("read", c.server.read_some(asio::buffer(v), ec), ec);
}

} // namespace
} // namespace parity
