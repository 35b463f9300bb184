/// @file
/// Connects a TCP socket to a host by name, as RFC 8305 (Happy Eyeballs, version 2) says.
///
///     tapio::ip::tcp::socket socket(stack);
///     co_await tapio::async_connect(socket, "www.example.com", "443", use_awaitable);
///
/// Beside it, boost::asio::async_connect for endpoints keeps its meaning.
#pragma once

#include <tapio/detail/connect_operation.hpp>
#include <tapio/ip/tcp.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio {

namespace detail {

/// Parameters of this kind match exactly, so that Asio's async_connect for sequences of endpoints, which argument-dependent
/// lookup finds too, is no better match.
template <class T>
concept text = std::convertible_to<const T&, std::string_view>;

} // namespace detail

/// Looks up the addresses of both families at the same time, and tries them in turns of the families, beginning with the one that
/// RFC 6724 prefers. An attempt begins when the one before it has failed, or has lasted 250 ms; IPv6 addresses that are not known
/// 50 ms after those of IPv4 are not waited for. The first connection wins, and the other attempts are closed.
///
/// The attempts use sockets of their own; `socket` becomes the winner's. What it was before is closed then, and options that were
/// set on it are lost: set them afterwards. It must live, and must not be used, until the operation has completed.
/// @param host, service  as for a resolver: a name or an address; a service or a port
/// @param token  completion signature `void(error_code, ip::tcp::endpoint)`, the endpoint that the socket is connected to. The
///   handler runs on its own executor, or on the socket's if it has none, never within this call; until then the operation is
///   outstanding work
/// @par Errors  those of the resolver if no address was found (host_not_found · host_not_found_try_again · service_not_found),
///   else the last attempt's · operation_aborted. The socket is unchanged then
/// @par Cancellation  terminal, partial, total: operation_aborted; all attempts are closed
/// @par Time  the stack's, also virtual
template <class Executor, detail::text Host, detail::text Service,
          class Token = boost::asio::default_completion_token_t<Executor>>
auto async_connect(boost::asio::basic_stream_socket<ip::tcp, Executor>& socket, const Host& host, const Service& service,
                   Token&& token = Token())
{
    return boost::asio::async_initiate<Token, void(boost::system::error_code, ip::tcp::endpoint)>(
        detail::connect_initiation<ip::tcp, Executor>(socket), token, std::string(std::string_view(host)),
        std::string(std::string_view(service)));
}

} // namespace tapio

#pragma GCC visibility pop
