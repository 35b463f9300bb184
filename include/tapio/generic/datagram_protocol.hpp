/// @file
/// Datagram sockets whose endpoint type is not bound to a protocol, as with `boost::asio::generic::datagram_protocol`. The only
/// address family today is AF_INET; opening a socket of another one fails with address_family_not_supported.
///
///     tapio::generic::datagram_protocol::socket s(stack, {AF_INET, IPPROTO_UDP});
///     s.send_to(boost::asio::buffer("hello", 5), tapio::ip::udp::endpoint(address, 7));
///
/// @par Errors, cancellation, thread safety, lifetime  those of <tapio/ip/udp.hpp>
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/generic/basic_endpoint.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>
#include <boost/asio/ip/udp.hpp>

#include <typeinfo>

#pragma GCC visibility push(default)

namespace tapio::generic {

/// The protocol class, for Asio's class templates: an address family and a protocol number.
class datagram_protocol
{
public:
    using endpoint = boost::asio::generic::basic_endpoint<datagram_protocol>;
    using socket = boost::asio::basic_datagram_socket<datagram_protocol>;

    static constexpr detail::socket_kind kind = detail::socket_kind::udp;

    /// @param family, protocol  as socket(2) takes them: AF_INET, and IPPROTO_UDP or 0
    datagram_protocol(int family, int protocol) noexcept : family_(family), protocol_(protocol) {}

    /// From a particular protocol, such as `tapio::ip::udp::v4()`. @throws std::bad_cast if it is not datagram-oriented
    template <class Protocol>
    datagram_protocol(const Protocol& source) : datagram_protocol(source.family(), source.protocol())
    {
        if (source.type() != type()) throw std::bad_cast();
    }

    int type() const noexcept { return boost::asio::ip::udp::v4().type(); }
    int protocol() const noexcept { return protocol_; }
    int family() const noexcept { return family_; }

    friend bool operator==(const datagram_protocol& a, const datagram_protocol& b) noexcept
    {
        return a.family_ == b.family_ && a.protocol_ == b.protocol_;
    }
    friend bool operator!=(const datagram_protocol& a, const datagram_protocol& b) noexcept { return !(a == b); }

private:
    int family_, protocol_;
};

static_assert(std::is_same_v<datagram_protocol::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::generic

#pragma GCC visibility pop
