/// @file
/// The interface of one protocol's sockets towards their users: the Asio shell, and clients inside the host. `tcp_sockets`,
/// `udp_sockets` and `raw_sockets` implement it, and add calls of their own.
#pragma once

#include "base/ip_protocol.hpp"
#include "core/network.hpp"
#include "core/packet_filter.hpp"
#include "core/socket_types.hpp"
#include "ip/source_filter.hpp"

#include <tapio/core/event_sink.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace tapio::core {

/// SO_TYPE; the numbers are Linux's.
enum class socket_type : std::uint8_t
{
    stream = 1,
    datagram = 2,
    raw = 3
};

/// Interface and source address of an outgoing datagram: IP_PKTINFO of sendmsg(2).
struct packet_info
{
    std::optional<interface_id> via;
    std::optional<address> source; ///< an address of this host; to 255.255.255.255 also 0.0.0.0
};

/// The flags of send(2), and IP_PKTINFO of sendmsg(2). A protocol ignores flags that do not apply to it.
struct send_hints
{
    std::optional<packet_info> info;
    bool out_of_band = false;  ///< MSG_OOB
    bool do_not_route = false; ///< MSG_DONTROUTE
    bool more = false;         ///< MSG_MORE: the data is sent together with that of the next call
};

/// The flags of recv(2).
struct receive_flags
{
    bool peek = false;        ///< MSG_PEEK
    bool out_of_band = false; ///< MSG_OOB
};

/// What recvmsg(2) returns besides the data.
struct received_message
{
    endpoint sender;
    std::size_t full_size = 0;             ///< octets of the datagram, even if the buffers were smaller (MSG_TRUNC)
    std::optional<interface_id> interface; ///< this and the next three: datagrams only
    address destination;
    std::uint8_t ttl = 0, tos = 0;
    time_point received{};
    std::size_t unread = 0;     ///< TCP: octets that are still unread (TCP_INQ)
    bool end_of_stream = false; ///< TCP: the peer has closed its side, and everything was read
};

/// One ICMP error about a datagram of a socket (IP_RECVERR, MSG_ERRQUEUE).
struct error_message
{
    endpoint peer; ///< destination of the datagram
    error_code why;
    address offender;
    std::uint8_t type = 0, code = 0; ///< ICMP type and code
    std::size_t mtu = 0;             ///< octets; next-hop MTU if the datagram was too long, else 0
    packet payload;                  ///< as much of the datagram's payload as the error quotes
};

/// What is to happen to a source in the filter of a socket for a group (RFC 3678 §3).
enum class source_change
{
    join,   ///< receive from this source; the first one joins the group (IP_ADD_SOURCE_MEMBERSHIP)
    leave,  ///< undoes it; the last one leaves the group
    block,  ///< receive no more from this source, of a group that was joined for all sources
    unblock ///< undoes it
};

struct source_of_group
{
    address group, source;
    std::optional<interface_id> interface; ///< none: the one that the route to the group leads to
};

/// The Berkeley calls of Linux, non-blocking, errno for errno. A stale handle gives bad_descriptor (EBADF). The default
/// implementation of a call that only some protocols support fails as it does on Linux.
class socket_protocol
{
public:
    socket_protocol(ip_protocol number, socket_type type) noexcept : number_(number), type_(type) {}
    socket_protocol(const socket_protocol&) = delete;
    socket_protocol& operator=(const socket_protocol&) = delete;

    ip_protocol number() const noexcept { return number_; } ///< also its options' level; IPPROTO_RAW for raw sockets
    socket_type type() const noexcept { return type_; }

    /// @param protocol socket(2)'s: for a raw socket the protocol of the packets that it sends and receives
    virtual result<socket_id> open(family f, int protocol = 0) = 0;
    virtual void set_owner(socket_id id, event_sink* owner) = 0; ///< null: none
    virtual void close(socket_id id, time_point now) = 0;

    virtual error_code bind(socket_id id, const endpoint& local) = 0;
    /// in_progress: the socket becomes writable when the attempt has ended, and take_error() then returns the outcome.
    virtual error_code connect(socket_id id, const endpoint& peer, time_point now) = 0;
    virtual error_code listen(socket_id, int, time_point) { return errno_code(EOPNOTSUPP); }
    virtual result<socket_id> accept(socket_id, endpoint&, time_point) { return errno_code(EOPNOTSUPP); }
    virtual error_code shutdown(socket_id id, shutdown_type how, time_point now) = 0;

    /// @param destination null: the peer that the socket is connected to
    virtual result<std::size_t> send(socket_id id, const_buffer_list from, const endpoint* destination, time_point now,
                                     const send_hints& hints = {}) = 0;
    /// @param about may be null; unchanged if the call fails
    virtual result<std::size_t> receive(socket_id id, mutable_buffer_list into, receive_flags flags, received_message* about,
                                        time_point now) = 0;
    /// The receiving side was shut down: a receive operation that would wait completes with an empty datagram. As on Linux, a
    /// non-blocking receive still gets would_block.
    virtual bool is_receive_shut(socket_id) const { return false; }
    virtual result<error_message> take_error_message(socket_id) { return errno_code(EOPNOTSUPP); } ///< would_block: none

    virtual readiness poll(socket_id id) const = 0;
    virtual error_code take_error(socket_id id) = 0; ///< SO_ERROR
    virtual result<endpoint> local_endpoint(socket_id id) const = 0;
    virtual result<endpoint> remote_endpoint(socket_id id) const = 0;
    virtual result<std::size_t> available(socket_id id) const = 0; ///< octets (FIONREAD)

    virtual error_code set_option(socket_id id, socket_option option, int value, time_point now) = 0;
    virtual result<int> get_option(socket_id id, socket_option option) const = 0;
    /// @param interface none: the one that the route to the group leads to
    virtual error_code join_group(socket_id, const address&, std::optional<interface_id>) { return errno_code(EPROTO); }
    virtual error_code leave_group(socket_id, const address&, std::optional<interface_id>) { return errno_code(EPROTO); }
    /// Source filters (RFC 3678 §4 and §5).
    virtual error_code change_source(socket_id, source_change, const source_of_group&) { return errno_code(EPROTO); }
    virtual error_code set_filter(socket_id, const address&, std::optional<interface_id>, const ip::source_filter&)
    {
        return errno_code(EPROTO);
    }
    virtual result<ip::source_filter> filter_of(socket_id, const address&, std::optional<interface_id>) const
    {
        return errno_code(EPROTO);
    }
    /// From now on only what the filter accepts is received (SO_ATTACH_FILTER). @param filter null: all again
    virtual error_code attach_filter(socket_id, std::unique_ptr<const packet_filter>) { return errno_code(ENOPROTOOPT); }
    /// Packets that the socket has not received: its queue was full, or its filter refused them (SK_MEMINFO_DROPS).
    virtual result<std::uint32_t> drops(socket_id) const { return std::uint32_t{0}; }

protected:
    ~socket_protocol() = default;

private:
    const ip_protocol number_;
    const socket_type type_;
};

} // namespace tapio::core
