// TIMEOUTS (RFC 9293 §3.10.8): what each timer does when it expires.
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

void connection::on_timer(time_point now)
{
    if (timers_.take_expired(timer::delayed_ack, now)) acks_.delay_passed();
    (void)timers_.take_expired(timer::pace, now); // nothing to do: output resumes
    if (timers_.take_expired(timer::reorder, now)) reorder_timeout(now);
    if (timers_.take_expired(timer::tail_probe, now)) {
        due_.tail = true;
        if (recovery_.probes() == 0) arm_retransmit(now); // RFC 8985 §7.3; later probes do not postpone the RTO
    }
    if (timers_.take_expired(timer::retransmit, now)) retransmit_timeout(now);
    if (timers_.take_expired(timer::persist, now)) persist_timeout(now);
    if (timers_.take_expired(timer::keep_alive, now)) keep_alive_timeout(now);
    if (timers_.take_expired(timer::orphan, now)) orphan_timeout(now);
    if (timers_.take_expired(timer::fin_wait_2, now)) closed();
    if (timers_.take_expired(timer::time_wait, now)) closed();
}

/// The user timeout (RFC 5482) does not limit a passive open, which ends after `syn_retries` retransmissions of the SYN,ACK.
bool connection::heeds_user_timeout() const noexcept
{
    return options_.user_timeout > duration::zero() && !(is_opening(state_) && passive_);
}

/// R2 of RFC 9293 §3.8.3, as a number of retransmissions, or the user timeout. MUST-20, MUST-22
bool connection::gives_up(time_point now) const noexcept
{
    if (heeds_user_timeout()) {
        if (now - last_progress_ >= options_.user_timeout) return true;
        if (!is_opening(state_)) return false;
    }
    if (is_opening(state_)) return timeouts_ >= options_.syn_retries;
    return timeouts_ >= (detached_ ? std::min(options_.retries, options_.orphan_retries) : options_.retries);
}

/// As long as the peer answers, the connection is kept, however long its window is closed (RFC 9293 MUST-37). A user timeout
/// limits that, counted from the first probe, as on Linux.
bool connection::gives_up_probing(time_point now) const noexcept
{
    if (heeds_user_timeout()) return persist_backoff_ > 0 && now - probing_since_ >= options_.user_timeout;
    return gives_up(now);
}

/// The retransmission timer's deadline if armed now: an RTO, but no later than the end of the user timeout.
time_point connection::retransmit_deadline(time_point now) const noexcept
{
    const time_point at = now + rtt_.rto();
    return heeds_user_timeout() ? std::min(at, last_progress_ + options_.user_timeout) : at;
}

/// The persist timer's deadline: `at`, but no later than the end of the user timeout.
time_point connection::probe_deadline(time_point at) const noexcept
{
    return heeds_user_timeout() && persist_backoff_ > 0 ? std::min(at, probing_since_ + options_.user_timeout) : at;
}

/// An orphan's peer may answer forever without accepting data, so that no other timer ends the connection.
void connection::orphan_timeout(time_point now)
{
    const time_point end = last_progress_ + options_.orphan_timeout;
    if (now < end) return timers_.arm(timer::orphan, end);
    ++counters_.orphans_timed_out;
    abandon();
}

/// We give up: the peer, if it can be reached, gets a RST.
void connection::abandon()
{
    queue_reset();
    fail(soft_error_ ? soft_error_ : errno_code(ETIMEDOUT));
}

/// RFC 6298 §5.4 to §5.7
void connection::retransmit_timeout(time_point now)
{
    if (sent_.empty()) return;
    if (gives_up(now)) return fail(soft_error_ ? soft_error_ : errno_code(ETIMEDOUT));
    ++counters_.timeouts;
    ++mishaps_.add().timeouts;
    if (timeouts_ == 0) ++mishaps_.add().timeout_recoveries;
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
    if (mtu_search_) news.mtu_trial = mtu_search_->trial();
    if (recovery_.reordering_timeout(news, rtt_, rate_, sent_, *congestion_)) ++counters_.fast_retransmits;
    timers_.arm(timer::reorder, recovery_.reordering_deadline());
}

void connection::persist_timeout(time_point now) // RFC 9293 MUST-35, MUST-36
{
    if (gives_up_probing(now)) return abandon();
    if (persist_backoff_ == 0) probing_since_ = now;
    ++timeouts_;
    due_.window = true;
    const unsigned shift = std::min(persist_backoff_++, 16U);
    timers_.arm(timer::persist, probe_deadline(now + std::min(rtt_.rto() * (INT64_C(2) << shift), options_.max_rto)));
}

void connection::keep_alive_timeout(time_point now)
{
    if (!synchronized(state_) || state_ == state::time_wait) return;
    switch (keep_alive_.fired(options_, !sent_.empty(), timers_, now)) {
    case keep_alive::action::none: return;
    case keep_alive::action::probe: due_.keep_alive = true; return;
    case keep_alive::action::give_up: return abandon();
    }
}

} // namespace tapio::core::tcp
