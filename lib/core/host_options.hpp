/// @file
/// Options of a host, fixed at its construction.
#pragma once

#include "core/tcp_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tapio::core {

struct host_options
{
    tcp_options tcp;
    std::string congestion_control = "cubic"; ///< default of TCP sockets; an unknown name means "cubic"
    std::uint64_t tcp_memory =
        UINT64_C(1) << 30;                 ///< octets in the buffers of all TCP connections together (tcp/memory_budget.hpp)
    bool fast_open_without_cookie = false; ///< TCP Fast Open sends and accepts data without a cookie
    std::size_t udp_receive_buffer = 208 * 1024; ///< octets per socket (Linux's default)
    std::size_t awake_connections = 1024;        ///< idle TCP connections; beyond it those idle for longest rest in less memory
    std::size_t time_wait_limit = 262'144;       ///< connections in TIME-WAIT; beyond it the oldest ends early
    std::size_t orphan_limit = 65'536; ///< connections closed by their user and not yet finished; beyond it close() sends RST
    std::uint64_t orphan_memory = UINT64_C(256) << 20; ///< octets in their buffers together; beyond it close() sends RST
    std::size_t transmit_queue = 1024; ///< packets per interface; for TCP also bounded to as many times the MTU in octets
    std::size_t send_quantum = 0;      ///< octets that a connection sends per turn, doubled if the device has TSO; 0: no bound
    unsigned shards = 1; ///< number of hosts that share the same addresses and their traffic (ip/shard_exchange.hpp)
    unsigned shard = 0;  ///< index of this host among them
    std::uint8_t ttl = 64;
    bool strong_host = false;              ///< RFC 1122 §3.3.4.2
    bool accept_redirects = true;          ///< unless the host forwards
    bool answer_echo = true;               ///< ICMP echo requests (RFC 1122 §3.2.2.6)
    unsigned duplicate_address_probes = 1; ///< for each new IPv6 address on an Ethernet (RFC 4862 §5.1); 0: no detection
    bool answer_broadcast_echo = false;    ///< ... to a broadcast or multicast address (RFC 1122 §3.2.2.6 allows ignoring them)
};

} // namespace tapio::core
