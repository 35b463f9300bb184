/// @file
/// When a host sends Router Solicitations: after a random delay once the link is up (RFC 4861 §6.3.7), then at intervals that
/// double, up to an hour, for as long as no default router answers (RFC 7559 §2; it takes the place of the three attempts of
/// RFC 4861).
#pragma once

#include "base/random_source.hpp"

#include <tapio/core/time.hpp>

#include <chrono>

namespace tapio::core::ip {

class router_solicitor
{
public:
    static constexpr std::chrono::milliseconds most_delay{1000};            ///< MAX_RTR_SOLICITATION_DELAY
    static constexpr std::chrono::milliseconds first_interval{4000};        ///< IRT
    static constexpr std::chrono::milliseconds longest_interval{3'600'000}; ///< MRT

    void start(time_point now, random_source& random) noexcept
    {
        interval_ = {};
        deadline_ = now + std::chrono::milliseconds(random.uniform(static_cast<std::uint32_t>(most_delay.count()) + 1));
    }
    void stop() noexcept { deadline_ = never; }
    /// A default router has advertised itself. At least one solicitation is sent nevertheless: an unsolicited advertisement may
    /// be incomplete (RFC 4861 §6.3.7).
    void answered() noexcept
    {
        if (interval_.count() != 0) stop();
    }
    /// @return whether a solicitation is to be sent now
    bool advance(time_point now, random_source& random) noexcept
    {
        if (now < deadline_) return false;
        interval_ =
            interval_.count() == 0 ? varied(first_interval, first_interval, random) : varied(2 * interval_, interval_, random);
        if (interval_ > longest_interval) interval_ = varied(longest_interval, longest_interval, random);
        deadline_ = now + interval_;
        return true;
    }
    time_point next_deadline() const noexcept { return deadline_; }

private:
    /// `base`, and up to a tenth of `of` more or less (RAND of RFC 3315 §14).
    static std::chrono::milliseconds varied(std::chrono::milliseconds base, std::chrono::milliseconds of,
                                            random_source& random) noexcept
    {
        const auto tenth = of / 10;
        return base - tenth + std::chrono::milliseconds(random.uniform(static_cast<std::uint32_t>(2 * tenth.count()) + 1));
    }

    std::chrono::milliseconds interval_{}; ///< from the last solicitation to the next; 0: none sent
    time_point deadline_ = never;
};

} // namespace tapio::core::ip
