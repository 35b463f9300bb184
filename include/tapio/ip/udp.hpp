/// @file
/// UDP: `tapio::ip::udp::socket` is `boost::asio::basic_datagram_socket<tapio::ip::udp>`, Asio's own class on a tapio stack.
/// Its members and options are those of Asio's documentation and of Linux (lib/asio/README.md lists them).
///
/// @par Errors  those of a kernel socket under Asio: connection_refused after an ICMP port unreachable (connected sockets) ·
///   host_unreachable · network_unreachable (tapio::errc::no_stack if there is no stack) · network_down · message_size (longer
///   than the MTU allows: no fragmentation) · access_denied (a broadcast without the option) · bad_descriptor (the socket is
///   closed) · operation_aborted
/// @par Cancellation  of every asynchronous operation: terminal, partial and total cancel it; the socket stays open
/// @par Thread safety  distinct objects: safe; shared objects: unsafe (as in Asio). On an io_context with concurrency_hint 1: one
///   thread for all sockets of the stack
/// @par Lifetime  a socket may outlive its stack; its operations then fail with bad_descriptor
/// @par Source  RFC 768, RFC 1122 §4.1
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/udp.hpp>

#include <type_traits>

#pragma GCC visibility push(default)

namespace tapio::ip {

/// The protocol class, as boost::asio::ip::udp.
class udp
{
public:
    using endpoint = boost::asio::ip::basic_endpoint<udp>;
    using socket = boost::asio::basic_datagram_socket<udp>;
    using resolver = boost::asio::ip::basic_resolver<udp>;

    static constexpr detail::socket_kind kind = detail::socket_kind::udp;

    static udp v4() noexcept { return udp(boost::asio::ip::udp::v4().family()); }
    static udp v6() noexcept { return udp(boost::asio::ip::udp::v6().family()); }

    int type() const noexcept { return boost::asio::ip::udp::v4().type(); }
    int protocol() const noexcept { return boost::asio::ip::udp::v4().protocol(); }
    int family() const noexcept { return family_; }

    friend bool operator==(const udp& a, const udp& b) noexcept { return a.family_ == b.family_; }
    friend bool operator!=(const udp& a, const udp& b) noexcept { return a.family_ != b.family_; }

private:
    explicit udp(int family) noexcept : family_(family) {}
    int family_;
};

static_assert(std::is_same_v<udp::socket::native_handle_type, detail::native_handle_value>,
              "Asio's socket service was not replaced: these would be kernel sockets");

} // namespace tapio::ip

#pragma GCC visibility pop
