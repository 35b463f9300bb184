/// @file
/// A limit on challenge ACKs (RFC 5961 §7), kept per connection so that it is no oracle about others; and its size is not known
/// beforehand, so that counting what is left of it tells nothing about this one either (CVE-2016-5696).
#pragma once

#include <tapio/core/time.hpp>

#include <cstdint>

namespace tapio::core::tcp {

class challenge_limit
{
public:
    static constexpr unsigned least = 5, most = 14; ///< in each period
    static constexpr duration period = std::chrono::seconds(5);

    /// @param secret that nobody outside knows
    explicit challenge_limit(std::uint32_t secret) noexcept : secret_(secret) {}

    bool allow(time_point now) noexcept
    {
        if (now >= until_) {
            until_ = now + period;
            secret_ = secret_ * 1664525 + 1013904223; // Numerical Recipes' generator; its high bits are the good ones
            left_ = least + (secret_ >> 16) % (most - least + 1);
        }
        return left_ > 0 && left_-- > 0;
    }

private:
    time_point until_{};
    unsigned left_ = 0;
    std::uint32_t secret_;
};

} // namespace tapio::core::tcp
