/// @file
/// Proportional Rate Reduction (RFC 9937): how much may be sent for each ACK during fast recovery, so that the window shrinks to
/// ssthresh smoothly, and no burst follows when much is lost.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tapio::core::tcp {

class proportional_rate_reduction
{
public:
    /// Recovery begins. @param flight RecoverFS: octets in flight, including those that the ACK being processed delivers
    void start(std::uint64_t flight) noexcept { *this = proportional_rate_reduction(std::max<std::uint64_t>(flight, 1)); }

    /// @param delivered octets newly delivered by the ACK  @param in_flight octets, after the ACK
    /// @param safe SND.UNA advanced and no further loss was found
    void acknowledged(std::uint64_t delivered, std::uint64_t in_flight, std::uint64_t ssthresh, std::uint32_t mss,
                      bool safe) noexcept
    {
        delivered_ += delivered;
        std::uint64_t may_send = 0;
        if (in_flight > ssthresh) {
            const std::uint64_t target = (delivered_ * ssthresh + recover_flight_ - 1) / recover_flight_;
            may_send = target > out_ ? target - out_ : 0;
        } else { // slow start reduction bound if safe, else conservative reduction bound
            may_send = std::max(delivered_ > out_ ? delivered_ - out_ : 0, delivered);
            if (safe) may_send += mss;
            may_send = std::min(ssthresh - in_flight, may_send);
        }
        if (out_ == 0 && may_send == 0) may_send = mss; // the fast retransmit
        window_ = in_flight + may_send;
    }
    void sent(std::uint64_t octets) noexcept { out_ += octets; }

    std::uint64_t window() const noexcept { return window_; } ///< cwnd, octets

    proportional_rate_reduction() noexcept = default;

private:
    explicit proportional_rate_reduction(std::uint64_t flight) noexcept : recover_flight_(flight) {}

    std::uint64_t recover_flight_ = 1; ///< RecoverFS
    std::uint64_t delivered_ = 0;      ///< prr_delivered
    std::uint64_t out_ = 0;            ///< prr_out
    std::uint64_t window_ = 0;
};

} // namespace tapio::core::tcp
