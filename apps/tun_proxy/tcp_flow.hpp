/// @file
/// A client's connection, continued by a kernel socket.
#pragma once

#include "tun_proxy/way_out.hpp"

#include <tapio/tcp_forwarder.hpp>

#include <boost/asio/awaitable.hpp>

namespace apps::tun_proxy {

/// Connects to the destination first. If that fails, the client is told as the destination would have; if it succeeds, the client
/// is answered, and data goes both ways until both have closed their sides.
boost::asio::awaitable<void> proxy(tapio::tcp_request request, const way_out& out);

} // namespace apps::tun_proxy
