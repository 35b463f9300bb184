/// @file
/// What a TCP connection knows of itself (compare Linux's TCP_INFO).
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/core/trace.hpp>

#include <cstdint>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio::core {

struct tcp_info
{
    tcp_state state = tcp_state::closed;
    std::string_view congestion_control; ///< "cubic"; static storage
    duration rto{}, srtt{}, rttvar{}, min_rtt{};
    std::uint32_t send_mss = 0, receive_mss = 0;         ///< octets of payload in a full segment
    std::uint64_t cwnd = 0, ssthresh = 0, in_flight = 0; ///< octets
    std::uint64_t send_window = 0, receive_window = 0;   ///< octets, as last advertised
    std::uint8_t send_window_scale = 0, receive_window_scale = 0;
    bool window_scaling = false, timestamps = false, sack = false, ecn = false;
    bool data_in_syn = false; ///< and the other end took it (RFC 7413)
    std::uint64_t bytes_sent = 0, bytes_acked = 0, bytes_received = 0, bytes_retransmitted = 0;
    std::uint64_t segments_sent = 0, segments_received = 0, retransmissions = 0;
    std::uint64_t unsent = 0, unacked = 0, unread = 0; ///< octets in the send and receive buffers
    std::uint32_t consecutive_timeouts = 0;
};

} // namespace tapio::core

#pragma GCC visibility pop
