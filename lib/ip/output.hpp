/// @file
/// Sends packets: adds the IP header, checks the MTU, resolves the next hop and puts the frame in the interface's transmit queue.
#pragma once

#include "base/flow_key.hpp"
#include "base/random_source.hpp"
#include "ip/arp.hpp"
#include "ip/identification.hpp"
#include "ip/routing.hpp"

#include <tapio/core/counters.hpp>
#include <tapio/core/error.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tapio::core::ip {

/// IP header fields besides addresses and protocol, and the multicast loopback option.
struct send_info
{
    std::uint8_t ttl = 64;
    std::uint8_t tos = 0;
    bool dont_fragment = true;
    bool group_loopback = false; ///< members on this host also receive a multicast (IP_MULTICAST_LOOP)
};

class output
{
public:
    /// @param most_looped multicast packets that may wait for take_looped()
    output(link::interface_table& interfaces, const routing& routes, arp& neighbors, random_source& random,
           std::size_t most_looped)
        : interfaces_(interfaces),
          routes_(routes),
          neighbors_(neighbors),
          counters_(interfaces.counters().ip),
          identifications_(random),
          most_looped_(most_looped)
    {
    }

    /// @param p from its transport header on  @param flow addresses and protocol of the packet  @param r precondition: up to date
    /// (routing::holds())
    error_code send(packet&& p, route_entry& r, const flow_key& flow, const send_info& info, time_point now);
    /// The same; looks up the route first. @param via the outgoing interface; none: the route decides
    error_code send(packet&& p, const flow_key& flow, const send_info& info, const std::optional<interface_id>& via,
                    time_point now);

    /// Copies of sent multicasts for members on this host (RFC 1112 §6.1), each with the interface that is to receive it.
    using looped_packets = std::vector<std::pair<interface_id, packet>>;
    bool has_looped() const noexcept { return !looped_.empty(); }
    looped_packets take_looped() { return std::exchange(looped_, {}); }

private:
    std::uint32_t identification_of(const packet& p, const flow_key& flow, time_point now);

    link::interface_table& interfaces_;
    const routing& routes_;
    arp& neighbors_;
    ip_counters& counters_;
    identifications identifications_;
    const std::size_t most_looped_;
    looped_packets looped_;
};

} // namespace tapio::core::ip
