/// @file
/// Routes: the longest prefix wins, then the lowest metric, then the first added (RFC 1812 §5.2.4.3, RFC 1122 §3.3.1).
#pragma once

#include <tapio/core/address.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::ip {

/// True if the first `length` bits of both are the same (and their families are).
bool same_prefix(const address& a, const address& b, unsigned length) noexcept;

struct route
{
    address network;
    unsigned prefix_length = 0;     ///< bits
    std::optional<address> gateway; ///< none: the destination is on the link
    std::uint32_t interface = 0;
    std::uint32_t metric = 0;
};

class route_table
{
public:
    void add(route r);
    /// The first that is the same but for its metric. @return false if there is none
    bool remove(const route& r);
    /// All that `unwanted(const route&)` names.
    template <class Unwanted>
    void remove_if(Unwanted&& unwanted)
    {
        std::erase_if(routes_, unwanted);
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
        for (const route& r : routes_)
            if ((!interface || r.interface == *interface) && same_prefix(r.network, destination, r.prefix_length) && usable(r))
                return &r;
        return nullptr;
    }

    const std::vector<route>& all() const noexcept { return routes_; }

private:
    std::vector<route> routes_; ///< best first
};

} // namespace tapio::core::ip
