#include "tcp/loss_recovery.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core::tcp {

namespace {

constexpr std::uint32_t duplicate_threshold = 3; // RFC 5681 §3.2

} // namespace

bool loss_recovery::duplicate_ack(seq_number una, seq_number nxt, std::uint32_t mss, sent_queue& sent, congestion_control& cc,
                                  time_point now)
{
    ++duplicates_;
    if (phase_ == phase::loss) return false; // these answer our own retransmissions
    left_network_ = std::min(left_network_ + mss, sent.outstanding());
    if (phase_ == phase::recovery || duplicates_ < duplicate_threshold) return false;
    // RFC 6582 §3.2 step 2: not for duplicates of data sent before the last recovery ended.
    if (duplicates_ != duplicate_threshold || una.before(recover_)) return false;
    phase_ = phase::recovery;
    recover_ = nxt;
    cc.loss_detected(sent.outstanding(), now);
    sent.mark_front_lost();
    retransmit_now_ = true;
    return true;
}

void loss_recovery::new_ack(seq_number una, const ack_sample& ack, std::uint32_t mss, sent_queue& sent, congestion_control& cc)
{
    duplicates_ = 0;
    if (phase_ == phase::recovery && una.before(recover_)) return partial_ack(ack, mss, sent);
    if (phase_ == phase::recovery) cc.recovered(sent.outstanding(), ack.now); // RFC 6582 §3.2 step 3, full
    if (phase_ != phase::recovery) cc.acknowledged(ack);
    if (una.at_or_after(recover_)) phase_ = phase::open;
    left_network_ = 0;
}

void loss_recovery::partial_ack(const ack_sample& ack, std::uint32_t mss, sent_queue& sent)
{
    // RFC 6582 §3.2 step 3, partial: the next segment is lost too. What was acknowledged beyond the segment that was
    // retransmitted had been counted as having left the network by its duplicates.
    const auto counted = static_cast<std::uint32_t>(ack.acked > mss ? ack.acked - mss : 0);
    left_network_ -= std::min(left_network_, counted);
    left_network_ = std::min(left_network_, sent.outstanding());
    sent.mark_front_lost();
    retransmit_now_ = true;
}

void loss_recovery::timeout(seq_number nxt, bool first, sent_queue& sent, congestion_control& cc, time_point now)
{
    cc.timed_out(sent.outstanding() - sent.lost(), first, now);
    phase_ = phase::loss;
    recover_ = nxt; // RFC 6582 §4.1
    duplicates_ = 0;
    left_network_ = 0;
    sent.mark_all_lost();
    retransmit_now_ = true;
}

std::uint32_t loss_recovery::in_flight(const sent_queue& sent) const noexcept
{
    const std::uint32_t gone = sent.lost() + left_network_;
    const std::uint32_t outstanding = sent.outstanding();
    return outstanding > gone ? outstanding - gone : 0;
}

bool loss_recovery::take_retransmit_now() noexcept { return std::exchange(retransmit_now_, false); }

} // namespace tapio::core::tcp
