/// @file
/// The TCP sockets of a host: the Berkeley calls of Linux, non-blocking, errno for errno; demultiplexing of segments; listeners
/// (RFC 9293 §3.10.7.2); timers and output of all connections.
///
///     tcp_sockets.cpp          open, bind, listen, accept, connect, close; ports
///     tcp_sockets_io.cpp       send, receive, shutdown, readiness
///     tcp_sockets_options.cpp  options
///     tcp_sockets_input.cpp    demultiplexing of segments and ICMP errors; LISTEN and CLOSED
///     tcp_sockets_output.cpp   sending of segments, timers, events, destruction of finished sockets
///     tcp_sockets_resting.cpp  compact storage of idle connections
///     tcp_sockets_waiting.cpp  TIME-WAIT, after the user has closed the socket
#pragma once

#include "base/random_source.hpp"
#include "base/siphash.hpp"
#include "base/timer_wheel.hpp"
#include "core/congestion_controls.hpp"
#include "core/connection_table.hpp"
#include "core/event_queue.hpp"
#include "core/fast_open.hpp"
#include "core/network.hpp"
#include "core/output_policy.hpp"
#include "core/slab.hpp"
#include "core/socket_protocol.hpp"
#include "core/socket_types.hpp"
#include "core/syn_cookies.hpp"
#include "core/tcp_forwarder.hpp"
#include "core/tcp_options.hpp"
#include "core/tcp_socket.hpp"
#include "core/time_wait_table.hpp"
#include "wire/tcp.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/tcp_info.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tapio::core {

class tcp_sockets final : public socket_protocol, public ip::transport
{
public:
    tcp_sockets(network& net, timer_wheel& timers, random_source& random, event_queue& events, const host_options& options,
                tcp_counters& counters);
    ~tcp_sockets();

    // -- calls of the user: socket_protocol -----------------------------------------------------------------------------
    result<socket_id> open(family f, int protocol = 0) override;
    void set_owner(tcp_id id, event_sink* owner) override;
    void close(tcp_id id, time_point now) override;
    error_code bind(tcp_id id, const endpoint& local) override;
    error_code connect(tcp_id id, const endpoint& peer, time_point now) override;
    error_code listen(tcp_id id, int backlog, time_point now) override;
    result<tcp_id> accept(tcp_id id, endpoint& peer, time_point now) override;
    error_code shutdown(tcp_id id, shutdown_type how, time_point now) override;
    result<std::size_t> send(tcp_id id, const_buffer_list from, const endpoint* destination, time_point now,
                             const send_hints& hints = {}) override;
    result<std::size_t> receive(tcp_id id, mutable_buffer_list into, receive_flags flags, received_message* about,
                                time_point now) override;
    readiness poll(tcp_id id) const override;
    error_code take_error(tcp_id id) override;
    result<endpoint> local_endpoint(tcp_id id) const override;
    result<endpoint> remote_endpoint(tcp_id id) const override;
    result<std::size_t> available(tcp_id id) const override;
    error_code set_option(tcp_id id, socket_option option, int value, time_point now) override;
    result<int> get_option(tcp_id id, socket_option option) const override;

    // -- calls of the user: TCP only. A stale handle gives bad_descriptor -------------------------------------------------
    result<std::size_t> send(tcp_id id, const_buffer_list from, time_point now, tcp::send_flags flags = {});
    result<std::size_t> receive(tcp_id id, mutable_buffer_list into, receive_flags flags, time_point now);
    /// These two do not copy: the contents of sent slices must not change; received slices may be kept without limit.
    result<std::size_t> send(tcp_id id, std::span<const slice> from, time_point now);
    result<std::size_t> receive(tcp_id id, std::vector<slice>& into, std::size_t limit, time_point now); ///< `limit`: octets
    void disconnected(tcp_id id); ///< connect() failed after EINPROGRESS: as on Linux, receive() then gives ENOTCONN
    /// The peer has not acknowledged our FIN yet, which may still be queued: FIN-WAIT-1, CLOSING, LAST-ACK. A lingering close()
    /// waits while this is true, as on Linux (sk_stream_closing).
    bool is_closing(tcp_id id) const;
    /// The peer has acknowledged all data and our FIN; or the connection is gone or not synchronised.
    bool is_finished(tcp_id id) const;
    // snapshot.cpp; these wake no resting connection
    std::vector<connection_info> list(time_point now) const;
    std::vector<detailed_connection> list_in_detail(time_point now) const;
    std::vector<tcp_id> unfinished(); ///< connections that are not finished (is_finished()), closed sockets included
    bool at_mark(tcp_id id) const;    ///< the read position is at the urgent mark (SIOCATMARK)
    error_code set_congestion_control(tcp_id id, std::string_view name, time_point now); ///< ENOENT: unknown name
    result<std::string_view> congestion_control_of(tcp_id id) const;
    congestion_controls& congestion() noexcept { return congestion_; }
    result<tcp_info> info(tcp_id id, time_point now) const;

    /// While on, output caused by the user's calls waits for the next flush, so that several calls share segments.
    void gather(bool on) noexcept { output_.gather(on); }

    /// The user is about to learn that its write has completed, and will probably write again: the end of a bulk write that does
    /// not fill a segment waits for more data, until release() has been called `patience` + 1 times.
    void expect_more(tcp_id id, unsigned patience);
    void expect_no_more(tcp_id id);                                              ///< ends expect_more()
    bool awaits_more() const noexcept { return output_.any(output_wait::user); } ///< data waits for the user (expect_more())
    void release(); ///< ends the wait of expect_more(), once its patience is used up

    // -- called by the network layer and the host -----------------------------------------------------------------------
    void receive(ip::rx_packet& p, time_point now) override;
    void expect(std::span<const ip::rx_packet> openings) noexcept override;
    void icmp_error(const ip::icmp_error_report& report, time_point now) override;
    /// A batch has been received. @param yes the device holds more packets: ACKs that can wait for them do so, for a bounded time
    void input_goes_on(bool yes, time_point now);
    void flush(time_point now);
    void announce(); ///< queues the events since the last flush now; sends nothing
    bool wants_flush() const noexcept { return output_.any(output_wait::flush); }
    void next_turn(time_point now); ///< connections that had sent their share may send again
    time_point next_deadline() const noexcept { return output_.next_turn(); }
    void transmit_room(interface_id interface) override;

    std::size_t size() const noexcept { return sockets_.size() + waiting_.size(); } ///< sockets and TIME-WAIT entries

    tcp_forwarder& forwarder() noexcept { return forwarder_; }
    const tcp_forwarder& forwarder() const noexcept { return forwarder_; }
    /// The socket of a connection whose SYN the user has accepted. @param syn precondition: a SYN, of no connection
    result<tcp_id> accept_flow(const ip::rx_packet& syn, time_point now);
    void reset_flow(const ip::rx_packet& syn, time_point now); ///< answers the SYN with a RST

private:
    template <class Entry>
    std::vector<Entry> list_as(time_point now) const; ///< snapshot.cpp

    /// The users of a local port.
    struct port_use
    {
        std::vector<tcp_id> bound;       ///< sockets that bind() or listen() bound to the port
        std::uint32_t connections = 0;   ///< connections with that local port
        std::uint32_t without_reuse = 0; ///< ... of sockets without SO_REUSEADDR
        bool empty() const noexcept { return bound.empty() && connections == 0; }
    };

    // tcp_sockets_resting.cpp
    /// Finds a socket, and wakes it if it is at rest. The const overload wakes it, too: no caller can observe the difference.
    tcp_socket* find(tcp_id id)
    {
        tcp_socket_slot* const slot = sockets_.find(id);
        if (slot == nullptr) return nullptr;
        if (slot->rests()) wake(id, *slot);
        return &slot->awake();
    }
    const tcp_socket* find(tcp_id id) const { return const_cast<tcp_sockets*>(this)->find(id); }
    tcp_socket& make_socket(tcp_id& id);
    tcp_socket& set_room(tcp_id id, tcp_socket& s, bool room); ///< @return the socket, perhaps at a new address
    void note_idle(tcp_id id, tcp_socket& s, time_point now);
    void let_rest(time_point now);
    void wake(tcp_id id, tcp_socket_slot& slot);

    // tcp_sockets.cpp
    error_code may_bind(const tcp_socket& s, const endpoint& local) const;
    error_code choose_port(tcp_socket& s, const endpoint* peer, const address& source, time_point now, std::uint16_t& port);
    /// @param reuse_at if set, the port of a connection that gives way at that time is free (gives_way())
    bool port_is_free(const tcp_socket& s, std::uint16_t port, const endpoint* peer, const address& source,
                      std::optional<time_point> reuse_at) const;
    bool gives_way(tcp_id waiting, time_point now) const noexcept;
    void claim_port(tcp_id id, tcp_socket& s, const endpoint& local);
    void release_port(tcp_id id, tcp_socket& s);
    std::uint32_t table_hash(const flow_key& flow) const noexcept
    {
        return static_cast<std::uint32_t>(siphash_1_3(table_key_, flow));
    }
    tcp_id connection_of(const flow_key& flow) const; ///< a socket, an entry of the TIME-WAIT table, or none
    const flow_key& flow_of(tcp_id id) const noexcept;
    void enter_table(tcp_id id, tcp_socket& s);
    void leave_table(tcp_id id, std::uint32_t hash, std::uint16_t local_port, bool reuse_address);
    void start(tcp_id id, tcp_socket& s, std::optional<tcp::seq_number> iss, std::unique_ptr<const tcp::fast_open> opens_fast,
               time_point now);
    tcp::connection_setup setup_for(const tcp_socket& s, const ip::route_entry& route, family f);
    struct path_limits ///< fields of connection_setup that depend on the route
    {
        std::uint32_t path_mss, largest_segment, receive_limit;
    };
    static path_limits limits_of(const ip::route_entry& route, family f) noexcept;
    static std::uint32_t room_in_queue(const ip::route_entry& route, family f, std::size_t mss) noexcept; ///< octets of payload
    struct opening_numbers
    {
        tcp::seq_number sequence;
        std::uint32_t timestamp_offset;
    };
    opening_numbers numbers_of(const flow_key& flow, time_point now) const noexcept;
    void close_listener(tcp_socket& s, time_point now);
    void finishes_alone(tcp_socket& s, time_point now);
    void erase(tcp_id id, tcp_socket& s);

    // tcp_sockets_options.cpp
    std::optional<error_code> set_socket_level(tcp_socket& s, socket_option option, int value);
    std::optional<error_code> set_tcp_level(tcp_socket& s, socket_option option, int value);
    std::optional<error_code> set_ip_level(tcp_socket& s, socket_option option, int value);

    // tcp_sockets_input.cpp
    tcp_socket* find_connection(const flow_key& flow, tcp_id& id);
    tcp_socket* find_listener(interface_id interface, const flow_key& flow, tcp_id& id);
    /// @param p the segment's packet, whose payload may have moved to `seg`
    void deliver(tcp_id id, tcp_socket& s, tcp::segment&& seg, const ip::rx_packet& p, time_point now);
    void arrives_in_listen(tcp_id id, tcp::segment& seg, ip::rx_packet& p, time_point now, std::optional<tcp::seq_number> iss);
    void arrives_in_closed(const tcp::segment& seg, ip::rx_packet& p, time_point now);
    void child_changed(tcp_id id, tcp_socket& s, tcp_state before, time_point now);
    tcp_socket& make_child(tcp_id listener, const flow_key& flow, const ip::route_ref& route, tcp_id& id,
                           std::optional<tcp::seq_number> iss, std::unique_ptr<const tcp::fast_open> cookie, time_point now);
    bool may_open_fast(const tcp_socket& listener, const tcp::segment& syn, const flow_key& flow,
                       std::unique_ptr<const tcp::fast_open>& cookie, time_point now);
    void opened_fast(tcp_id listener, tcp_id id, tcp_socket& child);
    void learn_fast_open(const tcp_socket& s, const tcp::segment_options& answer, time_point now);
    void send_cookie(const tcp_socket& listener, const tcp::segment& syn, const flow_key& flow, const ip::route_entry& route,
                     time_point now);
    bool arrives_with_cookie(tcp_id listener, tcp::segment& seg, const ip::rx_packet& p, time_point now);
    void offer(tcp_id child, tcp_socket& listener);
    void promote(tcp_id id, tcp_socket& child);
    void promote_patient(tcp_socket& listener, time_point now);
    void watch_deferred(tcp_id listener, tcp_socket& s);
    static duration patience_of(const tcp_socket& listener) noexcept;

    // tcp_sockets_output.cpp
    void touch(tcp_id id, tcp_socket& s) ///< the next flush will run() the connection
    {
        output_.wait(output_wait::flush, id, s.output);
    }
    void run(tcp_id id, tcp_socket& s, time_point now); ///< output, events, timer and end of the connection
    /// After a call of the user: run() now, or at the next flush if output is gathered.
    void follow(tcp_id id, tcp_socket& s, time_point now);
    void note_waiting(tcp_id id, tcp_socket& s);
    /// The reason `w` to wait has ended: calls `f(tcp_id, tcp_socket&)` for each socket that waited for it.
    template <class F>
    void for_all_waiting(output_wait w, F&& f)
    {
        for (const tcp_id id : output_.take(w)) {
            tcp_socket* const s = find(id);
            if (s == nullptr) continue;
            s->output.goes_on(w);
            f(id, *s);
        }
    }
    void pump(tcp_id id, tcp_socket& s, time_point now);
    void follow_route(tcp_socket& s, time_point now); ///< looks up the route again
    void follow_path_mtu(tcp_socket& s, time_point now);
    /// @param flow of the peer's segments: `seg` is sent to its source  @param s null: no socket, as for a RST
    error_code transmit(const flow_key& flow, const tcp_socket* s, tcp::outgoing_segment&& seg, time_point now);
    void raise_events(tcp_id id, tcp_socket& s);
    void arm(tcp_id id, tcp_socket& s, time_point deadline);
    void timer_fired(tcp_id id, time_point now);
    void state_changed(tcp_id id, tcp_socket& s, tcp_state before, time_point now);
    bool reap(tcp_id id, tcp_socket& s);

    // tcp_sockets_waiting.cpp
    void let_wait(tcp_id id, tcp_socket& s);
    tcp_socket& revive(tcp_id waiting, tcp_id& id, time_point now);
    void forget_waiting(tcp_id waiting, time_point now);
    void waiting_ended(time_point now);
    void watch_waiting(time_point earliest);

    network& net_;
    timer_wheel& timers_;
    random_source& random_;
    event_queue& events_;
    tcp_options defaults_;
    tcp::memory_budget budget_; ///< outlives sockets_
    tcp::receive_crowd crowd_;  ///< outlives sockets_
    congestion_controls congestion_;
    const congestion_controls::entry* default_congestion_;
    tcp_counters& counters_;
    siphash_key numbers_key_, port_key_, table_key_;
    syn_cookies cookies_;
    fast_open_cookies fast_open_cookies_;
    fast_open_memory fast_open_memory_;
    const bool fast_open_without_cookie_; ///< default of new sockets
    time_point cookie_sent_{};            ///< when the last SYN cookie was sent; cookies expire after two minutes
    std::uint32_t next_ephemeral_ = 0;
    options_shelf shelf_;
    idle_list idle_; ///< outlives sockets_
    const std::size_t awake_limit_;
    slab<tcp_socket_slot> sockets_;
    connection_table connections_;
    tcp_id last_found_; ///< the connection of the last segment
    std::unordered_map<std::uint16_t, port_use> ports_;
    time_wait_table waiting_;
    const std::size_t waiting_limit_;
    const std::size_t orphan_limit_;    ///< connections
    const std::uint64_t orphan_memory_; ///< octets
    timer_node waiting_timer_;
    output_policy output_;
    tcp_forwarder forwarder_;
    const unsigned shards_, shard_;
    std::vector<tcp_id> candidates_; ///< used within find_listener() only
};

} // namespace tapio::core
