#include "base/checksum.hpp"

#include <array>
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

/// Where the octets go besides: nowhere.
struct nowhere
{
    template <class Word>
    void take(Word) noexcept
    {
    }
};

/// To memory, in order.
struct copy_to
{
    template <class Word>
    void take(Word w) noexcept
    {
        std::memcpy(at, &w, sizeof w);
        at += sizeof w;
    }
    std::byte* at;
};

/// Words are summed as they lie in memory; the order of octets can be mended once at the end (RFC 1071 §2 (B)). Four sums of
/// 32-bit words let the compiler use its vectors.
template <class Sink>
std::uint16_t sum_words(const_bytes bytes, Sink sink) noexcept
{
    std::uint64_t lanes[4] = {};
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 32; left -= 32, at += 32) {
        const auto w = load<std::array<std::uint64_t, 4>>(at);
        for (unsigned i = 0; i < 4; ++i) lanes[i] += (w[i] & 0xffff'ffff) + (w[i] >> 32);
        sink.take(w);
    }
    const auto next = [&]<class Word>(Word) {
        const auto w = load<Word>(at);
        sink.take(w);
        at += sizeof w;
        left -= sizeof w;
        return w;
    };
    std::uint64_t sum = fold_32(lanes[0]) + fold_32(lanes[1]) + fold_32(lanes[2]) + fold_32(lanes[3]);
    while (left >= 4) sum += next(std::uint32_t{});
    if (left >= 2) sum += next(std::uint16_t{});
    if (left == 1) sum += next(std::uint8_t{}); // the low octet of a little-endian word
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    static_assert(std::endian::native == std::endian::little);
    const auto s = static_cast<std::uint16_t>(sum);
    return static_cast<std::uint16_t>((s << 8) | (s >> 8));
}

} // namespace

std::uint16_t ones_sum(const_bytes bytes) noexcept { return sum_words(bytes, nowhere{}); }
std::uint16_t ones_sum_copying(const_bytes bytes, std::byte* to) noexcept { return sum_words(bytes, copy_to{to}); }

void checksum_accumulator::add(const address& a) noexcept
{
    if (a.is_v4()) {
        const std::uint32_t words = a.to_v4().to_uint();
        add_word(static_cast<std::uint16_t>(words >> 16));
        add_word(static_cast<std::uint16_t>(words));
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
