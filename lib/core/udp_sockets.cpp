#include "core/udp_sockets.hpp"

#include "core/local_ports.hpp"
#include "wire/transport_checksum.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tapio::core {

namespace {

constexpr std::size_t longest_datagram = 65507; // octets of payload
constexpr std::size_t most_segments = 128;      ///< of what is sent at once; Linux's UDP_MAX_SEGMENTS

} // namespace

udp_sockets::udp_sockets(network& net, random_source& random, event_queue& events, const host_options& options,
                         udp_counters& counters)
    : socket_protocol(ip_protocol::udp, socket_type::datagram),
      net_(net),
      random_(random),
      events_(events),
      options_(options),
      counters_(counters),
      spread_key_(random.make_key())
{
}

result<socket_id> udp_sockets::open(family f, int protocol)
{
    if (f != family::v4) return errno_code(EAFNOSUPPORT);
    const udp_id id = sockets_.insert();
    socket& s = *find(id);
    s.local.address = address_v4::any();
    s.ttl = options_.ttl;
    s.receive_buffer = s.send_buffer = static_cast<int>(options_.udp_receive_buffer);
    s.queue.set_capacity(options_.udp_receive_buffer);
    const auto raw_protocol = static_cast<std::uint8_t>(protocol);
    s.raw_protocol = raw_protocol;
    s.local.port = raw_protocol;         // as Linux says
    s.reuse_address = raw_protocol != 0; // as Linux says
    if (raw_protocol != 0) raw_.push_back(id);
    return id;
}

void udp_sockets::set_owner(udp_id id, event_sink* owner)
{
    if (socket* s = find(id)) {
        s->event.set_owner(owner);
        if (owner != nullptr && (!s->queue.empty() || s->error)) events_.push(s->event, poll(id));
    }
}

bool udp_sockets::port_is_free(const socket& s, const endpoint& local) const
{
    const auto use = ports_.find(local.port);
    if (use == ports_.end()) return true;
    return std::none_of(use->second.begin(), use->second.end(), [&](udp_id other) {
        const socket* o = find(other);
        if (o == nullptr || o == &s || !overlap(o->local.address, local.address)) return false;
        return !((s.reuse_address && o->reuse_address) || (s.reuse_port && o->reuse_port));
    });
}

/// RFC 6056 §3.3.1 for port 0: a random start, then upwards.
error_code udp_sockets::claim(udp_id id, socket& s, const endpoint& local)
{
    endpoint chosen = local;
    if (s.raw_protocol != 0) { // raw sockets have no ports
        s.local.address = local.address;
        s.bound = true;
        return {};
    }
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

error_code udp_sockets::bind(udp_id id, const endpoint& local)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->bound && s->raw_protocol == 0) return errno_code(EINVAL); // a raw socket binds again, as on Linux
    if (!local.address.is_v4()) return errno_code(EAFNOSUPPORT);
    const bool ours = local.address.is_unspecified() || net_.is_our_address(local.address) || net_.is_broadcast(local.address) ||
                      local.address.is_multicast();
    if (!ours) return errno_code(EADDRNOTAVAIL);
    return claim(id, *s, local);
}

error_code udp_sockets::connect(udp_id id, const endpoint& peer, time_point)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!peer.address.is_v4()) return errno_code(EAFNOSUPPORT);
    endpoint to = peer;
    if (to.address.is_unspecified()) to.address = address_v4::loopback();
    if (net_.is_broadcast(to.address) && !s->broadcast) return errno_code(EACCES);
    if (s->do_not_route && !net_.is_direct(to.address, s->device)) return errno_code(ENETUNREACH);
    const bool named = s->bound && !s->local.address.is_unspecified();
    const auto source = named ? std::optional(s->local.address) : std::nullopt;
    const auto found = net_.find_route(to.address, source, way_out(*s, to.address));
    if (!found) return found.error();
    if (!s->bound) {
        if (const auto failed = claim(id, *s, {s->local.address, 0})) return failed;
    }
    s->local.address = found->source;
    s->remote = to;
    s->connected = true;
    return {};
}

error_code udp_sockets::disconnect(udp_id id)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    s->connected = false;
    s->remote = {};
    return {};
}

/// The interface that the user has directed it to.
std::optional<interface_id> udp_sockets::way_out(const socket& s, const address& destination) const noexcept
{
    return !s.device && destination.is_multicast() ? s.multicast_interface : s.device;
}

result<std::size_t> udp_sockets::send(udp_id id, const_buffer_list from, const endpoint* destination, time_point now,
                                      const send_hints& hints)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error) return std::exchange(s->error, {});
    if (destination == nullptr && !s->connected) return errno_code(EDESTADDRREQ);
    if (s->send_shut && s->raw_protocol == 0) return errno_code(EPIPE); // Linux lets raw sockets go on
    if (s->unfinished || s->cork || hints.more) return gather(id, *s, from, destination, now, hints);
    return send_whole(id, *s, from, destination, now, hints);
}

/// MSG_MORE and UDP_CORK (udp(7)). What is too long for a datagram is given up with the piece that makes it so.
result<std::size_t> udp_sockets::gather(udp_id id, socket& s, const_buffer_list from, const endpoint* destination, time_point now,
                                        const send_hints& hints)
{
    if (!s.unfinished) {
        const auto to = destination != nullptr ? std::optional(*destination) : std::nullopt;
        s.unfinished = std::make_unique<unfinished_datagram>(unfinished_datagram{to, hints, {}});
    }
    std::vector<std::byte>& octets = s.unfinished->octets;
    const std::size_t before = octets.size();
    for (const const_bytes b : from) octets.insert(octets.end(), b.begin(), b.end());
    const std::size_t added = octets.size() - before;
    if (octets.size() > longest_datagram) return s.unfinished.reset(), errno_code(EMSGSIZE);
    if (s.cork || hints.more) return added;
    if (const auto failed = send_unfinished(id, s, now)) return failed;
    return added;
}

error_code udp_sockets::send_unfinished(udp_id id, socket& s, time_point now)
{
    const auto whole = std::move(s.unfinished);
    const std::array<const_bytes, 1> all{const_bytes(whole->octets)};
    const auto sent = send_whole(id, s, all, whole->destination ? &*whole->destination : nullptr, now, whole->hints);
    return sent ? error_code() : sent.error();
}

result<std::size_t> udp_sockets::send_whole(udp_id id, socket& s, const_buffer_list from, const endpoint* destination,
                                            time_point now, const send_hints& hints)
{
    if (destination == nullptr && !s.connected) return errno_code(EDESTADDRREQ); // no longer, perhaps
    endpoint to = destination != nullptr ? *destination : s.remote;
    if (!to.address.is_v4()) return errno_code(EAFNOSUPPORT);
    if (to.port == 0 && s.raw_protocol == 0) return errno_code(EINVAL);
    if (to.address.is_unspecified()) to.address = address_v4::loopback();
    if (destination != nullptr && net_.is_broadcast(to.address) && !s.broadcast) return errno_code(EACCES);
    std::size_t size = 0;
    for (const const_bytes b : from) size += b.size();
    const bool named =
        !s.local.address.is_unspecified() && !s.local.address.is_multicast() && !net_.is_broadcast(s.local.address);
    const packet_info info = hints.info.value_or(packet_info());
    const auto source = info.source ? info.source : named ? std::optional(s.local.address) : std::nullopt;
    if (info.source && !net_.is_our_address(*info.source)) return errno_code(EINVAL);
    const auto via = info.via ? info.via : way_out(s, to.address);
    if (via && *via >= net_.interface_count()) return errno_code(ENODEV);
    if ((s.do_not_route || hints.do_not_route) && !net_.is_direct(to.address, via)) return errno_code(ENETUNREACH);
    const auto found = net_.find_route(to.address, source, via);
    if (!found) return found.error();
    ip::route_entry& route = *found->route;
    const std::size_t headers = sizeof(wire::ipv4_header) + (s.raw_protocol == 0 ? sizeof(wire::udp_header) : 0);
    const std::size_t each = s.segment_size != 0 ? s.segment_size : size;
    if (each + headers > route.mtu || size + headers > 0xffff) return errno_code(EMSGSIZE);
    if (size > each * most_segments) return errno_code(EINVAL);
    if (!s.bound) {
        if (const auto failed = claim(id, s, {s.local.address, 0})) return failed;
    }
    packet payload;
    if (size > 0) {
        const block memory(size);
        std::size_t at = 0;
        for (const const_bytes b : from) std::copy(b.begin(), b.end(), memory.data() + std::exchange(at, at + b.size()));
        payload.append(memory.share(0, size));
    }
    const auto protocol = s.raw_protocol == 0 ? wire::ip_protocol::udp : static_cast<wire::ip_protocol>(s.raw_protocol);
    const bool group = to.address.is_multicast();
    const flow_key flow({found->source, s.local.port}, to, protocol);
    const network::send_info header{group ? s.multicast_hops : s.ttl, s.tos, s.mtu_discover != 0, group && s.multicast_loopback};
    const bool cut_here = size > each && !route.offload.uso;
    for (; cut_here && payload.size() > each; payload.consume(each)) {
        packet one = payload;
        one.truncate(each);
        if (const auto failed = emit(s, std::move(one), route, flow, header, 0, now)) return failed;
    }
    const std::size_t segment = payload.size() > each ? each : 0; // the device cuts it
    if (const auto failed = emit(s, std::move(payload), route, flow, header, segment, now)) return failed;
    return size;
}

/// @param segment octets; the device also cuts the payload into so many; 0: it does not
error_code udp_sockets::emit(const socket& s, packet&& payload, ip::route_entry& route, const flow_key& flow,
                             const network::send_info& info, std::size_t segment, time_point now)
{
    const std::size_t size = payload.size();
    if (s.raw_protocol == 0) {
        wire::push_udp(payload, flow.source_port(), flow.destination_port(), flow.source_address(), flow.destination_address(),
                       route.offload.checksum || segment != 0);
        counters_.out_datagrams += segment == 0 ? 1 : (size + segment - 1) / segment;
    }
    if (segment != 0) {
        payload.offload.gso = offload_info::gso_type::udp;
        payload.offload.gso_size = static_cast<std::uint16_t>(segment);
        payload.offload.header_length = sizeof(wire::udp_header);
    }
    return net_.send(std::move(payload), route, flow, info, now);
}

result<std::size_t> udp_sockets::receive(udp_id id, mutable_buffer_list into, receive_flags flags, received_message* about,
                                         time_point)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error) return std::exchange(s->error, {});
    if (s->queue.empty()) return errno_code(EAGAIN);
    const udp::datagram& d = s->queue.front();
    const udp::datagram_info& i = d.info;
    if (about != nullptr) *about = {d.sender, d.payload.size(), i.interface, i.destination, i.ttl, i.tos, i.received};
    std::size_t size = 0;
    for (const mutable_bytes b : into) size += d.payload.copy_to(b, size);
    if (!flags.peek) s->queue.pop();
    return size;
}

error_code udp_sockets::shutdown(udp_id id, shutdown_type how, time_point)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    s->receive_shut = s->receive_shut || how != shutdown_type::send;
    s->send_shut = s->send_shut || how != shutdown_type::receive;
    events_.push(s->event, readiness::readable | readiness::writable);
    return s->connected ? error_code() : errno_code(ENOTCONN); // as Linux: that fails, and is done
}

bool udp_sockets::is_receive_shut(udp_id id) const
{
    const socket* s = find(id);
    return s != nullptr && s->receive_shut;
}

void udp_sockets::close(udp_id id, time_point)
{
    socket* s = find(id);
    if (s == nullptr) return;
    std::erase(raw_, id);
    for (const membership& m : s->groups) net_.leave_group(m.interface, m.group);
    if (s->bound && s->raw_protocol == 0) {
        const auto use = ports_.find(s->local.port);
        std::erase(use->second, id);
        if (use->second.empty()) ports_.erase(use);
    }
    sockets_.erase(id);
}

readiness udp_sockets::poll(udp_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return readiness::error;
    auto ready = readiness::writable; // a datagram is sent or dropped, never waits
    if (!s->queue.empty() || s->error || s->receive_shut) ready |= readiness::readable;
    if (s->error || !s->error_queue.empty()) ready |= readiness::error;
    return ready;
}

error_code udp_sockets::take_error(udp_id id)
{
    socket* s = find(id);
    return s == nullptr ? errno_code(EBADF) : std::exchange(s->error, {});
}

/// As Linux: what is left in the queue is the socket's error again.
result<error_message> udp_sockets::take_error_message(udp_id id)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error_queue.empty()) return errno_code(EAGAIN);
    error_message m = std::move(s->error_queue.front());
    s->error_queue.pop_front();
    s->error = s->error_queue.empty() ? error_code() : s->error_queue.front().why;
    return m;
}

result<endpoint> udp_sockets::local_endpoint(udp_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return s->local;
}

result<endpoint> udp_sockets::remote_endpoint(udp_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connected || s->remote.port == 0) return errno_code(ENOTCONN); // as Linux, where port 0 is no name
    return s->remote;
}

result<std::size_t> udp_sockets::available(udp_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return s->queue.empty() ? std::size_t{0} : s->queue.front().payload.size();
}

} // namespace tapio::core
