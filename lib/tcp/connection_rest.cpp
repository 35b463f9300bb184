// An idle connection is reduced to idle_memory, and constructed from it again. lasting_state is moved whole; of the other
// members, those that may_rest() does not require to be in their initial state are copied one by one.
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

bool connection::may_rest(time_point now) const noexcept
{
    if (!sent_.empty() || incoming_.unread() > 0) return false; // the most frequent reasons first
    if (state_ != state::established || fin_queued_ || got_fin_ || receive_shut_ || detached_ || rcv_.fin) return false;
    if (!outgoing_.empty() || !incoming_.early().empty()) return false;
    if (acks_.due() || !sack_.nothing_to_tell(incoming_.early()) || !marks_.is_plain() || !urgent_.nothing()) return false;
    if (reset_ || due_.any() || resending_) return false;
    if (events_.any() || error_ || soft_error_ || timeouts_ != 0 || persist_backoff_ != 0) return false;
    return timers_.next() == never && pacer_.forgotten(now);
}

idle_memory connection::rest()
{
    idle_memory m(std::move(static_cast<lasting_state&>(*this)));
    m.rtt = rtt_.learned();
    m.rate = rate_.so_far();
    m.heard = keep_alive_.last_heard();
    m.received = incoming_.next();
    m.receive_capacity = incoming_.capacity();
    m.recover = recovery_.recover();
    if (!recovery_.is_plain()) m.recovery = std::make_unique<loss_recovery>(std::move(recovery_));
    return m;
}

connection::connection(idle_memory m, const connection_setup& setup, tcp_counters& counters)
    : lasting_state(std::move(m.lasting)),
      state_(state::established),
      options_(setup.options),
      outgoing_(snd_.una_position),
      incoming_(m.receive_capacity, m.received),
      crowd_(setup.crowd),
      share_(setup.budget),
      recovery_(m.recovery ? std::move(*m.recovery) : loss_recovery(m.recover)),
      rtt_(options_.initial_rto, options_.min_rto, options_.max_rto),
      counters_(counters)
{
    rtt_.resume(m.rtt);
    rate_.resume(m.rate);
    keep_alive_.heard(m.heard);
    if (sacking_) use_sack();
}

} // namespace tapio::core::tcp
