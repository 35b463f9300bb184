/// @file
/// The state of an idle connection (connection::rest()), in a third of the memory. The connection is restored from it unchanged.
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
    time_point heard;                        ///< when the last acceptable segment arrived
    std::uint64_t received = 0;              ///< octets received, all of them read
    std::uint32_t receive_capacity = 0;      ///< octets
    seq_number recover;                      ///< of loss_recovery, if `recovery` is null
    std::unique_ptr<loss_recovery> recovery; ///< null: its state is the default
};

} // namespace tapio::core::tcp
