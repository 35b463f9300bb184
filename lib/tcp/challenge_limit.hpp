/// @file
/// Rate limit for challenge ACKs (RFC 5961 §7), against CVE-2016-5696: it is per connection, so that it reveals nothing about
/// other connections, and random, so that counting challenge ACKs reveals nothing about this one.
#pragma once

#include <tapio/core/time.hpp>

#include <cstdint>

namespace tapio::core::tcp {

class challenge_limit
{
public:
    static constexpr unsigned least = 5, most = 14; ///< challenge ACKs per period: a random number from `least` to `most`
    static constexpr duration period = std::chrono::seconds(5);

    /// @param secret random seed, not known to any peer
    explicit challenge_limit(std::uint32_t secret) noexcept : secret_(secret) {}

    bool allow(time_point now) noexcept
    {
        if (now >= until_) {
            until_ = now + period;
            secret_ = secret_ * 1664525 + 1013904223; // the generator of Numerical Recipes; its low bits are weak
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
