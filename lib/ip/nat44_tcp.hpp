/// @file
/// What a NAT knows of a TCP connection that it translates. Read RFC 5382 §5 and RFC 7857 §2 first.
#pragma once

#include <cstdint>

namespace tapio::core::ip {

enum class nat44_direction : std::uint8_t
{
    outbound = 1,
    inbound = 2
};

class nat44_tcp
{
public:
    /// @param flags bits of wire::tcp_flag
    void on_segment(nat44_direction from, std::uint8_t flags) noexcept;

    /// Both sides have acknowledged something, and neither FINs of both nor a RST have ended the connection. Otherwise it is
    /// opening or ending, and lasts for the transitory timeout. A simultaneous open counts like any other (RFC 5382 REQ-2).
    bool established() const noexcept { return acknowledged_ == both && !ended(); }

private:
    static constexpr std::uint8_t both = 3;

    bool ended() const noexcept { return finished_ == both || reset_ != 0; }

    // Bits of nat44_direction: the sides that have sent
    std::uint8_t acknowledged_ = 0; ///< a segment with ACK
    std::uint8_t finished_ = 0;     ///< a FIN
    std::uint8_t reset_ = 0;        ///< a RST
};

} // namespace tapio::core::ip
