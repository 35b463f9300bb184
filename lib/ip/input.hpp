/// @file
/// Receives IP packets: checks the addresses (RFC 791, RFC 1122 §3.2.1, RFC 1812 §5.2.2) and calls the transport.
#pragma once

#include "base/flow_key.hpp"
#include "ip/address_table.hpp"
#include "ip/icmp.hpp"
#include "ip/routing.hpp"
#include "ip/rx_packet.hpp"
#include "ip/transport.hpp"
#include "link/interface_table.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/time.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace tapio::core::ip {

class input
{
public:
    input(link::interface_table& interfaces, const address_table& addresses, const routing& routes,
          const transport_table& transports, icmp& errors) noexcept
        : interfaces_(interfaces),
          addresses_(addresses),
          routes_(routes),
          transports_(transports),
          errors_(errors),
          counters_(interfaces.counters().ip)
    {
    }

    /// Precondition: parse() has been called with `p`.
    void receive(rx_packet& p, time_point now);

private:
    std::optional<drop_reason> check_addresses(rx_packet& p);
    std::optional<drop_reason> check_destination(const rx_packet& p) const noexcept;
    std::optional<drop_reason> check_source(const rx_packet& p) const noexcept;

    /// A pair of unicast addresses that check_addresses() has accepted. Most packets have the pair of a recent one.
    struct accepted_pair
    {
        std::uint64_t generation = 0; ///< routing::generation() when the pair was accepted
        interface_id interface = 0;
        std::uint64_t addresses = 0; ///< flow_key::v4_addresses()
    };
    accepted_pair& accepted_slot(const flow_key& flow) noexcept
    {
        return accepted_[(flow.v4_addresses() >> 32) % accepted_.size()];
    }
    bool was_accepted(const rx_packet& p) noexcept
    {
        const accepted_pair& last = accepted_slot(p.flow);
        return last.generation == routes_.generation() && last.interface == p.interface &&
               last.addresses == p.flow.v4_addresses();
    }

    link::interface_table& interfaces_;
    const address_table& addresses_;
    const routing& routes_;
    const transport_table& transports_;
    icmp& errors_;
    ip_counters& counters_;
    std::array<accepted_pair, 16> accepted_; ///< by the source address
};

} // namespace tapio::core::ip
