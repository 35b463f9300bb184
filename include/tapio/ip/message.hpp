/// @file
/// receive_message(), send_message() and receive_error(): recvmsg(2) and sendmsg(2) with their control data. They tell to which
/// address and by which interface a datagram came, choose both for a datagram to be sent, and read the ICMP errors about
/// datagrams that were sent. For `udp`, `icmp` and raw sockets of tapio; receive_message() also for streams.
///
///     tapio::ip::packet_info info;
///     const std::size_t n = tapio::ip::receive_message(socket, buffer, sender, info);
///     tapio::ip::send_message(socket, answer, sender, {.interface = info.interface, .address = info.address});
///
/// @par Errors  those of receive_from and send_to · no_such_device, invalid_argument: the packet_info names an interface
///   or address that the stack does not have · operation_not_supported: send_message() or receive_error() on a stream. The
///   overload without an error_code throws boost::system::system_error
/// @par Thread safety  as for the socket: distinct objects safe, shared ones not
/// @par Source  ip(7): IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVERR; socket(7): SO_TIMESTAMP; tcp(7): TCP_INQ;
///   RFC 1122 §4.1.3.5, §4.1.4
#pragma once

#include <tapio/detail/asio_hook.hpp>

#include <boost/asio/compose.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace tapio::ip {

/// Control data. Receiving a datagram sets every field but `unread`, whether or not IP_PKTINFO and the like are on; receiving
/// from a stream sets `received` and `unread`. Sending uses `interface` and `address`; the routes choose what is not set.
struct packet_info
{
    std::optional<unsigned> interface {
    };                                  ///< stack::interface_id; 0 is the loopback
    boost::asio::ip::address address{}; ///< received: the destination; to be sent: the source
    std::uint8_t ttl = 0, tos = 0;      ///< of the IP header; received only
    /// When it arrived (SO_TIMESTAMP), in the time of tapio::steady_clock; of a stream: when its last octets arrived.
    std::chrono::steady_clock::time_point received{};
    std::size_t unread = 0; ///< of a stream: octets that can be read now (TCP_INQ)
};

/// An ICMP error about a datagram that the socket sent.
struct error_message
{
    boost::system::error_code error;   ///< the error that the socket reports for it
    boost::asio::ip::address offender; ///< the sender of the ICMP error; this host if a neighbour does not answer
    std::uint8_t type = 0, code = 0;   ///< of the ICMP header (RFC 792)
    std::uint32_t mtu = 0;             ///< next-hop MTU in octets, if the datagram was too long (RFC 1191)
};

namespace message_detail { // not `detail`, which would hide tapio::detail here

template <class Socket, class Buffers>
std::size_t try_receive_message(Socket& s, const Buffers& buffers, typename Socket::endpoint_type& sender, packet_info& info,
                                int flags, bool may_wait, boost::system::error_code& ec)
{
    const auto from = s.native_handle().find();
    if (!from) return ec = boost::asio::error::bad_descriptor, std::size_t{0};
    const detail::buffer_list<core::mutable_bytes> into(buffers);
    core::endpoint peer;
    detail::message_info got;
    const std::size_t n = from->receive_message(into.list(), flags, may_wait, peer, got, ec);
    if (ec) return 0;
    sender = detail::from_core<typename Socket::endpoint_type>(peer);
    info = {got.interface, got.local, got.ttl, got.tos, got.received, got.unread};
    return n;
}

/// Waits until the socket is readable, then reads; waits again if another operation has read before it.
template <class Socket, class Buffers>
struct receive_message_op
{
    Socket& socket;
    Buffers buffers;
    typename Socket::endpoint_type& sender;
    packet_info& info;
    int flags;

    template <class Self>
    void operator()(Self& self)
    {
        self.reset_cancellation_state(boost::asio::enable_total_cancellation());
        wait(self);
    }
    template <class Self>
    void operator()(Self& self, boost::system::error_code ec)
    {
        std::size_t n = 0;
        if (!ec) n = try_receive_message(socket, buffers, sender, info, flags, false, ec);
        if (ec == boost::asio::error::would_block) return wait(self);
        self.complete(ec, n);
    }
    template <class Self>
    void wait(Self& self)
    {
        socket.async_wait(boost::asio::socket_base::wait_read, std::move(self));
    }
};

} // namespace message_detail

/// As `receive_from`, with control data; waits unless the socket is non-blocking.
/// @param sender, info  set on success
/// @return octets received; a datagram longer than the buffers is truncated
template <class Socket, class MutableBufferSequence>
std::size_t receive_message(Socket& s, const MutableBufferSequence& buffers, typename Socket::endpoint_type& sender,
                            packet_info& info, boost::asio::socket_base::message_flags flags, boost::system::error_code& ec)
{
    return message_detail::try_receive_message(s, buffers, sender, info, flags, true, ec);
}
template <class Socket, class MutableBufferSequence>
std::size_t receive_message(Socket& s, const MutableBufferSequence& buffers, typename Socket::endpoint_type& sender,
                            packet_info& info)
{
    boost::system::error_code ec;
    const std::size_t n = receive_message(s, buffers, sender, info, 0, ec);
    if (ec) throw boost::system::system_error(ec, "receive_message");
    return n;
}

/// Asynchronous receive_message().
/// @param token  completion signature `void(error_code, std::size_t)`: octets received
/// @par Cancellation  terminal, partial, total: operation_aborted, and nothing was received
/// @par Lifetime  the socket, the buffers' memory, `sender` and `info` must live until the handler is called
template <class Socket, class MutableBufferSequence, class CompletionToken>
auto async_receive_message(Socket& s, const MutableBufferSequence& buffers, typename Socket::endpoint_type& sender,
                           packet_info& info, CompletionToken&& token)
{
    return boost::asio::async_compose<CompletionToken, void(boost::system::error_code, std::size_t)>(
        message_detail::receive_message_op<Socket, MutableBufferSequence>{s, buffers, sender, info, 0}, token, s);
}

/// As `send_to`, by the interface and from the address that `info` names. Never waits.
/// @param destination  unspecified with port 0: the peer that the socket is connected to
/// @return octets sent
template <class Socket, class ConstBufferSequence>
std::size_t send_message(Socket& s, const ConstBufferSequence& buffers, const typename Socket::endpoint_type& destination,
                         const packet_info& info, boost::system::error_code& ec)
{
    const auto by = s.native_handle().find();
    if (!by) return ec = boost::asio::error::bad_descriptor, std::size_t{0};
    const detail::buffer_list<core::const_bytes> from(buffers);
    return by->send_message(from.list(), detail::to_core(destination), {info.interface, info.address}, ec);
}
template <class Socket, class ConstBufferSequence>
std::size_t send_message(Socket& s, const ConstBufferSequence& buffers, const typename Socket::endpoint_type& destination,
                         const packet_info& info)
{
    boost::system::error_code ec;
    const std::size_t n = send_message(s, buffers, destination, info, ec);
    if (ec) throw boost::system::system_error(ec, "send_message");
    return n;
}

/// Takes the oldest ICMP error out of the socket's queue (MSG_ERRQUEUE). The queue is filled while IP_RECVERR is on and holds 64;
/// later errors are lost. Never waits: would_block if the queue is empty. `async_wait(wait_error)` waits for an error.
/// @param buffers  receive as much of the datagram as the ICMP error returned  @param sent_to  the datagram's destination
/// @return octets in `buffers`
template <class Socket, class MutableBufferSequence>
std::size_t receive_error(Socket& s, const MutableBufferSequence& buffers, typename Socket::endpoint_type& sent_to,
                          error_message& message, boost::system::error_code& ec)
{
    const auto from = s.native_handle().find();
    if (!from) return ec = boost::asio::error::bad_descriptor, std::size_t{0};
    const detail::buffer_list<core::mutable_bytes> into(buffers);
    core::endpoint peer;
    detail::error_info got;
    const std::size_t n = from->receive_error(into.list(), peer, got, ec);
    if (ec) return 0;
    sent_to = detail::from_core<typename Socket::endpoint_type>(peer);
    message = {got.why, got.offender, got.type, got.code, got.mtu};
    return n;
}

} // namespace tapio::ip

#pragma GCC visibility pop
