/// @file
/// Routes from Router Advertisements: the default routers (RFC 4861 §6.3.4), the routes to certain prefixes (RFC 4191 §3.1, a
/// host of type C), and the prefixes whose addresses are neighbours (RFC 4861 §6.3.4).
#pragma once

#include "ip/slaac_actions.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <vector>

namespace tapio::core::ip {

/// Each of the three kinds has a bound of its own, at which no new route is learned: routes in use are not pushed out.
class learned_routes
{
public:
    static constexpr std::size_t most_default_routers = 16, most_specific_routes = 32, most_on_link_prefixes = 32;

    explicit learned_routes(autoconfiguration_actions& actions) noexcept : actions_(actions) {}

    /// Adds the route, or changes its preference and the time of its expiry; one that is over removes it.
    void learn(const learned_route& r, time_point until, time_point now);
    /// Removes all routes by this gateway.
    void forget_gateway(const address_v6& gateway);
    void forget_all();

    void advance(time_point now); ///< removes what has expired
    time_point next_deadline() const noexcept;
    std::vector<learned_route> all() const;

private:
    struct entry
    {
        learned_route route;
        time_point until = never;
    };
    template <class Unwanted>
    void remove_if(Unwanted&& unwanted);
    bool has_room_for(const learned_route& r) const noexcept;

    autoconfiguration_actions& actions_;
    std::vector<entry> entries_;
};

} // namespace tapio::core::ip
