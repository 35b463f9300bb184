/// @file
/// The UDP sockets of a host (RFC 768, RFC 1122 §4.1), and raw ones: the Berkeley calls of Linux, non-blocking, errno for errno.
///
///     udp_sockets.cpp          open, bind, connect, send, receive, close
///     udp_sockets_options.cpp  options, multicast membership
///     udp_sockets_input.cpp    datagrams and ICMP errors to their socket
///
/// A raw socket (RFC 3542 §3.1 says it of IPv6) sends what follows the IP header and receives copies of all packets of its
/// protocol, the IPv4 header included.
#pragma once

#include "base/random_source.hpp"
#include "base/siphash.hpp"
#include "core/event_queue.hpp"
#include "core/network.hpp"
#include "core/slab.hpp"
#include "core/socket_protocol.hpp"
#include "core/socket_types.hpp"
#include "udp/receive_queue.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace tapio::core {

class udp_sockets final : public socket_protocol, public transport
{
public:
    udp_sockets(network& net, random_source& random, event_queue& events, const host_options& options, udp_counters& counters);

    /// @param protocol not 0: a raw socket for that IP protocol
    result<socket_id> open(family f, int protocol = 0) override;
    void set_owner(udp_id id, event_sink* owner) override;
    void close(udp_id id, time_point now) override;
    error_code bind(udp_id id, const endpoint& local) override;
    error_code connect(udp_id id, const endpoint& peer, time_point now) override;
    error_code disconnect(udp_id id);
    error_code shutdown(udp_id id, shutdown_type how, time_point now) override;
    result<std::size_t> send(udp_id id, const_buffer_list from, const endpoint* destination, time_point now,
                             const send_hints& hints = {}) override;
    result<std::size_t> receive(udp_id id, mutable_buffer_list into, receive_flags flags, received_message* about,
                                time_point now) override;
    bool is_receive_shut(udp_id id) const override;
    result<error_message> take_error_message(udp_id id) override;
    readiness poll(udp_id id) const override;
    error_code take_error(udp_id id) override;
    result<endpoint> local_endpoint(udp_id id) const override;
    result<endpoint> remote_endpoint(udp_id id) const override;
    result<std::size_t> available(udp_id id) const override;
    error_code set_option(udp_id id, socket_option option, int value, time_point now) override;
    result<int> get_option(udp_id id, socket_option option) const override;
    error_code join_group(udp_id id, const address& group, std::optional<interface_id> interface) override;
    error_code leave_group(udp_id id, const address& group, std::optional<interface_id> interface) override;

    void receive(ip::rx_packet& p, time_point now) override;
    bool receive_raw(const ip::rx_packet& p, time_point now) override;
    bool wants_raw() const noexcept override { return !raw_.empty(); }
    void icmp_error(const icmp_error_report& report, time_point now) override;
    void flush(time_point) override {}
    bool wants_flush() const noexcept override { return false; }
    void transmit_room(interface_id) override {}

private:
    static constexpr std::size_t most_error_messages = 64; ///< of a socket; at the bound the new one is dropped

    struct membership
    {
        address group;
        interface_id interface = 0;
        friend bool operator==(const membership&, const membership&) = default;
    };

    /// What MSG_MORE or UDP_CORK has put together. Whom it is for the first of it said.
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
        bool bound = false, connected = false;
        bool broadcast = false, reuse_address = false, reuse_port = false;
        bool do_not_route = false;
        bool cork = false;
        bool debug = false, keep_alive = false, oob_inline = false; ///< remembered, and without effect
        bool receive_shut = false, send_shut = false;
        bool multicast_loopback = true, multicast_all = true;
        bool packet_info = false, receive_ttl = false, receive_tos = false; ///< remembered; what came is always known
        bool receive_errors = false;
        std::uint8_t ttl = 64, tos = 0, multicast_hops = 1;
        std::uint8_t mtu_discover = 1;  ///< IP_MTU_DISCOVER; 0: no DF
        std::uint8_t timestamps = 0;    ///< SO_TIMESTAMP: 1, SO_TIMESTAMPNS: 2; remembered: when it came is always known
        int timestamping = 0;           ///< SO_TIMESTAMPING, remembered
        std::uint8_t raw_protocol = 0;  ///< 0: UDP
        std::uint16_t segment_size = 0; ///< octets; 0: none
        int receive_buffer = 0;         ///< octets
        int send_buffer = 0;            ///< octets; remembered
        int local_ports = 0;            ///< IP_LOCAL_PORT_RANGE
        int linger = -1;                ///< s; -1: off; remembered
        int receive_low_watermark = 1;  ///< octets; remembered: a datagram is whole or not there
        std::optional<interface_id> device, multicast_interface;
        endpoint local, remote;
        error_code error;
        udp::receive_queue queue;
        std::deque<error_message> error_queue;
        std::vector<membership> groups;
        std::unique_ptr<unfinished_datagram> unfinished;

        bool hears(const address& destination, interface_id interface) const noexcept;
    };

    socket* find(udp_id id) noexcept { return sockets_.find(id); }
    const socket* find(udp_id id) const noexcept { return sockets_.find(id); }
    result<std::size_t> gather(udp_id id, socket& s, const_buffer_list from, const endpoint* destination, time_point now,
                               const send_hints& hints);
    error_code send_unfinished(udp_id id, socket& s, time_point now);
    result<std::size_t> send_whole(udp_id id, socket& s, const_buffer_list from, const endpoint* destination, time_point now,
                                   const send_hints& hints);
    std::optional<interface_id> way_out(const socket& s, const address& destination) const noexcept;
    error_code emit(const socket& s, packet&& payload, ip::route_entry& route, const flow_key& flow,
                    const network::send_info& info, std::size_t segment, time_point now);
    std::optional<error_code> set_group_option(socket& s, socket_option option, int value);
    std::optional<int> get_flag(const socket& s, socket_option option) const;
    socket* demultiplex(interface_id interface, const endpoint& local, const endpoint& remote, std::vector<socket*>* everyone);
    std::size_t spread(const endpoint& remote) const noexcept;
    error_code claim(udp_id id, socket& s, const endpoint& local);
    bool port_is_free(const socket& s, const endpoint& local) const;

    network& net_;
    random_source& random_;
    event_queue& events_;
    const host_options& options_;
    udp_counters& counters_;
    slab<socket> sockets_;
    std::unordered_map<std::uint16_t, std::vector<udp_id>> ports_;
    std::vector<udp_id> raw_;
    std::vector<socket*> candidates_; ///< demultiplex's
    siphash_key spread_key_;
};

} // namespace tapio::core
