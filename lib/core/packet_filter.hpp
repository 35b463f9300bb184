/// @file
/// The filter of a socket: a program, or a function of the user's. Both are called while the packet is received, under the lock
/// of the shell.
#pragma once

#include "base/bpf.hpp"

#include <tapio/core/packet_filter.hpp>

#include <limits>
#include <optional>
#include <utility>

namespace tapio::core {

class packet_filter
{
public:
    explicit packet_filter(bpf_program program) : program_(std::move(program)) {}
    explicit packet_filter(packet_predicate accepts) : accepts_(std::move(accepts)) {}

    /// @return octets to keep, perhaps more than there are; 0: the packet is refused
    std::size_t admit(const_bytes whole) const
    {
        if (program_) return program_->run(whole, whole.size());
        return accepts_(whole) ? std::numeric_limits<std::size_t>::max() : 0;
    }

private:
    std::optional<bpf_program> program_;
    packet_predicate accepts_; ///< used without a program
};

} // namespace tapio::core
