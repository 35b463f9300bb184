/// @file
/// A client's flow of datagrams, continued by a kernel socket.
#pragma once

#include "tun_proxy/way_out.hpp"

#include <tapio/udp_forwarder.hpp>

#include <boost/asio/awaitable.hpp>

namespace apps::tun_proxy {

/// Datagrams go both ways until there has been none for way_out::udp_timeout. The first datagrams of a flow that has few hops
/// left are probes of a traceroute: an ICMP error that they cause is passed on to the client, with the router that sent it.
boost::asio::awaitable<void> proxy(tapio::udp_request request, const way_out& out);

} // namespace apps::tun_proxy
