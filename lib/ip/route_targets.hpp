/// @file
/// What a route says besides its prefix. Most routes of a large table share a few next hops, so each combination is stored once.
#pragma once

#include "ip/slot_pool.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/snapshot.hpp>

#include <cstdint>
#include <optional>
#include <set>
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
    route_targets() = default;
    route_targets(const route_targets&) = delete;
    route_targets& operator=(const route_targets&) = delete;

    /// The number of a target with one user more. @return valid until as many release() calls
    std::uint32_t acquire(const route_target& t);
    void release(std::uint32_t index) noexcept;

    bool has_gateway(std::uint32_t interface, const address& a) const; ///< a: without a zone

    const route_target& operator[](std::uint32_t index) const noexcept { return entries_[index].what; }

private:
    struct entry
    {
        route_target what;
        std::uint32_t users = 0; ///< routes
    };
    struct by_content
    {
        using is_transparent = void;
        const slot_pool<entry>& entries;

        bool operator()(std::uint32_t a, std::uint32_t b) const { return entries[a].what < entries[b].what; }
        bool operator()(std::uint32_t a, const route_target& b) const { return entries[a].what < b; }
        bool operator()(const route_target& a, std::uint32_t b) const { return a < entries[b].what; }
    };

    slot_pool<entry> entries_;
    std::set<std::uint32_t, by_content> known_{by_content{entries_}}; ///< numbers of all targets
};

} // namespace tapio::core::ip
