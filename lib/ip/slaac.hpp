/// @file
/// IPv6 autoconfiguration of one interface of a host: what Router Advertisements change, and when routers are solicited.
///
/// Decides alone; its owner carries the decisions out (`autoconfiguration_actions`): Duplicate Address Detection, routing,
/// sending, and the checks and rate limits of received messages. A flood of advertisements stays within bounds, and does not push
/// out what is in use. Not here: which of several default routers is reachable (RFC 4861 §6.3.6), Redirects, DHCPv6.
/// Read RFC 4861 §6.3 and RFC 4862 §5 first, then RFC 4191, RFC 7217, RFC 7559, RFC 8106 and RFC 8981.
#pragma once

#include "base/random_source.hpp"
#include "ip/learned_routes.hpp"
#include "ip/lifetime.hpp"
#include "ip/router_solicitor.hpp"
#include "ip/slaac_actions.hpp"
#include "ip/slaac_addresses.hpp"
#include "wire/router_advertisement.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace tapio::core::ip {

class autoconfiguration
{
public:
    static constexpr std::size_t most_dns_servers = 8, most_search_domains = 8, most_nat64_prefixes = 4;

    autoconfiguration(autoconfiguration_options options, random_source& random, autoconfiguration_actions& actions);
    autoconfiguration(const autoconfiguration&) = delete;
    autoconfiguration& operator=(const autoconfiguration&) = delete;

    /// Adds the link-local address and starts to solicit routers. After link_down(): also has all addresses verified again.
    void link_up(time_point now);
    /// Stops soliciting. What was learned stays until it expires, so that connections survive a short interruption.
    void link_down(time_point now);
    /// Removes everything, as if constructed anew: the interface is now on another link, or autoconfiguration is switched off.
    /// link_up() starts again.
    void reset();

    /// The caller has checked the hop limit (255), the checksum and the code (RFC 4861 §6.1.2).
    /// @param router source of the message; its scope id is ignored
    /// @return false: ignored, because the link is down or the source is not another node's link-local address
    bool router_advertised(const wire::router_advertisement& ra, const address_v6& router, time_point now);
    /// A neighbour that was a router advertises itself without the router flag (RFC 4861 §7.2.5).
    void no_longer_router(const address_v6& router, time_point now);
    /// Duplicate Address Detection of an address of ours has failed (RFC 4862 §5.4.5). Other addresses are ignored.
    void duplicate(const address_v6& a, time_point now);

    void advance(time_point now); ///< runs what is due; an early call does nothing
    time_point next_deadline() const noexcept { return soonest_; }

    std::vector<autoconfigured_address> addresses() const { return addresses_.all(); }
    std::vector<learned_route> routes() const { return routes_.all(); } ///< without the one to fe80::/64
    const link_parameters& parameters() const noexcept { return parameters_; }
    dns_configuration dns() const;

private:
    void set_parameters(const link_parameters& p);
    void learn_parameters(const wire::router_advertisement& ra);
    void learn_routes(const wire::router_advertisement& ra, const address_v6& router, time_point now);
    void learn_prefixes(const wire::router_advertisement& ra, time_point now);
    void learn_dns(const wire::router_advertisement& ra, time_point now);
    void run(time_point now);
    void settle(time_point now); ///< to be called last by each event: runs what is due, and sets the timer

    autoconfiguration_options options_;
    random_source& random_;
    autoconfiguration_actions& actions_;
    slaac_addresses addresses_;
    learned_routes routes_;
    router_solicitor solicitor_;
    expiring_list<address_v6, most_dns_servers> servers_;
    expiring_list<std::string, most_search_domains> search_domains_;
    expiring_list<std::pair<address_v6, unsigned>, most_nat64_prefixes> nat64_prefixes_;
    link_parameters parameters_;
    bool up_ = false;
    bool on_link_local_ = false; ///< the route to fe80::/64 has been added
    time_point soonest_ = never;
};

} // namespace tapio::core::ip
