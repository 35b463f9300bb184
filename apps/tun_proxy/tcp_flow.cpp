#include "tun_proxy/tcp_flow.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <utility>
#include <vector>

namespace apps::tun_proxy {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using namespace asio::experimental::awaitable_operators;

namespace {

using kernel_socket = asio::ip::tcp::socket;
using client_socket = tapio::ip::tcp::socket;

/// Ends a connection with a RST, as its other half has ended.
template <class Socket>
void reset(Socket& s)
{
    error_code ignored;
    s.set_option(asio::socket_base::linger(true, 0), ignored);
    s.close(ignored);
}

/// Reads no more than it has written: a slow receiver slows the sender down. The end of the stream becomes a half-close.
template <class From, class To>
asio::awaitable<void> copy(From& from, To& to)
{
    std::vector<char> data(64 * 1024);
    error_code failed;
    for (;;) {
        const std::size_t n = co_await from.async_read_some(asio::buffer(data), redirect_error(use_awaitable, failed));
        if (failed) break;
        co_await asio::async_write(to, asio::buffer(data, n), redirect_error(use_awaitable, failed));
        if (failed) break;
    }
    error_code ignored;
    if (failed == asio::error::eof) {
        to.shutdown(asio::socket_base::shutdown_send, ignored);
        co_return;
    }
    reset(from);
    reset(to);
}

tapio::refusal refusal_of(const error_code& why)
{
    if (why == asio::error::network_unreachable) return tapio::refusal::network_unreachable;
    if (why == asio::error::host_unreachable) return tapio::refusal::host_unreachable;
    if (why == asio::error::access_denied) return tapio::refusal::prohibited;
    return tapio::refusal::reset;
}

/// @return timed_out after `limit`
asio::awaitable<error_code> connect(kernel_socket& s, const asio::ip::tcp::endpoint& to, std::chrono::seconds limit)
{
    asio::steady_timer timer(s.get_executor(), limit);
    error_code connected, expired;
    const auto first = co_await (s.async_connect(to, redirect_error(use_awaitable, connected)) ||
                                 timer.async_wait(redirect_error(use_awaitable, expired)));
    co_return first.index() == 0 ? connected : error_code(asio::error::timed_out);
}

} // namespace

asio::awaitable<void> proxy(tapio::tcp_request request, const way_out& out)
{
    const asio::ip::tcp::endpoint to(out.place_of(request.destination().address()), request.destination().port());
    kernel_socket there(co_await asio::this_coro::executor);
    error_code failed;
    there.open(to.protocol(), failed);
    if (!failed) {
        out.apply(there.native_handle());
        failed = co_await connect(there, to, out.connect_timeout);
    }
    if (failed == asio::error::timed_out) co_return request.drop(); // to the client the destination is silent, too
    if (failed) co_return request.refuse(refusal_of(failed));
    client_socket here = co_await request.async_accept(redirect_error(use_awaitable, failed));
    if (failed) co_return reset(there);
    co_await (copy(here, there) && copy(there, here));
}

} // namespace apps::tun_proxy
