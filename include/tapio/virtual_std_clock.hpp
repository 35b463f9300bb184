/// @file
/// For test programs: every timer of std::chrono::steady_clock (`boost::asio::steady_timer`, Beast's timeouts) goes by the time
/// of the stack that its context belongs to, so that virtual time reaches code that knows nothing of tapio.
///
/// Include it first, in every translation unit of the program: one that misses it breaks the one-definition rule. That is why
/// it is never included for you, and does not belong into libraries.
#pragma once

#ifndef TAPIO_VIRTUAL_STD_CLOCK
#ifdef TAPIO_ASIO_HOOK
#error "include <tapio/virtual_std_clock.hpp> before anything else of tapio"
#endif
#define TAPIO_VIRTUAL_STD_CLOCK
#endif

#include <tapio/steady_timer.hpp>
