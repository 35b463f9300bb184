/// @file
/// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash; without the key, values cannot be predicted nor collisions found.
/// And SipHash-1-3, with fewer rounds, for hash tables, whose values are not exposed.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tapio::core {

struct siphash_key
{
    std::uint64_t k0 = 0, k1 = 0;
};

namespace detail {

class siphash_state
{
public:
    explicit siphash_state(const siphash_key& k) noexcept
        : v0_(k.k0 ^ 0x736f6d6570736575U),
          v1_(k.k1 ^ 0x646f72616e646f6dU),
          v2_(k.k0 ^ 0x6c7967656e657261U),
          v3_(k.k1 ^ 0x7465646279746573U)
    {
    }

    template <int rounds = 2>
    void compress(std::uint64_t m) noexcept
    {
        v3_ ^= m;
        for (int i = 0; i < rounds; ++i) round();
        v0_ ^= m;
    }
    template <int rounds = 4>
    std::uint64_t finish() noexcept
    {
        v2_ ^= 0xff;
        for (int i = 0; i < rounds; ++i) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    [[gnu::always_inline]] void round() noexcept
    {
        v0_ += v1_, v1_ = std::rotl(v1_, 13), v1_ ^= v0_, v0_ = std::rotl(v0_, 32);
        v2_ += v3_, v3_ = std::rotl(v3_, 16), v3_ ^= v2_;
        v0_ += v3_, v3_ = std::rotl(v3_, 21), v3_ ^= v0_;
        v2_ += v1_, v1_ = std::rotl(v1_, 17), v1_ ^= v2_, v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_, v1_, v2_, v3_;
};

template <int each, int last_ones>
std::uint64_t siphash_of_12(const siphash_key& key, std::uint64_t first, std::uint32_t last) noexcept
{
    siphash_state state(key);
    state.compress<each>(first);
    state.compress<each>(last | UINT64_C(12) << 56);
    return state.finish<last_ones>();
}

} // namespace detail

inline std::uint64_t siphash(const siphash_key& key, std::span<const std::byte> in) noexcept
{
    detail::siphash_state state(key);
    const std::uint64_t length = in.size();
    for (; in.size() >= 8; in = in.subspan(8)) {
        std::uint64_t m;
        std::memcpy(&m, in.data(), 8);
        static_assert(std::endian::native == std::endian::little, "the words of SipHash are little-endian");
        state.compress(m);
    }
    std::uint64_t last = length << 56;
    for (std::size_t i = 0; i < in.size(); ++i) last |= std::to_integer<std::uint64_t>(in[i]) << (8 * i);
    state.compress(last);
    return state.finish();
}

/// SipHash-2-4 of twelve octets, same value as siphash() of a span: `first` holds the first eight, little-endian, `last` the
/// other four.
inline std::uint64_t siphash(const siphash_key& key, std::uint64_t first, std::uint32_t last) noexcept
{
    return detail::siphash_of_12<2, 4>(key, first, last);
}

/// SipHash-1-3 of twelve octets.
inline std::uint64_t siphash_1_3(const siphash_key& key, std::uint64_t first, std::uint32_t last) noexcept
{
    return detail::siphash_of_12<1, 3>(key, first, last);
}

} // namespace tapio::core
