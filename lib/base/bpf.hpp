/// @file
/// Classic BPF: programs that decide how much of a packet a socket receives. An accumulator A, an index register X and 16 words
/// of memory; jumps go forward only, so that a program of n instructions ends after at most n. Read McCanne and Jacobson, "The
/// BSD Packet Filter" (1993), and Linux's Documentation/networking/filter.rst first. Not here: Linux's ancillary data (loads from
/// negative offsets); a program with an absolute one is refused.
#pragma once

#include <tapio/core/error.hpp>
#include <tapio/core/packet_filter.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace tapio::core {

class bpf_program
{
public:
    static constexpr std::size_t longest = 4096; ///< instructions; Linux's bound
    static constexpr std::size_t memory_words = 16;

    /// Checks the program by the rules of Linux. EINVAL: empty or too long; an unknown instruction; a jump behind the end; the
    /// last instruction does not return; division by the constant 0; a shift by 32 or more; no such word of memory, or one that
    /// is read before it was written on some way.
    static result<bpf_program> make(std::span<const bpf_instruction> code);

    /// @param packet its first octets  @param whole_size octets of the whole packet
    /// @return octets to keep, which may be more than there are; 0: the packet is refused, also by a load behind the end of
    /// `packet` and a division by X = 0
    std::size_t run(const_bytes packet, std::size_t whole_size) const noexcept;

    std::size_t size() const noexcept { return code_.size(); } ///< instructions

private:
    explicit bpf_program(std::span<const bpf_instruction> code) : code_(code.begin(), code.end()) {}

    std::vector<bpf_instruction> code_;
};

} // namespace tapio::core
