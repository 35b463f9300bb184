/// @file
/// Hands out flows of datagrams for which UDP has no socket.
#pragma once

#include "core/flow_forwarder.hpp"

namespace tapio::core {

class udp_sockets;

class udp_forwarder final : public flow_forwarder
{
public:
    udp_forwarder(udp_sockets& sockets, network& net, event_queue& events, const siphash_key& key)
        : flow_forwarder(net, events, key), sockets_(sockets)
    {
    }

    /// The socket is connected to the flow's source, and has received the datagrams that came so far.
    result<socket_id> accept(std::uint64_t id, time_point now) override;

    /// A datagram that no socket receives. @return true: it was taken, or dropped
    bool receives(ip::rx_packet& p, udp_counters& counters, time_point now);

private:
    bool refuse_by_transport(ip::rx_packet& first, refusal how, time_point now) override;

    udp_sockets& sockets_;
};

} // namespace tapio::core
