/// @file
/// Raw sockets whose endpoint type is not bound to a protocol, as with `boost::asio::generic::raw_protocol`. The address families
/// are AF_INET and AF_INET6; opening a socket of another one fails with address_family_not_supported.
///
///     tapio::generic::raw_protocol::socket s(stack, {AF_INET, IPPROTO_ICMP});
///     s.bind(tapio::ip::icmp::endpoint(tapio::ip::icmp::v4(), 0));
///
/// Over IPv6 a protocol other than ICMPv6 may leave its checksum to the stack, which then fills it in and drops packets with a
/// wrong one: IPV6_CHECKSUM, whose value is the number of octets in front of the checksum, or -1.
///
///     s.set_option(boost::asio::detail::socket_option::integer<IPPROTO_IPV6, IPV6_CHECKSUM>(2));
///
/// @par Errors, cancellation, thread safety, lifetime  those of <tapio/ip/icmp.hpp>
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/generic/basic_endpoint.hpp>
#include <boost/asio/generic/raw_protocol.hpp>
#include <boost/asio/ip/icmp.hpp>

#include <typeinfo>

#pragma GCC visibility push(default)

namespace tapio::generic {

/// The protocol class, for Asio's class templates: an address family and a protocol number.
class raw_protocol
{
public:
    using endpoint = boost::asio::generic::basic_endpoint<raw_protocol>;
    using socket = boost::asio::basic_raw_socket<raw_protocol>;

    static constexpr detail::socket_kind kind = detail::socket_kind::raw;

    /// @param family, protocol  as socket(2) takes them: AF_INET or AF_INET6, and the IP protocol to receive and send, 1 to 255
    raw_protocol(int family, int protocol) noexcept : family_(family), protocol_(protocol) {}

    /// From a particular protocol, such as `tapio::ip::icmp::v4()`. @throws std::bad_cast if it is not raw
    template <class Protocol>
    raw_protocol(const Protocol& source) : raw_protocol(source.family(), source.protocol())
    {
        if (source.type() != type()) throw std::bad_cast();
    }

    int type() const noexcept { return boost::asio::ip::icmp::v4().type(); }
    int protocol() const noexcept { return protocol_; }
    int family() const noexcept { return family_; }

    friend bool operator==(const raw_protocol& a, const raw_protocol& b) noexcept
    {
        return a.family_ == b.family_ && a.protocol_ == b.protocol_;
    }
    friend bool operator!=(const raw_protocol& a, const raw_protocol& b) noexcept { return !(a == b); }

private:
    int family_, protocol_;
};

static_assert(std::is_same_v<raw_protocol::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::generic

#pragma GCC visibility pop
