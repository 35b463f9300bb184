/// @file
/// The Redirect message, by which a router names a better first hop (RFC 4861 §4.5, §8.1).
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <optional>

namespace tapio::core::wire {

struct redirect
{
    address_v6 target;      ///< the better first hop: a router's link-local address, or `destination` itself, a neighbour
    address_v6 destination; ///< unicast
    std::optional<mac_address> target_link;

    bool on_link() const noexcept { return target == destination; } ///< the destination is a neighbour
};

/// The rest of §8.1 is the caller's: hop limit, source (the destination's first hop so far), code, checksum. The redirected
/// packet, which the message may quote, is not read.
/// @param body the octets after the 8 octets of the ICMPv6 header
parsed<redirect> parse_redirect(const_bytes body) noexcept;

/// What push_icmpv6() puts its header in front of, with `rest` 0.
packet make_redirect(const redirect& r);

} // namespace tapio::core::wire
