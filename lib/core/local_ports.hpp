/// @file
/// What TCP and UDP agree on about local ports.
#pragma once

#include <tapio/core/address.hpp>

#include <cstdint>

namespace tapio::core {

// Linux's range of ephemeral ports; RFC 6056 §3.2 asks for as wide a one as can be.
inline constexpr std::uint16_t first_ephemeral = 32768;
inline constexpr std::uint16_t last_ephemeral = 60999;

/// A range of local ports, both ends included.
struct port_range
{
    std::uint16_t first = first_ephemeral, last = last_ephemeral;

    unsigned size() const noexcept { return last - first + 1U; }
};

/// IP_LOCAL_PORT_RANGE (ip(7)): two ports, the upper one in the upper half; 0 for either end leaves it as it is, and so does one
/// that is not in the range of all.
inline bool is_port_range(int value) noexcept
{
    const auto v = static_cast<std::uint32_t>(value);
    return (v & 0xffff) == 0 || v >> 16 == 0 || (v & 0xffff) <= v >> 16;
}
inline port_range narrowed(int value) noexcept
{
    const auto v = static_cast<std::uint32_t>(value);
    const auto first = static_cast<std::uint16_t>(v & 0xffff), last = static_cast<std::uint16_t>(v >> 16);
    const auto within = [](std::uint16_t p) { return p >= first_ephemeral && p <= last_ephemeral; };
    return {within(first) ? first : first_ephemeral, within(last) ? last : last_ephemeral};
}

/// Sockets bound to these addresses, and to the same port, would both get a packet.
inline bool overlap(const address& a, const address& b) { return a == b || a.is_unspecified() || b.is_unspecified(); }

} // namespace tapio::core
