/// @file
/// TCP Fast Open (RFC 7413): data in the SYN. The client proves its address by a cookie from an earlier connection.
#pragma once

#include "wire/tcp.hpp"

#include <cstdint>

namespace tapio::core::tcp {

using wire::fast_open_cookie;

/// Constructor arguments of a connection with Fast Open.
struct fast_open
{
    fast_open_cookie cookie;     ///< active open: for the SYN, empty to request one; passive open: for the SYN,ACK
    std::uint16_t peer_mss = 0;  ///< octets; the peer's MSS option in the last connection (RFC 7413 §4.1.3); 0: unknown
    bool without_cookie = false; ///< active open: send data in the SYN without a cookie
    static constexpr std::uint32_t syn_options = 40; ///< octets: the most options that a SYN can carry
};

/// State of data in the SYN.
enum class early_data : std::uint8_t
{
    none,
    allowed, ///< the SYN may carry data, and waits for it
    sent,
    taken ///< accepted: by the peer (active open) or by us (passive open)
};

} // namespace tapio::core::tcp
