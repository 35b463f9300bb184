/// @file
/// A path that loses full segments without a word (RFC 4821 §7.7, RFC 8899 §4.3: a black hole), suspected when segments have
/// timed out several times in a row. The outage of a link looks the same; so the suspicion is put to the test as soon as
/// something is acknowledged: one segment of the former size, the trial, goes among the smaller ones. Where it arrives, the path
/// carries that size. Where it has to be sent again, the path stays narrow, and the next trial is a minute later, then ten, then
/// an hour.
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
    /// @param path_mss, segment octets, before it was suspected: of the path, and of payload in a full segment
    black_hole(std::uint32_t path_mss, std::uint32_t segment) noexcept : path_mss_(path_mss), segment_(segment) {}

    std::uint32_t path_mss() const noexcept { return path_mss_; }
    std::uint32_t segment() const noexcept { return segment_; }

    /// Too many timeouts. @param nxt SND.NXT
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

    /// A segment was delivered. True if that shows that full ones pass: it was the trial, or one from before the suspicion that
    /// has not been sent again in pieces.
    bool is_refuted_by(const sent_segment& s) const noexcept
    {
        constexpr std::uint32_t blocks = 36; // octets of SACK blocks that a full segment may hold besides
        if (trial_ && s.begin.at_or_after(trial_->begin) && s.begin.before(trial_->end)) return true;
        return full_until_ && !s.retransmitted && s.begin.before(*full_until_) && s.size() + blocks >= segment_;
    }

    bool wants_trial(time_point now) const noexcept { return next_trial_ && *next_trial_ <= now && !trial_; }
    void tried(seq_number begin, seq_number end) noexcept { trial_ = sequence_range{begin, end}; }
    void forget_trial() noexcept { trial_.reset(); } ///< what was sent is taken back

    /// [begin, end) is sent again, in small segments.
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
    std::optional<seq_number> full_until_; ///< what was sent before went in full segments
    std::optional<sequence_range> trial_;  ///< under way
    std::optional<time_point> next_trial_; ///< none: at the next acknowledgement
    unsigned failures_ = 0;
};

} // namespace tapio::core::tcp
