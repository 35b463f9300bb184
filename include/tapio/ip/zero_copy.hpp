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
/// A file goes from the page cache to the wire, as by sendfile(2), which knows nothing of our sockets:
///
///     const std::size_t n = tapio::ip::send_file(socket, file, 0, SIZE_MAX);
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
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace tapio {

using core::slice;

namespace detail {

/// The part of a file that is there, mapped; in pieces that the memory budget can count one by one.
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

/// Sends `size` octets of a file from `offset` on, or as many as there are. Nothing is copied: the file is mapped, and stays so
/// until the peer has acknowledged the last of it; `file` may be closed at once. Its contents must not change meanwhile, and
/// octets that are cut off by then end the process with SIGBUS, as with any mapping. What is not in the page cache is read from
/// its medium on the thread that drives the stack.
/// @param file  a descriptor that can be read and mapped
/// @return octets taken (a non-blocking socket: what there is room for); 0 from the end of the file on
/// @par Errors  besides those of send: what fstat(2) and mmap(2) say of the file (bad_descriptor · access_denied · no_such_device
/// ·
///   not_enough_memory); invalid_argument for what is no regular file
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

/// @param token  completion signature `void(error_code, std::size_t)`: octets taken, on success all that there were
/// @par Cancellation  terminal, partial, total: operation_aborted, with the octets that were taken before
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
