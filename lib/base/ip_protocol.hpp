/// @file
/// Protocols above IP, by the number in its header (IANA "Protocol Numbers").
#pragma once

#include <cstdint>

namespace tapio::core {

enum class ip_protocol : std::uint8_t
{
    icmp = 1,
    igmp = 2,
    tcp = 6,
    udp = 17,
    icmpv6 = 58,
    raw = 255 ///< reserved; a raw socket's option level (IPPROTO_RAW)
};

} // namespace tapio::core
