#include "core/udp_sockets.hpp"

#include "base/family_sizes.hpp"
#include "core/local_ports.hpp"
#include "core/socket_names.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t most_segments = 128; ///< datagrams per send with UDP_SEGMENT; Linux's UDP_MAX_SEGMENTS

} // namespace

udp_sockets::udp_sockets(network& net, random_source& random, event_queue& events, const host_options& options,
                         udp_counters& counters)
    : datagram_sockets(ip_protocol::udp, socket_type::datagram, net, events, options),
      random_(random),
      counters_(counters),
      spread_key_(random.make_key()),
      flows_(16, flow_hash{spread_key_}),
      forwarder_(*this, net, events, spread_key_)
{
}

// -- accepted flows -----------------------------------------------------------------------------------------------------

result<socket_id> udp_sockets::accept_flow(const flow_key& flow)
{
    const auto found = net_.routes().find(flow.source_address(), flow.destination_address());
    if (!found) return found.error();
    const socket_id id = *open(flow.family());
    socket& s = *find(id);
    s.local = flow.destination();
    s.remote = flow.source();
    s.bound = s.connected = s.of_flow = true;
    flows_[flow] = id;
    return id;
}

/// A socket that leaves its flow is bound to its port as any other.
error_code udp_sockets::connect(socket_id id, const endpoint& peer, time_point now)
{
    if (socket* const s = find(id); s != nullptr && s->of_flow) {
        release(id, *s);
        s->of_flow = false;
        ports_[s->local.port].push_back(id);
    }
    return datagram_sockets::connect(id, peer, now);
}

// -- ports ----------------------------------------------------------------------------------------------------------

error_code udp_sockets::bind(socket_id id, const endpoint& local)
{
    socket* const s = find(id);
    if (s != nullptr && s->bound) return errno_code(EINVAL);
    if (const auto failed = datagram_sockets::bind(id, local)) return failed;
    if (s->local.address.is_v6() && !s->local.address.is_unspecified()) s->v6_only = true; // as Linux
    return {};
}

bool udp_sockets::port_is_free(const socket& s, const endpoint& local) const
{
    const auto use = ports_.find(local.port);
    if (use == ports_.end()) return true;
    return std::none_of(use->second.begin(), use->second.end(), [&](socket_id other) {
        const socket* o = find(other);
        if (o == nullptr || o == &s || !overlap(o->local.address, o->v6_only, local.address, s.v6_only)) return false;
        return !((s.reuse_address && o->reuse_address) || (s.reuse_port && o->reuse_port));
    });
}

/// Port 0: RFC 6056 §3.3.1, the first free port from a random start.
error_code udp_sockets::claim(socket_id id, socket& s, const endpoint& local)
{
    endpoint chosen = local;
    const port_range range = narrowed(s.local_ports);
    const std::uint32_t start = local.port == 0 ? random_.uniform(range.size()) : 0;
    for (unsigned i = 0; local.port == 0 && i < range.size() && (chosen.port == 0 || ports_.contains(chosen.port)); ++i)
        chosen.port = static_cast<std::uint16_t>(range.first + (start + i) % range.size());
    if (!port_is_free(s, chosen) || (local.port == 0 && ports_.contains(chosen.port))) return errno_code(EADDRINUSE);
    s.local = chosen;
    s.bound = true;
    ports_[chosen.port].push_back(id);
    return {};
}

void udp_sockets::release(socket_id id, const socket& s)
{
    if (!s.bound) return;
    if (s.of_flow) {
        const auto at = flows_.find(flow_key(s.remote, s.local, ip_protocol::udp));
        if (at != flows_.end() && at->second == id) flows_.erase(at);
        return;
    }
    const auto use = ports_.find(s.local.port);
    std::erase(use->second, id);
    if (use->second.empty()) ports_.erase(use);
}

// -- options --------------------------------------------------------------------------------------------------------

error_code udp_sockets::set_option(socket_id id, socket_option option, int value, time_point now)
{
    socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    switch (option) {
    case socket_option::segment_size:
        if (value < 0 || value > 0xffff) return errno_code(EINVAL);
        s->segment_size = static_cast<std::uint16_t>(value);
        return {};
    case socket_option::datagram_cork:
        s->cork = value != 0;
        if (!s->cork && s->unfinished) (void)send_unfinished(id, *s, now); // as Linux: an error is not reported here
        return {};
    default: return datagram_sockets::set_option(id, option, value, now);
    }
}

result<int> udp_sockets::get_option(socket_id id, socket_option option) const
{
    const socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    switch (option) {
    case socket_option::segment_size: return s->segment_size;
    case socket_option::datagram_cork: return s->cork ? 1 : 0;
    default: return datagram_sockets::get_option(id, option);
    }
}

// -- sending --------------------------------------------------------------------------------------------------------

result<std::size_t> udp_sockets::send_datagram(socket_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                               time_point now, const send_hints& hints)
{
    const auto to = receiver_of(s, destination);
    if (!to) return to.error();
    if (to->port == 0) return errno_code(EINVAL);
    const auto way = find_path(s, *to, destination != nullptr, hints);
    if (!way) return way.error();
    ip::route_entry& route = *way->route;
    const std::size_t size = size_of(from);
    const bool v4 = to->address.is_v4();
    const std::size_t ip_header = sizes_of(family_of(to->address)).ip_header, udp_header = sizeof(wire::udp_header);
    const std::size_t each = s.segment_size != 0 ? s.segment_size : size;
    const bool whole = s.segment_size != 0 || way->header.fragments == ip::fragmenting::never;
    // IPv6's payload length does not count its header.
    const bool too_long = size + udp_header + (v4 ? ip_header : 0) > 0xffff;
    if (too_long || (whole && each + ip_header + udp_header > way->header.mtu)) return errno_code(EMSGSIZE);
    if (size > each * most_segments) return errno_code(EINVAL);
    if (!s.bound) {
        if (const auto failed = claim(id, s, {s.local.address, 0})) return failed;
    }
    packet payload = gather(from, size);
    const flow_key flow({way->source, s.local.port}, *to, ip_protocol::udp);
    const std::size_t segment = size > each ? each : 0; // else a single datagram
    if (const auto failed = emit(std::move(payload), route, flow, way->header, segment, now)) return failed;
    return size;
}

/// @param segment octets; the payload is split into datagrams of this size, by the device or before it; 0: it is one datagram
error_code udp_sockets::emit(packet&& payload, ip::route_entry& route, const flow_key& flow, const ip::send_info& header,
                             std::size_t segment, time_point now)
{
    const std::size_t size = payload.size();
    wire::push_udp(payload, flow.source_port(), flow.destination_port(), flow.source_address(), flow.destination_address(),
                   route.offload.checksum || segment != 0);
    counters_.out_datagrams += segment == 0 ? 1 : (size + segment - 1) / segment;
    if (segment != 0) {
        payload.offload.gso = offload_info::gso_type::udp;
        payload.offload.gso_size = static_cast<std::uint16_t>(segment);
        payload.offload.header_length = sizeof(wire::udp_header);
    }
    return net_.send(std::move(payload), route, flow, header, now);
}

} // namespace tapio::core
