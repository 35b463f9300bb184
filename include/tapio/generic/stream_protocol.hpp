/// @file
/// Stream sockets whose endpoint type is not bound to a protocol, as with `boost::asio::generic::stream_protocol`. The only
/// address family today is AF_INET; opening a socket of another one fails with address_family_not_supported.
///
///     tapio::generic::stream_protocol::socket s(stack);
///     s.connect(tapio::ip::tcp::endpoint(address, 80));
///
/// @par Errors, cancellation, thread safety, lifetime  those of <tapio/ip/tcp.hpp>
#pragma once

#include <tapio/detail/asio_hook.hpp>
#include <tapio/detail/socket_streambuf.hpp>

#include <boost/asio/basic_socket_iostream.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/basic_endpoint.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <typeinfo>

#pragma GCC visibility push(default)

namespace tapio::generic {

/// The protocol class, for Asio's class templates: an address family and a protocol number.
class stream_protocol
{
public:
    using endpoint = boost::asio::generic::basic_endpoint<stream_protocol>;
    using socket = boost::asio::basic_stream_socket<stream_protocol>;
    using iostream = boost::asio::basic_socket_iostream<stream_protocol>;

    static constexpr detail::socket_kind kind = detail::socket_kind::tcp;

    /// @param family, protocol  as socket(2) takes them: AF_INET, and IPPROTO_TCP or 0
    stream_protocol(int family, int protocol) noexcept : family_(family), protocol_(protocol) {}

    /// From a particular protocol, such as `tapio::ip::tcp::v4()`. @throws std::bad_cast if it is not stream-oriented
    template <class Protocol>
    stream_protocol(const Protocol& source) : stream_protocol(source.family(), source.protocol())
    {
        if (source.type() != type()) throw std::bad_cast();
    }

    int type() const noexcept { return boost::asio::ip::tcp::v4().type(); }
    int protocol() const noexcept { return protocol_; }
    int family() const noexcept { return family_; }

    friend bool operator==(const stream_protocol& a, const stream_protocol& b) noexcept
    {
        return a.family_ == b.family_ && a.protocol_ == b.protocol_;
    }
    friend bool operator!=(const stream_protocol& a, const stream_protocol& b) noexcept { return !(a == b); }

private:
    int family_, protocol_;
};

static_assert(std::is_same_v<stream_protocol::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::generic

#pragma GCC visibility pop
