/// @file
/// Linux's `struct tcp_info`, the value of the option TCP_INFO. Defined here because <netinet/tcp.h> has only the beginning of
/// the struct, and <linux/tcp.h> cannot be included beside it. Programs may be built with either, and get as many octets as fit.
#pragma once

#include <tapio/core/tcp_info.hpp>

#include <cstdint>

namespace tapio::detail {

/// Linux's names, without `tcpi_`. Times in us, except `last_*` (ms); rates in octets/s.
struct linux_tcp_info
{
    std::uint8_t state = 0, ca_state = 0, retransmits = 0, probes = 0, backoff = 0, options = 0;
    std::uint8_t window_scales = 0; ///< snd_wscale in the low four bits, rcv_wscale above
    std::uint8_t flags = 0;         ///< delivery_rate_app_limited: 1, fastopen_client_fail: 2
    std::uint32_t rto = 0, ato = 0, snd_mss = 0, rcv_mss = 0;
    std::uint32_t unacked = 0, sacked = 0, lost = 0, retrans = 0, fackets = 0; ///< segments
    std::uint32_t last_data_sent = 0, last_ack_sent = 0, last_data_recv = 0, last_ack_recv = 0;
    std::uint32_t pmtu = 0, rcv_ssthresh = 0, rtt = 0, rttvar = 0;
    std::uint32_t snd_ssthresh = 0, snd_cwnd = 0; ///< segments
    std::uint32_t advmss = 0, reordering = 0, rcv_rtt = 0, rcv_space = 0, total_retrans = 0;
    std::uint64_t pacing_rate = 0, max_pacing_rate = 0; ///< UINT64_MAX: none
    std::uint64_t bytes_acked = 0, bytes_received = 0;  ///< octets of sequence space: SYN and FIN count
    std::uint32_t segs_out = 0, segs_in = 0, notsent_bytes = 0, min_rtt = 0, data_segs_in = 0, data_segs_out = 0;
    std::uint64_t delivery_rate = 0;
    std::uint64_t busy_time = 0, rwnd_limited = 0, sndbuf_limited = 0;
    std::uint32_t delivered = 0, delivered_ce = 0;
    std::uint64_t bytes_sent = 0, bytes_retrans = 0;
    std::uint32_t dsack_dups = 0, reord_seen = 0, rcv_ooopack = 0, snd_wnd = 0, rcv_wnd = 0, rehash = 0;
    std::uint16_t total_rto = 0, total_rto_recoveries = 0;
    std::uint32_t total_rto_time = 0;
};

/// Not measured, so always 0: retrans, fackets, last_ack_sent, rwnd_limited, sndbuf_limited, rehash, total_rto_time.
linux_tcp_info linux_info(const core::tcp_info& i) noexcept;

} // namespace tapio::detail
