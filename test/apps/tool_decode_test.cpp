// The lines that `tapio dump` prints for packets.
#include "tapio/decode.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace apps::tools {
namespace {

using tapio::core::link_type;
using testing::HasSubstr;

/// The octets that hexadecimal digits stand for; blanks are skipped.
std::vector<std::byte> octets(const std::string& hexadecimal)
{
    std::vector<std::byte> out;
    std::string digits;
    for (const char c : hexadecimal)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        out.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return out;
}

std::string ethernet(const std::string& hexadecimal)
{
    decoder d;
    return d.line(octets(hexadecimal), link_type::ethernet);
}

const std::string addresses = "020000000002 020000000001";
const std::string to_server = "c6120001 c6120002"; // 198.18.0.1 > 198.18.0.2

std::string ipv4(const std::string& protocol, const std::string& total, const std::string& payload)
{
    return addresses + "0800 4500" + total + "00004000 40" + protocol + "0000" + to_server + payload;
}

TEST(decoder, of_arp_requests_and_replies)
{
    const std::string front = "ffffffffffff 020000000001 0806 0001 0800 0604 ";
    EXPECT_EQ(ethernet(front + "0001 020000000001 c6120001 000000000000 c6120002"), "ARP who has 198.18.0.2? tell 198.18.0.1");
    EXPECT_EQ(ethernet(front + "0002 020000000002 c6120002 020000000001 c6120001"), "ARP 198.18.0.2 is at 02:00:00:00:00:02");
    EXPECT_EQ(ethernet(front + "0001 020000000001 00000000 000000000000 c6120002"), "ARP probe: who has 198.18.0.2?");
}

TEST(decoder, of_an_echo_request_in_a_vlan)
{
    const std::string packet = ipv4("01", "001c", "0800f7fd 00070001");
    EXPECT_EQ(ethernet(packet), "198.18.0.1 > 198.18.0.2 ICMP echo request id 7 seq 1 length 8");
    EXPECT_EQ(ethernet(addresses + "8100 a064" + packet.substr(addresses.size())),
              "vlan 100 prio 5 198.18.0.1 > 198.18.0.2 ICMP echo request id 7 seq 1 length 8");
}

TEST(decoder, of_a_packet_full_of_vlan_tags_ends_soon)
{
    std::string packet = addresses;
    for (int i = 0; i < 20'000; ++i) packet += "81000001";
    EXPECT_THAT(ethernet(packet + "0800"), testing::EndsWith("VLAN [too many tags]"));
    EXPECT_THAT(ethernet(addresses + "8100 0001 8100 0002 8100"), testing::EndsWith("VLAN [truncated]"));
}

TEST(decoder, counts_tcp_from_the_syn)
{
    decoder d;
    const auto line = [&](const std::string& text) { return d.line(octets(text), link_type::ethernet); };
    EXPECT_EQ(
        line(ipv4("06", "003c", "c0000050 fffffff0 00000000 a002ffff 00000000 020405b4 0402 080a 00000001 00000000 01 030307")),
        "198.18.0.1:49152 > 198.18.0.2:80 TCP [S] seq 0 win 65535 <mss 1460, sackOK, ts 1 0, wscale 7> length 0");
    EXPECT_EQ(
        line(ipv4("06", "003e", "c0000050 fffffff1 00000064 50180800 00000000") +
             "474554202f20485454502f312e310d0a6162636465660000"),
        "198.18.0.1:49152 > 198.18.0.2:80 TCP [P.] seq 1:23 ack 1 win 2048 length 22 \"GET / HTTP/1.1\""); // padding is not data
}

TEST(decoder, shows_absolute_sequence_numbers_if_asked)
{
    decoder d({.absolute = true});
    EXPECT_THAT(d.line(octets(ipv4("06", "0028", "c0000050 00000064 00000000 50020800 00000000")), link_type::ethernet),
                HasSubstr("seq 100 "));
}

TEST(decoder, names_what_udp_carries)
{
    EXPECT_EQ(ethernet(ipv4("11", "0020", "c0000035 000c0000 00000000")), "198.18.0.1:49152 > 198.18.0.2:53 UDP DNS length 4");
    EXPECT_EQ(ethernet(ipv4("11", "0020", "c0000009 000c0000 00000000")), "198.18.0.1:49152 > 198.18.0.2:9 UDP length 4");
}

TEST(decoder, quotes_the_packet_of_an_icmp_error)
{
    const std::string quoted = "4500001c 00000000 01110000" + to_server + "c000829a 00080000";
    EXPECT_EQ(ethernet(ipv4("01", "0038", "0303 0000 00000000" + quoted)),
              "198.18.0.1 > 198.18.0.2 ICMP port unreachable (198.18.0.1:49152 > 198.18.0.2:33434 UDP ttl 1)");
    EXPECT_THAT(ethernet(ipv4("01", "0038", "0304 0000 00000500" + quoted)), HasSubstr("fragmentation needed, mtu 1280"));
}

TEST(decoder, of_fragments)
{
    std::string packet = ipv4("11", "0020", "000102030405060708090a0b");
    packet.replace(packet.find("00004000 40"), 11, "00072002 40");
    EXPECT_EQ(ethernet(packet), "198.18.0.1 > 198.18.0.2 protocol 17 fragment 0x0007 16+12 more");
}

TEST(decoder, of_neighbour_discovery_and_extension_headers)
{
    const std::string v6 = "20010db8000000000000000000000001 ff0200000000000000000001ff000002";
    EXPECT_EQ(ethernet(addresses + "86dd 60000000 0018 3a ff" + v6 + "87000000 00000000 20010db8000000000000000000000002"),
              "2001:db8::1 > ff02::1:ff00:2 ICMPv6 NDP who has 2001:db8::2?");
    EXPECT_EQ(ethernet(addresses + "86dd 60000000 0010 00 ff" + v6 + "3a00 050200000100 8f000000 00000000"),
              "2001:db8::1 > ff02::1:ff00:2 ICMPv6 MLD report");
}

// Every prefix of a packet is a packet that was cut short: nothing may be read beyond its end.
TEST(decoder, survives_truncation_at_every_octet)
{
    const auto whole =
        octets(ipv4("06", "003c", "c0000050 fffffff0 00000000 a002ffff 00000000 020405b4 0402080a 00000001 00000000 01030307"));
    for (std::size_t n = 0; n < whole.size(); ++n) {
        const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
        decoder d({.link = true});
        EXPECT_FALSE(d.line(part, link_type::ethernet).empty());
        EXPECT_FALSE(d.line(part, link_type::ip).empty());
    }
}

TEST(decoder, dumps_in_hexadecimal)
{
    EXPECT_EQ(hex_dump(octets("414200")), "    0000: 4142 00                                  AB.\n");
}

} // namespace
} // namespace apps::tools
