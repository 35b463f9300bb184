/// @file
/// Filters that decide which packets a socket receives. <tapio/filter.hpp> gives them to sockets.
#pragma once

#include <tapio/core/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#pragma GCC visibility push(default)

namespace tapio::core {

/// One instruction of classic BPF (McCanne and Jacobson, 1993), with the layout of Linux's `struct sock_filter` and libpcap's
/// `struct bpf_insn`.
struct bpf_instruction
{
    std::uint16_t code = 0;
    std::uint8_t if_true = 0, if_false = 0; ///< instructions to skip
    std::uint32_t k = 0;
};

/// Whether the socket receives the packet.
using packet_predicate = std::function<bool(std::span<const std::byte>)>;

} // namespace tapio::core

#pragma GCC visibility pop
