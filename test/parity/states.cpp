// Every call on a stream socket in every state.
#include "observe.hpp"

#include <memory>

namespace parity {
namespace {

/// A socket in some state, and the objects that keep it there.
struct scene
{
    asio::io_context io;
    listening l{io};
    tcp::socket s{io}, peer{io};
    std::vector<tcp::socket> others;

    void connect()
    {
        s.connect(l.at);
        l.acceptor.accept(peer);
    }
    void run(std::chrono::milliseconds limit = 30ms)
    {
        io.restart();
        io.run_for(limit);
    }
};

void opened(scene& x) { x.s.open(tcp_of_run()); }
void bound(scene& x)
{
    x.s.open(tcp_of_run());
    x.s.bind({local(), 0});
}
void connecting(scene& x) // to a listener whose accept queue is full
{
    x.l.acceptor.listen(0);
    x.others.emplace_back(x.io).connect(x.l.at);
    x.s.async_connect(x.l.at, [](error_code) {});
    x.run(5ms);
}
void joined(scene& x) { x.connect(); }
void peer_has_shut(scene& x)
{
    x.connect();
    asio::write(x.peer, asio::buffer("ab", 2));
    x.peer.shutdown(tcp::socket::shutdown_send);
    eventually([&] { return x.s.available() == 2; });
    char both[2];
    asio::read(x.s, asio::buffer(both));
    x.s.wait(tcp::socket::wait_read);
}
void has_shut_sending(scene& x)
{
    x.connect();
    x.s.shutdown(tcp::socket::shutdown_send);
}
void has_shut_receiving(scene& x)
{
    x.connect();
    x.s.shutdown(tcp::socket::shutdown_receive);
}
void has_shut_both(scene& x)
{
    x.connect();
    x.s.shutdown(tcp::socket::shutdown_both);
}
void both_have_shut(scene& x)
{
    x.connect();
    x.peer.shutdown(tcp::socket::shutdown_send);
    x.s.wait(tcp::socket::wait_read);
    x.s.shutdown(tcp::socket::shutdown_send);
    x.peer.wait(tcp::socket::wait_read);
}
void was_reset(scene& x)
{
    x.connect();
    x.peer.set_option(asio::socket_base::linger(true, 0));
    x.peer.close();
    x.s.wait(tcp::socket::wait_read);
}
void was_reset_and_knows(scene& x)
{
    was_reset(x);
    char c = 0;
    error_code ec;
    x.s.read_some(asio::buffer(&c, 1), ec);
}
void was_refused(scene& x)
{
    x.l.acceptor.close();
    error_code ec;
    x.s.connect(x.l.at, ec);
}
void listens(scene& x)
{
    tcp::acceptor a(x.io, tcp::endpoint(local(), 0));
    x.s.assign(tcp_of_run(), a.release());
}

using call = std::function<void(report&, scene&, const char*)>;

char octet[4];

const std::vector<std::pair<const char*, call>>& synchronous()
{
    static const std::vector<std::pair<const char*, call>> all{
        {"read",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.read_some(asio::buffer(octet), ec), ec);
         }},
        {"read nothing",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.read_some(asio::buffer(octet, 0), ec), ec);
         }},
        {"peek",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.receive(asio::buffer(octet), tcp::socket::message_peek, ec), ec);
         }},
        {"read out of band",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.receive(asio::buffer(octet), tcp::socket::message_out_of_band, ec), ec);
         }},
        {"write",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.write_some(asio::buffer(octet), ec), ec);
         }},
        {"write twice",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.write_some(asio::buffer(octet), ec);
             out.say(n, x.s.write_some(asio::buffer(octet), ec), ec);
         }},
        {"write nothing",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.write_some(asio::buffer(octet, 0), ec), ec);
         }},
        {"write out of band",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.send(asio::buffer(octet, 1), tcp::socket::message_out_of_band, ec), ec);
         }},
        {"available",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.available(ec), ec);
         }},
        {"at_mark",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.at_mark(ec), ec);
         }},
        {"local_endpoint",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.local_endpoint(ec).port() != 0, ec);
         }},
        {"remote_endpoint",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             out.say(n, x.s.remote_endpoint(ec) == x.l.at, ec);
         }},
        {"bind",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.bind({local(), 0}, ec), out.say(n, ec);
         }},
        {"open",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.open(tcp_of_run(), ec), out.say(n, ec);
         }},
        {"shutdown receive",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.shutdown(tcp::socket::shutdown_receive, ec), out.say(n, ec);
             out.say("read after it", x.s.read_some(asio::buffer(octet), ec), ec);
         }},
        {"shutdown send",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.shutdown(tcp::socket::shutdown_send, ec), out.say(n, ec);
             out.say("write after it", x.s.write_some(asio::buffer(octet), ec), ec);
         }},
        {"shutdown both",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.shutdown(tcp::socket::shutdown_both, ec), out.say(n, ec);
             x.s.shutdown(tcp::socket::shutdown_both, ec), out.say("again", ec);
             out.say("read after it", x.s.read_some(asio::buffer(octet), ec), ec);
         }},
        {"cancel",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.cancel(ec), out.say(n, ec, x.s.is_open());
         }},
        {"close",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             x.s.close(ec), out.say(n, ec, x.s.is_open());
         }},
        {"release and assign",
         [](report& out, scene& x, const char* n) {
             error_code ec;
             const auto h = x.s.release(ec);
             const bool released = !ec;
             x.s.assign(tcp_of_run(), h, ec), out.say(n, released, ec, x.s.non_blocking());
         }},
    };
    return all;
}

/// The result of connect() to another listener, and whether the connection is established.
void connect_elsewhere(report& out, scene& x)
{
    error_code ec;
    listening elsewhere(x.io);
    x.s.connect(elsewhere.at, ec);
    out.say("connect elsewhere", ec);
}

template <class Start>
void asynchronous(report& out, scene& x, const char* name, Start start)
{
    bool done = false;
    start([&](error_code ec, std::size_t n) {
        done = true;
        out.say(name, ec, n);
    });
    x.run();
    if (done) return;
    out.say(name, "is pending");
    x.s.cancel();
    x.run();
}

/// Adapts a handler with a size to the signature of wait handlers.
template <class F>
struct without_size
{
    F f;
    void operator()(error_code ec) { f(ec, 0); }
};

void walk(report& out, void (*arrange)(scene&))
{
    for (const auto& [name, what] : synchronous()) {
        scene x;
        arrange(x);
        x.s.non_blocking(true);
        what(out, x, name);
    }
    const auto one = [&](const char* name, auto start) {
        scene x;
        arrange(x);
        asynchronous(out, x, name, [&](auto handler) { start(x.s, std::move(handler)); });
    };
    one("async_read_some", [](auto& s, auto h) { s.async_read_some(asio::buffer(octet), std::move(h)); });
    one("async_read_some of nothing", [](auto& s, auto h) { s.async_read_some(asio::buffer(octet, 0), std::move(h)); });
    one("async_write_some", [](auto& s, auto h) { s.async_write_some(asio::buffer(octet), std::move(h)); });
    one("async_wait to read", [](auto& s, auto h) { s.async_wait(tcp::socket::wait_read, without_size<decltype(h)>{h}); });
    one("async_wait to write", [](auto& s, auto h) { s.async_wait(tcp::socket::wait_write, without_size<decltype(h)>{h}); });
    one("async_wait for an error", [](auto& s, auto h) { s.async_wait(tcp::socket::wait_error, without_size<decltype(h)>{h}); });
}

BEHAVIOUR(state_open) { walk(out, opened); }
BEHAVIOUR(state_bound) { walk(out, bound); }
BEHAVIOUR(state_connecting) { walk(out, connecting); }
BEHAVIOUR(state_connected) { walk(out, joined); }
BEHAVIOUR(state_peer_has_shut) { walk(out, peer_has_shut); }
BEHAVIOUR(state_has_shut_sending) { walk(out, has_shut_sending); }
BEHAVIOUR(state_has_shut_receiving) { walk(out, has_shut_receiving); }
BEHAVIOUR(state_has_shut_both) { walk(out, has_shut_both); }
BEHAVIOUR(state_both_have_shut) { walk(out, both_have_shut); }
BEHAVIOUR(state_was_reset) { walk(out, was_reset); }
BEHAVIOUR(state_was_reset_and_knows) { walk(out, was_reset_and_knows); }
BEHAVIOUR(state_was_refused) { walk(out, was_refused); }
BEHAVIOUR(state_listens) { walk(out, listens); }

BEHAVIOUR(connect_in_every_state)
{
    const std::pair<const char*, void (*)(scene&)> all[] = {
        {"open", opened},
        {"bound", bound},
        {"connecting", connecting},
        {"connected", joined},
        {"peer has shut", peer_has_shut},
        {"has shut sending", has_shut_sending},
        {"has shut receiving", has_shut_receiving},
        {"both have shut", both_have_shut},
        {"was reset", was_reset},
        {"was reset and knows", was_reset_and_knows},
        {"listens", listens},
    };
    for (const auto& [name, arrange] : all) {
        scene x;
        arrange(x);
        out.say(name);
        connect_elsewhere(out, x);
    }
}

} // namespace
} // namespace parity
