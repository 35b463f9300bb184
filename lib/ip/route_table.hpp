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
    void remove_interface(std::uint32_t interface);

    /// The route to `destination` (by that interface), or null.
    const route* find(const address& destination, std::optional<std::uint32_t> interface = {}) const noexcept;

    const std::vector<route>& all() const noexcept { return routes_; }

private:
    std::vector<route> routes_; ///< best first
};

} // namespace tapio::core::ip
