/// @file
/// tapio::beast::tcp_stream: Beast's stream with timeouts on sockets of tapio. (boost::beast::tcp_stream uses the kernel's TCP.)
///
///     tapio::beast::tcp_stream stream(stack);
///     stream.expires_after(30s);
///     co_await stream.async_connect({address, 80}, use_awaitable);
///
/// Errors, cancellation, thread safety and lifetime are those of boost::beast::basic_stream and of <tapio/ip/tcp.hpp>. Its
/// timeouts use Asio's own timers, on the stack's io_context: for virtual time see <tapio/virtual_std_clock.hpp>.
#pragma once

#include <tapio/ip/tcp.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/rate_policy.hpp>

#pragma GCC visibility push(default)

namespace tapio::beast {

using tcp_stream = boost::beast::basic_stream<tapio::ip::tcp, boost::asio::any_io_executor, boost::beast::unlimited_rate_policy>;

} // namespace tapio::beast

#pragma GCC visibility pop
