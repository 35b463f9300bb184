/// @file
/// What happens inside a stack, written to Boost.Log. In a library of its own: link `tapio::log`.
///
///     auto log = tapio::make_log_trace();
///     tapio::stack stack(io, tapio::open_tap({.name = "tap0"}), {.trace = log.get()});
///
/// Records come through a `boost::log::sources::severity_channel_logger_mt` with `boost::log::trivial::severity_level`:
///
///     warning interfaces that go down, and that come up (info)  "interface 1 tap0: notPresent, MTU 1500 (No such device)"
///     info    TCP states        "tcp 198.18.0.2:80 198.18.0.1:40000: SYN-RECEIVED -> ESTABLISHED"
///     debug   retransmissions   "tcp 198.18.0.2:80 198.18.0.1:40000: retransmits 1448 octets at 305419896"
///     debug   drops             "interface 1: dropped 9 octets: udp_no_socket (UDP: no socket bound): port 4000 > 7 udp
///                                1 octets"
///     trace   packets           "interface 1: received 74 octets: 198.18.0.1:40000 > 198.18.0.2:80 tcp [S] seq 1 win 64240, 0
///                                octets"  (their contents: see device/capture.hpp)
///
/// An interface that is down when its device is attached says so at once. Flags are tcpdump's letters: S, F, R, P, U, E, W and
/// "." for ACK. What was dropped by a transport has lost its IP header: ports stand there alone.
///
/// Filters are Boost.Log's: a record that none wants costs a look at the filter and is not formatted.
/// The attribute StackTime, a std::string ("3155673601.450000"), is the stack's time in seconds: virtual, or since the machine
/// started; TimeStamp, if a program adds it, is Boost.Log's own, real in any case.
#pragma once

#include <tapio/core/trace.hpp>

#include <memory>
#include <string>

#pragma GCC visibility push(default)

namespace tapio {

struct log_options
{
    std::string channel = "tapio"; ///< the records' Channel attribute
    bool packets = false;          ///< each packet in and out
    bool drops = true;
    bool tcp = true;        ///< states and retransmissions
    bool interfaces = true; ///< state and MTU
};

/// A subscriber for `stack_options::trace`; it may serve several stacks and must outlive them.
/// @par Thread safety  that of Boost.Log's core: any threads
std::unique_ptr<core::trace> make_log_trace(const log_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
