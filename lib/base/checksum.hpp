/// @file
/// The Internet checksum (RFC 1071), over pieces and with pseudo-headers; incremental update (RFC 1624).
#pragma once

#include <tapio/core/address.hpp>
#include <tapio/core/packet.hpp>
#include <tapio/core/slice.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tapio::core {

namespace detail {

std::uint16_t any_ones_sum(const_bytes bytes) noexcept;

/// Inlined sum for short pieces such as headers, of words in host byte order (RFC 1071 §2 (B)).
[[gnu::always_inline]] inline std::uint16_t short_ones_sum(const std::byte* at, std::size_t left) noexcept
{
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t sum = 0;
    const auto add = [&]<class Word>(Word w) {
        std::memcpy(&w, at, sizeof w);
        sum += w;
        sum += sum < w ? 1U : 0U; // end-around carry
        at += sizeof w;
        left -= sizeof w;
    };
    while (left >= 8) add(std::uint64_t{});
    if (left >= 4) add(std::uint32_t{});
    if (left >= 2) add(std::uint16_t{});
    if (left == 1) add(std::uint8_t{}); // the low octet of a little-endian word
    sum = (sum & 0xffff'ffff) + (sum >> 32);
    sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>((sum << 8) | (sum >> 8));
}

} // namespace detail

/// One's-complement sum of octets as big-endian 16-bit words, folded to 16 bits (not complemented).
inline std::uint16_t ones_sum(const_bytes bytes) noexcept { return detail::any_ones_sum(bytes); }
/// Inlined, for headers of fixed size.
template <std::size_t N>
std::uint16_t ones_sum(std::span<const std::byte, N> bytes) noexcept
{
    static_assert(N <= 64);
    return detail::short_ones_sum(bytes.data(), N);
}
/// Also copies the octets, in the same pass. Precondition: source and destination do not overlap.
std::uint16_t ones_sum_copying(const_bytes bytes, std::byte* to) noexcept;

/// A sum that grows piece by piece; a piece may end at an odd octet.
class checksum_accumulator
{
public:
    void add(const_bytes bytes) noexcept { add_piece(ones_sum(bytes), bytes.size()); }
    void add_copying(const_bytes bytes, std::byte* to) noexcept { add_piece(ones_sum_copying(bytes, to), bytes.size()); }
    void add_word(std::uint16_t host_order) noexcept { sum_ += host_order; }
    void add_words(std::uint32_t two) noexcept { sum_ += two; } ///< two 16-bit words; carries are folded at the end
    void add(const address& a) noexcept
    {
        if (a.is_v6()) return add_v6(a);
        add_words(a.to_v4().to_uint());
    }

    std::uint16_t folded() const noexcept
    {
        std::uint64_t s = (sum_ & 0xffff'ffff) + (sum_ >> 32);
        s = (s & 0xffff'ffff) + (s >> 32);
        s = (s & 0xffff) + (s >> 16);
        s = (s & 0xffff) + (s >> 16);
        return static_cast<std::uint16_t>(s);
    }
    /// The value of the checksum field: the complement.
    std::uint16_t checksum() const noexcept { return static_cast<std::uint16_t>(~folded()); }

private:
    void add_v6(const address& a) noexcept;
    void add_piece(std::uint32_t sum, std::size_t size) noexcept
    {
        sum_ += odd_ ? (sum >> 8) | ((sum & 0xff) << 8) : sum;
        odd_ = odd_ != ((size & 1) != 0);
    }

    std::uint64_t sum_ = 0;
    bool odd_ = false;
};

/// The pseudo-header of RFC 9293 §3.1 (IPv4) and RFC 8200 §8.1 (IPv6). @param length octets of transport header and payload
inline checksum_accumulator pseudo_header(const address& source, const address& destination, std::uint8_t protocol,
                                          std::size_t length) noexcept
{
    checksum_accumulator sum;
    sum.add(source);
    sum.add(destination);
    sum.add_word(protocol);
    sum.add_words(static_cast<std::uint32_t>(length));
    return sum;
}

/// Adds everything in the packet.
inline void add(checksum_accumulator& sum, const packet& p) noexcept
{
    p.for_each_piece([&sum](const_bytes piece) { sum.add(piece); });
}

/// RFC 1624 equation 3: the checksum after a 16-bit field has changed.
constexpr std::uint16_t updated_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) noexcept
{
    std::uint32_t s = static_cast<std::uint16_t>(~checksum);
    s += static_cast<std::uint16_t>(~before);
    s += after;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return static_cast<std::uint16_t>(~s);
}

} // namespace tapio::core
