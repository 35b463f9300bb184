/// @file
/// A connection on which nothing happens, at rest: what it has to remember, in a third of the memory. It wakes as what it was.
#pragma once

#include "tcp/delivery_rate.hpp"
#include "tcp/lasting_state.hpp"
#include "tcp/loss_recovery.hpp"
#include "tcp/rtt_estimator.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace tapio::core::tcp {

struct idle_memory
{
    explicit idle_memory(lasting_state&& l) noexcept : lasting(std::move(l)) {}

    lasting_state lasting;
    rtt_estimator::measurements rtt;
    delivery_rate::memory rate;
    time_point heard;                   ///< when the last segment came
    std::uint64_t received = 0;         ///< octets, all of them read
    std::uint32_t receive_capacity = 0; ///< octets
    seq_number recover;                 ///< loss_recovery's; or, of one that has been through something,
    std::unique_ptr<loss_recovery> recovery;
};

} // namespace tapio::core::tcp
