#include "core/autoconfigured_interface.hpp"

#include "core/network.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tapio::core {

namespace {

/// Metrics of learned routes: above the 0 of a user's routes, so that these are preferred. As Linux's 1024, with RFC 4191's
/// preferences around it.
std::uint32_t metric_of(wire::router_preference p) noexcept { return static_cast<std::uint32_t>(1024 - static_cast<int>(p)); }

} // namespace

autoconfigured_interface::autoconfigured_interface(link::interface& i, network& host, ip::arp& arp, ip::ndp& ndp,
                                                   random_source& random, const autoconfigure_options& options)
    : interface_(i), host_(host), arp_(arp), ndp_(ndp), machine_(options_for(i, options, random), random, *this)
{
    if (options.v4_link_local) v4_.emplace(i.info().mac, random, static_cast<ip::link_local_v4_actions&>(*this));
}

ip::autoconfiguration_options autoconfigured_interface::options_for(const link::interface& i, const autoconfigure_options& o,
                                                                    random_source& random)
{
    ip::autoconfiguration_options out;
    const bool given = std::any_of(o.secret.begin(), o.secret.end(), [](std::byte b) { return b != std::byte{0}; });
    out.secret = random.make_key();
    if (given) std::memcpy(&out.secret, o.secret.data(), sizeof out.secret);
    out.net_iface = to_string(i.info().mac);
    out.temporary_addresses = o.temporary_addresses;
    return out;
}

void autoconfigured_interface::link_changed(time_point now)
{
    const bool up = interface_.is_up();
    if (std::exchange(up_, up) == up) return;
    now_ = now;
    up ? machine_.link_up(now) : machine_.link_down(now);
    if (v4_) up ? v4_->link_up(now) : v4_->link_down();
    tell_duplicates(now);
}

void autoconfigured_interface::router_advertised(const wire::router_advertisement& ra, const address_v6& router, time_point now)
{
    now_ = now;
    (void)machine_.router_advertised(ra, router, now);
    tell_duplicates(now);
}

void autoconfigured_interface::arp_heard(const wire::arp_packet& said, time_point now)
{
    now_ = now;
    if (v4_) v4_->heard(said, now);
}

void autoconfigured_interface::duplicate(const address& a, time_point now)
{
    now_ = now;
    if (a.is_v4()) return v4_->lost(now);
    (void)host_.remove_address(a);
    machine_.duplicate(address_v6(a.to_v6().to_bytes()), now);
    tell_duplicates(now);
}

void autoconfigured_interface::advance(time_point now)
{
    if (now < next_deadline()) return;
    now_ = now;
    machine_.advance(now);
    if (v4_) v4_->advance(now);
    tell_duplicates(now);
}

bool autoconfigured_interface::has(const address& a) const
{
    if (a.is_v4()) return v4_ && v4_->address() == a.to_v4();
    const auto all = machine_.addresses();
    return std::any_of(all.begin(), all.end(), [&](const auto& own) { return without_zone(a) == address(own.address); });
}

/// The machine must not be called from within its actions. It makes a bounded number of attempts for each prefix.
void autoconfigured_interface::tell_duplicates(time_point now)
{
    while (!refused_.empty())
        for (const address_v6& a : std::exchange(refused_, {})) machine_.duplicate(a, now);
}

// -- what the machine decides -----------------------------------------------------------------------------------------------

void autoconfigured_interface::add_address(const ip::autoconfigured_address& a)
{
    // The prefix says nothing about neighbours (RFC 5942 §4), so the address comes with no route to it.
    const address own = zoned(a.address);
    if (host_.addresses().interface_of(own) == interface_.id()) return host_.detect_again(own, now_); // the link was down
    const auto origin = a.address.is_link_local() ? address_origin::link_local : address_origin::slaac;
    const error_code failed = host_.add_address(interface_.id(), own, a.address.is_link_local() ? 64 : 128, now_, origin);
    if (failed) return refused_.push_back(a.address);
    if (a.temporary) host_.set_temporary(zoned(a.address));
    if (a.deprecated) set_deprecated(a.address, true);
}

void autoconfigured_interface::remove_address(const address_v6& a) { (void)host_.remove_address(zoned(a)); }

void autoconfigured_interface::set_deprecated(const address_v6& a, bool deprecated)
{
    host_.set_deprecated(zoned(a), deprecated);
}

ip::route autoconfigured_interface::route_of(const ip::learned_route& r) const
{
    ip::route out;
    out.network = r.prefix;
    out.prefix_length = r.prefix_length;
    if (r.gateway) out.gateway = zoned(*r.gateway);
    out.interface = interface_.id();
    out.metric = metric_of(r.preference);
    return out;
}

void autoconfigured_interface::add_route(const ip::learned_route& r)
{
    if (!r.prefix.is_link_local()) (void)host_.add_route(route_of(r)); // a link-local destination needs no route
}

void autoconfigured_interface::remove_route(const ip::learned_route& r)
{
    if (!r.prefix.is_link_local()) (void)host_.remove_route(route_of(r));
}

void autoconfigured_interface::solicit_routers() { ndp_.solicit_routers(interface_, now_); }

void autoconfigured_interface::parameters_changed(const ip::link_parameters& p)
{
    host_.set_v6_parameters(interface_.id(), p, now_);
}

void autoconfigured_interface::dns_changed(const ip::dns_configuration&) // read by dns()
{
    host_.configuration_changed(interface_.id());
}

// -- an IPv4 link-local address ---------------------------------------------------------------------------------------------

bool autoconfigured_interface::use(const address_v4& a)
{
    return !host_.add_address(interface_.id(), a, 16, now_, address_origin::link_local); // which announces it
}

void autoconfigured_interface::give_up(const address_v4& a) { (void)host_.remove_address(a); }

} // namespace tapio::core
