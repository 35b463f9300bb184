/// @file
/// The one place that names boost::asio::detail: for protocols of tapio, Asio's io-objects get our service. It is included by
/// each header that defines such a protocol, so that no translation unit sees one without the other; a static_assert beside
/// each alias proves that it worked. Internal.
#pragma once

#include <tapio/detail/socket_service.hpp>

#include <boost/asio/detail/config.hpp>

#include <concepts>

namespace tapio {

/// A protocol whose sockets belong to a tapio stack.
template <class P>
concept protocol = requires
{
    typename P::endpoint;
    {
        P::kind
        } -> std::convertible_to<detail::socket_kind>;
};

} // namespace tapio

namespace boost::asio::detail {

template <typename Protocol>
class reactive_socket_service;
template <typename Protocol>
class io_uring_socket_service;
template <typename Protocol>
class win_iocp_socket_service;

template <tapio::protocol P>
class reactive_socket_service<P> : public tapio::detail::socket_service<P>
{
public:
    using tapio::detail::socket_service<P>::socket_service;
};

template <tapio::protocol P>
class io_uring_socket_service<P> : public tapio::detail::socket_service<P>
{
public:
    using tapio::detail::socket_service<P>::socket_service;
};

template <tapio::protocol P>
class win_iocp_socket_service<P> : public tapio::detail::socket_service<P>
{
public:
    using tapio::detail::socket_service<P>::socket_service;
};

} // namespace boost::asio::detail
