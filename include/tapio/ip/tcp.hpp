/// @file
/// TCP: `tapio::ip::tcp::socket` is `boost::asio::basic_stream_socket<tapio::ip::tcp>`, Asio's own class on a tapio stack.
/// Its members and options are those of Asio's documentation and of Linux (lib/asio/README.md lists them).
///
/// @par Errors  those of a kernel socket under Asio: connection_refused · timed_out · host_unreachable · network_unreachable
///   (tapio::errc::no_stack if there is no stack) · network_down · connection_reset (once, then eof) · broken_pipe ·
///   not_connected · address_in_use · address_not_available · bad_descriptor (the socket is closed) · operation_aborted
/// @par Cancellation  of every asynchronous operation: terminal, partial and total cancel it; the socket stays open
/// @par Thread safety  distinct objects: safe; shared objects: unsafe (as in Asio). On an io_context with concurrency_hint 1: one
///   thread for all sockets of the stack
/// @par Lifetime  a socket may outlive its stack; its operations then fail with bad_descriptor
/// @par Source  RFC 9293
#pragma once

#include <tapio/core/tcp_info.hpp>
#include <tapio/detail/asio_hook.hpp>
#include <tapio/detail/socket_streambuf.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_socket_iostream.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/system_error.hpp>

#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio::ip {

/// The protocol class, as boost::asio::ip::tcp.
class tcp
{
public:
    using endpoint = boost::asio::ip::basic_endpoint<tcp>;
    using socket = boost::asio::basic_stream_socket<tcp>;
    using acceptor = boost::asio::basic_socket_acceptor<tcp>;
    using resolver = boost::asio::ip::basic_resolver<tcp>;
    /// A stream constructed from nothing, or from a host and a service, has an io_context of its own: it uses the default stack,
    /// or that of use_stack(stream, stack). A stream constructed from a socket uses the socket's stack.
    using iostream = boost::asio::basic_socket_iostream<tcp>;
    using no_delay = boost::asio::ip::tcp::no_delay;

    static constexpr detail::socket_kind kind = detail::socket_kind::tcp;

    static tcp v4() noexcept { return tcp(boost::asio::ip::tcp::v4().family()); }
    static tcp v6() noexcept { return tcp(boost::asio::ip::tcp::v6().family()); }

    int type() const noexcept { return boost::asio::ip::tcp::v4().type(); }
    int protocol() const noexcept { return boost::asio::ip::tcp::v4().protocol(); }
    int family() const noexcept { return family_; }

    friend bool operator==(const tcp& a, const tcp& b) noexcept { return a.family_ == b.family_; }
    friend bool operator!=(const tcp& a, const tcp& b) noexcept { return a.family_ != b.family_; }

private:
    explicit tcp(int family) noexcept : family_(family) {}
    int family_;
};

static_assert(std::is_same_v<tcp::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::ip

namespace tapio {

/// State and statistics of a connection or a listener: windows, round-trip times, rates, what was sent, lost and received. The
/// fields and their units are in core/tcp_info.hpp.
/// @param s  a socket or an acceptor of `ip::tcp` or of `generic::stream_protocol`
/// @par Errors  bad_descriptor (not open, or its stack has ended) · operation_not_supported (not TCP)
/// @par Thread safety  as for the other members of the socket
template <class Socket>
core::tcp_info tcp_info(Socket& s, boost::system::error_code& ec)
{
    const auto of = s.native_handle().find();
    if (!of) return ec = boost::asio::error::bad_descriptor, core::tcp_info();
    return of->info(ec);
}
/// @throws boost::system::system_error with the same errors
template <class Socket>
core::tcp_info tcp_info(Socket& s)
{
    boost::system::error_code ec;
    const core::tcp_info out = tapio::tcp_info(s, ec);
    if (ec) throw boost::system::system_error(ec, "tcp_info");
    return out;
}

} // namespace tapio

#pragma GCC visibility pop
