#include "ip/output.hpp"

#include "link/ethernet.hpp"
#include "wire/ipv4.hpp"

#include <cerrno>

namespace tapio::core::ip {

namespace {

/// The number of datagrams into which a GSO packet is split. @param p from its transport header on
std::size_t datagrams_in(const packet& p) noexcept
{
    if (p.offload.gso == offload_info::gso_type::none) return 1;
    const std::size_t payload = p.size() - p.offload.header_length;
    return (payload + p.offload.gso_size - 1) / p.offload.gso_size;
}

} // namespace

error_code output::send(packet&& p, const flow_key& flow, const send_info& info, const std::optional<interface_id>& via,
                        time_point now)
{
    const auto found = routes_.find(flow.destination_address(), flow.source_address(), via);
    if (found) return send(std::move(p), *found->route, flow, info, now);
    ++counters_.out_requests;
    ++counters_.out_no_routes;
    return found.error();
}

error_code output::send(packet&& p, route_entry& r, const flow_key& flow, const send_info& info, time_point now)
{
    link::interface& i = interfaces_[r.interface];
    ++counters_.out_requests;
    const bool whole = p.size() + sizeof(wire::ipv4_header) <= r.mtu;
    wire::ipv4_words w;
    w.protocol = flow.protocol();
    w.ttl = info.ttl;
    w.tos = info.tos;
    w.source = static_cast<std::uint32_t>(flow.v4_addresses() >> 32);
    w.destination = static_cast<std::uint32_t>(flow.v4_addresses());
    if (!info.dont_fragment) w.identification = identification_of(p, flow, now); // else atomic, and 0 (RFC 6864 §4.1)
    wire::push_ipv4(p, w);
    p.offload.header_in_front(sizeof(wire::ipv4_header));
    if (!whole && p.offload.gso == offload_info::gso_type::none) { // fragmentation belongs here
        ++counters_.out_discards;
        i.refused(drop_reason::too_big, p, now);
        return errno_code(EMSGSIZE);
    }
    if (info.group_loopback && !r.loopback && i.is_member(flow.destination_address()) && looped_.size() < most_looped_)
        looped_.push_back({r.interface, p});
    if (i.is_ethernet()) {
        const mac_address* const to = neighbors_.resolve(i, r, p, now);
        if (to == nullptr) return {}; // the packet waits for ARP
        link::push_frame_header(i, p, *to, wire::ether_type::ipv4);
    }
    i.enqueue(std::move(p), now);
    return {};
}

/// The identification of a packet without DF, in the upper half of the header word that also has the flags and fragment offset.
std::uint32_t output::identification_of(const packet& p, const flow_key& flow, time_point now)
{
    const address_v4 from = flow.source_address().to_v4(), to = flow.destination_address().to_v4();
    const auto protocol = static_cast<std::uint8_t>(flow.protocol());
    return std::uint32_t{identifications_.reserve(from, to, protocol, datagrams_in(p), now)} << 16;
}

} // namespace tapio::core::ip
