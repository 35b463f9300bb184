/// @file
/// Interface identifiers, the lower 64 bits of an IPv6 address: stable opaque ones (RFC 7217) and random ones (RFC 8981 §3.3.1).
#pragma once

#include "base/random_source.hpp"
#include "base/siphash.hpp"

#include <tapio/core/address.hpp>

#include <cstdint>
#include <string_view>

namespace tapio::core::ip {

/// Reserved by RFC 5453 §3: the subnet router anycast address, IANA's Ethernet block, the subnet anycast addresses.
bool is_reserved_identifier(std::uint64_t identifier) noexcept;

/// RFC 7217 §5: the same whenever a host with this secret comes to this subnet, and without relation to its identifiers
/// elsewhere. The pseudorandom function is SipHash-2-4; Network_ID is empty.
/// @param prefix its first 64 bits count  @param net_iface a name of the interface that lasts  @param dad_counter duplicates met
std::uint64_t stable_identifier(const siphash_key& secret, const address_v6& prefix, std::string_view net_iface,
                                std::uint8_t dad_counter);

/// Not reserved.
std::uint64_t random_identifier(random_source& random) noexcept;

/// fe80::, of 64 bits (RFC 4291 §2.5.6).
inline address_v6 link_local_prefix() noexcept { return address_v6(address_v6::bytes_type{0xfe, 0x80}); }

/// The first 64 bits of `prefix`, then the identifier.
address_v6 join(const address_v6& prefix, std::uint64_t identifier) noexcept;

} // namespace tapio::core::ip
