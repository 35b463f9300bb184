/// @file
/// Echo over TCP and UDP (RFC 862), as coroutines.
#pragma once

#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>

#include <boost/asio/awaitable.hpp>

namespace apps {

/// Accepts connections for ever and sends back on each what comes, until its end.
boost::asio::awaitable<void> echo_tcp(tapio::ip::tcp::acceptor acceptor);

/// Sends back every datagram, for ever.
boost::asio::awaitable<void> echo_udp(tapio::ip::udp::socket socket);

} // namespace apps
