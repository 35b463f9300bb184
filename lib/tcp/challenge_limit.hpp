/// @file
/// A limit on challenge ACKs (RFC 5961 §7), kept per connection so that it is no oracle about others (CVE-2016-5696).
#pragma once

#include <tapio/core/time.hpp>

namespace tapio::core::tcp {

class challenge_limit
{
public:
    static constexpr unsigned most = 10; ///< in each period
    static constexpr duration period = std::chrono::seconds(5);

    bool allow(time_point now) noexcept
    {
        if (now >= until_) {
            until_ = now + period;
            used_ = 0;
        }
        return used_ < most && ++used_ > 0;
    }

private:
    time_point until_{};
    unsigned used_ = 0;
};

} // namespace tapio::core::tcp
