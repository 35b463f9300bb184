// Stable opaque interface identifiers, and those that are reserved.
#include "ip/interface_identifier.hpp"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <set>

namespace tapio::core::ip {
namespace {

address_v6 a(const char* text) { return boost::asio::ip::make_address_v6(text); }

TEST(stable_identifier, depends_on_each_of_its_inputs) // RFC 7217 §5
{
    const auto of = [](siphash_key secret, const char* prefix, const char* net_iface, std::uint8_t dad_counter) {
        return stable_identifier(secret, a(prefix), net_iface, dad_counter);
    };
    const std::uint64_t first = of({1, 2}, "2001:db8:0:1::", "tap0", 0);
    EXPECT_EQ(first, of({1, 2}, "2001:db8:0:1::", "tap0", 0)) << "stable";
    EXPECT_EQ(first, of({1, 2}, "2001:db8:0:1::9", "tap0", 0)) << "only the prefix counts";
    const std::set<std::uint64_t> all = {first,
                                         of({1, 3}, "2001:db8:0:1::", "tap0", 0),
                                         of({3, 2}, "2001:db8:0:1::", "tap0", 0),
                                         of({1, 2}, "2001:db8:0:2::", "tap0", 0),
                                         of({1, 2}, "2001:db8:0:1::", "tap1", 0),
                                         of({1, 2}, "2001:db8:0:1::", "", 0),
                                         of({1, 2}, "2001:db8:0:1::", "tap0", 1)};
    EXPECT_EQ(all.size(), 7U);
}

TEST(reserved_identifier, are_the_three_blocks_of_rfc_5453)
{
    for (const std::uint64_t reserved :
         std::initializer_list<std::uint64_t>{0x0U, 0x0200'5eff'fe00'0000U, 0x0200'5eff'fe00'5213U, 0x0200'5eff'feff'ffffU,
                                              0xfdff'ffff'ffff'ff80U, 0xfdff'ffff'ffff'ffffU})
        EXPECT_TRUE(is_reserved_identifier(reserved)) << std::hex << reserved;
    for (const std::uint64_t free : std::initializer_list<std::uint64_t>{0x1U, 0x0200'5eff'fdff'ffffU, 0x0200'5eff'ff00'0000U,
                                                                         0xfdff'ffff'ffff'ff7fU, 0xfe00'0000'0000'0000U})
        EXPECT_FALSE(is_reserved_identifier(free)) << std::hex << free;
}

TEST(random_identifier, differs_each_time)
{
    random_source random{std::array<std::byte, random_source::seed_size>{}};
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 100; ++i) seen.insert(random_identifier(random));
    EXPECT_EQ(seen.size(), 100U);
}

TEST(join, keeps_the_prefix_and_replaces_the_rest)
{
    EXPECT_EQ(join(a("2001:db8:1:2:3:4:5:6"), 0x000a'000b'000c'000dU), a("2001:db8:1:2:a:b:c:d"));
    EXPECT_EQ(join(link_local_prefix(), 1), a("fe80::1"));
}

} // namespace
} // namespace tapio::core::ip
