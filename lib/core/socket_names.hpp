/// @file
/// The rules for local and remote names that the sockets of all protocols share: families, zones, dual-stack sockets.
///
/// The core knows IPv4 addresses as such, also those of IPv6 sockets, for which the Berkeley API writes them as IPv4-mapped
/// (RFC 4291 §2.5.5.2, RFC 3493 §3.7); the shell translates. An IPv6 socket bound to :: covers IPv4, too, unless IPV6_V6ONLY is
/// set. Read RFC 3493 first; the errors are Linux's.
#pragma once

#include "link/interface.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tapio::core {

inline address unspecified(family f) { return f == family::v4 ? address(address_v4::any()) : address(address_v6::any()); }

/// The address that a socket of family `f` connects or sends to if its user names `a`. As Linux: to this host for :: or 0.0.0.0,
/// over IPv4 if the socket is bound to an IPv4 address; a link-local unicast address needs a scope id or a socket bound to a
/// device; scope ids of other addresses are ignored.
/// @param own the local address; unspecified: none
inline result<address> peer_for(family f, bool v6_only, const address& own, const std::optional<interface_id>& device,
                                const address& a)
{
    if (f == family::v4 && a.is_v6()) return errno_code(EAFNOSUPPORT);
    if (v6_only && a.is_v4()) return errno_code(ENETUNREACH);
    if (a.is_unspecified()) return a.is_v4() || own.is_v4() ? address(address_v4::loopback()) : address(address_v6::loopback());
    if (own.is_v4() && a.is_v6()) return errno_code(EAFNOSUPPORT);
    if (!needs_zone(a)) return without_zone(a);
    if (a.to_v6().scope_id() != 0) return a;
    if (device) return in_zone(a, *device + 1);
    if (a.is_multicast()) return a;
    return errno_code(EINVAL);
}

/// The address that a socket of family `f` is bound to if its user names `a`. As Linux: a link-local address or group needs a
/// scope id, or a socket bound to a device.
/// @param interfaces their number
inline result<address> own_for(family f, bool v6_only, const std::optional<interface_id>& device, std::size_t interfaces,
                               const address& a)
{
    if (f == family::v4 && a.is_v6()) return errno_code(EAFNOSUPPORT);
    if (v6_only && a.is_v4()) return errno_code(EINVAL);
    if (!needs_zone(a)) return without_zone(a);
    const std::size_t zone = a.to_v6().scope_id() != 0 ? a.to_v6().scope_id() : device ? *device + 1 : 0;
    if (zone == 0) return errno_code(EINVAL);
    if (zone > interfaces) return errno_code(ENODEV);
    return in_zone(a, static_cast<std::uint32_t>(zone));
}

/// A socket bound to `own` receives what is sent to `a`.
inline bool covers(const address& own, bool v6_only, const address& a)
{
    if (!own.is_unspecified()) return own == a;
    return own.is_v4() ? a.is_v4() : a.is_v6() || !v6_only;
}

/// Sockets bound to the same port and to these two addresses could both receive the same packet.
inline bool overlap(const address& a, bool a_v6_only, const address& b, bool b_v6_only)
{
    return covers(a, a_v6_only, b) || covers(b, b_v6_only, a);
}

} // namespace tapio::core
