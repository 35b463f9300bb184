/// @file
/// The network layer of a host: connects the classes of the rooms `link` and `ip`.
///
///     a frame in   receive -> ip::parse (of a batch: ip::coalescer, before) -> input -> ip::arp, or ip::input -> ip::transport
///     a packet out send    -> ip::output -> ip::resolution (the neighbour) -> link::interface (the transmit queue)
///     ICMP         ip::icmp, ip::icmpv6, both ways; errors about our packets go to ip::transport::icmp_error
///     neighbours   ip::arp, ip::ndp
#pragma once

#include "base/random_source.hpp"
#include "core/autoconfigured_interface.hpp"
#include "core/host_options.hpp"
#include "ip/address_table.hpp"
#include "ip/arp.hpp"
#include "ip/forwarding.hpp"
#include "ip/gro.hpp"
#include "ip/hooks.hpp"
#include "ip/icmp.hpp"
#include "ip/input.hpp"
#include "ip/multicast.hpp"
#include "ip/ndp.hpp"
#include "ip/output.hpp"
#include "ip/resolution.hpp"
#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"
#include "ip/shard_exchange.hpp"
#include "ip/transport.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/device_info.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/forwarder_options.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/trace.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tapio::core {

/// A client inside the host that gives interfaces addresses.
class interface_client
{
public:
    /// @param replaced the interface has another device, and is perhaps on another link
    virtual void link_changed(interface_id interface, bool replaced, time_point now) = 0;
    virtual void arp_heard(interface_id by, const wire::arp_packet& said, time_point now) = 0;
    /// What routers say of the link, and of DHCPv6 on it, has changed.
    virtual void routers_said(interface_id interface, const ip::link_parameters& p, time_point now) = 0;
    /// Another station insists on an address of ours (RFC 5227 §2.4), or has one that is new (RFC 4862 §5.4). @return true: it
    /// was one of the client's, and is given up
    virtual bool contested(const address& own, time_point now) = 0;

protected:
    ~interface_client() = default;
};

class network : private ip::router_listener, private ip::arp_listener
{
public:
    static constexpr interface_id loopback = ip::loopback;

    network(const host_options& options, random_source& random, host_counters& counters);

    // -- configuration ------------------------------------------------------------------------------------------------
    interface_id add_interface(const device_info& info);
    result<interface_id> add_vlan(interface_id carrier, std::uint16_t vlan);
    error_code add_address(interface_id interface, const address& a, unsigned prefix_length, time_point now,
                           address_origin origin = address_origin::manual);
    error_code remove_address(const address& a);
    void set_deprecated(const address& own, bool yes) noexcept; ///< not chosen as a source while there is another
    void set_temporary(const address& own) noexcept;
    void detect_again(const address& own, time_point now); ///< duplicates, as of a new address
    /// Addresses and routes of IPv6 follow what routers advertise; of IPv4 there may be a link-local address.
    error_code autoconfigure(interface_id interface, const autoconfigure_options& options, time_point now);
    bool is_autoconfigured(interface_id interface) const noexcept { return autoconfigured_.contains(interface); }
    /// As routers advertise them.
    void set_v6_parameters(interface_id interface, const ip::link_parameters& p, time_point now);
    const ip::link_parameters* v6_parameters(interface_id interface) const noexcept; ///< the same; null: not autoconfigured
    void require_link_local(interface_id interface, time_point now);                 ///< an IPv6 address, unless there is one
    void set_v4_mtu(interface_id interface, std::size_t octets);                     ///< 0: the device's
    /// Addresses, or what was learned for the interface, have changed: raises interface_configuration::version.
    std::uint64_t configurations() const noexcept { return configurations_; } ///< changes with that of any interface
    void configuration_changed(interface_id interface) noexcept { interfaces_[interface].configuration = ++configurations_; }
    void set_client(interface_client& c) noexcept { client_ = &c; }
    void probe(interface_id interface, const address_v4& a) { arp_.probe(interfaces_[interface], a); }
    void announce(interface_id interface, const address_v4& own) { arp_.announce(interfaces_[interface], own); }
    void count_drop(interface_id interface, drop_reason why) noexcept { interfaces_[interface].dropped(why, 1); }
    /// The hop limit of a packet by this route whose sender has not chosen one.
    std::uint8_t hop_limit(const ip::route_entry& r, std::uint8_t by_default) const noexcept
    {
        const std::uint8_t advertised = interfaces_[r.interface].v6_hop_limit;
        return r.next_hop.address().is_v6() && advertised != 0 ? advertised : by_default;
    }
    error_code add_route(const ip::route& r);
    error_code remove_route(const ip::route& r);
    error_code replace_route(const ip::route& r);
    void set_forwarding(const forwarding_options& options);
    void add_hook(std::shared_ptr<packet_hook> h) { hooks_.add(std::move(h)); }
    void remove_hook(const std::shared_ptr<packet_hook>& h) { hooks_.remove(h); }
    error_code accept_any_destination(interface_id interface, bool yes);
    error_code proxy_neighbors(interface_id interface, bool yes);
    // Causes of a change of an interface's state. @return (these four) true if the state has changed
    bool set_link(interface_id interface, bool up, std::size_t mtu, time_point now); ///< reported by the device
    bool set_enabled(interface_id interface, bool yes, time_point now);              ///< set by the user
    bool lost(interface_id interface, error_code why, time_point now);               ///< the device is gone
    bool replace_device(interface_id interface, const device_info& info, time_point now);
    /// Multicast membership of a socket, and its source filter. @return names the membership in the next two
    ip::subscriber_id join_group(interface_id interface, const address& group, const ip::source_filter& filter);
    void set_group_filter(interface_id interface, const address& group, ip::subscriber_id who, const ip::source_filter& filter)
    {
        groups_.set_filter(interfaces_[interface], group, who, filter);
    }
    void leave_group(interface_id interface, const address& group, ip::subscriber_id who);
    void add_transport(ip_protocol number, ip::transport& t) noexcept { transports_.add(number, t); }
    void set_raw(ip::raw_receiver& r) noexcept { transports_.set_raw(r); }
    void set_echo(ip::echo_receiver& r) noexcept { transports_.set_echo(r); }
    void set_trace(trace* t) noexcept { interfaces_.set_trace(t); }
    trace* tracer() const noexcept { return interfaces_.tracer(); }
    void set_tap(link::frame_tap* t) noexcept { interfaces_.set_tap(t); }    ///< null: none
    bool is_tapped() const noexcept { return interfaces_.tap() != nullptr; } ///< frames must come whole, one by one

    // -- in -----------------------------------------------------------------------------------------------------------
    void receive(interface_id interface, packet&& p, time_point now);
    void receive(interface_id interface, std::span<packet> batch, time_point now); ///< moves from the packets
    void receive(interface_id interface, ip::coalescer& batch, time_point now);    ///< clears `batch`; its packets are not traced
    void advance(time_point now);                                                  ///< retries and gives up address resolution
    void receive_misdirected(misdirected&& m, time_point now);
    std::optional<misdirected> next_misdirected() { return shards_.next(); }
    bool may_be_misdirected(const ip::rx_packet& p) const noexcept { return shards_.may_be_misdirected(p); }
    void pass_on(ip::rx_packet&& p) { shards_.pass_on(std::move(p)); } ///< to another shard
    bool run_loopback(time_point now); ///< receives packets to ourselves, up to a budget; true if there were any
    time_point next_deadline() const noexcept;
    bool loopback_waits() const noexcept { return has_next_packet(loopback) || out_.has_looped(); }

    // -- out ----------------------------------------------------------------------------------------------------------
    error_code send(packet&& p, ip::route_entry& r, const flow_key& flow, const ip::send_info& info, time_point now)
    {
        return out_.send(std::move(p), r, flow, info, now);
    }
    error_code send(packet&& p, const flow_key& flow, const ip::send_info& info, const std::optional<interface_id>& via,
                    time_point now)
    {
        return out_.send(std::move(p), flow, info, via, now);
    }
    error_code send_with_header(packet&& p, ip::route_entry& r, const flow_key& flow, time_point now)
    {
        return out_.send_with_header(std::move(p), r, flow, now);
    }
    std::uint16_t random_identification() noexcept { return static_cast<std::uint16_t>(1 + random_.uniform(0xffff)); }
    /// A router says that a packet of ours was too long for it. Connections hear of it when they look up their routes again.
    void learn_path_mtu(const address& destination, std::size_t mtu, time_point now)
    {
        if (out_.learn_path_mtu(destination, mtu, now)) routes_.invalidate();
    }
    std::size_t path_mtu(const ip::route_entry& r, const address& destination) const noexcept
    {
        return out_.path_mtu(r, destination);
    }
    /// Tells the sender of a received packet by ICMP, within the rate limit.
    void send_unreachable(const ip::rx_packet& about, ip::unreachable why, time_point now)
    {
        about.kind == ip::packet_kind::ipv6 ? icmpv6_.send_unreachable(about, why, now) : icmp_.send_unreachable(about, why, now);
    }
    /// The same as its user wants it (tapio/core/forwarder_options.hpp). @param from the source; none: chosen as for our own
    /// errors
    void refuse(const ip::rx_packet& about, refusal how, const std::optional<address>& from, time_point now);
    /// The route's next hop is reachable: a transport has received acknowledgements or new data (RFC 4861 §7.3.1).
    void confirm(ip::route_entry& r, time_point now)
    {
        link::interface& i = interfaces_[r.interface];
        if (i.is_ethernet()) i.neighbors.confirm(r.next_hop, now);
    }
    /// The route's next hop may be gone: a transport retransmits without an answer (RFC 1122 §3.3.1.4).
    void doubt(ip::route_entry& r, time_point now)
    {
        link::interface& i = interfaces_[r.interface];
        if (i.is_ethernet()) i.neighbors.doubt(r.next_hop, now);
    }
    bool next_packet(interface_id interface, packet& out, time_point now);
    std::span<packet* const> first_packets(interface_id interface, time_point now)
    {
        return interfaces_[interface].first_packets(link::transmit_queue::most_first, now);
    }
    void drop_first_packets(interface_id interface, std::size_t n);
    /// Queues a whole frame of a user's. @return ENOBUFS: the transmit queue is full
    error_code send_frame(interface_id by, packet&& frame, time_point now);
    bool has_next_packet(interface_id interface) const noexcept { return !interfaces_[interface].queue().empty(); }

    // -- state --------------------------------------------------------------------------------------------------------
    const ip::address_table& addresses() const noexcept { return addresses_; }
    const ip::routing& routes() const noexcept { return routes_; }
    const link::interface_table& interfaces() const noexcept { return interfaces_; }
    const link::interface& interface(interface_id id) const noexcept { return interfaces_[id]; }
    /// Without what DHCP knows (core/dhcp_clients.hpp).
    interface_configuration configuration(interface_id interface) const; // this and the next three: snapshot.cpp
    std::vector<interface_info> list_interfaces() const;
    std::vector<neighbor_info> list_neighbors() const;
    std::vector<route_info> list_routes() const;

    void dropped(const ip::rx_packet& p, drop_reason why, time_point now)
    {
        interfaces_[p.interface].dropped(why, p.contents, now);
    }

private:
    void input(ip::rx_packet& p, time_point now);
    bool enter_vlan(ip::rx_packet& p, time_point now);
    interface_id begin(link::interface& added);
    void add_own(link::interface& i, const address& a, unsigned prefix_length, address_origin origin, time_point now);
    void make_link_local(link::interface& i, time_point now);
    void router_advertised(interface_id by, const wire::router_advertisement& ra, const address_v6& router,
                           time_point now) override;
    void no_longer_router(interface_id by, const address_v6& neighbor, time_point now) override;
    void arp_heard(interface_id by, const wire::arp_packet& said, time_point now) override;
    bool redirected(interface_id by, const address& router, const address& destination, const address& next_hop,
                    time_point now) override;
    void lost(link::interface& i, const packet& p, time_point now);
    void give_up(const address& duplicate, time_point now);
    void routes_changed();
    bool follow(link::interface& i, link::interface::change what, time_point now);

    link::interface_table interfaces_;
    ip::address_table addresses_;
    ip::routing routes_;
    ip::hooks hooks_;
    ip::transport_table transports_;
    ip::shard_exchange shards_;
    ip::multicast groups_;
    ip::arp arp_;
    ip::ndp ndp_;
    ip::resolution resolution_;
    ip::output out_;
    ip::icmp icmp_;
    ip::icmpv6 icmpv6_;
    ip::forwarding forwarding_;
    ip::input ip_;
    random_source& random_;
    interface_client* client_ = nullptr;
    std::uint64_t configurations_ = 0; ///< changes of configuration, of all interfaces
    std::map<interface_id, autoconfigured_interface> autoconfigured_;
    const bool accept_redirects_;     ///< host_options::accept_redirects
    const unsigned duplicate_probes_; ///< host_options::duplicate_address_probes
};

} // namespace tapio::core
