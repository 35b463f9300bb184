// Opening, the user's calls and closing (RFC 9293 §3.10.1 to §3.10.6).
#include "tcp/connection.hpp"

#include <algorithm>

namespace tapio::core::tcp {

namespace {

window_scale offered_scale(const tcp_options& o) noexcept
{
    if (!o.offer_window_scale) return {};
    return window_scale::for_capacity(std::max(o.window_scale_capacity, o.receive_buffer));
}

std::uint32_t bounded_receive_buffer(const connection_setup& s) noexcept
{
    return s.receive_limit == 0 ? s.options.receive_buffer : std::min(s.options.receive_buffer, s.receive_limit);
}

} // namespace

connection::connection(connection_setup setup, tcp_counters& counters)
    : lasting_state(setup.family, timestamp_clock(setup.timestamp_offset), challenge_limit(setup.secret)),
      opens_fast_(std::move(setup.opens_fast)),
      options_(setup.options),
      incoming_(bounded_receive_buffer(setup)),
      crowd_(setup.crowd),
      share_(setup.budget),
      recovery_(setup.iss),
      rtt_(options_.initial_rto, options_.min_rto, options_.max_rto),
      counters_(counters)
{
    snd_.iss = snd_.una = snd_.nxt = setup.iss;
    rcv_scale_ = offered_scale(options_);
    path_mss_ = link_mss_ = setup.path_mss;
    largest_segment_ = setup.largest_segment;
    if (setup.receive_limit != 0) receive_limit_ = setup.receive_limit;
    send_mss_ = receive_mss_ = offered_mss_ =
        options_.max_segment == 0 ? path_mss_ : std::min<std::uint32_t>(path_mss_, options_.max_segment);
    congestion_ = std::move(setup.congestion);
    congestion_->start(send_mss_, send_mss_, time_point{});
}

void connection::open_active(time_point)
{
    ++counters_.active_opens;
    enter(state::syn_sent);
    if (!opens_fast_ || (opens_fast_->cookie.empty() && !opens_fast_->without_cookie)) return;
    early_ = early_data::allowed;
    events_.writable = true;
}

void connection::use_sack() noexcept
{
    sacking_ = true;
    sack_.enable();
    recovery_.use_sack();
}

void connection::finish_opening(time_point now)
{
    if (syn_timed_out_) rtt_.after_syn_timeout();
    const unsigned initial = syn_timed_out_ ? 1 : options_.initial_window; // RFC 5681 §3.1
    const bool begun = passive_ && early_ == early_data::taken && !syn_timed_out_;
    if (!begun) congestion_->start(send_mss_, UINT64_C(1) * initial * send_mss_, now);
    keep_alive_.start(options_, timers_, now);
    timeouts_ = 0;
    events_.writable = true;
    if (!fin_queued_) return;
    enter(state::fin_wait_1); // the user has closed during the handshake
}

// -- user ---------------------------------------------------------------------------------------------------------

/// Octets that the send buffer may still accept, or why nothing can be sent.
result<std::uint64_t> connection::room_to_send() noexcept
{
    if (error_) return take_error();
    if (is_opening(state_) && !opens_early()) return errno_code(EAGAIN);
    if (fin_queued_ || !(may_send(state_) || opens_early())) return errno_code(EPIPE);
    const std::uint64_t capacity = send_capacity();
    const std::uint64_t room = capacity - std::min<std::uint64_t>(outgoing_.size(), capacity);
    const std::uint64_t mark = options_.not_sent_low_watermark;
    return mark == 0 ? room : std::min(room, mark - std::min(unsent(), mark));
}

result<std::size_t> connection::send(std::span<const const_bytes> from, send_flags flags, time_point)
{
    const auto may = room_to_send();
    if (!may) return may.error();
    std::uint64_t room = *may;
    std::size_t taken = 0;
    bool something = false;
    for (const_bytes piece : from) {
        something = something || !piece.empty();
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), room));
        outgoing_.write(piece.first(n));
        room -= n;
        taken += n;
    }
    if (taken == 0 && something) return errno_code(EAGAIN);
    if (flags.urgent) urgent_end_ = outgoing_.end();
    writing_.more = flags.more;
    settle();
    return taken;
}

result<std::size_t> connection::send(std::span<const slice> from, time_point)
{
    const auto may = room_to_send();
    if (!may) return may.error();
    std::uint64_t room = *may;
    std::size_t taken = 0;
    bool something = false;
    for (const slice& piece : from) {
        something = something || !piece.empty();
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), room));
        outgoing_.append(piece.part(0, n));
        room -= n;
        taken += n;
    }
    if (taken == 0 && something) return errno_code(EAGAIN);
    writing_.more = false;
    settle();
    return taken;
}

/// @param read called as read(limit): takes up to `limit` unread octets, returns how many
template <class Read>
result<std::size_t> connection::receive_by(Read&& read, bool peek, time_point now)
{
    if (incoming_.unread() > 0) {
        if (at_mark() && !options_.urgent_in_line) incoming_.skip();
        const std::size_t n = read(urgent_.distance_from(incoming_.position()).value_or(UINT64_MAX)); // stops at the mark
        urgent_.read_up_to(incoming_.position());
        if (!peek) tune_receive_buffer(n, now);
        if (n > 0 && incoming_.unread() == 0) acks_.all_was_read();
        settle();
        if (n > 0) return n;
    }
    if (got_fin_) return std::size_t{0};
    if (error_) return take_error();
    if (waits_for_data()) early_ = early_data::none; // a user who receives first has no data for the SYN
    if (receive_shut_ || state_ == state::closed) return std::size_t{0};
    return errno_code(EAGAIN);
}

result<std::size_t> connection::receive(std::span<const mutable_bytes> into, bool peek, time_point now)
{
    return receive_by([&](std::uint64_t limit) { return incoming_.read(into, peek, limit); }, peek, now);
}

result<std::size_t> connection::receive(std::vector<slice>& into, std::size_t limit, time_point now)
{
    return receive_by([&](std::uint64_t mark) { return incoming_.take(into, std::min<std::uint64_t>(limit, mark)); }, false, now);
}

result<std::size_t> connection::receive_urgent(std::span<const mutable_bytes> into, bool peek)
{
    if (options_.urgent_in_line || !urgent_.pending()) return errno_code(EINVAL);
    if (!urgent_.there()) return errno_code(EAGAIN);
    for (const mutable_bytes to : into) {
        if (to.empty()) continue;
        to.front() = *urgent_.octet();
        if (!peek) urgent_.take();
        return std::size_t{1};
    }
    return std::size_t{0};
}

std::uint64_t connection::unread() const noexcept
{
    if (options_.urgent_in_line) return incoming_.unread();
    if (at_mark()) return 0; // the next read skips the urgent octet; as Linux
    return std::min(urgent_.distance_from(incoming_.position()).value_or(UINT64_MAX), incoming_.unread());
}

/// Twice the congestion window: one in flight, and one for the user to fill meanwhile. SACKed data stays in the buffer until
/// SND.UNA passes it, but is not in flight: without extra room for it, sending would stall while a hole is open.
std::uint64_t connection::send_capacity() const noexcept
{
    if (share_.spent()) return memory_budget::always;
    if (!options_.tune_send_buffer) return options_.send_buffer;
    const std::uint64_t most = std::max(options_.send_buffer, options_.send_buffer_limit);
    return std::clamp<std::uint64_t>(2 * congestion_->window() + sent_.sacked(), options_.send_buffer, most);
}

/// Octets beyond RCV.NXT that we may offer to the peer as its window.
std::uint32_t connection::receive_room() const noexcept
{
    if (!share_.tight()) return incoming_.room();
    const std::uint64_t unread = incoming_.unread();
    return unread >= memory_budget::always
               ? 0
               : std::min(incoming_.room(), memory_budget::always - static_cast<std::uint32_t>(unread));
}

void connection::tune_receive_buffer(std::uint64_t octets, time_point now)
{
    if (!options_.tune_receive_buffer || octets == 0 || share_.tight()) return;
    std::uint64_t most = std::min<std::uint64_t>(options_.receive_buffer_limit, 0xffffU << rcv_scale_.shift());
    if (receive_limit_ != UINT32_MAX) { // the device's buffer is shared by all bulk receivers
        const std::uint32_t among = crowd_ == nullptr ? 1 : crowd_->count(crowd_seen_, now);
        const std::uint64_t share = std::max<std::uint64_t>(tuning_.spread(receive_limit_) / among, 2 * receive_mss_);
        most = std::min(most, share);
    }
    incoming_.set_capacity(tuning_.user_read(octets, rtt_.srtt(), incoming_.capacity(), static_cast<std::uint32_t>(most), now));
}

error_code connection::shutdown_send(time_point)
{
    if (state_ == state::closed || state_ == state::syn_sent) return errno_code(ENOTCONN);
    if (fin_queued_) return {};
    fin_queued_ = true;
    if (state_ == state::established) enter(state::fin_wait_1);
    if (state_ == state::close_wait) enter(state::last_ack);
    events_.writable = true; // a waiting writer completes with broken_pipe
    return {};
}

void connection::shutdown_receive()
{
    receive_shut_ = true;
    events_.readable = true;
}

void connection::close(time_point now)
{
    detached_ = true;
    share_.orphan();
    const bool unread = incoming_.unread() > 0; // RFC 1122 §4.2.2.13: RST tells the peer that data was lost
    if (unread || options_.linger == 0 || state_ == state::syn_sent) return abort(now);
    if (state_ == state::fin_wait_2) timers_.arm(timer::fin_wait_2, now + options_.fin_wait_2);
    if (state_ == state::closed) return;
    shutdown_send(now);
    if (awaits_last_acknowledgement(state_)) timers_.arm(timer::orphan, now + options_.orphan_timeout);
}

/// RFC 9293 §3.10.5
void connection::abort(time_point)
{
    switch (state_) {
    case state::syn_received:
    case state::established:
    case state::fin_wait_1:
    case state::fin_wait_2:
    case state::close_wait:
    case state::closing:
    case state::last_ack: queue_reset(); break;
    default: break;
    }
    closed();
}

error_code connection::take_error() noexcept { return std::exchange(error_, {}); }

void connection::options_changed(const tcp_options& o, time_point now)
{
    const bool watch = o.keep_alive != options_.keep_alive || o.keep_idle != options_.keep_idle;
    options_ = o;
    rtt_.set_least(o.min_rto);
    if (timers_.armed(timer::retransmit)) // the user timeout may be shorter now
        timers_.arm(timer::retransmit, std::min(timers_.deadline(timer::retransmit), retransmit_deadline(now)));
    if (timers_.armed(timer::persist)) timers_.arm(timer::persist, probe_deadline(timers_.deadline(timer::persist)));
    if (o.receive_buffer > incoming_.capacity()) incoming_.set_capacity(o.receive_buffer);
    if (watch && synchronized(state_)) keep_alive_.start(options_, timers_, now);
}

void connection::use_congestion_control(std::unique_ptr<congestion_control> other, time_point now)
{
    other->start(send_mss_, congestion_->window(), now);
    congestion_ = std::move(other);
}

// -- the end ------------------------------------------------------------------------------------------------------

void connection::queue_reset() { reset_ = reset{acceptable_sequence(), rcv_.nxt}; }

void connection::fail(error_code why)
{
    ++(is_opening(state_) ? counters_.attempt_fails : counters_.estab_resets);
    error_ = why; // RFC 9293 MUST-12
    events_.failed = true;
    closed();
}

void connection::closed()
{
    enter(state::closed);
    timers_.cancel_all();
    sent_.clear();
    outgoing_.clear();
    settle();
    events_.readable = events_.writable = true;
}

void connection::enter_time_wait(time_point now)
{
    enter(state::time_wait);
    timers_.cancel_all();
    timers_.arm(timer::time_wait, now + options_.time_wait); // RFC 9293 MUST-13
}

time_wait_memory connection::remember() const noexcept
{
    time_wait_memory m;
    m.snd_nxt = snd_.nxt;
    m.rcv_nxt = rcv_.nxt;
    m.rcv_adv = rcv_.adv;
    m.max_snd_wnd = snd_.max_wnd;
    m.rcv_scale = rcv_scale_;
    if (ts_.enabled()) m.ts_recent = ts_.recent();
    m.timestamp_offset = ts_.offset();
    m.corrections = corrections_;
    return m;
}

void connection::wait_again(const time_wait_memory& m, time_point end, time_point now)
{
    snd_.una = snd_.nxt = m.snd_nxt;
    snd_.una_position = 1; // any value but 0, which would mean that our SYN is outstanding (syn_outstanding())
    snd_.wnd = snd_.max_wnd = m.max_snd_wnd;
    rcv_.nxt = rcv_.last_ack = m.rcv_nxt;
    rcv_.irs = m.rcv_nxt - 1; // the true ISN is not remembered
    rcv_.adv = m.rcv_adv;
    rcv_scale_ = m.rcv_scale;
    corrections_ = m.corrections;
    if (m.ts_recent) {
        ts_.enable();
        ts_.set_recent(*m.ts_recent, now);
    }
    fin_queued_ = fin_sent_ = got_fin_ = detached_ = true;
    enter(state::time_wait);
    timers_.arm(timer::time_wait, end);
}

// -- observers ----------------------------------------------------------------------------------------------------

bool connection::readable() const noexcept
{
    const bool only_urgent = incoming_.unread() == 1 && at_mark() && !options_.urgent_in_line;
    return (incoming_.unread() > 0 && !only_urgent) || got_fin_ || receive_shut_ || error_ || state_ == state::closed;
}

bool connection::writable() const noexcept
{
    if (error_ || state_ == state::closed || fin_queued_) return true;
    if (!may_send(state_) && !opens_early()) return false;
    const std::uint64_t capacity = send_capacity();
    const std::uint64_t mark = options_.not_sent_low_watermark;
    if (mark != 0 && 2 * unsent() >= mark) return false; // as Linux: a writer is woken when less than half of the mark is unsent
    return capacity > outgoing_.size() && capacity - outgoing_.size() >= capacity / 3;
}

bool connection::waits_for_data() const noexcept
{
    return early_ == early_data::allowed && state_ == state::syn_sent && outgoing_.size() == 0;
}

} // namespace tapio::core::tcp
