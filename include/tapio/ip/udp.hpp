/// @file
/// UDP: `tapio::ip::udp::socket` is `boost::asio::basic_datagram_socket<tapio::ip::udp>`, Asio's own class on a tapio stack.
/// Its members and options are those of Asio's documentation and of Linux (lib/asio/README.md lists them).
///
/// @par Path MTU  A datagram that is longer than the path MTU is sent in fragments, or refused with message_size: IP_MTU_DISCOVER
///   and IPV6_MTU_DISCOVER choose, as on Linux. IPV6_MTU sets the longest packet, in octets, 1280 or more, that the socket sends
///   whole over IPv6; 0: the path MTU. Read, it is the path MTU, of a connected socket. What a router says of a path holds for
///   all that sends to the same address, TCP as well, for ten minutes (RFC 8201 §5.2).
///
///   Where routers say nothing, the path MTU can be found by probes (RFC 8899, DPLPMTUD). The stack cannot do this for datagrams:
///   a probe has to be acknowledged by the peer's application, and UDP has no acknowledgements. An application does it so:
///
///   1. It sets IP_MTU_DISCOVER (IPV6_MTU_DISCOVER) to IP_PMTUDISC_PROBE, 3: datagrams are not fragmented, and are sent up to the
///      MTU of the interface, whatever routers have said; what is longer than that fails with message_size.
///   2. It sends probes, padded messages that the peer answers, and chooses their sizes and its timer by RFC 8899 §5. The size is
///      that of the datagram's payload; 28 octets of headers are added over IPv4, 48 over IPv6.
///   3. It may set IP_RECVERR (IPV6_RECVERR) and read ip::receive_error(): packets too big arrive there with the reported MTU and
///      the beginning of the probe, by which the application can tell a forged one (RFC 8899 §4.6.1). A connected socket
///      without that option gets message_size from its next call instead.
///
/// @par Errors  those of a kernel socket under Asio: connection_refused after an ICMP port unreachable (connected sockets) ·
///   host_unreachable · network_unreachable (tapio::errc::no_stack if there is no stack) · network_down · message_size (longer
///   than the MTU allows: no fragmentation) · access_denied (a broadcast without the option) · bad_descriptor (the socket is
///   closed) · operation_aborted
/// @par Cancellation  of every asynchronous operation: terminal, partial and total cancel it; the socket stays open
/// @par Thread safety  distinct objects: safe; shared objects: unsafe (as in Asio). On an io_context with concurrency_hint 1: one
///   thread for all sockets of the stack
/// @par Lifetime  a socket may outlive its stack; its operations then fail with bad_descriptor
/// @par Source  RFC 768, RFC 1122 §4.1, RFC 8085 §3.2, ip(7)
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
