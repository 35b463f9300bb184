/// @file
/// All decisions about a host's addresses: which are its own, which are broadcast addresses of its subnets, which groups an
/// interface receives, and which of its own addresses is the source of a packet.
#pragma once

#include "link/interface_table.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

namespace tapio::core::ip {

class address_table
{
public:
    explicit address_table(link::interface_table& interfaces) noexcept : interfaces_(interfaces) {}

    /// Precondition: `a` is a unicast address that the host does not have yet.
    void add(link::interface& i, const link::interface_address& a);
    struct removed
    {
        interface_id interface = 0;
        unsigned prefix_length = 0;
    };
    std::optional<removed> remove(const address& a); ///< none if `a` was not ours

    bool is_ours(const address& a) const noexcept ///< an address of any interface; all of 127/8
    {
        if (!a.is_v4()) return false;
        const std::uint32_t wanted = a.to_v4().to_uint();
        return wanted >> 24 == 127 || own_.contains(wanted);
    }
    bool is_broadcast(const address& a) const noexcept ///< limited broadcast, or that of one of our subnets
    {
        if (!a.is_v4()) return false;
        const std::uint32_t wanted = a.to_v4().to_uint();
        return wanted == 0xffff'ffff || broadcasts_.contains(wanted);
    }
    bool is_group(const address& a) const noexcept { return a.is_multicast() || is_broadcast(a); }
    /// Whether the host accepts a packet to `group` that the interface received.
    bool hears(const link::interface& i, const address& group) const noexcept
    {
        constexpr std::uint32_t all_hosts = 0xe000'0001; // RFC 1112 §4: every host is a member
        return is_broadcast(group) || (group.is_v4() && group.to_v4().to_uint() == all_hosts) || i.is_member(group);
    }

    std::optional<interface_id> interface_of(const address& own) const noexcept;
    link::interface_address* find(const address& own) noexcept; ///< null: no interface has the address
    /// The interface's address on the next hop's subnet, else its first (RFC 6724 §5 for IPv4, rules 1 and 8).
    std::optional<address> source_for(interface_id interface, const address& next_hop) const noexcept;

private:
    struct own_address
    {
        interface_id interface;
        std::list<link::interface_address>::iterator place; ///< in the interface's list
    };

    link::interface_table& interfaces_;
    std::unordered_map<std::uint32_t, own_address> own_;        ///< addresses of all interfaces
    std::unordered_map<std::uint32_t, std::size_t> broadcasts_; ///< broadcast address -> number of our addresses in that subnet
};

} // namespace tapio::core::ip
