/// @file
/// TCP: `tapio::ip::tcp::socket` is `boost::asio::basic_stream_socket<tapio::ip::tcp>`, Asio's own class over a stack of ours.
///
/// @par Errors  those that a kernel socket gives through Asio: connection_refused, timed_out, host_unreachable,
///   network_unreachable (tapio::errc::no_stack where nobody made a stack), connection_reset (once, then eof), broken_pipe,
///   not_connected, address_in_use, address_not_available, bad_descriptor on a closed socket, operation_aborted
/// @par Cancellation  every operation: terminal, partial and total all cancel; the socket stays open
/// @par Thread safety  distinct objects: safe; shared objects: unsafe (as in Asio)
/// @par Lifetime  a socket may outlive its stack: then its operations give bad_descriptor
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

class tcp
{
public:
    using endpoint = boost::asio::ip::basic_endpoint<tcp>;
    using socket = boost::asio::basic_stream_socket<tcp>;
    using acceptor = boost::asio::basic_socket_acceptor<tcp>;
    using resolver = boost::asio::ip::basic_resolver<tcp>;
    /// One made with nothing, or with names to connect to, has an io_context of its own: its sockets are the default stack's,
    /// or those of use_stack(stream, stack). One made with a socket has that socket's.
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

/// What a connection, or a listener, knows of itself: state, windows, round-trip times, rates, what it has sent, lost and
/// received (core/tcp_info.hpp says what each field is, and its unit). `s` is a socket or an acceptor of `ip::tcp` or of
/// `generic::stream_protocol`. Nothing is sent for it.
/// @par Errors  bad_descriptor (not open, or its stack is gone) · operation_not_supported (not TCP)
/// @par Thread safety  as of the socket's other members
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
