/// @file
/// Routes: the longest prefix wins, then the lowest metric, then the first added (RFC 1812 §5.2.4.3, RFC 1122 §3.3.1).
#pragma once

#include <tapio/core/address.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace tapio::core::ip {

/// Whether the families and the first `length` bits are equal.
bool same_prefix(const address& a, const address& b, unsigned length) noexcept;

/// The first `length` bits of `a`, the others zero.
address network_of(const address& a, unsigned length) noexcept;

struct route
{
    address network;
    unsigned prefix_length = 0;     ///< bits
    std::optional<address> gateway; ///< none: the destination is on the link
    std::uint32_t interface = 0;
    std::uint32_t metric = 0;
};

/// add(), remove() and find() take O(log n); find() searches once for each prefix length in use.
class route_table
{
public:
    /// Ignores bits of `r.network` beyond the prefix. A route that exists already is counted, and stays until it has been removed
    /// as often: the addresses of one subnet share its route.
    void add(route r);
    /// Removes the first route that is equal to `r`, the metric ignored. @return false: no such route
    bool remove(const route& r);
    /// Removes all routes for which `unwanted(const route&)` is true, however often they were added.
    template <class Unwanted>
    void remove_if(Unwanted&& unwanted)
    {
        for (auto at = routes_.begin(); at != routes_.end();) {
            std::erase_if(at->second, [&](const counted& c) { return unwanted(c.what); });
            at = forget_if_empty(at);
        }
    }

    /// The best route to `destination`, by `interface` if given; null: none.
    const route* find(const address& destination, std::optional<std::uint32_t> interface = {}) const noexcept
    {
        return find_if(destination, interface, [](const route&) { return true; });
    }
    /// The same, among the routes for which `usable(const route&)` is true.
    template <class Usable>
    const route* find_if(const address& destination, std::optional<std::uint32_t> interface, Usable&& usable) const noexcept
    {
        for (unsigned length = longest_ + 1; length-- > 0;) {
            if (networks_[length] == 0) continue;
            const auto there = routes_.find({max_length - length, network_of(destination, length)});
            if (there == routes_.end()) continue;
            for (const counted& c : there->second)
                if ((!interface || c.what.interface == *interface) && usable(c.what)) return &c.what;
        }
        return nullptr;
    }

    /// All routes, in the order in which find() considers them.
    std::vector<route> all() const;

private:
    static constexpr unsigned max_length = 128; ///< bits; IPv6

    struct counted
    {
        route what;
        std::size_t times = 1; ///< add() calls less remove() calls
    };
    using table = std::map<std::pair<unsigned, address>, std::vector<counted>>;
    table::iterator forget_if_empty(table::iterator at);

    table routes_;                                       ///< by (max_length - prefix length, network); best route first
    std::array<std::size_t, max_length + 1> networks_{}; ///< number of networks in `routes_`, by prefix length
    unsigned longest_ = 0;                               ///< longest prefix length ever added
};

} // namespace tapio::core::ip
