/// @file
/// The search for the path MTU without ICMP errors (RFC 4821, RFC 8899), after several consecutive timeouts: either the
/// path drops full segments silently (a black hole), or it was interrupted for a while. The connection goes on in small segments,
/// and tries larger ones as soon as something is acknowledged: one segment at a time, the trial, among the small ones.
///
/// The first trial has the former size: if it is delivered, it was an outage, and the search is over. Otherwise the trials halve
/// the distance between the largest size known to pass and the smallest known to be dropped. A size counts as dropped after two
/// lost trials. When the distance is small the search rests for ten minutes (RFC 8899 §5.1.1, PMTU_RAISE_TIMER), then begins
/// anew.
#pragma once

#include "tcp/sent_queue.hpp"
#include "tcp/seq_number.hpp"

#include <tapio/core/time.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

/// Sizes are octets of payload of a segment without SACK blocks.
class path_mtu_search
{
public:
    /// @param path_mss octets; the path's MSS before the suspicion  @param full  payload of the segments of before
    path_mtu_search(std::uint32_t path_mss, std::uint32_t full) noexcept : path_mss_(path_mss), full_(full) {}

    std::uint32_t path_mss() const noexcept { return path_mss_; }
    std::uint32_t full() const noexcept { return full_; }
    std::uint32_t next_size() const noexcept { return full_dropped_ ? passes_ + (dropped_ - passes_) / 2 : full_; }

    /// Too many consecutive timeouts: the search begins, or begins anew. @param nxt SND.NXT  @param size  of segments from now on
    void suspect(seq_number nxt, std::uint32_t size) noexcept
    {
        if (!full_until_) full_until_ = nxt;
        begin(size);
        next_trial_.reset();
        trial_.reset();
    }

    /// SND.UNA has moved: the outage is over, or small segments pass.
    void acknowledged(seq_number una, time_point now) noexcept
    {
        if (!next_trial_) next_trial_ = now;
        if (full_until_ && una.at_or_after(*full_until_)) full_until_.reset();
        if (lost_trial_ && una.at_or_after(lost_trial_->end)) lost_trial_.reset();
    }

    /// The size that the delivery of `s` shows to pass; 0: no larger one than before. `s` is the trial, or a full segment from
    /// before the suspicion that was not retransmitted in smaller pieces.
    std::uint32_t shown_by(const sent_segment& s) const noexcept
    {
        constexpr std::uint32_t blocks = 36; // octets by which SACK blocks may have reduced a full segment
        if (trial_ && s.begin.at_or_after(trial_->begin) && s.begin.before(trial_->end)) return next_size();
        const bool of_before = full_until_ && !s.retransmitted && s.begin.before(*full_until_);
        return of_before && s.size() + blocks >= full_ ? full_ : 0;
    }

    bool wants_trial(time_point now) const noexcept { return next_trial_ && *next_trial_ <= now && !trial_; }
    /// The trial, [begin, end), is sent.
    void tried(seq_number begin, seq_number end) noexcept { trial_ = sequence_range{begin, end}; }
    void forget_trial() noexcept { trial_.reset(); } ///< it is unsent again (connection::take_back_unaccepted())

    /// The trial was delivered.
    void passed(std::uint32_t size, time_point now) noexcept
    {
        trial_.reset();
        passes_ = size;
        failures_ = 0;
        rest_if_done(now);
    }

    /// [begin, end) is retransmitted in small segments.
    void sent_again(seq_number begin, seq_number end, time_point now) noexcept
    {
        if (!trial_ || !begin.before(trial_->end) || !end.after(trial_->begin)) return;
        lost_trial_ = trial_;
        trial_.reset();
        if (++failures_ < most_failures) return;
        failures_ = 0;
        dropped_ = next_size();
        full_dropped_ = true;
        rest_if_done(now);
    }

    /// The trial in flight, or the lost one, until it is acknowledged: its loss is no sign of congestion (RFC 4821 §7.6.2).
    const std::optional<sequence_range>& trial() const noexcept { return trial_ ? trial_ : lost_trial_; }

private:
    static constexpr unsigned most_failures = 2;
    static constexpr std::uint32_t accuracy = 16; ///< octets
    static constexpr duration rest = std::chrono::minutes(10);

    void begin(std::uint32_t passes) noexcept
    {
        passes_ = passes;
        full_dropped_ = false;
        failures_ = 0;
    }
    void rest_if_done(time_point now) noexcept
    {
        if (!full_dropped_ || dropped_ - passes_ > accuracy) return;
        next_trial_ = now + rest;
        begin(passes_);
    }

    std::uint32_t path_mss_, full_;
    std::uint32_t passes_ = 0;             ///< the largest size known to pass
    std::uint32_t dropped_ = 0;            ///< with `full_dropped_`: the smallest size known to be dropped
    bool full_dropped_ = false;            ///< the former size was tried, and is dropped
    unsigned failures_ = 0;                ///< lost trials of the present size
    std::optional<seq_number> full_until_; ///< SND.NXT at the suspicion: data before it was sent in full segments
    std::optional<sequence_range> trial_;  ///< the trial in flight
    std::optional<sequence_range> lost_trial_;
    std::optional<time_point> next_trial_; ///< empty: at the next ACK
};

} // namespace tapio::core::tcp
