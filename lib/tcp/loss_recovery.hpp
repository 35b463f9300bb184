/// @file
/// When data is lost, and what may be sent while that is mended: fast retransmit and fast recovery (RFC 5681 §3.2, RFC 6582),
/// limited transmit (RFC 3042), and the slow start after a timeout. Works from cumulative acknowledgements alone; SACK,
/// RACK-TLP and PRR take this place with more knowledge.
#pragma once

#include "tcp/sent_queue.hpp"
#include "tcp/seq_number.hpp"

#include <tapio/core/congestion_control.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>

namespace tapio::core::tcp {

class loss_recovery
{
public:
    enum class phase : std::uint8_t
    {
        open,     ///< nothing is known to be lost
        recovery, ///< fast recovery, until `recover` is acknowledged
        loss,     ///< after a timeout, until `recover` is acknowledged
    };

    explicit loss_recovery(seq_number iss) noexcept : recover_(iss) {}

    /// A duplicate acknowledgement (RFC 5681 §2). True when it begins a fast retransmit.
    bool duplicate_ack(seq_number una, seq_number nxt, std::uint32_t mss, sent_queue& sent, congestion_control& cc,
                       time_point now);

    /// New data was acknowledged up to `una`; the queue has forgotten it already.
    void new_ack(seq_number una, const ack_sample& ack, std::uint32_t mss, sent_queue& sent, congestion_control& cc);

    /// The retransmission timer expired: everything outstanding is taken for lost.
    void timeout(seq_number nxt, bool first, sent_queue& sent, congestion_control& cc, time_point now);

    /// Octets thought to be in the network (the pipe). Each duplicate acknowledgement takes one MSS off it, so that limited
    /// transmit and the inflation of fast recovery follow from the window alone.
    std::uint32_t in_flight(const sent_queue& sent) const noexcept;

    /// True, once, after a loss was detected: the first lost segment goes out whatever the window says.
    bool take_retransmit_now() noexcept;
    bool retransmit_now() const noexcept { return retransmit_now_; }

    phase state() const noexcept { return phase_; }

private:
    void partial_ack(const ack_sample& ack, std::uint32_t mss, sent_queue& sent);

    phase phase_ = phase::open;
    seq_number recover_;             ///< RFC 6582: the highest octet sent when the last recovery began
    std::uint32_t duplicates_ = 0;   ///< in a row
    std::uint32_t left_network_ = 0; ///< octets that duplicate acknowledgements say have arrived
    bool retransmit_now_ = false;
};

} // namespace tapio::core::tcp
