/// @file
/// The ICMP datagram sockets ("ping sockets") of a host: Linux's SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6, errno for errno.
/// A socket sends echo requests, and receives the replies with its own identifier, from the ICMP header on. The identifier is the
/// local port; it overwrites what the user wrote, and the host computes the checksum. Read RFC 792 (echo) and RFC 4443 §4 first.
#pragma once

#include "base/random_source.hpp"
#include "core/datagram_sockets.hpp"
#include "ip/echo_receiver.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace tapio::core {

class ping_sockets final : public datagram_sockets, public ip::echo_receiver
{
public:
    ping_sockets(network& net, random_source& random, event_queue& events, const host_options& options);

    /// @param protocol the family's ICMP
    result<socket_id> open(family f, int protocol) override;
    error_code bind(socket_id id, const endpoint& local) override;
    error_code connect(socket_id id, const endpoint& peer, time_point now) override;
    result<int> get_option(socket_id id, socket_option option) const override;

    // -- called by the network layer ------------------------------------------------------------------------------------
    void echo_reply(const ip::rx_packet& p, time_point now) override;
    void echo_error(const ip::icmp_error_report& report, time_point now) override;

private:
    /// The sockets with one identifier: SO_REUSEADDR, with which several may bind it, is on at first.
    using sharers = std::vector<socket_id>;

    error_code claim(socket_id id, socket& s, const endpoint& local) override;
    void release(socket_id id, const socket& s) override;
    result<std::size_t> send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                      time_point now, const send_hints& hints) override;
    bool is_free(const socket& s, std::uint16_t identifier) const;
    /// The socket bound last of those that hear the packet; null: none. @param own its destination  @param peer its source
    socket* find_by(std::uint16_t identifier, const address& own, const address& peer, interface_id interface);

    random_source& random_;
    std::unordered_map<std::uint16_t, sharers> identifiers_;
};

} // namespace tapio::core
