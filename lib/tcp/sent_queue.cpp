#include "tcp/sent_queue.hpp"

#include <utility>

namespace tapio::core::tcp {

void sent_queue::push(seq_number begin, seq_number end, time_point now, const flight_stamp& stamp, bool again)
{
    records_.push_back({.begin = begin, .end = end, .sent_at = now, .retransmitted = again, .stamp = stamp});
}

/// Drops the first `n` records. Amortised O(1): records are moved only when at least half of the vector is unused.
void sent_queue::forget(std::size_t n)
{
    head_ += n;
    if (empty()) {
        records_.clear();
        again_.clear();
        head_ = lost_hint_ = time_hint_ = again_head_ = 0;
    } else if (head_ >= 64 && head_ * 2 >= records_.size()) {
        records_.erase(records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(head_));
        lost_hint_ -= std::min(lost_hint_, head_);
        time_hint_ -= std::min(time_hint_, head_);
        head_ = 0;
    }
}

void sent_queue::mark_lost(sent_segment& s)
{
    if (s.lost || s.sacked) return;
    s.lost = true;
    lost_ += s.size();
}

void sent_queue::mark_front_lost()
{
    if (empty()) return;
    mark_lost(records_[head_]);
    lost_hint_ = head_;
}

void sent_queue::mark_all_lost()
{
    for (std::size_t i = head_; i < records_.size(); ++i) mark_lost(records_[i]);
    lost_hint_ = head_;
}

void sent_queue::mark_none_lost()
{
    for (std::size_t i = head_; i < records_.size(); ++i) records_[i].lost = false;
    lost_ = 0;
    rescan();
}

void sent_queue::forget_sacks() noexcept
{
    for (std::size_t i = head_; i < records_.size(); ++i) records_[i].sacked = false;
    sacked_ = 0;
    rescan();
}

/// Marks were withdrawn: all records have to be judged again.
void sent_queue::rescan() noexcept
{
    time_hint_ = head_;
    again_.clear();
    again_head_ = 0;
    for (std::size_t i = head_; i < records_.size(); ++i)
        if (records_[i].retransmitted && !records_[i].lost && !records_[i].sacked)
            again_.push_back({records_[i].begin, records_[i].sent_at});
    std::stable_sort(again_.begin(), again_.end(), [](const sent_again& a, const sent_again& b) { return a.at < b.at; });
}

const sent_segment* sent_queue::first_lost() const noexcept
{
    if (lost_ == 0) return nullptr;
    auto i = std::max(lost_hint_, head_);
    while (i < records_.size() && !records_[i].lost) ++i;
    return i < records_.size() ? &records_[i] : nullptr;
}

bool sent_queue::lost_only_within(const sequence_range& range) const noexcept
{
    std::uint32_t within = 0;
    for (std::size_t i = find(range.begin); i < records_.size() && records_[i].end.at_or_before(range.end); ++i)
        if (records_[i].lost) within += records_[i].size();
    return within == lost_;
}

std::size_t sent_queue::find(seq_number inside) const noexcept
{
    const auto from = records_.begin() + static_cast<std::ptrdiff_t>(head_);
    const auto at =
        std::partition_point(from, records_.end(), [inside](const sent_segment& s) { return s.end.at_or_before(inside); });
    return static_cast<std::size_t>(at - records_.begin());
}

void sent_queue::split(std::size_t i, seq_number at)
{
    sent_segment rest = records_[i];
    rest.begin = at;
    records_[i].end = at;
    records_.insert(records_.begin() + static_cast<std::ptrdiff_t>(i) + 1, rest);
    if (lost_hint_ > i) ++lost_hint_;
    if (time_hint_ > i) ++time_hint_;
    if (!rest.retransmitted) return;
    // The second part gets its own entry in again_, next to the first one's.
    const auto first = again_.begin() + static_cast<std::ptrdiff_t>(again_head_);
    const auto same = std::find_if(first, again_.end(), [&](const sent_again& a) { return a.at > rest.sent_at; });
    again_.insert(same, {at, rest.sent_at});
}

const sent_segment* sent_queue::tail(std::uint32_t most)
{
    std::size_t i = records_.size();
    while (i > head_ && records_[i - 1].sacked) --i;
    if (i == head_) return nullptr;
    --i;
    if (records_[i].size() > most) {
        split(i, records_[i].end - most);
        ++i;
    }
    return &records_[i];
}

void sent_queue::retransmitted(seq_number begin, seq_number end, time_point now, const flight_stamp& stamp)
{
    const auto i = find(begin);
    if (records_[i].begin.before(begin)) return split(i, begin), retransmitted(begin, end, now, stamp);
    if (records_[i].end.after(end)) split(i, end);
    sent_segment& s = records_[i];
    if (s.lost) lost_ -= s.size();
    s.lost = false;
    s.retransmitted = true;
    s.sent_at = now;
    s.stamp = stamp;
    if (again_head_ == again_.size()) again_.clear(), again_head_ = 0;
    again_.push_back({begin, now});
    if (lost_hint_ >= i) lost_hint_ = i;
}

void sent_queue::clear() noexcept
{
    records_.clear();
    records_.shrink_to_fit();
    again_ = {};
    head_ = lost_hint_ = time_hint_ = again_head_ = 0;
    lost_ = sacked_ = 0;
}

} // namespace tapio::core::tcp
