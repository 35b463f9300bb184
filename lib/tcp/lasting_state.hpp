/// @file
/// What a connection has to remember while nothing happens on it: everything else of it is as it was when it was made. A base of
/// the connection, so that it can be taken out whole (idle.hpp).
#pragma once

#include "base/family_sizes.hpp"
#include "tcp/ack_policy.hpp"
#include "tcp/black_hole.hpp"
#include "tcp/buffer_tuning.hpp"
#include "tcp/challenge_limit.hpp"
#include "tcp/corrective_ack_limit.hpp"
#include "tcp/ecn.hpp"
#include "tcp/fast_open.hpp"
#include "tcp/history.hpp"
#include "tcp/seq_number.hpp"
#include "tcp/timestamp_clock.hpp"
#include "tcp/window.hpp"
#include "tcp/window_validation.hpp"

#include <tapio/core/congestion_control.hpp>
#include <tapio/core/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace tapio::core::tcp {

/// RFC 9293 §3.3.1, with the RFC's names.
struct send_sequence
{
    seq_number una, nxt, iss, wl1, wl2;
    std::uint32_t wnd = 0;          ///< octets, scaled
    std::uint32_t max_wnd = 0;      ///< the largest seen
    std::uint64_t una_position = 0; ///< octets of data acknowledged: where snd.una lies in the stream
};
struct receive_sequence
{
    seq_number nxt, irs;
    seq_number adv;                ///< the right edge that was advertised
    seq_number last_ack;           ///< Last.ACK.sent (RFC 7323)
    std::optional<seq_number> fin; ///< where the peer's FIN stands, once seen
};

struct lasting_state
{
    lasting_state(core::family f, const timestamp_clock& ts, const challenge_limit& challenges) noexcept
        : family_(f), ts_(ts), challenges_(challenges)
    {
        path_mss_ = link_mss_ = peer_mss_ = send_mss_ = receive_mss_ = offered_mss_ = sizes_of(f).default_mss;
    }

    send_sequence snd_;
    receive_sequence rcv_;
    std::uint32_t path_mss_ = 0;    ///< octets
    std::uint32_t link_mss_ = 0;    ///< octets; `path_mss_` before the path turned out to be narrower
    std::uint32_t peer_mss_ = 0;    ///< octets; the peer's option
    std::uint32_t send_mss_ = 0;    ///< octets of payload in a full segment of ours
    std::uint32_t receive_mss_ = 0; ///< and of the peer's, as far as we know
    std::uint32_t offered_mss_ = 0; ///< the MSS option we send: without any TCP options (RFC 6691)
    std::uint32_t largest_segment_ = 0;
    std::uint32_t receive_limit_ = UINT32_MAX; ///< octets
    time_point mtu_trial_ = never;             ///< when a larger one than the routers said is tried again
    std::unique_ptr<black_hole> black_hole_;   ///< while one is suspected
    bool may_fragment_ = false;                ///< the path is narrower than we go: our packets have no DF
    core::family family_ = core::family::v4;
    window_scale snd_scale_, rcv_scale_;
    bool passive_ = false;
    bool scaling_ = false;       ///< both ends offered it
    bool sacking_ = false;       ///< likewise
    bool syn_timed_out_ = false; ///< our SYN, or SYN,ACK, had to be sent again
    early_data early_ = early_data::none;
    ecn ecn_;
    std::uint32_t crowd_seen_ = 0; ///< the crowd's
    receive_tuning tuning_;
    std::unique_ptr<congestion_control> congestion_;
    window_validation use_; ///< of the congestion window
    timestamp_clock ts_;
    ack_policy acks_;
    corrective_ack_limit corrections_; // stands where it leaves no padding: an idle connection may cost 1 KiB
    challenge_limit challenges_;
    time_point last_data_sent_{}, last_data_received_{}, last_timeout_{};
    duration busy_{}; ///< while something was outstanding; without what is
    segment_counts segments_;
    mishaps mishaps_;
};

} // namespace tapio::core::tcp
