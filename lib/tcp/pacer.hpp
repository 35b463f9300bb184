/// @file
/// Pacing: segments leave no faster than a given rate. If the timer fires late, up to 1 ms worth of data is sent at once.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>

namespace tapio::core::tcp {

class pacer
{
public:
    /// @param rate octets/s; 0: not paced
    void set_rate(std::uint64_t rate) noexcept { rate_ = rate; }
    std::uint64_t rate() const noexcept { return rate_; }

    /// The pacing debt has expired: the state equals the initial one.
    bool forgotten(time_point now) const noexcept { return rate_ == 0 || next_ + longest_credit <= now; }
    bool may_send(time_point now) const noexcept { return rate_ == 0 || next_ <= now; }
    time_point next() const noexcept { return next_; }
    void sent(std::uint64_t octets, time_point now) noexcept
    {
        if (rate_ == 0) return;
        const duration takes(static_cast<duration::rep>(1e9 * static_cast<double>(octets) / static_cast<double>(rate_)));
        next_ = std::max(next_, now - longest_credit) + takes;
    }
    /// Octets that may be sent in one piece: 1 ms worth (draft-ietf-ccwg-bbr, send quantum).
    std::uint64_t quantum() const noexcept { return rate_ == 0 ? UINT64_MAX : rate_ / 1000; }

private:
    static constexpr duration longest_credit = std::chrono::milliseconds(1);

    std::uint64_t rate_ = 0;
    time_point next_{};
};

} // namespace tapio::core::tcp
