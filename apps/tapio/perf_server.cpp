#include "common/program.hpp"
#include "tapio/perf.hpp"
#include "tapio/time_limit.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <stdexcept>

namespace apps::tools {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

constexpr std::chrono::seconds patience{10}; ///< for the cookie of a connection, and for all streams of a test

} // namespace

struct perf_server::test
{
    test(asio::io_context& io, const perf_cookie& c, tcp::socket socket) : cookie(c), control(std::move(socket)), all_streams(io)
    {
    }

    const perf_cookie cookie;
    perf_control control;
    std::shared_ptr<perf_session> session;          ///< from the parameters on
    std::map<udp::endpoint, std::size_t> udp_peers; ///< index of the stream
    asio::steady_timer all_streams;                 ///< cancelled when there are as many as the parameters ask for
};

perf_server::perf_server(asio::io_context& io, tapio::stack& stack, std::uint16_t port, const perf_report_options& o)
    : io_(io),
      port_(port),
      report_(o),
      acceptor_(stack, {tcp::v6(), port}),
      udp_(std::make_shared<udp::socket>(stack, udp::endpoint(udp::v6(), port)))
{
}

perf_server::~perf_server() = default;

asio::awaitable<void> perf_server::run(bool once)
{
    once_ = once;
    if (!report_.json && !report_.silent) say("Server listening on " + std::to_string(port_));
    asio::co_spawn(io_, receive_udp(), asio::detached);
    for (;;) {
        auto [error, socket] = co_await acceptor_.async_accept(as_tuple(use_awaitable));
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
        if (!error) asio::co_spawn(io_, greet(std::move(socket)), asio::detached);
    }
}

/// A connection: the first of a test, or one of its streams.
asio::awaitable<void> perf_server::greet(tcp::socket socket)
{
    perf_cookie cookie{};
    time_limit limit(io_, patience, [&socket] { socket.close(); });
    const auto [error, n] = co_await asio::async_read(socket, asio::buffer(cookie), as_tuple(use_awaitable));
    limit.end();
    if (error) co_return;
    if (!test_) {
        test_ = std::make_shared<test>(io_, cookie, std::move(socket));
        co_return co_await serve(test_);
    }
    const bool belongs =
        cookie == test_->cookie && test_->session && !test_->session->is_complete() && !test_->session->parameters().udp;
    if (!belongs) {
        perf_control denied(std::move(socket));
        co_return co_await denied.send_state(perf_state::access_denied);
    }
    test_->session->add_tcp(std::move(socket));
    if (test_->session->is_complete()) test_->all_streams.cancel();
}

asio::awaitable<void> perf_server::serve(std::shared_ptr<test> t)
{
    const auto peer = t->control.socket().remote_endpoint();
    if (!report_.json && !report_.silent)
        say("Accepted connection from " + peer.address().to_string() + ", port " + std::to_string(peer.port()));
    try {
        co_await carry_out(*t);
    } catch (const std::exception& e) {
        std::cerr << "tapio perf: the test has ended: " << e.what() << std::endl;
    }
    if (t->session) t->session->stop();
    test_.reset();
    if (once_) acceptor_.close();
}

asio::awaitable<void> perf_server::carry_out(test& t)
{
    perf_control& c = t.control;
    c.socket().set_option(tcp::no_delay(true));
    co_await c.send_state(perf_state::parameter_exchange);
    const auto parameters = parse_perf_parameters(co_await c.receive_text());
    t.session = std::make_shared<perf_session>(io_, false, parameters, report_);
    t.all_streams.expires_after(patience);
    co_await c.send_state(perf_state::create_streams);
    if (!t.session->is_complete()) co_await t.all_streams.async_wait(as_tuple(use_awaitable));
    if (!t.session->is_complete()) throw std::runtime_error("the client did not open all streams");
    co_await c.send_state(perf_state::test_start);
    t.session->start();
    co_await c.send_state(perf_state::test_running);

    const perf_state s = co_await c.receive_state();
    t.session->stop();
    if (s == perf_state::client_terminate) throw std::runtime_error("the client has terminated it");
    if (s != perf_state::test_end) throw std::runtime_error("the client says what iperf3 does not");
    co_await c.send_state(perf_state::exchange_results);
    const auto theirs = parse_perf_results(co_await c.receive_text());
    co_await c.send_text(to_json(t.session->results()));
    co_await c.send_state(perf_state::display_results);
    t.session->print(theirs);
    (void)co_await c.receive_state(); // done
}

asio::awaitable<void> perf_server::receive_udp()
{
    const auto socket = udp_;
    std::vector<std::byte> datagram(65536);
    for (;;) {
        udp::endpoint from;
        const auto [error, n] = co_await socket->async_receive_from(asio::buffer(datagram), from, as_tuple(use_awaitable));
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
        if (!error && test_ && test_->session) take(std::span(datagram).first(n), from);
    }
}

void perf_server::take(std::span<const std::byte> datagram, const udp::endpoint& from)
{
    perf_session& s = *test_->session;
    if (!s.parameters().udp) return;
    if (const auto known = test_->udp_peers.find(from); known != test_->udp_peers.end())
        return deliver(*s.streams()[known->second], datagram);
    if (s.is_complete() || datagram.size() != perf_greeting.size()) return;
    test_->udp_peers[from] = s.streams().size();
    s.add_udp(udp_, from);
    error_code error;
    udp_->send_to(asio::buffer(perf_answer), from, 0, error);
    if (s.is_complete()) test_->all_streams.cancel();
}

} // namespace apps::tools
