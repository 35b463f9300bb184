// The state of interfaces (RFC 2863 §3.1.14): what the device and the user say of it, and what follows for packets.
#include "core/network.hpp"

namespace tapio::core {

interface_status network::status(interface_id interface) const
{
    const net_interface& i = *interfaces_[interface];
    return {i.info.name, i.state, i.enabled, i.info.mtu, i.why, i.last_change};
}

void network::tell_trace(const net_interface& i, time_point now)
{
    if (trace_ != nullptr) trace_->interface_changed(i.id, status(i.id), now);
}

bool network::set_link(interface_id interface, bool up, std::size_t mtu, time_point now)
{
    net_interface& i = *interfaces_[interface];
    const bool resized = mtu != i.info.mtu;
    i.info.mtu = mtu;
    i.info.link_up = up;
    if (resized) i.transmit.set_device(i.info);
    if (state_may_have_changed(i, now)) return true;
    if (!resized) return false;
    routes_changed(); // connections ask for their path again
    tell_trace(i, now);
    return false;
}

bool network::set_enabled(interface_id interface, bool yes, time_point now)
{
    net_interface& i = *interfaces_[interface];
    i.enabled = yes;
    return state_may_have_changed(i, now);
}

bool network::lost(interface_id interface, error_code why, time_point now)
{
    net_interface& i = *interfaces_[interface];
    i.present = false;
    i.why = why;
    return state_may_have_changed(i, now);
}

/// Name, MAC address, MTU and offload become the new device's; addresses, routes and groups stay the interface's.
bool network::replace_device(interface_id interface, const device_info& info, time_point now)
{
    net_interface& i = *interfaces_[interface];
    discard_output(i, now);
    std::erase(ethernets_, interface);
    const mac_address before = i.info.mac;
    i.info = info;
    i.transmit.set_device(info);
    if (info.link == link_type::ethernet) {
        ethernets_.push_back(interface);
        if (info.mac.is_unspecified()) i.info.mac = before.is_unspecified() ? make_mac() : before;
    }
    i.present = true;
    i.why = {};
    const bool changed = state_may_have_changed(i, now);
    if (!changed) { // it was up, and is
        routes_changed();
        announce_addresses(i);
        tell_trace(i, now);
    }
    return changed;
}

bool network::state_may_have_changed(net_interface& i, time_point now)
{
    const auto fit = i.info.link_up && i.enabled ? interface_state::up : interface_state::down;
    const interface_state state = i.present ? fit : interface_state::not_present;
    if (state == i.state) return false;
    i.state = state;
    i.last_change = now;
    ++i.counters.state_changes;
    if (state == interface_state::up) {
        announce_addresses(i);
    } else {
        discard_output(i, now);
    }
    routes_changed();
    tell_trace(i, now);
    return true;
}

/// Whoever is on the link learns where our addresses are now (RFC 5227 §2.3; Linux: arp_notify).
void network::announce_addresses(const net_interface& i)
{
    if (i.info.link != link_type::ethernet || i.state != interface_state::up) return;
    for (const interface_address& a : i.addresses) announce_address(i.id, a.address.to_v4());
}

/// What waits to leave, or for a neighbour's address, is lost, as in a cable that is pulled out.
void network::discard_output(net_interface& i, time_point now)
{
    const auto discard = [&](const packet& p) { refused(i, drop_reason::interface_down, p, now); };
    i.transmit.clear(discard);
    for (const packet& p : i.neighbors.forget_all()) discard(p);
}

void network::discard_input(net_interface& i, std::uint64_t packets)
{
    counters_.drops[drop_reason::interface_down] += packets;
    i.counters.in_discards += packets;
}

} // namespace tapio::core
