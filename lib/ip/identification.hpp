/// @file
/// Identifications of datagrams that may be fragmented: 16 bits in each IPv4 header without DF, 32 bits in the fragment header of
/// IPv6. An IPv4 datagram with DF is atomic, and its identification is 0 (RFC 6864 §4.1). Read RFC 6864 §4 and RFC 7739 §5 first
/// (the latter is about IPv6, but the attacks are the same).
#pragma once

#include "base/random_source.hpp"
#include "base/siphash.hpp"

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tapio::core::ip {

/// A counter for each tuple of addresses (and protocol) within which identifications must be unique. With a single counter, an
/// attacker could tell from our answers how many packets we send to others (an "idle scan").
///
/// RFC 7739 §5.3: identification = F(tuple) + counter[G(tuple)], where F and G are parts of one keyed hash. Tuples may share a
/// counter. As on Linux, a counter also advances by a random number below the milliseconds since its last use, so that an
/// attacker whose tuple shares a victim's counter does not learn whether it advanced for the victim. With that, 16-bit values of
/// a slow sender repeat after 65 s at the earliest.
template <class Value>
class identification_counters
{
public:
    explicit identification_counters(random_source& random) noexcept : random_(random) {}

    /// Reserves `count` consecutive values. @param hash keyed hash of the tuple  @return the first
    Value reserve(std::uint64_t hash, std::size_t count, time_point now) noexcept
    {
        counter& c = counters_[hash % counters_.size()];
        const auto ms = static_cast<std::uint32_t>(std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count());
        if (const std::uint32_t idle = ms - c.last_use; idle != 0) c.next = static_cast<Value>(c.next + random_.uniform(idle));
        c.last_use = ms;
        const auto first = static_cast<Value>((hash >> (64 - 8 * sizeof(Value))) + c.next);
        c.next = static_cast<Value>(c.next + count);
        return first;
    }

private:
    struct counter
    {
        Value next = 0;
        std::uint32_t last_use = 0; ///< ms, modulo 2^32
    };

    random_source& random_;
    std::array<counter, 1024> counters_{};
};

/// Of IPv4: a counter for each (source, destination, protocol) (RFC 6864 §4.3).
class identifications
{
public:
    explicit identifications(random_source& random) noexcept : key_(random.make_key()), counters_(random) {}

    /// Reserves `count` consecutive values. @return the first
    std::uint16_t reserve(const address_v4& source, const address_v4& destination, std::uint8_t protocol, std::size_t count,
                          time_point now) noexcept
    {
        const std::uint64_t addresses = std::uint64_t{destination.to_uint()} << 32 | source.to_uint();
        return counters_.reserve(siphash(key_, addresses, std::uint32_t{protocol}), count, now);
    }

private:
    siphash_key key_;
    identification_counters<std::uint16_t> counters_;
};

/// Of IPv6: a counter for each (source, destination) (RFC 8200 §4.5).
class ipv6_identifications
{
public:
    explicit ipv6_identifications(random_source& random) noexcept : key_(random.make_key()), counters_(random) {}

    /// A value for the fragments of one datagram. @param source, destination 16 octets each, as flow_key::v6_words() returns them
    std::uint32_t reserve(const std::array<std::uint64_t, 2>& source, const std::array<std::uint64_t, 2>& destination,
                          time_point now) noexcept
    {
        const std::array<std::uint64_t, 4> words{source[0], source[1], destination[0], destination[1]};
        return counters_.reserve(siphash(key_, std::as_bytes(std::span(words))), 1, now);
    }

private:
    siphash_key key_;
    identification_counters<std::uint32_t> counters_;
};

} // namespace tapio::core::ip
