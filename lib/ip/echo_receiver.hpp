/// @file
/// Who receives the answers to echo requests: the ICMP datagram sockets.
#pragma once

#include "ip/rx_packet.hpp"
#include "ip/transport.hpp"

#include <tapio/core/time.hpp>

namespace tapio::core::ip {

class echo_receiver
{
public:
    /// @param p an echo reply with a whole ICMP header and a correct checksum
    virtual void echo_reply(const rx_packet& p, time_point now) = 0;
    /// An error about an ICMP message of this host's.
    virtual void echo_error(const icmp_error_report& report, time_point now) = 0;

protected:
    ~echo_receiver() = default;
};

} // namespace tapio::core::ip
