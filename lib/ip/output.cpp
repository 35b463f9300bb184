#include "ip/output.hpp"

#include "base/family_sizes.hpp"
#include "ip/fragmentation.hpp"
#include "link/ethernet.hpp"
#include "link/gso.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

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

/// What the receiving device said of checksum and segmentation becomes what the sending one needs to know; offsets still count
/// the link header. A packet that was joined, by a device or by gro, gets a partial checksum: its pieces have none of their own.
void prepare_offload(rx_packet& p)
{
    offload_info& o = p.contents.offload;
    if (o.gso == offload_info::gso_type::none) {
        if (o.checksum == offload_info::checksum_state::verified) o.checksum = offload_info::checksum_state::complete;
        return;
    }
    const bool tcp = p.protocol() == ip_protocol::tcp;
    const std::size_t field = tcp ? offsetof(wire::tcp_header, checksum) : offsetof(wire::udp_header, checksum);
    const std::size_t at = p.transport_at + field;
    const std::uint16_t sum = p.flow.pseudo_header(p.transport_size()).folded();
    wire::store_16(p.contents.own_front(at + 2) + at, sum);
    o.checksum = offload_info::checksum_state::partial;
    o.checksum_start = p.transport_at;
    o.checksum_offset = static_cast<std::uint16_t>(field);
    o.header_length = p.payload_at;
    if (tcp) o.gso = p.flow.is_v4() ? offload_info::gso_type::tcp_v4 : offload_info::gso_type::tcp_v6;
}

} // namespace

error_code output::send(packet&& p, const flow_key& flow, const send_info& info, const std::optional<interface_id>& via,
                        time_point now)
{
    const auto found = routes_.find(flow.destination_address(), flow.source_address(), via);
    if (found) return send(std::move(p), *found->route, flow, info, now);
    ip_counters& counters = counters_of(flow);
    ++counters.out_requests;
    ++counters.out_no_routes;
    return found.error();
}

error_code output::send(packet&& p, route_entry& r, const flow_key& flow, const send_info& info, time_point now)
{
    link::interface& i = interfaces_[r.interface];
    ip_counters& counters = counters_of(flow);
    ++counters.out_requests;
    const std::size_t header = sizes_of(flow.family()).ip_header;
    const auto known = [&] { return info.fragments == fragmenting::never ? r.mtu : path_mtu(r, flow.destination_address()); };
    const std::size_t mtu = info.mtu != 0 ? info.mtu : known();
    const bool whole = p.size() + header <= mtu || p.offload.gso != offload_info::gso_type::none;
    flow.is_v4() ? push_v4(p, flow, info, whole, now) : push_v6(p, flow, info, i.v6_hop_limit);
    p.offload.header_in_front(header);
    if (!whole && info.fragments == fragmenting::never) {
        ++counters.out_discards;
        i.refused(drop_reason::too_big, p, now);
        return errno_code(EMSGSIZE);
    }
    if (!hooks_.empty() && !r.loopback && !passes_hooks(p, flow, header, r, now)) {
        ++counters.out_discards;
        return errno_code(EPERM); // as Linux
    }
    if (info.group_loopback && !r.loopback && i.is_member(flow.destination_address()) && looped_.size() < most_looped_)
        looped_.push_back({r.interface, p});
    if (info.ttl == 0 && !r.loopback) return {}; // it stays on this host (RFC 1122 §3.2.1.7)
    return whole ? send_frame(std::move(p), r, flow, now) : send_fragments(std::move(p), r, flow, mtu, now);
}

/// Hooks are called with valid headers only: others do not pass while there is a hook.
error_code output::send_with_header(packet&& p, route_entry& r, const flow_key& flow, time_point now)
{
    ip_counters& counters = counters_of(flow);
    ++counters.out_requests;
    if (!hooks_.empty() && !r.loopback) {
        rx_packet written(packet(p), r.interface);
        parse_ip(written);
        if (written.flaw || !passes_hooks(p, written.flow, written.transport_at, r, now)) {
            ++counters.out_discards;
            return errno_code(EPERM);
        }
    }
    return send_frame(std::move(p), r, flow, now);
}

/// For a packet of this host. @param p from its IP header on  @param header octets of the IP header, or headers
bool output::passes_hooks(packet& p, flow_key flow, std::size_t header, const route_entry& r, time_point now)
{
    const bool ports = flow.protocol() == ip_protocol::tcp || flow.protocol() == ip_protocol::udp;
    std::uint32_t mark = 0;
    hooked_packet seen(p, flow, 0, header, ports, hooked_packet::none, r.interface, mark);
    const auto v = hooks_.call(&packet_hook::output, seen, now);
    if (v != hook_verdict::accept) interfaces_[r.interface].refused(reason_of(v), p, now);
    return v == hook_verdict::accept;
}

void output::forward(rx_packet& p, route_entry& r, time_point now)
{
    prepare_offload(p);
    if (!hooks_.empty()) {
        if (const auto v = hooks_.call(&packet_hook::output, p, r.interface, now); v != hook_verdict::accept)
            return interfaces_[r.interface].refused(reason_of(v), p.contents, now);
    }
    p.contents.offload.header_removed(p.network_at);
    p.contents.consume(p.network_at);
    p.contents.make_room(link_headers); // parsing and rewriting may have filled the headroom
    const offload_info& offload = p.contents.offload;
    const bool whole = offload.gso == offload_info::gso_type::none;
    const std::size_t longest = whole ? p.contents.size() : std::size_t{offload.header_length} + offload.gso_size;
    if (longest <= r.mtu || (!whole && p.contents.size() <= r.mtu))
        return void(send_frame(std::move(p.contents), r, p.flow, now));
    whole ? void(send_fragments(std::move(p.contents), r, p.flow, r.mtu, now))
          : send_pieces(std::move(p.contents), r, p.flow, now);
}

/// Splits a GSO packet whose pieces are longer than the MTU, and these into fragments.
void output::send_pieces(packet&& large, route_entry& r, const flow_key& flow, time_point now)
{
    link::segmenter cut;
    cut.start(std::move(large), 0);
    for (packet piece; !cut.done();)
        if (cut.next(piece)) send_fragments(std::move(piece), r, flow, r.mtu, now);
}

std::optional<address> output::source_towards(const address& destination) const
{
    const auto found = routes_.find(destination, std::nullopt);
    return found ? std::optional(found->source) : std::nullopt;
}

/// Adds the Ethernet header, and queues the frame.
error_code output::send_frame(packet&& p, route_entry& r, const flow_key& flow, time_point now)
{
    link::interface& i = interfaces_[r.interface];
    if (i.is_ethernet()) {
        const mac_address* const to = neighbors_.resolve(i, r, p, now);
        if (to == nullptr) return {}; // the packet waits for ARP or NDP
        link::push_frame_header(i, p, *to, link::type_of(flow.family()));
    }
    i.enqueue(std::move(p), now);
    return {};
}

error_code output::send_fragments(packet&& p, route_entry& r, const flow_key& flow, std::size_t mtu, time_point now)
{
    ip_counters& counters = counters_of(flow);
    ++counters.out_frag_reqds;
    const std::uint32_t identification = flow.is_v4() ? 0 : v6_identifications_.reserve(flow.v6_words(0), flow.v6_words(1), now);
    fragmenter f;
    if (const auto why = f.start(p, mtu, identification)) {
        ++counters.out_frag_fails;
        interfaces_[r.interface].refused(*why, p, now);
        return errno_code(EMSGSIZE);
    }
    ++counters.out_frag_oks;
    for (packet fragment; f.next(fragment); ++counters.out_frag_creates) send_frame(std::move(fragment), r, flow, now);
    return {};
}

void output::push_v4(packet& p, const flow_key& flow, const send_info& info, bool whole, time_point now)
{
    wire::ipv4_words w;
    w.protocol = flow.protocol();
    w.ttl = info.ttl;
    w.tos = info.tos;
    w.source = static_cast<std::uint32_t>(flow.v4_addresses() >> 32);
    w.destination = static_cast<std::uint32_t>(flow.v4_addresses());
    const bool atomic = info.fragments == fragmenting::never || (whole && info.fragments == fragmenting::if_needed);
    if (!atomic) w.identification = identification_of(p, flow, now); // else 0 (RFC 6864 §4.1)
    wire::push_ipv4(p, w);
}

/// The flow label is a keyed hash of addresses, ports and protocol (RFC 6437 §3), so that routers can spread flows over paths
/// without reading ports.
/// @param advertised hop limit of the interface; 0: none
void output::push_v6(packet& p, const flow_key& flow, const send_info& info, std::uint8_t advertised) const noexcept
{
    const auto label = static_cast<std::uint32_t>(siphash_1_3(label_key_, flow)) & 0xf'ffff;
    const std::uint8_t hop_limit = info.own_ttl || advertised == 0 ? info.ttl : advertised;
    wire::push_ipv6(p, {flow.protocol(), hop_limit, info.tos, label}, flow.v6_words(0), flow.v6_words(1));
}

/// The identification of a packet without DF, in the upper half of the header word that also has the flags and fragment offset.
std::uint32_t output::identification_of(const packet& p, const flow_key& flow, time_point now)
{
    const address_v4 from = flow.source_address().to_v4(), to = flow.destination_address().to_v4();
    const auto protocol = static_cast<std::uint8_t>(flow.protocol());
    return std::uint32_t{identifications_.reserve(from, to, protocol, datagrams_in(p), now)} << 16;
}

} // namespace tapio::core::ip
