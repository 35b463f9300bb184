/// @file
/// Beast's stream with timeouts, over tapio: Beast's own alias names the kernel's TCP.
/// Its timeouts are timers of Asio's own, on the stack's io_context: in virtual time see <tapio/virtual_std_clock.hpp>.
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
