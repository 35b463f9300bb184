/// @file
/// Asio's own timers of an io_context, for virtual time: when the next expires, and to let those go off that have. Asio keeps
/// them to itself and waits for them in real time only.
#pragma once

#include <tapio/core/time.hpp>

#include <boost/asio/io_context.hpp>

namespace tapio::detail {

/// std::chrono::steady_clock and system_clock go by the virtual time of this thread (virtual_std_clock.hpp).
bool std_clock_is_virtual() noexcept;

/// How long until the first of Asio's timers of the two clocks expires, rounded down to microseconds but not to 0; 0: one has.
/// `duration::max()`: none is armed.
core::duration next_asio_timer(boost::asio::io_context& io);

/// Posts the handlers of those that have expired.
void fire_asio_timers(boost::asio::io_context& io);

} // namespace tapio::detail
