/// @file
/// The common part of UDP and raw sockets: options, receive queue, error queue, multicast groups, connect, route lookup,
/// MSG_MORE. A protocol adds the demultiplexing, the binding of local names, and its header.
///
///     datagram_sockets.cpp          close, bind, connect, send, receive
///     datagram_sockets_options.cpp  options
///     datagram_sockets_groups.cpp   multicast membership and source filters
///     snapshot.cpp                  list()
#pragma once

#include "core/event_queue.hpp"
#include "core/network.hpp"
#include "core/packet_filter.hpp"
#include "core/slab.hpp"
#include "core/socket_protocol.hpp"
#include "core/source_preferences.hpp"
#include "udp/receive_queue.hpp"

#include <tapio/core/snapshot.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace tapio::core {

/// A set of ICMP message types, a bit for each: of the first word bit 0 is type 0 (struct icmp6_filter of RFC 3542 §3.2).
using icmp_types = std::array<std::uint32_t, 8>;

class datagram_sockets : public socket_protocol
{
public:
    void set_owner(socket_id id, event_sink* owner) override;
    void close(socket_id id, time_point now) override;
    error_code bind(socket_id id, const endpoint& local) override;
    error_code connect(socket_id id, const endpoint& peer, time_point now) override;
    error_code disconnect(socket_id id);
    error_code shutdown(socket_id id, shutdown_type how, time_point now) override;
    result<std::size_t> send(socket_id id, const_buffer_list from, const endpoint* destination, time_point now,
                             const send_hints& hints = {}) override;
    result<std::size_t> receive(socket_id id, mutable_buffer_list into, receive_flags flags, received_message* about,
                                time_point now) override;
    bool is_receive_shut(socket_id id) const override;
    result<error_message> take_error_message(socket_id id) override;
    readiness poll(socket_id id) const override;
    error_code take_error(socket_id id) override;
    result<endpoint> local_endpoint(socket_id id) const override;
    result<endpoint> remote_endpoint(socket_id id) const override;
    result<std::size_t> available(socket_id id) const override;
    error_code set_option(socket_id id, socket_option option, int value, time_point now) override;
    result<int> get_option(socket_id id, socket_option option) const override;
    error_code join_group(socket_id id, const address& group, std::optional<interface_id> interface) override;
    error_code leave_group(socket_id id, const address& group, std::optional<interface_id> interface) override;
    error_code change_source(socket_id id, source_change what, const source_of_group& which) override;
    error_code set_filter(socket_id id, const address& group, std::optional<interface_id> interface,
                          const ip::source_filter& filter) override;
    result<ip::source_filter> filter_of(socket_id id, const address& group, std::optional<interface_id> interface) const override;
    error_code attach_filter(socket_id id, std::unique_ptr<const packet_filter> filter) override;
    result<std::uint32_t> drops(socket_id id) const override;
    void list(std::vector<datagram_socket_info>& into) const;

protected:
    struct membership
    {
        address group; ///< without zone, as the sources
        interface_id interface = 0;
        ip::subscriber_id who = 0; ///< in the network
        ip::source_filter filter;
        bool mode_is_fixed = false; ///< the filter has had sources: only its emptying as a whole lets its mode change
    };

    /// Data collected by MSG_MORE or UDP_CORK. Destination and hints are those of the first send.
    struct unfinished_datagram
    {
        std::optional<endpoint> destination; ///< none: the peer that the socket is connected to
        send_hints hints;
        std::vector<std::byte> octets;
    };

    struct socket
    {
        explicit socket(std::size_t capacity = 0) : queue(capacity) {}
        event_source event;
        core::family family = family::v4;
        bool v6_only = false; ///< IPV6_V6ONLY
        bool bound = false, connected = false;
        bool of_flow = false; ///< udp_sockets::accept_flow() made it
        bool broadcast = false, reuse_address = false, reuse_port = false;
        bool do_not_route = false;
        bool header_included = false;                               ///< IP_HDRINCL, of raw sockets
        bool cork = false;                                          ///< UDP_CORK
        bool debug = false, keep_alive = false, oob_inline = false; ///< no effect, only returned as set
        bool receive_shut = false, send_shut = false;
        bool multicast_loopback = true, multicast_all = true;
        bool packet_info = false, receive_ttl = false, receive_tos = false; ///< likewise: always reported
        bool receive_errors = false;
        bool own_ttl = false; ///< `ttl` has been set; else it is the default, which routers may advertise (IPv6)
        std::uint8_t ttl = 64, tos = 0, multicast_hops = 1;
        std::uint8_t mtu_discover = 1;  ///< IP_MTU_DISCOVER (ip(7))
        std::uint8_t timestamps = 0;    ///< SO_TIMESTAMP: 1, SO_TIMESTAMPNS: 2; no effect: the time is always reported
        int timestamping = 0;           ///< SO_TIMESTAMPING; no effect
        std::uint16_t segment_size = 0; ///< UDP_SEGMENT, octets; 0: none
        int receive_buffer = 0;         ///< octets
        int send_buffer = 0;            ///< octets; no effect: a socket does not queue what it sends
        int local_ports = 0;            ///< IP_LOCAL_PORT_RANGE
        int longest_packet = 0;         ///< IPV6_MTU; octets; 0: not set
        int checksum_offset = -1;       ///< IPV6_CHECKSUM, of raw sockets; octets; -1: none
        int linger = -1;                ///< s; -1: off; no effect
        int receive_low_watermark = 1;  ///< octets; no effect on datagrams
        std::optional<interface_id> device, multicast_interface;
        chosen_preferences preferences; ///< IPV6_ADDR_PREFERENCES
        endpoint local, remote;
        error_code error;
        udp::receive_queue queue;
        std::deque<error_message> error_queue;
        icmp_types blocked{}; ///< ICMP6_FILTER, ICMP_FILTER, of raw sockets
        std::vector<membership> groups;
        std::unique_ptr<unfinished_datagram> unfinished;
        std::unique_ptr<const packet_filter> filter; ///< null: none
        std::uint32_t drops = 0;                     ///< packets that the queue had no room for, or the filter refused

        bool hears(const address& destination, const address& source, interface_id interface) const noexcept;
        ip::fragmenting fragments() const noexcept; ///< by `mtu_discover`
    };

    /// The route of a datagram, and its IP header; `header.mtu` is set.
    struct path
    {
        ip::route_ref route;
        address source;
        ip::send_info header;
    };

    datagram_sockets(ip_protocol number, socket_type type, network& net, event_queue& events, const host_options& options);
    ~datagram_sockets() = default;

    /// Binds the socket to a local name: for bind(), or for the first send or connect of an unbound socket.
    virtual error_code claim(socket_id id, socket& s, const endpoint& local) = 0;
    /// The socket is being closed: frees its local name.
    virtual void release(socket_id id, const socket& s) = 0;
    /// Sends one datagram, or several with UDP_SEGMENT.
    virtual result<std::size_t> send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                              time_point now, const send_hints& hints) = 0;

    socket* find(socket_id id) noexcept { return sockets_.find(id); }
    const socket* find(socket_id id) const noexcept { return sockets_.find(id); }
    result<socket_id> open_socket(family f);
    error_code send_unfinished(socket_id id, socket& s, time_point now);
    result<endpoint> receiver_of(const socket& s, const endpoint* destination) const;
    /// @param named the destination was given with the send, not by connect()
    result<path> find_path(const socket& s, const endpoint& to, bool named, const send_hints& hints) const;
    /// Octets of the longest packet to `to` that the socket sends whole.
    std::size_t mtu_of(const socket& s, const ip::route_entry& r, const address& to) const noexcept;
    static std::size_t size_of(const_buffer_list from) noexcept; ///< octets
    static packet gather(const_buffer_list from, std::size_t size);
    /// Applies the socket's filter, and cuts the packet to what that keeps, but not below `least` octets.
    /// @return false: refused, and counted
    static bool passes_filter(socket& s, packet& p, std::size_t least);
    /// @return false: the socket's queue is full
    bool push(socket& s, udp::datagram&& d);
    void raise(socket& s, const error_code& why); ///< the next call on the socket reports the error
    /// @param p the packet that contained the payload  @return false: the socket's queue is full
    bool deliver(socket& s, const endpoint& sender, packet payload, const ip::rx_packet& p, time_point now);
    /// If the report tells an MTU: remembers it, if the socket accepts path MTUs. The caller has found that the socket may have
    /// sent the packet (RFC 5927 §7.1).
    void heed_mtu(const socket& s, const ip::icmp_error_report& r, time_point now);
    /// @param headers octets of the quoted packet's headers
    void fail(socket& s, const ip::icmp_error_report& r, std::size_t headers);

    network& net_;

private:
    static constexpr std::size_t most_error_messages = 64; ///< per socket; beyond it, new ones are dropped

    result<std::size_t> add_to_unfinished(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                          time_point now, const send_hints& hints);
    std::optional<interface_id> way_out(const socket& s, const address& destination) const noexcept;
    std::optional<error_code> set_group_option(socket& s, socket_option option, int value);
    result<interface_id> group_interface(const socket& s, const address& group, std::optional<interface_id> interface) const;
    error_code add_membership(socket& s, const address& group, interface_id interface, const ip::source_filter& filter);
    void apply(membership& m, ip::source_filter filter);
    std::optional<int> get_flag(const socket& s, socket_option option) const;
    int ttl_of(const socket& s) const;

    event_queue& events_;
    const host_options& options_;
    slab<socket> sockets_;
};

} // namespace tapio::core
