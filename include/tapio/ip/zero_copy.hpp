/// @file
/// Stream sockets of tapio without a copy: octets received are lent as the slices that they came in, octets to be sent are handed
/// over instead of copied.
///
///     std::vector<tapio::slice> got;
///     co_await tapio::ip::async_receive_slices(from, got, 65536, use_awaitable);
///     co_await tapio::ip::async_send_slices(to, std::move(got), use_awaitable); // a proxy
///
/// A slice is a shared, immutable view (`tapio/core/slice.hpp`): copying it costs a reference count, and its memory goes when the
/// last copy does, on any thread. One that was received keeps the whole block that the packet came in, up to 128 KiB for a large
/// segment of an offloading device: who keeps few octets for long should copy them (`slice::copy_of`). `slice::of` makes one of
/// memory that the user has already: a string, a mapped file. What lies in a slice handed over must not change any more.
///
/// @par Errors  those of receive and send: eof, connection_reset, broken_pipe, not_connected, would_block for a non-blocking
///   socket, operation_aborted; operation_not_supported unless the socket is a stream
/// @par Thread safety  as of the socket: distinct objects safe, shared ones not
#pragma once

#include <tapio/core/slice.hpp>
#include <tapio/detail/asio_hook.hpp>
#include <tapio/detail/start_operation.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

using core::slice;

namespace ip {

namespace zero_copy_detail {

struct receive_action
{
    std::vector<slice>& into;
    std::size_t limit;
    std::size_t size = 0;

    bool perform(detail::socket& s, boost::system::error_code& ec) { return s.try_receive(into, limit, size, ec); }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return detail::bound_handler<Handler, boost::system::error_code, std::size_t>(std::move(h), ec, size);
    }
};

/// Done when all of them are.
template <class Slices>
struct send_action
{
    Slices from;
    std::size_t first = 0; ///< that is left of `from`
    std::size_t sent = 0;

    bool perform(detail::socket& s, boost::system::error_code& ec)
    {
        std::size_t n = 0;
        if (!s.try_send(std::span(from).subspan(first), n, ec)) return false;
        sent += n;
        while (first < from.size() && from[first].empty()) ++first;
        return ec || first == from.size();
    }
    template <class Handler>
    auto bind(Handler&& h, boost::system::error_code ec) &&
    {
        return detail::bound_handler<Handler, boost::system::error_code, std::size_t>(std::move(h), ec, sent);
    }
};

template <class Socket, class Action, class CompletionToken>
auto initiate(Socket& s, detail::direction d, Action action, CompletionToken&& token)
{
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code, std::size_t)>(
        [&s, d](auto handler, Action a) {
            detail::start_operation(s.native_handle().find(), d, std::move(a), handler, s.get_executor());
        },
        token, std::move(action));
}

inline std::size_t checked(std::size_t n, const boost::system::error_code& ec, const char* what)
{
    if (ec) throw boost::system::system_error(ec, what);
    return n;
}

} // namespace zero_copy_detail

/// Appends what has been received, `limit` octets at most, to `into`; waits for the first of it.
/// @return octets
template <class Socket>
std::size_t receive_slices(Socket& s, std::vector<slice>& into, std::size_t limit, boost::system::error_code& ec)
{
    const auto from = s.native_handle().find();
    if (!from) return ec = boost::asio::error::bad_descriptor, std::size_t{0};
    return from->receive(into, limit, ec);
}
template <class Socket>
std::size_t receive_slices(Socket& s, std::vector<slice>& into, std::size_t limit)
{
    boost::system::error_code ec;
    const std::size_t n = receive_slices(s, into, limit, ec);
    return zero_copy_detail::checked(n, ec, "receive_slices");
}

/// @param into  must live until the handler is called, and not be touched meanwhile
/// @param token  completion signature `void(error_code, std::size_t)`: octets
/// @par Cancellation  terminal, partial, total: operation_aborted, and nothing was received
template <class Socket, class CompletionToken>
auto async_receive_slices(Socket& s, std::vector<slice>& into, std::size_t limit, CompletionToken&& token)
{
    return zero_copy_detail::initiate(s, detail::direction::read, zero_copy_detail::receive_action{into, limit},
                                      std::forward<CompletionToken>(token));
}

/// Hands `data` over, all of it (a non-blocking socket: what there is room for); waits for room. Nothing is copied.
/// @return octets taken
template <class Socket>
std::size_t send_slice(Socket& s, slice data, boost::system::error_code& ec)
{
    const auto by = s.native_handle().find();
    if (!by) return ec = boost::asio::error::bad_descriptor, std::size_t{0};
    return by->send(std::span(&data, 1), ec);
}
template <class Socket>
std::size_t send_slice(Socket& s, slice data)
{
    boost::system::error_code ec;
    const std::size_t n = send_slice(s, std::move(data), ec);
    return zero_copy_detail::checked(n, ec, "send_slice");
}

/// Hands over several, one behind the other; else as send_slice().
/// @return octets taken
template <class Socket>
std::size_t send_slices(Socket& s, std::vector<slice> data, boost::system::error_code& ec)
{
    const auto by = s.native_handle().find();
    if (!by) return ec = boost::asio::error::bad_descriptor, std::size_t{0};
    return by->send(data, ec);
}
template <class Socket>
std::size_t send_slices(Socket& s, std::vector<slice> data)
{
    boost::system::error_code ec;
    const std::size_t n = send_slices(s, std::move(data), ec);
    return zero_copy_detail::checked(n, ec, "send_slices");
}

/// @param token  completion signature `void(error_code, std::size_t)`: octets taken, on success all
/// @par Cancellation  terminal, partial, total: operation_aborted, with the octets that were taken before
template <class Socket, class CompletionToken>
auto async_send_slice(Socket& s, slice data, CompletionToken&& token)
{
    using one = std::array<slice, 1>;
    return zero_copy_detail::initiate(s, detail::direction::write, zero_copy_detail::send_action<one>{{std::move(data)}},
                                      std::forward<CompletionToken>(token));
}

/// Hands over several, one behind the other; else as async_send_slice().
/// @param token  completion signature `void(error_code, std::size_t)`: octets taken, on success all
template <class Socket, class CompletionToken>
auto async_send_slices(Socket& s, std::vector<slice> data, CompletionToken&& token)
{
    using several = std::vector<slice>;
    return zero_copy_detail::initiate(s, detail::direction::write, zero_copy_detail::send_action<several>{std::move(data)},
                                      std::forward<CompletionToken>(token));
}

} // namespace ip
} // namespace tapio

#pragma GCC visibility pop
