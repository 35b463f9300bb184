/// @file
/// The rate limit of ICMP errors that we send (RFC 1812 §4.3.2.8): a token bucket for the whole host, and one for each peer.
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/time.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace tapio::core::ip {

class token_bucket
{
public:
    /// @param rate tokens per second  @param depth tokens at most
    constexpr token_bucket(unsigned rate, unsigned depth) noexcept : rate_(rate), depth_(depth) {}

    bool take(time_point now) noexcept
    {
        const duration cost = std::chrono::seconds(1);
        const duration full = cost * depth_;
        credit_ = started_ ? std::min(full, credit_ + std::min(full, now - last_) * rate_) : full;
        started_ = true;
        last_ = now;
        if (credit_ < cost) return false;
        credit_ -= cost;
        return true;
    }

private:
    unsigned rate_, depth_;
    bool started_ = false;
    duration credit_{};
    time_point last_{};
};

/// Peers share buckets by a hash, so that memory is bounded; a collision only makes the limit stricter. An IPv6 peer is its /64
/// prefix, within which one host may have any number of addresses.
class icmp_limiter
{
public:
    bool allow(const address& peer, time_point now) noexcept
    {
        return peers_[hash(peer) % peers_.size()].take(now) && host_.take(now);
    }

private:
    static std::size_t hash(const address& peer) noexcept
    {
        if (peer.is_v4()) return peer.to_v4().to_uint() * 2654435761U >> 24;
        const auto octets = peer.to_v6().to_bytes();
        std::uint64_t prefix = 0;
        std::memcpy(&prefix, octets.data(), sizeof prefix);
        return static_cast<std::size_t>(prefix * 0x9e37'79b9'7f4a'7c15U >> 56);
    }

    token_bucket host_{1000, 50}; ///< Linux's icmp_msgs_per_sec and icmp_msgs_burst
    std::array<token_bucket, 256> peers_ = make(std::make_index_sequence<256>());

    template <std::size_t... I>
    static constexpr std::array<token_bucket, 256> make(std::index_sequence<I...>) noexcept
    {
        return {((void)I, token_bucket{10, 6})...};
    }
};

} // namespace tapio::core::ip
