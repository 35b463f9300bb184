/// @file
/// All of tapio. `namespace asio = tapio;` turns a program written for Boost.Asio into one for tapio.
#pragma once

#include <tapio/device/device.hpp>
#include <tapio/generic/datagram_protocol.hpp>
#include <tapio/generic/raw_protocol.hpp>
#include <tapio/generic/stream_protocol.hpp>
#include <tapio/ip/icmp.hpp>
#include <tapio/ip/message.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>
#include <tapio/ip/zero_copy.hpp>
#include <tapio/shards.hpp>
#include <tapio/stack.hpp>
#include <tapio/steady_timer.hpp>
#include <tapio/virtual_time.hpp>

#include <boost/asio.hpp>

namespace tapio {

using namespace boost::asio;

namespace ip {
using namespace boost::asio::ip;
}
namespace generic {
using namespace boost::asio::generic;
}

} // namespace tapio
