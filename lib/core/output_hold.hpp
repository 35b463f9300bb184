/// @file
/// Decides whether output after input waits for the handlers of operations that the input completes: what they write is then sent
/// in the same segments as the ACKs. If handlers were slow lately, so that peers had to wait, output is sent first for a while.
#pragma once

#include <tapio/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace tapio::core {

class output_hold
{
public:
    /// @return false if handlers were slow recently: output goes first
    bool may_begin() noexcept
    {
        if (without_ == 0) return true;
        --without_;
        return false;
    }
    void begin(time_point now) noexcept { since_ = std::min(since_, now); } ///< output begins to wait for handlers
    void end(time_point now) noexcept                                       ///< output is sent
    {
        constexpr auto longest = std::chrono::microseconds(500); // small against the RTT of any path that is not local
        constexpr unsigned so_many = 100;
        if (std::exchange(since_, never) < now - longest) without_ = so_many;
    }

private:
    time_point since_ = never; ///< since when output waits
    unsigned without_ = 0;     ///< number of batches for which output goes first
};

} // namespace tapio::core
