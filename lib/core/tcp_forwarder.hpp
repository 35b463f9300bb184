/// @file
/// Hands out SYNs for which TCP has no listener, before they are answered.
#pragma once

#include "core/flow_forwarder.hpp"
#include "tcp/segment.hpp"

namespace tapio::core {

class tcp_sockets;

class tcp_forwarder final : public flow_forwarder
{
public:
    tcp_forwarder(tcp_sockets& sockets, network& net, event_queue& events, const siphash_key& key)
        : flow_forwarder(net, events, key), sockets_(sockets)
    {
    }

    /// Answers the SYN with a SYN,ACK. The socket becomes writable when the handshake has ended, and take_error() then returns
    /// the outcome, as after connect().
    result<socket_id> accept(std::uint64_t id, time_point now) override;

    /// A segment that has neither a connection nor a listener. @return true: it was taken, or dropped
    bool receives(const tcp::segment& seg, ip::rx_packet& p, tcp_counters& counters, time_point now);

private:
    bool refuse_by_transport(ip::rx_packet& first, refusal how, time_point now) override;

    tcp_sockets& sockets_;
};

} // namespace tapio::core
