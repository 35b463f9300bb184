/// @file
/// Includes all of tapio but the particular devices (device/*.hpp), beast.hpp, dns_over_tls.hpp, log.hpp and
/// virtual_std_clock.hpp.
/// `namespace asio = tapio;` turns a program written for Boost.Asio into one for tapio.
///
/// Ways to name it, each compiled by a test (test/asio/naming_test.cpp):
/// - `namespace asio = tapio;` or `namespace net = tapio;`: everything of Boost.Asio, with tapio's sockets, resolvers and
///   `steady_timer` in the place of Asio's. `asio::detail::socket_option::boolean<LEVEL, NAME>` is Asio's.
/// - `using namespace tapio::ip;`: tapio's `tcp`, `udp` and `icmp` beside Asio's addresses. Not together with
///   `using namespace boost::asio::ip;`, which brings another `tcp`.
/// - `using tapio::ip::tcp;` and other using-declarations, beside anything else.
/// - Not `using namespace tapio;`: it also brings the names of Boost.Asio, so that `ip` and `steady_timer` are ambiguous. Use the
///   alias, or using-declarations.
#pragma once

#include <tapio/connect.hpp>
#include <tapio/device/device.hpp>
#include <tapio/dns.hpp>
#include <tapio/error.hpp>
#include <tapio/filter.hpp>
#include <tapio/generic/datagram_protocol.hpp>
#include <tapio/generic/raw_protocol.hpp>
#include <tapio/generic/stream_protocol.hpp>
#include <tapio/ip/icmp.hpp>
#include <tapio/ip/message.hpp>
#include <tapio/ip/ping.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>
#include <tapio/ip/zero_copy.hpp>
#include <tapio/link/raw_protocol.hpp>
#include <tapio/nat44.hpp>
#include <tapio/shards.hpp>
#include <tapio/stack.hpp>
#include <tapio/steady_timer.hpp>
#include <tapio/version.hpp>
#include <tapio/virtual_time.hpp>

#include <boost/asio.hpp>

#pragma GCC visibility push(default)

namespace tapio {

using namespace boost::asio;
using boost::asio::async_connect; // beside that of connect.hpp, which would hide it

// For programs that write asio::detail::X and whose `asio` is tapio.
namespace detail {
using namespace boost::asio::detail;
}

// One by one, because a using-directive would also bring Asio's tcp, udp and icmp into a program's `using namespace tapio::ip`.
namespace ip {
using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v4_iterator;
using boost::asio::ip::address_v4_range;
using boost::asio::ip::address_v6;
using boost::asio::ip::address_v6_iterator;
using boost::asio::ip::address_v6_range;
using boost::asio::ip::bad_address_cast;
using boost::asio::ip::basic_address_iterator;
using boost::asio::ip::basic_address_range;
using boost::asio::ip::basic_endpoint;
using boost::asio::ip::basic_resolver;
using boost::asio::ip::basic_resolver_entry;
using boost::asio::ip::basic_resolver_iterator;
using boost::asio::ip::basic_resolver_results;
using boost::asio::ip::host_name;
using boost::asio::ip::make_address;
using boost::asio::ip::make_address_v4;
using boost::asio::ip::make_address_v6;
using boost::asio::ip::make_network_v4;
using boost::asio::ip::make_network_v6;
using boost::asio::ip::network_v4;
using boost::asio::ip::network_v6;
using boost::asio::ip::port_type;
using boost::asio::ip::resolver_base;
using boost::asio::ip::scope_id_type;
using boost::asio::ip::v4_mapped;
using boost::asio::ip::v4_mapped_t;
using boost::asio::ip::v6_only;
#if BOOST_ASIO_VERSION < 103400 // Boost 1.87 has dropped them
using boost::asio::ip::basic_resolver_query;
using boost::asio::ip::resolver_query_base;
#endif
namespace multicast {
using namespace boost::asio::ip::multicast;
}
namespace unicast {
using namespace boost::asio::ip::unicast;
}
} // namespace ip

namespace generic {
using boost::asio::generic::basic_endpoint;
using boost::asio::generic::seq_packet_protocol;
} // namespace generic

} // namespace tapio

#pragma GCC visibility pop
