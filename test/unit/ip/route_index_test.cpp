// The index of large IPv4 tables, alone: against a list of prefixes, with more of them in one place than the tests of the whole
// table have, so that nodes of all sizes are made, moved and freed.
#include "base/split_mix.hpp"
#include "ip/address_bits.hpp"
#include "ip/route_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace tapio::core::ip {
namespace {

TEST(indexed_prefix, keeps_length_and_value)
{
    EXPECT_FALSE(indexed_prefix().exists());
    for (const unsigned length : {0U, 1U, 24U, 32U})
        for (const std::uint32_t value : {0U, 1U, 0x1ff'fffeU, 0x8000'0000U, 0x81ff'fffeU}) {
            const indexed_prefix p(length, value);
            ASSERT_TRUE(p.exists());
            ASSERT_TRUE(p.has_value());
            EXPECT_EQ(p.length(), length);
            EXPECT_EQ(p.value(), value);
        }
    EXPECT_EQ(indexed_prefix(7, 0x200'0000).length(), 7U);
    EXPECT_FALSE(indexed_prefix(7, 0x200'0000).has_value()) << "too large";
}

class route_index_changes : public ::testing::Test
{
protected:
    std::uint32_t some(std::uint32_t bound) { return static_cast<std::uint32_t>(split_mix(state_) % bound); }

    /// In 198.18.0.0/15, mostly in a few networks of 24 bits.
    std::uint32_t some_address()
    {
        const std::uint32_t network = some(8) == 0 ? some(512) : some(2) * 256 + some(4);
        return 0xc612'0000 + network * 256 + some(256);
    }
    unsigned some_length()
    {
        const std::uint32_t kind = some(64);
        return kind == 0 ? some(16) : kind < 4 ? 16 : kind < 24 ? 17 + some(8) : 25 + some(8);
    }
    indexed_prefix longest(std::uint32_t a, unsigned shorter_than) const
    {
        for (unsigned length = shorter_than; length-- > 0;)
            if (const auto at = prefixes_.find({length, prefix_of(a, length)}); at != prefixes_.end())
                return {length, at->second};
        return {};
    }
    void set(std::uint32_t network, unsigned length)
    {
        const std::uint32_t value = prefixes_[{length, network}] = some(5);
        index_.set(network, length, value);
    }
    void erase(std::uint32_t network, unsigned length)
    {
        if (prefixes_.erase({length, network}) != 0) index_.erase(network, length, longest(network, length));
    }
    void expect_same() const
    {
        for (std::uint32_t a = 0xc611'ff00; a < 0xc614'0100 && !HasFailure(); ++a) ASSERT_EQ(index_.find(a), longest(a, 33)) << a;
    }

    std::uint64_t state_ = 1;
    std::map<std::pair<unsigned, std::uint32_t>, std::uint32_t> prefixes_;
    route_index index_;
};

TEST_F(route_index_changes, give_the_same_as_a_list)
{
    for (unsigned round = 0; round < 12 && !HasFailure(); ++round) {
        const std::uint32_t erased_of_four = round % 4U; // the table grows, then shrinks
        for (int i = 0; i < 12'000; ++i) {
            const unsigned length = some_length();
            const std::uint32_t network = prefix_of(some_address(), length);
            if (some(4) < erased_of_four)
                erase(network, length);
            else
                set(network, length);
        }
        expect_same();
    }
    while (!prefixes_.empty()) erase(prefixes_.begin()->first.second, prefixes_.begin()->first.first);
    expect_same();
}

TEST_F(route_index_changes, of_a_default_route_leave_longer_prefixes)
{
    set(0xc612'0000, 16);
    set(0xc612'0500, 24);
    set(0xc612'0580, 25);
    set(0, 0);
    expect_same();
    EXPECT_EQ(index_.find(0).length(), 0U);
    EXPECT_EQ(index_.find(0xffff'ffff).length(), 0U);
    erase(0xc612'0500, 24);
    expect_same();
    erase(0, 0);
    expect_same();
    EXPECT_FALSE(index_.find(0xffff'ffff).exists());
}

} // namespace
} // namespace tapio::core::ip
