#include "core/dhcp_clients.hpp"

#include "core/dhcp_interface.hpp"
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

error_code check(const configure_options& o)
{
    if (!o.hostname.empty() && !wire::domain_name_of(o.hostname)) return errno_code(EINVAL);
    if (!o.client_id.empty() && (o.client_id.size() < 2 || o.client_id.size() > 255)) return errno_code(EINVAL);
    if (o.vendor_class.size() > 255 || !is_printable(o.vendor_class)) return errno_code(EINVAL);
    if (!o.dhcpv4 && !o.slaac) return errno_code(EINVAL);
    return {};
}

template <class... Octets>
void append(std::vector<std::byte>& to, Octets... octets)
{
    (to.push_back(static_cast<std::byte>(octets)), ...);
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

error_code dhcp_clients::configure(interface_id interface, const configure_options& options, time_point now)
{
    if (interface == network::loopback || interface >= net_.interfaces().size()) return errno_code(ENODEV);
    if (!net_.interface(interface).is_ethernet()) return errno_code(EOPNOTSUPP);
    if (const auto failed = check(options)) return failed;
    if (find(interface) != nullptr) return errno_code(EALREADY);
    if (options.dhcpv4) {
        if (const auto failed = begin(interface, options, now)) return failed;
    }
    if (options.slaac && !net_.is_autoconfigured(interface)) return net_.autoconfigure(interface, options.slaac_options, now);
    return options.dhcpv4 ? error_code() : errno_code(EALREADY);
}

error_code dhcp_clients::begin(interface_id interface, const configure_options& options, time_point now)
{
    configure_options o = options;
    if (!o.hostname.empty()) o.hostname = *wire::domain_name_of(o.hostname);
    auto id = o.client_id.empty() ? client_id(interface) : o.client_id;
    auto fresh = std::make_unique<dhcp_interface>(interface, net_, udp_, random_, o, std::move(id));
    if (const auto failed = fresh->open()) return failed;
    fresh->link_changed(false, now);
    clients_[interface] = std::move(fresh);
    return {};
}

/// RFC 4361 §6.1: type 255, an identity of the interface, and the host's DUID, here of its link-layer address (RFC 8415 §11.4).
/// The first Ethernet names the host, whichever interface is configured.
std::vector<std::byte> dhcp_clients::client_id(interface_id interface) const
{
    constexpr std::uint8_t duid_of_link_address = 3, ethernet = 1;
    std::vector<std::byte> out;
    append(out, 255, interface >> 24, interface >> 16, interface >> 8, interface);
    append(out, 0, duid_of_link_address, 0, ethernet);
    for (const std::uint8_t o : net_.interfaces().ethernets().front()->info().mac.octets) append(out, o);
    return out;
}

void dhcp_clients::advance_all(time_point now)
{
    for (const auto& [id, c] : clients_) c->advance(now);
}

time_point dhcp_clients::soonest() const noexcept
{
    time_point next = never;
    for (const auto& [id, c] : clients_) next = std::min(next, c->next_deadline());
    return next;
}

error_code dhcp_clients::release(interface_id interface, time_point now)
{
    dhcp_interface* const c = find(interface);
    if (c == nullptr) return errno_code(ENOENT);
    c->release(now);
    clients_.erase(interface);
    net_.configuration_changed(interface);
    return {};
}

void dhcp_clients::shut_down(time_point now)
{
    for (const auto& [id, c] : clients_)
        if (c->releases_on_shutdown()) c->release(now);
}

interface_configuration dhcp_clients::configuration(interface_id interface) const
{
    interface_configuration out = net_.configuration(interface);
    const dhcp_interface* const c = find(interface);
    if (c == nullptr) return out;
    out.dhcpv4 = c->state();
    out.lease = c->lease();
    if (!out.lease) return out;
    const dhcpv4_lease& l = *out.lease;
    out.dns_servers.insert(out.dns_servers.begin(), l.dns_servers.begin(), l.dns_servers.end());
    out.ntp_servers.assign(l.ntp_servers.begin(), l.ntp_servers.end());
    std::vector<std::string> domains = l.search_domains;
    if (domains.empty() && !l.domain_name.empty()) domains.push_back(l.domain_name);
    for (std::string& d : out.search_domains)
        if (std::find(domains.begin(), domains.end(), d) == domains.end()) domains.push_back(std::move(d));
    out.search_domains = std::move(domains);
    return out;
}

void dhcp_clients::link_changed(interface_id interface, bool replaced, time_point now)
{
    if (dhcp_interface* const c = find(interface)) c->link_changed(replaced, now);
}

void dhcp_clients::arp_heard(interface_id by, const wire::arp_packet& said, time_point now)
{
    if (dhcp_interface* const c = find(by)) c->arp_heard(said, now);
}

bool dhcp_clients::contested(const address& own, time_point now)
{
    for (const auto& [id, c] : clients_) {
        if (!c->lease() || address(c->lease()->address) != own) continue;
        c->contested(now);
        return true;
    }
    return false;
}

} // namespace tapio::core
