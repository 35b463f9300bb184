// // SipHash: test vectors of the paper (SipHash-2-4) and of CPython (SipHash-1-3).
#include "base/siphash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace tapio::core {
namespace {

constexpr siphash_key key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

/// The octets 00 01 02 ...
std::array<std::byte, 64> counted()
{
    std::array<std::byte, 64> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i);
    return out;
}

TEST(siphash, of_fifteen_octets_is_what_its_authors_say) // test vector of the paper's appendix A
{
    const auto in = counted();
    EXPECT_EQ(siphash(key, std::span(in).first(15)), 0xa129ca6149be45e5U);
}

TEST(siphash, of_twelve_octets_as_words_is_that_of_the_octets)
{
    const auto in = counted();
    std::uint64_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, in.data(), 8);
    std::memcpy(&last, in.data() + 8, 4);
    EXPECT_EQ(siphash(key, first, last), siphash(key, std::span(in).first(12)));
}

TEST(siphash, with_fewer_rounds_is_what_cpython_hashes_with) // hash(bytes(range(12))) of CPython 3.11 with PYTHONHASHSEED=0
{
    EXPECT_EQ(siphash_1_3({0, 0}, 0x0706050403020100U, 0x0b0a0908U), 0xa6baf4fb0f9fe1c2U);
}

} // namespace
} // namespace tapio::core
