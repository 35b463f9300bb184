/// @file
/// Writes the events of a stack to Boost.Log. In a library of its own: link `tapio::log` (find_package(tapio COMPONENTS log)).
///
///     auto log = tapio::make_log_trace();
///     tapio::stack stack(io, tapio::open_tap({.name = "tap0"}), {.trace = log.get()});
///
/// Records are written by a `boost::log::sources::severity_channel_logger_mt` with `boost::log::trivial::severity_level`:
///
///     warning interfaces down   "interface 1 tap0: notPresent, MTU 1500 (No such device)"
///     info    interfaces up     "interface 1 tap0: up, MTU 1500"
///     info    TCP states        "tcp 198.18.0.2:80 198.18.0.1:40000: SYN-RECEIVED -> ESTABLISHED"
///     debug   retransmissions   "tcp 198.18.0.2:80 198.18.0.1:40000: retransmits 1448 octets at 305419896"
///     debug   drops             "interface 1: dropped 43 octets: udp_no_socket (UDP: no socket bound): 198.18.0.1:4000 >
///                                198.18.0.2:7 udp 1 octets"
///     trace   packets           "interface 1: received 74 octets: 198.18.0.1:40000 > 198.18.0.2:80 tcp [S] seq 1 win 64240, 0
///                                octets"  (their contents: see device/capture.hpp)
///
/// An interface that is down when its device is attached is reported at once. Sizes include the link-layer header. Flags are
/// tcpdump's letters: S, F, R, P, U, E, W and "." for ACK.
///
/// Boost.Log's filters apply: a record that no sink accepts costs one look at the filter and is not formatted.
/// The attribute StackTime, a std::string ("3155673601.450000"), is the stack's time in seconds: virtual time, or the time since
/// the machine started. TimeStamp, if a program adds it, is Boost.Log's own and always real time.
#pragma once

#include <tapio/core/trace.hpp>

#include <memory>
#include <string>

#pragma GCC visibility push(default)

namespace tapio {

/// What is logged.
struct log_options
{
    std::string channel = "tapio"; ///< the records' Channel attribute
    bool packets = false;          ///< each packet received and sent, severity trace
    bool drops = true;             ///< each packet dropped, debug
    bool tcp = true;               ///< TCP states (info) and retransmissions (debug)
    bool interfaces = true;        ///< state and MTU of interfaces, warning or info
};

/// Makes a subscriber for `stack_options::trace`.
/// @par Thread safety  it may serve several stacks on several threads
/// @par Lifetime  it must outlive these stacks
std::unique_ptr<core::trace> make_log_trace(const log_options& options = {});

} // namespace tapio

#pragma GCC visibility pop
