/// @file
/// The sockets of one protocol, as their users see them: the Asio shell, and clients inside the host. `tcp_sockets`,
/// `udp_sockets` and `raw_sockets` are one each, and have further calls of their own.
#pragma once

#include "base/ip_protocol.hpp"
#include "core/network.hpp"
#include "core/socket_types.hpp"

#include <tapio/core/event_sink.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core {

/// SO_TYPE; the numbers are Linux's.
enum class socket_type : std::uint8_t
{
    stream = 1,
    datagram = 2,
    raw = 3
};

/// Where a datagram is to leave: sendmsg(2)'s IP_PKTINFO.
struct packet_info
{
    std::optional<interface_id> via;
    std::optional<address> source; ///< one of ours
};

/// send(2)'s flags and sendmsg(2)'s IP_PKTINFO. A protocol ignores the flags that it has no use for.
struct send_hints
{
    std::optional<packet_info> info;
    bool out_of_band = false;  ///< MSG_OOB
    bool do_not_route = false; ///< MSG_DONTROUTE
    bool more = false;         ///< MSG_MORE: it goes in one with what is sent next
};

/// recv(2)'s flags.
struct receive_flags
{
    bool peek = false;        ///< MSG_PEEK
    bool out_of_band = false; ///< MSG_OOB
};

/// What recvmsg(2) tells beside the octets.
struct received_message
{
    endpoint sender;
    std::size_t full_size = 0;             ///< octets of the datagram, which the buffers may have cut short (MSG_TRUNC)
    std::optional<interface_id> interface; ///< these four: of a datagram
    address destination;
    std::uint8_t ttl = 0, tos = 0;
    time_point received{};
    std::size_t unread = 0;     ///< octets of the stream that wait behind it (TCP_INQ)
    bool end_of_stream = false; ///< nothing was received, and nothing will be
};

/// One ICMP error about a datagram of a socket (IP_RECVERR, MSG_ERRQUEUE).
struct error_message
{
    endpoint peer; ///< whom the datagram was for
    error_code why;
    address offender;
    std::uint8_t type = 0, code = 0; ///< of ICMP
    std::size_t mtu = 0;             ///< octets, when it was too long
    packet payload;                  ///< as much of the datagram as came back
};

/// The Berkeley calls of Linux, non-blocking, errno for errno. A handle that has gone stale answers bad_descriptor. What not
/// every protocol has answers here as Linux does for those that have it not.
class socket_protocol
{
public:
    socket_protocol(ip_protocol number, socket_type type) noexcept : number_(number), type_(type) {}
    socket_protocol(const socket_protocol&) = delete;
    socket_protocol& operator=(const socket_protocol&) = delete;

    ip_protocol number() const noexcept { return number_; } ///< also the level of its own options; of raw sockets IPPROTO_RAW
    socket_type type() const noexcept { return type_; }

    /// @param protocol socket(2)'s: for a raw socket the protocol of the packets that it sends and receives
    virtual result<socket_id> open(family f, int protocol = 0) = 0;
    virtual void set_owner(socket_id id, event_sink* owner) = 0; ///< null: none
    virtual void close(socket_id id, time_point now) = 0;

    virtual error_code bind(socket_id id, const endpoint& local) = 0;
    /// in_progress: the socket is writable when it has ended, and take_error() then tells how.
    virtual error_code connect(socket_id id, const endpoint& peer, time_point now) = 0;
    virtual error_code listen(socket_id, int, time_point) { return errno_code(EOPNOTSUPP); }
    virtual result<socket_id> accept(socket_id, endpoint&, time_point) { return errno_code(EOPNOTSUPP); }
    virtual error_code shutdown(socket_id id, shutdown_type how, time_point now) = 0;

    /// @param destination null: the peer that the socket is connected to
    virtual result<std::size_t> send(socket_id id, const_buffer_list from, const endpoint* destination, time_point now,
                                     const send_hints& hints = {}) = 0;
    /// @param about null: not wanted. Left alone if the call fails
    virtual result<std::size_t> receive(socket_id id, mutable_buffer_list into, receive_flags flags, received_message* about,
                                        time_point now) = 0;
    /// A receive that would wait gets an empty datagram instead. As Linux, one that does not wait gets would_block all the same.
    virtual bool is_receive_shut(socket_id) const { return false; }
    virtual result<error_message> take_error_message(socket_id) { return errno_code(EOPNOTSUPP); } ///< would_block: there is none

    virtual readiness poll(socket_id id) const = 0;
    virtual error_code take_error(socket_id id) = 0; ///< SO_ERROR
    virtual result<endpoint> local_endpoint(socket_id id) const = 0;
    virtual result<endpoint> remote_endpoint(socket_id id) const = 0;
    virtual result<std::size_t> available(socket_id id) const = 0; ///< octets (FIONREAD)

    virtual error_code set_option(socket_id id, socket_option option, int value, time_point now) = 0;
    virtual result<int> get_option(socket_id id, socket_option option) const = 0;
    /// @param interface none: where a multicast to the group would go
    virtual error_code join_group(socket_id, const address&, std::optional<interface_id>) { return errno_code(EPROTO); }
    virtual error_code leave_group(socket_id, const address&, std::optional<interface_id>) { return errno_code(EPROTO); }

protected:
    ~socket_protocol() = default;

private:
    const ip_protocol number_;
    const socket_type type_;
};

} // namespace tapio::core
