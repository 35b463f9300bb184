/// @file
/// The state that TIME-WAIT needs (RFC 9293 §3.6.1): all that is kept of a connection once the user has closed it.
#pragma once

#include "tcp/corrective_ack_limit.hpp"
#include "tcp/segment.hpp"
#include "tcp/seq_number.hpp"
#include "tcp/window.hpp"

#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

struct time_wait_memory
{
    seq_number snd_nxt, rcv_nxt, rcv_adv;
    std::uint32_t max_snd_wnd = 0; ///< octets
    window_scale rcv_scale;
    std::optional<std::uint32_t> ts_recent; ///< TS.Recent, if timestamps are in use
    std::uint32_t timestamp_offset = 0;
    corrective_ack_limit corrections;

    /// Whether the SYN may begin a new incarnation (RFC 9293 §3.10.7.4 step 4, RFC 6191).
    bool gives_way_to(const segment& syn) const noexcept
    {
        if (!syn.bits.syn || syn.bits.ack || syn.bits.rst || syn.bits.fin) return false;
        if (ts_recent && syn.options.ts) return static_cast<std::int32_t>(syn.options.ts->value - *ts_recent) > 0;
        return syn.seq.after(rcv_nxt);
    }
};

} // namespace tapio::core::tcp
