/// @file
/// The data in flight: one record for each segment sent and not yet acknowledged, in sequence order. With SACK this is the
/// scoreboard of RFC 6675 §3 and holds RACK's transmission times (RFC 8985 §5.2). Loss recovery marks records lost; output
/// retransmits them.
#pragma once

#include "tcp/seq_number.hpp"

#include <tapio/core/time.hpp>

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace tapio::core::tcp {

/// The connection's delivery counters when a segment was sent, from which the delivery rate is computed
/// (draft-ietf-ccwg-bbr, "Delivery Rate Samples").
struct flight_stamp
{
    std::uint64_t delivered = 0; ///< C.delivered, octets
    std::uint64_t lost = 0;      ///< C.lost, octets
    std::uint64_t in_flight = 0; ///< octets, including this segment
    time_point delivered_at{};   ///< C.delivered_time
    time_point first_sent_at{};  ///< C.first_send_time
    bool app_limited = false;
};

struct sent_segment
{
    seq_number begin;
    seq_number end;
    time_point sent_at;         ///< of the last transmission
    bool retransmitted = false; ///< sent more than once
    bool lost = false;          ///< assumed lost, and not retransmitted since
    bool sacked = false;        ///< the peer has SACKed it
    flight_stamp stamp;         ///< of the last transmission

    std::uint32_t size() const noexcept { return end - begin; } ///< octets of sequence space
    /// RFC 8985 §6.2: sent later than the segment that was sent at `t` and ends at `s`.
    bool sent_after(time_point t, seq_number s) const noexcept { return sent_at > t || (sent_at == t && end.after(s)); }
};

class sent_queue
{
public:
    bool empty() const noexcept { return head_ == records_.size(); }
    std::size_t size() const noexcept { return records_.size() - head_; }
    std::uint32_t outstanding() const noexcept { return empty() ? 0 : records_.back().end - front().begin; } ///< octets
    std::uint32_t lost() const noexcept { return lost_; }     ///< octets marked lost
    std::uint32_t sacked() const noexcept { return sacked_; } ///< octets marked SACKed
    const sent_segment& front() const noexcept { return records_[head_]; }
    const sent_segment& back() const noexcept { return records_.back(); }

    /// New data was sent. @param again some of it was sent before and taken back
    void push(seq_number begin, seq_number end, time_point now, const flight_stamp& stamp = {}, bool again = false);

    /// Cumulative ACK: removes everything before `ack`. Calls `delivered(record)` for each record, or part of one, that was not
    /// SACKed before.
    template <class F>
    void acknowledge(seq_number ack, F&& delivered);

    /// SACK block [begin, end). Calls `delivered(record)` for each record, or part of one, that was not SACKed before.
    template <class F>
    void sack(seq_number begin, seq_number end, F&& delivered);
    void forget_sacks() noexcept; ///< the peer has reneged (RFC 2018 §8)

    void mark_front_lost();
    void mark_all_lost();
    void mark_none_lost(); ///< the loss was spurious
    /// Marks records lost in order of their transmission times, among those sent before (t, s) that are neither lost nor SACKed,
    /// until `is_lost(record)` returns false. @return octets marked
    template <class F>
    std::uint32_t mark_lost_in_order_of_time(time_point t, seq_number s, F&& is_lost);

    /// The first record marked lost, or null.
    const sent_segment* first_lost() const noexcept;
    bool lost_only_within(const sequence_range& range) const noexcept; ///< no other record is marked lost

    /// The last record not SACKed, split so that it has `most` octets at most: for a tail loss probe. Null if all is SACKed.
    const sent_segment* tail(std::uint32_t most);

    /// [begin, end), a record or a part of one, was retransmitted.
    void retransmitted(seq_number begin, seq_number end, time_point now, const flight_stamp& stamp = {});

    /// Removes all records and frees the memory.
    void clear() noexcept;

private:
    struct sent_again
    {
        seq_number begin;
        time_point at;
    };

    void mark_lost(sent_segment& s);
    std::size_t find(seq_number inside) const noexcept; ///< index of the record that holds `inside`; size of records_: none
    void split(std::size_t i, seq_number at);           ///< splits record i at `at`
    void forget(std::size_t records);
    void rescan() noexcept;

    boost::container::small_vector<sent_segment, 2> records_;
    std::size_t head_ = 0;          ///< records before this index are acknowledged
    std::size_t lost_hint_ = 0;     ///< no record before this index is lost
    std::size_t time_hint_ = 0;     ///< first transmissions before this index have been judged
    std::vector<sent_again> again_; ///< retransmissions in order of time; entries may be stale
    std::size_t again_head_ = 0;    ///< entries before this index have been judged
    std::uint32_t lost_ = 0;
    std::uint32_t sacked_ = 0;
};

// -- implementation -----------------------------------------------------------------------------------------------------

template <class F>
void sent_queue::acknowledge(seq_number ack, F&& delivered)
{
    std::size_t gone = 0;
    while (head_ + gone < records_.size() && records_[head_ + gone].begin.before(ack)) {
        sent_segment& s = records_[head_ + gone];
        const seq_number end = std::exchange(s.end, earlier(ack, s.end));
        if (s.lost) lost_ -= s.size();
        if (s.sacked) sacked_ -= s.size();
        if (!s.sacked) delivered(std::as_const(s));
        if (end.after(ack)) { // partly acknowledged: the rest stays
            s.begin = ack;
            s.end = end;
            break;
        }
        ++gone;
    }
    forget(gone);
}

template <class F>
void sent_queue::sack(seq_number begin, seq_number end, F&& delivered)
{
    for (std::size_t i = find(begin); i < records_.size() && records_[i].begin.before(end); ++i) {
        if (records_[i].sacked) continue;
        if (records_[i].begin.before(begin)) {
            split(i, begin);
            continue; // with the second part
        }
        if (records_[i].end.after(end)) split(i, end);
        sent_segment& s = records_[i];
        if (s.lost) lost_ -= s.size();
        s.lost = false;
        s.sacked = true;
        sacked_ += s.size();
        delivered(std::as_const(s));
    }
}

template <class F>
std::uint32_t sent_queue::mark_lost_in_order_of_time(time_point t, seq_number s, F&& is_lost)
{
    const std::uint32_t before = lost_;
    // Records sent only once are in order of time.
    for (time_hint_ = std::max(time_hint_, head_); time_hint_ < records_.size(); ++time_hint_) {
        sent_segment& r = records_[time_hint_];
        if (r.sacked || r.lost || r.retransmitted) continue;
        if (r.sent_after(t, s) || !is_lost(std::as_const(r))) break;
        mark_lost(r);
        lost_hint_ = std::min(lost_hint_, time_hint_);
    }
    for (; again_head_ < again_.size(); ++again_head_) {
        const std::size_t i = find(again_[again_head_].begin);
        if (i >= records_.size() || records_[i].sent_at != again_[again_head_].at) continue;
        sent_segment& r = records_[i];
        if (r.sacked || r.lost) continue;
        if (r.sent_after(t, s) || !is_lost(std::as_const(r))) break;
        mark_lost(r);
        lost_hint_ = std::min(lost_hint_, i);
    }
    return lost_ - before;
}

} // namespace tapio::core::tcp
