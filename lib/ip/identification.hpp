/// @file
/// The IPv4 identification of datagrams that a router may fragment. A datagram with DF is atomic, and its identification is 0
/// (RFC 6864 §4.1). Read RFC 6864 §4 and RFC 7739 §5 first (the latter is about IPv6, but the attacks are the same).
#pragma once

#include "base/random_source.hpp"
#include "base/siphash.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tapio::core::ip {

/// A counter for each (source, destination, protocol), the tuple within which RFC 6864 §4.3 requires unique identifications. With
/// a single counter, an attacker could tell from our answers how many packets we send to others (an "idle scan").
///
/// RFC 7739 §5.3: identification = F(tuple) + counter[G(tuple)], where F and G are parts of one keyed hash. Tuples may share a
/// counter. As on Linux, a counter also advances by a random number below the milliseconds since its last use, so that an
/// attacker whose tuple shares a victim's counter does not learn whether it advanced for the victim. With that, the values of a
/// slow sender repeat after 65 s at the earliest.
class identifications
{
public:
    explicit identifications(random_source& random) noexcept : random_(random), key_(random.make_key()) {}

    /// Reserves `count` consecutive values. @return the first
    std::uint16_t reserve(const address_v4& source, const address_v4& destination, std::uint8_t protocol, std::size_t count,
                          time_point now) noexcept
    {
        const std::uint64_t hash =
            siphash(key_, std::uint64_t{destination.to_uint()} << 32 | source.to_uint(), std::uint32_t{protocol});
        counter& c = counters_[hash % counters_.size()];
        const auto ms = static_cast<std::uint32_t>(std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count());
        if (const std::uint32_t idle = ms - c.last_use; idle != 0) c.next += static_cast<std::uint16_t>(random_.uniform(idle));
        c.last_use = ms;
        const auto first = static_cast<std::uint16_t>((hash >> 48) + c.next);
        c.next = static_cast<std::uint16_t>(c.next + count);
        return first;
    }

private:
    struct counter
    {
        std::uint16_t next = 0;
        std::uint32_t last_use = 0; ///< ms, modulo 2^32
    };

    random_source& random_;
    siphash_key key_;
    std::array<counter, 1024> counters_{};
};

} // namespace tapio::core::ip
