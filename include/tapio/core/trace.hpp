/// @file
/// The trace interface: what happens inside a host, as it happens. Logging and captures are subscribers.
/// A host without a subscriber pays one branch.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/drop_reason.hpp>
#include <tapio/core/interface_status.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace tapio::core {

/// RFC 9293 §3.3.2
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

const char* name(tcp_state state) noexcept; ///< "SYN-SENT", as the RFC writes it

/// Override what you want to see. Called with the stack's lock held, on whatever thread drives it: be quick, do not call
/// the stack, do not throw. The packet and its bytes live until the call returns.
class trace
{
public:
    virtual ~trace() = default;
    virtual void received(std::uint32_t /*interface*/, const packet&, time_point) {}
    virtual void sent(std::uint32_t /*interface*/, const packet&, time_point) {}
    /// One that came, whole: as received() saw it, without padding; or one that was to be sent, as far as it was made.
    virtual void dropped(std::uint32_t /*interface*/, drop_reason, const packet&, time_point) {}
    virtual void tcp_state_changed(const endpoint& /*local*/, const endpoint& /*remote*/, tcp_state /*from*/, tcp_state /*to*/,
                                   time_point)
    {
    }
    virtual void tcp_retransmitted(const endpoint& /*local*/, const endpoint& /*remote*/, std::uint32_t /*sequence*/,
                                   std::uint32_t /*octets*/, time_point)
    {
    }
    /// Its state, MTU or device has changed. @param status as it is now
    virtual void interface_changed(std::uint32_t /*interface*/, const interface_status& /*status*/, time_point) {}
};

} // namespace tapio::core

#pragma GCC visibility pop
