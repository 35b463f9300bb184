// TCP sockets: open, bind, connect, listen, accept, close; local ports.
#include "core/tcp_sockets.hpp"

#include "core/local_ports.hpp"
#include "core/socket_names.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tapio::core {

namespace {

/// Such a device accepts and delivers GSO segments of the family.
bool cuts_segments(const offload_features& o, family f) noexcept { return o.tso(f) && o.checksum; }

} // namespace

tcp_sockets::tcp_sockets(network& net, timer_wheel& timers, random_source& random, event_queue& events,
                         const host_options& options, tcp_counters& counters)
    : socket_protocol(ip_protocol::tcp, socket_type::stream),
      net_(net),
      timers_(timers),
      random_(random),
      events_(events),
      defaults_(options.tcp),
      budget_(options.tcp_memory),
      congestion_(random),
      default_congestion_(congestion_.find(options.congestion_control)),
      counters_(counters),
      numbers_key_(random.make_key()),
      port_key_(random.make_key()),
      table_key_(random.make_key()),
      cookies_(random.make_key()),
      fast_open_cookies_(random.make_key()),
      fast_open_without_cookie_(options.fast_open_without_cookie),
      awake_limit_(options.awake_connections),
      waiting_limit_(std::max<std::size_t>(options.time_wait_limit, 1)),
      orphan_limit_(options.orphan_limit),
      orphan_memory_(options.orphan_memory),
      output_(options.send_quantum),
      forwarder_(*this, net, events, table_key_),
      shards_(std::max(options.shards, 1U)),
      shard_(options.shard)
{
    if (default_congestion_ == nullptr) default_congestion_ = congestion_.find("cubic");
}

tcp_sockets::~tcp_sockets() = default;

result<socket_id> tcp_sockets::open(family f, int)
{
    tcp_id id;
    tcp_socket& s = make_socket(id);
    s.family = f;
    s.options = defaults_;
    s.congestion = default_congestion_;
    s.fast_open_without_cookie = fast_open_without_cookie_;
    s.set_local({unspecified(f), 0});
    return id;
}

void tcp_sockets::set_owner(tcp_id id, event_sink* owner)
{
    if (tcp_socket* s = find(id)) {
        s->event.set_owner(owner);
        if (owner != nullptr && s->connection) raise_events(id, *s);
    }
}

// -- ports ----------------------------------------------------------------------------------------------------------

/// As Linux: two sockets may share a port if both set SO_REUSEADDR and neither listens, or both set SO_REUSEPORT, or their
/// addresses do not overlap.
error_code tcp_sockets::may_bind(const tcp_socket& s, const endpoint& local) const // RFC 9293 MUST-42
{
    const auto use = ports_.find(local.port);
    if (use == ports_.end()) return {};
    if (use->second.without_reuse > 0 || (use->second.connections > 0 && !s.reuse_address)) return errno_code(EADDRINUSE);
    for (const tcp_id other : use->second.bound) {
        const tcp_socket* o = find(other);
        if (o == nullptr || o == &s || !overlap(o->local_address(), o->v6_only, local.address, s.v6_only)) continue;
        if (s.reuse_port && o->reuse_port) continue;
        if (!s.reuse_address || !o->reuse_address || o->listening) return errno_code(EADDRINUSE);
    }
    return {};
}

/// Whether a connection in TIME-WAIT gives way to a new one that we open between the same endpoints: after one second in
/// TIME-WAIT, timestamps distinguish old segments from new ones (RFC 6191; Linux's tcp_tw_reuse).
bool tcp_sockets::gives_way(tcp_id waiting, time_point now) const noexcept
{
    if (!time_wait_table::holds(waiting)) return false;
    const time_wait_table::entry& e = waiting_.at(waiting);
    const time_point began = e.end - defaults_.time_wait;
    return e.memory.ts_recent && defaults_.offer_timestamps && now - began > std::chrono::seconds(1);
}

bool tcp_sockets::port_is_free(const tcp_socket& s, std::uint16_t port, const endpoint* peer, const address& source,
                               std::optional<time_point> reuse_at) const
{
    const auto use = ports_.find(port);
    if (use == ports_.end()) return true;
    if (peer == nullptr) return false;
    const bool named = std::any_of(use->second.bound.begin(), use->second.bound.end(), [&](tcp_id other) {
        const tcp_socket* o = find(other);
        return o != nullptr && o != &s && covers(o->local_address(), o->v6_only, source);
    });
    if (named) return false;
    const tcp_id there = connection_of({*peer, {source, port}, ip_protocol::tcp});
    return !there || (reuse_at && gives_way(there, *reuse_at));
}

/// RFC 6056 §3.3.3, Simple Hash-Based Port Selection: an offset that depends on the peer and a secret, plus a counter, so that a
/// port is reused as late as possible. Ports of connections in TIME-WAIT are used last. bind() begins at a random offset.
error_code tcp_sockets::choose_port(tcp_socket& s, const endpoint* peer, const address& source, time_point now,
                                    std::uint16_t& port)
{
    const port_range range = narrowed(s.local_ports);
    const std::uint64_t offset =
        peer == nullptr ? random_.next_u32() : siphash(port_key_, flow_key(*peer, {source, 0}, ip_protocol::tcp));
    const auto choose = [&](std::optional<time_point> reuse_at) {
        for (unsigned i = 0; i < range.size(); ++i) {
            const auto candidate = static_cast<std::uint16_t>(range.first + (offset + next_ephemeral_++) % range.size());
            if (candidate % shards_ != shard_) continue; // shards have the same addresses, so each uses its own ports
            if (port_is_free(s, candidate, peer, source, reuse_at)) return port = candidate, true;
        }
        return false;
    };
    if (choose(std::nullopt) || (peer != nullptr && !waiting_.empty() && choose(now))) return {};
    return errno_code(peer == nullptr ? EADDRINUSE : EADDRNOTAVAIL);
}

void tcp_sockets::claim_port(tcp_id id, tcp_socket& s, const endpoint& local)
{
    s.set_local(local);
    s.bound = true;
    ports_[local.port].bound.push_back(id);
}

void tcp_sockets::release_port(tcp_id id, tcp_socket& s)
{
    if (!s.bound) return;
    s.bound = false;
    const auto use = ports_.find(s.local_port());
    std::erase(use->second.bound, id);
    if (use->second.empty()) ports_.erase(use);
}

error_code tcp_sockets::bind(tcp_id id, const endpoint& local) // RFC 9293 MUST-43
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->bound || (s->connection && s->connection->state() != tcp_state::closed)) return errno_code(EINVAL);
    if (s->family == family::v6 && local.address.is_v6() && local.address.is_multicast()) return errno_code(EINVAL);
    const auto own = own_for(s->family, s->v6_only, s->device, net_.interfaces().size(), local.address);
    if (!own) return own.error();
    if (!own->is_unspecified() && !net_.addresses().may_be_source(*own)) return errno_code(EADDRNOTAVAIL);
    endpoint chosen{*own, local.port};
    const error_code failed = local.port == 0 ? choose_port(*s, nullptr, *own, never, chosen.port) : may_bind(*s, chosen);
    if (failed) return failed;
    claim_port(id, *s, chosen);
    if (own->is_v6() && !own->is_unspecified()) s->v6_only = true; // as Linux
    return {};
}

// -- connections ----------------------------------------------------------------------------------------------------

/// Prefetches the slots of the connection table, then the TIME-WAIT entries that they refer to: large tables are not in the
/// cache.
void tcp_sockets::expect(std::span<const ip::rx_packet> openings) noexcept
{
    std::array<std::uint32_t, 64> hashes;
    openings = openings.first(std::min(openings.size(), hashes.size()));
    for (std::size_t n = 0; n < openings.size(); ++n) {
        hashes[n] = table_hash(openings[n].flow);
        connections_.prefetch(hashes[n]);
    }
    if (waiting_.empty()) return;
    for (std::size_t n = 0; n < openings.size(); ++n)
        if (const tcp_id id = connections_.first_of(hashes[n]); time_wait_table::holds(id)) waiting_.prefetch(id);
}

tcp_id tcp_sockets::connection_of(const flow_key& flow) const
{
    return connections_.find(table_hash(flow), [&](tcp_id id) { return flow_of(id) == flow; });
}

/// Precondition: the connection is in the table.
const flow_key& tcp_sockets::flow_of(tcp_id id) const noexcept
{
    if (time_wait_table::holds(id)) return waiting_.at(id).flow;
    const tcp_socket_slot& slot = *sockets_.find(id);
    return slot.rests() ? slot.resting().facts.flow : slot.awake().flow;
}

void tcp_sockets::enter_table(tcp_id id, tcp_socket& s)
{
    s.hash = table_hash(s.flow);
    connections_.insert(s.hash, id);
    port_use& use = ports_[s.local_port()];
    ++use.connections;
    if (!s.reuse_address) ++use.without_reuse;
}

void tcp_sockets::leave_table(tcp_id id, std::uint32_t hash, std::uint16_t local_port, bool reuse_address)
{
    if (id == last_found_) last_found_ = {};
    if (!connections_.erase(hash, id)) return; // left the table already
    const auto use = ports_.find(local_port);
    --use->second.connections;
    if (!reuse_address) --use->second.without_reuse;
    if (use->second.empty()) ports_.erase(use);
}

/// RFC 6528: ISN = M + F(local, remote, secret), where M is a clock of 4 us. The timestamp offset is constant per flow, so that
/// the timestamps of the next incarnation are later (RFC 6191), and it hides our uptime.
tcp_sockets::opening_numbers tcp_sockets::numbers_of(const flow_key& flow, time_point now) const noexcept
{
    const std::uint64_t f = siphash(numbers_key_, flow);                  // RFC 9293 MUST-9
    const auto m = now.time_since_epoch() / std::chrono::microseconds(4); // RFC 9293 MUST-8
    return {tcp::seq_number(static_cast<std::uint32_t>(m) + static_cast<std::uint32_t>(f)), static_cast<std::uint32_t>(f >> 32)};
}

/// The receive window is bounded so that it cannot overrun the queue in which the device buffers packets for us: to half of that
/// queue, as the other half is for other connections and small segments. A peer behind a device with TSO sends GSO segments, tens
/// of MSS on average in bulk; we count on eight. The bound is no smaller than necessary: with a window larger than its unsent
/// data the peer sends when its application writes, not when our ACK arrives, which over a TAP happens within our own system
/// call.
std::uint32_t tcp_sockets::room_in_queue(const ip::route_entry& route, family f, std::size_t mss) noexcept
{
    const std::size_t in_each = cuts_segments(route.offload, f) ? 8 : 1;
    return static_cast<std::uint32_t>(std::min<std::size_t>(route.queue_length * in_each * mss / 2, 0x3fff'ffff));
}

tcp_sockets::path_limits tcp_sockets::limits_of(const ip::route_entry& route, family f) noexcept
{
    const family_sizes sizes = sizes_of(f);
    path_limits l{};
    const std::size_t mtu = std::max<std::size_t>(route.mtu, sizes.least_mtu);
    l.path_mss = static_cast<std::uint32_t>(mtu - sizes.tcp_headers); // RFC 9293 MUST-67
    const bool large = cuts_segments(route.offload, f) || route.offload.gso;
    l.largest_segment = large ? 65535U - sizes.tcp_headers - 20U : 0U;
    if (route.queue_length != 0) l.receive_limit = room_in_queue(route, f, l.path_mss);
    return l;
}

/// @param f of the connection: that of an IPv6 socket may be IPv4
tcp::connection_setup tcp_sockets::setup_for(const tcp_socket& s, const ip::route_entry& route, family f)
{
    tcp::connection_setup setup;
    setup.options = s.options;
    setup.family = f;
    const path_limits l = limits_of(route, setup.family);
    setup.path_mss = l.path_mss;
    setup.largest_segment = l.largest_segment;
    setup.receive_limit = l.receive_limit;
    setup.congestion = s.congestion->second();
    setup.crowd = &crowd_;
    setup.budget = &budget_;
    return setup;
}

/// @param iss none: computed as in RFC 6528
void tcp_sockets::start(tcp_id id, tcp_socket& s, std::optional<tcp::seq_number> iss,
                        std::unique_ptr<const tcp::fast_open> opens_fast, time_point now)
{
    tcp::connection_setup setup = setup_for(s, *s.route, s.flow.family());
    const opening_numbers numbers = numbers_of(s.flow, now);
    setup.opens_fast = std::move(opens_fast);
    setup.iss = iss.value_or(numbers.sequence);
    setup.timestamp_offset = numbers.timestamp_offset;
    setup.secret = random_.next_u32();
    s.connection.emplace(std::move(setup), counters_);
    follow_path_mtu(s, now);
    enter_table(id, s);
}

error_code tcp_sockets::connect(tcp_id id, const endpoint& peer, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->listening) return errno_code(EISCONN);
    if (s->connection && s->connection->state() != tcp_state::closed) {
        if (s->connecting) return errno_code(EALREADY);
        if (s->listener || s->connect_told) return errno_code(EISCONN);
        s->connect_told = true;
        return {}; // as Linux: the first call after success returns success
    }
    const address own = s->bound ? s->local_address() : unspecified(s->family); // it has that of a connection that has ended
    const auto zoned = peer_for(s->family, s->v6_only, own, s->device, peer.address);
    if (!zoned) return zoned.error();
    if (peer.address.is_multicast() || net_.addresses().is_broadcast(peer.address))
        return errno_code(ENETUNREACH);                  // RFC 9293 MUST-46
    if (peer.port == 0) return errno_code(ECONNREFUSED); // no socket can listen on port 0
    const endpoint to{*zoned, peer.port};
    const bool named = s->bound && !s->local_address().is_unspecified();
    const auto source = named ? std::optional(s->local_address()) : std::nullopt;
    const auto found = net_.routes().find(to.address, source, s->device, s->preferences.rules());
    if (!found) return found.error();
    if (s->do_not_route && !net_.routes().is_direct(to.address, s->device)) return errno_code(ENETUNREACH);
    endpoint local{named ? s->local_address() : found->source, s->local_port()}; // RFC 9293 MUST-44, MUST-45
    if (!s->bound) {
        if (const auto failed = choose_port(*s, &to, local.address, now, local.port)) return failed;
    }
    std::optional<tcp::seq_number> iss;
    const flow_key flow(to, local, ip_protocol::tcp);
    if (const tcp_id there = connection_of(flow)) {
        if (!gives_way(there, now)) return errno_code(EADDRNOTAVAIL);
        iss = waiting_.at(there).memory.snd_nxt + 65537; // as Linux: beyond all that the previous incarnation sent
        forget_waiting(there, now);
    }
    s = &set_room(id, *s, true);
    s->flow = flow;
    s->route = found->route;
    auto opens_fast = s->fast_open_connect ? fast_open_memory_.request(to.address, s->fast_open_without_cookie, now) : nullptr;
    start(id, *s, iss, std::move(opens_fast), now);
    s->connection->open_active(now);
    if (s->receive_shut) s->connection->shutdown_receive();
    state_changed(id, *s, tcp_state::closed, now);
    s->connect_told = s->connection->waits_for_data(); // as Linux: success at once; the SYN follows with the first data
    const bool told = s->connect_told;
    s->connecting = !told;
    s->disconnected = false;
    s->error = {};
    follow(id, *s, now);
    return told ? error_code() : errno_code(EINPROGRESS);
}

// -- listeners ------------------------------------------------------------------------------------------------------

error_code tcp_sockets::listen(tcp_id id, int backlog, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (s->connection) return errno_code(EINVAL);
    const auto bound = static_cast<unsigned>(std::clamp(backlog < 0 ? 4096 : backlog, 0, 4096)); // Linux's somaxconn
    if (s->listening) {
        s->listening->backlog = bound;
        return {};
    }
    if (!s->bound) {
        if (const auto failed = bind(id, {s->local_address(), 0})) return failed;
    }
    for (const tcp_id other : ports_[s->local_port()].bound) { // SO_REUSEADDR does not let two sockets listen on a port
        const tcp_socket* o = find(other);
        if (o == s || o == nullptr || !o->listening || !overlap(o->local_address(), o->v6_only, s->local_address(), s->v6_only))
            continue;
        if (!(s->reuse_port && o->reuse_port)) return errno_code(EADDRINUSE);
    }
    s = &set_room(id, *s, false);
    s->listening = std::make_unique<tcp_listener>();
    s->listening->backlog = bound;
    if (trace* const t = net_.tracer()) t->tcp_state_changed(s->local(), {}, tcp_state::closed, tcp_state::listen, now);
    return {};
}

result<tcp_id> tcp_sockets::accept(tcp_id id, endpoint& peer, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return errno_code(EBADF);
    if (!s->listening) return errno_code(EINVAL);
    if (s->listening->established.empty()) return errno_code(EAGAIN);
    const tcp_id child = s->listening->established.front();
    s->listening->established.pop_front();
    tcp_socket& c = *find(child);
    c.listener = {};
    c.connect_told = true;
    peer = c.remote();
    idle_.push(c.idle, child); // let_rest() checks whether the child is really idle
    let_rest(now);
    return child;
}

void tcp_sockets::close_listener(tcp_socket& s, time_point now)
{
    const std::unique_ptr<tcp_listener> gone = std::move(s.listening);
    if (trace* const t = net_.tracer()) t->tcp_state_changed(s.local(), {}, tcp_state::listen, tcp_state::closed, now);
    std::vector<tcp_id> children; // half-open connections, and those not accepted yet (RFC 9293 §3.10.4, LISTEN)
    const auto use = ports_.find(s.local_port());
    if (use == ports_.end() || use->second.connections == 0) return;
    sockets_.for_each([&](tcp_id child, const tcp_socket_slot& slot) { // only accepted ones rest
        if (!slot.rests() && slot.awake().listener && find(slot.awake().listener) == &s) children.push_back(child);
    });
    for (const tcp_id child : children) {
        tcp_socket& c = *find(child);
        c.listener = {};
        c.detached = true;
        const auto before = c.connection->state();
        c.connection->abort(now);
        state_changed(child, c, before, now);
        follow(child, c, now);
    }
}

/// A closed socket's connection continues until the peer has acknowledged everything. The number and memory of such connections
/// are bounded, since their end depends on the peer alone: beyond the bounds the connection is reset, as on Linux
/// (tcp_max_orphans).
void tcp_sockets::finishes_alone(tcp_socket& s, time_point now)
{
    tcp::connection& c = *s.connection;
    if (c.state() == tcp_state::closed || c.state() == tcp_state::time_wait) return;
    if (counters_.orphans >= orphan_limit_ || (c.held() > 0 && budget_.orphaned() > orphan_memory_)) {
        ++counters_.orphans_refused;
        return c.abort(now);
    }
    s.orphan = true;
    ++counters_.orphans;
}

void tcp_sockets::erase(tcp_id id, tcp_socket& s)
{
    if (s.orphan) --counters_.orphans;
    release_port(id, s);
    sockets_.erase(id);
}

void tcp_sockets::close(tcp_id id, time_point now)
{
    tcp_socket* s = find(id);
    if (s == nullptr) return;
    s->event.set_owner(nullptr);
    s->detached = true;
    if (s->listening) close_listener(*s, now);
    if (s->connection) {
        const auto before = s->connection->state();
        s->connection->close(now);
        finishes_alone(*s, now);
        state_changed(id, *s, before, now);
        follow(id, *s, now);
    } else {
        reap(id, *s);
    }
}

} // namespace tapio::core
