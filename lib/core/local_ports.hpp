/// @file
/// The rules for local ports that TCP and UDP share.
#pragma once

#include <cstdint>

namespace tapio::core {

// Linux's range of ephemeral ports. RFC 6056 §3.2 recommends a range as wide as possible.
inline constexpr std::uint16_t first_ephemeral = 32768;
inline constexpr std::uint16_t last_ephemeral = 60999;

/// A range of local ports, both ends included.
struct port_range
{
    std::uint16_t first = first_ephemeral, last = last_ephemeral;

    unsigned size() const noexcept { return last - first + 1U; }
};

/// Whether `value` is valid for IP_LOCAL_PORT_RANGE (ip(7)): the lower port in the low 16 bits, the upper one in the high 16
/// bits; 0 for either end means the default.
inline bool is_port_range(int value) noexcept
{
    const auto v = static_cast<std::uint32_t>(value);
    return (v & 0xffff) == 0 || v >> 16 == 0 || (v & 0xffff) <= v >> 16;
}
/// The range that IP_LOCAL_PORT_RANGE selects. An end that is outside of the ephemeral range is ignored.
inline port_range narrowed(int value) noexcept
{
    const auto v = static_cast<std::uint32_t>(value);
    const auto first = static_cast<std::uint16_t>(v & 0xffff), last = static_cast<std::uint16_t>(v >> 16);
    const auto within = [](std::uint16_t p) { return p >= first_ephemeral && p <= last_ephemeral; };
    return {within(first) ? first : first_ephemeral, within(last) ? last : last_ephemeral};
}

} // namespace tapio::core
