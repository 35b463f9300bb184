/// @file
/// A PMTU black hole: a path that drops full segments without an ICMP error (RFC 4821 §7.7, RFC 8899 §4.3), suspected after
/// several consecutive timeouts. A link outage looks the same, so the suspicion is tested as soon as something is acknowledged:
/// one segment of the former size, the trial, is sent among the smaller ones. If the trial is delivered, the former size is used
/// again. If it has to be retransmitted, the small size stays, and further trials follow after 1 min, 10 min, then every hour.
#pragma once

#include "tcp/sent_queue.hpp"
#include "tcp/seq_number.hpp"

#include <tapio/core/time.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

class black_hole
{
public:
    /// @param path_mss, segment octets before the suspicion: the path's MSS, and the payload of a full segment
    black_hole(std::uint32_t path_mss, std::uint32_t segment) noexcept : path_mss_(path_mss), segment_(segment) {}

    std::uint32_t path_mss() const noexcept { return path_mss_; }
    std::uint32_t segment() const noexcept { return segment_; }

    /// Too many consecutive timeouts. @param nxt SND.NXT
    void suspect(seq_number nxt) noexcept
    {
        if (!full_until_) full_until_ = nxt;
        next_trial_.reset();
        trial_.reset();
    }

    /// SND.UNA has moved: the outage is over, or small segments pass.
    void acknowledged(seq_number una, time_point now) noexcept
    {
        if (!next_trial_) next_trial_ = now;
        if (full_until_ && una.at_or_after(*full_until_)) full_until_.reset();
    }

    /// True if the delivery of `s` shows that full segments pass: `s` is the trial, or a full segment from before the suspicion
    /// that was not retransmitted in smaller pieces.
    bool is_refuted_by(const sent_segment& s) const noexcept
    {
        constexpr std::uint32_t blocks = 36; // octets by which SACK blocks may have reduced a full segment
        if (trial_ && s.begin.at_or_after(trial_->begin) && s.begin.before(trial_->end)) return true;
        return full_until_ && !s.retransmitted && s.begin.before(*full_until_) && s.size() + blocks >= segment_;
    }

    bool wants_trial(time_point now) const noexcept { return next_trial_ && *next_trial_ <= now && !trial_; }
    void tried(seq_number begin, seq_number end) noexcept { trial_ = sequence_range{begin, end}; }
    void forget_trial() noexcept { trial_.reset(); } ///< the trial is unsent again (connection::take_back_unaccepted())

    /// [begin, end) is retransmitted in small segments.
    void sent_again(seq_number begin, seq_number end, time_point now) noexcept
    {
        using namespace std::chrono_literals;
        static constexpr std::array<duration, 3> waits{1min, 10min, 1h};
        if (!trial_ || !begin.before(trial_->end) || !end.after(trial_->begin)) return;
        next_trial_ = now + waits[failures_];
        if (failures_ + 1 < waits.size()) ++failures_;
        trial_.reset();
    }

private:
    std::uint32_t path_mss_, segment_;
    std::optional<seq_number> full_until_; ///< SND.NXT at the suspicion: data before it was sent in full segments
    std::optional<sequence_range> trial_;  ///< the trial in flight
    std::optional<time_point> next_trial_; ///< empty: at the next ACK
    unsigned failures_ = 0;
};

} // namespace tapio::core::tcp
