/// @file
/// ICMP: `tapio::ip::icmp::socket` is `boost::asio::basic_raw_socket<tapio::ip::icmp>`, Asio's own class on a tapio stack.
/// A datagram to be sent begins with the ICMP header, whose checksum the user writes; a received one begins with the IPv4 header.
/// No privileges are needed. The stack keeps answering echo requests itself.
///
/// @par Errors, cancellation, thread safety, lifetime  those of <tapio/ip/udp.hpp>
/// @par Source  RFC 792, raw(7)
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/icmp.hpp>

#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio::ip {

/// The protocol class, as boost::asio::ip::icmp.
class icmp
{
public:
    using endpoint = boost::asio::ip::basic_endpoint<icmp>;
    using socket = boost::asio::basic_raw_socket<icmp>;
    using resolver = boost::asio::ip::basic_resolver<icmp>;

    static constexpr detail::socket_kind kind = detail::socket_kind::raw;

    static icmp v4() noexcept { return icmp(boost::asio::ip::icmp::v4()); }
    static icmp v6() noexcept { return icmp(boost::asio::ip::icmp::v6()); }

    int type() const noexcept { return boost::asio::ip::icmp::v4().type(); }
    int protocol() const noexcept { return protocol_; }
    int family() const noexcept { return family_; }

    friend bool operator==(const icmp& a, const icmp& b) noexcept { return a.family_ == b.family_ && a.protocol_ == b.protocol_; }
    friend bool operator!=(const icmp& a, const icmp& b) noexcept { return !(a == b); }

private:
    explicit icmp(const boost::asio::ip::icmp& p) noexcept : family_(p.family()), protocol_(p.protocol()) {}
    int family_, protocol_;
};

static_assert(std::is_same_v<icmp::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::ip

#pragma GCC visibility pop
