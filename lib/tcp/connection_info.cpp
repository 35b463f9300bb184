// Fills in tcp_info. Nothing here changes the connection.
#include "tcp/connection.hpp"

#include <algorithm>

namespace tapio::core::tcp {

namespace {

constexpr tcp_timer public_name(timer t) noexcept
{
    switch (t) {
    case timer::retransmit: return tcp_timer::retransmit;
    case timer::tail_probe: return tcp_timer::tail_probe;
    case timer::reorder: return tcp_timer::reorder;
    case timer::pace: return tcp_timer::pace;
    case timer::persist: return tcp_timer::persist;
    case timer::delayed_ack: return tcp_timer::delayed_ack;
    case timer::keep_alive: return tcp_timer::keep_alive;
    case timer::orphan: return tcp_timer::orphan;
    case timer::fin_wait_2: return tcp_timer::fin_wait_2;
    case timer::time_wait: return tcp_timer::time_wait;
    }
    return tcp_timer::none;
}

/// @param at the clock's epoch means never
std::optional<duration> since(time_point at, time_point now) noexcept
{
    return at == time_point{} ? std::nullopt : std::optional(now - at);
}

} // namespace

tcp_info connection::info(time_point now) const
{
    tcp_info i;
    i.state = state_;
    i.passive = passive_;
    i.recovery = recovery_phase();
    i.congestion_control = congestion_->name();
    i.cwnd = congestion_->window();
    i.ssthresh = congestion_->threshold();
    i.in_flight = recovery_.in_flight(sent_);
    i.sacked = sent_.sacked();
    i.lost = sent_.lost();
    i.unsent = unsent();
    i.unacked = sent_.outstanding();
    i.unread = incoming_.unread();
    i.receive_buffer = incoming_.capacity();
    i.consecutive_timeouts = timeouts_;
    i.unanswered_probes = persist_backoff_ + keep_alive_.unanswered();
    i.delivery_rate = rate_.rate();
    i.delivery_rate_app_limited = rate_.rate_is_app_limited();
    i.pacing_rate = pacer_.rate();
    i.max_pacing_rate = options_.max_pacing_rate;
    describe_path(i);
    describe_history(i);
    describe_times(i, now);
    return i;
}

/// Negotiated options, and the path's sizes.
void connection::describe_path(tcp_info& i) const
{
    i.send_mss = send_mss_;
    i.receive_mss = receive_mss_;
    i.advertised_mss = offered_mss_;
    i.path_mtu = path_mss_ + sizes_of(family_).tcp_headers;
    i.send_window = snd_.wnd;
    i.receive_window = receive_window();
    i.send_window_scale = snd_scale_.shift();
    i.receive_window_scale = rcv_scale_.shift();
    i.window_scaling = scaling_;
    i.timestamps = ts_.enabled();
    i.sack = recovery_.uses_sack();
    i.ecn = ecn_.enabled();
    i.data_in_syn = early_ == early_data::taken;
    i.data_in_syn_refused = early_ == early_data::sent && synchronized(state_);
}

void connection::describe_history(tcp_info& i) const
{
    const mishap_counts bad = mishaps_.so_far();
    i.bytes_acked = snd_.una_position;
    i.bytes_received = incoming_.next();
    i.bytes_retransmitted = bad.octets_retransmitted;
    i.bytes_sent = outgoing_.end() - unsent() + bad.octets_retransmitted;
    i.segments_sent = segments_.sent;
    i.segments_received = segments_.received;
    i.data_segments_sent = segments_.data_sent;
    i.data_segments_received = segments_.data_received;
    i.retransmissions = bad.retransmissions;
    i.delivered_ce = bad.delivered_ce;
    i.reorderings = bad.reorderings;
    i.duplicates_told = bad.duplicates_told;
    i.out_of_order_received = bad.out_of_order_received;
    i.timeouts = bad.timeouts;
    i.timeout_recoveries = bad.timeout_recoveries;
    // Data segments sent, each counted once, minus those that are neither acknowledged nor SACKed.
    const std::uint32_t missing = sent_.outstanding() - sent_.sacked();
    auto segments = (missing + send_mss_ - 1) / send_mss_;
    if (sent_.sacked() == 0) segments = std::max(segments, static_cast<std::uint32_t>(sent_.size()));
    const std::uint32_t once = segments_.data_sent - bad.data_retransmissions;
    i.delivered = once - std::min(once, segments) + (synchronized(state_) ? 1 : 0);
}

void connection::describe_times(tcp_info& i, time_point now) const
{
    i.rto = rtt_.rto();
    i.srtt = rtt_.srtt();
    i.rttvar = rtt_.rttvar();
    i.min_rtt = rtt_.min_rtt();
    i.backoff = rtt_.backoff();
    i.receive_rtt = tuning_.round_trip();
    i.delayed_ack = options_.quick_ack ? duration::zero() : options_.delayed_ack;
    i.since_data_sent = since(last_data_sent_, now);
    i.since_data_received = since(last_data_received_, now);
    i.since_received = since(std::max(keep_alive_.last_heard(), last_data_received_), now);
    i.busy = busy_ + (sent_.empty() || is_opening(state_) ? duration::zero() : now - busy_since_);
    if (timers_.next() == never) return;
    for (auto t = timer::retransmit; t <= timer::time_wait; t = static_cast<timer>(static_cast<std::uint8_t>(t) + 1))
        if (timers_.deadline(t) == timers_.next()) i.timer = public_name(t);
    i.timer_expires = std::max(timers_.next() - now, duration::zero());
}

tcp_recovery connection::recovery_phase() const noexcept
{
    if (recovery_.state() == loss_recovery::phase::loss) return tcp_recovery::loss;
    if (recovery_.state() == loss_recovery::phase::recovery) return tcp_recovery::recovering;
    if (ecn_.is_reducing(snd_.una)) return tcp_recovery::cwr;
    return sent_.sacked() > 0 || recovery_.duplicates() > 0 ? tcp_recovery::disorder : tcp_recovery::open;
}

} // namespace tapio::core::tcp
