// SEGMENT ARRIVES in SYN-RECEIVED and the synchronized states (RFC 9293 §3.10.7.4). CLOSED and LISTEN are not connections
// here (core/tcp_sockets.cpp); SYN-SENT stands in segment_arrives_opening.cpp.
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

std::optional<drop_reason> connection::on_segment(segment seg, time_point now)
{
    ++segments_received_;
    drop_.reset();
    if (state_ == state::syn_sent) return arrives_in_syn_sent(seg, now);
    if (state_ == state::closed) return drop_reason::tcp_no_socket;
    if (check_timestamp(seg, now) == verdict::drop) return drop_; // RFC 7323 §5.3 stands before step 1
    if (check_sequence(seg, now) == verdict::drop) return drop_;  // step 1
    if (check_reset(seg, now) == verdict::drop) return drop_;     // step 2; step 3 (security) has no form today
    if (check_syn(seg, now) == verdict::drop) return drop_;       // step 4
    if (process_ack(seg, now) == verdict::drop) return drop_;     // step 5
    process_urgent(seg);                                          // step 6
    if (process_text(seg, now) == verdict::drop) return drop_;    // step 7
    process_fin(seg, now);                                        // step 8
    return drop_;
}

connection::verdict connection::dropped(drop_reason why) noexcept
{
    drop_ = why;
    return verdict::drop;
}

connection::verdict connection::check_timestamp(const segment& seg, time_point now)
{
    if (!ts_.enabled() || seg.bits.rst) return verdict::go_on;
    if (!seg.options.ts) return dropped(drop_reason::tcp_paws); // RFC 7323 §3.2: SHOULD drop, silently
    if (!ts_.is_old(*seg.options.ts, now)) return verdict::go_on;
    ++counters_.paws_drops; // RFC 7323 §5.3 R1
    acks_.demand();
    return dropped(drop_reason::tcp_paws);
}

/// The four cases of RFC 9293 §3.10.7.4 step 1 (table 6).
bool connection::acceptable(const segment& seg) const noexcept
{
    const std::uint32_t window = receive_window();
    if (seg.length() == 0) return window == 0 ? seg.seq == rcv_.nxt : seg.seq.within(rcv_.nxt, window);
    if (window == 0) return false;
    return seg.seq.within(rcv_.nxt, window) || (seg.end() - 1).within(rcv_.nxt, window);
}

connection::verdict connection::check_sequence(segment& seg, time_point now)
{
    if (is_crossed_syn_ack(seg)) unwrap_syn_ack(seg);
    const bool probes_closed_window = receive_window() == 0 && seg.seq == rcv_.nxt && seg.length() > 0;
    if (probes_closed_window && !seg.bits.syn) {
        // "Special allowance": its ACK and RST count, its text does not, and it is answered.
        seg.trim_back(0);
        seg.bits.fin = false;
        acks_.demand();
    } else if (!acceptable(seg)) {
        if (is_repeated_syn(seg)) {
            sent_.mark_front_lost(); // our SYN,ACK was lost: the peer asks for it again
        } else if (!seg.bits.rst) {
            acks_.demand();
        }
        if (state_ == state::time_wait && seg.bits.fin && !seg.bits.rst) enter_time_wait(now); // our ACK was lost: step 8
        return dropped(drop_reason::tcp_out_of_window);
    }
    if (seg.options.ts && ts_.enabled()) ts_.received(*seg.options.ts, seg.seq, rcv_.last_ack, now);
    return verdict::go_on;
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
    if (!seg.bits.rst) return verdict::go_on;
    if (seg.seq != rcv_.nxt) {
        challenge(now);
        return dropped(drop_reason::tcp_challenge);
    }
    if (state_ == state::time_wait) return dropped(drop_reason::tcp_challenge); // RFC 1337: no assassination
    if (state_ == state::closing || state_ == state::last_ack || (state_ == state::syn_received && passive_)) {
        closed(); // nobody to tell; a passive open returns to LISTEN
        return verdict::drop;
    }
    const int why = state_ == state::syn_received ? ECONNREFUSED : state_ == state::close_wait ? EPIPE : ECONNRESET;
    fail(errno_code(why));
    return verdict::drop;
}

/// Step 4, with RFC 5961 §4.2.
connection::verdict connection::check_syn(const segment& seg, time_point now)
{
    if (!seg.bits.syn) return verdict::go_on;
    if (state_ == state::syn_received && passive_ && !seg.bits.ack) {
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
    if (seg.ack.after(snd_.una)) {
        acknowledged(seg, now);
    } else {
        maybe_duplicate_ack(seg, now);
    }
    update_window(seg, now);
    if (snd_.wnd == 0) timeouts_ = 0; // it answers: a closed window is no reason to give up (RFC 9293 MUST-37)
    return state_ == state::closed ? verdict::drop : verdict::go_on;
}

/// RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT
connection::verdict connection::check_ack(const segment& seg, time_point now)
{
    if (seg.ack.after(snd_.nxt)) { // acknowledges what was never sent
        acks_.demand();
        return dropped(drop_reason::tcp_bad_ack);
    }
    if (seg.ack.before(snd_.una - snd_.max_wnd)) {
        challenge(now);
        return dropped(drop_reason::tcp_bad_ack);
    }
    return verdict::go_on;
}

void connection::acknowledged(const segment& seg, time_point now)
{
    const std::uint32_t newly = seg.ack - snd_.una;
    ack_sample sample{.acked = newly, .prior_flight = recovery_.in_flight(sent_), .now = now};
    sample.window_limited = window_limited(sample.prior_flight);
    const auto gone = sent_.acknowledge(seg.ack);
    sample_rtt(seg, gone, sample, now);
    sample.acked = data_octets_acknowledged(newly);
    snd_.una = seg.ack;
    outgoing_.acknowledge(snd_.una_position);
    timeouts_ = 0;
    last_progress_ = now;
    recovery_.new_ack(snd_.una, sample, send_mss_, sent_, *congestion_);
    events_.writable = events_.writable || (sample.acked > 0 && writable());
    if (sent_.empty()) { // RFC 6298 §5.2, §5.3
        timers_.cancel(timer::retransmit);
    } else if (!timers_.armed(timer::persist)) {
        arm_retransmit(now);
    }
    if (fin_sent_ && snd_.una == snd_.nxt) our_fin_acknowledged(now);
}

/// Growth of the window is earned by using it (RFC 7661): in slow start half of it, as it doubles meanwhile.
bool connection::window_limited(std::uint64_t prior_flight) const noexcept
{
    const std::uint64_t cwnd = congestion_->window();
    if (cwnd < congestion_->threshold()) return 2 * prior_flight >= cwnd;
    return prior_flight + send_mss_ > cwnd;
}

std::uint32_t connection::data_octets_acknowledged(std::uint32_t newly) noexcept
{
    if (snd_.una == snd_.iss) --newly; // the SYN
    if (fin_sent_ && snd_.una + newly == snd_.nxt && newly > 0) {
        const std::uint64_t left = outgoing_.end() - snd_.una_position;
        newly = static_cast<std::uint32_t>(std::min<std::uint64_t>(newly, left)); // the FIN
    }
    snd_.una_position += newly;
    return newly;
}

void connection::sample_rtt(const segment& seg, const sent_queue::acknowledged& gone, ack_sample& sample, time_point now)
{
    if (gone.sent_at) { // sent once only: Karn's rule is kept
        sample.rtt = now - *gone.sent_at;
    } else if (ts_.enabled() && seg.options.ts && seg.options.ts->echo != 0) { // RFC 7323 §4.1
        sample.rtt = ts_.round_trip(seg.options.ts->echo, now).value_or(duration::zero());
    }
    if (sample.rtt > duration::zero() || gone.sent_at) rtt_.sample(sample.rtt);
    sample.smoothed_rtt = rtt_.srtt();
}

/// RFC 5681 §2: outstanding data, no payload, no SYN or FIN, the same acknowledgement and the same window.
void connection::maybe_duplicate_ack(const segment& seg, time_point now)
{
    const bool same_window = octets(seg.window << snd_scale_) == snd_.wnd;
    if (seg.ack != snd_.una || seg.length() != 0 || !same_window || sent_.empty() || snd_.wnd == 0) return;
    if (recovery_.duplicate_ack(snd_.una, snd_.nxt, send_mss_, sent_, *congestion_, now)) ++counters_.fast_retransmits;
}

void connection::update_window(const segment& seg, time_point now)
{
    // RFC 9293 §3.10.7.4: only from segments newer than the last that updated it
    const bool newer = snd_.wl1.before(seg.seq) || (snd_.wl1 == seg.seq && snd_.wl2.at_or_before(seg.ack));
    if (!newer || seg.ack.before(snd_.una)) return;
    const std::uint32_t before = snd_.wnd;
    snd_.wnd = octets(seg.window << snd_scale_);
    snd_.max_wnd = std::max(snd_.max_wnd, snd_.wnd);
    snd_.wl1 = seg.seq;
    snd_.wl2 = seg.ack;
    if (timers_.armed(timer::persist) && snd_.wnd > 0) leave_persist(before == 0, now);
}

void connection::leave_persist(bool was_closed, time_point now)
{
    timers_.cancel(timer::persist);
    persist_backoff_ = 0;
    if (sent_.empty()) return;
    if (was_closed) return take_back_probe();
    arm_retransmit(now);
}

/// The probe's octet, which the window had no room for, goes back to what is unsent, and out again with what follows it.
void connection::take_back_probe()
{
    fin_sent_ = fin_sent_ && sent_.front().end != snd_.nxt;
    snd_.nxt = sent_.front().begin;
    sent_.clear();
    resending_ = true;
}

void connection::our_fin_acknowledged(time_point now)
{
    if (state_ == state::fin_wait_1) {
        enter(state::fin_wait_2);
        if (detached_) timers_.arm(timer::fin_wait_2, now + options_.fin_wait_2);
    } else if (state_ == state::closing) {
        enter_time_wait(now);
    } else if (state_ == state::last_ack) {
        closed();
    }
}

/// Step 6. The pointer points behind the urgent octet (RFC 6093 §2.1: what all implementations do).
void connection::process_urgent(const segment& seg)
{
    if (!seg.bits.urg || seg.urgent == 0 || !may_receive(state_)) return;
    const auto ahead = static_cast<std::int32_t>(seg.first_octet() + (seg.urgent - 1U) - rcv_.nxt);
    if (ahead >= 0 && urgent_.announce(incoming_.next() + static_cast<std::uint32_t>(ahead), incoming_.next()))
        events_.urgent = true;
}

/// Step 7. Payload outside the window is cut off; what is early is kept.
connection::verdict connection::process_text(segment& seg, time_point now)
{
    if (seg.payload_size == 0 || !may_receive(state_)) return verdict::go_on;
    if (seg.first_octet().before(rcv_.nxt)) {
        const std::uint32_t known = std::min(rcv_.nxt - seg.first_octet(), seg.payload_size);
        seg.trim_front(known);
        acks_.demand(); // some of it is a duplicate: our ACK may have been lost
    }
    const std::uint32_t window = receive_window();
    const std::uint32_t ahead = seg.first_octet() - rcv_.nxt;
    if (ahead + seg.payload_size > window) {
        seg.trim_back(window > ahead ? window - ahead : 0);
        acks_.demand(); // the peer should know at once where the window ends
    }
    if (seg.payload_size == 0) return verdict::go_on;
    if (detached_) { // RFC 9293 §3.6.1, RFC 1122 §4.2.2.13: data for nobody resets
        queue_reset();
        closed();
        return dropped(drop_reason::tcp_no_socket);
    }
    const bool was_early = ahead > 0;
    const bool had_hole = !incoming_.early().empty();
    const auto size = seg.payload_size;
    const auto delivered = static_cast<std::uint32_t>(incoming_.receive(incoming_.next() + ahead, std::move(seg.payload)));
    rcv_.nxt += delivered;
    if (const auto at = urgent_.awaited(); at && *at < incoming_.next()) {
        urgent_.arrived(incoming_.octet_at(*at));
        events_.urgent = true;
    }
    if (was_early) ++counters_.out_of_order_segs;
    if (receive_shut_) incoming_.clear(); // shutdown(receive): taken and forgotten, as Linux does
    if (was_early || had_hole) {
        acks_.demand(); // RFC 5681 §4.2
    } else {
        acks_.data_received(size, receive_mss_, options_.quick_ack ? duration::zero() : options_.delayed_ack, timers_, now);
    }
    if (delivered > 0) events_.readable = true;
    return verdict::go_on;
}

/// Step 8. A FIN ahead of a hole is remembered and acted on when its turn comes.
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
        enter(state::closing); // our FIN is not acknowledged, or step 5 would have left this state
    } else if (state_ == state::fin_wait_2) {
        enter_time_wait(now);
    }
}

} // namespace tapio::core::tcp
