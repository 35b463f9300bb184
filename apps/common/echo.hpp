/// @file
/// Echo over TCP and UDP (RFC 862), as coroutines.
#pragma once

#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/awaitable.hpp>

namespace apps {

/// Accepts connections until the acceptor is closed, and echoes on each until the peer closes it.
boost::asio::awaitable<void> echo_tcp(tapio::ip::tcp::acceptor acceptor);

/// Sends every datagram back to its sender, until the socket is closed.
boost::asio::awaitable<void> echo_udp(tapio::ip::udp::socket socket);

} // namespace apps
