#include "core/udp_sockets.hpp"

#include "wire/transport_checksum.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tapio::core {

namespace {

constexpr std::uint16_t first_ephemeral = 32768;
constexpr std::uint16_t last_ephemeral = 60999;
constexpr std::uint8_t protocol_number = static_cast<std::uint8_t>(wire::ip_protocol::udp);

bool overlap(const address& a, const address& b) { return a == b || a.is_unspecified() || b.is_unspecified(); }

} // namespace

udp_sockets::udp_sockets(network& net, random_source& random, event_queue& events, const host_options& options,
                         udp_counters& counters)
    : net_(net), random_(random), events_(events), options_(options), counters_(counters), spread_key_(random.make_key())
{
}

result<udp_id> udp_sockets::open(family f, std::uint8_t raw_protocol)
{
    if (f != family::v4) return errno_code(EAFNOSUPPORT);
    const udp_id id = sockets_.insert();
    socket& s = *find(id);
    s.local.address = address_v4::any();
    s.ttl = options_.ttl;
    s.receive_buffer = static_cast<int>(options_.udp_receive_buffer);
    s.queue.set_capacity(options_.udp_receive_buffer);
    s.raw_protocol = raw_protocol;
    s.local.port = raw_protocol; // as Linux says
    if (raw_protocol != 0) raw_.push_back(id);
    return id;
}

void udp_sockets::set_owner(udp_id id, void* owner)
{
    if (socket* s = find(id)) {
        s->event.owner = owner;
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
    constexpr unsigned range = last_ephemeral - first_ephemeral + 1U;
    const std::uint32_t start = local.port == 0 ? random_.uniform(range) : 0;
    for (unsigned i = 0; local.port == 0 && i < range && (chosen.port == 0 || ports_.contains(chosen.port)); ++i)
        chosen.port = static_cast<std::uint16_t>(first_ephemeral + (start + i) % range);
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
    if (s->bound) return errno_code(EINVAL);
    if (!local.address.is_v4()) return errno_code(EAFNOSUPPORT);
    const bool ours = local.address.is_unspecified() || net_.is_our_address(local.address) || net_.is_broadcast(local.address) ||
                      local.address.is_multicast();
    if (!ours) return errno_code(EADDRNOTAVAIL);
    return claim(id, *s, local);
}

error_code udp_sockets::connect(udp_id id, const endpoint& peer)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!peer.address.is_v4()) return errno_code(EAFNOSUPPORT);
    endpoint to = peer;
    if (to.address.is_unspecified()) to.address = address_v4::loopback();
    if (net_.is_broadcast(to.address) && !s->broadcast) return errno_code(EACCES);
    const bool named = s->bound && !s->local.address.is_unspecified();
    const auto path = net_.path_to(to.address, named ? std::optional(s->local.address) : std::nullopt);
    if (!path) return path.error();
    if (!s->bound) {
        if (const auto failed = claim(id, *s, {s->local.address, 0})) return failed;
    }
    s->local.address = path->source;
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

result<std::size_t> udp_sockets::send(udp_id id, const_buffer_list from, const endpoint* destination, time_point now)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error) return std::exchange(s->error, {});
    if (s->send_shut) return errno_code(EPIPE);
    if (destination == nullptr && !s->connected) return errno_code(EDESTADDRREQ);
    endpoint to = destination != nullptr ? *destination : s->remote;
    if (!to.address.is_v4()) return errno_code(EAFNOSUPPORT);
    if (to.port == 0 && s->raw_protocol == 0) return errno_code(EINVAL);
    if (to.address.is_unspecified()) to.address = address_v4::loopback();
    if (net_.is_broadcast(to.address) && !s->broadcast) return errno_code(EACCES);
    std::size_t size = 0;
    for (const const_bytes b : from) size += b.size();
    const bool named =
        !s->local.address.is_unspecified() && !s->local.address.is_multicast() && !net_.is_broadcast(s->local.address);
    const auto path = net_.path_to(to.address, named ? std::optional(s->local.address) : std::nullopt);
    if (!path) return path.error();
    const std::size_t headers = sizeof(wire::ipv4_header) + (s->raw_protocol == 0 ? sizeof(wire::udp_header) : 0);
    if (size + headers > path->mtu) return errno_code(EMSGSIZE);
    if (!s->bound) {
        if (const auto failed = claim(id, *s, {s->local.address, 0})) return failed;
    }
    packet p;
    if (size > 0) {
        const block memory(size);
        std::size_t at = 0;
        for (const const_bytes b : from) std::copy(b.begin(), b.end(), memory.data() + std::exchange(at, at + b.size()));
        p.append(memory.share(0, size));
    }
    auto protocol = static_cast<wire::ip_protocol>(s->raw_protocol);
    if (s->raw_protocol == 0) {
        protocol = wire::ip_protocol::udp;
        wire::push_udp(p, s->local.port, to.port, path->source, to.address, path->offload.checksum);
        ++counters_.out_datagrams;
    }
    const network::send_info info{path->source, to.address,      protocol, to.address.is_multicast() ? s->multicast_hops : s->ttl,
                                  s->tos,       s->dont_fragment};
    if (const auto failed = net_.send(std::move(p), info, now)) return failed;
    return size;
}

result<udp_sockets::received> udp_sockets::receive(udp_id id, mutable_buffer_list into, bool peek)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->error) return std::exchange(s->error, {});
    if (s->queue.empty()) {
        if (s->receive_shut) return received{};
        return errno_code(EAGAIN);
    }
    const udp::datagram& d = s->queue.front();
    received out{0, d.payload.size(), d.sender};
    for (const mutable_bytes b : into) out.size += d.payload.copy_to(b, out.size);
    if (!peek) s->queue.pop();
    return out;
}

error_code udp_sockets::shutdown(udp_id id, shutdown_type how)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->connected) return errno_code(ENOTCONN);
    s->receive_shut = s->receive_shut || how != shutdown_type::send;
    s->send_shut = s->send_shut || how != shutdown_type::receive;
    events_.push(s->event, readiness::readable | readiness::writable);
    return {};
}

void udp_sockets::close(udp_id id)
{
    socket* s = find(id);
    if (s == nullptr) return;
    events_.cancel(s->event);
    std::erase(raw_, id);
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
    if (s->error) ready |= readiness::error;
    return ready;
}

error_code udp_sockets::take_error(udp_id id)
{
    socket* s = find(id);
    return s == nullptr ? errno_code(EBADF) : std::exchange(s->error, {});
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
    if (!s->connected) return errno_code(ENOTCONN);
    return s->remote;
}

result<std::size_t> udp_sockets::available(udp_id id) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    return s->queue.empty() ? std::size_t{0} : s->queue.front().payload.size();
}

error_code udp_sockets::set_option(udp_id id, socket_option option, int value)
{
    socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    switch (option) {
    case socket_option::reuse_address: s->reuse_address = value != 0; return {};
    case socket_option::reuse_port: s->reuse_port = value != 0; return {};
    case socket_option::broadcast: s->broadcast = value != 0; return {};
    case socket_option::receive_buffer_size:
        s->receive_buffer = std::clamp(value, 2304, 64 * 1024 * 1024);
        s->queue.set_capacity(static_cast<std::size_t>(s->receive_buffer));
        return {};
    case socket_option::send_buffer_size:
    case socket_option::keep_alive:
    case socket_option::linger:
    case socket_option::oob_inline: return {};            // settable on Linux, without effect on datagrams
    case socket_option::receive_low_watermark: return {}; // a datagram is whole or not there
    case socket_option::multicast_hops:
        if (value < -1 || value > 255) return errno_code(EINVAL);
        s->multicast_hops = static_cast<std::uint8_t>(value == -1 ? 1 : value);
        return {};
    case socket_option::multicast_loopback: s->multicast_loopback = value != 0; return {};
    case socket_option::ttl:
        if (value == -1) return s->ttl = options_.ttl, error_code();
        if (value < 1 || value > 255) return errno_code(EINVAL);
        s->ttl = static_cast<std::uint8_t>(value);
        return {};
    case socket_option::tos: s->tos = static_cast<std::uint8_t>(value); return {};
    case socket_option::dont_fragment: s->dont_fragment = value != 0; return {};
    default: return errno_code(ENOPROTOOPT);
    }
}

result<int> udp_sockets::get_option(udp_id id, socket_option option) const
{
    const socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    switch (option) {
    case socket_option::reuse_address: return s->reuse_address ? 1 : 0;
    case socket_option::reuse_port: return s->reuse_port ? 1 : 0;
    case socket_option::broadcast: return s->broadcast ? 1 : 0;
    case socket_option::receive_buffer_size:
    case socket_option::send_buffer_size: return s->receive_buffer;
    case socket_option::keep_alive:
    case socket_option::oob_inline: return 0;
    case socket_option::linger: return -1;
    case socket_option::accept_connections: return 0;
    case socket_option::receive_low_watermark: return 1;
    case socket_option::multicast_hops: return s->multicast_hops;
    case socket_option::multicast_loopback: return s->multicast_loopback ? 1 : 0;
    case socket_option::path_mtu: {
        if (!s->connected) return errno_code(ENOTCONN);
        const auto path = net_.path_to(s->remote.address, s->local.address);
        return path ? result<int>(static_cast<int>(path->mtu)) : path.error();
    }
    case socket_option::ttl: return s->ttl;
    case socket_option::tos: return s->tos;
    case socket_option::dont_fragment: return s->dont_fragment ? 1 : 0;
    default: return errno_code(ENOPROTOOPT);
    }
}

// -- in -------------------------------------------------------------------------------------------------------------

/// The best match: connected to the sender, then bound to the address, then to any; of equals the last bound, as Linux, or
/// with SO_REUSEPORT one for each sender. With `everyone` (a group address) all that match.
udp_sockets::socket* udp_sockets::demultiplex(const endpoint& local, const endpoint& remote, std::vector<socket*>* everyone)
{
    const auto use = ports_.find(local.port);
    if (use == ports_.end()) return nullptr;
    int best_score = 0;
    candidates_.clear();
    for (const udp_id id : use->second) {
        socket* const s = find(id);
        if (s == nullptr || (s->connected && s->remote != remote)) continue;
        const bool named = !s->local.address.is_unspecified();
        if (named && s->local.address != local.address) continue;
        if (everyone != nullptr) everyone->push_back(s);
        const int score = 1 + (named ? 1 : 0) + (s->connected ? 2 : 0);
        if (score > std::exchange(best_score, std::max(score, best_score))) candidates_.clear();
        if (score == best_score) candidates_.push_back(s);
    }
    if (candidates_.empty()) return nullptr;
    if (candidates_.size() == 1 || !candidates_.back()->reuse_port) return candidates_.back();
    return candidates_[spread(remote) % candidates_.size()];
}

/// Which of several sockets a sender's datagrams go to: always the same, and nobody can tell beforehand.
std::size_t udp_sockets::spread(const endpoint& remote) const noexcept
{
    std::array<std::byte, 18> octets{};
    if (remote.address.is_v4()) {
        const auto a = remote.address.to_v4().to_bytes();
        std::memcpy(octets.data(), a.data(), a.size());
    } else {
        const auto a = remote.address.to_v6().to_bytes();
        std::memcpy(octets.data(), a.data(), a.size());
    }
    octets[16] = static_cast<std::byte>(remote.port >> 8);
    octets[17] = static_cast<std::byte>(remote.port & 0xff);
    return siphash(spread_key_, octets);
}

void udp_sockets::receive_packet(received_packet&& p, time_point now)
{
    const auto drop = [&](drop_reason why) {
        ++counters_.in_errors;
        net_.dropped(p.interface, why, p.payload, now);
    };
    p.payload.pull(std::min(p.payload.size(), sizeof(wire::udp_header)));
    const auto d = wire::parse_udp(p.payload.front(), p.payload.size());
    if (!d) return drop(d.error());
    const packet whole = p.payload; // for ICMP to quote
    p.payload.truncate(d->length);
    if (d->has_checksum && !wire::verify_checksum(p.payload, p.source, p.destination, protocol_number))
        return drop(drop_reason::udp_bad_checksum);
    const endpoint local{p.destination, d->destination_port};
    const endpoint remote{p.source, d->source_port};
    std::vector<socket*> everyone;
    if (demultiplex(local, remote, p.to_group ? &everyone : nullptr) == nullptr) {
        ++counters_.no_ports;
        net_.dropped(p.interface, drop_reason::udp_no_socket, p.payload, now);
        p.payload = whole;
        return net_.send_unreachable(p, wire::port_unreachable, now); // RFC 1122 §4.1.3.1
    }
    if (everyone.empty()) everyone.push_back(demultiplex(local, remote, nullptr));
    p.payload.consume(sizeof(wire::udp_header));
    for (socket* s : everyone) {
        if (s->receive_shut || !s->queue.push({remote, p.payload})) {
            net_.dropped(p.interface, drop_reason::udp_queue_full, p.payload, now);
            continue;
        }
        ++counters_.in_datagrams;
        events_.push(s->event, readiness::readable);
    }
}

bool udp_sockets::receive_raw(const received_packet& p, wire::ip_protocol protocol, time_point now)
{
    bool taken = false;
    for (const udp_id id : raw_) {
        socket& s = *find(id);
        if (s.raw_protocol != static_cast<std::uint8_t>(protocol) || s.receive_shut) continue;
        if (s.bound && !s.local.address.is_unspecified() && s.local.address != p.destination) continue;
        if (s.connected && s.remote.address != p.source) continue;
        packet whole = p.payload;
        std::copy_n(p.ip_header.begin(), p.ip_header_size, whole.push_front(std::size_t{p.ip_header_size}));
        taken = true;
        if (!s.queue.push({{p.source, 0}, std::move(whole)}))
            net_.dropped(p.interface, drop_reason::udp_queue_full, p.payload, now);
        else
            events_.push(s.event, readiness::readable);
    }
    return taken;
}

/// RFC 1122 §4.1.3.3; as Linux, only to a connected socket, and only once.
void udp_sockets::icmp_error(const icmp_error_report& r, time_point)
{
    socket* const s = demultiplex(r.local, r.remote, nullptr);
    if (s == nullptr || !s->connected || (!r.hard && r.why != errno_code(EHOSTUNREACH))) return;
    s->error = r.why;
    events_.push(s->event, readiness::readable | readiness::writable | readiness::error);
}

} // namespace tapio::core
