/// @file
/// When a DHCPv6 message is sent again (RFC 8415 §15).
#pragma once

#include "base/random_source.hpp"

#include <tapio/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tapio::core::client {

struct retransmission_limits
{
    duration first;                    ///< IRT
    duration longest{};                ///< MRT; zero: none
    unsigned most = 0;                 ///< MRC: transmissions; 0: no bound
    duration whole{};                  ///< MRD: of the exchange; zero: no bound
    bool first_is_never_early = false; ///< of a Solicit (RFC 8415 §18.2.1)
};

class dhcpv6_retransmission
{
public:
    explicit dhcpv6_retransmission(random_source& random) noexcept : random_(random) {}

    /// Begins an exchange. @param delay before the first transmission
    void start(const retransmission_limits& l, duration delay, time_point now)
    {
        limits_ = l;
        transmissions_ = 0;
        began_ = deadline_ = now + delay;
    }
    void set_longest(duration d) noexcept { limits_.longest = d; } ///< MRT, from the next transmission on
    void stop() noexcept { deadline_ = never; }

    enum class action : std::uint8_t
    {
        none,
        transmit,
        give_up
    };
    /// To be called until it returns `none`.
    action advance(time_point now)
    {
        if (now < deadline_) return action::none;
        const bool too_many = limits_.most != 0 && transmissions_ == limits_.most;
        const bool too_late = limits_.whole != duration::zero() && transmissions_ > 0 && now >= began_ + limits_.whole;
        if (too_many || too_late) return stop(), action::give_up;
        timeout_ = transmissions_ == 0 ? limits_.first + varied(limits_.first, limits_.first_is_never_early)
                                       : 2 * timeout_ + varied(timeout_);
        if (limits_.longest != duration::zero() && timeout_ > limits_.longest)
            timeout_ = limits_.longest + varied(limits_.longest);
        ++transmissions_;
        deadline_ = now + timeout_;
        if (limits_.whole != duration::zero()) deadline_ = std::min(deadline_, began_ + limits_.whole);
        return action::transmit;
    }

    unsigned transmissions() const noexcept { return transmissions_; }
    duration elapsed(time_point now) const noexcept { return now - began_; } ///< since the first transmission
    time_point next_deadline() const noexcept { return deadline_; }

private:
    /// RAND times `d`: a tenth more or less, or only more.
    duration varied(duration d, bool only_more = false)
    {
        const auto tenth = std::chrono::duration_cast<std::chrono::microseconds>(d).count() / 10;
        const auto bound = static_cast<std::uint32_t>(std::clamp<std::int64_t>(tenth, 1, UINT32_MAX / 4));
        const auto some = static_cast<std::int64_t>(random_.uniform(only_more ? bound : 2 * bound + 1));
        return std::chrono::microseconds(only_more ? some + 1 : some - bound);
    }

    random_source& random_;
    retransmission_limits limits_{};
    unsigned transmissions_ = 0;
    duration timeout_{};
    time_point began_{}, deadline_ = never;
};

} // namespace tapio::core::client
