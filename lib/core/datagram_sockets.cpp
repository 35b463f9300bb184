#include "core/datagram_sockets.hpp"

#include "core/socket_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tapio::core {

namespace {

constexpr std::size_t longest_datagram = 65527; // octets of payload (IPv6); sending checks the destination's family

} // namespace

datagram_sockets::datagram_sockets(ip_protocol number, socket_type type, network& net, event_queue& events,
                                   const host_options& options)
    : socket_protocol(number, type), net_(net), events_(events), options_(options)
{
}

result<socket_id> datagram_sockets::open_socket(family f)
{
    const socket_id id = sockets_.insert();
    socket& s = *find(id);
    s.family = f;
    s.local.address = unspecified(f);
    s.ttl = options_.ttl;
    s.receive_buffer = s.send_buffer = static_cast<int>(options_.udp_receive_buffer);
    s.queue.set_capacity(options_.udp_receive_buffer);
    return id;
}

void datagram_sockets::set_owner(socket_id id, event_sink* owner)
{
    if (socket* s = find(id)) {
        s->event.set_owner(owner);
        if (owner != nullptr && (!s->queue.empty() || s->error)) events_.push(s->event, poll(id));
    }
}

void datagram_sockets::close(socket_id id, time_point)
{
    socket* s = find(id);
    if (s == nullptr) return;
    for (const membership& m : s->groups) net_.leave_group(m.interface, m.group, m.who);
    release(id, *s);
    sockets_.erase(id);
}

error_code datagram_sockets::bind(socket_id id, const endpoint& local)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const auto own = own_for(s->family, s->v6_only, s->device, net_.interfaces().size(), local.address);
    if (!own) return own.error();
    const bool ours = own->is_unspecified() || net_.addresses().may_be_source(*own) || net_.addresses().is_broadcast(*own) ||
                      own->is_multicast();
    if (!ours) return errno_code(EADDRNOTAVAIL);
    return claim(id, *s, {*own, local.port});
}

error_code datagram_sockets::connect(socket_id id, const endpoint& peer, time_point)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    const auto zoned = peer_for(s->family, s->v6_only, s->local.address, s->device, peer.address);
    if (!zoned) return zoned.error();
    const endpoint to{*zoned, peer.port};
    if (net_.addresses().is_broadcast(to.address) && !s->broadcast) return errno_code(EACCES);
    if (s->do_not_route && !net_.routes().is_direct(to.address, s->device)) return errno_code(ENETUNREACH);
    const bool named = s->bound && !s->local.address.is_unspecified();
    const auto source = named ? std::optional(s->local.address) : std::nullopt;
    const auto found = net_.routes().find(to.address, source, way_out(*s, to.address), s->preferences.rules());
    if (!found) return found.error();
    if (!s->bound) {
        if (const auto failed = claim(id, *s, {s->local.address, 0})) return failed;
    }
    s->local.address = found->source;
    s->remote = to;
    s->connected = true;
    return {};
}

error_code datagram_sockets::disconnect(socket_id id)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    s->connected = false;
    s->remote = {};
    return {};
}

error_code datagram_sockets::shutdown(socket_id id, shutdown_type how, time_point)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    s->receive_shut = s->receive_shut || how != shutdown_type::send;
    s->send_shut = s->send_shut || how != shutdown_type::receive;
    events_.push(s->event, readiness::readable | readiness::writable);
    return s->connected ? error_code() : errno_code(ENOTCONN); // as Linux: the call fails, but takes effect
}

// -- sending --------------------------------------------------------------------------------------------------------

result<std::size_t> datagram_sockets::send(socket_id id, const_buffer_list from, const endpoint* destination, time_point now,
                                           const send_hints& hints)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error) return std::exchange(s->error, {});
    if (destination == nullptr && !s->connected) return errno_code(EDESTADDRREQ);
    if (s->send_shut) return errno_code(EPIPE);
    if (s->unfinished || s->cork || hints.more) return add_to_unfinished(id, *s, from, destination, now, hints);
    return send_datagram(id, *s, from, destination, now, hints);
}

/// MSG_MORE and UDP_CORK (udp(7)). Data that becomes too long for a datagram is discarded, all of it.
result<std::size_t> datagram_sockets::add_to_unfinished(socket_id id, socket& s, const_buffer_list from,
                                                        const endpoint* destination, time_point now, const send_hints& hints)
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

error_code datagram_sockets::send_unfinished(socket_id id, socket& s, time_point now)
{
    const auto whole = std::move(s.unfinished);
    const std::array<const_bytes, 1> all{const_bytes(whole->octets)};
    const auto sent = send_datagram(id, s, all, whole->destination ? &*whole->destination : nullptr, now, whole->hints);
    return sent ? error_code() : sent.error();
}

/// The destination given, or the connected peer. The socket may have been disconnected since send() began an unfinished datagram.
result<endpoint> datagram_sockets::receiver_of(const socket& s, const endpoint* destination) const
{
    if (destination == nullptr && !s.connected) return errno_code(EDESTADDRREQ);
    const endpoint& to = destination != nullptr ? *destination : s.remote;
    const auto zoned = peer_for(s.family, s.v6_only, s.local.address, s.device, to.address);
    if (!zoned) return zoned.error();
    return endpoint{*zoned, to.port};
}

/// The outgoing interface that the socket's options select, if any.
std::optional<interface_id> datagram_sockets::way_out(const socket& s, const address& destination) const noexcept
{
    return !s.device && destination.is_multicast() ? s.multicast_interface : s.device;
}

result<datagram_sockets::path> datagram_sockets::find_path(const socket& s, const endpoint& to, bool named,
                                                           const send_hints& hints) const
{
    if (named && net_.addresses().is_broadcast(to.address) && !s.broadcast) return errno_code(EACCES);
    const bool has_source =
        !s.local.address.is_unspecified() && !s.local.address.is_multicast() && !net_.addresses().is_broadcast(s.local.address);
    const packet_info info = hints.info.value_or(packet_info());
    const auto source = info.source ? info.source : has_source ? std::optional(s.local.address) : std::nullopt;
    const bool nameless = info.source && info.source->is_unspecified(); // which ip::routing allows to 255.255.255.255 only
    if (info.source && !nameless && !net_.addresses().may_be_source(*info.source)) return errno_code(EINVAL);
    const auto via = info.via ? info.via : way_out(s, to.address);
    if (via && *via >= net_.interfaces().size()) return errno_code(ENODEV);
    if ((s.do_not_route || hints.do_not_route) && !net_.routes().is_direct(to.address, via)) return errno_code(ENETUNREACH);
    auto found = net_.routes().find(to.address, source, via, s.preferences.rules());
    if (!found) return found.error();
    const bool group = to.address.is_multicast();
    const std::size_t mtu = mtu_of(s, *found->route, to.address);
    return path{std::move(found->route),
                found->source,
                {group ? s.multicast_hops : s.ttl, s.tos, s.fragments(), group && s.multicast_loopback, group || s.own_ttl, mtu}};
}

/// As Linux: what routers say of the path does not bind a socket with IP_PMTUDISC_PROBE, INTERFACE or OMIT.
std::size_t datagram_sockets::mtu_of(const socket& s, const ip::route_entry& r, const address& to) const noexcept
{
    constexpr std::uint8_t probe = 3;
    const std::size_t mtu = s.mtu_discover < probe ? net_.path_mtu(r, to) : r.mtu;
    const bool limited = to.is_v6() && s.longest_packet != 0;
    return limited ? std::min(mtu, static_cast<std::size_t>(s.longest_packet)) : mtu;
}

std::size_t datagram_sockets::size_of(const_buffer_list from) noexcept
{
    std::size_t size = 0;
    for (const const_bytes b : from) size += b.size();
    return size;
}

packet datagram_sockets::gather(const_buffer_list from, std::size_t size)
{
    packet payload;
    if (size == 0) return payload;
    const block memory(size);
    std::size_t at = 0;
    for (const const_bytes b : from) std::copy(b.begin(), b.end(), memory.data() + std::exchange(at, at + b.size()));
    payload.append(memory.share(0, size));
    return payload;
}

// -- receiving ------------------------------------------------------------------------------------------------------

/// Applies SO_BINDTODEVICE, the source filter of the group (RFC 3376 §3.2), and without a membership IP_MULTICAST_ALL.
bool datagram_sockets::socket::hears(const address& destination, const address& source, interface_id interface) const noexcept
{
    if (device && *device != interface) return false;
    if (!destination.is_multicast()) return true;
    const address group = without_zone(destination);
    for (const membership& m : groups)
        if (m.interface == interface && m.group == group) return m.filter.accepts(without_zone(source));
    return multicast_all;
}

/// The values of IP_MTU_DISCOVER: 0 DONT, 1 WANT, 2 DO, 3 PROBE, 4 INTERFACE, 5 OMIT.
ip::fragmenting datagram_sockets::socket::fragments() const noexcept
{
    switch (mtu_discover) {
    case 0:
    case 5: return ip::fragmenting::allowed;
    case 1: return ip::fragmenting::if_needed;
    default: return ip::fragmenting::never;
    }
}

/// As Linux: a packet that was refused counts as one of the socket's drops.
bool datagram_sockets::passes_filter(socket& s, packet& p, std::size_t least)
{
    if (!s.filter) return true;
    p.pull(p.size());
    const std::size_t keep = s.filter->admit(p.front());
    if (keep == 0) return ++s.drops, false;
    if (const std::size_t size = std::max(keep, least); size < p.size()) p.truncate(size);
    return true;
}

error_code datagram_sockets::attach_filter(socket_id id, std::unique_ptr<const packet_filter> filter)
{
    socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!filter && !s->filter) return errno_code(ENOENT);
    s->filter = std::move(filter);
    return {};
}

result<std::uint32_t> datagram_sockets::drops(socket_id id) const
{
    const socket* const s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return s->drops;
}

bool datagram_sockets::push(socket& s, udp::datagram&& d)
{
    if (!s.queue.push(std::move(d))) return ++s.drops, false;
    events_.push(s.event, readiness::readable);
    return true;
}

void datagram_sockets::raise(socket& s, const error_code& why)
{
    s.error = why;
    events_.push(s.event, readiness::readable | readiness::writable | readiness::error);
}

bool datagram_sockets::deliver(socket& s, const endpoint& sender, packet payload, const ip::rx_packet& p, time_point now)
{
    if (push(s, {sender, std::move(payload), {p.interface, p.flow.destination_address(), p.ttl, p.tos, now}})) return true;
    net_.dropped(p, drop_reason::udp_queue_full, now);
    return false;
}

void datagram_sockets::heed_mtu(const socket& s, const ip::icmp_error_report& r, time_point now)
{
    const bool accepts = s.mtu_discover != 0 && s.mtu_discover < 3; // not DONT, PROBE, INTERFACE, OMIT
    if (r.mtu != 0 && accepts) net_.learn_path_mtu(r.flow.destination_address(), r.mtu, now);
}

/// RFC 1122 §4.1.3.3. As on Linux, a connected socket reports the error once, by its next call; a socket with IP_RECVERR reports
/// every error.
void datagram_sockets::fail(socket& s, const ip::icmp_error_report& r, std::size_t headers)
{
    if (s.receive_errors) {
        if (s.error_queue.size() >= most_error_messages) return;
        error_message m{r.flow.destination(), r.why, r.offender, r.type, r.code, r.mtu, r.quote};
        m.payload.consume(std::min(m.payload.size(), headers));
        s.error_queue.push_back(std::move(m));
    } else {
        const bool told = r.hard || r.why == errno_code(EHOSTUNREACH) || (r.why == errno_code(EMSGSIZE) && s.mtu_discover != 0);
        if (!s.connected || !told) return;
    }
    raise(s, r.why);
}

result<std::size_t> datagram_sockets::receive(socket_id id, mutable_buffer_list into, receive_flags flags,
                                              received_message* about, time_point)
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

bool datagram_sockets::is_receive_shut(socket_id id) const
{
    const socket* s = find(id);
    return s != nullptr && s->receive_shut;
}

readiness datagram_sockets::poll(socket_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return readiness::error;
    auto ready = readiness::writable; // a datagram never waits: it is sent or dropped
    if (!s->queue.empty() || s->error || s->receive_shut) ready |= readiness::readable;
    if (s->error || !s->error_queue.empty()) ready |= readiness::error;
    return ready;
}

error_code datagram_sockets::take_error(socket_id id)
{
    socket* s = find(id);
    return s == nullptr ? errno_code(EBADF) : std::exchange(s->error, {});
}

/// As Linux: the next error in the queue becomes the socket's pending error.
result<error_message> datagram_sockets::take_error_message(socket_id id)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error_queue.empty()) return errno_code(EAGAIN);
    error_message m = std::move(s->error_queue.front());
    s->error_queue.pop_front();
    s->error = s->error_queue.empty() ? error_code() : s->error_queue.front().why;
    return m;
}

result<endpoint> datagram_sockets::local_endpoint(socket_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return s->local;
}

result<endpoint> datagram_sockets::remote_endpoint(socket_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connected || s->remote.port == 0) return errno_code(ENOTCONN); // as Linux: port 0 means not connected
    return s->remote;
}

result<std::size_t> datagram_sockets::available(socket_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return s->queue.empty() ? std::size_t{0} : s->queue.front().payload.size();
}

} // namespace tapio::core
