/// @file
/// State and statistics of a TCP connection, as `tapio::tcp_info(socket)` returns them (<tapio/ip/tcp.hpp>). The option TCP_INFO
/// fills in Linux's `struct tcp_info` instead, as on a kernel socket.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/core/trace.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio::core {

/// The state of loss recovery (Linux's tcpi_ca_state).
enum class tcp_recovery : std::uint8_t
{
    open,       ///< nothing is known to be missing
    disorder,   ///< the peer reported data out of order, or twice
    cwr,        ///< the window was reduced because of a mark (RFC 3168 §6.1.2), within the last round trip
    recovering, ///< fast recovery (RFC 5681 §3.2, RFC 8985)
    loss        ///< after a retransmission timeout
};

const char* name(tcp_recovery phase) noexcept; ///< "open"

/// The timer of a connection that expires first.
enum class tcp_timer : std::uint8_t
{
    none,
    retransmit,  ///< RFC 6298
    tail_probe,  ///< RFC 8985 §7.2
    reorder,     ///< RFC 8985 §6.2 step 5
    pace,        ///< when the pacer lets the next segment leave
    persist,     ///< zero-window probes (RFC 9293 §3.8.6.1)
    delayed_ack, ///< RFC 9293 §3.8.6.3
    keep_alive,  ///< RFC 9293 §3.8.4
    orphan,      ///< bounds how long a closed socket's connection goes on without progress
    fin_wait_2,  ///< bounds how long a closed socket's connection waits for the peer's FIN
    time_wait    ///< 2 MSL
};

const char* name(tcp_timer timer) noexcept; ///< "retransmit"

/// A snapshot. Octets are those of user data: SYN, FIN and headers are not counted. Segments are counted as they cross the wire;
/// their counts wrap at 2^32, as Linux's do.
struct tcp_info
{
    tcp_state state = tcp_state::closed;
    bool passive = false; ///< opened by the peer (accepted)
    tcp_recovery recovery = tcp_recovery::open;
    std::string_view congestion_control; ///< "cubic"; static storage
    tcp_timer timer = tcp_timer::none;   ///< the timer that expires first
    duration timer_expires{};            ///< time until then; 0 without a timer

    // times
    duration rto{}, srtt{}, rttvar{}, min_rtt{}; ///< RFC 6298; except `rto`, 0 before the first measurement
    duration receive_rtt{};                      ///< measured by the receiver, from timestamps; 0: not measured
    duration delayed_ack{};                      ///< how long an acknowledgement may be delayed
    std::optional<duration> since_data_sent, since_data_received, since_received; ///< none: never; `since_received`: any segment
    duration busy{};                                                              ///< how long data was outstanding, in total

    // segments and windows
    std::uint32_t send_mss = 0, receive_mss = 0;       ///< octets of payload in a full segment
    std::uint32_t advertised_mss = 0;                  ///< octets; our MSS option
    std::uint32_t path_mtu = 0;                        ///< octets of IP packet
    std::uint64_t cwnd = 0, ssthresh = 0;              ///< octets; an `ssthresh` of 0x7fff'ffff or more: not set yet
    std::uint64_t in_flight = 0;                       ///< octets estimated to be in the network
    std::uint64_t sacked = 0, lost = 0;                ///< octets, of `unacked`
    std::uint64_t send_window = 0, receive_window = 0; ///< octets, as last advertised
    std::uint64_t receive_buffer = 0;                  ///< octets that the receive buffer may hold now
    std::uint8_t send_window_scale = 0, receive_window_scale = 0;
    bool window_scaling = false, timestamps = false, sack = false, ecn = false;
    bool data_in_syn = false;         ///< Fast Open: a SYN carried data, and its receiver accepted it (RFC 7413)
    bool data_in_syn_refused = false; ///< Fast Open: our SYN's data was not accepted, or was lost

    // rates, octets/s
    std::uint64_t delivery_rate = 0;        ///< the last sample (draft-ietf-ccwg-bbr); 0: none
    bool delivery_rate_app_limited = false; ///< the user gave less to send than the path could carry
    std::uint64_t pacing_rate = 0;          ///< 0: not paced
    std::uint64_t max_pacing_rate = 0;      ///< SO_MAX_PACING_RATE; 0: none

    // totals, octets and segments
    std::uint64_t bytes_sent = 0;          ///< retransmissions included (RFC 4898 tcpEStatsPerfHCDataOctetsOut)
    std::uint64_t bytes_retransmitted = 0; ///< retransmissions alone
    std::uint64_t bytes_acked = 0, bytes_received = 0;
    std::uint32_t segments_sent = 0, segments_received = 0;           ///< all segments
    std::uint32_t data_segments_sent = 0, data_segments_received = 0; ///< segments with data
    std::uint32_t retransmissions = 0;                                ///< segments, SYNs included
    std::uint32_t delivered = 0;             ///< segments that the peer acknowledged, with the SYN, without the FIN
    std::uint32_t delivered_ce = 0;          ///< of these, acknowledged with ECE
    std::uint32_t reorderings = 0;           ///< times that a segment was delivered after one that was sent later
    std::uint32_t duplicates_told = 0;       ///< D-SACKs received (RFC 2883)
    std::uint32_t out_of_order_received = 0; ///< segments with data beyond a gap
    std::uint32_t timeouts = 0;              ///< expiries of the retransmission timer
    std::uint32_t timeout_recoveries = 0;    ///< recoveries that began with one

    // now
    std::uint64_t unsent = 0, unacked = 0, unread = 0; ///< octets in the send and receive buffers
    std::uint32_t consecutive_timeouts = 0;
    std::uint32_t unanswered_probes = 0; ///< zero-window probes or keep-alives
    std::uint32_t backoff = 0;           ///< doublings of the RTO

    // a listener only
    std::uint32_t waiting = 0, backlog = 0; ///< connections that wait to be accepted, and how many may wait
};

} // namespace tapio::core

#pragma GCC visibility pop
