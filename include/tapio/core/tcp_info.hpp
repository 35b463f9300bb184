/// @file
/// What a TCP connection knows of itself. `tapio::tcp_info(socket)` answers it (<tapio/ip/tcp.hpp>); the option TCP_INFO fills in
/// Linux's `struct tcp_info` instead, as on a kernel socket.
#pragma once

#include <tapio/core/time.hpp>
#include <tapio/core/trace.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

#pragma GCC visibility push(default)

namespace tapio::core {

/// What loss recovery is about (Linux's tcpi_ca_state).
enum class tcp_recovery : std::uint8_t
{
    open,       ///< nothing is known to be missing
    disorder,   ///< something came out of order, or twice
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
    pace,        ///< the next segment may leave
    persist,     ///< zero-window probes (RFC 9293 §3.8.6.1)
    delayed_ack, ///< RFC 9293 §3.8.6.3
    keep_alive,  ///< RFC 9293 §3.8.4
    orphan,      ///< a closed socket makes no progress
    fin_wait_2,  ///< a closed socket waits for the peer's FIN
    time_wait    ///< 2 MSL
};

const char* name(tcp_timer timer) noexcept; ///< "retransmit"

/// A snapshot, of the moment of the call. Octets are of the user's data: SYN, FIN and headers are not counted. Segments are
/// counted as they cross the wire, and their numbers come round at 2^32, as Linux's.
struct tcp_info
{
    tcp_state state = tcp_state::closed;
    bool passive = false; ///< it was accepted
    tcp_recovery recovery = tcp_recovery::open;
    std::string_view congestion_control; ///< "cubic"; static storage
    tcp_timer timer = tcp_timer::none;   ///< the one that expires first
    duration timer_expires{};            ///< from now; 0 without a timer

    // times
    duration rto{}, srtt{}, rttvar{}, min_rtt{}; ///< RFC 6298; 0 before the first measurement, but for `rto`
    duration receive_rtt{};                      ///< as the receiver sees it, by timestamps; 0: not measured
    duration delayed_ack{};                      ///< how long an acknowledgement may wait
    std::optional<duration> since_data_sent, since_data_received, since_received; ///< ago; `since_received`: any segment
    duration busy{};                                                              ///< while data was outstanding

    // segments and windows
    std::uint32_t send_mss = 0, receive_mss = 0;       ///< octets of payload in a full segment
    std::uint32_t advertised_mss = 0;                  ///< octets; our MSS option
    std::uint32_t path_mtu = 0;                        ///< octets of IP packet
    std::uint64_t cwnd = 0, ssthresh = 0;              ///< octets; a `ssthresh` of 0x7fff'ffff or more: none yet
    std::uint64_t in_flight = 0;                       ///< octets thought to be in the network
    std::uint64_t sacked = 0, lost = 0;                ///< octets, of `unacked`
    std::uint64_t send_window = 0, receive_window = 0; ///< octets, as last advertised
    std::uint64_t receive_buffer = 0;                  ///< octets that it may hold now
    std::uint8_t send_window_scale = 0, receive_window_scale = 0;
    bool window_scaling = false, timestamps = false, sack = false, ecn = false;
    bool data_in_syn = false;         ///< and the other end took it (RFC 7413)
    bool data_in_syn_refused = false; ///< ... and it did not, or it never arrived

    // rates, octets/s
    std::uint64_t delivery_rate = 0;        ///< the last measured (draft-ietf-ccwg-bbr); 0: none
    bool delivery_rate_app_limited = false; ///< the user gave less to send than the path would have taken
    std::uint64_t pacing_rate = 0;          ///< 0: not paced
    std::uint64_t max_pacing_rate = 0;      ///< SO_MAX_PACING_RATE; 0: none

    // what has gone by; octets
    std::uint64_t bytes_sent = 0;          ///< retransmissions included (RFC 4898 tcpEStatsPerfHCDataOctetsOut)
    std::uint64_t bytes_retransmitted = 0; ///< of these
    std::uint64_t bytes_acked = 0, bytes_received = 0;
    std::uint32_t segments_sent = 0, segments_received = 0;           ///< all of them
    std::uint32_t data_segments_sent = 0, data_segments_received = 0; ///< with data
    std::uint32_t retransmissions = 0;                                ///< segments, SYNs included
    std::uint32_t delivered = 0;             ///< segments that the peer has, the SYN included, the FIN not
    std::uint32_t delivered_ce = 0;          ///< of these, acknowledged with ECE
    std::uint32_t reorderings = 0;           ///< times that a segment was delivered after one that was sent later
    std::uint32_t duplicates_told = 0;       ///< D-SACKs (RFC 2883)
    std::uint32_t out_of_order_received = 0; ///< segments with data that came early
    std::uint32_t timeouts = 0;              ///< of the retransmission timer
    std::uint32_t timeout_recoveries = 0;    ///< episodes of such

    // now
    std::uint64_t unsent = 0, unacked = 0, unread = 0; ///< octets in the send and receive buffers
    std::uint32_t consecutive_timeouts = 0;
    std::uint32_t unanswered_probes = 0; ///< of a closed window, or keep-alives
    std::uint32_t backoff = 0;           ///< doublings of the timeout

    // of a listener
    std::uint32_t waiting = 0, backlog = 0; ///< connections to be accepted, and how many may wait
};

} // namespace tapio::core

#pragma GCC visibility pop
