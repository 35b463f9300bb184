/// @file
/// Fields that several Neighbour Discovery messages share (RFC 4861 §4): addresses, prefixes, and link-layer address options.
#pragma once

#include "wire/header.hpp"
#include "wire/ndp.hpp"

#include <tapio/core/address.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tapio::core::wire {

inline constexpr std::size_t ndp_address_size = 16; ///< octets

/// The address at the start of `from`. Precondition: from.size() >= 16.
inline address_v6 ndp_address_at(const_bytes from) noexcept
{
    address_v6::bytes_type octets;
    std::memcpy(octets.data(), from.data(), octets.size());
    return address_v6(octets);
}

inline void store_ndp_address(std::byte* to, const address_v6& a) noexcept
{
    const auto octets = a.to_bytes();
    std::memcpy(to, octets.data(), octets.size());
}

/// The first `length` bits of `from`, the others zero: what is behind a prefix is ignored (RFC 4861 §4.6.2). Missing octets are
/// zero, too. Precondition: length <= 128.
inline address_v6 ndp_prefix_at(const_bytes from, unsigned length) noexcept
{
    address_v6::bytes_type octets{};
    std::memcpy(octets.data(), from.data(), std::min({from.size(), octets.size(), std::size_t{length + 7} / 8}));
    if (length % 8 != 0) octets[length / 8] &= static_cast<std::uint8_t>(0xff00U >> length % 8);
    return address_v6(octets);
}

/// Writes an option of 8 octets with an Ethernet address (RFC 4861 §4.6.1).
inline void store_link_address_option(std::byte* to, ndp_option type, const mac_address& mac) noexcept
{
    to[0] = static_cast<std::byte>(type);
    to[1] = std::byte{1};
    std::memcpy(to + 2, mac.octets.data(), mac.octets.size());
}

} // namespace tapio::core::wire
