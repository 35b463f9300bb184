/// @file
/// A host: interfaces, routes, sockets of UDP, TCP, ICMP, IP and Ethernet, all members of one object. No I/O, no clock, no
/// thread, no lock.
///
/// The caller's contract. Call `receive` with a batch, or with each packet of it, then `advance(now)` once. Call `advance(now)`
/// also when `next_deadline()` has come. After these calls, and after calls on `tcp()`, `udp()` and `raw()`, drain `next_packet`
/// of every interface but 0 until it returns false, and call `dispatch_events`. Early or extra calls do nothing. The same inputs,
/// seed and times give the same octets. Times must not go backwards.
#pragma once

#include "base/random_source.hpp"
#include "base/timer_wheel.hpp"
#include "core/dhcp_clients.hpp"
#include "core/event_queue.hpp"
#include "core/host_options.hpp"
#include "core/link_sockets.hpp"
#include "core/network.hpp"
#include "core/ping_sockets.hpp"
#include "core/raw_sockets.hpp"
#include "core/tcp_sockets.hpp"
#include "core/udp_sockets.hpp"

#include <tapio/core/dns.hpp>
#include <tapio/core/mdns.hpp>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tapio::core {

class mdns_node;
class name_client;

class host
{
public:
    /// @param seed of all random numbers that the host will use; on an untrusted network it must be unpredictable
    host(const host_options& options, std::span<const std::byte, random_source::seed_size> seed);
    ~host();
    host(const host&) = delete;
    host& operator=(const host&) = delete;

    using interface_id = core::interface_id;

    // -- configuration; interface 0 is the loopback ---------------------------------------------------------------------
    interface_id add_interface(const device_info& info) { return network_.add_interface(info); }
    result<interface_id> add_vlan(interface_id carrier, std::uint16_t vlan) { return network_.add_vlan(carrier, vlan); }
    /// Also adds the route to the address's network and, on Ethernet, announces the address (RFC 5227).
    error_code add_address(interface_id interface, const address& a, unsigned prefix_length, time_point now)
    {
        return network_.add_address(interface, a, prefix_length, now);
    }
    /// A leased address goes back to its server, and the client that has leased it ends, as by release_lease().
    error_code remove_address(const address& a, time_point now)
    {
        return dhcp_.give_back(a, now) ? error_code() : network_.remove_address(a);
    }
    error_code autoconfigure(interface_id interface, const autoconfigure_options& options, time_point now)
    {
        return network_.autoconfigure(interface, options, now);
    }
    /// The interface gets addresses, routes, and more, from DHCP and from routers. @return EALREADY: it was called before;
    /// EADDRINUSE: a socket of the user's has port 68 or 546; EOPNOTSUPP: no Ethernet, or a host of several shards
    error_code configure(interface_id interface, const configure_options& options, time_point now)
    {
        return options_.shards > 1 ? errno_code(EOPNOTSUPP) : dhcp_.configure(interface, options, now);
    }
    /// Gives what was leased back to the DHCP servers, and ends what configure() has begun of DHCP. @return ENOENT: nothing
    error_code release_lease(interface_id interface, time_point now) { return dhcp_.release(interface, now); }
    /// Before the interface is disabled: takes back what multicast DNS has published on its link, and on its VLANs.
    void say_goodbye(interface_id interface, time_point now);
    /// Before the end: takes back what multicast DNS has published, and gives back the leases with
    /// configure_options::release_on_shutdown.
    void say_goodbye(time_point now);
    error_code add_route(const route_info& r) { return network_.add_route(r); }
    error_code remove_route(const route_info& r) { return network_.remove_route(r); }
    error_code replace_route(const route_info& r) { return network_.replace_route(r); }
    error_code add_route(const address& destination, unsigned prefix_length, const std::optional<address>& gateway,
                         interface_id interface)
    {
        return add_route({destination, prefix_length, gateway, interface, 0});
    }
    error_code remove_route(const address& destination, unsigned prefix_length, const std::optional<address>& gateway,
                            interface_id interface)
    {
        return remove_route({destination, prefix_length, gateway, interface, 0});
    }
    void set_forwarding(const forwarding_options& options = {}) { network_.set_forwarding(options); }
    void add_hook(std::shared_ptr<packet_hook> h) { network_.add_hook(std::move(h)); }
    void remove_hook(const std::shared_ptr<packet_hook>& h) { network_.remove_hook(h); }
    error_code accept_any_destination(interface_id interface, bool yes)
    {
        return network_.accept_any_destination(interface, yes);
    }
    error_code proxy_neighbors(interface_id interface, bool yes) { return network_.proxy_neighbors(interface, yes); }
    /// The device reports its link state and MTU. @return (these four) true: the interface's state has changed
    bool set_link(interface_id interface, bool up, std::size_t mtu, time_point now)
    {
        return network_.set_link(interface, up, mtu, now);
    }
    bool set_enabled(interface_id interface, bool yes, time_point now) { return network_.set_enabled(interface, yes, now); }
    bool lost(interface_id interface, error_code why, time_point now) { return network_.lost(interface, why, now); }
    /// The interface uses another device from now on, and keeps its addresses and groups.
    bool replace_device(interface_id interface, const device_info& info, time_point now);
    void set_trace(trace* t) noexcept { network_.set_trace(t); }

    // -- in ---------------------------------------------------------------------------------------------------------------
    void receive(interface_id interface, packet&& p, time_point now) { network_.receive(interface, std::move(p), now); }
    /// Receives a batch, whose packets are moved from. Consecutive segments of a stream are joined (ip/gro.hpp).
    /// @param goes_on another batch, perhaps an empty one, follows soon: some ACKs wait for it
    void receive(interface_id interface, std::span<packet> batch, time_point now, bool goes_on = false)
    {
        network_.receive(interface, batch, now);
        tcp_.input_goes_on(goes_on, now);
    }
    /// The same for packets that the caller has collected in a coalescer; the trace does not see them.
    void receive(interface_id interface, ip::coalescer& batch, time_point now, bool goes_on = false)
    {
        network_.receive(interface, batch, now);
        tcp_.input_goes_on(goes_on, now);
    }
    /// Receives a packet that next_misdirected() of another shard returned.
    void receive_misdirected(misdirected m, time_point now) { network_.receive_misdirected(std::move(m), now); }
    void advance(time_point now);

    // -- out --------------------------------------------------------------------------------------------------------------
    /// When to call `advance`; `time_point::min()`: at once; `never`: not until there is further input.
    time_point next_deadline() const;
    bool wants_advance() const noexcept { return tcp_.wants_flush() || network_.loopback_waits(); } ///< at once
    bool has_next_packet(interface_id interface) const noexcept { return network_.has_next_packet(interface); }
    bool next_packet(interface_id interface, packet& out, time_point now)
    {
        return interface != network::loopback && network_.has_next_packet(interface) && network_.next_packet(interface, out, now);
    }
    /// The same in two steps, for a device that may have no room, or takes several packets at once: packets stay queued until
    /// drop_first_packets(). @return the first packets, in order; empty if none wait. Valid until the next call on the host
    std::span<packet* const> first_packets(interface_id interface, time_point now)
    {
        return network_.first_packets(interface, now);
    }
    /// Precondition: the last first_packets() returned at least `n` packets.
    void drop_first_packets(interface_id interface, std::size_t n) { network_.drop_first_packets(interface, n); }
    std::optional<misdirected> next_misdirected() { return network_.next_misdirected(); } ///< for other shards
    /// Tells the owners of sockets of their events, until no event is pending. @return true if there was at least one
    bool dispatch_events(time_point now)
    {
        bool any = false;
        while (events_.dispatch_one(now) || (names_ && deliver_names(now))) any = true;
        return any;
    }

    // -- sockets ----------------------------------------------------------------------------------------------------------
    tcp_sockets& tcp() noexcept { return tcp_; }
    const tcp_sockets& tcp() const noexcept { return tcp_; }
    udp_sockets& udp() noexcept { return udp_; }
    const datagram_sockets& udp() const noexcept { return udp_; }
    raw_sockets& raw() noexcept { return raw_; }
    const datagram_sockets& raw() const noexcept { return raw_; }
    ping_sockets& ping() noexcept { return ping_; }
    const datagram_sockets& ping() const noexcept { return ping_; }
    link_sockets& link() noexcept { return link_; }

    // -- names ------------------------------------------------------------------------------------------------------------
    name_client& names(); ///< made at the first call
    void set_dns(const dns_options& options, time_point now);
    /// @return EINVAL: a name or a service is none; EADDRINUSE: a socket of the user's has port 5353; EOPNOTSUPP: several shards
    error_code publish(const mdns_options& options, time_point now);
    mdns_status published() const;

    // -- state --------------------------------------------------------------------------------------------------------------
    const host_counters& counters() const noexcept { return counters_; }
    const network& net() const noexcept { return network_; }
    /// Precondition: the interface exists. What DHCP and routers say of DNS is a part of it.
    interface_configuration configuration(interface_id interface) const { return dhcp_.configuration(interface); }

private:
    bool deliver_names(time_point now);
    mdns_node& mdns(); ///< made at the first call

    host_options options_;
    random_source random_;
    timer_wheel timers_;
    event_queue events_;
    host_counters counters_;
    network network_;
    udp_sockets udp_;
    raw_sockets raw_;
    ping_sockets ping_;
    link_sockets link_;
    tcp_sockets tcp_;
    dhcp_clients dhcp_;
    std::unique_ptr<mdns_node> mdns_; ///< this and the next: null until it is used
    std::unique_ptr<name_client> names_;
};

} // namespace tapio::core
