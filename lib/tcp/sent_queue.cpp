#include "tcp/sent_queue.hpp"

#include <algorithm>

namespace tapio::core::tcp {

void sent_queue::push(seq_number begin, seq_number end, time_point now, bool again)
{
    records_.push_back({.begin = begin, .end = end, .sent_at = now, .retransmitted = again});
}

sent_queue::acknowledged sent_queue::acknowledge(seq_number ack)
{
    acknowledged out;
    std::optional<time_point> latest;
    while (!empty() && records_[head_].begin.before(ack)) {
        sent_segment& s = records_[head_];
        const auto n = earlier(ack, s.end) - s.begin;
        out.octets += n;
        if (s.lost) lost_ -= n;
        out.retransmitted = out.retransmitted || s.retransmitted;
        if (s.end.after(ack)) { // part of it: the rest stays
            s.begin = ack;
            break;
        }
        latest = s.sent_at;
        ++out.segments;
        ++head_;
    }
    if (!out.retransmitted) out.sent_at = latest;
    if (empty()) {
        records_.clear();
        head_ = 0;
    } else if (head_ >= 64 && head_ * 2 >= records_.size()) {
        records_.erase(records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(head_));
        lost_hint_ -= std::min(lost_hint_, head_);
        head_ = 0;
    }
    lost_hint_ = empty() ? 0 : std::max(lost_hint_, head_);
    return out;
}

void sent_queue::mark_lost(sent_segment& s)
{
    if (s.lost) return;
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

const sent_segment* sent_queue::first_lost() const noexcept
{
    if (lost_ == 0) return nullptr;
    auto i = std::max(lost_hint_, head_);
    while (i < records_.size() && !records_[i].lost) ++i;
    return i < records_.size() ? &records_[i] : nullptr;
}

std::size_t sent_queue::find(seq_number begin) const noexcept
{
    auto i = std::max(lost_hint_, head_);
    while (records_[i].begin != begin) ++i;
    return i;
}

void sent_queue::retransmitted(seq_number begin, seq_number end, time_point now)
{
    const auto i = find(begin);
    if (records_[i].end.after(end)) {
        sent_segment rest = records_[i];
        rest.begin = end;
        records_[i].end = end;
        records_.insert(records_.begin() + static_cast<std::ptrdiff_t>(i) + 1, rest);
    }
    lost_ -= records_[i].size();
    records_[i].lost = false;
    records_[i].retransmitted = true;
    records_[i].sent_at = now;
    lost_hint_ = i;
}

void sent_queue::clear() noexcept
{
    records_ = {};
    head_ = lost_hint_ = 0;
    lost_ = 0;
}

} // namespace tapio::core::tcp
