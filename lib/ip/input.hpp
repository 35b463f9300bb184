/// @file
/// Receives IP packets: checks the addresses (RFC 1122 §3.2.1, RFC 4291 §2) and calls the transport.
#pragma once

#include "base/flow_key.hpp"
#include "ip/address_table.hpp"
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

namespace tapio::core::ip {

class input
{
public:
    input(link::interface_table& interfaces, const address_table& addresses, const routing& routes,
          const transport_table& transports, icmp& errors_v4, icmpv6& errors_v6) noexcept
        : interfaces_(interfaces),
          addresses_(addresses),
          routes_(routes),
          transports_(transports),
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
        flow_key flow; ///< of a packet with these addresses
    };
    accepted_pair& accepted_slot(const flow_key& flow) noexcept { return accepted_[(flow.words()[0] >> 32) % accepted_.size()]; }
    bool was_accepted(const rx_packet& p) noexcept
    {
        const accepted_pair& last = accepted_slot(p.flow);
        return last.generation == routes_.generation() && last.interface == p.interface && last.flow.has_addresses_of(p.flow);
    }

    link::interface_table& interfaces_;
    const address_table& addresses_;
    const routing& routes_;
    const transport_table& transports_;
    icmp& icmp_;
    icmpv6& icmpv6_;
    reassembly fragments_v4_, fragments_v6_;
    std::array<accepted_pair, 16> accepted_; ///< by the last 32 bits of the source address
};

} // namespace tapio::core::ip
