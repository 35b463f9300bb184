/// @file
/// TCP Fast Open (RFC 7413): data in the SYN, for a client that shows by a cookie that it was there before.
#pragma once

#include "wire/tcp.hpp"

#include <cstdint>

namespace tapio::core::tcp {

using wire::fast_open_cookie;

/// What a connection that may open fast is born with.
struct fast_open
{
    fast_open_cookie cookie;     ///< for the SYN; empty: to be asked for. Of a passive open: for the SYN,ACK
    std::uint16_t peer_mss = 0;  ///< octets; the peer's MSS option of the last time (RFC 7413 §4.1.3); 0: unknown
    bool without_cookie = false; ///< an active open's data goes with the SYN all the same
    static constexpr std::uint32_t syn_options = 40; ///< octets: the most that a SYN has of them
};

/// What became of data in the SYN.
enum class early_data : std::uint8_t
{
    none,
    allowed, ///< the SYN waits for it
    sent,
    taken ///< by the peer; of a passive open: by us
};

} // namespace tapio::core::tcp
