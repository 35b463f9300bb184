/// @file
/// What is in flight: one record for each segment sent and not yet acknowledged, in sequence order. Loss recovery marks
/// records lost; output sends them again. The scoreboard of RFC 6675 and the times of RFC 8985 have their places here.
#pragma once

#include "tcp/seq_number.hpp"

#include <tapio/core/time.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace tapio::core::tcp {

struct sent_segment
{
    seq_number begin;
    seq_number end;
    time_point sent_at; ///< the last time
    bool retransmitted = false;
    bool lost = false; ///< taken to have left the network unreceived, and not sent again since

    std::uint32_t size() const noexcept { return end - begin; } ///< octets of sequence space
};

class sent_queue
{
public:
    bool empty() const noexcept { return head_ == records_.size(); }
    std::size_t size() const noexcept { return records_.size() - head_; }
    std::uint32_t outstanding() const noexcept { return empty() ? 0 : records_.back().end - front().begin; } ///< octets
    std::uint32_t lost() const noexcept { return lost_; } ///< octets marked lost
    const sent_segment& front() const noexcept { return records_[head_]; }

    /// New data was sent. @param again some of it had been sent before and taken back
    void push(seq_number begin, seq_number end, time_point now, bool again = false);

    /// What an acknowledgement up to `ack` took away.
    struct acknowledged
    {
        std::uint32_t octets = 0;
        std::uint32_t segments = 0;
        std::optional<time_point> sent_at; ///< of the latest segment that was sent once only (Karn), if all were
        bool retransmitted = false;        ///< some of it had been sent again
    };
    acknowledged acknowledge(seq_number ack);

    void mark_front_lost();
    void mark_all_lost();

    /// The first record marked lost, or null.
    const sent_segment* first_lost() const noexcept;

    /// [begin, end) of the lost record at `begin` was sent again; a part of a record splits it.
    void retransmitted(seq_number begin, seq_number end, time_point now);

    /// All of it, lost or not, is to be forgotten.
    void clear() noexcept;

private:
    void mark_lost(sent_segment& s);
    std::size_t find(seq_number begin) const noexcept;

    std::vector<sent_segment> records_;
    std::size_t head_ = 0;      ///< records before it are acknowledged
    std::size_t lost_hint_ = 0; ///< no record before it is lost
    std::uint32_t lost_ = 0;
};

} // namespace tapio::core::tcp
