// A packet out: IPv4 header, route, neighbour, frame, the interface's transmit queue; and what comes back to ourselves.
#include "core/network.hpp"

namespace tapio::core {

namespace {

/// How many datagrams a packet, with its transport header in front, is cut into before it is on the medium.
std::size_t datagrams_in(const packet& p) noexcept
{
    if (p.offload.gso == offload_info::gso_type::none) return 1;
    const std::size_t payload = p.size() - p.offload.header_length;
    return (payload + p.offload.gso_size - 1) / p.offload.gso_size;
}

/// A header has been put in front.
void move_offload(packet& p, std::size_t header) noexcept
{
    if (p.offload.checksum == offload_info::checksum_state::partial)
        p.offload.checksum_start = static_cast<std::uint16_t>(p.offload.checksum_start + header);
    if (p.offload.gso != offload_info::gso_type::none)
        p.offload.header_length = static_cast<std::uint16_t>(p.offload.header_length + header);
}

} // namespace

/// Where the queue is full the packet is dropped; TCP asks transmit_queue::has_room() first and waits instead.
inline void network::enqueue(net_interface& i, packet&& p, time_point now)
{
    if (!i.transmit.push(std::move(p))) refused(i, drop_reason::transmit_queue_full, p, now);
}

void network::refused(net_interface& i, drop_reason why, const packet& p, time_point now)
{
    ++counters_.drops[why];
    ++i.counters.out_discards;
    if (trace_ != nullptr) trace_->dropped(i.id, why, p, now);
}

void network::enqueue(interface_id interface, packet&& p, time_point now)
{
    net_interface& i = *interfaces_[interface];
    if (i.state != interface_state::up) return refused(i, drop_reason::interface_down, p, now);
    enqueue(i, std::move(p), now);
}

inline void network::transmit_ip(ip::route_entry& r, packet&& p, time_point now)
{
    net_interface& i = *interfaces_[r.interface];
    if (i.info.link == link_type::ethernet) {
        const mac_address* const to = r.group_mac ? &*r.group_mac : i.neighbors.resolve(r.next_hop, p, now);
        if (to == nullptr) return ask_neighbors(r.interface, now); // it waits
        frame(r.interface, *to, p);
    }
    enqueue(i, std::move(p), now);
}

error_code network::send(packet&& p, const flow_key& flow, const send_info& info, const std::optional<interface_id>& via,
                         time_point now)
{
    const auto found = find_route(flow.destination_address(), flow.source_address(), via);
    if (found) return send(std::move(p), *found->route, flow, info, now);
    ++counters_.ip.out_requests;
    ++counters_.ip.out_no_routes;
    return found.error();
}

error_code network::send(packet&& p, ip::route_entry& r, const flow_key& flow, const send_info& info, time_point now)
{
    ++counters_.ip.out_requests;
    const bool whole = p.size() + sizeof(wire::ipv4_header) <= r.mtu;
    wire::ipv4_words w;
    w.protocol = flow.protocol();
    w.ttl = info.ttl;
    w.tos = info.tos;
    w.source = static_cast<std::uint32_t>(flow.v4_addresses() >> 32);
    w.destination = static_cast<std::uint32_t>(flow.v4_addresses());
    if (!info.dont_fragment) w.identification = identification_of(p, flow, now); // else atomic, and 0 (RFC 6864 §4.1)
    wire::push_ipv4(p, w);
    move_offload(p, sizeof(wire::ipv4_header));
    if (!whole && p.offload.gso == offload_info::gso_type::none) { // fragmentation will stand here
        ++counters_.ip.out_discards;
        refused(*interfaces_[r.interface], drop_reason::too_big, p, now);
        return errno_code(EMSGSIZE);
    }
    if (info.group_loopback && !r.loopback && is_member(r.interface, flow.destination_address())) loop_back(r.interface, p);
    transmit_ip(r, std::move(p), now);
    return {};
}

/// Of a packet that may be cut on its way, above its flags.
std::uint32_t network::identification_of(const packet& p, const flow_key& flow, time_point now)
{
    const address_v4 from = flow.source_address().to_v4(), to = flow.destination_address().to_v4();
    const auto protocol = static_cast<std::uint8_t>(flow.protocol());
    return std::uint32_t{identifications_.reserve(from, to, protocol, datagrams_in(p), now)} << 16;
}

/// Where a broadcast or multicast goes on an Ethernet (RFC 1112 §6.4).
std::optional<mac_address> network::group_mac(const address& destination) const noexcept
{
    if (is_broadcast(destination)) return mac_address::broadcast();
    if (!destination.is_multicast()) return std::nullopt;
    const std::uint32_t a = destination.to_v4().to_uint();
    return mac_address{{0x01, 0x00, 0x5e, static_cast<std::uint8_t>((a >> 16) & 0x7f), static_cast<std::uint8_t>(a >> 8),
                        static_cast<std::uint8_t>(a)}};
}

void network::frame(interface_id interface, const mac_address& to, packet& p) const
{
    wire::push_ethernet(p, to, interfaces_[interface]->info.mac, wire::ether_type::ipv4);
    move_offload(p, sizeof(wire::ethernet_header));
}

inline std::span<packet* const> network::first_packets(net_interface& i, std::size_t most, time_point now)
{
    return i.transmit.first(most, [&](const packet& p) {
        ++i.counters.out_packets;
        i.counters.out_octets += p.size();
        if (trace_ != nullptr) trace_->sent(i.id, p, now);
    });
}

std::span<packet* const> network::first_packets(interface_id interface, time_point now)
{
    return first_packets(*interfaces_[interface], link::transmit_queue::most_first, now);
}

void network::drop_first_packets(interface_id interface, std::size_t n)
{
    if (!interfaces_[interface]->transmit.pop(n)) return;
    if (tcp_ != nullptr) tcp_->transmit_room(interface);
    if (udp_ != nullptr) udp_->transmit_room(interface);
}

bool network::next_packet(interface_id interface, packet& out, time_point now)
{
    const auto next = first_packets(*interfaces_[interface], 1, now);
    if (next.empty()) return false;
    out = std::move(*next.front());
    drop_first_packets(interface, 1);
    return true;
}

/// What members here get of a multicast that we send (RFC 1112 §6.1), as if it came from the interface's medium.
void network::loop_back(interface_id interface, const packet& p)
{
    if (looped_.size() < options_.transmit_queue) looped_.push_back({interface, p});
}

bool network::run_loopback(time_point now)
{
    constexpr unsigned budget = 256; // packets in one run: a user's loop over loopback must not hold the others up
    if (!loopback_waits()) return false;
    bool any = false;
    packet p;
    for (unsigned n = 0; n < budget && next_packet(loopback, p, now); ++n) {
        any = true;
        receive(loopback, std::move(p), now);
    }
    for (auto& [interface, looped] : std::exchange(looped_, {})) {
        any = true;
        ip::rx_packet back(std::move(looped), interface);
        ip::parse_ip(back);
        back.from_us = true;
        ip_input(back, now);
    }
    return any;
}

} // namespace tapio::core
