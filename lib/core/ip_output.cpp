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

/// null: there is no route.
const network::cached_route* network::cached_route_to(const send_info& info)
{
    if (!info.destination.is_v4() || !info.source.is_v4()) return nullptr; // IPv6 will stand here
    const std::uint64_t addresses = addresses_of(info.destination, info.source);
    cached_route& w = cache_slot(addresses);
    if (matches(w, addresses, info.via)) return &w;
    const auto found = path_to(info.destination, info.source, info.via);
    if (!found) return nullptr;
    const address next = next_hop(info.destination, info.via);
    w = {generation_, addresses, info.via, *found, next, group_mac(next)};
    return &w;
}

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

inline void network::transmit_ip(const cached_route& way, packet&& p, time_point now)
{
    const interface_id interface = way.path.interface;
    net_interface& i = *interfaces_[interface];
    if (i.info.link != link_type::ethernet) return enqueue(interface, std::move(p), now);
    const mac_address* const mac = way.group ? &*way.group : i.neighbors.resolve(way.next_hop, p, now);
    if (mac == nullptr) return ask_neighbors(interface, now); // it waits
    frame(interface, *mac, p);
    enqueue(interface, std::move(p), now);
}

error_code network::send(packet&& p, const send_info& info, time_point now)
{
    ++counters_.ip.out_requests;
    const cached_route* const found = cached_route_to(info);
    if (found == nullptr) {
        ++counters_.ip.out_no_routes;
        const auto why = path_to(info.destination, info.source, info.via);
        return why ? errno_code(ENETUNREACH) : why.error();
    }
    const cached_route& way = *found;
    const bool whole = p.size() + sizeof(wire::ipv4_header) <= way.path.mtu;
    if (!whole && p.offload.gso == offload_info::gso_type::none) { // fragmentation will stand here
        ++counters_.ip.out_discards;
        refused(*interfaces_[way.path.interface], drop_reason::too_big, p, now);
        return errno_code(EMSGSIZE);
    }
    wire::ipv4_fields f;
    f.source = info.source.to_v4();
    f.destination = info.destination.to_v4();
    f.protocol = info.protocol;
    f.ttl = info.ttl;
    f.tos = info.tos;
    f.dont_fragment = info.dont_fragment;
    if (!info.dont_fragment) { // else atomic, and 0 (RFC 6864 §4.1)
        const auto protocol = static_cast<std::uint8_t>(info.protocol);
        f.identification = identifications_.reserve(f.source, f.destination, protocol, datagrams_in(p), now);
    }
    wire::push_ipv4(p, f);
    move_offload(p, sizeof(wire::ipv4_header));
    if (way.path.loopback) {
        enqueue(loopback, std::move(p), now);
        return {};
    }
    if (info.group_loopback && is_member(way.path.interface, info.destination)) loop_back(way.path.interface, p);
    transmit_ip(way, std::move(p), now);
    return {};
}

bool network::send_segment(packet& p, std::uint64_t addresses, std::uint8_t ttl, std::uint8_t tos,
                           const std::optional<interface_id>& via, time_point now)
{
    const cached_route& way = cache_slot(addresses);
    if (!matches(way, addresses, via) || way.path.loopback || way.group) return false;
    if (p.size() + sizeof(wire::ipv4_header) > way.path.mtu && p.offload.gso == offload_info::gso_type::none) return false;
    net_interface& i = *interfaces_[way.path.interface];
    const bool framed = i.info.link == link_type::ethernet;
    const mac_address* const to = framed ? i.neighbors.find_last(way.next_hop, now) : nullptr;
    if (framed && to == nullptr) return false;
    ++counters_.ip.out_requests;
    wire::ipv4_words w;
    w.protocol = wire::ip_protocol::tcp;
    w.ttl = ttl;
    w.tos = tos;
    w.destination = static_cast<std::uint32_t>(addresses >> 32);
    w.source = static_cast<std::uint32_t>(addresses);
    wire::push_ipv4(p, w);
    if (framed) wire::push_ethernet(p, *to, i.info.mac, wire::ether_type::ipv4);
    move_offload(p, sizeof(wire::ipv4_header) + (framed ? sizeof(wire::ethernet_header) : 0));
    enqueue(i, std::move(p), now);
    return true;
}

address network::next_hop(const address& destination, std::optional<interface_id> via) const
{
    const ip::route* const r = route_to(destination, via);
    return r != nullptr && r->gateway ? *r->gateway : destination;
}

void network::doubt_path(const address& destination, std::optional<interface_id> via, time_point now)
{
    const auto way = path_to(destination, std::nullopt, via);
    if (way && !way->loopback) interfaces_[way->interface]->neighbors.doubt(next_hop(destination, via), now);
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
