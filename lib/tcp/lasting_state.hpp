/// @file
/// The state that an idle connection must keep; its other members have their initial values (connection::may_rest()). A base
/// class of connection, so that it can be moved out as a whole (idle.hpp).
#pragma once

#include "base/family_sizes.hpp"
#include "tcp/ack_policy.hpp"
#include "tcp/buffer_tuning.hpp"
#include "tcp/challenge_limit.hpp"
#include "tcp/corrective_ack_limit.hpp"
#include "tcp/ecn.hpp"
#include "tcp/fast_open.hpp"
#include "tcp/history.hpp"
#include "tcp/path_mtu_search.hpp"
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

/// RFC 9293 §3.3.1, by the RFC's names.
struct send_sequence
{
    seq_number una, nxt, iss, wl1, wl2;
    std::uint32_t wnd = 0;          ///< octets, after scaling
    std::uint32_t max_wnd = 0;      ///< octets; the largest window seen
    std::uint64_t una_position = 0; ///< stream position of SND.UNA: octets of data acknowledged
};
struct receive_sequence
{
    seq_number nxt, irs;
    seq_number adv;                ///< right edge of the advertised window
    seq_number last_ack;           ///< Last.ACK.sent (RFC 7323)
    std::optional<seq_number> fin; ///< sequence number of the peer's FIN, once seen
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
    std::uint32_t path_mss_ = 0;                  ///< octets
    std::uint32_t link_mss_ = 0;                  ///< octets; the link's MSS: `path_mss_` before path MTU discovery lowered it
    std::uint32_t peer_mss_ = 0;                  ///< octets; the peer's MSS option
    std::uint32_t send_mss_ = 0;                  ///< octets of payload in a full segment that we send
    std::uint32_t receive_mss_ = 0;               ///< octets of payload assumed in a full segment of the peer
    std::uint32_t offered_mss_ = 0;               ///< octets; the MSS option we send, not reduced by TCP options (RFC 6691)
    std::uint32_t largest_segment_ = 0;           ///< octets of payload in the largest GSO segment; 0: no GSO
    std::uint32_t receive_limit_ = UINT32_MAX;    ///< octets; see connection_setup
    time_point mtu_trial_ = never;                ///< when to try the link's MTU again after a router reported a smaller one
    std::unique_ptr<path_mtu_search> mtu_search_; ///< non-null while larger segments than ours may pass
    bool may_fragment_ = false;                   ///< the path MTU is below our minimum: packets are sent without DF
    core::family family_ = core::family::v4;
    window_scale snd_scale_, rcv_scale_;
    bool passive_ = false;
    bool scaling_ = false;       ///< both ends offered window scaling
    bool sacking_ = false;       ///< both ends offered SACK
    bool syn_timed_out_ = false; ///< our SYN or SYN,ACK was retransmitted
    early_data early_ = early_data::none;
    ecn ecn_;
    std::uint32_t crowd_seen_ = 0; ///< see receive_crowd::count()
    receive_tuning tuning_;
    std::unique_ptr<congestion_control> congestion_;
    window_validation use_; ///< of the congestion window
    timestamp_clock ts_;
    ack_policy acks_;
    corrective_ack_limit corrections_; // placed to avoid padding: an idle connection must take less than 1 KiB
    challenge_limit challenges_;
    time_point last_data_sent_{}, last_data_received_{}, last_timeout_{};
    duration busy_{}; ///< time with data in flight, without the present busy period
    segment_counts segments_;
    mishaps mishaps_;
};

} // namespace tapio::core::tcp
