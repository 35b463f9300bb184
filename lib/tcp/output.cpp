// What to send now (RFC 9293 §3.8), one segment per call, in order of urgency: RST, retransmissions, new data, probes, a bare
// ACK.
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

bool connection::next_segment(outgoing_segment& out, time_point now, bool goes_on)
{
    left_ = {};
    if (reset_) return emit_reset(out, now), true;
    if (state_ == state::closed) return false;
    if (marks_.has_parts()) return emit_part(out, now);
    const bool any = (sent_.lost() > 0 && emit_retransmission(out, now)) || (snd_.nxt == snd_.iss && emit_syn(out, now)) ||
                     (due_.tail && emit_tail_probe(out, now)) || emit_data(out, now) || (due_.window && emit_probe(out, now)) ||
                     (due_.keep_alive && emit_keep_alive(out, now)) || emit_ack(out, now, goes_on);
    if (!any) watch_for_window(now);
    return any;
}

/// A short cut for the most frequent case: most calls after an incoming ACK or a read find nothing to send.
bool connection::has_nothing_to_say() noexcept
{
    if (!synchronized(state_) || unsent() > 0 || fin_unsent() || acks_.due() || sent_.lost() > 0) return false;
    if (reset_ || due_.any() || window_update_wanted()) return false;
    left_ = {};
    note_app_limited();
    return true;
}

void connection::emit_reset(outgoing_segment& out, time_point now)
{
    out = reset_->to_segment();
    if (ts_.enabled()) out.options.ts = timestamps{ts_.value(now), out.bits.ack ? ts_.recent() : 0}; // RFC 7323 §3.2: SHOULD
    reset_.reset();
}

/// The first SYN or SYN,ACK; later ones are retransmissions.
bool connection::emit_syn(outgoing_segment& out, time_point now)
{
    if (!is_opening(state_) || waits_for_data()) return false;
    fill_syn(out, now);
    if (opens_fast_ && !opens_fast_->without_cookie)
        out.options.fast_open = opens_fast_->cookie; // not in retransmissions: a middlebox may drop such SYNs (RFC 7413 §4.1.3.1)
    sent_new(snd_.iss, snd_.iss + 1, now);
    if (early_ == early_data::allowed) add_early_data(out, now);
    left_.nothing = !opens_early();
    return true;
}

/// RFC 7413 §4.2.1
void connection::add_early_data(outgoing_segment& syn, time_point now)
{
    const std::uint16_t known = opens_fast_->peer_mss;
    const std::uint32_t fits = std::min<std::uint32_t>(path_mss_, known != 0 ? known : sizes_of(family_).default_mss);
    const std::uint32_t room = fits - std::min(fits, fast_open::syn_options);
    const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(outgoing_.size(), room));
    if (n == 0) return;
    outgoing_.share(0, n, syn.payload);
    syn.bits.psh = n == outgoing_.size();
    sent_new(snd_.nxt, snd_.nxt + n, now);
    ++segments_.data_sent;
    early_ = early_data::sent;
}

void connection::fill_syn(outgoing_segment& out, time_point now)
{
    const bool answers = state_ == state::syn_received;
    out.seq = snd_.iss;
    out.bits.syn = true;
    out.bits.ack = answers;
    out.options.max_segment =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(offered_mss_, 0xffff)); // RFC 9293 §3.7.1; MUST-14, MUST-65
    if (answers ? scaling_ : options_.offer_window_scale) out.options.scale = rcv_scale_;
    out.options.sack_permitted = answers ? sack_.enabled() : options_.offer_sack;
    if (answers ? ts_.enabled() : options_.offer_timestamps) out.options.ts = timestamps{ts_.value(now), ts_.recent()};
    out.bits.ece = answers && passive_ ? ecn_.enabled() : !answers && asks_for_ecn(); // RFC 3168 §6.1.1
    out.bits.cwr = !answers && asks_for_ecn();
    out.window = window_scale().to_wire(std::min<std::uint32_t>(receive_room(), 0xffff)); // RFC 7323 §2.2: not scaled
    if (answers) {
        out.ack = rcv_.nxt;
        rcv_.last_ack = rcv_.nxt;
        acks_.sent(timers_);
    }
    ++segments_.sent;
}

bool connection::emit_retransmission(outgoing_segment& out, time_point now)
{
    const sent_segment* const lost = sent_.first_lost();
    if (lost == nullptr) return false;
    if (is_opening(state_) && lost->begin != snd_.iss) return false; // data only after the SYN is acknowledged
    if (!recovery_.retransmit_now()) {
        if (state_ >= state::established && congestion_room() < std::min(lost->size(), segment_room())) return false;
        if (recovery_.waits_for_verdict()) return false;
        if (recovery_.new_data_first() && unsent() > 0 && window_room() > 0) return false;
    }
    if (paced_out(now)) return false;
    recovery_.take_retransmit_now();
    const std::uint32_t data = lost->size() - (fin_sent_ && lost->end == snd_.nxt ? 1U : 0U);
    const std::uint32_t trial = trial_size(data, now), room = trial != 0 ? trial : segment_room();
    const seq_number begin = lost->begin, end = data > room ? begin + room : lost->end;
    resend(out, begin, end, now, trial != 0);
    if (trial != 0) mtu_search_->tried(begin, end);
    if (timers_.armed(timer::persist)) return true;
    timers_.arm_if_idle(timer::retransmit, retransmit_deadline(now));
    arm_tail_probe(now);
    return true;
}

void connection::resend(outgoing_segment& out, seq_number begin, seq_number end, time_point now, bool trial)
{
    ++counters_.retrans_segs;
    ++mishaps_.add().retransmissions;
    out.retransmission = true;
    const std::uint32_t size = end - begin;
    sent_.retransmitted(begin, end, now, stamp(size, now));
    if (mtu_search_) mtu_search_->sent_again(begin, end, now);
    recovery_.retransmitted(size, ts_.value(now));
    pacer_.sent(size, now);
    if (begin == snd_.iss && is_opening(state_)) return fill_syn(out, now);
    last_data_sent_ = now; // time spent in recovery is not idle time
    fill_range(out, begin, end, trial);
    if (!out.payload.empty()) {
        mishaps_.add().octets_retransmitted += out.payload.size();
        ++mishaps_.add().data_retransmissions;
    }
    finish(out, now);
}

/// RFC 8985 §7.3: new data if there is any, else the last segment in flight. A segment already marked lost goes before either:
/// it waits for the window only, and any segment elicits the ACK that the probe is for.
bool connection::emit_tail_probe(outgoing_segment& out, time_point now)
{
    due_.tail = false;
    if (!recovery_.may_probe(sent_)) return false;
    ++counters_.tail_probes;
    const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>({unsent(), window_room(), segment_room()}));
    if (const sent_segment* const lost = sent_.first_lost(); lost != nullptr) {
        recovery_.probed(snd_.nxt, true);
        resend(out, lost->begin, earlier(lost->end, lost->begin + segment_room()), now);
    } else if (n > 0 && (n == unsent() || n >= segment_room())) { // not for a fragment that is all the window has room for
        const seq_number begin = snd_.nxt;
        sent_new(begin, begin + n, now);
        recovery_.probed(snd_.nxt, false);
        fill_range(out, begin, begin + n);
        finish(out, now);
    } else {
        const sent_segment* const last = sent_.tail(segment_room());
        if (last == nullptr) return false;
        recovery_.probed(snd_.nxt, true);
        resend(out, last->begin, last->end, now);
    }
    arm_tail_probe(now);
    return true;
}

/// Fills in data [begin, end) of the sequence space, and the FIN if the range includes it. @param trial one segment, no GSO
void connection::fill_range(outgoing_segment& out, seq_number begin, seq_number end, bool trial)
{
    const bool fin = fin_sent_ && end == snd_.nxt;
    const std::uint32_t data = end - begin - (fin ? 1U : 0U);
    const std::uint64_t position = position_of(begin);
    out.seq = begin;
    out.bits.fin = fin;
    out.bits.psh = data > 0 && position + data == outgoing_.end(); // RFC 9293 MUST-60, MUST-61
    out.bits.urg = data > 0 && urgent_end_ > position;
    if (out.bits.urg)
        out.urgent = static_cast<std::uint16_t>(std::min<std::uint64_t>(urgent_end_ - position, 0xffff)); // RFC 9293 MUST-62
    if (data == 0) return;
    outgoing_.share(position, data, out.payload);
    ++segments_.data_sent;
    if (data <= segment_room() || trial) return;
    out.gso_size = static_cast<std::uint16_t>(segment_room());
    const std::uint32_t others = (data - 1) / out.gso_size; // segments on the wire besides the first
    segments_.data_sent += others;
    segments_.sent += others;
}

std::uint64_t connection::position_of(seq_number s) const noexcept
{
    const std::uint32_t ahead = s - snd_.una;
    return snd_.una_position + ahead - (syn_outstanding() && ahead > 0 ? 1 : 0); // the SYN is not a stream octet
}

/// Octets written and not yet sent.
std::uint64_t connection::unsent() const noexcept { return fin_sent_ ? 0 : outgoing_.end() - position_of(snd_.nxt); }

std::uint64_t connection::window_room() const noexcept
{
    const std::uint32_t used = snd_.nxt - snd_.una;
    return snd_.wnd > used ? snd_.wnd - used : 0; // RFC 9293 MUST-34
}

std::uint64_t connection::congestion_room() const noexcept
{
    const std::uint64_t flight = recovery_.in_flight(sent_);
    const std::uint64_t cwnd = recovery_.window(*congestion_);
    return cwnd > flight ? cwnd - flight : 0;
}

/// As many as fit in 40 octets of options; fewer where segments are so small that no room would be left for data.
std::size_t connection::most_sack_blocks() const noexcept
{
    constexpr std::size_t data = 8; // octets
    return std::min<std::size_t>(ts_.enabled() ? 3 : 4, (std::max<std::size_t>(send_mss_, data + 4) - data - 4) / 8);
}

/// Octets of payload that fit one segment now: SACK blocks reduce them (RFC 6691 §3).
std::uint32_t connection::segment_room() const noexcept
{
    const std::size_t blocks = sack_.blocks(incoming_.early(), most_sack_blocks());
    return send_mss_ - (blocks == 0 ? 0U : static_cast<std::uint32_t>(4 + 8 * blocks));
}

/// Octets of a whole piece: as many full segments as fit one GSO segment and the pacing quantum.  @param one segment_room()
std::uint32_t connection::whole_piece(std::uint32_t one) const noexcept
{
    // No GSO with an urgent pointer, which a device cannot adjust for each segment, nor where routers may fragment: then each
    // segment needs its own IP identification.
    const bool one_each = may_fragment_ || (urgent_end_ != 0 && urgent_end_ > outgoing_.end() - unsent());
    const auto piece = static_cast<std::uint32_t>(std::min<std::uint64_t>(largest_segment_, pacer_.quantum()));
    return piece > one && !one_each ? piece / one * one : one;
}

/// Octets of new data that the windows permit now, in one piece. @param left unsent()
std::uint32_t connection::sendable(std::uint64_t left, std::uint32_t one, std::uint32_t whole) const noexcept
{
    const auto allowed = static_cast<std::uint32_t>(std::min<std::uint64_t>({left, window_room(), congestion_room(), whole}));
    if (allowed <= one || (allowed == left && says_all())) return allowed;
    return allowed / one * one; // the rest, less than a segment, waits for the window or for Nagle
}

/// Neither Nagle's algorithm (RFC 9293 §3.7.4) nor a cork holds back the last octets. Minshall's variant of Nagle, as on Linux:
/// it waits for the ACK of the last less-than-full segment, not of everything in flight. MUST-17
bool connection::says_all() const noexcept
{
    const bool none_small = sent_.empty() || small_end_ <= snd_.una_position;
    const bool urgent = urgent_end_ > outgoing_.end() - unsent();
    return fin_queued_ || (!corked() && (none_small || options_.no_delay || urgent));
}

flight_stamp connection::stamp(std::uint32_t size, time_point now) noexcept
{
    return rate_.stamp(recovery_.in_flight(sent_), size, now);
}

/// The pacing rate does not permit another segment yet; arms the pacing timer.
bool connection::paced_out(time_point now) noexcept
{
    std::uint64_t rate = congestion_->pacing_rate();
    if (options_.max_pacing_rate != 0) rate = rate == 0 ? options_.max_pacing_rate : std::min(rate, options_.max_pacing_rate);
    pacer_.set_rate(rate);
    if (pacer_.may_send(now)) return false;
    timers_.arm(timer::pace, pacer_.next());
    return true;
}

/// Tells the delivery rate estimator when the windows would permit more than the user has written.
void connection::note_app_limited() noexcept
{
    if (sent_.empty() && rate_.was_idle()) return;
    if (unsent() == 0 && sent_.lost() == 0 && congestion_room() >= send_mss_) rate_.app_limited(recovery_.in_flight(sent_));
}

/// The sender's silly window avoidance and Nagle (RFC 9293 §3.8.6.2.1, §3.7.4).
bool connection::worth_sending(std::uint32_t n) const noexcept // RFC 9293 MUST-38
{
    if (n >= segment_room()) return true; // (1)
    if (corked() && !fin_queued_) return false;
    if (n == unsent() && says_all()) return true;                                        // (2)
    return sent_.empty() && 2 * n >= snd_.max_wnd && window_room() <= congestion_room(); // (3)
}

bool connection::emit_data(outgoing_segment& out, time_point now)
{
    const bool early = state_ == state::syn_received && opens_early();
    if (!(synchronized(state_) || early) || (sent_.lost() > 0 && !recovery_.new_data_first())) return false;
    const std::uint64_t left = unsent();
    if (left == 0 && !fin_unsent()) return note_app_limited(), false;
    if (sent_.empty() && last_data_sent_ != time_point{} && now - last_data_sent_ > rtt_.rto()) // RFC 5681 §4.1
        congestion_->idle_restart(UINT64_C(1) * options_.initial_window * send_mss_);
    try_larger_segments(now);
    const std::uint32_t trial = trial_size(std::min(left, window_room()), now);
    const std::uint32_t one = trial != 0 ? trial : segment_room(), whole = trial != 0 ? trial : whole_piece(one);
    left_.tail = writing_.more_expected && writing_.in_bulk && left > 0 && left < whole && !fin_queued_;
    if (left_.tail) return false;
    const std::uint32_t n = sendable(left, one, whole);
    const bool fin = !early && fin_unsent() && n == left && window_room() > n; // early: stays queued (RFC 9293 §3.10.4)
    if (!fin && (n == 0 || !worth_sending(n))) {
        note_app_limited();
        return false;
    }
    if (paced_out(now)) return false;
    writing_.in_bulk = n == whole;
    const seq_number begin = snd_.nxt;
    if (n % one != 0) small_end_ = position_of(begin) + n;
    const seq_number end = begin + n + (fin ? 1U : 0U);
    sent_new(begin, end, now);
    fin_sent_ = fin_sent_ || fin;
    fill_range(out, begin, end, trial != 0);
    finish(out, now);
    if (trial != 0) mtu_search_->tried(begin, end);
    out.ecn_capable = ecn_.enabled() && n > 0; // new data only (RFC 3168 §6.1.5)
    out.bits.cwr = out.ecn_capable && ecn_.take_cwr();
    left_.nothing = unsent() == 0 && !fin_unsent() && sent_.lost() == 0 && !due_.window && !due_.keep_alive && !acks_.due();
    if (left_.nothing && !fin_sent_) note_app_limited();
    return true;
}

void connection::sent_new(seq_number begin, seq_number end, time_point now)
{
    if (sent_.empty()) last_progress_ = busy_since_ = now;
    acks_.data_sent(now - last_data_received_, options_.delayed_ack);
    congestion_->sending(recovery_.in_flight(sent_), rate_.is_app_limited(), now);
    sent_.push(begin, end, now, stamp(end - begin, now), std::exchange(resending_, false));
    recovery_.sent(end - begin);
    pacer_.sent(end - begin, now);
    snd_.nxt = end;
    use_.sent(recovery_.in_flight(sent_), congestion_room() < segment_room(), snd_.una, snd_.nxt);
    last_data_sent_ = now;
    timers_.cancel(timer::persist);
    timers_.arm_if_idle(timer::retransmit, retransmit_deadline(now)); // RFC 6298 §5.1
    arm_tail_probe(now);
}

/// A zero-window probe: one octet beyond the window, or the FIN (RFC 9293 §3.8.6.1). If silly window avoidance has left an open
/// window unused for too long: as much as fits (the override of §3.8.6.2.1).
bool connection::emit_probe(outgoing_segment& out, time_point now)
{
    due_.window = false;
    ++counters_.zero_window_probes;
    seq_number begin = snd_.una;
    seq_number end = begin;
    if (!sent_.empty()) {
        end = sent_.front().end; // repeat the last probe
        mishaps_.add().octets_retransmitted += position_of(end) - position_of(begin);
        ++mishaps_.add().data_retransmissions;
    } else {
        begin = snd_.nxt;
        const auto n =
            static_cast<std::uint32_t>(std::min({unsent(), std::max<std::uint64_t>(window_room(), 1), std::uint64_t(send_mss_)}));
        const bool fin = n == 0 && fin_unsent();
        end = begin + n + (fin ? 1U : 0U);
        if (begin == end) return false;
        busy_since_ = now;
        sent_.push(begin, end, now, stamp(end - begin, now));
        snd_.nxt = end;
        fin_sent_ = fin_sent_ || fin;
    }
    fill_range(out, begin, end);
    finish(out, now);
    return true;
}

/// RFC 9293 §3.8.4: SEG.SEQ = SND.NXT - 1, no data; an old segment, which the peer must answer with an ACK. Nothing is in
/// flight, so SND.UNA equals SND.NXT.
bool connection::emit_keep_alive(outgoing_segment& out, time_point now)
{
    due_.keep_alive = false;
    ++counters_.keep_alive_probes;
    out.seq = snd_.una - 1;
    finish(out, now);
    return true;
}

/// Arms the persist timer if the window holds data back while nothing is in flight (RFC 9293 §3.8.6.1).
void connection::watch_for_window(time_point now)
{
    if (!synchronized(state_) || !sent_.empty() || timers_.armed(timer::persist)) return;
    if (unsent() == 0 && !fin_unsent()) return;
    timers_.arm(timer::persist, now + window_patience());
}

/// Delay before a closed window is probed (an RTO), or before a window too small for SWS avoidance is used all the same: 0.1 to
/// 1 s (RFC 9293 §3.8.6.2.1).
duration connection::window_patience() const noexcept
{
    using namespace std::chrono_literals;
    return window_room() == 0 ? rtt_.rto() : std::clamp<duration>(rtt_.rto(), 100ms, 1s);
}

} // namespace tapio::core::tcp
