/// @file
/// What TCP and UDP agree on about local ports.
#pragma once

#include <tapio/core/address.hpp>

#include <cstdint>

namespace tapio::core {

// Linux's range of ephemeral ports; RFC 6056 §3.2 asks for as wide a one as can be.
inline constexpr std::uint16_t first_ephemeral = 32768;
inline constexpr std::uint16_t last_ephemeral = 60999;

/// Sockets bound to these addresses, and to the same port, would both get a packet.
inline bool overlap(const address& a, const address& b) { return a == b || a.is_unspecified() || b.is_unspecified(); }

} // namespace tapio::core
