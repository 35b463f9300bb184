#include "base/checksum.hpp"

#include <bit>
#include <cstring>

namespace tapio::core {

namespace {

template <class Word>
Word load(const std::byte* at) noexcept
{
    Word w;
    std::memcpy(&w, at, sizeof w);
    return w;
}

std::uint64_t fold_32(std::uint64_t s) noexcept { return (s & 0xffff'ffff) + (s >> 32); }

} // namespace

/// Words are summed as they lie in memory; the order of octets can be mended once at the end (RFC 1071 §2 (B)). Four sums of
/// 32-bit words let the compiler use its vectors.
std::uint16_t ones_sum(const_bytes bytes) noexcept
{
    std::uint64_t lanes[4] = {};
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 32; left -= 32, at += 32)
        for (unsigned i = 0; i < 4; ++i) {
            const auto w = load<std::uint64_t>(at + 8 * i);
            lanes[i] += (w & 0xffff'ffff) + (w >> 32);
        }
    std::uint64_t sum = fold_32(lanes[0]) + fold_32(lanes[1]) + fold_32(lanes[2]) + fold_32(lanes[3]);
    for (; left >= 4; left -= 4, at += 4) sum += load<std::uint32_t>(at);
    if (left >= 2) sum += load<std::uint16_t>(at), at += 2, left -= 2;
    if (left == 1) sum += std::to_integer<std::uint8_t>(*at); // the low octet of a little-endian word
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    static_assert(std::endian::native == std::endian::little);
    const auto s = static_cast<std::uint16_t>(sum);
    return static_cast<std::uint16_t>((s << 8) | (s >> 8));
}

void checksum_accumulator::add(const address& a) noexcept
{
    if (a.is_v4()) {
        const auto b = a.to_v4().to_bytes();
        add(std::as_bytes(std::span(b)));
    } else {
        const auto b = a.to_v6().to_bytes();
        add(std::as_bytes(std::span(b)));
    }
}

checksum_accumulator pseudo_header(const address& source, const address& destination, std::uint8_t protocol,
                                   std::size_t length) noexcept
{
    checksum_accumulator sum;
    sum.add(source);
    sum.add(destination);
    sum.add_word(protocol);
    sum.add_word(static_cast<std::uint16_t>(length >> 16));
    sum.add_word(static_cast<std::uint16_t>(length));
    return sum;
}

void add(checksum_accumulator& sum, const packet& p) noexcept
{
    p.for_each_piece([&sum](const_bytes piece) { sum.add(piece); });
}

} // namespace tapio::core
