/// @file
/// A packet as one line of text, similar to tcpdump: addresses, ports, and the transport header's fields.
#pragma once

#include <tapio/core/packet.hpp>

#include <string>

namespace tapio {

/// @param p an Ethernet frame or an IP packet  @return such as "192.0.2.1:80 > 192.0.2.2:40000 tcp [S.] seq 1 ack 2 win 65535,
/// 0 octets"; empty for a truncated frame
std::string packet_text(const core::packet& p);

} // namespace tapio
