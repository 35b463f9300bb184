#include "ip/slaac.hpp"

#include "ip/interface_identifier.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace tapio::core::ip {

namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t least_mtu = 1280; // octets (RFC 8200 §5)

// Bounds of the timers that routers set: RFC 4861 §6.2.1 has the one hour; the least values are Linux's. A longer retransmission
// timer would keep Duplicate Address Detection from ending.
constexpr milliseconds least_reachable_time{100}, most_reachable_time = std::chrono::hours(1);
constexpr milliseconds default_retransmit_time{1000}; // RFC 4861 §10
constexpr milliseconds least_retransmit_time{10}, most_retransmit_time = std::chrono::minutes(1);

/// The advertised time, at least `least`; `known` if it is 0 (unspecified) or more than `most`.
std::optional<milliseconds> time_of(std::uint32_t advertised, milliseconds least, milliseconds most,
                                    const std::optional<milliseconds>& known)
{
    const milliseconds t(advertised);
    if (t.count() == 0 || t > most) return known;
    return std::max(t, least);
}

/// Link-local addresses are always neighbours (RFC 4861 §5.1).
learned_route link_local_route() { return {link_local_prefix(), 64, {}, {}}; }

address_v6 without_scope(const address_v6& a) { return address_v6(a.to_bytes()); }

/// Whether routers may say anything of the prefix: not of link-local addresses (RFC 4861 §6.3.4, RFC 4862 §5.5.3 (b)) and groups,
/// nor of the loopback address and its like, which no link has (::/64, RFC 4291 §2.5).
bool is_advertisable(const address_v6& prefix, unsigned length) noexcept
{
    const auto octets = prefix.to_bytes();
    const bool zeros = std::all_of(octets.begin(), octets.begin() + 8, [](unsigned char c) { return c == 0; });
    return !prefix.is_multicast() && !prefix.is_link_local() && !(zeros && length >= 64);
}

} // namespace

autoconfiguration::autoconfiguration(autoconfiguration_options options, random_source& random, autoconfiguration_actions& actions)
    : options_(std::move(options)), random_(random), actions_(actions), addresses_(options_, random, actions), routes_(actions)
{
}

void autoconfiguration::link_up(time_point now)
{
    if (up_) return;
    up_ = true;
    run(now);
    if (!std::exchange(on_link_local_, true)) actions_.add_route(link_local_route());
    addresses_.link_up(now);
    solicitor_.start(now, random_);
    settle(now);
}

void autoconfiguration::link_down(time_point now)
{
    up_ = false;
    solicitor_.stop();
    settle(now);
}

void autoconfiguration::reset()
{
    up_ = false;
    solicitor_.stop();
    addresses_.remove_all();
    routes_.forget_all();
    if (std::exchange(on_link_local_, false)) actions_.remove_route(link_local_route());
    set_parameters({});
    const bool had_dns = dns() != dns_configuration{};
    servers_.clear();
    search_domains_.clear();
    nat64_prefixes_.clear();
    if (had_dns) actions_.dns_changed({});
    soonest_ = never;
}

bool autoconfiguration::router_advertised(const wire::router_advertisement& ra, const address_v6& from, time_point now)
{
    const address_v6 router = without_scope(from);
    if (!up_ || !router.is_link_local() || addresses_.has(router)) return false;
    run(now); // makes room
    learn_parameters(ra);
    learn_routes(ra, router, now);
    learn_prefixes(ra, now);
    learn_dns(ra, now);
    if (ra.router_lifetime != 0) solicitor_.answered();
    settle(now);
    return true;
}

void autoconfiguration::no_longer_router(const address_v6& router, time_point now)
{
    routes_.forget_gateway(without_scope(router));
    settle(now);
}

void autoconfiguration::duplicate(const address_v6& a, time_point now)
{
    addresses_.duplicate(without_scope(a), now);
    settle(now);
}

void autoconfiguration::advance(time_point now)
{
    if (now >= soonest_) settle(now);
}

/// Runs all that is due.
void autoconfiguration::run(time_point now)
{
    routes_.advance(now);
    addresses_.advance(now);
    // Each of the three is to be advanced, whether or not another has changed.
    bool dns_has_changed = servers_.advance(now);
    dns_has_changed |= search_domains_.advance(now);
    dns_has_changed |= nat64_prefixes_.advance(now);
    if (dns_has_changed) actions_.dns_changed(dns());
    if (solicitor_.advance(now, random_)) actions_.solicit_routers();
}

void autoconfiguration::settle(time_point now)
{
    run(now);
    soonest_ = std::min({routes_.next_deadline(), addresses_.next_deadline(now), solicitor_.next_deadline(),
                         servers_.next_deadline(), search_domains_.next_deadline(), nat64_prefixes_.next_deadline()});
}

// -- what a Router Advertisement says -------------------------------------------------------------------------------

void autoconfiguration::set_parameters(const link_parameters& p)
{
    addresses_.set_retransmit_time(p.retransmit_time.value_or(default_retransmit_time));
    if (p == parameters_) return;
    parameters_ = p;
    actions_.parameters_changed(p);
}

/// RFC 4861 §6.3.4.
void autoconfiguration::learn_parameters(const wire::router_advertisement& ra)
{
    link_parameters p = parameters_;
    if (ra.hop_limit != 0) p.hop_limit = ra.hop_limit;
    if (ra.mtu && *ra.mtu >= least_mtu) p.mtu = ra.mtu;
    p.reachable_time = time_of(ra.reachable_time, least_reachable_time, most_reachable_time, p.reachable_time);
    p.retransmit_time = time_of(ra.retransmit_time, least_retransmit_time, most_retransmit_time, p.retransmit_time);
    p.managed = ra.managed;
    p.other = ra.other;
    set_parameters(p);
}

/// RFC 4191 §3.1. A route option for ::/0 overrides what the header says of the default route.
void autoconfiguration::learn_routes(const wire::router_advertisement& ra, const address_v6& router, time_point now)
{
    learned_route by_default{address_v6(), 0, router, ra.preference};
    time_point until = later(now, std::chrono::seconds(ra.router_lifetime));
    for (const wire::route_information& r : ra.routes)
        if (r.length == 0) by_default.preference = r.preference, until = end_of(r.lifetime, now);
    routes_.learn(by_default, until, now);
    for (const wire::route_information& r : ra.routes)
        if (r.length != 0 && is_advertisable(r.prefix, r.length))
            routes_.learn({r.prefix, r.length, router, r.preference}, end_of(r.lifetime, now), now);
}

void autoconfiguration::learn_prefixes(const wire::router_advertisement& ra, time_point now)
{
    for (const wire::prefix_information& p : ra.prefixes) {
        if (!is_advertisable(p.prefix, p.length)) continue;
        if (p.on_link) routes_.learn({p.prefix, p.length, {}, {}}, end_of(p.valid_lifetime, now), now);
        if (p.autonomous) addresses_.advertised(p, now);
    }
}

/// RFC 8106 §5.3.1, RFC 8781 §5.
void autoconfiguration::learn_dns(const wire::router_advertisement& ra, time_point now)
{
    bool changed = false;
    for (const auto& s : ra.dns_servers) changed |= servers_.learn(s.address, end_of(s.lifetime, now), now);
    for (const auto& d : ra.dns_search_domains) changed |= search_domains_.learn(d.name, end_of(d.lifetime, now), now);
    for (const auto& p : ra.nat64_prefixes)
        changed |= nat64_prefixes_.learn({p.prefix, p.length}, later(now, std::chrono::seconds(p.lifetime)), now);
    if (changed) actions_.dns_changed(dns());
}

dns_configuration autoconfiguration::dns() const
{
    return {servers_.values(), search_domains_.values(), nat64_prefixes_.values()};
}

} // namespace tapio::core::ip
