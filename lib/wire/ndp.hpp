/// @file
/// Neighbour Discovery messages (RFC 4861 §4): solicitations and advertisements of neighbours, router solicitations, and the
/// options that all messages share. Router advertisements: router_advertisement.hpp.
#pragma once

#include "wire/header.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace tapio::core::wire {

enum class ndp_option : std::uint8_t
{
    source_link_address = 1,
    target_link_address = 2,
    prefix_information = 3,
    redirected_header = 4,
    mtu = 5,
    nonce = 14,             ///< RFC 3971 §5.3.2, RFC 7527
    route_information = 24, ///< RFC 4191
    recursive_dns = 25,     ///< RFC 8106
    dns_search_list = 31,   ///< RFC 8106
    pref64 = 38             ///< RFC 8781
};

/// Calls `f(ndp_option type, const_bytes option)` for each option, its type and length octet included.
/// @return false: an option of length 0, or one that is cut off: the message is to be dropped (RFC 4861 §4.6)
template <class F>
bool for_each_ndp_option(const_bytes options, F&& f)
{
    while (!options.empty()) {
        if (options.size() < 2) return false;
        const std::size_t length = std::to_integer<std::size_t>(options[1]) * 8;
        if (length == 0 || length > options.size()) return false;
        f(static_cast<ndp_option>(options[0]), options.first(length));
        options = options.subspan(length);
    }
    return true;
}

/// The link-layer address in an option of Ethernet's size.
inline std::optional<mac_address> link_address_of(const_bytes option) noexcept
{
    mac_address mac;
    if (option.size() != 2 + sizeof mac.octets) return std::nullopt;
    std::memcpy(mac.octets.data(), option.data() + 2, sizeof mac.octets);
    return mac;
}

struct neighbor_solicitation
{
    address_v6 target;
    std::optional<mac_address> source_link;
    std::uint64_t nonce = 0; ///< 48 bits (RFC 7527); 0: none
};

struct neighbor_advertisement
{
    address_v6 target;
    bool router = false;
    bool solicited = false;
    bool override = false;
    std::optional<mac_address> target_link;
};

/// The link-layer address of the sender of a router solicitation, if it gives one.
struct router_solicitation
{
    std::optional<mac_address> source_link;
};

// These take the octets after the 8 octets of the ICMPv6 header, and of an advertisement the header's `rest`.
parsed<neighbor_solicitation> parse_neighbor_solicitation(const_bytes body) noexcept;
parsed<neighbor_advertisement> parse_neighbor_advertisement(std::uint32_t rest, const_bytes body) noexcept;
parsed<router_solicitation> parse_router_solicitation(const_bytes body) noexcept;

// What push_icmpv6() puts its header in front of; `rest_of` is the advertisement's flags.
packet make_neighbor_solicitation(const neighbor_solicitation& s);
packet make_neighbor_advertisement(const neighbor_advertisement& a);
packet make_router_solicitation(const router_solicitation& s);
std::uint32_t rest_of(const neighbor_advertisement& a) noexcept;

} // namespace tapio::core::wire
