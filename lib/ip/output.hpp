/// @file
/// Sends packets: adds the IP header, checks the MTU, resolves the next hop and puts the frame in the interface's transmit queue.
#pragma once

#include "base/flow_key.hpp"
#include "base/random_source.hpp"
#include "base/siphash.hpp"
#include "ip/hooks.hpp"
#include "ip/identification.hpp"
#include "ip/path_mtu.hpp"
#include "ip/resolution.hpp"
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

/// Whether a packet that is longer than the MTU is sent in fragments. (Routers fragment IPv4 without DF only, IPv6 never.)
enum class fragmenting : std::uint8_t
{
    never,     ///< IPv4: with DF; longer than the interface's MTU: message_size
    if_needed, ///< IPv4: with DF, if the packet fits the path's MTU (IP_PMTUDISC_WANT)
    allowed    ///< IPv4: without DF
};

/// IP header fields besides addresses and protocol, and the multicast loopback option.
struct send_info
{
    std::uint8_t ttl = 64; ///< IPv6: hop limit
    std::uint8_t tos = 0;  ///< IPv6: traffic class
    fragmenting fragments = fragmenting::never;
    bool group_loopback = false; ///< members on this host also receive a multicast (IP_MULTICAST_LOOP)
    bool own_ttl =
        false; ///< the user has chosen `ttl`; else IPv6 packets have the interface's hop limit, if routers advertise one
    std::size_t mtu = 0; ///< octets; of the longest packet that is sent whole; 0: the interface's MTU for fragmenting::never,
                         ///< else the path's
};

class output
{
public:
    // Octets of headroom that a packet needs which was received, and is sent: packet::make_room().
    static constexpr std::size_t link_headers = 40;           ///< at least Ethernet, a VLAN tag, virtio-net
    static constexpr std::size_t headers = link_headers + 56; ///< and the headers of IPv6 and ICMPv6

    /// @param most_looped multicast packets that may wait for take_looped()
    output(link::interface_table& interfaces, const routing& routes, resolution& neighbors, const hooks& h, random_source& random,
           std::size_t most_looped)
        : interfaces_(interfaces),
          routes_(routes),
          hooks_(h),
          neighbors_(neighbors),
          identifications_(random),
          v6_identifications_(random),
          label_key_(random.make_key()),
          most_looped_(most_looped)
    {
    }

    /// @param p from its transport header on  @param flow addresses and protocol of the packet  @param r precondition: up to date
    /// (routing::holds())
    error_code send(packet&& p, route_entry& r, const flow_key& flow, const send_info& info, time_point now);
    /// The same; looks up the route first. @param via the outgoing interface; none: the route decides
    error_code send(packet&& p, const flow_key& flow, const send_info& info, const std::optional<interface_id>& via,
                    time_point now);

    /// A packet whose IP header its user has written (IP_HDRINCL), longer than the MTU or not. @param flow its family is what
    /// counts
    error_code send_with_header(packet&& p, route_entry& r, const flow_key& flow, time_point now);

    /// A received packet that is forwarded by `r`: its TTL has been decremented, and it may be fragmented if it is longer than
    /// the MTU and IPv4.
    void forward(rx_packet& p, route_entry& r, time_point now);
    /// The source address of a packet to `destination`, by the route to it.
    std::optional<address> source_towards(const address& destination) const;

    /// A packet of ours was too long for a router. @param mtu octets  @return true: that is new
    bool learn_path_mtu(const address& destination, std::size_t mtu, time_point now)
    {
        return path_mtus_.learn(destination, mtu, now);
    }
    /// Octets of the longest datagram, IP header included, that need not be fragmented.
    std::size_t path_mtu(const route_entry& r, const address& destination) const noexcept
    {
        return path_mtus_.of(destination, r.mtu);
    }
    void advance(time_point now) { path_mtus_.advance(now); }
    time_point next_deadline() const noexcept { return path_mtus_.next_deadline(); }

    /// Copies of sent multicasts for members on this host (RFC 1112 §6.1), each with the interface that is to receive it.
    using looped_packets = std::vector<std::pair<interface_id, packet>>;
    bool has_looped() const noexcept { return !looped_.empty(); }
    looped_packets take_looped() { return std::exchange(looped_, {}); }

private:
    void push_v4(packet& p, const flow_key& flow, const send_info& info, bool whole, time_point now);
    void push_v6(packet& p, const flow_key& flow, const send_info& info, std::uint8_t advertised) const noexcept;
    ip_counters& counters_of(const flow_key& flow) noexcept
    {
        host_counters& all = interfaces_.counters();
        return flow.is_v4() ? all.ip : all.ip6;
    }
    bool passes_hooks(packet& p, flow_key flow, std::size_t header, const route_entry& r, time_point now);
    void send_pieces(packet&& large, route_entry& r, const flow_key& flow, time_point now);
    error_code send_frame(packet&& p, route_entry& r, const flow_key& flow, time_point now);
    error_code send_fragments(packet&& p, route_entry& r, const flow_key& flow, std::size_t mtu, time_point now);
    std::uint32_t identification_of(const packet& p, const flow_key& flow, time_point now);

    link::interface_table& interfaces_;
    const routing& routes_;
    const hooks& hooks_;
    resolution& neighbors_;
    identifications identifications_;
    ipv6_identifications v6_identifications_;
    siphash_key label_key_; ///< of flow labels
    path_mtu_cache path_mtus_;
    const std::size_t most_looped_;
    looped_packets looped_;
};

} // namespace tapio::core::ip
