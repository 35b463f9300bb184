/// @file
/// A network interface over one device, or over the frames of one VLAN of another interface: addresses, multicast groups, state
/// (RFC 2863 §3.1.14), neighbours, transmit queue, counters.
#pragma once

#include "link/frame_tap.hpp"
#include "link/neighbor_cache.hpp"
#include "link/transmit_queue.hpp"
#include "wire/ethernet.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/device_info.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/trace.hpp>

#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <utility>

namespace tapio::core {

using interface_id = std::uint32_t;

} // namespace tapio::core

namespace tapio::core::link {

/// Where interfaces record drops and transmissions: the host's counters, the user's trace, raw Ethernet sockets.
struct recorder
{
    host_counters& counters;
    trace* to = nullptr;      ///< may be null
    frame_tap* tap = nullptr; ///< likewise
};

struct interface_address
{
    core::address address;                ///< with the interface's zone, if it needs one
    unsigned prefix_length = 0;           ///< bits
    std::optional<time_point> defended{}; ///< when a conflict was last answered (RFC 5227 §2.4)

    // Duplicate address detection (RFC 4862 §5.4), IPv6. Until it has ended the address is optimistic (RFC 4429): it is used, but
    // our neighbours' caches must not be changed by it.
    time_point detection_ends = never; ///< or the next probe is due
    std::uint8_t probes_left = 0;
    std::uint64_t nonce = 0; ///< of our probes, 48 bits: tells our own probe, looped back by the network (RFC 7527)
    bool deprecated = false; ///< not chosen as a source while there is another (RFC 4862 §5.5.4)
    bool temporary = false;  ///< RFC 8981
    address_origin origin = address_origin::manual;

    bool is_optimistic() const noexcept { return detection_ends != never; }
};

class interface
{
public:
    /// @param queue_capacity packets
    interface(interface_id id, const device_info& device, std::size_t queue_capacity, recorder& r)
        : neighbors(number_of(device.mac)), id_(id), info_(device), recorder_(r), transmit_(queue_capacity, device)
    {
        if (!device.link_up) state_ = interface_state::down;
    }

    /// A VLAN interface. @param carrier the interface that carries its frames; must outlive it
    interface(interface_id id, interface& carrier, std::uint16_t vlan, recorder& r)
        : neighbors(number_of(carrier.info_.mac) + vlan),
          id_(id),
          info_(carrier.info_),
          recorder_(r),
          transmit_(0, carrier.info_),
          carrier_(&carrier),
          vlan_(vlan)
    {
        follow_carrier();
    }

    interface_id id() const noexcept { return id_; }
    std::uint32_t zone() const noexcept { return id_ + 1; } ///< scope id of addresses that belong to this link
    const device_info& info() const noexcept { return info_; }
    bool is_ethernet() const noexcept { return info_.link == link_type::ethernet; }
    std::uint16_t vlan() const noexcept { return vlan_; }          ///< IEEE 802.1Q identifier; 0: none
    const interface* carrier() const noexcept { return carrier_; } ///< of a VLAN interface; else null
    const interface_counters& counters() const noexcept { return counters_; }
    /// Octets of the longest packet of the family; a router (IPv6) or a DHCP server may say less than the device has.
    std::size_t mtu(family f) const noexcept
    {
        const std::size_t told = f == family::v6 ? v6_mtu_ : v4_mtu_;
        return told != 0 ? std::min(told, info_.mtu) : info_.mtu;
    }
    void set_v4_mtu(std::size_t octets) noexcept { v4_mtu_ = octets; } ///< 0: the device's
    void set_v6_mtu(std::size_t octets) noexcept { v6_mtu_ = octets; } ///< likewise

    // -- state --------------------------------------------------------------------------------------------------------
    bool is_up() const noexcept { return state_ == interface_state::up; }
    bool is_enabled() const noexcept { return enabled_; } ///< by the user
    bool is_present() const noexcept { return present_; } ///< its device has not failed
    interface_status status() const;

    enum class change
    {
        none,
        mtu,
        device, ///< replaced, and the state is what it was
        state
    };
    change set_link(bool up, std::size_t mtu, time_point now);      ///< what the device says
    change set_enabled(bool yes, time_point now);                   ///< what the user says
    change lost(error_code why, time_point now);                    ///< the device is gone
    change replace_device(const device_info& info, time_point now); ///< keeps addresses and groups
    /// A VLAN interface takes over what has changed of its carrier.
    change follow_carrier(time_point now);
    void tell_trace(time_point now) const; ///< reports the state to the trace

    // -- addresses and groups; ip::address_table answers whether an address is ours ------------------------------------
    std::list<interface_address> addresses;

    void join_group(const address& group) { ++groups_[without_zone(group)]; } ///< counted: leave_group() undoes one call
    void leave_group(const address& group)
    {
        if (const auto at = groups_.find(without_zone(group)); at != groups_.end() && --at->second == 0) groups_.erase(at);
    }
    bool is_member(const address& group) const noexcept { return groups_.contains(without_zone(group)); }

    bool any_destination = false;    ///< every unicast packet received is for this host (ip::address_table::set_any())
    bool proxy = false;              ///< ARP and NDP answer for what other interfaces reach (ip::arp, ip::ndp)
    std::uint64_t configuration = 0; ///< interface_configuration::version
    std::uint8_t v6_hop_limit = 0;   ///< of packets whose sender has not chosen one (RFC 4861 §6.3.2); 0: the host's default

    neighbor_cache neighbors; ///< unused unless is_ethernet()

    // -- packets in ---------------------------------------------------------------------------------------------------
    /// Counts received packets. @return false if the user has disabled the interface: they are to be dropped
    bool takes(std::uint64_t packets, std::uint64_t octets) noexcept
    {
        if (!enabled_) return discard_input(packets), false;
        counters_.in_packets += packets;
        counters_.in_octets += octets;
        return true;
    }
    void dropped(drop_reason why, const packet& p, time_point now);
    void dropped(drop_reason why, std::uint64_t packets) noexcept; ///< counts packets that are gone already

    // -- packets out --------------------------------------------------------------------------------------------------
    /// Drops the packet if the queue is full. TCP asks transmit_queue::has_room() first and waits instead.
    void enqueue(packet&& p, time_point now)
    {
        if (!is_up()) return refused(drop_reason::interface_down, p, now);
        if (carrier_ != nullptr) {
            ++counters_.out_packets;
            counters_.out_octets += p.size();
            return carrier_->enqueue(std::move(p), now);
        }
        if (!transmit_.push(std::move(p))) refused(drop_reason::transmit_queue_full, p, now);
    }
    void refused(drop_reason why, const packet& p, time_point now);
    const transmit_queue& queue() const noexcept { return carrier_ != nullptr ? carrier_->queue() : transmit_; }

    /// See transmit_queue::first() and pop().
    std::span<packet* const> first_packets(std::size_t most, time_point now)
    {
        return transmit_.first(most, [&](const packet& p) {
            ++counters_.out_packets;
            counters_.out_octets += p.size();
            if (recorder_.to != nullptr) recorder_.to->sent(id_, p, now);
            if (recorder_.tap != nullptr) recorder_.tap->sent(*this, p, now);
        });
    }
    bool drop_first_packets(std::size_t n) { return transmit_.pop(n); }

private:
    /// Differs between the hosts of a link.
    static std::uint64_t number_of(const mac_address& mac) noexcept
    {
        std::uint64_t n = 0;
        for (const std::uint8_t octet : mac.octets) n = n << 8 | octet;
        return n;
    }
    bool update_state(time_point now);
    void follow_carrier();
    void discard_output(time_point now);
    void discard_input(std::uint64_t packets) noexcept;

    const interface_id id_;
    device_info info_;
    interface_state state_ = interface_state::up; ///< ifOperStatus; computed from the next two and `info_.link_up`
    bool enabled_ = true;                         ///< ifAdminStatus
    bool present_ = true;                         ///< false once the device has failed or been removed
    error_code why_;                              ///< the device's error, if !present_
    time_point last_change_{};
    std::size_t v4_mtu_ = 0;             ///< octets; 0: the device's
    std::size_t v6_mtu_ = 0;             ///< likewise
    std::map<address, unsigned> groups_; ///< number of joins of each, without zone
    recorder& recorder_;
    transmit_queue transmit_; ///< unused by a VLAN interface
    interface* const carrier_ = nullptr;
    const std::uint16_t vlan_ = 0;
    interface_counters counters_;
};

} // namespace tapio::core::link
