/// @file
/// A packet in one line, as tcpdump has it: who to whom, and what a segment says.
#pragma once

#include <tapio/core/packet.hpp>

#include <string>

namespace tapio {

/// Of a packet on an interface: an Ethernet frame, or an IP packet. "192.0.2.1:80 > 192.0.2.2:40000 tcp [S.] seq 1 ack 2 win
/// 65535, 0 octets"; empty if it is nothing that is known here.
std::string packet_text(const core::packet& p);

} // namespace tapio
