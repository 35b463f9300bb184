/// @file
/// One TCP socket of a host, in any state: unconnected, connection or listener.
#pragma once

#include "base/family_sizes.hpp"
#include "base/pooled.hpp"
#include "base/ring.hpp"
#include "base/timer_wheel.hpp"
#include "core/congestion_controls.hpp"
#include "core/event_queue.hpp"
#include "core/idle_list.hpp"
#include "core/network.hpp"
#include "core/options_shelf.hpp"
#include "core/output_policy.hpp"
#include "core/socket_types.hpp"
#include "core/source_preferences.hpp"
#include "tcp/connection.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace tapio::core {

/// The state of a listening socket. Connections that wait to be accepted and half-open ones have separate bounds; beyond the
/// bound of half-open ones, SYNs are answered with SYN cookies.
struct tcp_listener
{
    unsigned backlog = 0;     ///< of listen(2): one connection more may wait
    unsigned half_open = 0;   ///< in SYN-RECEIVED
    ring<tcp_id> established; ///< connections waiting to be accepted

    struct silent_child
    {
        tcp_id id;
        time_point patience; ///< without data until then, it is offered to accept() anyway
    };
    std::list<silent_child> deferred; ///< TCP_DEFER_ACCEPT: established connections that have not received data

    unsigned fast_opens = 0; ///< in SYN-RECEIVED, but acceptable (RFC 7413 §5.1: PendingFastOpenRequests)

    static constexpr unsigned least_half_open = 16;

    bool full() const noexcept { return established.size() + deferred.size() > backlog; }
    bool syn_queue_full() const noexcept { return half_open > std::max(backlog, least_half_open); }
};

/// Names and options: the part of a socket that is also kept while its connection rests.
struct tcp_socket_facts
{
    core::family family = family::v4;
    chosen_preferences preferences;            ///< IPV6_ADDR_PREFERENCES
    bool connect_told : 1 = false;             ///< the user knows that connect() succeeded: another call fails with EISCONN
    bool bound : 1 = false;                    ///< by bind(), or by listen() without bind()
    bool reuse_address : 1 = false;            ///< SO_REUSEADDR
    bool reuse_port : 1 = false;               ///< SO_REUSEPORT
    bool broadcast : 1 = false;                ///< SO_BROADCAST: no effect, only returned as set
    bool debug : 1 = false;                    ///< SO_DEBUG, likewise
    bool do_not_route : 1 = false;             ///< SO_DONTROUTE
    bool fast_open_connect : 1 = false;        ///< TCP_FASTOPEN_CONNECT
    bool fast_open_without_cookie : 1 = false; ///< TCP_FASTOPEN_NO_COOKIE
    bool disconnected : 1 = false;             ///< its connect() failed: receive() answers as if there were no connection
    bool receive_shut : 1 = false;             ///< by shutdown() without a connection
    bool send_shut : 1 = false;                ///< likewise
    bool v6_only : 1 = false;                  ///< IPV6_V6ONLY
    std::uint8_t defer_accept = 0;             ///< TCP_DEFER_ACCEPT, as a number of SYN,ACK retransmissions; 0: off
    std::int8_t linger_2 = 0;                  ///< TCP_LINGER2, s; 0: the default, -1: none
    std::uint16_t fast_open_queue = 0;         ///< TCP_FASTOPEN: bound of tcp_listener::fast_opens; 0: off
    int receive_low_watermark = 1;             ///< SO_RCVLOWAT, octets
    std::optional<interface_id> device;        ///< SO_BINDTODEVICE
    int local_ports = 0;                       ///< IP_LOCAL_PORT_RANGE
    flow_key flow; ///< of the peer's segments: its source is the remote endpoint, its destination the local one
    const congestion_controls::entry* congestion = nullptr; ///< TCP_CONGESTION

    endpoint local() const noexcept { return flow.destination(); }
    endpoint remote() const noexcept { return flow.source(); }
    address local_address() const noexcept { return flow.destination_address(); }
    address remote_address() const noexcept { return flow.source_address(); }
    std::uint16_t local_port() const noexcept { return flow.destination_port(); }
    void set_local(const endpoint& e) noexcept { flow = flow_key(remote(), e, ip_protocol::tcp); }
};

/// Access to the connection of a socket. The connection is stored directly behind this object, in tcp_socket_with_room::room, so
/// access is as fast as to a member. A listener has no connection, and is a tcp_socket without that room.
class connection_place
{
public:
    explicit connection_place(bool has_room) noexcept : has_room_(has_room) {}
    connection_place(const connection_place&) = delete;
    connection_place& operator=(const connection_place&) = delete;
    ~connection_place() { reset(); }

    bool has_room() const noexcept { return has_room_; }
    explicit operator bool() const noexcept { return engaged_; }
    tcp::connection* operator->() noexcept { return reinterpret_cast<tcp::connection*>(storage()); }
    const tcp::connection* operator->() const noexcept { return reinterpret_cast<const tcp::connection*>(storage()); }
    tcp::connection& operator*() noexcept { return *operator->(); }
    const tcp::connection& operator*() const noexcept { return *operator->(); }

    template <class... Arguments>
    void emplace(Arguments&&... arguments) ///< precondition: has_room()
    {
        BOOST_ASSERT(has_room_);
        reset();
        ::new (static_cast<void*>(storage())) tcp::connection(std::forward<Arguments>(arguments)...);
        engaged_ = true;
    }
    void reset() noexcept
    {
        if (std::exchange(engaged_, false)) operator->()->~connection();
    }

private:
    std::byte* storage() noexcept { return reinterpret_cast<std::byte*>(this) + sizeof *this; }
    const std::byte* storage() const noexcept { return reinterpret_cast<const std::byte*>(this) + sizeof *this; }

    alignas(tcp::connection) bool has_room_;
    bool engaged_ = false;
};

/// The rest of an awake socket's state that set_room() moves to the socket's new memory.
struct tcp_socket_state : tcp_socket_facts
{
    bool detached = false;   ///< the user has closed the socket; its connection finishes without a user
    bool orphan = false;     ///< counted in tcp_counters::orphans
    bool connecting = false; ///< connect() was called and has not ended
    bool deferred = false;   ///< in tcp_listener::deferred of its listener
    output_place output;     ///< what the socket waits for before it sends
    std::uint32_t hash = 0;  ///< table_hash(flow)
    error_code error;        ///< pending error that is not the connection's own
    tcp_options options;
    ip::route_ref route;   ///< to the peer; never null if there is a connection, but may be out of date (ip::routing::holds())
    tcp_id listener;       ///< of a connection that was not accepted yet; else none
    tcp_id fast_opened_by; ///< the listener that counts it among its `fast_opens`
    std::unique_ptr<tcp_listener> listening;
};

struct tcp_socket : tcp_socket_state
{
    explicit tcp_socket(bool has_room = false) noexcept : connection(has_room) {}

    event_source event; ///< the owner and the events to tell it
    timer_node timer;
    idle_list::link idle;
    connection_place connection; ///< must be the last member

    /// Neither the socket nor its connection has anything pending, so the connection may rest.
    bool may_rest(time_point now) const noexcept
    {
        const bool busy = output.waits() || connecting || deferred || listener || fast_opened_by || event.queued();
        return !busy && !detached && !error && connection && connection->may_rest(now);
    }

    /// Readiness respects SO_RCVLOWAT; receive() does not.
    bool readable() const noexcept
    {
        if (!connection->readable()) return false;
        const auto wanted = static_cast<std::uint64_t>(receive_low_watermark);
        return connection->unread() == 0 || connection->unread() >= wanted ||
               connection->unread() * 2 >= connection->receive_capacity() || connection->state() != tcp_state::established;
    }
};

struct tcp_socket_with_room final : tcp_socket, pooled<tcp_socket_with_room>
{
    tcp_socket_with_room() noexcept : tcp_socket(true)
    {
        BOOST_ASSERT(static_cast<void*>(room) == static_cast<void*>(&connection + 1));
    }
    ~tcp_socket_with_room() { connection.reset(); } // before `room` ends its life

    alignas(tcp::connection) std::byte room[sizeof(tcp::connection)]; // not zeroed
};

/// A socket whose connection is at rest.
struct resting_socket
{
    tcp_socket_facts facts;
    event_sink* owner;
    options_shelf::shared options;
    tcp::idle_memory connection;
};

/// Owns a socket, which is either awake (tcp_socket) or at rest (resting_socket).
class tcp_socket_slot
{
public:
    tcp_socket_slot() { become(std::make_unique<tcp_socket_with_room>()); }
    tcp_socket_slot(const tcp_socket_slot&) = delete;
    tcp_socket_slot& operator=(const tcp_socket_slot&) = delete;
    ~tcp_socket_slot() { clear(); }

    bool rests() const noexcept { return (held_ & resting_bit) != 0; }
    tcp_socket& awake() const noexcept { return *reinterpret_cast<tcp_socket*>(held_); } ///< precondition: !rests()
    resting_socket& resting() const noexcept                                             ///< precondition: rests()
    {
        return *reinterpret_cast<resting_socket*>(held_ & ~resting_bit);
    }

    void become(std::unique_ptr<tcp_socket_with_room> s) noexcept { hold(s.release()); }
    void become(std::unique_ptr<tcp_socket> s) noexcept { hold(s.release()); } ///< precondition: the dynamic type is tcp_socket
    void become(std::unique_ptr<resting_socket> s) noexcept
    {
        clear();
        held_ = reinterpret_cast<std::uintptr_t>(s.release()) | resting_bit;
    }

private:
    static constexpr std::uintptr_t resting_bit = 1; ///< no object is at an odd address

    void hold(tcp_socket* s) noexcept
    {
        clear();
        held_ = reinterpret_cast<std::uintptr_t>(s);
    }
    void clear() noexcept
    {
        if (held_ == 0) return;
        if (rests()) {
            delete &resting();
        } else if (awake().connection.has_room()) {
            delete static_cast<tcp_socket_with_room*>(&awake());
        } else {
            delete &awake();
        }
        held_ = 0;
    }

    std::uintptr_t held_ = 0;
};

} // namespace tapio::core
