/// @file
/// Options of a TCP connection, with their defaults. Times and counts cite their source.
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
    std::uint32_t receive_buffer_limit = 6 * 1024 * 1024;  ///< receive buffer tuning grows the buffer up to this
    std::uint32_t send_buffer_limit = 4 * 1024 * 1024;     ///< send buffer tuning, likewise
    bool tune_receive_buffer = true;                       ///< off once SO_RCVBUF is set
    bool tune_send_buffer = true;                          ///< off once SO_SNDBUF is set
    std::uint32_t window_scale_capacity = 6 * 1024 * 1024; ///< the largest window that the offered scale can advertise

    // segments
    std::uint16_t max_segment = 0;            ///< octets; TCP_MAXSEG; 0: limited by the path MTU only
    bool no_delay = false;                    ///< Nagle's algorithm off (RFC 9293 §3.7.4); MUST-17
    bool urgent_in_line = false;              ///< SO_OOBINLINE
    bool cork = false;                        ///< TCP_CORK: only full segments, until the persist timer overrides it (0.1 to 1 s)
    std::uint32_t not_sent_low_watermark = 0; ///< octets; a write waits while this much is unsent; TCP_NOTSENT_LOWAT; 0: off
    bool quick_ack = false;                   ///< acknowledge every segment at once
    bool offer_window_scale = true;
    bool offer_timestamps = true;
    bool offer_sack = true;
    bool offer_ecn = false;          ///< request ECN in our SYN
    bool accept_ecn = true;          ///< agree to ECN if the peer's SYN requests it
    bool exact_ecn_feedback = false; ///< the receiver echoes each mark (RFC 8257 §3.2); DCTCP's sender needs it

    bool syn_cookies = true; ///< listeners: when too many connections are half-open (RFC 4987)

    // retransmission
    duration initial_rto = std::chrono::seconds(1);       ///< RFC 6298 §2.1
    duration min_rto = std::chrono::milliseconds(200);    ///< as Linux; RFC 6298 §2.4 says 1 s
    duration max_rto = std::chrono::seconds(60);          ///< RFC 6298 §2.5
    duration delayed_ack = std::chrono::milliseconds(40); ///< RFC 9293 §3.8.6.3 allows 500 ms; MUST-40
    unsigned syn_retries = 7;                             ///< 1+2+4+...+32+60+60 s: R2 >= 3 min (RFC 9293 MUST-23)
    unsigned retries = 15;                                ///< R2 >= 100 s (RFC 9293 SHLD-11)
    duration user_timeout{};                              ///< RFC 5482; 0: `retries` decides; MUST-21
    std::uint64_t max_pacing_rate = 0;                    ///< octets/s; SO_MAX_PACING_RATE; 0: none
    unsigned initial_window = 10;                         ///< segments (RFC 6928)

    // keep-alive (RFC 9293 §3.8.4), off by default
    bool keep_alive = false;                    // RFC 9293 MUST-24, MUST-25
    duration keep_idle = std::chrono::hours(2); // RFC 9293 MUST-27, MUST-28
    duration keep_interval = std::chrono::seconds(75);
    unsigned keep_count = 9;

    // closing
    unsigned orphan_retries = 8; ///< bounds `retries` once the user has closed the socket (Linux: tcp_orphan_retries)
    duration orphan_timeout =
        std::chrono::seconds(210); ///< how long a closed socket waits for progress if the peer answers but acknowledges nothing
    duration time_wait = std::chrono::seconds(60);  ///< 2 MSL with MSL = 30 s, as Linux
    duration fin_wait_2 = std::chrono::seconds(60); ///< how long a closed socket waits for the peer's FIN
    int linger = -1;                                ///< s; -1: off; 0: close() resets

    /// Options without effect, which a socket only returns as set, one bit each (tcp_sockets_options.cpp).
    std::uint16_t remembered = 0b110'0000;
    int timestamping = 0;          ///< SO_TIMESTAMPING; no effect, only returned as set
    std::uint8_t mtu_discover = 1; ///< IP_MTU_DISCOVER; TCP always sets DF (RFC 1191)
    bool own_ttl = false;          ///< `ttl` has been set; else it is the default, which routers may advertise (IPv6)
    std::uint8_t ttl = 64;
    std::uint8_t tos = 0;

    friend bool operator==(const tcp_options&, const tcp_options&) = default;
};

} // namespace tapio::core
