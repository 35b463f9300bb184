// // flow_key: endpoints and protocol of a packet, for IPv4 and IPv6, and its hash.
#include "base/flow_key.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tapio::core {
namespace {

endpoint at(const char* address, std::uint16_t port) { return {boost::asio::ip::make_address(address), port}; }

const std::vector<std::pair<endpoint, endpoint>> pairs{
    {at("192.0.2.1", 80), at("198.51.100.200", 40'000)}, {at("2001:db8::1", 80), at("2001:db8:1:2:3:4:5:6", 65'535)},
    {at("fe80::1%7", 1), at("ff02::fb%7", 2)},           {at("::", 0), at("::1", 9)},
    {at("0.0.0.0", 0), at("255.255.255.255", 67)},
};

TEST(flow_key, gives_back_what_it_was_made_of)
{
    for (const auto& [a, b] : pairs) {
        const flow_key f(a, b, ip_protocol::udp);
        EXPECT_EQ(f.source().address, a.address);
        EXPECT_EQ(f.destination().address, b.address);
        EXPECT_EQ(f.source().port, a.port);
        EXPECT_EQ(f.destination().port, b.port);
        EXPECT_EQ(f.protocol(), ip_protocol::udp);
        EXPECT_EQ(f.is_v4(), a.address.is_v4());
        EXPECT_EQ(f.zone(), a.address.is_v6() ? a.address.to_v6().scope_id() : 0);
        EXPECT_EQ(f.reversed(), flow_key(b, a, ip_protocol::udp));
        EXPECT_EQ(f.reversed().reversed(), f);
    }
}

TEST(flow_key, of_an_ipv4_header_is_that_of_its_endpoints)
{
    const flow_key f(at("192.0.2.1", 80), at("198.51.100.200", 40'000), ip_protocol::tcp);
    EXPECT_EQ(flow_key::v4(0xc000'0201'c633'64c8, 80 << 16 | 40'000, ip_protocol::tcp), f);
    EXPECT_EQ(f.v4_addresses(), 0xc000'0201'c633'64c8);
    EXPECT_EQ(f.ports(), 80U << 16 | 40'000U);
}

TEST(flow_key, an_ipv4_mapped_address_is_the_ipv4_address)
{
    EXPECT_EQ(flow_key(at("::ffff:192.0.2.1", 1), at("::ffff:192.0.2.2", 2), ip_protocol::tcp),
              flow_key(at("192.0.2.1", 1), at("192.0.2.2", 2), ip_protocol::tcp));
}

TEST(flow_key, differs_where_any_part_does)
{
    const std::vector<flow_key> keys{
        flow_key(at("fe80::1%7", 1), at("fe80::2%7", 2), ip_protocol::tcp),
        flow_key(at("fe80::1%8", 1), at("fe80::2%8", 2), ip_protocol::tcp),
        flow_key(at("fe80::3%7", 1), at("fe80::2%7", 2), ip_protocol::tcp),
        flow_key(at("fe80::1%7", 1), at("fe80::3%7", 2), ip_protocol::tcp),
        flow_key(at("fe80:0:0:1::1%7", 1), at("fe80::2%7", 2), ip_protocol::tcp),
        flow_key(at("fe80::1:0:1%7", 1), at("fe80::2%7", 2), ip_protocol::tcp),
        flow_key(at("fe80::1%7", 3), at("fe80::2%7", 2), ip_protocol::tcp),
        flow_key(at("fe80::1%7", 1), at("fe80::2%7", 3), ip_protocol::tcp),
        flow_key(at("fe80::1%7", 1), at("fe80::2%7", 2), ip_protocol::udp),
        flow_key(at("fe80::2%7", 2), at("fe80::1%7", 1), ip_protocol::tcp),
    };
    const siphash_key key{1, 2};
    for (std::size_t i = 0; i < keys.size(); ++i)
        for (std::size_t j = 0; j < keys.size(); ++j) {
            EXPECT_EQ(keys[i] == keys[j], i == j);
            EXPECT_EQ(siphash(key, keys[i]) == siphash(key, keys[j]), i == j);
            EXPECT_EQ(siphash_1_3(key, keys[i]) == siphash_1_3(key, keys[j]), i == j);
        }
}

TEST(flow_key, hashes_differ_with_the_key_and_between_ipv4_flows)
{
    const flow_key a(at("192.0.2.1", 1), at("192.0.2.2", 2), ip_protocol::tcp),
        b(at("192.0.2.1", 1), at("192.0.2.2", 3), ip_protocol::tcp);
    EXPECT_NE(siphash({1, 2}, a), siphash({1, 3}, a));
    EXPECT_NE(siphash({1, 2}, a), siphash({1, 2}, b));
    EXPECT_NE(siphash({1, 2}, a), siphash_1_3({1, 2}, a));
}

} // namespace
} // namespace tapio::core
