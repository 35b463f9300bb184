#include "core/dhcp_clients.hpp"

#include "core/dhcp_interface.hpp"
#include "core/dhcpv6_interface.hpp"
#include "wire/domain_list.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tapio::core {

namespace {

bool is_printable(const std::string& text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// DHCPv6 that goes on whatever routers say.
bool demands_v6(const configure_options& o) noexcept
{
    return o.dhcpv6 == dhcpv6_use::stateless || o.dhcpv6 == dhcpv6_use::stateful || o.delegate_prefix;
}

error_code check(const configure_options& o)
{
    if (!o.hostname.empty() && !wire::domain_name_of(o.hostname)) return errno_code(EINVAL);
    if (!o.client_id.empty() && (o.client_id.size() < 2 || o.client_id.size() > 255)) return errno_code(EINVAL);
    if (!o.duid.empty() && (o.duid.size() < 3 || o.duid.size() > wire::dhcpv6_message::longest_duid)) return errno_code(EINVAL);
    if (o.vendor_class.size() > 255 || !is_printable(o.vendor_class)) return errno_code(EINVAL);
    if (o.wanted_prefix_length > 128 || (o.delegate_prefix && o.dhcpv6 == dhcpv6_use::off)) return errno_code(EINVAL);
    return {};
}

template <class... Octets>
void append(std::vector<std::byte>& to, Octets... octets)
{
    (to.push_back(static_cast<std::byte>(octets)), ...);
}

/// Puts values before those that are there, each once.
template <class T, class U>
void put_first(std::vector<T>& list, const std::vector<U>& preferred)
{
    std::vector<T> out;
    const auto add = [&out](T one) {
        if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
    };
    for (const U& one : preferred) add(T(one));
    for (T& one : list) add(std::move(one));
    list = std::move(out);
}

std::vector<address> in_zone_of(const link::interface& i, const std::vector<address_v6>& all)
{
    std::vector<address> out;
    for (const address_v6& a : all) out.push_back(in_zone(address(a), i.zone()));
    return out;
}

} // namespace

dhcp_clients::dhcp_clients(network& net, udp_sockets& udp, random_source& random) : net_(net), udp_(udp), random_(random)
{
    net.set_client(*this);
}

dhcp_clients::~dhcp_clients() = default;

dhcp_interface* dhcp_clients::find(interface_id interface) const
{
    const auto at = clients_.find(interface);
    return at == clients_.end() ? nullptr : at->second.get();
}

dhcpv6_interface* dhcp_clients::find_v6(interface_id interface) const
{
    const auto at = v6_clients_.find(interface);
    return at == v6_clients_.end() || at->second->is_released() ? nullptr : at->second.get();
}

// -- begin and end ----------------------------------------------------------------------------------------------------------

bool dhcp_clients::wants_v6(interface_id interface, const configure_options& o) const
{
    const bool follows_routers = o.slaac || net_.is_autoconfigured(interface);
    return demands_v6(o) || (o.dhcpv6 == dhcpv6_use::as_routers_say && follows_routers);
}

error_code dhcp_clients::configure(interface_id interface, const configure_options& o, time_point now)
{
    if (interface == network::loopback || interface >= net_.interfaces().size()) return errno_code(ENODEV);
    if (!net_.interface(interface).is_ethernet()) return errno_code(EOPNOTSUPP);
    if (const auto failed = check(o)) return failed;
    if (!o.dhcpv4 && !o.slaac && !wants_v6(interface, o)) return errno_code(EINVAL);
    const bool has_v6 = find_v6(interface) != nullptr;
    if ((o.dhcpv4 && find(interface) != nullptr) || (demands_v6(o) && has_v6)) return errno_code(EALREADY);
    const bool slaac = o.slaac && !net_.is_autoconfigured(interface), v6 = wants_v6(interface, o) && !has_v6;
    if (!o.dhcpv4 && !slaac && !v6) return errno_code(EALREADY);
    auto fresh = o.dhcpv4 ? make(interface, o) : nullptr;
    auto fresh_v6 = v6 ? make_v6(interface, o) : nullptr;
    if (fresh)
        if (const auto failed = fresh->open()) return failed;
    if (fresh_v6)
        if (const auto failed = fresh_v6->open()) return failed;
    if (slaac) (void)net_.autoconfigure(interface, o.slaac_options, now);
    if (fresh) begin(interface, std::move(fresh), now);
    if (fresh_v6) begin_v6(interface, std::move(fresh_v6), now);
    return {};
}

std::unique_ptr<dhcp_interface> dhcp_clients::make(interface_id interface, const configure_options& options) const
{
    configure_options o = options;
    if (!o.hostname.empty()) o.hostname = *wire::domain_name_of(o.hostname);
    std::vector<std::byte> id = o.client_id;
    if (id.empty()) { // RFC 4361 §6.1: type 255, an identity of the interface, and the host's DUID
        append(id, 255, interface >> 24, interface >> 16, interface >> 8, interface);
        const auto host = duid(o);
        id.insert(id.end(), host.begin(), host.end());
    }
    return std::make_unique<dhcp_interface>(interface, net_, udp_, random_, o, std::move(id));
}

std::unique_ptr<dhcpv6_interface> dhcp_clients::make_v6(interface_id interface, const configure_options& options) const
{
    return std::make_unique<dhcpv6_interface>(interface, net_, udp_, random_, options, duid(options));
}

void dhcp_clients::begin(interface_id interface, std::unique_ptr<dhcp_interface> fresh, time_point now)
{
    fresh->link_changed(false, now);
    clients_[interface] = std::move(fresh);
}

/// A client that still gives back what it had makes way.
void dhcp_clients::begin_v6(interface_id interface, std::unique_ptr<dhcpv6_interface> fresh, time_point now)
{
    const ip::link_parameters* const said = net_.v6_parameters(interface);
    if (said == nullptr) net_.require_link_local(interface, now);
    fresh->link_changed(false, now);
    if (said != nullptr) fresh->routers_said(*said, now);
    v6_clients_[interface] = std::move(fresh);
}

/// The host's, here of its link-layer address (RFC 8415 §11.4), unless the user has given one. The first Ethernet names the host,
/// whichever interface is configured.
std::vector<std::byte> dhcp_clients::duid(const configure_options& options) const
{
    if (!options.duid.empty()) return options.duid;
    constexpr std::uint8_t of_link_address = 3, ethernet = 1;
    std::vector<std::byte> out;
    append(out, 0, of_link_address, 0, ethernet);
    for (const std::uint8_t o : net_.interfaces().ethernets().front()->info().mac.octets) append(out, o);
    return out;
}

void dhcp_clients::advance_all(time_point now)
{
    for (const auto& [id, c] : clients_) c->advance(now);
    for (const auto& [id, c] : v6_clients_) c->advance(now);
    std::erase_if(v6_clients_, [](const auto& one) { return one.second->has_ended(); });
}

time_point dhcp_clients::soonest() const noexcept
{
    time_point next = never;
    for (const auto& [id, c] : clients_) next = std::min(next, c->next_deadline());
    for (const auto& [id, c] : v6_clients_) next = std::min(next, c->next_deadline());
    return next;
}

error_code dhcp_clients::release(interface_id interface, time_point now)
{
    const bool v4 = find(interface) != nullptr;
    dhcpv6_interface* const v6 = find_v6(interface);
    if (!v4 && v6 == nullptr) return errno_code(ENOENT);
    if (v4) release_v4(interface, now);
    if (v6 != nullptr) v6->release(now); // it stays until the server has answered
    net_.configuration_changed(interface);
    return {};
}

/// Precondition: there is a client.
void dhcp_clients::release_v4(interface_id interface, time_point now)
{
    find(interface)->release(now);
    clients_.erase(interface);
}

bool dhcp_clients::give_back(const address& own, time_point now)
{
    const auto* const there = net_.addresses().find(own);
    if (there == nullptr) return false;
    const interface_id by = *net_.addresses().interface_of(own);
    dhcpv6_interface* const v6 = find_v6(by);
    const bool leased_v4 = there->origin == address_origin::dhcpv4 && find(by) != nullptr;
    if (!leased_v4 && (there->origin != address_origin::dhcpv6 || v6 == nullptr)) return false;
    leased_v4 ? release_v4(by, now) : v6->release(now);
    net_.configuration_changed(by);
    return true;
}

void dhcp_clients::shut_down(time_point now)
{
    for (const auto& [id, c] : clients_)
        if (c->releases_on_shutdown()) c->release(now);
    for (const auto& [id, c] : v6_clients_)
        if (c->releases_on_shutdown() && !c->is_released()) c->release(now);
}

namespace {

void add_v6(interface_configuration& out, const dhcpv6_interface& c, const link::interface& i)
{
    out.dhcpv6 = c.state();
    const dhcpv6_lease& l = c.lease();
    if (l.server.empty()) return;
    out.lease_v6 = l;
    put_first(out.dns_servers, in_zone_of(i, l.dns_servers));
    put_first(out.ntp_servers, in_zone_of(i, l.ntp_servers));
    put_first(out.search_domains, l.search_domains);
}

void add_v4(interface_configuration& out, const dhcp_interface& c)
{
    out.dhcpv4 = c.state();
    out.lease = c.lease();
    if (!out.lease) return;
    const dhcpv4_lease& l = *out.lease;
    put_first(out.dns_servers, l.dns_servers);
    put_first(out.ntp_servers, l.ntp_servers);
    std::vector<std::string> domains = l.search_domains;
    if (domains.empty() && !l.domain_name.empty()) domains.push_back(l.domain_name);
    put_first(out.search_domains, domains);
}

} // namespace

interface_configuration dhcp_clients::configuration(interface_id interface) const
{
    interface_configuration out = net_.configuration(interface);
    const auto v6 = v6_clients_.find(interface); // also one that gives its lease back
    if (v6 != v6_clients_.end()) add_v6(out, *v6->second, net_.interface(interface));
    if (const dhcp_interface* const c = find(interface)) add_v4(out, *c);
    return out;
}

// -- what the network tells -------------------------------------------------------------------------------------------------

void dhcp_clients::link_changed(interface_id interface, bool replaced, time_point now)
{
    if (dhcp_interface* const c = find(interface)) c->link_changed(replaced, now);
    if (const auto v6 = v6_clients_.find(interface); v6 != v6_clients_.end()) v6->second->link_changed(replaced, now);
}

void dhcp_clients::arp_heard(interface_id by, const wire::arp_packet& said, time_point now)
{
    if (dhcp_interface* const c = find(by)) c->arp_heard(said, now);
}

void dhcp_clients::routers_said(interface_id interface, const ip::link_parameters& p, time_point now)
{
    if (dhcpv6_interface* const c = find_v6(interface)) c->routers_said(p, now);
}

bool dhcp_clients::contested(const address& own, time_point now)
{
    for (const auto& [id, c] : v6_clients_)
        if (c->duplicate(own, now)) return true;
    for (const auto& [id, c] : clients_) {
        if (!c->lease() || address(c->lease()->address) != own) continue;
        c->contested(now);
        return true;
    }
    return false;
}

} // namespace tapio::core
