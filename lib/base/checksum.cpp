#include "base/checksum.hpp"

#include <bit>
#include <cstring>

namespace tapio::core {

namespace {

/// A sink that discards the octets: sum only.
struct nowhere
{
    template <class Word>
    [[gnu::always_inline]] void take(const Word&) noexcept
    {
    }
};

/// A sink that copies the octets to memory.
struct copy_to
{
    template <class Word>
    [[gnu::always_inline]] void take(const Word& w) noexcept
    {
        std::memcpy(at, &w, sizeof w);
        at += sizeof w;
    }
    std::byte* at;
};

using lanes = std::uint64_t __attribute__((vector_size(32)));

/// Sums words in host byte order, and swaps the octets once at the end (RFC 1071 §2 (B)). Always inlined, so that it is compiled
/// for the caller's instruction set.
template <class Sink>
[[gnu::always_inline]] inline std::uint16_t sum_words(const_bytes bytes, Sink sink) noexcept
{
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t sum = 0;
    const auto next = [&]<class Word>(Word& w) {
        std::memcpy(&w, at, sizeof w);
        sink.take(w);
        at += sizeof w;
        left -= sizeof w;
    };
    const auto add_word = [&]<class Word>(Word w) {
        next(w);
        sum += w;
    };
    if (left >= sizeof(lanes)) {
        // Sums of 64-bit words and of their upper 32-bit halves. The sum of the lower halves is words - (upper << 32), even if
        // `words` wraps.
        lanes words = {}, more_words = {}, upper = {}, more_upper = {};
        const auto add_next = [&](lanes& to, lanes& to_upper) {
            lanes w;
            next(w);
            to += w;
            to_upper += w >> 32;
        };
        while (left >= 2 * sizeof(lanes)) { // two independent chains of additions
            add_next(words, upper);
            add_next(more_words, more_upper);
        }
        if (left >= sizeof(lanes)) add_next(words, upper);
        upper += more_upper;
        const lanes sums = words + more_words - (upper << 32) + upper;
        for (unsigned i = 0; i < 4; ++i) sum += sums[i];
    }
    while (left >= 8) {
        std::uint64_t w = 0;
        next(w);
        sum += (w & 0xffff'ffff) + (w >> 32);
    }
    if (left >= 4) add_word(std::uint32_t{});
    if (left >= 2) add_word(std::uint16_t{});
    if (left == 1) add_word(std::uint8_t{}); // the low octet of a little-endian word
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    static_assert(std::endian::native == std::endian::little);
    const auto s = static_cast<std::uint16_t>(sum);
    return static_cast<std::uint16_t>((s << 8) | (s >> 8));
}

// Long pieces are summed with AVX2 where the processor has it, even if the build does not require it.
#if defined(__x86_64__) && !defined(__AVX2__)
const bool has_longer_vectors = __builtin_cpu_supports("avx2") != 0;
#define TAPIO_LONGER_VECTORS [[gnu::target("avx2")]]
#else
constexpr bool has_longer_vectors = false;
#define TAPIO_LONGER_VECTORS
#endif

constexpr std::size_t long_piece = 256; ///< octets

template <class Sink>
TAPIO_LONGER_VECTORS std::uint16_t sum_long(const_bytes bytes, Sink sink) noexcept
{
    return sum_words(bytes, sink);
}
#undef TAPIO_LONGER_VECTORS

template <class Sink>
std::uint16_t sum(const_bytes bytes, Sink sink) noexcept
{
    return has_longer_vectors && bytes.size() >= long_piece ? sum_long(bytes, sink) : sum_words(bytes, sink);
}

} // namespace

std::uint16_t detail::any_ones_sum(const_bytes bytes) noexcept
{
    constexpr std::size_t short_piece = 64;
    return bytes.size() <= short_piece ? short_ones_sum(bytes.data(), bytes.size()) : sum(bytes, nowhere{});
}

std::uint16_t ones_sum_copying(const_bytes bytes, std::byte* to) noexcept { return sum(bytes, copy_to{to}); }

void checksum_accumulator::add_v6(const address& a) noexcept
{
    const auto b = a.to_v6().to_bytes();
    add(std::as_bytes(std::span(b)));
}

} // namespace tapio::core
