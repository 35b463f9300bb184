/// @file
/// Loss detection, and how much may be sent during recovery.
///
///     with SACK     RACK (RFC 8985 §6, rack.hpp), tail loss probes (§7), PRR (RFC 9937); the reduction is undone when the peer
///                   shows that nothing was lost: Eifel (RFC 3522, RFC 4015), D-SACK (RFC 2883, RFC 3708), F-RTO (RFC 5682 §3)
///     without       fast retransmit, fast recovery (RFC 5681 §3.2, RFC 6582) and limited transmit (RFC 3042)
///     both          slow start after a timeout (RFC 5681 §3.1)
#pragma once

#include "tcp/delivery_rate.hpp"
#include "tcp/proportional_rate_reduction.hpp"
#include "tcp/rack.hpp"
#include "tcp/rtt_estimator.hpp"
#include "tcp/sent_queue.hpp"
#include "tcp/seq_number.hpp"

#include <tapio/core/congestion_control.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

/// What an ACK has changed in the scoreboard.
struct ack_news
{
    seq_number una, nxt;                     ///< SND.UNA after the ACK, SND.NXT
    std::uint32_t mss = 0;                   ///< octets
    bool advanced = false;                   ///< SND.UNA moved
    bool has_sack = false;                   ///< the ACK carried SACK blocks
    bool original_acked = false;             ///< SND.UNA passed a segment that was sent once only and not SACKed before
    std::optional<sequence_range> duplicate; ///< DSACK
    std::optional<sequence_range> mtu_trial; ///< path_mtu_search::trial()
    std::optional<std::uint32_t> echo;       ///< TSecr
    delivery_rate::newest newest;            ///< the segment sent last among those that the ACK delivers
    ack_sample sample;                       ///< input of congestion control
};

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

    void use_sack() noexcept { sack_ = true; } ///< both ends offered it
    bool uses_sack() const noexcept { return sack_; }

    /// A segment was delivered. To be called for each, before acknowledged(). @param echoed_before see rack::delivered
    /// @return true: a segment sent later arrived earlier (reordering)
    bool delivered(const sent_segment& s, bool echoed_before, const rtt_estimator& rtt, time_point now) noexcept
    {
        return sack_ && rack_.delivered(s, echoed_before, rtt.min_rtt(), now);
    }

    /// Processes an ACK that advances SND.UNA; with SACK, any ACK. Completes `news.sample` for congestion control.
    /// @return true: fast recovery begins
    bool acknowledged(ack_news& news, const rtt_estimator& rtt, delivery_rate& rate, sent_queue& sent, congestion_control& cc);

    /// A duplicate ACK (RFC 5681 §2), without SACK. @return true: fast recovery begins
    bool duplicate_ack(seq_number una, seq_number nxt, std::uint32_t mss, sent_queue& sent, congestion_control& cc,
                       time_point now);

    /// RACK's reordering timer expired. @return true: fast recovery begins
    bool reordering_timeout(ack_news& news, const rtt_estimator& rtt, delivery_rate& rate, sent_queue& sent,
                            congestion_control& cc);
    time_point reordering_deadline() const noexcept { return look_again_; }

    /// The retransmission timer expired.
    void timeout(seq_number una, seq_number nxt, bool first, const rtt_estimator& rtt, sent_queue& sent, congestion_control& cc,
                 time_point now);

    /// The window was reduced for a CE mark (RFC 3168 §6.1.2): a spurious loss must not undo that reduction.
    void reduced_for_mark() noexcept { episode_.reset(); }

    /// The segments in flight exceed the path MTU and are sent again in smaller pieces: no sign of congestion.
    void resend_all(sent_queue& sent) { sent.mark_all_lost(); }

    // -- tail loss probes (RFC 8985 §7) ---------------------------------------------------------------------------------
    // Beyond the RFC, as QUIC's probe timeout (RFC 9002 §6.2): also during recovery, and several probes with exponential back-off
    // until something is delivered or the RTO is due. Where the RTT is far below the minimum RTO, the loss of a single ACK would
    // otherwise cost thousands of round trips.
    bool may_probe(const sent_queue& sent) const noexcept;
    duration probe_timeout(const rtt_estimator& rtt, bool one_segment, duration ack_delay) const noexcept;
    void probed(seq_number end, bool retransmission) noexcept
    {
        ++probes_;
        if (phase_ == phase::open) probe_ = tail_probe{end, retransmission};
    }
    unsigned probes() const noexcept { return probes_; } ///< sent since something was last delivered

    // -- for output -----------------------------------------------------------------------------------------------------
    /// Octets estimated to be in the network (RFC 6675's pipe). Without SACK each duplicate ACK subtracts one MSS, which gives
    /// limited transmit and fast recovery's window inflation without changing cwnd.
    std::uint32_t in_flight(const sent_queue& sent) const noexcept;
    std::uint64_t window(const congestion_control& cc) const noexcept; ///< cwnd now, octets

    /// True, once, after a loss was detected: the first lost segment is sent regardless of the window.
    bool take_retransmit_now() noexcept;
    bool retransmit_now() const noexcept { return retransmit_now_; }
    /// F-RTO step 2b: new data is sent before segments marked lost; once it is out, the next ACK decides.
    bool new_data_first() const noexcept { return forward_ == forward_step::new_data || forward_ == forward_step::waiting; }
    bool waits_for_verdict() const noexcept { return forward_ == forward_step::waiting; }

    void sent(std::uint32_t octets) noexcept
    {
        prr_.sent(octets);
        if (forward_ == forward_step::new_data) forward_ = forward_step::waiting;
    }
    /// @param ts the TSval of the retransmission
    void retransmitted(std::uint32_t octets, std::uint32_t ts) noexcept;

    phase state() const noexcept { return phase_; }
    std::uint32_t duplicates() const noexcept { return duplicates_; } ///< consecutive duplicate ACKs; without SACK
    seq_number recover() const noexcept { return recover_; }
    /// With nothing in flight: the state equals the initial one, except for recover() and uses_sack().
    bool is_plain() const noexcept
    {
        return phase_ == phase::open && !retransmit_now_ && forward_ == forward_step::off && duplicates_ == 0 &&
               left_network_ == 0 && probes_ == 0 && rack_.is_plain() && look_again_ == never && !probe_ && !episode_;
    }

private:
    enum class forward_step : std::uint8_t ///< of F-RTO
    {
        off,
        timed_out, ///< step 1: the first segment was retransmitted
        new_data,  ///< step 2b: new segments may be sent
        waiting,   ///< step 2b: new segments were sent
    };
    struct tail_probe
    {
        seq_number end; ///< TLP.end_seq
        bool retransmission = false;
    };

    /// No recovery that could still prove spurious, and no tail loss probe awaiting its verdict.
    bool is_open() const noexcept { return phase_ == phase::open && !probe_ && !episode_; }
    std::uint64_t flight_size(const sent_queue& sent, const congestion_control& cc) const noexcept;
    void note_duplicate(const ack_news& news) noexcept;
    void judge_probe(const ack_news& news, congestion_control& cc);
    bool was_spurious(const ack_news& news) noexcept;
    bool forward_says_spurious(const ack_news& news) noexcept;
    void take_back(sent_queue& sent, congestion_control& cc, time_point now);
    void begin_episode(seq_number una, seq_number nxt) noexcept;
    std::uint32_t detect(const ack_news& news, const rtt_estimator& rtt, delivery_rate& rate, sent_queue& sent,
                         congestion_control& cc);
    bool enter_if_lost(ack_news& news, sent_queue& sent, congestion_control& cc);
    void new_ack(ack_news& news, sent_queue& sent, congestion_control& cc);
    void partial_ack(const ack_sample& ack, std::uint32_t mss, sent_queue& sent);

    bool sack_ = false;
    bool retransmit_now_ = false;
    phase phase_ = phase::open;
    forward_step forward_ = forward_step::off;
    seq_number recover_;             ///< RFC 6582: the highest octet sent when the last recovery began
    std::uint32_t duplicates_ = 0;   ///< consecutive duplicate ACKs
    std::uint32_t left_network_ = 0; ///< octets assumed to have arrived, one MSS for each duplicate ACK; without SACK
    rack rack_;
    proportional_rate_reduction prr_;
    time_point look_again_ = never; ///< RACK's reordering timer
    unsigned probes_ = 0;           ///< tail loss probes since something was last delivered
    std::optional<tail_probe> probe_;

    // Detection of spurious recoveries.
    std::optional<seq_number> episode_;            ///< SND.UNA when the present or last recovery began; empty: nothing to undo
    std::optional<std::uint32_t> first_resent_ts_; ///< RetransmitTS of RFC 3522
    std::uint32_t resent_ = 0;                     ///< octets retransmitted and not reported by D-SACK since
};

} // namespace tapio::core::tcp
