/// @file
/// Lifetimes of information from Router Advertisements, and lists whose entries expire.
#pragma once

#include "wire/router_advertisement.hpp"

#include <tapio/core/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tapio::core::ip {

/// `now + d`, at most `never`. Precondition: d is not negative.
inline time_point later(time_point now, duration d) noexcept { return d >= never - now ? never : now + d; }

/// When a lifetime of a Router Advertisement ends. @param lifetime s; infinite_lifetime: never
inline time_point end_of(std::uint32_t lifetime, time_point now) noexcept
{
    return lifetime == wire::infinite_lifetime ? never : later(now, std::chrono::seconds(lifetime));
}

/// Values with a time of expiry, in the order in which they were learned. A full list takes no new ones: what is in use is not
/// pushed out by what comes later.
template <class T, std::size_t most>
class expiring_list
{
public:
    /// Adds the value or sets its time anew; one that is over removes it. @return whether the list of values has changed
    bool learn(const T& value, time_point until, time_point now)
    {
        const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const entry& e) { return e.value == value; });
        if (at != entries_.end()) {
            at->until = until;
            return advance(now);
        }
        if (until <= now || entries_.size() == most) return false;
        entries_.push_back({value, until});
        return true;
    }
    /// Removes what has expired. @return whether the list has changed
    bool advance(time_point now)
    {
        return std::erase_if(entries_, [now](const entry& e) { return e.until <= now; }) != 0;
    }
    time_point next_deadline() const noexcept
    {
        time_point soonest = never;
        for (const entry& e : entries_) soonest = std::min(soonest, e.until);
        return soonest;
    }
    std::vector<T> values() const
    {
        std::vector<T> out;
        for (const entry& e : entries_) out.push_back(e.value);
        return out;
    }
    void clear() noexcept { entries_.clear(); }

private:
    struct entry
    {
        T value;
        time_point until;
    };
    std::vector<entry> entries_;
};

} // namespace tapio::core::ip
