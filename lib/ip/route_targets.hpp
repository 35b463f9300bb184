/// @file
/// What a route says besides its prefix. Most routes of a large table share a few next hops, so each combination is stored once.
#pragma once

#include "ip/slot_pool.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/snapshot.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

namespace tapio::core::ip {

struct route_target
{
    std::optional<address> gateway; ///< none: the destination is on the link
    std::uint32_t interface = 0;
    std::uint32_t metric = 0;
    route_kind kind = route_kind::unicast;

    friend bool operator<(const route_target& a, const route_target& b)
    {
        return std::tie(a.interface, a.metric, a.kind, a.gateway) < std::tie(b.interface, b.metric, b.kind, b.gateway);
    }
};

class route_targets
{
public:
    /// The number of a target with one user more. @return valid until as many release() calls
    std::uint32_t acquire(const route_target& t);
    void release(std::uint32_t index) noexcept;
    const route_target& operator[](std::uint32_t index) const noexcept { return entries_[index].known->first; }

private:
    using table = std::map<route_target, std::uint32_t>;
    struct entry
    {
        table::const_iterator known;
        std::uint32_t users = 0; ///< routes
    };

    table known_; ///< number of each target
    slot_pool<entry> entries_;
};

} // namespace tapio::core::ip
