/// @file
/// How large the buffers of a connection should be. The receiver's: four times what its user reads in a round trip, so that the
/// window never holds back a sender that doubles, though there may be a hole in front of it all (Dynamic Right-Sizing: Fisk and
/// Feng 2001; no RFC). The sender's: twice the congestion window. Both grow between what they began with and a limit; SO_RCVBUF
/// and SO_SNDBUF fix them.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tapio::core::tcp {

/// The connections that receive in bulk at a time: what a device can buffer for all is shared among them.
class receive_crowd
{
public:
    /// @param seen the member's own, 0 at first  @return how many there are, itself included
    std::uint32_t count(std::uint32_t& seen, time_point now) noexcept
    {
        if (now - began_ >= epoch) {
            last_ = now - began_ < 2 * epoch ? current_ : 0;
            current_ = 0;
            began_ = now;
            ++number_;
        }
        if (std::exchange(seen, number_) != number_) ++current_;
        return std::max(last_, current_);
    }

private:
    static constexpr duration epoch = std::chrono::milliseconds(200);

    time_point began_{};
    std::uint32_t number_ = 1, last_ = 0, current_ = 0;
};

class receive_tuning
{
public:
    /// The peer echoed our timestamp after so long. It may have waited for its user: only the short ones tell of the path.
    void round_trip(duration sample) noexcept
    {
        if (shortest_ == duration::zero() || sample < shortest_) shortest_ = sample;
        if (rtt_ == duration::zero() || sample < rtt_) {
            rtt_ = sample;
        } else {
            rtt_ += (sample - rtt_) / 16;
        }
    }

    duration round_trip() const noexcept { return rtt_; } ///< 0: not measured

    /// The user has read so many octets. @param fallback a round trip, where none was measured here
    /// @return what the capacity should be, octets; where the limit has become smaller, that
    std::uint32_t user_read(std::uint64_t octets, duration fallback, std::uint32_t capacity, std::uint32_t limit,
                            time_point now) noexcept
    {
        copied_ += octets;
        const duration round = rtt_ != duration::zero() ? rtt_ : fallback;
        if (round == duration::zero()) return capacity;
        if (round_began_ == time_point{}) round_began_ = now;
        if (now - round_began_ < round) return std::min(capacity, limit);
        const std::uint64_t in_round = copied_;
        copied_ = 0;
        round_began_ = now;
        const std::uint64_t wanted = 4 * in_round;
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(std::max<std::uint64_t>(wanted, capacity), limit));
    }

    /// How large a window may be when the device towards us buffers `octets`. From a peer across the device a whole window may
    /// come at once; along a longer path its acknowledgements spread it over the round trip, and the device drains meanwhile.
    std::uint64_t spread(std::uint64_t octets) const noexcept
    {
        return octets * static_cast<std::uint64_t>(std::clamp<duration::rep>(shortest_ / long_path, 1, 100));
    }

private:
    static constexpr duration long_path = std::chrono::milliseconds(10);

    duration rtt_{}, shortest_{};
    std::uint64_t copied_ = 0; ///< octets in this round
    time_point round_began_{};
};

} // namespace tapio::core::tcp
