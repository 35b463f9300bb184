#include "link/interface_table.hpp"

#include <algorithm>

namespace tapio::core::link {

/// A random unicast address, locally administered.
mac_address interface_table::make_mac()
{
    const std::uint64_t r = random_.next_u64();
    mac_address mac;
    for (unsigned i = 0; i < 6; ++i) mac.octets[i] = static_cast<std::uint8_t>(r >> (8 * i));
    mac.octets[0] = static_cast<std::uint8_t>((mac.octets[0] & 0xfc) | 0x02);
    return mac;
}

interface& interface_table::add(device_info device)
{
    if (device.link == link_type::ethernet && device.mac.is_unspecified()) device.mac = make_mac();
    const auto id = static_cast<interface_id>(all_.size());
    interface& added = *all_.emplace_back(std::make_unique<interface>(id, device, queue_capacity_, recorder_));
    list_ethernets();
    return added;
}

interface& interface_table::add_vlan(interface_id carrier, std::uint16_t vlan)
{
    const auto id = static_cast<interface_id>(all_.size());
    interface& added = *all_.emplace_back(std::make_unique<interface>(id, *all_[carrier], vlan, recorder_));
    list_ethernets();
    return added;
}

interface* interface_table::find_vlan(interface_id carrier, std::uint16_t vlan) const noexcept
{
    const interface* const by = all_[carrier].get();
    for (interface* const i : ethernets_)
        if (i->carrier() == by && i->vlan() == vlan) return i;
    return nullptr;
}

void interface_table::list_ethernets()
{
    ethernets_.clear();
    for (const auto& i : all_)
        if (i->is_ethernet()) ethernets_.push_back(i.get());
}

/// Keeps the MAC address unless the new device has one of its own.
interface::change interface_table::replace_device(interface_id id, device_info device, time_point now)
{
    interface& i = *all_[id];
    const mac_address before = i.info().mac;
    if (device.link == link_type::ethernet && device.mac.is_unspecified())
        device.mac = before.is_unspecified() ? make_mac() : before;
    const auto what = i.replace_device(device, now);
    list_ethernets();
    return what;
}

std::optional<interface_id> interface_table::find(std::string_view name) const noexcept
{
    for (const auto& i : all_)
        if (i->info().name == name) return i->id();
    return std::nullopt;
}

bool interface_table::has_mac(const mac_address& mac) const noexcept
{
    return std::any_of(ethernets_.begin(), ethernets_.end(), [&](const interface* i) { return i->info().mac == mac; });
}

} // namespace tapio::core::link
