/// @file
/// The services of the benchmark, written with plain handlers. Those of one shard run on its thread and share its buffers: a
/// connection owns none while it has nothing to send.
#pragma once

#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>
#include <tapio/shards.hpp>

#include <cstdint>

namespace apps::bench_server {

/// 5001: reads and drops until the peer closes, then closes.
void start_sink(tapio::shards& shards, std::uint16_t port);

/// 5002: writes zeros until the peer closes.
void start_source(tapio::shards& shards, std::uint16_t port);

/// 5003: echoes over TCP and UDP.
void start_echo(tapio::shards& shards, std::uint16_t port);
void start_udp_echo(tapio::stack& stack, std::uint16_t port); ///< for one shard; to be called on its thread

/// Echoes on this connection until the peer closes.
void echo(tapio::ip::tcp::socket&& socket);

/// 5004: writes one octet and closes.
void start_closer(tapio::shards& shards, std::uint16_t port);

/// 5005: reads one line `connect ADDRESS PORT`, connects there, answers `ok` or `error NAME`; sends `hi` on the new
/// connection and echoes on it.
void start_control(tapio::shards& shards, std::uint16_t port);

} // namespace apps::bench_server
