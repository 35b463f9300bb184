// Feedback to the peer: bare ACKs, and the ACK, window, ECN echo, timestamp and SACK blocks that every segment carries
// (RFC 9293 §3.8.6).
#include "tcp/connection.hpp"

namespace tapio::core::tcp {

bool connection::emit_ack(outgoing_segment& out, time_point now, bool goes_on)
{
    if (state_ == state::syn_sent || (state_ == state::syn_received && snd_.nxt == snd_.iss)) return false;
    if (!window_update_wanted()) {
        if (!acks_.due()) return false;
        if (goes_on && acks_.can_wait(receive_window())) {
            left_.ack = true;
            timers_.arm_if_idle(timer::delayed_ack, now + options_.delayed_ack); // in case next_segment() is not called again
            return false;
        }
    }
    out.seq = acceptable_sequence();
    finish(out, now);
    watch_for_window(now);
    left_.nothing = !acks_.due();
    return true;
}

/// Acknowledges one part of the received data, so that the peer learns which part was CE-marked; the rest follows.
bool connection::emit_part(outgoing_segment& out, time_point now)
{
    const mark_report::part part = marks_.take();
    out.seq = acceptable_sequence();
    out.bits.ack = true;
    out.bits.ece = part.echo;
    out.ack = part.end;
    out.window = window_to_advertise(part.end);
    if (ts_.enabled()) out.options.ts = ts_.to_send(now);
    rcv_.last_ack = part.end;
    ++segments_.sent;
    return true;
}

/// SEG.SEQ of a segment without data: SND.NXT, but no more than the right edge of the peer's window, beyond which the peer would
/// drop the segment. SND.NXT exceeds it after a zero-window probe or a shrunken window. As Linux's tcp_acceptable_seq().
seq_number connection::acceptable_sequence() const noexcept
{
    if (!synchronized(state_)) return snd_.nxt;
    const seq_number edge = snd_.una + snd_.wnd;
    if (snd_.nxt.at_or_before(edge)) return snd_.nxt;
    const bool probing = timers_.armed(timer::persist) && !sent_.empty();
    const bool only_rounded = !probing && snd_.nxt - edge < snd_scale_.unit(); // the peer rounds its window down to that unit
    return only_rounded ? snd_.nxt : edge;
}

/// Fills in what every segment after the SYN carries: ACK, window, ECN echo, timestamp, SACK blocks.
void connection::finish(outgoing_segment& out, time_point now)
{
    out.bits.ack = true;
    out.ack = rcv_.nxt;
    out.window = window_to_advertise(rcv_.nxt);
    out.bits.ece = marks_.told() || ecn_.echo();
    if (ts_.enabled()) out.options.ts = ts_.to_send(now);
    if (!sack_.nothing_to_tell(incoming_.early()))
        sack_.tell(out.options.sack, incoming_.early(), incoming_.next(), rcv_.nxt, most_sack_blocks());
    const bool counts = out.payload.empty() || rcv_.last_ack != rcv_.nxt; // RFC 5681 §2: a duplicate ACK carries no data
    rcv_.last_ack = rcv_.nxt;
    acks_.sent(timers_, counts);
    if (sack_.has_duplicates()) acks_.demand();
    ++segments_.sent;
}

/// The receiver's silly window avoidance (RFC 9293 §3.8.6.2.2): the right edge moves by at least min(1/2 buffer, MSS) or not at
/// all, and never back (§3.8.6).  @param acknowledged the window's left edge: RCV.NXT, or before it
wire_window connection::window_to_advertise(seq_number acknowledged)
{
    const std::uint32_t ahead = rcv_.nxt - acknowledged;
    const std::uint32_t offered = receive_window() + ahead;
    const std::uint32_t room = receive_room() + ahead;
    const std::uint32_t worthwhile = std::min(incoming_.capacity() / 2, receive_mss_); // RFC 9293 MUST-39
    const std::uint32_t size = room >= offered + worthwhile ? room : offered;
    const window_scale scale = rcv_scale_;
    wire_window wire = scale.to_wire(size);
    const std::uint32_t rounded_up = size + scale.unit() - 1;
    if (octets(wire << scale) < offered && rounded_up <= room + 2 * scale.unit()) wire = scale.to_wire(rounded_up);
    rcv_.adv = later(rcv_.adv, acknowledged + octets(wire << scale));
    return wire;
}

/// After a read: whether a window update is worth a segment of its own. Yes if the peer may be blocked by the window (less than
/// two segments left), or the window is small and half of the buffer has become free. A peer with more room goes on sending, and
/// gets the new window with our ACKs.
bool connection::window_update_wanted() const noexcept
{
    if (!may_receive(state_) || incoming_.next() == 0) return false; // the SYN's window is at most 65535, the first ACK's more
    const std::uint32_t offered = receive_window();
    const std::uint32_t room = std::min(receive_room(), 0xffffU << rcv_scale_.shift()); // the field's limit
    if (room <= offered) return false;
    const std::uint32_t gain = room - offered;
    if (gain >= incoming_.capacity() / 2 && offered <= incoming_.capacity() / 8) return true;
    return offered < 2 * receive_mss_ && gain >= std::min(incoming_.capacity() / 2, receive_mss_);
}

} // namespace tapio::core::tcp
