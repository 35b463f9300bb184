// Cancellation, executors, completion tokens, execution contexts.
#include "observe.hpp"

#include <future>
#include <thread>

namespace parity {
namespace {

BEHAVIOUR(cancel_ends_everything_pending)
{
    connected c;
    char x = 0;
    std::vector<char> much(50'000'000);
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("read", ec, n); });
    c.client.async_wait(tcp::socket::wait_read, [&](error_code ec) { out.say("wait", ec); });
    c.client.async_wait(tcp::socket::wait_error, [&](error_code ec) { out.say("wait for an error", ec); });
    error_code ec;
    c.client.cancel(ec), out.say("cancel", ec);
    c.run();
    out.say("is open", c.client.is_open());
    asio::write(c.server, asio::buffer("x", 1));
    out.say("works still", c.client.read_some(asio::buffer(&x, 1), ec), ec);
}

BEHAVIOUR(close_ends_everything_pending)
{
    connected c;
    char x = 0;
    c.client.async_read_some(asio::buffer(&x, 1),
                             [&](error_code ec, std::size_t n) { out.say("read", ec, n, c.client.is_open()); });
    c.client.async_wait(tcp::socket::wait_error, [&](error_code ec) { out.say("wait", ec); });
    c.client.close();
    c.run();
}

BEHAVIOUR(cancel_of_nothing)
{
    connected c;
    error_code ec;
    c.client.cancel(ec), out.say("cancel", ec);
    char x = 0;
    asio::write(c.server, asio::buffer("x", 1));
    c.client.wait(tcp::socket::wait_read);
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code e, std::size_t n) { out.say("read that was done", e, n); });
    c.client.cancel();
    c.run();
}

template <class Emit>
void one_slot(report& out, const char* what, Emit emit)
{
    connected c;
    asio::cancellation_signal signal;
    char x = 0, y = 0;
    c.client.async_read_some(asio::buffer(&x, 1), asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t n) {
                                 out.say(what, ec, n);
                             }));
    c.client.async_read_some(asio::buffer(&y, 1), [&](error_code ec, std::size_t n) { out.say("the other", ec, n); });
    emit(signal);
    asio::write(c.server, asio::buffer("ab", 2));
    c.run(300ms);
}

BEHAVIOUR(a_slot_cancels_its_operation_only)
{
    one_slot(out, "terminal", [](auto& s) { s.emit(asio::cancellation_type::terminal); });
    one_slot(out, "partial", [](auto& s) { s.emit(asio::cancellation_type::partial); });
    one_slot(out, "total", [](auto& s) { s.emit(asio::cancellation_type::total); });
    one_slot(out, "none", [](auto& s) { s.emit(asio::cancellation_type::none); });
    one_slot(out, "twice", [](auto& s) { s.emit(asio::cancellation_type::total), s.emit(asio::cancellation_type::total); });
}

BEHAVIOUR(a_slot_after_completion_does_nothing)
{
    connected c;
    asio::cancellation_signal signal;
    char x = 0;
    asio::write(c.server, asio::buffer("ab", 2));
    c.client.async_read_some(asio::buffer(&x, 1), asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t n) {
                                 out.say("first", ec, n);
                             }));
    c.run(300ms);
    signal.emit(asio::cancellation_type::all);
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t n) { out.say("second", ec, n); });
    c.run(300ms);
}

BEHAVIOUR(slots_of_accept_and_connect)
{
    asio::io_context io;
    listening l(io);
    asio::cancellation_signal a, b;
    l.acceptor.async_accept(
        asio::bind_cancellation_slot(a.slot(), [&](error_code ec, const tcp::socket&) { out.say("accept", ec); }));
    tcp::socket s(io, tcp_of_run());
    l.acceptor.async_wait(tcp::acceptor::wait_read,
                          asio::bind_cancellation_slot(b.slot(), [&](error_code ec) { out.say("wait", ec); }));
    a.emit(asio::cancellation_type::total);
    b.emit(asio::cancellation_type::terminal);
    io.run_for(500ms);
    out.say("acceptor is open", l.acceptor.is_open());
}

BEHAVIOUR(awaitable_operators)
{
    using namespace asio::experimental::awaitable_operators;
    connected c;
    asio::co_spawn(
        c.io,
        [&]() -> asio::awaitable<void> {
            char x = 0;
            asio::steady_timer t(c.io, 20ms);
            auto r = co_await (c.client.async_read_some(asio::buffer(&x, 1), asio::use_awaitable) ||
                               t.async_wait(asio::use_awaitable));
            out.say("read or timer", r.index());
            asio::write(c.server, asio::buffer("x", 1));
            t.expires_after(10s);
            r = co_await (c.client.async_read_some(asio::buffer(&x, 1), asio::use_awaitable) ||
                          t.async_wait(asio::use_awaitable));
            out.say("read or timer", r.index());
        },
        asio::detached);
    c.run();
}

BEHAVIOUR(tokens)
{
    connected c;
    char x = 0;
    asio::write(c.server, asio::buffer("abcdefgh", 8));
    asio::co_spawn(
        c.io,
        [&]() -> asio::awaitable<void> {
            out.say("use_awaitable", co_await c.client.async_read_some(asio::buffer(&x, 1), asio::use_awaitable));
            const auto [ec, n] = co_await c.client.async_read_some(asio::buffer(&x, 1), asio::as_tuple(asio::use_awaitable));
            out.say("as_tuple", ec, n);
            error_code redirected;
            out.say("redirect_error",
                    co_await c.client.async_read_some(asio::buffer(&x, 1), asio::redirect_error(asio::use_awaitable, redirected)),
                    redirected);
            const auto deferred = c.client.async_read_some(asio::buffer(&x, 1), asio::deferred);
            out.say("deferred", co_await deferred(asio::use_awaitable));
        },
        asio::detached);
    c.run();
    auto future = c.client.async_read_some(asio::buffer(&x, 1), asio::use_future);
    c.run();
    out.say("use_future", future.get());
    c.client.async_read_some(asio::buffer(&x, 1), asio::detached);
    c.run();
    out.say("detached", std::string_view(&x, 1));
    tcp::socket closed(c.io);
    auto failing = closed.async_read_some(asio::buffer(&x, 1), asio::use_future);
    c.run();
    try {
        failing.get();
    } catch (const boost::system::system_error& e) {
        out.say("a future that failed", e.code());
    }
}

BEHAVIOUR(default_tokens)
{
    using socket = asio::use_awaitable_t<>::as_default_on_t<tcp::socket>;
    connected c;
    asio::co_spawn(
        c.io,
        [&]() -> asio::awaitable<void> {
            socket s(std::move(c.client));
            char x = 'x';
            out.say("write", co_await s.async_write_some(asio::buffer(&x, 1)));
        },
        asio::detached);
    c.run();
    char x = 0;
    out.say("read", c.server.read_some(asio::buffer(&x, 1)));
}

BEHAVIOUR(bound_executors_and_strands)
{
    connected c;
    asio::thread_pool pool(1);
    auto strand = asio::make_strand(c.io);
    char x = 0, y = 0;
    asio::write(c.server, asio::buffer("ab", 2));
    std::promise<bool> elsewhere;
    const auto here = std::this_thread::get_id();
    c.client.async_read_some(asio::buffer(&x, 1), asio::bind_executor(pool.get_executor(), [&](error_code, std::size_t) {
                                 elsewhere.set_value(std::this_thread::get_id() != here);
                             }));
    c.client.async_read_some(asio::buffer(&y, 1), asio::bind_executor(strand, [&](error_code ec, std::size_t) {
                                 out.say("on the strand", ec, strand.running_in_this_thread());
                             }));
    c.run();
    out.say("on the pool", elsewhere.get_future().get());
    pool.join();
}

BEHAVIOUR(a_socket_on_a_strand)
{
    asio::io_context io;
    listening l(io);
    auto strand = asio::make_strand(io);
    asio::basic_stream_socket<tcp, asio::strand<asio::io_context::executor_type>> s(strand);
    s.async_connect(l.at, [&](error_code ec) { out.say("connect", ec, strand.running_in_this_thread()); });
    io.run();
}

BEHAVIOUR(work_keeps_the_context_running)
{
    connected c;
    char x = 0;
    c.client.async_read_some(asio::buffer(&x, 1), [&](error_code ec, std::size_t) { out.say("read", ec); });
    c.io.restart();
    out.say("ran", c.io.run_for(30ms), c.io.stopped());
    asio::write(c.server, asio::buffer("x", 1));
    c.io.restart();
    out.say("ran", c.io.run_for(2s), c.io.stopped());
}

BEHAVIOUR(run_returns_when_nothing_is_pending)
{
    connected c;
    out.say("ran", c.io.run(), c.io.stopped());
}

BEHAVIOUR(handlers_may_start_and_close)
{
    connected c;
    char x = 0;
    int rounds = 0;
    std::function<void(error_code, std::size_t)> next = [&](error_code ec, std::size_t) {
        if (ec) return out.say("ended", ec, rounds);
        if (++rounds == 5) c.client.close();
        c.client.async_read_some(asio::buffer(&x, 1), next);
    };
    asio::write(c.server, asio::buffer("abcdefgh", 8));
    c.client.async_read_some(asio::buffer(&x, 1), next);
    c.run();
}

BEHAVIOUR(two_threads_run_one_context)
{
    connected c;
    std::vector<char> from(1'000'000, 'q'), into(1'000'000);
    std::size_t wrote = 0, read = 0;
    asio::async_write(c.client, asio::buffer(from), [&](error_code, std::size_t n) { wrote = n; });
    asio::async_read(c.server, asio::buffer(into), [&](error_code, std::size_t n) { read = n; });
    c.io.restart();
    std::thread other([&] { c.io.run_for(5s); });
    c.io.run_for(5s);
    other.join();
    out.say("moved", wrote, read, from == into);
}

BEHAVIOUR(two_contexts_talk)
{
    asio::io_context one, two;
    listening l(one);
    tcp::socket client(two);
    std::string got(5, 0);
    l.acceptor.async_accept([&](error_code ec, tcp::socket s) {
        out.say("accept", ec);
        asio::write(s, asio::buffer("hello", 5));
    });
    client.async_connect(l.at, [&](error_code) {
        asio::async_read(client, asio::buffer(got), [&](error_code ec, std::size_t n) { out.say("read", ec, n, got); });
    });
    std::thread other([&] { one.run_for(2s); });
    two.run_for(2s);
    other.join();
}

BEHAVIOUR(a_blocking_call_beside_a_running_context)
{
    asio::io_context io;
    listening l(io);
    std::thread server([&] {
        tcp::socket s = l.acceptor.accept();
        std::vector<char> v(5);
        asio::read(s, asio::buffer(v));
        asio::write(s, asio::buffer(v));
    });
    tcp::socket c(io);
    c.connect(l.at);
    asio::write(c, asio::buffer("hello", 5));
    std::string got(5, 0);
    error_code ec;
    out.say("read", asio::read(c, asio::buffer(got), ec), ec, got);
    server.join();
}

} // namespace
} // namespace parity
