#include "tapio/format.hpp"
#include "tapio/perf.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <stdexcept>

namespace apps::tools {

namespace asio = boost::asio;
using asio::as_tuple;
using asio::use_awaitable;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

namespace {

constexpr std::chrono::seconds patience{10}; ///< for a connection, and for the answer to a greeting

} // namespace

perf_client::perf_client(asio::io_context& io, tapio::stack& stack, const perf_parameters& p, const perf_report_options& o)
    : io_(io), stack_(stack), session_(std::make_shared<perf_session>(io, true, p, o)), time_(io)
{
    session_->budget()->octets = p.octets;
    session_->budget()->exhausted = [this] { end(); };
}

perf_client::~perf_client() { session_->budget()->exhausted = {}; }

asio::awaitable<void> perf_client::run(tcp::endpoint server)
{
    server_ = server;
    tcp::socket socket(stack_);
    const auto [error] = co_await socket.async_connect(server, as_tuple(use_awaitable));
    if (error) throw std::runtime_error("connect to " + endpoint_text(server.address(), server.port()) + ": " + error.message());
    socket.set_option(tcp::no_delay(true));
    control_ = std::make_unique<perf_control>(std::move(socket));
    co_await asio::async_write(control_->socket(), asio::buffer(cookie_), use_awaitable);
    for (bool goes_on = true; goes_on;) goes_on = co_await act(co_await control_->receive_state());
    session_->print(theirs_);
    session_->streams().clear(); // closes their sockets
}

asio::awaitable<bool> perf_client::act(perf_state s)
{
    switch (s) {
    case perf_state::parameter_exchange: co_await control_->send_text(to_json(session_->parameters())); break;
    case perf_state::create_streams: co_await create_streams(); break;
    case perf_state::test_start: break;
    case perf_state::test_running: begin(); break;
    case perf_state::exchange_results: co_await exchange_results(); break;
    case perf_state::display_results: co_await control_->send_state(perf_state::done); co_return false;
    case perf_state::access_denied: throw std::runtime_error("the server is busy with another test");
    case perf_state::server_terminate: throw std::runtime_error("the server has ended");
    case perf_state::server_error: throw std::runtime_error(co_await control_->receive_server_error());
    default: throw std::runtime_error("the server says what iperf3 does not: state " + std::to_string(static_cast<int>(s)));
    }
    co_return true;
}

asio::awaitable<void> perf_client::create_streams()
{
    while (!session_->is_complete()) { // no conditional expression: GCC 12 destroys its operands twice in a co_await
        if (session_->parameters().udp)
            co_await add_udp_stream();
        else
            co_await add_tcp_stream();
    }
}

asio::awaitable<void> perf_client::add_tcp_stream()
{
    tcp::socket socket(stack_);
    co_await socket.async_connect(server_, use_awaitable);
    co_await asio::async_write(socket, asio::buffer(cookie_), use_awaitable);
    session_->add_tcp(std::move(socket));
}

asio::awaitable<void> perf_client::add_udp_stream()
{
    const auto socket = std::make_shared<udp::socket>(stack_, server_.address().is_v4() ? udp::v4() : udp::v6());
    const udp::endpoint server(server_.address(), server_.port());
    socket->connect(server);
    socket->send(asio::buffer(perf_greeting));
    time_.expires_after(patience);
    time_.async_wait([socket](error_code e) {
        if (!e) socket->cancel();
    });
    std::array<char, 4> answer{};
    const auto [error, n] = co_await socket->async_receive(asio::buffer(answer), as_tuple(use_awaitable));
    time_.cancel();
    if (error) throw std::runtime_error("no UDP stream to the server: " + error.message());
    const std::size_t index = session_->streams().size();
    session_->add_udp(socket, server);
    asio::co_spawn(io_, receive_udp(socket, index), asio::detached);
}

asio::awaitable<void> perf_client::receive_udp(std::shared_ptr<udp::socket> socket, std::size_t index)
{
    const auto session = session_;
    std::vector<std::byte> datagram(65536);
    for (;;) {
        const auto [error, n] = co_await socket->async_receive(asio::buffer(datagram), as_tuple(use_awaitable));
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
        if (!error && index < session->streams().size()) deliver(*session->streams()[index], std::span(datagram).first(n));
    }
}

void perf_client::begin()
{
    const auto& p = session_->parameters();
    session_->start();
    if (p.octets != 0) return; // the budget ends the test
    time_.expires_after(std::chrono::seconds(p.time + p.omit));
    time_.async_wait([this](error_code e) {
        if (!e) end();
    });
}

void perf_client::end()
{
    if (std::exchange(ended_, true)) return;
    session_->stop();
    asio::co_spawn(io_, control_->send_state(perf_state::test_end), asio::detached);
}

void perf_client::interrupt()
{
    time_.cancel();
    if (control_ && session_->is_complete())
        end();
    else
        io_.stop();
}

asio::awaitable<void> perf_client::exchange_results()
{
    session_->stop();
    co_await control_->send_text(to_json(session_->results()));
    theirs_ = parse_perf_results(co_await control_->receive_text());
}

} // namespace apps::tools
