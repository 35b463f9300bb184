// Demultiplexing of segments and ICMP errors; SEGMENT ARRIVES in LISTEN and CLOSED (RFC 9293 §3.10.7.1, §3.10.7.2).
#include "core/socket_names.hpp"
#include "core/tcp_sockets.hpp"

#include <bit>

namespace tapio::core {

namespace {

void take_options(const wire::tcp_options_field& o, tcp::segment_options& out)
{
    out.max_segment = o.max_segment;
    out.fast_open = o.fast_open;
    if (o.window_scale) out.scale = tcp::window_scale(*o.window_scale);
    out.sack_permitted = o.sack_permitted;
    if (o.timestamps) out.ts = tcp::timestamps{o.timestamps->value, o.timestamps->echo};
    for (const wire::sack_block& b : o.sack) out.sack.push_back({tcp::seq_number(b.begin), tcp::seq_number(b.end)});
}

/// Reads the header into `s`; the payload stays in the packet.
std::optional<drop_reason> read_header(const ip::rx_packet& p, tcp::segment& s)
{
    wire::tcp_numbers f;
    const_bytes options;
    if (const auto why = wire::read_tcp(p.transport_header(), p.transport_size(), f, options)) return why;
    s.seq = tcp::seq_number(f.sequence);
    s.ack = tcp::seq_number(f.acknowledgement);
    s.bits = std::bit_cast<tcp::control_bits>(f.flags);
    s.window = static_cast<tcp::wire_window>(f.window);
    s.urgent = f.urgent;
    s.congestion_experienced = p.marked();
    if (const auto t = wire::only_timestamps(options)) {
        s.options.ts = tcp::timestamps{t->value, t->echo};
    } else if (!options.empty()) {
        wire::tcp_options_field o;
        if (!wire::read_options(options, o)) return drop_reason::tcp_bad_options; // RFC 9293 MUST-5
        take_options(o, s.options);
    }
    return std::nullopt;
}

void take_text(ip::rx_packet& p, tcp::segment& s)
{
    s.payload_size = static_cast<std::uint32_t>(p.contents.size() - p.payload_at);
    s.wire_size = p.contents.offload.gso_size;
    if (s.payload_size == 0) return;
    p.contents.consume(p.payload_at);
    s.payload = p.contents.take_payload();
}

} // namespace

void tcp_sockets::receive(ip::rx_packet& p, time_point now)
{
    ++counters_.in_segs;
    const auto drop = [&](drop_reason why) {
        ++counters_.in_errs;
        net_.dropped(p, why, now);
    };
    if (p.to_group) return drop(drop_reason::tcp_group_address); // RFC 9293 MUST-57
    tcp::segment seg;
    if (const auto why = read_header(p, seg)) return drop(*why);
    if (!p.verified) return drop(drop_reason::tcp_bad_checksum); // RFC 9293 MUST-3
    tcp_id id;
    tcp_socket* const s = find_connection(p.flow, id);
    const bool settled = s != nullptr && !s->connection->may_give_way_to(seg);
    packet whole; // a copy for the trace, or for another shard
    const bool kept = !settled && (forwarder_.is_open() || net_.may_be_misdirected(p));
    if (kept || net_.tracer() != nullptr) whole = p.contents;
    take_text(p, seg);
    if (!whole.empty()) p.contents = std::move(whole);
    counters_.in_segs += seg.wire_segments() - 1;
    std::optional<tcp::seq_number> iss; // of a new incarnation: above the numbers of the previous one (RFC 9293 §3.6.1)
    if (settled) return deliver(id, *s, std::move(seg), p, now);
    if (s != nullptr) {
        iss = s->connection->next_sequence() + 65537;
        const auto before = s->connection->state();
        s->connection->abort(now); // in TIME-WAIT this sends no RST
        state_changed(id, *s, before, now);
        leave_table(id, s->hash, s->local_port(), s->reuse_address);
        reap(id, *s);
    } else if (time_wait_table::holds(id)) {
        const tcp_id waiting = id;
        const tcp::time_wait_memory& m = waiting_.at(waiting).memory;
        if (!m.gives_way_to(seg)) {
            tcp_socket& revived = revive(waiting, id, now);
            return deliver(id, revived, std::move(seg), p, now);
        }
        iss = m.snd_nxt + 65537;
        forget_waiting(waiting, now);
    }
    if (find_listener(p.interface, p.flow, id) != nullptr) return arrives_in_listen(id, seg, p, now, iss);
    if (forwarder_.receives(seg, p, counters_, now)) return;
    arrives_in_closed(seg, p, now);
}

result<tcp_id> tcp_sockets::accept_flow(const ip::rx_packet& syn, time_point now)
{
    const auto found = net_.routes().find(syn.flow.source_address(), syn.flow.destination_address());
    if (!found) return found.error();
    tcp::segment seg;
    if (read_header(syn, seg)) return errno_code(ECONNABORTED);
    const tcp_id id = *open(syn.flow.family());
    tcp_socket& s = set_room(id, *find(id), true);
    s.flow = syn.flow;
    s.route = found->route;
    start(id, s, std::nullopt, nullptr, now);
    s.connection->open_passive(seg, now);
    state_changed(id, s, tcp_state::listen, now);
    s.connecting = true;
    s.connect_told = true;
    touch(id, s);
    return id;
}

void tcp_sockets::reset_flow(const ip::rx_packet& syn, time_point now)
{
    tcp::segment seg;
    if (read_header(syn, seg)) return;
    if (const auto rst = tcp::reset_for(seg)) (void)transmit(syn.flow, nullptr, rst->to_segment(), now);
}

/// Tries the connection of the last segment first: segments of one connection arrive in bursts.
/// @param id also set if null is returned because the connection is an entry of the TIME-WAIT table
tcp_socket* tcp_sockets::find_connection(const flow_key& flow, tcp_id& id)
{
    if (const auto* const last = sockets_.find(last_found_); last != nullptr && !last->rests() && last->awake().flow == flow)
        return id = last_found_, &last->awake();
    id = connection_of(flow);
    tcp_socket* const s = id && !time_wait_table::holds(id) ? find(id) : nullptr;
    last_found_ = s != nullptr ? id : tcp_id();
    return s;
}

/// The listener bound to the destination address, else one bound to any address. Several listeners (all with SO_REUSEPORT) share
/// the connections by the flow's hash.
tcp_socket* tcp_sockets::find_listener(interface_id interface, const flow_key& flow, tcp_id& id)
{
    const auto use = ports_.find(flow.destination_port());
    if (use == ports_.end()) return nullptr;
    bool exact = false;
    candidates_.clear();
    for (const tcp_id candidate : use->second.bound) {
        const tcp_socket* const s = find(candidate);
        if (s == nullptr || !s->listening || (s->device && *s->device != interface)) continue;
        const address to = flow.destination_address();
        const bool is_exact = s->local_address() == to;
        if (!is_exact && (exact || !covers(s->local_address(), s->v6_only, to))) continue;
        if (is_exact && !std::exchange(exact, true)) candidates_.clear();
        candidates_.push_back(candidate);
    }
    if (candidates_.empty()) return nullptr;
    const std::size_t chosen = candidates_.size() == 1 ? 0 : table_hash(flow) % candidates_.size();
    id = candidates_[chosen];
    return find(id);
}

void tcp_sockets::deliver(tcp_id id, tcp_socket& s, tcp::segment&& seg, const ip::rx_packet& p, time_point now)
{
    const tcp_state before = s.connection->state();
    if (before == tcp_state::syn_received && s.listener && !s.fast_opened_by &&
        seg.bits.ack) { // backlog full: ignore the final ACK; our SYN,ACK is retransmitted and provokes another
        const tcp_socket* const parent = find(s.listener);
        if (parent != nullptr && parent->listening && parent->listening->full()) {
            ++counters_.listen_overflows;
            return net_.dropped(p, drop_reason::tcp_backlog_full, now);
        }
    }
    std::optional<tcp::segment_options> answer; // options that answer our SYN with a Fast Open option
    if (before == tcp_state::syn_sent && s.fast_open_connect) answer = seg.options;
    const std::uint32_t progress = s.connection->progress();
    if (const auto why = s.connection->on_segment(std::move(seg), now)) net_.dropped(p, *why, now);
    if (s.connection->progress() != progress && net_.routes().holds(*s.route)) net_.confirm(*s.route, now);
    if (answer && s.connection->state() == tcp_state::established) learn_fast_open(s, *answer, now);
    state_changed(id, s, before, now);
    if (s.deferred && (s.connection->unread() > 0 || s.connection->state() != tcp_state::established)) promote(id, s);
    touch(id, s);
}

/// RFC 9293 §3.10.7.1. Answers with a RST, except to a RST.
void tcp_sockets::arrives_in_closed(const tcp::segment& seg, ip::rx_packet& p, time_point now)
{
    if (net_.may_be_misdirected(p)) return net_.pass_on(std::move(p));
    net_.dropped(p, drop_reason::tcp_no_socket, now);
    const auto rst = tcp::reset_for(seg);
    if (!rst) return;
    (void)transmit(p.flow, nullptr, rst->to_segment(), now);
}

/// RFC 9293 §3.10.7.2
void tcp_sockets::arrives_in_listen(tcp_id listener, tcp::segment& seg, ip::rx_packet& p, time_point now,
                                    std::optional<tcp::seq_number> iss)
{
    const flow_key& flow = p.flow;
    if (seg.bits.rst) return net_.dropped(p, drop_reason::tcp_no_socket, now); // first check: RST
    if (seg.bits.ack) {                                                        // second: ACK
        if (arrives_with_cookie(listener, seg, p, now)) return;
        return arrives_in_closed(seg, p, now);
    }
    if (!seg.bits.syn || seg.bits.fin) // fourth: no SYN. SYN with FIN is dropped as on Linux: only scanners send it
        return net_.dropped(p, drop_reason::tcp_bad_flags, now);
    tcp_socket& parent = *find(listener);
    if (parent.listening->full() || (parent.listening->syn_queue_full() && !defaults_.syn_cookies)) { // the peer tries again
        ++counters_.listen_overflows;
        return net_.dropped(p, drop_reason::tcp_backlog_full, now);
    }
    const auto found = net_.routes().find(flow.source_address(), flow.destination_address(), parent.device);
    if (!found) return net_.dropped(p, drop_reason::no_route, now);
    if (parent.listening->syn_queue_full()) return send_cookie(parent, seg, flow, *found->route, now);
    std::unique_ptr<const tcp::fast_open> cookie;
    const bool early = may_open_fast(parent, seg, flow, cookie, now);
    tcp_id id;
    tcp_socket& child = make_child(listener, flow, found->route, id, iss, std::move(cookie), now);
    child.connection->open_passive(seg, now, early);
    state_changed(id, child, tcp_state::listen, now);
    if (early) opened_fast(listener, id, child);
    touch(id, child);
}

/// Makes the socket of a connection that will enter SYN-RECEIVED.
tcp_socket& tcp_sockets::make_child(tcp_id listener, const flow_key& flow, const ip::route_ref& route, tcp_id& id,
                                    std::optional<tcp::seq_number> iss, std::unique_ptr<const tcp::fast_open> cookie,
                                    time_point now)
{
    tcp_socket& child = make_socket(id);
    tcp_socket& parent = *find(listener);
    child.family = parent.family;
    child.v6_only = parent.v6_only;
    child.options = parent.options;
    child.congestion = parent.congestion;
    child.options.syn_retries = std::min(child.options.syn_retries, 5U); // as Linux's tcp_synack_retries
    child.reuse_address = parent.reuse_address;
    child.reuse_port = parent.reuse_port;
    child.device = parent.device;
    child.broadcast = parent.broadcast;
    child.debug = parent.debug;
    child.do_not_route = parent.do_not_route;
    child.receive_low_watermark = parent.receive_low_watermark;
    child.local_ports = parent.local_ports;
    child.preferences = parent.preferences;
    child.flow = flow;
    child.listener = listener;
    child.route = route;
    start(id, child, iss, std::move(cookie), now);
    ++parent.listening->half_open; // RFC 9293 MUST-41
    return child;
}

// -- TCP Fast Open (RFC 7413 §4.2) ------------------------------------------------------------------------------------

/// @param cookie set if the SYN,ACK shall carry a new cookie  @return true: the SYN's data may be accepted
bool tcp_sockets::may_open_fast(const tcp_socket& listener, const tcp::segment& syn, const flow_key& flow,
                                std::unique_ptr<const tcp::fast_open>& cookie, time_point now)
{
    const auto& shown = syn.options.fast_open;
    if (listener.fast_open_queue == 0 || (!shown && !listener.fast_open_without_cookie)) return false;
    bool good = listener.fast_open_without_cookie;
    if (!good) {
        const address ours = flow.destination_address(), client = flow.source_address();
        tcp::fast_open_cookie current = fast_open_cookies_.make(ours, client, now);
        good = fast_open_cookies_.check(ours, client, *shown, now);
        if (*shown != current) cookie = std::make_unique<const tcp::fast_open>(tcp::fast_open{std::move(current)});
    }
    if (!good || syn.payload_size == 0) return false;
    if (listener.listening->fast_opens < listener.fast_open_queue) return true;
    ++counters_.fast_open_overflows;
    return false;
}

/// Offers the connection to accept() before its handshake has ended.
void tcp_sockets::opened_fast(tcp_id listener, tcp_id id, tcp_socket& child)
{
    tcp_socket& parent = *find(listener);
    child.fast_opened_by = listener;
    --parent.listening->half_open;
    ++parent.listening->fast_opens;
    offer(id, parent);
}

/// Our SYN with a Fast Open option was answered: remembers the cookie, or that SYNs with data get lost.
void tcp_sockets::learn_fast_open(const tcp_socket& s, const tcp::segment_options& answer, time_point now)
{
    if (answer.fast_open && !answer.fast_open->empty())
        fast_open_memory_.given(s.remote_address(), *answer.fast_open,
                                tcp::heeded_mss(answer.max_segment, sizes_of(s.flow.family()).default_mss));
    if (s.connection->data_in_syn() == tcp::early_data::sent && s.connection->syn_timed_out())
        fast_open_memory_.avoid(s.remote_address(), now);
}

// -- SYN cookies ------------------------------------------------------------------------------------------------------

/// Sends the SYN,ACK that a connection would send, except that sequence number and timestamp encode a cookie.
void tcp_sockets::send_cookie(const tcp_socket& listener, const tcp::segment& syn, const flow_key& flow,
                              const ip::route_entry& route, time_point now)
{
    ++counters_.syn_cookies_sent;
    cookie_sent_ = now;
    tcp::connection_setup setup = setup_for(listener, route, flow.family());
    setup.timestamp_offset = numbers_of(flow, now).timestamp_offset;
    setup.iss = cookies_.make(flow, syn, now);
    tcp_counters unseen;
    tcp::connection c(std::move(setup), unseen);
    c.open_passive(syn, now);
    tcp::outgoing_segment answer;
    if (!c.next_segment(answer, now)) return;
    if (answer.options.ts) { // the timestamp encodes the options that were agreed on
        answer.options.ts->value = syn_cookies::remember(syn, answer.bits.ece, answer.options.ts->value);
    } else {
        answer.options.scale.reset();
        answer.options.sack_permitted = false;
        answer.bits.ece = false;
    }
    (void)transmit(flow, nullptr, std::move(answer), now);
}

/// @return true if the segment acknowledges a SYN cookie; it has been processed then
bool tcp_sockets::arrives_with_cookie(tcp_id listener, tcp::segment& seg, const ip::rx_packet& p, time_point now)
{
    const flow_key& flow = p.flow;
    if (cookie_sent_ == time_point{} || now - cookie_sent_ > std::chrono::minutes(2) || seg.bits.syn) return false;
    const auto syn = cookies_.check(flow, seg, now);
    if (!syn) return false;
    if (find(listener)->listening->full()) {
        ++counters_.listen_overflows;
        net_.dropped(p, drop_reason::tcp_backlog_full, now);
        return true;
    }
    const auto found = net_.routes().find(flow.source_address(), flow.destination_address(), find(listener)->device);
    if (!found) return false;
    ++counters_.syn_cookies_received;
    tcp_id id;
    tcp_socket& child = make_child(listener, flow, found->route, id, seg.ack - 1, nullptr, now);
    child.connection->open_passive(*syn, now);
    state_changed(id, child, tcp_state::listen, now);
    tcp::outgoing_segment sent_before;
    (void)child.connection->next_segment(sent_before, now); // discards the SYN,ACK: send_cookie() sent it
    deliver(id, child, std::move(seg), p, now);
    return true;
}

/// A listener's child leaves SYN-RECEIVED: updates the listener's counts, and offers the child to accept() unless it was opened
/// fast (then it was offered before) or has to wait for data (TCP_DEFER_ACCEPT).
void tcp_sockets::child_changed(tcp_id id, tcp_socket& s, tcp_state before, time_point now)
{
    if (before != tcp_state::syn_received) return;
    if (s.fast_opened_by) {
        tcp_socket* const opener = find(std::exchange(s.fast_opened_by, {}));
        if (opener != nullptr && opener->listening) --opener->listening->fast_opens;
        s.options.syn_retries = defaults_.syn_retries;
        return;
    }
    tcp_socket* const parent = find(s.listener);
    if (parent == nullptr || !parent->listening) return;
    --parent->listening->half_open;
    if (s.connection->state() == tcp_state::closed) { // back to LISTEN: the user is not told
        s.listener = {};
        s.detached = true;
        return;
    }
    s.options.syn_retries = defaults_.syn_retries;
    if (parent->defer_accept == 0 || s.connection->unread() > 0) return offer(id, *parent);
    s.deferred = true;
    parent->listening->deferred.push_back({id, now + patience_of(*parent)});
    watch_deferred(s.listener, *parent);
}

void tcp_sockets::offer(tcp_id child, tcp_socket& listener)
{
    listener.listening->established.push_back(tcp_id(child));
    events_.push(listener.event, readiness::readable);
}

// -- TCP_DEFER_ACCEPT: a connection is offered to accept() when it has received data, or when its patience has expired ------

void tcp_sockets::promote(tcp_id id, tcp_socket& child)
{
    child.deferred = false;
    tcp_socket* const parent = find(child.listener);
    if (parent == nullptr || !parent->listening) return;
    std::erase_if(parent->listening->deferred, [id](const auto& d) { return d.id == id; });
    watch_deferred(child.listener, *parent);
    offer(id, *parent);
}

void tcp_sockets::promote_patient(tcp_socket& listener, time_point now)
{
    auto& waiting = listener.listening->deferred;
    while (!waiting.empty() && waiting.front().patience <= now) promote(waiting.front().id, *find(waiting.front().id));
}

/// Uses the timer of the listener's socket, which has no connection that needs it.
void tcp_sockets::watch_deferred(tcp_id listener, tcp_socket& s)
{
    const auto& waiting = s.listening->deferred;
    arm(listener, s, waiting.empty() ? never : waiting.front().patience);
}

void tcp_sockets::icmp_error(const ip::icmp_error_report& r, time_point now) // RFC 9293 MUST-54
{
    tcp_id id;
    tcp_socket* const s = find_connection(r.flow.reversed(), id);
    if (s == nullptr) return;
    const tcp_state before = s->connection->state();
    if (r.mtu != 0) {
        const bool believed = s->connection->on_packet_too_big(r.mtu, r.sequence, now);
        if (believed) net_.learn_path_mtu(r.flow.destination_address(), r.mtu, now);
    } else {
        s->connection->on_icmp_error(r.why, r.sequence, now);
    }
    state_changed(id, *s, before, now);
    touch(id, *s);
}

} // namespace tapio::core
