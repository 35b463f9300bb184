// SEGMENT ARRIVES, step 5: the ACK field (RFC 9293 §3.10.7.4), and its effect on the scoreboard, the windows and the timers.
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

/// RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT
connection::verdict connection::check_ack(const segment& seg, time_point now)
{
    if (seg.ack.after(snd_.nxt)) { // acknowledges data that was never sent
        if (corrections_.allow(false, now)) {
            acks_.demand();
        } else {
            ++counters_.acks_skipped;
        }
        return dropped(drop_reason::tcp_bad_ack);
    }
    if (seg.ack.before(snd_.una - snd_.max_wnd)) {
        challenge(now);
        return dropped(drop_reason::tcp_bad_ack);
    }
    return verdict::go_on;
}

/// The ACK advances SND.UNA, carries SACK or D-SACK blocks, or, with SACK, is a duplicate ACK while data is outstanding.
bool connection::has_news(const segment& seg) const noexcept
{
    if (seg.ack.after(snd_.una)) return true;
    if (told_twice(seg)) return true;
    return recovery_.uses_sack() && seg.ack == snd_.una && !sent_.empty() && snd_.wnd != 0 &&
           (!seg.options.sack.empty() || seg.length() == 0);
}

void connection::acknowledged(const segment& seg, time_point now)
{
    ack_news news = update_scoreboard(seg, now);
    ack_sample& sample = news.sample;
    sample.ece = ecn_.enabled() && seg.bits.ece;
    if (news.advanced) {
        sample.acked = data_octets_acknowledged(seg.ack - snd_.una);
        snd_.una = seg.ack;
        outgoing_.acknowledge(snd_.una_position);
        settle();
        timeouts_ = 0;
        last_progress_ = now;
        if (sent_.empty() && sample.acked > 0) busy_ += now - busy_since_;
    }
    if (!recovery_.uses_sack()) sample.delivered = sample.acked;
    if (recovery_.acknowledged(news, rtt_, rate_, sent_, *congestion_)) ++counters_.fast_retransmits;
    sample.rate = rate_.sample(news.newest, rtt_.min_rtt());
    const bool marked = ecn_.told(seg, snd_.una, snd_.nxt);
    if (marked && !sample.in_recovery) {
        recovery_.reduced_for_mark();
        if (!congestion_->counts_marks()) congestion_->congestion_experienced(sample.prior_flight, now);
    }
    if (sample.ece) mishaps_.add().delivered_ce += static_cast<std::uint32_t>((sample.delivered + send_mss_ - 1) / send_mss_);
    if (sample.delivered > 0) congestion_->acknowledged(sample);
    events_.writable = events_.writable || (sample.delivered > 0 && writable());
    if (news.advanced || sample.delivered > 0) rearm_retransmit(now);
    timers_.arm(timer::reorder, sent_.empty() ? never : recovery_.reordering_deadline());
    if (fin_sent_ && snd_.una == snd_.nxt) our_fin_acknowledged(now);
}

/// Marks the outstanding segments that the ACK covers (RFC 6675 §3, Update()), and takes its round-trip sample.
ack_news connection::update_scoreboard(const segment& seg, time_point now)
{
    ack_news news;
    news.nxt = snd_.nxt;
    news.una = seg.ack;
    news.mss = send_mss_;
    news.advanced = seg.ack.after(snd_.una);
    news.has_sack = !seg.options.sack.empty();
    if (news.has_sack) news.duplicate = told_twice(seg);
    if (ts_.enabled() && seg.options.ts) news.echo = seg.options.ts->echo;
    ack_sample& sample = news.sample;
    sample.now = now;
    sample.prior_flight = recovery_.in_flight(sent_);
    sample.window_limited = use_.in_use(*congestion_);

    // Latest transmission time among the delivered segments that were sent only once (Karn's rule; MUST-18).
    std::optional<time_point> once_only;
    bool sent_again = false, original = false, in_order = true, overtaken = false;
    std::uint32_t shown_to_pass = 0; // the largest segment; 0: no larger one than before
    const auto delivered = [&](const sent_segment& s) {
        sample.delivered += s.size();
        sent_again = sent_again || s.retransmitted;
        if (!s.retransmitted) original = true;
        // A segment sent before the last timeout gives no sample: its first ACK may have been lost.
        if (!s.retransmitted && s.sent_at >= last_timeout_) once_only = once_only ? std::max(*once_only, s.sent_at) : s.sent_at;
        // The echo says nothing about SACKed segments: data beyond a hole does not update TS.Recent (RFC 7323 §4.3).
        overtaken = recovery_.delivered(s, in_order && answers_earlier(s, seg), rtt_, now) || overtaken;
        rate_.delivered(s, news.newest, now);
        if (mtu_search_) shown_to_pass = std::max(shown_to_pass, mtu_search_->shown_by(s));
    };
    sent_.acknowledge(seg.ack, delivered);
    news.original_acked = original;
    in_order = false;
    if (recovery_.uses_sack()) {
        for (const sequence_range& b : seg.options.sack)
            if (b.begin.before(b.end) && b.begin.at_or_after(seg.ack) && b.end.at_or_before(snd_.nxt))
                sent_.sack(b.begin, b.end, delivered);
    } else if (sent_again) {
        once_only.reset(); // the data beyond the filled hole arrived long ago
    }
    if (once_only) {
        sample.rtt = now - *once_only;
    } else if (news.advanced && news.echo && *news.echo != 0) { // RFC 7323 §4.1
        // The answer to a duplicate echoes an old timestamp (§5.3 R2): one from before the last timeout is not used.
        const duration r = ts_.round_trip(*news.echo, now).value_or(duration::zero());
        if (now - r >= last_timeout_) sample.rtt = r;
    }
    if (sample.rtt > duration::zero() || once_only) rtt_.sample(sample.rtt);
    if (overtaken) ++mishaps_.add().reorderings;
    if (news.duplicate) ++mishaps_.add().duplicates_told;
    if (mtu_search_ && news.advanced) mtu_search_->acknowledged(seg.ack, now);
    if (mtu_search_) news.mtu_trial = mtu_search_->trial();
    if (shown_to_pass != 0) larger_segments_pass(shown_to_pass, now);
    sample.smoothed_rtt = rtt_.srtt();
    sample.least_rtt = rtt_.min_rtt();
    return news;
}

/// The ACK echoes a timestamp older than the last transmission of `s`, so it answers an earlier transmission.
bool connection::answers_earlier(const sent_segment& s, const segment& seg) const noexcept
{
    return ts_.enabled() && seg.options.ts && static_cast<std::int32_t>(seg.options.ts->echo - ts_.value(s.sent_at)) < 0;
}

/// The D-SACK block: the first block, if it lies below SEG.ACK or within the second block (RFC 2883 §5).
std::optional<sequence_range> connection::told_twice(const segment& seg) const noexcept
{
    const auto& blocks = seg.options.sack;
    if (!recovery_.uses_sack() || blocks.empty() || !blocks[0].begin.before(blocks[0].end)) return std::nullopt;
    if (blocks[0].end.after(snd_.nxt) || blocks[0].begin.before(snd_.una - snd_.max_wnd)) return std::nullopt;
    if (blocks[0].end.at_or_before(seg.ack)) return blocks[0];
    const bool inside =
        blocks.size() > 1 && blocks[0].begin.at_or_after(blocks[1].begin) && blocks[0].end.at_or_before(blocks[1].end);
    return inside ? std::optional(blocks[0]) : std::nullopt;
}

/// RFC 6298 §5.2, §5.3. With few segments in flight, RFC 7765: the time since the earliest was sent is subtracted, but at most
/// half of the RTO, because the peer may delay its ACK.
void connection::rearm_retransmit(time_point now)
{
    constexpr std::size_t few = 4;
    if (sent_.empty()) {
        timers_.cancel(timer::retransmit);
        timers_.cancel(timer::tail_probe);
        return;
    }
    if (timers_.armed(timer::persist)) return;
    const bool restart = !recovery_.uses_sack() && sent_.size() < few && unsent() == 0; // with SACK, tail loss probes cover this
    const duration elapsed = restart ? std::min(now - sent_.front().sent_at, rtt_.rto() / 2) : duration::zero();
    timers_.arm(timer::retransmit, std::min(retransmit_deadline(now), now + rtt_.rto() - elapsed));
    arm_tail_probe(now);
}

/// RFC 8985 §7.2. A first probe that is due after the RTO is sent at the RTO instead; later probes then are not sent.
void connection::arm_tail_probe(time_point now)
{
    using namespace std::chrono_literals;
    constexpr duration longest_ack_delay = 200ms; // WCDelAckT
    timers_.cancel(timer::tail_probe);
    if (!synchronized(state_) || timeouts_ > 0 || !recovery_.may_probe(sent_)) return;
    const bool one = sent_.outstanding() <= send_mss_;
    const time_point at = now + recovery_.probe_timeout(rtt_, one, longest_ack_delay);
    const time_point timeout = timers_.deadline(timer::retransmit);
    if (recovery_.probes() == 0 || at < timeout) timers_.arm(timer::tail_probe, std::min(at, timeout));
}

std::uint32_t connection::data_octets_acknowledged(std::uint32_t newly) noexcept
{
    if (syn_outstanding()) --newly;
    if (fin_sent_ && snd_.una + newly == snd_.nxt && newly > 0) {
        const std::uint64_t left = outgoing_.end() - snd_.una_position;
        newly = static_cast<std::uint32_t>(std::min<std::uint64_t>(newly, left)); // without the FIN
    }
    snd_.una_position += newly;
    return newly;
}

/// RFC 5681 §2: data outstanding; no payload, SYN or FIN; the same ACK number and window.
void connection::maybe_duplicate_ack(const segment& seg, time_point now)
{
    const bool same_window = octets(seg.window << snd_scale_) == snd_.wnd;
    if (recovery_.uses_sack() || seg.ack != snd_.una || seg.length() != 0 || !same_window || sent_.empty() || snd_.wnd == 0)
        return;
    if (recovery_.duplicate_ack(snd_.una, snd_.nxt, send_mss_, sent_, *congestion_, now)) ++counters_.fast_retransmits;
}

void connection::update_window(const segment& seg, time_point now)
{
    // RFC 9293 §3.10.7.4: only segments newer than the one of the last update
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
    const time_point deadline = timers_.deadline(timer::persist);
    timers_.cancel(timer::persist);
    persist_backoff_ = 0;
    if (sent_.empty()) { // a window too small to use must not postpone the SWS override (RFC 9293 §3.8.6.2.1)
        if (unsent() > 0 || fin_unsent()) timers_.arm(timer::persist, std::min(deadline, now + window_patience()));
        return;
    }
    if (was_closed) return take_back_unaccepted(); // the probe's octet, which did not fit the window
    arm_retransmit(now);
}

/// Everything in flight becomes unsent again, because the peer did not accept it; it is sent again together with newer data.
void connection::take_back_unaccepted()
{
    timers_.cancel(timer::retransmit);
    fin_sent_ = fin_sent_ && sent_.front().end != snd_.nxt;
    if (mtu_search_) mtu_search_->forget_trial();
    snd_.nxt = sent_.front().begin;
    sent_.clear();
    resending_ = true;
}

void connection::our_fin_acknowledged(time_point now)
{
    if (state_ == state::fin_wait_1) {
        enter(state::fin_wait_2);
        timers_.cancel(timer::orphan);
        if (detached_) timers_.arm(timer::fin_wait_2, now + options_.fin_wait_2);
    } else if (state_ == state::closing) {
        enter_time_wait(now);
    } else if (state_ == state::last_ack) {
        closed();
    }
}

} // namespace tapio::core::tcp
