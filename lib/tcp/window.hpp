/// @file
/// Windows as the header carries them (16 bits, scaled) and in octets are different types, and only a window_scale converts
/// between them (RFC 7323 §2.2), so that scaling cannot be forgotten.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tapio::core::tcp {

/// Octets.
enum class window_size : std::uint32_t
{
};
constexpr std::uint32_t octets(window_size w) noexcept { return static_cast<std::uint32_t>(w); }

/// The header's 16 bits.
enum class wire_window : std::uint16_t
{
};

/// The shift count of the Window Scale option (RFC 7323 §2.2).
class window_scale
{
public:
    static constexpr std::uint8_t largest = 14; ///< RFC 7323 §2.3

    constexpr window_scale() noexcept = default;
    constexpr explicit window_scale(unsigned shift) noexcept
        : shift_(static_cast<std::uint8_t>(std::min<unsigned>(shift, largest)))
    {
    }

    /// The smallest scale that can advertise `capacity` octets.
    static constexpr window_scale for_capacity(std::uint32_t capacity) noexcept
    {
        unsigned shift = 0;
        while (shift < largest && (capacity >> shift) > 0xffff) ++shift;
        return window_scale(shift);
    }

    constexpr std::uint8_t shift() const noexcept { return shift_; }
    constexpr std::uint32_t unit() const noexcept { return 1U << shift_; } ///< octets per unit of the header's window field

    /// Rounds down, and caps at 65535 units.
    constexpr wire_window to_wire(std::uint32_t size) const noexcept // RFC 9293 MUST-1
    {
        return static_cast<wire_window>(std::min<std::uint32_t>(size >> shift_, 0xffff));
    }
    friend constexpr window_size operator<<(wire_window w, window_scale s) noexcept
    {
        return static_cast<window_size>(static_cast<std::uint32_t>(w) << s.shift_);
    }

private:
    std::uint8_t shift_ = 0;
};

} // namespace tapio::core::tcp
