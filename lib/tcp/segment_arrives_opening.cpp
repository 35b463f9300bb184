// SEGMENT ARRIVES during the handshake: SYN-SENT (RFC 9293 §3.10.7.3), and where SYN-RECEIVED differs from the synchronized
// states.
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

std::optional<drop_reason> connection::arrives_in_syn_sent(const segment& seg, time_point now)
{
    const bool ack_acceptable = seg.bits.ack && seg.ack.after(snd_.iss) && seg.ack.at_or_before(snd_.nxt);
    if (seg.bits.ack && !ack_acceptable) { // first
        if (!seg.bits.rst) reset_ = reset_for(seg);
        return drop_reason::tcp_bad_ack;
    }
    if (seg.bits.rst) { // second
        if (!ack_acceptable) return drop_reason::tcp_no_ack;
        fail(errno_code(ECONNREFUSED));
        return std::nullopt;
    }
    if (!seg.bits.syn || seg.bits.fin) return drop_reason::tcp_bad_flags; // fifth; SYN with FIN: as in LISTEN, no genuine peer
    accept_syn_options(seg, now);                                         // fourth
    if (!ack_acceptable) {                                                // simultaneous open (RFC 9293 §3.5, figure 8); MUST-10
        enter(state::syn_received);
        snd_.wnd = static_cast<std::uint16_t>(seg.window);
        snd_.max_wnd = snd_.wnd;
        snd_.wl1 = seg.seq;
        snd_.wl2 = snd_.iss;
        sent_.mark_all_lost(); // retransmit our SYN, now with an ACK
        if (seg.payload_size > 0) queued_text_ = std::make_unique<segment>(seg);
        return std::nullopt;
    }
    if (asks_for_ecn() && ecn::accepted(seg.bits)) ecn_.enable(exact_ecn());
    if (early_ == early_data::sent) syn_data_answered(seg.ack != snd_.iss + 1);
    acknowledged(seg, now);
    if (!sent_.empty()) take_back_unaccepted();
    established(seg, now);
    acks_.demand();
    if (seg.payload_size == 0) return std::nullopt;
    queued_text_ = std::make_unique<segment>(seg);
    (void)take_queued_text(now);
    return drop_;
}

/// Processes data that came with the peer's SYN. After crossed SYNs only now: until our SYN is acknowledged, the
/// peer's source address may be forged.
connection::verdict connection::take_queued_text(time_point now)
{
    segment rest = std::move(*std::exchange(queued_text_, nullptr));
    rest.seq = rest.first_octet();
    rest.bits.syn = false;
    acks_.demand();
    if (process_text(rest, now) == verdict::drop) return verdict::drop;
    process_fin(rest, now);
    return verdict::go_on;
}

void connection::syn_data_answered(bool taken) noexcept
{
    if (taken) early_ = early_data::taken;
    ++(taken ? counters_.fast_opens_active : counters_.fast_opens_refused);
}

/// Takes over the ISN and the options of the peer's SYN.
void connection::accept_syn_options(const segment& syn, time_point now)
{
    rcv_.irs = syn.seq;
    rcv_.nxt = syn.seq + 1;
    rcv_.last_ack = rcv_.nxt;
    rcv_.adv = rcv_.nxt + std::min<std::uint32_t>(receive_room(), 0xffff);
    scaling_ = options_.offer_window_scale && syn.options.scale.has_value();
    if (scaling_) snd_scale_ = *syn.options.scale;
    if (!scaling_) rcv_scale_ = window_scale();
    if (options_.offer_timestamps && syn.options.ts) {
        ts_.enable();
        ts_.set_recent(syn.options.ts->value, now);
    }
    if (options_.offer_sack && syn.options.sack_permitted) use_sack(); // RFC 2018 §2
    negotiate_segment_sizes(syn.options.max_segment, now);
}

void connection::open_passive(const segment& syn, time_point now, bool early)
{
    passive_ = true;
    ++counters_.passive_opens;
    snd_.una = snd_.nxt = snd_.iss;
    accept_syn_options(syn, now);
    if (options_.accept_ecn && ecn::offered(syn.bits)) ecn_.enable(exact_ecn());
    snd_.wnd = static_cast<std::uint16_t>(syn.window); // never scaled in a SYN (RFC 7323 §2.2)
    snd_.max_wnd = snd_.wnd;
    snd_.wl1 = syn.seq;
    enter(state::syn_received);
    if (!early) return;
    ++counters_.fast_opens_passive;
    early_ = early_data::taken;
    congestion_->start(send_mss_, UINT64_C(1) * options_.initial_window * send_mss_ + 1, now); // + 1: our SYN is in flight too
    segment text = syn;
    text.bits.syn = false;
    text.seq = syn.first_octet();
    (void)process_text(text, now);
    events_.writable = true;
}

/// A retransmission of the SYN that began this handshake: our answer was lost.
bool connection::is_repeated_syn(const segment& seg) const noexcept
{
    return state_ == state::syn_received && seg.bits.syn && !seg.bits.ack && !seg.bits.rst && seg.seq == rcv_.irs;
}

/// Simultaneous open: the peer sends its SYN again, now with an ACK (RFC 9293 §3.5, figure 8).
bool connection::is_crossed_syn_ack(const segment& seg) const noexcept
{
    return state_ == state::syn_received && !passive_ && seg.bits.syn && seg.bits.ack && seg.seq == rcv_.irs;
}

/// Turns the SYN,ACK into a segment without SYN; its window is unscaled (RFC 7323 §2.2), so it is converted.
void connection::unwrap_syn_ack(segment& seg) const noexcept
{
    seg.seq = seg.first_octet();
    seg.bits.syn = false;
    seg.window = snd_scale_.to_wire(static_cast<std::uint16_t>(seg.window));
}

/// RFC 9293 §3.10.7.4 step 5, SYN-RECEIVED
connection::verdict connection::ack_in_syn_received(const segment& seg, time_point now)
{
    if (!seg.ack.after(snd_.una) || seg.ack.after(snd_.nxt)) {
        reset_ = reset_for(seg);
        return dropped(drop_reason::tcp_bad_ack);
    }
    acknowledged(seg, now);
    established(seg, now);
    return queued_text_ ? take_queued_text(now) : verdict::go_on;
}

void connection::established(const segment& seg, time_point now)
{
    const bool in_syn = seg.bits.syn;
    snd_.wnd = in_syn ? static_cast<std::uint16_t>(seg.window) : octets(seg.window << snd_scale_);
    snd_.max_wnd = std::max(snd_.max_wnd, snd_.wnd);
    snd_.wl1 = seg.seq;
    snd_.wl2 = seg.ack;
    enter(state::established);
    finish_opening(now);
}

} // namespace tapio::core::tcp
