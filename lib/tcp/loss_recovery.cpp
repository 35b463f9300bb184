#include "tcp/loss_recovery.hpp"

#include <algorithm>
#include <utility>

namespace tapio::core::tcp {

namespace {

constexpr std::uint32_t duplicate_threshold = 3; // RFC 5681 §3.2

bool earlier_timestamp(std::uint32_t a, std::uint32_t b) noexcept { return static_cast<std::int32_t>(a - b) < 0; }

} // namespace

// -- with SACK --------------------------------------------------------------------------------------------------------

bool loss_recovery::acknowledged(ack_news& news, const rtt_estimator& rtt, delivery_rate& rate, sent_queue& sent,
                                 congestion_control& cc)
{
    if (!sack_) return new_ack(news, sent, cc), false;
    if (news.advanced || news.sample.delivered > 0) probes_ = 0;
    if (sent.empty() && is_open()) { // nothing in flight, nothing to undo: the most frequent case outside bulk transfers
        look_again_ = never;
        if (news.duplicate) note_duplicate(news);
        return false;
    }
    const time_point now = news.sample.now;
    const bool was_recovering = phase_ == phase::recovery;
    note_duplicate(news);
    judge_probe(news, cc);
    if (was_spurious(news)) take_back(sent, cc, now);
    if (phase_ != phase::open && news.una.at_or_after(recover_)) {
        // RFC 9937 §6: cwnd becomes ssthresh; PRR has prevented a burst
        if (phase_ == phase::recovery)
            cc.recovered(std::max<std::uint64_t>(in_flight(sent), cc.threshold()), now), rack_.recovered();
        phase_ = phase::open;
        forward_ = forward_step::off;
    }
    news.sample.lost = detect(news, rtt, rate, sent, cc);
    news.sample.in_flight = in_flight(sent);
    const bool began = enter_if_lost(news, sent, cc);
    news.sample.in_recovery = was_recovering || phase_ == phase::recovery;
    news.sample.path_reorders = rack_.reordering_seen();
    if (phase_ == phase::recovery)
        prr_.acknowledged(news.sample.delivered, news.sample.in_flight, cc.threshold(), news.mss,
                          news.advanced && news.sample.lost == 0);
    return began;
}

std::uint32_t loss_recovery::detect(const ack_news& news, const rtt_estimator& rtt, delivery_rate& rate, sent_queue& sent,
                                    congestion_control& cc)
{
    const std::uint32_t sacked = sent.sacked() / std::max(news.mss, 1U);
    const duration window = rack_.reordering_window(phase_ != phase::open, sacked, rtt.min_rtt(), rtt.srtt());
    return rack_.detect(sent, window, news.sample.now, look_again_,
                        [&](const sent_segment& s) { cc.segment_lost(rate.lost(s, news.sample.now)); });
}

/// RFC 6675 §5 step 4, RFC 9937 §6
bool loss_recovery::enter_if_lost(ack_news& news, sent_queue& sent, congestion_control& cc)
{
    if (phase_ != phase::open || sent.lost() == 0) return false;
    if (news.mtu_trial && sent.lost_only_within(*news.mtu_trial)) { // too large for the path, and so no sign of congestion
        retransmit_now_ = true;
        return false;
    }
    phase_ = phase::recovery;
    begin_episode(news.una, news.nxt);
    const std::uint64_t prior = news.sample.prior_flight;
    cc.loss_detected(cc.governs_recovery() ? prior : std::max(prior, flight_size(sent, cc)), news.sample.now);
    prr_.start(prior);
    retransmit_now_ = true;
    return true;
}

bool loss_recovery::reordering_timeout(ack_news& news, const rtt_estimator& rtt, delivery_rate& rate, sent_queue& sent,
                                       congestion_control& cc)
{
    news.sample.prior_flight = in_flight(sent);
    news.sample.lost = detect(news, rtt, rate, sent, cc);
    const bool began = enter_if_lost(news, sent, cc);
    if (phase_ == phase::recovery && news.sample.lost > 0) prr_.acknowledged(0, in_flight(sent), cc.threshold(), news.mss, false);
    return began;
}

void loss_recovery::begin_episode(seq_number una, seq_number nxt) noexcept
{
    recover_ = nxt;
    episode_ = una;
    first_resent_ts_.reset();
    resent_ = 0;
    probe_.reset();
}

void loss_recovery::retransmitted(std::uint32_t octets, std::uint32_t ts) noexcept
{
    prr_.sent(octets);
    if (!episode_) return;
    if (!first_resent_ts_) first_resent_ts_ = ts;
    resent_ += octets;
}

/// RFC 2883 §4: the peer has received data twice.
void loss_recovery::note_duplicate(const ack_news& news) noexcept
{
    if (!news.duplicate) return;
    rack_.duplicate_told(news.una, news.nxt);
    if (episode_ && news.duplicate->begin.at_or_after(*episode_) && news.duplicate->end.at_or_before(recover_))
        resent_ -= std::min(resent_, news.duplicate->size());
}

/// The recovery was spurious: the ACK answers the original transmission (Eifel, RFC 3522 §3.2), or D-SACKs have reported every
/// retransmission as a duplicate (RFC 3708 §3), or data sent before the timeout is still being acknowledged (F-RTO).
bool loss_recovery::was_spurious(const ack_news& news) noexcept
{
    if (!episode_ || !first_resent_ts_) return false;
    if (resent_ == 0) return true;
    if (phase_ == phase::open) return false;
    if (news.echo) return news.advanced && earlier_timestamp(*news.echo, *first_resent_ts_);
    return forward_says_spurious(news);
}

/// RFC 5682 §3.1, the SACK-enhanced version
bool loss_recovery::forward_says_spurious(const ack_news& news) noexcept
{
    switch (forward_) {
    case forward_step::off: return false;
    case forward_step::timed_out:
        forward_ = news.advanced && news.una.before(recover_) ? forward_step::new_data : forward_step::off;
        return false;
    case forward_step::new_data:
    case forward_step::waiting: forward_ = forward_step::off; return news.advanced && news.original_acked;
    }
    return false;
}

/// Undoes a spurious recovery (RFC 4015 §3.2).
void loss_recovery::take_back(sent_queue& sent, congestion_control& cc, time_point now)
{
    sent.mark_none_lost();
    cc.undo(now);
    rack_.reordering_was_seen();
    phase_ = phase::open;
    forward_ = forward_step::off;
    episode_.reset();
    retransmit_now_ = false;
}

// -- tail loss probes ---------------------------------------------------------------------------------------------------

/// RFC 8985 §7.2. Not during F-RTO, whose verdict needs the ACK of its own segments.
bool loss_recovery::may_probe(const sent_queue& sent) const noexcept
{
    return sack_ && !sent.empty() && forward_ == forward_step::off;
}

duration loss_recovery::probe_timeout(const rtt_estimator& rtt, bool one_segment, duration ack_delay) const noexcept
{
    using namespace std::chrono_literals;
    if (!rtt.has_sample()) return 1s;
    const duration first = 2 * rtt.srtt() + (one_segment ? ack_delay : duration(2ms)); // 2 ms: timer granularity
    return first * (1 << std::min(probes_, 10U));
}

/// RFC 8985 §7.4.2, TLP_process_ack
void loss_recovery::judge_probe(const ack_news& news, congestion_control& cc)
{
    if (!probe_ || news.una.before(probe_->end)) return;
    const tail_probe p = *probe_;
    const bool told_twice = news.duplicate && news.duplicate->end == p.end; // case 1: original and probe arrived
    if (!p.retransmission || told_twice) return probe_.reset();
    if (news.una.after(p.end)) { // case 2: the probe repaired a loss
        probe_.reset();
        cc.loss_detected(news.sample.prior_flight, news.sample.now);
        cc.recovered(news.sample.prior_flight, news.sample.now);
    } else if (!news.advanced && !news.has_sack) { // case 3: a duplicate ACK from a peer without D-SACK
        probe_.reset();
    }
}

// -- without SACK -------------------------------------------------------------------------------------------------------

bool loss_recovery::duplicate_ack(seq_number una, seq_number nxt, std::uint32_t mss, sent_queue& sent, congestion_control& cc,
                                  time_point now)
{
    ++duplicates_;
    if (phase_ == phase::loss) return false; // these are answers to our own retransmissions
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

void loss_recovery::new_ack(ack_news& news, sent_queue& sent, congestion_control& cc)
{
    duplicates_ = 0;
    news.sample.in_recovery = phase_ == phase::recovery;
    if (phase_ == phase::recovery && news.una.before(recover_)) return partial_ack(news.sample, news.mss, sent);
    if (phase_ == phase::recovery) cc.recovered(sent.outstanding(), news.sample.now); // RFC 6582 §3.2 step 3, full
    if (news.una.at_or_after(recover_)) phase_ = phase::open;
    left_network_ = 0;
}

void loss_recovery::partial_ack(const ack_sample& ack, std::uint32_t mss, sent_queue& sent)
{
    // RFC 6582 §3.2 step 3, partial ACK: the next segment is lost too. Of the octets acknowledged, all but the retransmitted
    // segment were already counted in left_network_, by duplicate ACKs.
    const auto counted = static_cast<std::uint32_t>(ack.acked > mss ? ack.acked - mss : 0);
    left_network_ -= std::min(left_network_, counted);
    left_network_ = std::min(left_network_, sent.outstanding());
    sent.mark_front_lost();
    retransmit_now_ = true;
}

// -- both ---------------------------------------------------------------------------------------------------------------

void loss_recovery::timeout(seq_number una, seq_number nxt, bool first, const rtt_estimator& rtt, sent_queue& sent,
                            congestion_control& cc, time_point now)
{
    cc.timed_out(flight_size(sent, cc), first && !(sack_ && phase_ == phase::recovery), now); // the recovery's reduction stays
    if (phase_ == phase::open || !episode_) begin_episode(una, nxt);
    phase_ = phase::loss;
    recover_ = nxt; // RFC 6582 §4.1
    duplicates_ = 0;
    left_network_ = 0;
    look_again_ = never;
    probe_.reset();
    forward_ = sack_ && first ? forward_step::timed_out : forward_step::off;
    if (sent.front().sacked) sent.forget_sacks(); // SACKed, yet not acknowledged: the peer has reneged (RFC 2018 §8)
    if (sack_) {
        rack_.mark_on_timeout(sent, rack_.reordering_window(true, 0, rtt.min_rtt(), rtt.srtt()), now);
    } else {
        sent.mark_all_lost();
    }
    retransmit_now_ = true;
}

/// RFC 5681 §2's FlightSize: octets not acknowledged cumulatively, limited by cwnd. SACKed octets count: where the receive window
/// limits the sender, nearly everything in flight may be SACKed when a loss is found. A model-based algorithm (BBR) gets the
/// octets in the network instead.
std::uint64_t loss_recovery::flight_size(const sent_queue& sent, const congestion_control& cc) const noexcept
{
    const std::uint64_t flight = in_flight(sent);
    if (!sack_) return sent.outstanding() - sent.lost();
    if (cc.governs_recovery()) return flight;
    return std::min<std::uint64_t>(sent.outstanding(), std::max(cc.window(), flight));
}

std::uint32_t loss_recovery::in_flight(const sent_queue& sent) const noexcept
{
    const std::uint32_t gone = sent.lost() + sent.sacked() + left_network_;
    const std::uint32_t outstanding = sent.outstanding();
    return outstanding > gone ? outstanding - gone : 0;
}

std::uint64_t loss_recovery::window(const congestion_control& cc) const noexcept
{
    if (sack_ && phase_ == phase::recovery && !cc.governs_recovery()) return prr_.window();
    return cc.window();
}

bool loss_recovery::take_retransmit_now() noexcept { return std::exchange(retransmit_now_, false); }

} // namespace tapio::core::tcp
