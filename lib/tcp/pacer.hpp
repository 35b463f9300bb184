/// @file
/// Segments leave no faster than a rate. What a late timer has held back goes out at once, up to a millisecond's worth.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>

namespace tapio::core::tcp {

class pacer
{
public:
    /// @param rate octets/s; 0: as fast as you like
    void set_rate(std::uint64_t rate) noexcept { rate_ = rate; }
    std::uint64_t rate() const noexcept { return rate_; }

    /// What was sent says nothing any more of when the next may go.
    bool forgotten(time_point now) const noexcept { return rate_ == 0 || next_ + longest_credit <= now; }
    bool may_send(time_point now) const noexcept { return rate_ == 0 || next_ <= now; }
    time_point next() const noexcept { return next_; }
    void sent(std::uint64_t octets, time_point now) noexcept
    {
        if (rate_ == 0) return;
        const duration takes(static_cast<duration::rep>(1e9 * static_cast<double>(octets) / static_cast<double>(rate_)));
        next_ = std::max(next_, now - longest_credit) + takes;
    }
    /// How much may go out in one piece: a millisecond's worth (draft-ietf-ccwg-bbr, send quantum).
    std::uint64_t quantum() const noexcept { return rate_ == 0 ? UINT64_MAX : rate_ / 1000; }

private:
    static constexpr duration longest_credit = std::chrono::milliseconds(1);

    std::uint64_t rate_ = 0;
    time_point next_{};
};

} // namespace tapio::core::tcp
