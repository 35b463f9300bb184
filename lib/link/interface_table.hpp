/// @file
/// The interfaces of a host, by their number; 0 is the loopback.
#pragma once

#include "base/random_source.hpp"
#include "link/interface.hpp"

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace tapio::core::link {

class interface_table
{
public:
    /// @param queue_capacity packets, of each transmit queue
    interface_table(random_source& random, host_counters& counters, std::size_t queue_capacity)
        : random_(random), recorder_{counters}, queue_capacity_(queue_capacity)
    {
    }
    interface_table(const interface_table&) = delete;
    interface_table& operator=(const interface_table&) = delete;

    /// Chooses a random MAC address for an Ethernet that has none.
    interface& add(device_info device);
    interface& add_vlan(interface_id carrier, std::uint16_t vlan);                 ///< precondition: find_vlan() found none
    interface* find_vlan(interface_id carrier, std::uint16_t vlan) const noexcept; ///< null: there is none
    interface::change replace_device(interface_id id, device_info device, time_point now);

    interface& operator[](interface_id id) noexcept { return *all_[id]; }
    const interface& operator[](interface_id id) const noexcept { return *all_[id]; }
    std::size_t size() const noexcept { return all_.size(); }
    const std::vector<std::unique_ptr<interface>>& all() const noexcept { return all_; }
    const std::vector<interface*>& ethernets() const noexcept { return ethernets_; } ///< the interfaces that need ARP
    std::optional<interface_id> find(std::string_view name) const noexcept;
    bool has_mac(const mac_address& mac) const noexcept; ///< `mac` is an interface's

    host_counters& counters() noexcept { return recorder_.counters; }
    trace* tracer() const noexcept { return recorder_.to; }
    void set_trace(trace* t) noexcept { recorder_.to = t; }
    frame_tap* tap() const noexcept { return recorder_.tap; }
    void set_tap(frame_tap* t) noexcept { recorder_.tap = t; }

private:
    mac_address make_mac();
    void list_ethernets();

    random_source& random_;
    recorder recorder_;
    const std::size_t queue_capacity_;
    std::vector<std::unique_ptr<interface>> all_;
    std::vector<interface*> ethernets_;
};

} // namespace tapio::core::link
