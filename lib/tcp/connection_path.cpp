// The path: segment sizes, ICMP errors, path MTU and black holes (RFC 1191, 6691, 5927, 9293 §3.9.2.2).
#include "tcp/connection.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace tapio::core::tcp {

namespace {

constexpr std::size_t least_path_mtu = 552; // octets; Linux's bound (ip_rt_min_pmtu), against attacks (RFC 5927 §7.2)
constexpr std::uint32_t least_segment = 28; // octets with TCP options; every path has this much (IPv4's minimum MTU of 68)
constexpr duration mtu_trial_interval = std::chrono::minutes(10);

} // namespace

/// RFC 9293 §3.7.1: Eff.snd.MSS, minus the options that every segment carries (RFC 6691).
void connection::negotiate_segment_sizes(std::optional<std::uint16_t> peers, time_point)
{
    const family_sizes sizes = sizes_of(family_);
    peer_mss_ = heeded_mss(peers, sizes.default_mss);   // MUST-15
    std::uint32_t mss = std::min(peer_mss_, path_mss_); // RFC 9293 MUST-16
    if (options_.max_segment != 0) mss = std::min<std::uint32_t>(mss, options_.max_segment);
    send_mss_ = std::max(mss, least_segment) - option_octets();
    receive_mss_ = offered_mss_ - option_octets();
}

/// As on Linux: the error is reported if the connection attempt times out; an established connection ends with timed_out.
void connection::on_local_error(error_code why)
{
    if (state_ == state::syn_sent) soft_error_ = why;
}

/// A new link MTU discards what was learned about the old path's MTU.
void connection::path_changed(std::uint32_t path_mss, std::uint32_t largest_segment, std::uint32_t receive_limit, time_point now)
{
    largest_segment_ = largest_segment;
    receive_limit_ = receive_limit != 0 ? receive_limit : UINT32_MAX;
    if (path_mss == link_mss_) return;
    path_mss_ = link_mss_ = path_mss;
    mtu_trial_ = never;
    may_fragment_ = false;
    mtu_search_.reset();
    if (state_ != state::syn_sent) {
        negotiate_segment_sizes(static_cast<std::uint16_t>(peer_mss_), now);
    } else { // our SYN, when sent again, offers the new MSS
        send_mss_ = receive_mss_ = offered_mss_ =
            options_.max_segment == 0 ? path_mss_ : std::min<std::uint32_t>(path_mss_, options_.max_segment);
    }
    congestion_->mss_changed(send_mss_);
}

/// RFC 5927 §4.1: an ICMP error must quote a segment that is in flight.
bool connection::is_outstanding(std::uint32_t sequence) const noexcept
{
    const seq_number quoted(sequence);
    return quoted.at_or_after(snd_.una) && quoted.before(snd_.nxt);
}

void connection::on_icmp_error(error_code why, std::uint32_t sequence, time_point)
{
    if (!is_outstanding(sequence)) return;
    if (state_ == state::syn_sent || (state_ == state::syn_received && !passive_)) return fail(why);
    soft_error_ = why; // every error is soft in the synchronized states: RFC 9293 §3.9.2.2, MUST-47, MUST-56; RFC 5927 §4.2
}

/// Below least_path_mtu segments do not shrink further; DF is cleared, so that routers fragment (Linux: mtu_locked). Over IPv6
/// routers do not fragment, and every link has an MTU of 1280 (RFC 8200 §5): a smaller value counts as that.
bool connection::on_packet_too_big(std::size_t mtu, std::uint32_t sequence, time_point now)
{
    if (!is_outstanding(sequence)) return false;
    const bool fragments = mtu < least_path_mtu && family_ == family::v4;
    const bool in_fragments = fragments && !std::exchange(may_fragment_, true);
    if (lower_for_a_while(mtu, in_fragments, now) || in_fragments) resend_smaller(now);
    return true;
}

/// The segments in flight that are too large for it are lost, and the errors about them will tell nothing new.
void connection::path_mtu_known(std::size_t mtu, time_point now)
{
    const bool smaller = lower_for_a_while(mtu, false, now);
    if (smaller && !sent_.empty() && sent_.front().size() > send_mss_) resend_smaller(now);
}

/// @param in_fragments segments that are longer will be sent in fragments  @return as lower_path_mtu()
bool connection::lower_for_a_while(std::size_t mtu, bool in_fragments, time_point now)
{
    const std::uint32_t before = path_mss_;
    const bool smaller = lower_path_mtu(std::max(mtu, least_path_mtu));
    if (path_mss_ < before || in_fragments) {
        mtu_trial_ = now + mtu_trial_interval;
        mtu_search_.reset(); // a router that reports the MTU is no black hole
    }
    return smaller;
}

/// After repeated timeouts of a large segment without any ICMP error, either a black hole or an outage: continue with smaller
/// segments.
void connection::suspect_black_hole(time_point now)
{
    constexpr unsigned certainty = suspicious_timeouts + 2; // timeouts in a row
    constexpr std::size_t base_path_mtu = 1024;             // octets (RFC 4821 §7.7)
    if (!synchronized(state_) || sent_.front().size() <= sizes_of(family_).default_mss)
        return; // a small segment is not lost because of its size
    if (timeouts_ != suspicious_timeouts && timeouts_ != certainty) return;
    const std::uint32_t path = path_mss_, segment = send_mss_;
    const bool smaller = lower_path_mtu(timeouts_ == certainty ? least_path_mtu : base_path_mtu);
    if (path_mss_ < path && !mtu_search_) mtu_search_ = std::make_unique<path_mtu_search>(path, segment);
    if (mtu_search_) mtu_search_->suspect(snd_.nxt, send_mss_);
    if (smaller) resend_smaller(now);
}

/// Payload, octets, of a larger segment to send now to test whether it passes. 0: no trial is due, or the window has no room for
/// one. @param left octets available to send
std::uint32_t connection::trial_size(std::uint64_t left, time_point now) const noexcept
{
    if (!mtu_search_ || !mtu_search_->wants_trial(now)) return 0;
    const std::uint32_t size = mtu_search_->next_size() - (send_mss_ - segment_room());
    return std::min(left, congestion_room()) >= size ? size : 0;
}

/// The search for the path MTU has learned that segments with `size` octets of payload pass.
void connection::larger_segments_pass(std::uint32_t size, time_point now)
{
    if (size == mtu_search_->full()) return use_path_mss(std::exchange(mtu_search_, nullptr)->path_mss(), now);
    mtu_search_->passed(size, now);
    use_path_mss(size + option_octets(), now);
}

/// The path may have changed: ten minutes after a router reported a smaller MTU, the link's is tried again (RFC 1191 §6.3).
void connection::try_larger_segments(time_point now)
{
    if (now < mtu_trial_) return;
    mtu_trial_ = never;
    may_fragment_ = false;
    mtu_search_.reset();
    use_path_mss(link_mss_, now);
}

void connection::use_path_mss(std::uint32_t octets, time_point now)
{
    path_mss_ = octets;
    negotiate_segment_sizes(static_cast<std::uint16_t>(peer_mss_), now);
    congestion_->mss_changed(send_mss_);
}

/// @return true if segments in flight may be too large for the path
bool connection::lower_path_mtu(std::size_t mtu)
{
    const family_sizes sizes = sizes_of(family_);
    const auto mss = static_cast<std::uint32_t>(std::max<std::size_t>(mtu, sizes.least_mtu) - sizes.tcp_headers);
    if (mss >= path_mss_) return false;
    path_mss_ = mss;
    if (!synchronized(state_)) return true;
    const std::uint32_t carried = path_mss_ - option_octets();
    if (carried >= send_mss_) return false;
    send_mss_ = carried;
    congestion_->mss_changed(send_mss_);
    return true;
}

/// The segments in flight are too large for the path (RFC 1191 §6.3): send them again. A SYN is sent again without its data.
void connection::resend_smaller(time_point now)
{
    if (sent_.outstanding() <= 1) return; // a SYN or FIN alone
    recovery_.resend_all(sent_);
    arm_retransmit(now);
}

} // namespace tapio::core::tcp
