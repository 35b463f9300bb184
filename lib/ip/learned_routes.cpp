#include "ip/learned_routes.hpp"

#include <algorithm>

namespace tapio::core::ip {

namespace {

enum class learned_use
{
    default_router,
    specific,
    on_link
};

learned_use use_of(const learned_route& r) noexcept
{
    if (!r.gateway) return learned_use::on_link;
    return r.prefix_length == 0 ? learned_use::default_router : learned_use::specific;
}

std::size_t most_of(learned_use k) noexcept
{
    if (k == learned_use::on_link) return learned_routes::most_on_link_prefixes;
    return k == learned_use::default_router ? learned_routes::most_default_routers : learned_routes::most_specific_routes;
}

/// Whether they are the same, the preference apart.
bool same_route(const learned_route& a, const learned_route& b) noexcept
{
    return a.prefix_length == b.prefix_length && a.prefix == b.prefix && a.gateway == b.gateway;
}

} // namespace

template <class Unwanted>
void learned_routes::remove_if(Unwanted&& unwanted)
{
    std::erase_if(entries_, [&](const entry& e) {
        if (!unwanted(e)) return false;
        actions_.remove_route(e.route);
        return true;
    });
}

bool learned_routes::has_room_for(const learned_route& r) const noexcept
{
    const learned_use k = use_of(r);
    const auto same_kind = std::count_if(entries_.begin(), entries_.end(), [k](const entry& e) { return use_of(e.route) == k; });
    return static_cast<std::size_t>(same_kind) < most_of(k);
}

void learned_routes::learn(const learned_route& r, time_point until, time_point now)
{
    const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const entry& e) { return same_route(e.route, r); });
    if (until <= now) return remove_if([&](const entry& e) { return same_route(e.route, r); });
    if (at == entries_.end()) {
        if (!has_room_for(r)) return;
        entries_.push_back({r, until});
        return actions_.add_route(r);
    }
    at->until = until;
    if (at->route == r) return;
    actions_.remove_route(at->route); // the preference has changed
    at->route = r;
    actions_.add_route(r);
}

void learned_routes::forget_gateway(const address_v6& gateway)
{
    remove_if([&](const entry& e) { return e.route.gateway == gateway; });
}

void learned_routes::forget_all()
{
    remove_if([](const entry&) { return true; });
}

void learned_routes::advance(time_point now)
{
    remove_if([now](const entry& e) { return e.until <= now; });
}

time_point learned_routes::next_deadline() const noexcept
{
    time_point soonest = never;
    for (const entry& e : entries_) soonest = std::min(soonest, e.until);
    return soonest;
}

std::vector<learned_route> learned_routes::all() const
{
    std::vector<learned_route> out;
    for (const entry& e : entries_) out.push_back(e.route);
    return out;
}

} // namespace tapio::core::ip
