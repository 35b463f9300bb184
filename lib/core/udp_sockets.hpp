/// @file
/// The UDP sockets of a host (RFC 768, RFC 1122 §4.1): the Berkeley calls of Linux, non-blocking, errno for errno.
///
///     udp_sockets.cpp        ports, sending, options that only UDP has
///     udp_sockets_input.cpp  demultiplexing of datagrams and ICMP errors
#pragma once

#include "base/flow_hash.hpp"
#include "base/random_source.hpp"
#include "base/siphash.hpp"
#include "core/datagram_sockets.hpp"
#include "core/udp_forwarder.hpp"

#include <tapio/core/counters.hpp>

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace tapio::core {

class udp_sockets final : public datagram_sockets, public ip::transport
{
public:
    udp_sockets(network& net, random_source& random, event_queue& events, const host_options& options, udp_counters& counters);

    result<socket_id> open(family f, int = 0) override { return open_socket(f); }
    error_code bind(socket_id id, const endpoint& local) override;
    error_code set_option(socket_id id, socket_option option, int value, time_point now) override;
    result<int> get_option(socket_id id, socket_option option) const override;
    error_code connect(socket_id id, const endpoint& peer, time_point now) override;
    using datagram_sockets::receive;

    // -- called by the network layer ------------------------------------------------------------------------------------
    void receive(ip::rx_packet& p, time_point now) override;
    void icmp_error(const ip::icmp_error_report& report, time_point now) override;

    udp_forwarder& forwarder() noexcept { return forwarder_; }
    const udp_forwarder& forwarder() const noexcept { return forwarder_; }
    /// A socket that is connected to the flow's source, and bound to its destination.
    result<socket_id> accept_flow(const flow_key& flow);

private:
    error_code claim(socket_id id, socket& s, const endpoint& local) override;
    void release(socket_id id, const socket& s) override;
    result<std::size_t> send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                      time_point now, const send_hints& hints) override;
    error_code emit(packet&& payload, ip::route_entry& route, const flow_key& flow, const ip::send_info& header,
                    std::size_t segment, time_point now);
    bool port_is_free(const socket& s, const endpoint& local) const;
    socket* demultiplex(interface_id interface, const endpoint& local, const endpoint& remote, std::vector<socket*>* everyone);
    void hand_to(socket& s, packet payload, const ip::rx_packet& p, time_point now);
    std::size_t spread(const endpoint& remote) const noexcept;

    random_source& random_;
    udp_counters& counters_;
    std::unordered_map<std::uint16_t, std::vector<socket_id>> ports_;
    std::vector<socket*> candidates_; ///< used within demultiplex() only
    siphash_key spread_key_;
    /// Sockets of accepted flows, by the flow of the datagrams that they receive; these are not in `ports_`, because a port may
    /// have very many of them.
    std::unordered_map<flow_key, socket_id, flow_hash> flows_;
    udp_forwarder forwarder_;
};

} // namespace tapio::core
