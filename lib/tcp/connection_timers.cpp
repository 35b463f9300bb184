// TIMEOUTS (RFC 9293 §3.10.8): what each timer of a connection does when it fires.
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

void connection::on_timer(time_point now)
{
    if (timers_.take_expired(timer::delayed_ack, now)) acks_.demand();
    (void)timers_.take_expired(timer::pace, now); // output goes on
    if (timers_.take_expired(timer::reorder, now)) reorder_timeout(now);
    if (timers_.take_expired(timer::tail_probe, now)) {
        tail_probe_due_ = true;
        arm_retransmit(now); // RFC 8985 §7.3
    }
    if (timers_.take_expired(timer::retransmit, now)) retransmit_timeout(now);
    if (timers_.take_expired(timer::persist, now)) persist_timeout(now);
    if (timers_.take_expired(timer::keep_alive, now)) keep_alive_timeout(now);
    if (timers_.take_expired(timer::user_timeout, now)) fail(errno_code(ETIMEDOUT));
    if (timers_.take_expired(timer::fin_wait_2, now)) closed();
    if (timers_.take_expired(timer::time_wait, now)) closed();
}

/// R2 of RFC 9293 §3.8.3, as a number of retransmissions, or the user timeout (RFC 5482). MUST-20, MUST-22
bool connection::gives_up(time_point now) const noexcept
{
    const bool opening = is_opening(state_);
    if (!opening && options_.user_timeout > duration::zero()) return now - last_progress_ >= options_.user_timeout;
    return timeouts_ >= (opening ? options_.syn_retries : options_.retries);
}

/// RFC 6298 §5.4 to §5.7
void connection::retransmit_timeout(time_point now)
{
    if (sent_.empty()) return;
    if (gives_up(now)) return fail(soft_error_ ? soft_error_ : errno_code(ETIMEDOUT));
    ++counters_.timeouts;
    syn_timed_out_ = syn_timed_out_ || !synchronized(state_);
    const bool first = timeouts_++ == 0;
    last_timeout_ = now;
    rtt_.back_off(); // RFC 9293 MUST-19
    recovery_.timeout(snd_.una, snd_.nxt, first, rtt_, sent_, *congestion_, now);
    suspect_black_hole(now);
    timers_.cancel(timer::tail_probe);
    timers_.cancel(timer::reorder);
    arm_retransmit(now);
}

/// RFC 8985 §6.2 step 5
void connection::reorder_timeout(time_point now)
{
    if (sent_.empty()) return;
    ack_news news;
    news.una = snd_.una;
    news.nxt = snd_.nxt;
    news.mss = send_mss_;
    news.sample.now = now;
    if (recovery_.reordering_timeout(news, rtt_, rate_, sent_, *congestion_)) ++counters_.fast_retransmits;
    timers_.arm(timer::reorder, recovery_.reordering_deadline());
}

void connection::persist_timeout(time_point now) // RFC 9293 MUST-35, MUST-36
{
    // A peer that answers keeps the connection, however long its window stays closed (RFC 9293 MUST-37).
    if (gives_up(now)) return fail(soft_error_ ? soft_error_ : errno_code(ETIMEDOUT));
    ++timeouts_;
    probe_due_ = true;
    const unsigned shift = std::min(persist_backoff_++, 16U);
    timers_.arm(timer::persist, now + std::min(rtt_.rto() * (INT64_C(2) << shift), options_.max_rto));
}

void connection::keep_alive_timeout(time_point now)
{
    if (!synchronized(state_) || state_ == state::time_wait) return;
    switch (keep_alive_.fired(options_, !sent_.empty(), timers_, now)) {
    case keep_alive::action::none: return;
    case keep_alive::action::probe: keep_alive_due_ = true; return;
    case keep_alive::action::give_up:
        queue_reset();
        fail(errno_code(ETIMEDOUT));
        return;
    }
}

} // namespace tapio::core::tcp
