/// @file
/// The trace interface: events of a host, reported as they happen. `make_log_trace()` (<tapio/log.hpp>) is a subscriber that
/// writes to Boost.Log; derive from core::trace for your own, and give it to `stack_options::trace`:
///
///     using namespace tapio::core;
///     struct drop_printer : trace
///     {
///         void dropped(std::uint32_t, drop_reason why, const packet& p, time_point) override
///         {
///             std::fprintf(stderr, "%zu octets: %s\n", p.size(), describe(why));
///         }
///     };
///
/// A stack without a subscriber pays one branch for each event.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace tapio::core {

/// The states of a TCP connection (RFC 9293 §3.3.2).
enum class tcp_state : std::uint8_t
{
    closed,
    listen,
    syn_sent,
    syn_received,
    established,
    fin_wait_1,
    fin_wait_2,
    close_wait,
    closing,
    last_ack,
    time_wait
};

const char* name(tcp_state state) noexcept; ///< as RFC 9293 writes it: "SYN-SENT"

/// A subscriber: override the events of interest. Interfaces are numbered as in stack::interface_id (0: loopback, 1: first
/// device). The time_point is the stack's time at the event (CLOCK_MONOTONIC, or virtual time), the same clock as
/// core::time_point.
/// @par Contract  functions are called with the stack's lock held: they must be quick, must not call the stack or its sockets,
///   and must not throw. Copy a packet (which shares its payload) to keep it: the reference ends with the call
/// @par Thread safety  one stack calls from one thread at a time, whichever drives it then. A subscriber of several stacks is
///   called from all their threads at the same time
/// @par Lifetime  the subscriber must outlive the stack
class trace
{
public:
    virtual ~trace() = default;
    /// A packet came from the device; nothing of it has been checked yet. It begins at the link-layer header. With offload it may
    /// be larger than the MTU, and its checksum may be partial (packet::offload).
    virtual void received(std::uint32_t /*interface*/, const packet&, time_point) {}
    /// A packet is handed to the device, with all its headers; size and checksum as above.
    virtual void sent(std::uint32_t /*interface*/, const packet&, time_point) {}
    /// A packet was dropped. A received packet is shown as received() saw it, without padding; received TCP segments that were
    /// joined are shown as one. A packet on its way out is shown as far as its headers were written.
    virtual void dropped(std::uint32_t /*interface*/, drop_reason, const packet&, time_point) {}
    /// A connection changed its state. Of a listener (`closed` to `listen` and back) `remote` is 0.0.0.0, port 0.
    virtual void tcp_state_changed(const endpoint& /*local*/, const endpoint& /*remote*/, tcp_state /*from*/, tcp_state /*to*/,
                                   time_point)
    {
    }
    /// A segment is sent again. `sequence` is its sequence number as in the header; `octets` is the size of its payload, 0 for a
    /// SYN or a FIN alone.
    virtual void tcp_retransmitted(const endpoint& /*local*/, const endpoint& /*remote*/, std::uint32_t /*sequence*/,
                                   std::uint32_t /*octets*/, time_point)
    {
    }
    /// The state, the MTU or the device of an interface changed; also called for a new device that is not up. `status` is the new
    /// one.
    virtual void interface_changed(std::uint32_t /*interface*/, const interface_status& /*status*/, time_point) {}
};

} // namespace tapio::core

#pragma GCC visibility pop
