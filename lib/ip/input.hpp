/// @file
/// Receives IP packets: checks the addresses (RFC 1122 §3.2.1, RFC 4291 §2) and calls the transport.
#pragma once

#include "base/flow_key.hpp"
#include "ip/address_table.hpp"
#include "ip/forwarding.hpp"
#include "ip/hooks.hpp"
#include "ip/icmp.hpp"
#include "ip/reassembly.hpp"
#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"
#include "ip/transport.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace tapio::core::ip {

class input
{
public:
    input(link::interface_table& interfaces, const address_table& addresses, const routing& routes,
          const transport_table& transports, const hooks& h, forwarding& others, icmp& errors_v4, icmpv6& errors_v6) noexcept
        : interfaces_(interfaces),
          addresses_(addresses),
          routes_(routes),
          transports_(transports),
          hooks_(h),
          forwarding_(others),
          icmp_(errors_v4),
          icmpv6_(errors_v6),
          fragments_v4_({}, interfaces.counters().ip),
          fragments_v6_({}, interfaces.counters().ip6)
    {
    }

    /// Precondition: parse() has been called with `p`.
    void receive(rx_packet& p, time_point now);

    void advance(time_point now); ///< gives up datagrams whose fragments did not all arrive in time
    time_point next_deadline() const noexcept { return std::min(fragments_v4_.next_deadline(), fragments_v6_.next_deadline()); }

private:
    void take(rx_packet& p, ip_counters& counters, time_point now);
    void accept(rx_packet& p, ip_counters& counters, time_point now);
    bool passes_hooks(rx_packet& p, time_point now);
    bool is_hooked(const rx_packet& p) const noexcept ///< hooks see packets that devices deliver, each once
    {
        return !hooks_.empty() && p.interface != loopback && p.hops == 0 && !p.from_us;
    }
    bool is_hooked_whole(const rx_packet& p) const noexcept ///< hooks see the datagram, not its fragments
    {
        return is_hooked(p) && p.kind == packet_kind::ipv4 && hooks_.need_whole_datagrams();
    }
    void forward(rx_packet& p, ip_counters& counters, time_point now);
    void deliver(rx_packet& p, ip_counters& counters, time_point now);
    void bad_header(rx_packet& p, time_point now);
    void reassemble(rx_packet& p, ip_counters& counters, time_point now);
    void expired(reassembly::expired_datagram&& d, time_point now);
    void lost(const reassembly::lost_datagram& d);
    void set_zone(rx_packet& p) const noexcept;
    std::optional<drop_reason> check_addresses(rx_packet& p);
    std::optional<drop_reason> check_destination(const rx_packet& p) const noexcept;
    std::optional<drop_reason> check_destination_v6(const rx_packet& p) const noexcept;
    std::optional<drop_reason> check_source(const rx_packet& p) const noexcept;
    std::optional<drop_reason> check_source_v6(const rx_packet& p) const noexcept;

    /// A pair of unicast addresses that check_addresses() has accepted. Most packets have the pair of a recent one.
    struct accepted_pair
    {
        std::uint64_t generation = 0; ///< routing::generation() when the pair was accepted
        interface_id interface = 0;
        flow_key flow;   ///< of a packet with these addresses
        route_ref way{}; ///< by which such packets are forwarded; null: they are for this host
    };
    accepted_pair& accepted_slot(const flow_key& flow) noexcept
    {
        // By the last 32 bits of both addresses, so that the two directions of a flow that is forwarded have different slots.
        return accepted_[flow.words()[0] * 0x9e37'79b9'7f4a'7c15U >> 60];
    }
    accepted_pair* find_accepted(const rx_packet& p) noexcept
    {
        accepted_pair& last = accepted_slot(p.flow);
        const bool same =
            last.generation == routes_.generation() && last.interface == p.interface && last.flow.has_addresses_of(p.flow);
        return same && !p.link_group && !p.source_routed ? &last : nullptr;
    }
    void note_accepted(const rx_packet& p, route_ref way)
    {
        accepted_slot(p.flow) = {routes_.generation(), p.interface, p.flow, std::move(way)};
    }

    link::interface_table& interfaces_;
    const address_table& addresses_;
    const routing& routes_;
    const transport_table& transports_;
    const hooks& hooks_;
    forwarding& forwarding_;
    icmp& icmp_;
    icmpv6& icmpv6_;
    reassembly fragments_v4_, fragments_v6_;
    std::array<accepted_pair, 16> accepted_; ///< by accepted_slot()
};

} // namespace tapio::core::ip
