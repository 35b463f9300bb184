/// @file
/// Carries out what the autoconfiguration of an interface decides: addresses, routes, solicitations of routers (ip/slaac), and an
/// IPv4 link-local address (ip/link_local_v4).
#pragma once

#include "base/random_source.hpp"
#include "ip/arp.hpp"
#include "ip/link_local_v4.hpp"
#include "ip/ndp.hpp"
#include "ip/route_table.hpp"
#include "ip/slaac.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/autoconfigure_options.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace tapio::core {

class network;

class autoconfigured_interface final : private ip::autoconfiguration_actions, private ip::link_local_v4_actions
{
public:
    autoconfigured_interface(link::interface& i, network& host, ip::arp& arp, ip::ndp& ndp, random_source& random,
                             const autoconfigure_options& options);

    void link_changed(time_point now); ///< to be called at first, and after each change of the interface's state
    void router_advertised(const wire::router_advertisement& ra, const address_v6& router, time_point now);
    void arp_heard(const wire::arp_packet& said, time_point now);
    void duplicate(const address& a, time_point now); ///< another node has an address of the machines'
    void advance(time_point now);
    time_point next_deadline() const noexcept
    {
        return v4_ ? std::min(machine_.next_deadline(), v4_->next_deadline()) : machine_.next_deadline();
    }
    void no_longer_router(const address_v6& a, time_point now) { machine_.no_longer_router(a, now); }
    bool has(const address& a) const; ///< an address of the machines'
    ip::dns_configuration dns() const { return machine_.dns(); }
    const ip::link_parameters& parameters() const noexcept { return machine_.parameters(); }

private:
    void add_address(const ip::autoconfigured_address& a) override;
    void remove_address(const address_v6& a) override;
    void set_deprecated(const address_v6& a, bool deprecated) override;
    void address_failed(const address_v6&, bool) override {} // the drop reason ndp_conflict has been counted for each
    void add_route(const ip::learned_route& r) override;
    void remove_route(const ip::learned_route& r) override;
    void solicit_routers() override;
    void parameters_changed(const ip::link_parameters& p) override;
    void dns_changed(const ip::dns_configuration&) override;

    void probe(const address_v4& a) override { arp_.probe(interface_, a); }
    bool use(const address_v4& a) override;
    void announce(const address_v4& a) override { arp_.announce(interface_, a); }
    void give_up(const address_v4& a) override;

    address zoned(const address_v6& a) const { return in_zone(a, interface_.zone()); }
    ip::route route_of(const ip::learned_route& r) const;
    void tell_duplicates(time_point now);
    static ip::autoconfiguration_options options_for(const link::interface& i, const autoconfigure_options& o,
                                                     random_source& random);

    link::interface& interface_;
    network& host_;
    ip::arp& arp_;
    ip::ndp& ndp_;
    time_point now_{};                ///< of the call that is going on
    std::vector<address_v6> refused_; ///< addresses that the host has already: told to the machine as duplicates
    bool up_ = false;
    ip::autoconfiguration machine_;
    std::optional<ip::link_local_v4> v4_; ///< none unless it is wanted
};

} // namespace tapio::core
