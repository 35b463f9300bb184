/// @file
/// ICMP datagrams: `tapio::ip::ping::socket` is `boost::asio::basic_datagram_socket<tapio::ip::ping>`, Asio's own class on a
/// tapio stack, with what SOCK_DGRAM and IPPROTO_ICMP are on Linux ("ping sockets"). It sends echo requests and receives the
/// replies to them, and nothing else. A datagram begins with the ICMP header, both ways. The stack writes the checksum, and the
/// identifier: it is the port of the local endpoint, which bind() chooses, or the stack if that is 0 or nothing was bound.
///
///     tapio::ip::ping::socket socket(stack, tapio::ip::ping::v4());
///     const std::array<unsigned char, 8> request{8, 0, 0, 0, 0, 0, 0, 1}; // of ICMPv6: 128 first; the last two: the sequence
///     number socket.send_to(boost::asio::buffer(request), {address, 0});         // the port does not matter
///
/// A socket that is connected receives the replies of all hosts nevertheless, as on Linux; so one request to a group may have
/// many. IP_RECVERR and ip::receive_error() tell of ICMP errors, as they do for UDP.
///
/// Several sockets may bind one identifier, since SO_REUSEADDR is on at first; the one that did so last receives.
///
/// @par Errors  those of <tapio/ip/udp.hpp>, and invalid_argument: no echo request, or shorter than its header · address_in_use:
/// the
///   identifier · protocol_not_supported: a protocol of another family
/// @par Cancellation, thread safety, lifetime  those of <tapio/ip/udp.hpp>. With several shards (shards.hpp) a reply reaches a
///   socket of the shard to whose queue the device gives it
/// @par Source  RFC 792, RFC 4443 §4, icmp(7)
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/icmp.hpp>
#include <boost/asio/ip/udp.hpp>

#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio::ip {

/// The protocol class, for Asio's class templates.
class ping
{
public:
    using endpoint = boost::asio::ip::basic_endpoint<ping>;
    using socket = boost::asio::basic_datagram_socket<ping>;
    using resolver = boost::asio::ip::basic_resolver<ping>;

    static constexpr detail::socket_kind kind = detail::socket_kind::ping;

    static ping v4() noexcept { return ping(boost::asio::ip::icmp::v4()); }
    static ping v6() noexcept { return ping(boost::asio::ip::icmp::v6()); }

    int type() const noexcept { return boost::asio::ip::udp::v4().type(); }
    int protocol() const noexcept { return protocol_; }
    int family() const noexcept { return family_; }

    friend bool operator==(const ping& a, const ping& b) noexcept { return a.family_ == b.family_; }
    friend bool operator!=(const ping& a, const ping& b) noexcept { return !(a == b); }

private:
    explicit ping(const boost::asio::ip::icmp& p) noexcept : family_(p.family()), protocol_(p.protocol()) {}
    int family_, protocol_;
};

static_assert(std::is_same_v<ping::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::ip

#pragma GCC visibility pop
