/// @file
/// Addresses as numbers, for the comparison of prefixes: the first bit of an address is the highest of the number. An IPv4
/// address is a std::uint32_t, an IPv6 address an address_bits, without its scope id. All functions take both.
#pragma once

#include <tapio/core/address.hpp>

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

namespace tapio::core::ip {

struct address_bits
{
    std::uint64_t high = 0, low = 0;

    friend constexpr bool operator==(const address_bits&, const address_bits&) = default;
    friend constexpr address_bits operator^(address_bits a, address_bits b) noexcept { return {a.high ^ b.high, a.low ^ b.low}; }
    friend constexpr address_bits operator|(address_bits a, address_bits b) noexcept { return {a.high | b.high, a.low | b.low}; }
    friend constexpr address_bits operator&(address_bits a, address_bits b) noexcept { return {a.high & b.high, a.low & b.low}; }
    /// Precondition: n <= 127, here and in the next one
    friend constexpr address_bits operator<<(address_bits a, unsigned n) noexcept
    {
        if (n >= 64) return {a.low << (n - 64), 0};
        return n == 0 ? a : address_bits{a.high << n | a.low >> (64 - n), a.low << n};
    }
    friend constexpr address_bits operator>>(address_bits a, unsigned n) noexcept
    {
        if (n >= 64) return {0, a.high >> (n - 64)};
        return n == 0 ? a : address_bits{a.high >> n, a.low >> n | a.high << (64 - n)};
    }
};

template <class Bits>
inline constexpr unsigned width_of = 8 * sizeof(Bits); ///< bits

inline std::uint32_t to_bits(const address_v4& a) noexcept { return a.to_uint(); }
inline address_bits to_bits(const address_v6& a) noexcept
{
    const auto bytes = a.to_bytes();
    return {boost::endian::load_big_u64(bytes.data()), boost::endian::load_big_u64(bytes.data() + 8)};
}

inline address to_address(std::uint32_t bits) noexcept { return address_v4(bits); }
inline address to_address(const address_bits& bits) noexcept
{
    address_v6::bytes_type bytes;
    boost::endian::store_big_u64(bytes.data(), bits.high);
    boost::endian::store_big_u64(bytes.data() + 8, bits.low);
    return address_v6(bytes);
}

/// The number of leading bits that are equal.
constexpr unsigned common_bits(std::uint32_t a, std::uint32_t b) noexcept
{
    return static_cast<unsigned>(std::countl_zero(a ^ b));
}
constexpr unsigned common_bits(const address_bits& a, const address_bits& b) noexcept
{
    const std::uint64_t high = a.high ^ b.high;
    return static_cast<unsigned>(high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(a.low ^ b.low));
}

/// The first `length` bits of `a`, the others zero. Precondition: `length` is not more than the width
constexpr std::uint32_t prefix_of(std::uint32_t a, unsigned length) noexcept
{
    return length == 0 ? 0 : a & ~std::uint32_t{0} << (32 - length);
}
constexpr address_bits prefix_of(const address_bits& a, unsigned length) noexcept
{
    const auto first = [](std::uint64_t word, unsigned n) { return n == 0 ? 0 : word & ~std::uint64_t{0} << (64 - n); };
    return {first(a.high, std::min(length, 64U)), first(a.low, length - std::min(length, 64U))};
}

/// Whether `a` begins with the first `length` bits of `b`: cheaper than a comparison of common_bits(). Precondition: length > 0
constexpr bool begins_with(std::uint32_t a, std::uint32_t b, unsigned length) noexcept { return (a ^ b) >> (32 - length) == 0; }
constexpr bool begins_with(const address_bits& a, const address_bits& b, unsigned length) noexcept
{
    const std::uint64_t high = a.high ^ b.high;
    return length <= 64 ? high >> (64 - length) == 0 : high == 0 && (a.low ^ b.low) >> (128 - length) == 0;
}

/// Six bits of `a`, from bit `at` on; zeros follow the last bit of an address.
constexpr unsigned bits_at(std::uint32_t a, unsigned at) noexcept { return a << at >> 26; }
constexpr unsigned bits_at(const address_bits& a, unsigned at) noexcept { return static_cast<unsigned>((a << at).high >> 58); }

/// A number that begins with the six lowest bits of `six`.
template <class Bits>
constexpr Bits leading_bits(unsigned six) noexcept
{
    if constexpr (std::is_same_v<Bits, std::uint32_t>)
        return six << 26;
    else
        return {std::uint64_t{six} << 58, 0};
}

} // namespace tapio::core::ip
