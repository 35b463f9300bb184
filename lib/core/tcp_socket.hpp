/// @file
/// One TCP socket of a host: what a Berkeley socket is before, while and after it is a connection or a listener.
#pragma once

#include "base/timer_wheel.hpp"
#include "core/congestion_controls.hpp"
#include "core/event_queue.hpp"
#include "core/network.hpp"
#include "core/socket_types.hpp"
#include "tcp/connection.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

namespace tapio::core {

/// Of a listening socket. Connections that wait to be accepted and half-open ones are bounded apart; beyond the second bound SYNs
/// are answered with cookies.
struct tcp_listener
{
    unsigned backlog = 0;           ///< as listen(2): one more than this may wait
    unsigned half_open = 0;         ///< in SYN-RECEIVED
    std::deque<tcp_id> established; ///< waiting to be accepted

    struct silent_child
    {
        tcp_id id;
        time_point patience; ///< until then it has to say something
    };
    std::deque<silent_child> deferred; ///< TCP_DEFER_ACCEPT: established, and without data

    unsigned fast_opens = 0; ///< in SYN-RECEIVED, and the user may have them already (RFC 7413 §5.1: PendingFastOpenRequests)

    static constexpr unsigned least_half_open = 16;

    bool full() const noexcept { return established.size() + deferred.size() > backlog; }
    bool syn_queue_full() const noexcept { return half_open > std::max(backlog, least_half_open); }
};

struct tcp_socket
{
    event_source event; ///< towards the user
    core::family family = family::v4;
    bool bound = false;        ///< `local.port` was chosen, by the user or by us
    bool detached = false;     ///< the user's handle is gone; the connection finishes alone
    bool dirty = false;        ///< in the list of those whose output is to be looked at
    bool blocked = false;      ///< the interface's transmit queue was full
    bool postponed = false;    ///< others come first
    bool connecting = false;   ///< connect() was called and has not ended
    bool connect_told = false; ///< a successful connect() was told to the user: the next one is an error
    bool deferred = false;     ///< its listener waits for its first octet
    bool reuse_address = false;
    bool reuse_port = false;
    bool broadcast = false;             ///< SO_BROADCAST can be set, and does nothing
    int linger_2 = 0;                   ///< TCP_LINGER2, s; 0: the default, -1: none
    int receive_low_watermark = 1;      ///< SO_RCVLOWAT, octets
    unsigned defer_accept = 0;          ///< TCP_DEFER_ACCEPT, as so many retransmissions of a SYN-ACK; 0: off
    unsigned fast_open_queue = 0;       ///< TCP_FASTOPEN: so many `tcp_listener::fast_opens`; 0: off
    bool fast_open_connect = false;     ///< TCP_FASTOPEN_CONNECT
    std::optional<interface_id> device; ///< SO_BINDTODEVICE
    endpoint local, remote;
    error_code error; ///< of a socket without connection
    tcp_options options;
    const congestion_controls::entry* congestion = nullptr; ///< TCP_CONGESTION
    network::path path;
    std::uint64_t path_generation = 0; ///< of the routes when `path` was found
    tcp_id listener;                   ///< of a connection that was not accepted yet
    tcp_id fast_opened_by;             ///< the listener that counts it among its `fast_opens`
    std::unique_ptr<tcp_listener> listening;
    std::optional<tcp::connection> connection;
    timer_node timer;

    /// SO_RCVLOWAT counts for readiness, not for a receive.
    bool readable() const noexcept
    {
        if (!connection->readable()) return false;
        const auto wanted = static_cast<std::uint64_t>(receive_low_watermark);
        return connection->unread() == 0 || connection->unread() >= wanted ||
               connection->unread() * 2 >= connection->receive_capacity() || connection->state() != tcp_state::established;
    }
};

} // namespace tapio::core
