/// @file
/// The network layer of a host: interfaces, neighbours, routes; IPv4 and ICMP in and out.
///
///     a frame in   receive -> ip::parse -> link_input.cpp -> ip_input.cpp -> transport::receive
///     a packet out send    -> ip_output.cpp  -> neighbour    -> the interface's transmit queue
///     ICMP         icmp.cpp, both ways; errors about our packets go to transport::icmp_error
#pragma once

#include "base/random_source.hpp"
#include "base/ring.hpp"
#include "core/host_options.hpp"
#include "ip/gro.hpp"
#include "ip/icmp_limiter.hpp"
#include "ip/identification.hpp"
#include "ip/route_entry.hpp"
#include "ip/route_table.hpp"
#include "ip/rx_packet.hpp"
#include "link/neighbor_cache.hpp"
#include "link/transmit_queue.hpp"
#include "wire/arp.hpp"
#include "wire/ethernet.hpp"
#include "wire/icmpv4.hpp"
#include "wire/ipv4.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/device_info.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/snapshot.hpp>
#include <tapio/core/trace.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tapio::core {

using interface_id = std::uint32_t;

/// An ICMP error about a packet of ours.
struct icmp_error_report
{
    interface_id interface = 0; ///< that the error came by; of our own: that the packet was to leave by
    flow_key flow;              ///< of the packet that it is about, which we sent
    error_code why;
    bool hard = false;          ///< RFC 1122 §4.2.3.9
    std::uint32_t sequence = 0; ///< TCP: of the segment quoted
    std::size_t mtu = 0;        ///< fragmentation needed: of the next hop; else 0
    address offender;           ///< who says so: a router, the destination, or we
    std::uint8_t type = 0, code = 0;
    packet quote; ///< as much of our packet as came back, from its IP header on
};

/// What came to one shard and may be another's: a segment or datagram that nobody here waits for goes round until somebody takes
/// it or the last refuses it; what all need to know (ARP, ICMP errors) goes to each.
struct misdirected
{
    ip::rx_packet contents;
    bool to_all = false;
};

/// What the network layer asks of UDP and TCP.
class transport
{
public:
    virtual ~transport() = default;
    virtual void receive(ip::rx_packet& p, time_point now) = 0;
    /// These are next. What is known of them may be far away in memory.
    virtual void expect(std::span<const ip::rx_packet>) noexcept {}
    virtual void icmp_error(const icmp_error_report& report, time_point now) = 0;
    virtual void flush(time_point now) = 0; ///< the batch is over: output and decisions
    virtual bool wants_flush() const noexcept = 0;
    virtual void transmit_room(interface_id interface) = 0; ///< a queue that was full has room again
};

/// What it asks of raw sockets, which get copies of what is for us.
class raw_receiver
{
public:
    /// @return true if a socket took one
    virtual bool receive_raw(const ip::rx_packet& p, time_point now) = 0;
    virtual bool wants_raw() const noexcept = 0; ///< receive_raw() may take one

protected:
    ~raw_receiver() = default;
};

struct interface_address
{
    core::address address;
    unsigned prefix_length = 0;           ///< bits
    std::optional<time_point> defended{}; ///< when an ARP conflict was last answered (RFC 5227 §2.4)
};

class network
{
public:
    static constexpr interface_id loopback = 0;

    network(const host_options& options, random_source& random, host_counters& counters);

    // -- configuration ------------------------------------------------------------------------------------------------
    interface_id add_interface(const device_info& info);
    error_code add_address(interface_id interface, const address& a, unsigned prefix_length, time_point now);
    error_code remove_address(const address& a);
    error_code add_route(const ip::route& r);
    error_code remove_route(const ip::route& r);
    // network_state.cpp. @return true: the interface's state is another one now
    bool set_link(interface_id interface, bool up, std::size_t mtu, time_point now); ///< what the device says
    bool set_enabled(interface_id interface, bool yes, time_point now);              ///< what the user says
    bool lost(interface_id interface, error_code why, time_point now);               ///< the device is gone
    bool replace_device(interface_id interface, const device_info& info, time_point now);
    /// Multicast membership; each join wants its leave.
    void join_group(interface_id interface, const address& group);
    void leave_group(interface_id interface, const address& group);
    void set_transports(transport* tcp, transport* udp, raw_receiver* raw) noexcept { tcp_ = tcp, udp_ = udp, raw_ = raw; }
    void set_trace(trace* t) noexcept { trace_ = t; }
    trace* tracer() const noexcept { return trace_; }
    std::uint64_t route_generation() const noexcept { return generation_; } ///< grows with every change of the above, from 1

    // -- in -----------------------------------------------------------------------------------------------------------
    void receive(interface_id interface, packet&& p, time_point now);
    void receive(interface_id interface, std::span<packet> batch, time_point now); ///< they are moved from
    void receive(interface_id interface, ip::coalescer& batch, time_point now);    ///< without a trace. It is empty afterwards
    void advance(time_point now);                                                  ///< neighbours that do not answer
    void receive_misdirected(misdirected&& m, time_point now);
    std::optional<misdirected> next_misdirected();
    bool may_be_misdirected(const ip::rx_packet& p) const noexcept ///< another shard may want it
    {
        return p.hops + 1U < options_.shards && p.interface != loopback && !p.to_group;
    }
    void pass_on(ip::rx_packet&& p, bool to_all = false); ///< to other shards
    bool run_loopback(time_point now);                    ///< packets to ourselves, up to a budget; true if there were any
    time_point next_deadline() const;
    bool loopback_waits() const noexcept { return has_next_packet(loopback) || !looped_.empty(); }

    // -- out ----------------------------------------------------------------------------------------------------------
    struct found_route
    {
        ip::route_ref route;
        address source; ///< the one that was asked for, or the one to use
    };
    /// @param via the interface that it has to leave by (SO_BINDTODEVICE, IP_MULTICAST_IF)
    result<found_route> find_route(const address& destination, const std::optional<address>& source,
                                   std::optional<interface_id> via = {}) const;
    bool holds(const ip::route_entry& r) const noexcept { return r.generation == generation_; }
    const ip::route_ref& no_route() const noexcept { return no_route_; } ///< one that never holds, for who has none

    /// What stands in the IP header beside addresses and protocol.
    struct send_info
    {
        std::uint8_t ttl = 64;
        std::uint8_t tos = 0;
        bool dont_fragment = true;
        bool group_loopback = false; ///< a multicast also comes to the members in this host (IP_MULTICAST_LOOP)
    };
    /// @param flow of the packet; it begins at its transport's header  @param r precondition: holds(r)
    error_code send(packet&& p, ip::route_entry& r, const flow_key& flow, const send_info& info, time_point now);
    /// The same by the route that find_route() finds.
    error_code send(packet&& p, const flow_key& flow, const send_info& info, const std::optional<interface_id>& via,
                    time_point now);
    /// A transport has seen progress: what it sent there arrives (RFC 4861 §7.3.1).
    void confirm(ip::route_entry& r, time_point now)
    {
        if (is_framed(r)) interfaces_[r.interface]->neighbors.confirm(r.next_hop, now);
    }
    /// ... or waits in vain for an answer: perhaps the next hop is gone (RFC 1122 §3.3.1.4).
    void doubt(ip::route_entry& r, time_point now)
    {
        if (is_framed(r)) interfaces_[r.interface]->neighbors.doubt(r.next_hop, now);
    }
    const link::transmit_queue& transmit_queue(interface_id interface) const noexcept { return interfaces_[interface]->transmit; }
    bool next_packet(interface_id interface, packet& out, time_point now);
    std::span<packet* const> first_packets(interface_id interface, time_point now);
    void drop_first_packets(interface_id interface, std::size_t n);
    bool has_next_packet(interface_id interface) const noexcept { return !interfaces_[interface]->transmit.empty(); }
    void send_unreachable(const ip::rx_packet& about, wire::icmpv4_unreachable code, time_point now);

    // -- what is known ------------------------------------------------------------------------------------------------
    bool is_our_address(const address& a) const noexcept;
    bool is_member(interface_id interface, const address& group) const noexcept;
    std::optional<interface_id> find_interface(std::string_view name) const noexcept;
    std::optional<interface_id> find_interface(const address& own) const noexcept;
    interface_id group_interface(const address& group) const noexcept;      ///< where a multicast goes that nobody directed
    bool is_broadcast(const address& a) const noexcept;                     ///< limited, or of one of our subnets
    bool is_direct(const address& a, std::optional<interface_id> via) const ///< ours, or reached without a gateway
    {
        const ip::route* const r = is_our_address(a) ? nullptr : route_to(a, via);
        return r == nullptr || !r->gateway;
    }
    const std::list<interface_address>& addresses(interface_id interface) const { return interfaces_[interface]->addresses; }
    const device_info& info(interface_id interface) const { return interfaces_[interface]->info; }
    interface_status status(interface_id interface) const;
    const interface_counters& counters(interface_id interface) const { return interfaces_[interface]->counters; }
    std::size_t interface_count() const noexcept { return interfaces_.size(); }
    const link::neighbor_cache& neighbors(interface_id interface) const { return interfaces_[interface]->neighbors; }
    std::vector<interface_info> list_interfaces() const; // these three: snapshot.cpp
    std::vector<neighbor_info> list_neighbors() const;
    std::vector<route_info> list_routes() const;

    void dropped(interface_id interface, drop_reason why, const packet& p, time_point now);
    void dropped(const ip::rx_packet& p, drop_reason why, time_point now) { dropped(p.interface, why, p.contents, now); }

private:
    struct net_interface
    {
        net_interface(interface_id interface, const device_info& device, std::size_t queue_capacity)
            : id(interface), info(device), transmit(queue_capacity, device)
        {
        }

        interface_id id;
        device_info info;
        interface_state state = interface_state::up; ///< ifOperStatus: what follows from the next three
        bool enabled = true;                         ///< ifAdminStatus
        bool present = true;                         ///< the device is there; `info.link_up` is what it says of its link
        error_code why;                              ///< it is not
        time_point last_change{};
        std::list<interface_address> addresses;
        std::map<address, unsigned> groups; ///< joined, and how often
        link::neighbor_cache neighbors;
        link::transmit_queue transmit;
        interface_counters counters;
    };

    bool is_framed(const ip::route_entry& r) const noexcept { return interfaces_[r.interface]->info.link == link_type::ethernet; }
    void note_address(net_interface& i, const interface_address& a);
    mac_address make_mac(); ///< a random one, locally administered
    void routes_changed();
    void announce_addresses(const net_interface& i);
    bool is_up(interface_id interface) const noexcept { return interfaces_[interface]->state == interface_state::up; }
    bool state_may_have_changed(net_interface& i, time_point now);
    void discard_output(net_interface& i, time_point now);
    void discard_input(net_interface& i, std::uint64_t packets);
    void tell_trace(const net_interface& i, time_point now);

    // link_input.cpp
    void input(ip::rx_packet& p, time_point now);
    bool is_frame_for_us(const ip::rx_packet& p) const noexcept;
    void arp_input(ip::rx_packet& p, time_point now);
    void answer_conflict(net_interface& i, const address_v4& own, const packet& p, time_point now);
    void announce_address(interface_id interface, const address_v4& own);
    bool has_mac(const mac_address& mac) const noexcept;
    bool is_on_link(interface_id interface, const address& a) const noexcept;
    void send_arp(interface_id interface, wire::arp_operation op, const address_v4& sender, const mac_address& target_mac,
                  const address_v4& target, const mac_address& to);
    void ask_neighbors(interface_id interface, time_point now);

    // ip_input.cpp
    void ip_input(ip::rx_packet& p, time_point now);
    std::optional<drop_reason> check_addresses(ip::rx_packet& p);
    std::optional<drop_reason> check_destination(const ip::rx_packet& p) const noexcept;
    std::optional<drop_reason> check_source(const ip::rx_packet& p) const noexcept;

    // ip_output.cpp
    /// What find_route() has found: who opens a connection has often closed one, and datagrams come in bursts.
    struct remembered_route
    {
        address destination;
        std::optional<address> source;
        std::optional<interface_id> via;
        found_route found;
    };
    remembered_route& slot_of(const address& destination) const noexcept;
    result<found_route> look_for_route(const address& destination, const std::optional<address>& source,
                                       std::optional<interface_id> via) const;
    ip::route_ref route_by(interface_id interface, const address& next_hop) const;
    const ip::route* route_to(const address& destination, std::optional<interface_id> via) const noexcept;
    result<interface_id> way_without_route(const address& destination, std::optional<interface_id> via) const;
    void loop_back(interface_id interface, const packet& p);
    std::uint32_t identification_of(const packet& p, const flow_key& flow, time_point now);
    void transmit_ip(ip::route_entry& r, packet&& p, time_point now);
    std::span<packet* const> first_packets(net_interface& i, std::size_t most, time_point now);
    void enqueue(interface_id interface, packet&& p, time_point now);
    void enqueue(net_interface& i, packet&& p, time_point now);
    void refused(net_interface& i, drop_reason why, const packet& p, time_point now);
    void frame(interface_id interface, const mac_address& to, packet& p) const;
    std::optional<mac_address> group_mac(const address& destination) const noexcept;
    std::optional<address> source_for(interface_id interface, const address& next_hop) const noexcept;

    // icmp.cpp
    void icmp_input(ip::rx_packet& p, time_point now);
    void echo_input(const ip::rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now);
    void error_input(const ip::rx_packet& p, packet&& message, const wire::icmpv4_message& m, time_point now);
    void report_unreachable(interface_id interface, const packet& ip_packet, time_point now);
    void report(const icmp_error_report& r, time_point now);

    const host_options& options_;
    random_source& random_;
    host_counters& counters_;
    transport* tcp_ = nullptr;
    transport* udp_ = nullptr;
    raw_receiver* raw_ = nullptr;
    trace* trace_ = nullptr;
    std::vector<std::unique_ptr<net_interface>> interfaces_;
    std::vector<interface_id> ethernets_; ///< those that have neighbours
    struct own_address
    {
        interface_id interface;
        std::list<interface_address>::iterator place; ///< in its list
    };
    std::unordered_map<std::uint32_t, own_address> own_;         ///< addresses of all interfaces
    std::unordered_map<std::uint32_t, std::size_t> broadcasts_;  ///< of all subnets, and of how many addresses
    mutable std::array<remembered_route, 16> remembered_routes_; ///< by the destination
    mutable std::array<ip::route_ref, 16> routes_by_next_hop_;   ///< so that all that send there hold the same one
    ip::route_ref no_route_{new ip::route_entry};
    /// Addresses that check_addresses() has accepted, of a packet to us alone: the next packet's seldom differ.
    struct accepted_pair
    {
        std::uint64_t generation = 0; ///< generation_ at that time
        interface_id interface = 0;
        std::uint64_t addresses = 0; ///< flow_key::v4_addresses()
    };
    accepted_pair& accepted_slot(const flow_key& flow) noexcept
    {
        return accepted_[(flow.v4_addresses() >> 32) % accepted_.size()];
    }
    bool was_accepted(const ip::rx_packet& p) noexcept
    {
        const accepted_pair& last = accepted_slot(p.flow);
        return last.generation == generation_ && last.interface == p.interface && last.addresses == p.flow.v4_addresses();
    }
    std::array<accepted_pair, 16> accepted_; ///< by the source's address
    std::deque<misdirected> misdirected_;
    std::vector<std::pair<interface_id, packet>> looped_; ///< multicasts on their way back to us
    ip::route_table routes_;
    ip::icmp_limiter limiter_;
    std::uint64_t generation_ = 1;
    ip::identifications identifications_;
};

} // namespace tapio::core
