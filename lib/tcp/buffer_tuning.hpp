/// @file
/// Receive buffer tuning (Dynamic Right-Sizing: Fisk and Feng 2001; no RFC). The buffer grows to four times what the user reads
/// in a round trip, so that the window does not limit a sender that doubles its rate, even while a hole blocks the reader.
/// SO_RCVBUF switches tuning off. The send buffer: connection::send_capacity().
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tapio::core::tcp {

/// Counts the connections that currently receive in bulk, which share the device's buffer.
class receive_crowd
{
public:
    /// @param seen state of the calling connection, initially 0  @return number of connections, including the caller
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
    /// An RTT sample from an echoed timestamp. The peer may have waited for its user, so that only short samples reflect the
    /// path.
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

    /// The user has read `octets`. @param fallback RTT to use before the first round_trip() sample
    /// @return the new capacity, octets, at most `limit`
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

    /// Octets of window permitted if the device on our side buffers `octets`. From a nearby peer a whole window may arrive at
    /// once; on a longer path it arrives spread over the RTT, and the device's buffer drains meanwhile.
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
