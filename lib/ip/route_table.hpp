/// @file
/// Routes: the longest prefix wins, then the lowest metric, then the first added (RFC 1812 §5.2.4.3, RFC 1122 §3.3.1).
#pragma once

#include "ip/prefix_trie.hpp"
#include "ip/route_index.hpp"
#include "ip/route_targets.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tapio::core::ip {

/// Whether the families and the first `length` bits are equal.
bool same_prefix(const address& a, const address& b, unsigned length) noexcept;

/// The first `length` bits of `a`, the others zero.
address network_of(const address& a, unsigned length) noexcept;

using route = route_info; ///< the scope id of an IPv6 network is ignored

/// The best route to a destination: the prefix is the first `length` bits of the destination.
struct route_match
{
    const route_target* target = nullptr; ///< valid until the table is changed; null: there is no route
    unsigned length = 0;                  ///< bits

    explicit operator bool() const noexcept { return target != nullptr; }
    const route_target* operator->() const noexcept { return target; }
};

/// A trie for each family, and an index of the IPv4 trie while that is large. With a full table of the Internet (10^6 IPv4
/// routes, few gateways) a route takes about 33 octets of memory, half of them in the index. A lookup by the index waits for
/// memory about twice, by a trie four times or more; an insertion or removal visits a few nodes of each. `route_index` and
/// `prefix_trie` state the bounds. Routes of the same prefix are kept in a list: their number adds to the cost.
class route_table
{
public:
    using condition = std::function<bool(const route&)>;

    /// The index exists from so many IPv4 prefixes on, until half of them are left. It takes 256 KiB at least.
    static constexpr std::size_t large = 8192;

    explicit route_table(std::size_t indexed_from = large) : indexed_from_(indexed_from) {}

    /// Ignores bits of `r.network` beyond the prefix. A route that exists already is counted, and stays until it has been removed
    /// as often: the addresses of one subnet share its route. Precondition: the prefix is not longer than an address.
    void add(const route& r);
    /// Removes the route that is equal to `r`, or else the first one that differs in its metric alone. @return false: no such
    /// route
    bool remove(const route& r);
    /// Removes all routes for which `unwanted` is true, however often they were added.
    void remove_if(const condition& unwanted);

    /// The best route to `destination`, by `interface` if given, among those whose target is usable; none: there is no route.
    /// Routes that are not unicast have no interface and match any, as on Linux.
    /// @param usable  bool(const route_target&, unsigned prefix length)
    template <class Usable>
    route_match match(const address& destination, std::optional<std::uint32_t> interface, Usable&& usable) const;

    /// match() as a whole route.
    std::optional<route> find(const address& destination, std::optional<std::uint32_t> interface = {}) const;
    /// The same, among the routes for which `usable` is true. null: all are.
    std::optional<route> find_if(const address& destination, std::optional<std::uint32_t> interface,
                                 const condition& usable) const;

    /// Some route leads to this neighbour as its gateway. @param a without a zone
    bool leads_to_gateway(std::uint32_t interface, const address& a) const { return targets_.has_gateway(interface, a); }

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
    template <class Bits, class Usable>
    route_match search(const prefix_trie<Bits>& in, const Bits& destination, std::optional<std::uint32_t> interface,
                       Usable& usable) const;
    template <class Usable>
    route_match match_among(std::uint32_t there, unsigned length, std::optional<std::uint32_t> interface, Usable& usable) const;
    std::span<const counted> routes_of(std::uint32_t there, counted& single) const noexcept
    {
        if ((there & list_flag) != 0) return lists_[there & ~list_flag];
        single.target = there;
        return {&single, 1};
    }

    void inserted(std::uint32_t network, unsigned length, std::uint32_t there);
    void changed(std::uint32_t network, unsigned length, std::uint32_t there);
    void erased(std::uint32_t network, unsigned length);
    static void inserted(const address_bits&, unsigned, std::uint32_t) noexcept {} // IPv6 has no index
    static void changed(const address_bits&, unsigned, std::uint32_t) noexcept {}
    static void erased(const address_bits&, unsigned) noexcept {}

    prefix_trie<std::uint32_t> v4_;
    prefix_trie<address_bits> v6_;
    std::size_t indexed_from_;           ///< prefixes
    std::size_t v4_prefixes_ = 0;        ///< in `v4_`
    std::unique_ptr<route_index> index_; ///< of `v4_`; null: it is small
    route_targets targets_;
    slot_pool<list> lists_;
};

template <class Usable>
route_match route_table::match(const address& destination, std::optional<std::uint32_t> interface, Usable&& usable) const
{
    if (!destination.is_v4()) return search(v6_, to_bits(destination.to_v6()), interface, usable);
    const std::uint32_t bits = to_bits(destination.to_v4());
    if (!index_) return search(v4_, bits, interface, usable);
    const indexed_prefix best = index_->find(bits);
    if (!best.exists()) return {};
    if (best.has_value())
        if (const auto found = match_among(best.value(), best.length(), interface, usable)) return found;
    return search(v4_, bits, interface, usable); // a shorter prefix
}

template <class Bits, class Usable>
route_match route_table::search(const prefix_trie<Bits>& in, const Bits& destination, std::optional<std::uint32_t> interface,
                                Usable& usable) const
{
    route_match found;
    in.find_each(destination, [&](unsigned length, std::uint32_t there) {
        return bool(found = match_among(there, length, interface, usable));
    });
    return found;
}

/// The first of the routes of one prefix that matches.
template <class Usable>
route_match route_table::match_among(std::uint32_t there, unsigned length, std::optional<std::uint32_t> interface,
                                     Usable& usable) const
{
    counted single;
    for (const counted& c : routes_of(there, single)) {
        const route_target& t = targets_[c.target];
        if (interface && t.interface != *interface && t.kind == route_kind::unicast) continue;
        if (usable(t, length)) return {&t, length};
    }
    return {};
}

} // namespace tapio::core::ip
