/// @file
/// All decisions about a host's addresses: which are its own, which are broadcast addresses of its subnets, which groups an
/// interface receives, and which of its own addresses is the source of a packet.
///
/// A link-local address is one of ours together with its zone (RFC 4007 §6): the scope id is the interface's number + 1.
#pragma once

#include "ip/source_selection.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/error.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>

namespace tapio::core::ip {

class address_table
{
public:
    /// @param strong RFC 1122 §3.3.4.2: an address is ours on its interface only
    explicit address_table(link::interface_table& interfaces, bool strong = false) noexcept
        : interfaces_(interfaces), strong_(strong)
    {
    }

    /// Precondition: `a` is a unicast address that the host does not have yet, with the zone of `i` if it needs one.
    link::interface_address& add(link::interface& i, const link::interface_address& a);
    struct removed
    {
        interface_id interface = 0;
        unsigned prefix_length = 0;
        address_origin origin = address_origin::manual;
    };
    std::optional<removed> remove(const address& a); ///< none if `a` was not ours

    bool is_ours(const address& a) const noexcept ///< an address of any interface; all of 127/8
    {
        return (a.is_v4() && a.is_loopback()) || own_.contains(a);
    }
    /// Whether a packet to the unicast address `to`, which interface `i` received, is for this host.
    bool accepts(const link::interface& i, const address& to) const noexcept
    {
        if (i.any_destination) return true;
        return strong_ && i.id() != 0 && !(to.is_v4() && to.is_loopback()) ? interface_of(to) == i.id() : is_ours(to);
    }
    /// Whether sockets may bind to the unicast address, and packets may have it as source.
    bool may_be_source(const address& a) const noexcept { return is_ours(a) || any_source_; }
    bool is_strong() const noexcept { return strong_; }
    /// Any-IP: all unicast addresses are ours for packets that the interface receives, and may be the source of ours.
    void set_any(link::interface& i, bool yes) noexcept;

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
        return is_broadcast(group) || is_all_hosts(group) || i.is_member(group) || (i.proxy && is_solicited_node(group));
    }

    std::optional<interface_id> interface_of(const address& own) const noexcept;
    link::interface_address* find(const address& own) noexcept; ///< null: no interface has the address
    const link::interface_address* find(const address& own) const noexcept { return const_cast<address_table*>(this)->find(own); }
    /// The zone of one of our own link-local addresses, given without it; 0: none of ours.
    std::uint32_t zone_of(const address& own) const noexcept;
    /// The source of a packet to `destination`. IPv4: the interface's address on the subnet of `destination`, else its first,
    /// a link-local one (RFC 3927) only if there is no other. IPv6: RFC 6724 §5, among the addresses of the interface.
    std::optional<address> source_for(interface_id interface, const address& destination,
                                      const source_preferences& preferences = {}) const;
    /// The interface has an address of the family.
    bool speaks(const link::interface& i, family f) const noexcept;

private:
    struct own_address
    {
        interface_id interface;
        std::list<link::interface_address>::iterator place; ///< in the interface's list
    };

    std::optional<address> source_for_v6(const link::interface& i, const address& destination,
                                         const source_preferences& preferences) const;
    static bool is_solicited_node(const address& group) noexcept;
    static bool is_all_hosts(const address& group) noexcept; ///< every host is a member (RFC 1112 §4, RFC 4291 §2.8)

    link::interface_table& interfaces_;
    const bool strong_;
    bool any_source_ = false; ///< an interface has any_destination
    const policy_table policies_;
    std::unordered_map<address, own_address, std::hash<boost::asio::ip::address>> own_; ///< addresses of all interfaces
    std::unordered_map<std::uint32_t, std::size_t> broadcasts_; ///< broadcast address -> number of our addresses in that subnet
};

/// The solicited-node multicast address (RFC 4291 §2.7.1), without a zone.
address_v6 solicited_node(const address_v6& a) noexcept;

} // namespace tapio::core::ip
