// Output of all connections: segments, timers, events; destruction of finished sockets.
#include "core/tcp_sockets.hpp"
#include "wire/tcp.hpp"

#include <bit>

namespace tapio::core {

namespace {

wire::tcp_option_words options_of(const tcp::outgoing_segment& seg) noexcept
{
    const tcp::segment_options& o = seg.options;
    if (!seg.bits.syn && o.sack.empty()) { // most segments
        wire::tcp_option_words words;
        if (o.ts) words.add(wire::tcp_timestamps{o.ts->value, o.ts->echo});
        return words;
    }
    wire::tcp_options_field out;
    if (o.ts) out.timestamps = wire::tcp_timestamps{o.ts->value, o.ts->echo};
    for (const tcp::sequence_range& b : o.sack) out.sack.push_back({b.begin.value(), b.end.value()});
    if (seg.bits.syn) {
        out.max_segment = o.max_segment;
        if (o.scale) out.window_scale = o.scale->shift();
        out.sack_permitted = o.sack_permitted;
        out.fast_open = o.fast_open;
    }
    return wire::write_options(out);
}

/// @param flow of the peer's segments: `seg` is sent in the opposite direction  @return octets of the header
std::size_t push_header(const flow_key& flow, tcp::outgoing_segment& seg, bool partial) noexcept
{
    wire::tcp_numbers f;
    f.source_port = flow.destination_port();
    f.destination_port = flow.source_port();
    f.sequence = seg.seq.value();
    f.acknowledgement = seg.bits.ack ? seg.ack.value() : 0;
    f.flags = std::bit_cast<std::uint8_t>(seg.bits);
    f.window = static_cast<std::uint16_t>(seg.window);
    f.urgent = seg.urgent;
    const wire::tcp_option_words options = options_of(seg);
    const std::size_t header = sizeof(wire::tcp_header) + options.octets();
    wire::push_tcp(seg.payload, f, options, flow.pseudo_header(header + seg.payload.size()), partial);
    return header;
}

} // namespace

void tcp_sockets::flush(time_point now) // RFC 9293 MUST-58, MUST-59
{
    while (wants_flush()) for_all_waiting(output_wait::flush, [&](tcp_id id, tcp_socket& s) { run(id, s, now); });
}

void tcp_sockets::announce()
{
    for (const tcp_id id : output_.to_announce())
        if (tcp_socket* const s = find(id); s != nullptr && s->connection) raise_events(id, *s);
}

void tcp_sockets::follow(tcp_id id, tcp_socket& s, time_point now) { output_.gathers() ? touch(id, s) : run(id, s, now); }

/// Does what a change of a connection may require: output, events, timer, rest, TIME-WAIT, end. May destroy the socket.
void tcp_sockets::run(tcp_id id, tcp_socket& s, time_point now)
{
    s.output.goes_on(output_wait::flush);
    if (s.connection) {
        pump(id, s, now);
        raise_events(id, s);
        if (s.detached && s.connection->only_waits() && !s.output.has_more_to_send()) return let_wait(id, s);
        arm(id, s, s.connection->next_deadline());
    }
    if (!reap(id, s) && s.connection) note_idle(id, s, now);
}

void tcp_sockets::arm(tcp_id id, tcp_socket& s, time_point deadline)
{
    // Re-armed lazily: most deadlines are postponed again and again. An early expiry is harmless; run() then arms the timer anew.
    if (s.timer.armed() && deadline != never && s.timer.deadline() <= deadline) return;
    s.timer.fire = [](timer_node& self, void* owner, time_point at) {
        const tcp_id who{static_cast<std::uint32_t>(self.data), static_cast<std::uint32_t>(self.data >> 32)};
        static_cast<tcp_sockets*>(owner)->timer_fired(who, at);
    };
    s.timer.context = this;
    s.timer.data = id.index | (std::uint64_t{id.generation} << 32);
    timers_.arm(s.timer, deadline);
}

/// Sends segments while the interface's queue has room, at most the connection's share: then other connections, and packets that
/// have arrived meanwhile, come first.
void tcp_sockets::pump(tcp_id id, tcp_socket& s, time_point now)
{
    if (s.output.waits_for(output_wait::turn) || s.connection->has_nothing_to_say()) return;
    if (!net_.routes().holds(*s.route)) follow_route(s, now);
    // While connections wait for room in the interface's queue, another one with much to send waits behind them. A SYN, an ACK or
    // a short answer is sent at once: part of the queue is reserved for these.
    constexpr std::uint64_t much = 16 * 1024; // octets
    const bool bulk = s.connection->unacknowledged() > much;
    const std::size_t share = output_.share(s.route->loopback, s.route->offload.tso(s.flow.family()));
    const bool goes_on = output_.acks_may_wait() && !s.route->loopback; // loopback packets do not wait in a device
    std::size_t sent = 0;                                               // octets
    while (net_.interface(s.route->interface).queue().has_room(bulk)) {
        if (sent >= share) return output_.turn_ended(id, s.output, now);
        tcp::outgoing_segment seg;
        if (!s.connection->next_segment(seg, now, goes_on)) return note_waiting(id, s);
        sent += seg.payload.size();
        if (const auto failed = transmit(s.flow, &s, std::move(seg), now)) s.connection->on_local_error(failed);
        if (s.connection->gave_last()) return note_waiting(id, s);
    }
    output_.wait(output_wait::queue_room, id, s.output);
}

/// If no route is found, the connection keeps the outdated one: segments are lost until there is a route again, and then
/// retransmitted.
void tcp_sockets::follow_route(tcp_socket& s, time_point now)
{
    auto found = net_.routes().find(s.remote_address(), s.local_address(), s.device);
    if (!found) return;
    s.route = std::move(found->route);
    const path_limits l = limits_of(*s.route, s.flow.family());
    s.connection->path_changed(l.path_mss, l.largest_segment, l.receive_limit, now);
    follow_path_mtu(s, now);
}

/// What other packets to the same host have shown (RFC 8201 §5.2).
void tcp_sockets::follow_path_mtu(tcp_socket& s, time_point now)
{
    const std::size_t known = net_.path_mtu(*s.route, s.remote_address());
    if (known < s.route->mtu) s.connection->path_mtu_known(known, now);
}

void tcp_sockets::expect_more(tcp_id id, unsigned patience)
{
    tcp_socket* const s = find(id);
    if (s == nullptr || !s->connection) return;
    s->connection->expect_more(true);
    s->output.patience = static_cast<std::uint8_t>(patience);
}

void tcp_sockets::expect_no_more(tcp_id id)
{
    tcp_socket* const s = find(id);
    if (s != nullptr && s->connection) s->connection->expect_more(false);
}

void tcp_sockets::note_waiting(tcp_id id, tcp_socket& s)
{
    if (s.connection->awaits_more()) output_.wait(output_wait::user, id, s.output);
    if (s.connection->withholds_ack()) output_.wait(output_wait::input, id, s.output);
}

void tcp_sockets::input_goes_on(bool yes, time_point now)
{
    if (!output_.input_came(yes, now)) return;
    for_all_waiting(output_wait::input, [&](tcp_id id, tcp_socket& s) { touch(id, s); });
}

void tcp_sockets::release()
{
    for_all_waiting(output_wait::user, [&](tcp_id id, tcp_socket& s) {
        if (s.output.patience > 0) {
            --s.output.patience;
            return output_.wait(output_wait::user, id, s.output);
        }
        if (s.connection) s.connection->expect_more(false);
        touch(id, s);
    });
}

void tcp_sockets::next_turn(time_point now)
{
    if (now < output_.next_turn()) return;
    for_all_waiting(output_wait::turn, [&](tcp_id id, tcp_socket& s) {
        // If others wait for room in the interface's queue, it waits behind them: they have not had a turn yet.
        const bool behind = net_.interface(s.route->interface).queue().is_congested();
        output_.wait(behind ? output_wait::queue_room : output_wait::flush, id, s.output);
    });
}

void tcp_sockets::transmit_room(interface_id)
{
    for_all_waiting(output_wait::queue_room, [&](tcp_id id, tcp_socket& s) { touch(id, s); });
}

error_code tcp_sockets::transmit(const flow_key& flow, const tcp_socket* s, tcp::outgoing_segment&& seg, time_point now)
{
    ++counters_.out_segs;
    if (seg.bits.rst) ++counters_.out_rsts;
    packet& p = seg.payload;
    if (trace* const t = net_.tracer(); t != nullptr && seg.retransmission)
        t->tcp_retransmitted(flow.destination(), flow.source(), seg.seq.value(), static_cast<std::uint32_t>(p.size()), now);
    if (seg.gso_size != 0) {
        p.offload.gso = flow.is_v4() ? offload_info::gso_type::tcp_v4 : offload_info::gso_type::tcp_v6;
        p.offload.gso_size = seg.gso_size;
    }
    const bool partial = seg.gso_size != 0 || (s != nullptr && s->route->offload.checksum); // completed when split or sent
    const std::size_t header = push_header(flow, seg, partial);
    if (seg.gso_size != 0) p.offload.header_length = static_cast<std::uint16_t>(header);
    const auto marked = [&seg](std::uint8_t tos) { // ECT(0), RFC 3168 §5
        return seg.ecn_capable ? static_cast<std::uint8_t>((tos & 0xfc) | 2) : tos;
    };
    const flow_key out = flow.reversed();
    // A segment that is dropped on output is retransmitted like any lost segment.
    if (s == nullptr) return net_.send(std::move(p), out, {defaults_.ttl, marked(defaults_.tos)}, std::nullopt, now);
    // RFC 9293 MUST-48, MUST-49
    const bool whole = !s->connection || !s->connection->may_be_fragmented();
    const ip::send_info info{s->options.ttl, marked(s->options.tos), whole ? ip::fragmenting::never : ip::fragmenting::allowed,
                             false, s->options.own_ttl};
    if (net_.routes().holds(*s->route)) return net_.send(std::move(p), *s->route, out, info, now);
    return net_.send(std::move(p), out, info, s->device, now);
}

void tcp_sockets::raise_events(tcp_id, tcp_socket& s)
{
    const auto e = s.connection->take_events();
    if (!e.any()) return;
    auto ready = readiness::none;
    if (e.readable && s.readable()) ready |= readiness::readable;
    if (e.urgent) ready |= readiness::error;
    if (e.writable) ready |= readiness::writable;
    if (e.failed) ready |= readiness::readable | readiness::writable | readiness::error;
    events_.push(s.event, ready);
}

void tcp_sockets::timer_fired(tcp_id id, time_point now)
{
    tcp_socket* const s = find(id);
    if (s == nullptr) return;
    if (s->listening) return promote_patient(*s, now);
    if (!s->connection) return;
    const tcp_state before = s->connection->state();
    s->connection->on_timer(now);
    if (s->connection->hears_nothing(now)) net_.doubt(*s->route, now);
    state_changed(id, *s, before, now);
    touch(id, *s);
}

void tcp_sockets::state_changed(tcp_id id, tcp_socket& s, tcp_state before, time_point now)
{
    const tcp_state after = s.connection->state();
    if (before == after) return;
    if (tcp::counts_as_established(before) != tcp::counts_as_established(after))
        counters_.curr_estab += tcp::counts_as_established(after) ? 1 : std::uint64_t(-1);
    if (trace* const t = net_.tracer()) t->tcp_state_changed(s.local(), s.remote(), before, after, now);
    // The user of an accepted flow waits for the end of its handshake, which TCP itself ends without an error (RFC 9293
    // §3.10.7.4).
    const bool in_vain = before == tcp_state::syn_received && after == tcp_state::closed && s.connecting && !s.listener;
    if (in_vain && !s.connection->has_error()) s.error = errno_code(ECONNRESET);
    if (before == tcp_state::syn_sent || before == tcp_state::syn_received) s.connecting = after == tcp_state::syn_received;
    if (s.listener || s.fast_opened_by) child_changed(id, s, before, now);
}

bool tcp_sockets::is_finished(tcp_id id) const
{
    const tcp_socket* const s = find(id);
    if (s == nullptr || !s->connection) return true;
    switch (s->connection->state()) {
    case tcp_state::established:
    case tcp_state::close_wait:
    case tcp_state::fin_wait_1:
    case tcp_state::closing:
    case tcp_state::last_ack: return false;
    default: return true;
    }
}

bool tcp_sockets::is_closing(tcp_id id) const
{
    const tcp_socket* const s = find(id);
    if (s == nullptr || !s->connection) return false;
    const tcp_state now = s->connection->state();
    return now == tcp_state::fin_wait_1 || now == tcp_state::closing || now == tcp_state::last_ack;
}

std::vector<tcp_id> tcp_sockets::unfinished()
{
    std::vector<tcp_id> out;
    sockets_.for_each([&](tcp_id id, const tcp_socket_slot& slot) {
        if (slot.rests() || !is_finished(id)) out.push_back(id); // a resting connection is ESTABLISHED
    });
    return out;
}

/// Removes a closed connection from the table, and destroys its socket if the user has closed it. @return true: destroyed
bool tcp_sockets::reap(tcp_id id, tcp_socket& s)
{
    const bool ended = !s.connection || s.connection->state() == tcp_state::closed;
    if (!ended || s.output.has_more_to_send()) return false;
    if (s.connection) leave_table(id, s.hash, s.local_port(), s.reuse_address);
    if (!s.detached) return false;
    erase(id, s);
    return true;
}

} // namespace tapio::core
