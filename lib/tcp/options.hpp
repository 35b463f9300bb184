/// @file
/// What can be set on a TCP connection, with the defaults of a host. Times and counts cite where they come from.
#pragma once

#include <tapio/core/time.hpp>

#include <chrono>
#include <cstdint>

namespace tapio::core {

struct tcp_options
{
    // buffers, octets
    std::uint32_t receive_buffer = 256 * 1024;
    std::uint32_t send_buffer = 256 * 1024;
    std::uint32_t receive_buffer_limit = 6 * 1024 * 1024;  ///< it grows up to there as the path wants it
    std::uint32_t send_buffer_limit = 4 * 1024 * 1024;     ///< likewise
    bool tune_receive_buffer = true;                       ///< until SO_RCVBUF
    bool tune_send_buffer = true;                          ///< until SO_SNDBUF
    std::uint32_t window_scale_capacity = 6 * 1024 * 1024; ///< the window that the offered scale must be able to say

    // segments
    std::uint16_t max_segment = 0;            ///< octets; TCP_MAXSEG; 0: what the path's MTU allows
    bool no_delay = false;                    ///< Nagle's algorithm off (RFC 9293 §3.7.4); MUST-17
    bool urgent_in_line = false;              ///< SO_OOBINLINE
    bool cork = false;                        ///< TCP_CORK: nothing but full segments, for 200 ms at most
    std::uint32_t not_sent_low_watermark = 0; ///< octets unsent from which on a write waits; TCP_NOTSENT_LOWAT; 0: none
    bool quick_ack = false;                   ///< every segment is acknowledged at once
    bool offer_window_scale = true;
    bool offer_timestamps = true;
    bool offer_sack = true;
    bool offer_ecn = false; ///< ask for ECN in our SYN; a peer that asks gets it
    bool accept_ecn = true;
    bool exact_ecn_feedback = false; ///< the receiver echoes each mark (RFC 8257 §3.2); DCTCP's sender needs it

    bool syn_cookies = true; ///< of listeners, when too many connections are half open (RFC 4987)

    // retransmission
    duration initial_rto = std::chrono::seconds(1);       ///< RFC 6298 §2.1
    duration min_rto = std::chrono::milliseconds(200);    ///< RFC 6298 §2.4 says 1 s; Linux's choice is ours
    duration max_rto = std::chrono::seconds(60);          ///< RFC 6298 §2.5
    duration delayed_ack = std::chrono::milliseconds(40); ///< RFC 9293 §3.8.6.3 allows 500 ms; MUST-40
    unsigned syn_retries = 7;                             ///< 1+2+4+...+32+60+60 s: R2 >= 3 min (RFC 9293 MUST-23)
    unsigned retries = 15;                                ///< R2 >= 100 s (RFC 9293 SHLD-11)
    duration user_timeout{};                              ///< RFC 5482; 0: `retries` decides; MUST-21
    std::uint64_t max_pacing_rate = 0;                    ///< octets/s; SO_MAX_PACING_RATE; 0: none
    unsigned initial_window = 10;                         ///< segments (RFC 6928)

    // keep-alive (RFC 9293 §3.8.4), off unless asked for
    bool keep_alive = false;                    // RFC 9293 MUST-24, MUST-25
    duration keep_idle = std::chrono::hours(2); // RFC 9293 MUST-27, MUST-28
    duration keep_interval = std::chrono::seconds(75);
    unsigned keep_count = 9;

    // the end
    unsigned orphan_retries = 8; ///< `retries` of a socket that the user has closed (Linux: tcp_orphan_retries)
    duration orphan_timeout =
        std::chrono::seconds(210); ///< ... and how long such a one waits without progress, though the peer answers
    duration time_wait = std::chrono::seconds(60);  ///< 2 MSL with MSL = 30 s, as Linux
    duration fin_wait_2 = std::chrono::seconds(60); ///< how long a closed socket waits for the peer's FIN
    int linger = -1;                                ///< s; -1: off; 0: close() resets

    /// Options that a socket only remembers, a bit each (tcp_sockets_options.cpp).
    std::uint16_t remembered = 0b110'0000;
    int timestamping = 0;          ///< SO_TIMESTAMPING, remembered
    std::uint8_t mtu_discover = 1; ///< IP_MTU_DISCOVER; TCP always sets DF (RFC 1191)
    std::uint8_t ttl = 64;
    std::uint8_t tos = 0;

    friend bool operator==(const tcp_options&, const tcp_options&) = default;
};

} // namespace tapio::core
