/// @file
/// What can be set on a host when it is made.
#pragma once

#include "core/tcp_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tapio::core {

struct host_options
{
    tcp_options tcp;
    std::string congestion_control = "cubic"; ///< of TCP sockets that name no other; what nobody knows is "cubic"
    std::uint64_t tcp_memory =
        UINT64_C(1) << 30;                 ///< octets that all TCP connections may hold together; near it buffers stay small
    bool fast_open_without_cookie = false; ///< TCP Fast Open's data is sent, and taken, without a cookie
    std::size_t udp_receive_buffer = 208 * 1024;       ///< octets for each socket (Linux's default)
    std::size_t awake_connections = 1024;              ///< idle TCP connections; beyond it the longest idle rest in less memory
    std::size_t time_wait_limit = 262'144;             ///< connections in TIME-WAIT; beyond it the oldest is forgotten early
    std::size_t orphan_limit = 65'536;                 ///< connections that finish without a user; beyond it close() resets
    std::uint64_t orphan_memory = UINT64_C(256) << 20; ///< octets that these may hold together; beyond it close() resets
    std::size_t transmit_queue = 1024; ///< packets for each interface; of TCP also no more octets than so many times the MTU
    std::size_t send_quantum = 0;      ///< octets of plain frames that a connection sends before others come; 0: all it may
    unsigned shards = 1; ///< hosts that have the same addresses, and share what comes for them (ip/shard_exchange.hpp)
    unsigned shard = 0;  ///< ... which of them this is
    std::uint8_t ttl = 64;
    bool answer_echo = true;            ///< ICMP echo requests (RFC 1122 §3.2.2.6)
    bool answer_broadcast_echo = false; ///< ... to a broadcast or multicast address (RFC 1122 allows to ignore them)
};

} // namespace tapio::core
