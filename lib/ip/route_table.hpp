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

/// True if the first `length` bits of both are the same (and their families are).
bool same_prefix(const address& a, const address& b, unsigned length) noexcept;

/// The first `length` bits, the others zero.
address network_of(const address& a, unsigned length) noexcept;

struct route
{
    address network;
    unsigned prefix_length = 0;     ///< bits
    std::optional<address> gateway; ///< none: the destination is on the link
    std::uint32_t interface = 0;
    std::uint32_t metric = 0;
};

/// Adding, removing and finding take O(log n): a search for each prefix length that some route has.
class route_table
{
public:
    /// The bits of its network beyond the prefix count for nothing. One that is there already is counted, and stays until it has
    /// been removed as often: addresses of one subnet have the same route.
    void add(route r);
    /// The first that is the same but for its metric. @return false if there is none
    bool remove(const route& r);
    /// All that `unwanted(const route&)` names.
    template <class Unwanted>
    void remove_if(Unwanted&& unwanted)
    {
        for (auto at = routes_.begin(); at != routes_.end();) {
            std::erase_if(at->second, [&](const counted& c) { return unwanted(c.what); });
            at = forget_if_empty(at);
        }
    }

    /// The route to `destination` (by that interface), or null.
    const route* find(const address& destination, std::optional<std::uint32_t> interface = {}) const noexcept
    {
        return find_if(destination, interface, [](const route&) { return true; });
    }
    /// The best one of those that `usable(const route&)` names.
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

    /// Those that are looked at first come first.
    std::vector<route> all() const;

private:
    static constexpr unsigned max_length = 128; ///< bits; IPv6

    struct counted
    {
        route what;
        std::size_t times = 1; ///< added, and not removed
    };
    using table = std::map<std::pair<unsigned, address>, std::vector<counted>>;
    table::iterator forget_if_empty(table::iterator at);

    table routes_;                                       ///< by max_length less the prefix length, then the network; best first
    std::array<std::size_t, max_length + 1> networks_{}; ///< in `routes_`, by prefix length
    unsigned longest_ = 0;                               ///< prefix that there has been
};

} // namespace tapio::core::ip
