/// @file
/// Addresses as the core names them: Asio's own address type, the core's endpoint, and the link-layer address.
#pragma once

#include <tapio/core/config.hpp>

#include <boost/asio/ip/address.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>

#pragma GCC visibility push(default)

namespace tapio::core {

using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;

/// `a == b`, faster on the path of every packet: of IPv4 addresses only the 32 bits are compared.
inline bool same_address(const address& a, const address& b) noexcept
{
    return a.is_v4() && b.is_v4() ? a.to_v4() == b.to_v4() : a == b;
}

/// Whether a zone belongs to the address (RFC 4007 §6): a link-local address, or a multicast of interface- or link-local scope.
inline bool needs_zone(const address& a) noexcept
{
    if (a.is_v4()) return false;
    const address_v6 v6 = a.to_v6();
    return v6.is_link_local() || v6.is_multicast_link_local() || v6.is_multicast_node_local();
}

/// The address without its scope id.
inline address without_zone(const address& a) noexcept
{
    return a.is_v4() || a.to_v6().scope_id() == 0 ? a : address(address_v6(a.to_v6().to_bytes()));
}
/// The address in the zone of an interface, if it needs one; else the address without a zone.
/// @param zone the interface's number + 1, as in a sockaddr_in6's scope id
inline address in_zone(const address& a, std::uint32_t zone) noexcept
{
    return needs_zone(a) ? address(address_v6(a.to_v6().to_bytes(), zone)) : without_zone(a);
}

/// An IP address and a port in host byte order.
struct endpoint
{
    core::address address{};
    std::uint16_t port = 0;

    friend bool operator==(const endpoint& a, const endpoint& b) noexcept
    {
        return a.port == b.port && same_address(a.address, b.address);
    }
};

/// The family of a socket or packet.
enum class family : std::uint8_t
{
    v4,
    v6
};

inline family family_of(const address& a) noexcept { return a.is_v4() ? family::v4 : family::v6; }

/// An EUI-48 link-layer address (IEEE 802), octets in transmission order.
struct mac_address
{
    std::array<std::uint8_t, 6> octets{};

    bool is_unspecified() const noexcept { return *this == mac_address{}; }
    bool is_multicast() const noexcept { return (octets[0] & 1U) != 0; } ///< true for broadcast too
    bool is_broadcast() const noexcept { return *this == broadcast(); }

    static constexpr mac_address broadcast() noexcept { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }

    friend bool operator==(const mac_address&, const mac_address&) = default;
    friend std::strong_ordering operator<=>(const mac_address& a, const mac_address& b) noexcept ///< libc++ 16 cannot default it
    {
        return std::memcmp(a.octets.data(), b.octets.data(), a.octets.size()) <=> 0;
    }
};

/// As "02:00:00:00:00:02".
std::string to_string(const mac_address& mac);

/// Parses six hexadecimal octets separated by `:` or `-`.
/// @return false if the text is no link-layer address; then `out` is unchanged
bool parse(const std::string& text, mac_address& out) noexcept;

} // namespace tapio::core

#pragma GCC visibility pop
