/// @file
/// Routes: the longest prefix wins, then the lowest metric, then the first added (RFC 1812 §5.2.4.3, RFC 1122 §3.3.1).
#pragma once

#include "ip/prefix_trie.hpp"
#include "ip/route_targets.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/snapshot.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace tapio::core::ip {

/// Whether the families and the first `length` bits are equal.
bool same_prefix(const address& a, const address& b, unsigned length) noexcept;

/// The first `length` bits of `a`, the others zero.
address network_of(const address& a, unsigned length) noexcept;

using route = route_info; ///< the scope id of an IPv6 network is ignored

/// A trie for each family. With a full table of the Internet (10^6 IPv4 routes, few gateways) a route takes about 30 octets of
/// memory, and a lookup, an insertion and a removal each visit a few nodes; `prefix_trie` states the bounds. Routes of the same
/// prefix are kept in a list: their number adds to the cost.
class route_table
{
public:
    using condition = std::function<bool(const route&)>;

    /// Ignores bits of `r.network` beyond the prefix. A route that exists already is counted, and stays until it has been removed
    /// as often: the addresses of one subnet share its route. Precondition: the prefix is not longer than an address.
    void add(const route& r);
    /// Removes the first route that is equal to `r`, the metric ignored. @return false: no such route
    bool remove(const route& r);
    /// Removes all routes for which `unwanted` is true, however often they were added.
    void remove_if(const condition& unwanted);

    /// The best route to `destination`, by `interface` if given; none: there is no route. Routes that are not unicast have no
    /// interface and match any, as on Linux.
    std::optional<route> find(const address& destination, std::optional<std::uint32_t> interface = {}) const
    {
        return find_if(destination, interface, nullptr);
    }
    /// The same, among the routes for which `usable` is true. null: all are.
    std::optional<route> find_if(const address& destination, std::optional<std::uint32_t> interface,
                                 const condition& usable) const;

    /// All routes: the longest prefix first, then in the order of networks and metrics.
    std::vector<route> all() const;

private:
    /// In the trie: a target, or with `list_flag` the list of a prefix that has several routes or one that was added again.
    static constexpr std::uint32_t list_flag = 0x8000'0000;
    struct counted
    {
        std::uint32_t target = 0;
        std::uint32_t times = 1; ///< add() calls less remove() calls
    };
    using list = std::vector<counted>; ///< best route first

    bool add_to(std::uint32_t& there, std::uint32_t target);
    bool erase_from(std::uint32_t& there, std::size_t at);
    template <class Bits>
    void add(prefix_trie<Bits>& to, const Bits& network, unsigned length, std::uint32_t target);
    template <class Bits>
    bool remove(prefix_trie<Bits>& from, const Bits& network, const route& r);
    template <class Bits>
    void remove_if(prefix_trie<Bits>& from, const condition& unwanted);
    template <class Bits>
    std::optional<route> find_if(const prefix_trie<Bits>& in, const Bits& destination, std::optional<std::uint32_t> interface,
                                 const condition& usable) const;
    template <class Bits>
    route to_route(const Bits& network, unsigned length, std::uint32_t target) const;
    std::span<const counted> routes_of(std::uint32_t there, counted& single) const noexcept;

    prefix_trie<std::uint32_t> v4_;
    prefix_trie<address_bits> v6_;
    route_targets targets_;
    slot_pool<list> lists_;
};

} // namespace tapio::core::ip
