/// @file
/// Predicates on the connection state that RFC 9293 uses repeatedly.
#pragma once

#include <tapio/core/trace.hpp>

namespace tapio::core::tcp {

using state = tcp_state;

/// The synchronized states (RFC 9293 §3.4.1): the handshake is complete.
constexpr bool synchronized(state s) noexcept { return s >= state::established; }
/// The handshake is under way.
constexpr bool is_opening(state s) noexcept { return s == state::syn_sent || s == state::syn_received; }
/// The peer may still send data (RFC 9293 §3.10.7.4 step 7).
constexpr bool may_receive(state s) noexcept
{
    return s == state::established || s == state::fin_wait_1 || s == state::fin_wait_2;
}
/// The user may still send data.
constexpr bool may_send(state s) noexcept { return s == state::established || s == state::close_wait; }
/// The peer's FIN has been received.
constexpr bool peer_has_finished(state s) noexcept
{
    return s == state::close_wait || s == state::closing || s == state::last_ack || s == state::time_wait;
}
/// States of a closed socket that waits for the peer to acknowledge our data, SYN or FIN.
constexpr bool awaits_last_acknowledgement(state s) noexcept
{
    return s == state::syn_received || s == state::fin_wait_1 || s == state::closing || s == state::last_ack;
}
/// Counted in tcpCurrEstab (RFC 4022).
constexpr bool counts_as_established(state s) noexcept { return s == state::established || s == state::close_wait; }

} // namespace tapio::core::tcp
