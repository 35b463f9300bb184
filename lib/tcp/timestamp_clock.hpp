/// @file
/// Timestamps and PAWS (RFC 7323 §3 to §5).
#pragma once

#include "tcp/segment.hpp"

#include <tapio/core/time.hpp>

#include <cstdint>
#include <optional>

namespace tapio::core::tcp {

class timestamp_clock
{
public:
    /// @param offset random for each connection, so that timestamps do not reveal the host's uptime (RFC 7323 §7.1)
    explicit timestamp_clock(std::uint32_t offset) noexcept : offset_(offset) {}

    bool enabled() const noexcept { return enabled_; }
    void enable() noexcept { enabled_ = true; }

    /// The timestamp clock ticks in milliseconds (RFC 7323 §5.4 allows 1 ms to 1 s).
    std::uint32_t value(time_point now) const noexcept
    {
        return offset_ +
               static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
    }
    timestamps to_send(time_point now) const noexcept { return {value(now), recent_}; }

    /// PAWS (RFC 7323 §5.3 R1): TSval is older than TS.Recent, and TS.Recent itself has not expired (§5.5).
    bool is_old(const timestamps& ts, time_point now) const noexcept
    {
        return now - recent_at_ < std::chrono::hours(24 * 24) && static_cast<std::int32_t>(ts.value - recent_) < 0;
    }

    /// RFC 7323 §4.3 (2): updates TS.Recent.
    void received(const timestamps& ts, seq_number seq, seq_number last_ack_sent, time_point now) noexcept
    {
        if (!is_old(ts, now) && seq.at_or_before(last_ack_sent)) set_recent(ts.value, now);
    }
    void set_recent(std::uint32_t value, time_point now) noexcept
    {
        recent_ = value;
        recent_at_ = now;
    }
    std::uint32_t recent() const noexcept { return recent_; }
    std::uint32_t offset() const noexcept { return offset_; }

    /// The RTT from an echoed timestamp; none if it is implausible: negative or over 10 min.
    std::optional<duration> round_trip(std::uint32_t echo, time_point now) const noexcept
    {
        const auto ticks = static_cast<std::int32_t>(value(now) - echo);
        if (ticks < 0 || ticks > 600'000) return std::nullopt;
        return std::chrono::milliseconds(ticks);
    }

private:
    std::uint32_t offset_;
    std::uint32_t recent_ = 0; ///< TS.Recent
    time_point recent_at_{};
    bool enabled_ = false;
};

} // namespace tapio::core::tcp
