/// @file
/// Zero-copy reads and writes of stream sockets: received octets are handed out as the slices in which they arrived, and octets
/// to be sent are handed over as slices instead of being copied.
///
///     std::vector<tapio::slice> got;
///     co_await tapio::ip::async_receive_slices(from, got, 65536, use_awaitable);
///     co_await tapio::ip::async_send_slices(to, std::move(got), use_awaitable); // a proxy's loop
///
/// A slice is a shared, immutable view (`tapio/core/slice.hpp`): copying it costs a reference count, and its memory is freed with
/// the last copy, on any thread. A received slice keeps the whole block alive in which its packet arrived, up to 128 KiB for a
/// large segment of an offloading device; to keep a few octets for long, copy them (`slice::copy_of`). `slice::of` makes a slice
/// of memory that the user owns, such as a string or a mapped file. Octets handed over must not change any more.
///
/// A file is sent from the page cache, as by sendfile(2), which does not know sockets of tapio:
///
///     const std::size_t n = tapio::ip::send_file(socket, file, 0, SIZE_MAX);
///
/// @par Errors  those of receive and send: eof · connection_reset · broken_pipe · not_connected · would_block (non-blocking
///   socket) · operation_aborted · operation_not_supported: not a stream socket. Overloads without an error_code throw
///   boost::system::system_error
/// @par Thread safety  as for the socket: distinct objects safe, shared ones not
#pragma once

#include <tapio/core/slice.hpp>
#include <tapio/detail/asio_hook.hpp>
#include <tapio/detail/start_operation.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

using core::slice;

namespace detail {

/// Maps the part of a file that exists, as slices small enough for the memory budget to count singly.
std::vector<slice> map_file(int file, std::uint64_t offset, std::size_t size, boost::system::error_code& ec);

} // namespace detail

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

/// Done when all slices are sent.
template <class Slices>
struct send_action
{
    Slices from;
    std::size_t first = 0; ///< index of the first slice of `from` that is not sent completely
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
auto initiate(Socket& s, detail::direction d, Action action, CompletionToken&& token, boost::system::error_code refused = {})
{
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code, std::size_t)>(
        [&s, d, refused](auto handler, Action a) {
            detail::start_operation(s.native_handle().find(), d, std::move(a), handler, s.get_executor(), refused);
        },
        token, std::move(action));
}

inline std::size_t checked(std::size_t n, const boost::system::error_code& ec, const char* what)
{
    if (ec) throw boost::system::system_error(ec, what);
    return n;
}

} // namespace zero_copy_detail

/// Appends received octets to `into`, at most `limit`; waits until there is at least one, unless the socket is non-blocking.
/// @return octets appended
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

/// Asynchronous receive_slices().
/// @param into  must live until the handler is called, and must not be used until then
/// @param token  completion signature `void(error_code, std::size_t)`: octets appended
/// @par Cancellation  terminal, partial, total: operation_aborted, and nothing was received
template <class Socket, class CompletionToken>
auto async_receive_slices(Socket& s, std::vector<slice>& into, std::size_t limit, CompletionToken&& token)
{
    return zero_copy_detail::initiate(s, detail::direction::read, zero_copy_detail::receive_action{into, limit},
                                      std::forward<CompletionToken>(token));
}

/// Writes all of `data` without copying it; waits for room in the send buffer.
/// @return octets written; on a non-blocking socket, as many as there is room for
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

/// As send_slice(), for several slices in order.
/// @return octets written
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

/// Asynchronous send_slice().
/// @param token  completion signature `void(error_code, std::size_t)`: octets written; all, unless there is an error
/// @par Cancellation  terminal, partial, total: operation_aborted, with the number of octets written before
template <class Socket, class CompletionToken>
auto async_send_slice(Socket& s, slice data, CompletionToken&& token)
{
    using one = std::array<slice, 1>;
    return zero_copy_detail::initiate(s, detail::direction::write, zero_copy_detail::send_action<one>{{std::move(data)}},
                                      std::forward<CompletionToken>(token));
}

/// As async_send_slice(), for several slices in order.
/// @param token  completion signature `void(error_code, std::size_t)`: octets written; all, unless there is an error
template <class Socket, class CompletionToken>
auto async_send_slices(Socket& s, std::vector<slice> data, CompletionToken&& token)
{
    using several = std::vector<slice>;
    return zero_copy_detail::initiate(s, detail::direction::write, zero_copy_detail::send_action<several>{std::move(data)},
                                      std::forward<CompletionToken>(token));
}

/// Sends `size` octets of a file from `offset` on, or as many as there are, without copying them: the file is mapped until the
/// peer has acknowledged the last octet. Until then its contents must not change, and truncating it ends the process with SIGBUS,
/// as with any mapping. Pages that are not in the page cache are read from the disk on the thread that drives the stack.
/// @param file  a descriptor that can be read and mapped; the caller may close it at once
/// @return octets written (a non-blocking socket: what there is room for); 0 if `offset` is at or beyond the end of the file
/// @par Errors  besides those of send, those of fstat(2) and mmap(2): bad_descriptor · access_denied · no_such_device ·
///   not_enough_memory; invalid_argument: not a regular file
template <class Socket>
std::size_t send_file(Socket& s, int file, std::uint64_t offset, std::size_t size, boost::system::error_code& ec)
{
    std::vector<slice> all = detail::map_file(file, offset, size, ec);
    return ec ? 0 : send_slices(s, std::move(all), ec);
}
template <class Socket>
std::size_t send_file(Socket& s, int file, std::uint64_t offset, std::size_t size)
{
    boost::system::error_code ec;
    const std::size_t n = send_file(s, file, offset, size, ec);
    return zero_copy_detail::checked(n, ec, "send_file");
}

/// Asynchronous send_file().
/// @param token  completion signature `void(error_code, std::size_t)`: octets written; without an error, all there are
/// @par Cancellation  terminal, partial, total: operation_aborted, with the number of octets written before
template <class Socket, class CompletionToken>
auto async_send_file(Socket& s, int file, std::uint64_t offset, std::size_t size, CompletionToken&& token)
{
    using several = std::vector<slice>;
    boost::system::error_code refused;
    several all = detail::map_file(file, offset, size, refused);
    return zero_copy_detail::initiate(s, detail::direction::write, zero_copy_detail::send_action<several>{std::move(all)},
                                      std::forward<CompletionToken>(token), refused);
}

} // namespace ip
} // namespace tapio

#pragma GCC visibility pop
