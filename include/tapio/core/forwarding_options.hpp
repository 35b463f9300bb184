/// @file
/// Options of stack::set_forwarding().
#pragma once

#include <cstdint>

#pragma GCC visibility push(default)

namespace tapio::core {

/// Whether a packet is forwarded although an answer to its source would not leave by the interface that received it (RFC 3704).
enum class reverse_path_filter : std::uint8_t
{
    off,
    loose, ///< there is a route to the source
    strict ///< ... by the interface that received the packet
};

struct forwarding_options
{
    bool v4 = true, v6 = true; ///< the families that are forwarded
    reverse_path_filter reverse_path = reverse_path_filter::off;
    /// A sender on the link whose packet leaves by the interface that received it is told of the better next hop (RFC 1812
    /// §5.2.7.2, RFC 4861 §8.2), within the rate limit of ICMP errors. The packet is forwarded in any case.
    bool send_redirects = false;
};

} // namespace tapio::core

#pragma GCC visibility pop
