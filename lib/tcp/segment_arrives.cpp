// SEGMENT ARRIVES in SYN-RECEIVED and the synchronized states (RFC 9293 §3.10.7.4). Not here: CLOSED and LISTEN
// (core/tcp_sockets.cpp), SYN-SENT (segment_arrives_opening.cpp).
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

std::optional<drop_reason> connection::on_segment(segment&& seg, time_point now)
{
    const std::uint32_t came = seg.wire_segments();
    segments_.received += came;
    if (seg.payload_size > 0) segments_.data_received += came;
    drop_.reset();
    if (state_ == state::syn_sent) return arrives_in_syn_sent(seg, now);
    if (state_ == state::closed) return drop_reason::tcp_no_socket;
    if (check_timestamp(seg, now) == verdict::drop) return drop_;                      // RFC 7323 §5.3: before step 1
    if (check_sequence(seg, now) == verdict::drop) return drop_;                       // step 1
    if (seg.bits.rst && check_reset(seg, now) == verdict::drop) return drop_;          // step 2; step 3 (security) is obsolete
    if (seg.bits.syn && check_syn(seg, now) == verdict::drop) return drop_;            // step 4
    if (process_ack(seg, now) == verdict::drop) return drop_;                          // step 5
    if (ecn_.enabled()) note_mark(seg);                                                // RFC 3168 §6.1.3
    process_urgent(seg);                                                               // step 6
    if (seg.payload_size > 0 && process_text(seg, now) == verdict::drop) return drop_; // step 7
    process_fin(seg, now);                                                             // step 8
    return drop_;
}

connection::verdict connection::dropped(drop_reason why) noexcept
{
    drop_ = why;
    return verdict::drop;
}

connection::verdict connection::check_timestamp(const segment& seg, time_point now)
{
    // A segment without the option is accepted, as on Linux, although RFC 7323 §3.2 says SHOULD drop: some middleboxes strip it
    // from the handshake's ACK.
    if (!ts_.enabled() || seg.bits.rst || !seg.options.ts) return verdict::go_on;
    if (!ts_.is_old(*seg.options.ts, now)) return verdict::go_on;
    ++counters_.paws_drops; // RFC 7323 §5.3 R1
    correct(seg, now);
    return dropped(drop_reason::tcp_paws);
}

/// The four cases of RFC 9293 §3.10.7.4 step 1 (table 6). Beyond them, a segment of length 0 is acceptable at the window's right
/// edge, which is SND.NXT of a peer that has filled the window (Linux and BSD accept it too), and one octet beyond a closed
/// window, which is SND.NXT of a peer that counts its probe's octet as sent: the ACKs of such segments are valid.
bool connection::acceptable(const segment& seg) const noexcept
{
    const std::uint32_t window = receive_window();
    if (seg.length() == 0) return seg.seq.within(rcv_.nxt, window == 0 ? 2 : window + (seg.bits.rst ? 0 : 1));
    if (window == 0) return false;
    return seg.seq.within(rcv_.nxt, window) || (seg.end() - 1).within(rcv_.nxt, window);
}

/// The segment carries data or a FIN beyond our closed window.
bool connection::probes_closed_window(const segment& seg) const noexcept
{
    return receive_window() == 0 && seg.length() > 0 && !seg.bits.syn && seg.seq.at_or_before(rcv_.nxt) &&
           seg.end().after(rcv_.nxt);
}

connection::verdict connection::check_sequence(segment& seg, time_point now)
{
    if (is_crossed_syn_ack(seg)) unwrap_syn_ack(seg);
    if (probes_closed_window(seg)) {
        // "Special allowance" for the probe's ACK, RST and URG; its data is cut off, and the probe is answered. MUST-66
        seg.trim_front(rcv_.nxt - seg.seq);
        seg.trim_back(0);
        seg.bits.fin = false;
        acks_.demand();
    } else if (!acceptable(seg)) {
        if (is_repeated_syn(seg)) {
            sent_.mark_front_lost(); // our SYN,ACK was lost: send it again
        } else if (!seg.bits.rst) {
            correct(seg, now);
        }
        if (seg.payload_size > 0 && seg.first_octet().before(rcv_.nxt)) // RFC 2883 §4.1
            sack_.came_twice(seg.first_octet(), earlier(seg.first_octet() + seg.payload_size, rcv_.nxt));
        if (state_ == state::time_wait && seg.bits.fin && !seg.bits.rst) enter_time_wait(now); // our ACK was lost: step 8
        return dropped(drop_reason::tcp_out_of_window);
    }
    return verdict::go_on;
}

/// A keep-alive or window probe as most stacks send it: sequence number RCV.NXT - 1, at most one octet, a valid ACK.
bool connection::looks_like_probe(const segment& seg) const noexcept
{
    return seg.seq == rcv_.nxt - 1 && seg.length() <= 1 && seg.bits.ack && !seg.bits.syn && seg.ack.at_or_before(snd_.nxt);
}

/// Answers an unacceptable segment with an ACK. A segment that occupies sequence space comes from a timer of the peer, so its
/// answer is not limited; any other segment may itself be such an answer, and is answered at a limited rate.
void connection::correct(const segment& seg, time_point now)
{
    const bool timed = seg.length() > 0 && !seg.bits.syn;
    if (timed || corrections_.allow(looks_like_probe(seg), now)) return acks_.demand();
    ++counters_.acks_skipped;
}

void connection::challenge(time_point now)
{
    if (!challenges_.allow(now)) return;
    ++counters_.challenge_acks;
    acks_.demand();
}

/// Step 2, with RFC 5961 §3.2: only the exact sequence number resets.
connection::verdict connection::check_reset(const segment& seg, time_point now)
{
    if (seg.seq != rcv_.nxt) {
        challenge(now);
        return dropped(drop_reason::tcp_challenge);
    }
    if (state_ == state::time_wait) return dropped(drop_reason::tcp_challenge); // RFC 1337: no assassination
    const bool nobody_to_tell = detached_ && (state_ == state::closing || state_ == state::last_ack);
    const bool back_to_listen = state_ == state::syn_received && passive_ && !opens_early(); // MUST-11
    if (nobody_to_tell || back_to_listen) {
        closed();
        return verdict::drop;
    }
    const int why = state_ == state::syn_received && !passive_ ? ECONNREFUSED : state_ == state::close_wait ? EPIPE : ECONNRESET;
    fail(errno_code(why));
    return verdict::drop;
}

/// Step 4, with RFC 5961 §4.2.
connection::verdict connection::check_syn(const segment& seg, time_point now)
{
    if (is_repeated_syn(seg)) { // acceptable because it carries data that was not accepted the first time
        sent_.mark_front_lost();
        return dropped(drop_reason::tcp_out_of_window);
    }
    if (state_ == state::syn_received && passive_ && !seg.bits.ack && !opens_early()) {
        closed(); // return to LISTEN
        return dropped(drop_reason::tcp_challenge);
    }
    challenge(now);
    return dropped(drop_reason::tcp_challenge);
}

connection::verdict connection::process_ack(const segment& seg, time_point now)
{
    if (!seg.bits.ack) return dropped(drop_reason::tcp_no_ack);
    keep_alive_.heard(now);
    if (state_ == state::syn_received && ack_in_syn_received(seg, now) == verdict::drop) return verdict::drop;
    if (check_ack(seg, now) == verdict::drop) return verdict::drop;
    corrections_.agreed();
    // RFC 7323 §4.3 (2), but only after the ACK check: otherwise a forged segment with a guessed SEQ could set TS.Recent so high
    // that PAWS drops everything the peer sends (Linux likewise: tcp_replace_ts_recent).
    if (seg.options.ts && ts_.enabled()) ts_.received(*seg.options.ts, seg.seq, rcv_.last_ack, now);
    if (has_news(seg)) {
        acknowledged(seg, now);
    } else {
        maybe_duplicate_ack(seg, now);
    }
    update_window(seg, now);
    if (snd_.wnd == 0) timeouts_ = 0; // a peer that answers is kept, however long its window is closed (RFC 9293 MUST-37)
    return state_ == state::closed ? verdict::drop : verdict::go_on;
}

/// An ACK for several segments must not hide which of them were CE-marked: at a change of the echo, mark_report splits it.
void connection::note_mark(const segment& seg)
{
    const bool echo = ecn_.echo();
    if (ecn_.arrived(seg) && (ecn_.is_exact() || marks_.has_news())) {
        marks_.change(rcv_.last_ack, rcv_.nxt, echo);
        acks_.demand();
    }
    marks_.arrived(seg.congestion_experienced);
}

/// Step 6. The urgent pointer points to the octet after the urgent one (RFC 6093 §2.1: so in all implementations).
void connection::process_urgent(const segment& seg) // RFC 9293 MUST-30
{
    if (!seg.bits.urg || seg.urgent == 0 || !may_receive(state_)) return;
    const auto ahead = static_cast<std::int32_t>(seg.first_octet() + (seg.urgent - 1U) - rcv_.nxt);
    if (ahead >= 0 && urgent_.announce(incoming_.next() + static_cast<std::uint32_t>(ahead), incoming_.next()))
        events_.urgent = true; // RFC 9293 MUST-32
}

/// Step 7. Payload outside the window is cut off; out-of-order payload is kept.
connection::verdict connection::process_text(segment& seg, time_point now)
{
    if (seg.payload_size == 0 || !(may_receive(state_) || opens_early())) return verdict::go_on;
    const bool was_cut = seg.first_octet().before(rcv_.nxt);
    if (was_cut) {
        const std::uint32_t known = std::min(rcv_.nxt - seg.first_octet(), seg.payload_size);
        sack_.came_twice(seg.first_octet(), seg.first_octet() + known);
        seg.trim_front(known);
        acks_.demand(); // a partial duplicate: our ACK may have been lost
        acks_.hasten();
    }
    const std::uint32_t window = receive_window();
    const std::uint32_t ahead = seg.first_octet() - rcv_.nxt;
    if (ahead + seg.payload_size > window) {
        seg.trim_back(window > ahead ? window - ahead : 0);
        acks_.demand(); // tell the peer at once where the window ends
    }
    if (seg.payload_size == 0) return verdict::go_on;
    if (is_for_nobody()) { // RFC 9293 §3.6.1, RFC 1122 §4.2.2.13
        queue_reset();
        detached_ ? closed() : fail(errno_code(ECONNRESET));
        return dropped(drop_reason::tcp_no_socket);
    }
    const bool was_early = ahead > 0;
    if (was_early && !sack_.enabled()) acks_.demand_duplicates(seg.wire_segments());
    if (was_early && share_.spent()) { // the peer will retransmit it
        acks_.demand();
        return dropped(drop_reason::tcp_no_memory);
    }
    const bool had_hole = !incoming_.early().empty();
    const auto size = seg.payload_size;
    const std::uint64_t at = incoming_.next() + ahead;
    if (had_hole) report_held(seg, at, was_cut);
    incoming_.be_sparing(share_.tight());
    if (const auto echo = seg.options.ts; echo && ts_.enabled() && echo->echo != 0)
        if (const auto r = ts_.round_trip(echo->echo, now); r && *r > duration::zero()) tuning_.round_trip(*r);
    const auto delivered = static_cast<std::uint32_t>(incoming_.receive(at, std::move(seg.payload)));
    rcv_.nxt += delivered;
    if (was_early) sack_.came_early(at, incoming_.early());
    if (delivered > 0) acks_.advanced();
    if (const auto mark = urgent_.awaited(); mark && *mark < incoming_.next()) {
        urgent_.arrived(incoming_.octet_at(*mark));
        events_.urgent = true;
    }
    if (was_early) note_early(seg);
    settle();
    if (was_early || had_hole) {
        acks_.demand(); // RFC 5681 §4.2
        if (!had_hole) hole_since_ = now;
        if (incoming_.early().empty() && now - hole_since_ > rtt_.srtt() / 2) acks_.hasten(); // a loss, not reordering
    } else {
        if (now - std::exchange(last_data_received_, now) > rtt_.rto()) acks_.hasten(); // the peer may have had a timeout
        acks_.data_received(size, receive_mss_, options_.quick_ack ? duration::zero() : options_.delayed_ack, timers_, now);
    }
    if (delivered > 0) events_.readable = true;
    return verdict::go_on;
}

/// Counts an out-of-order segment.
void connection::note_early(const segment& seg)
{
    ++counters_.out_of_order_segs;
    mishaps_.add().out_of_order_received += seg.wire_segments();
}

/// Queues a D-SACK for the parts of the segment that the reassembler already holds: one for each segment on the wire
/// (RFC 2883 §4).
/// @param at stream position of the segment's first octet  @param has_told one D-SACK for this segment is queued already
void connection::report_held(const segment& seg, std::uint64_t at, bool has_told)
{
    const std::uint64_t begin = at, end = at + seg.payload_size;
    for (std::uint32_t most = seg.wire_segments() - (has_told ? 1 : 0); most > 0; --most) {
        const stream_range held = incoming_.early().first_held(at, end);
        if (held.begin == held.end) return;
        sack_.came_twice(seg.first_octet() + static_cast<std::uint32_t>(held.begin - begin),
                         seg.first_octet() + static_cast<std::uint32_t>(held.end - begin));
        at = held.end;
    }
}

/// Step 8. A FIN beyond a hole is remembered, and processed once the hole is filled.
void connection::process_fin(const segment& seg, time_point now)
{
    if (seg.bits.fin && !got_fin_) rcv_.fin = seg.end() - 1;
    if (rcv_.fin && !got_fin_ && rcv_.nxt == *rcv_.fin) fin_received(now);
    if (seg.bits.fin) acks_.demand();
}

void connection::fin_received(time_point now)
{
    got_fin_ = true;
    rcv_.nxt += 1;
    acks_.demand();
    events_.readable = true;
    if (state_ == state::established) {
        enter(state::close_wait);
    } else if (state_ == state::fin_wait_1) {
        enter(state::closing); // our FIN is unacknowledged: step 5 would have left FIN-WAIT-1
    } else if (state_ == state::fin_wait_2) {
        enter_time_wait(now);
    }
}

} // namespace tapio::core::tcp
