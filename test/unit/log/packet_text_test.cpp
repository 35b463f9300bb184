// packet_text: a packet in one line of text.
#include "log/packet_text.hpp"
#include "wire/arp.hpp"
#include "wire/ethernet.hpp"
#include "wire/icmpv4.hpp"
#include "wire/ipv4.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tapio {
namespace {

using core::address_v4;
using core::mac_address;
using core::packet;
namespace wire = core::wire;

const address_v4 ours = boost::asio::ip::make_address_v4("192.0.2.1"), theirs = boost::asio::ip::make_address_v4("192.0.2.2");
constexpr mac_address our_mac{{2, 0, 0, 0, 0, 1}};

packet with(wire::ip_protocol protocol, const std::vector<unsigned char>& contents)
{
    packet p(core::slice::copy_of(std::as_bytes(std::span(contents))));
    wire::ipv4_fields f;
    f.source = ours;
    f.destination = theirs;
    f.protocol = protocol;
    wire::push_ipv4(p, f);
    return p;
}

const std::vector<unsigned char> segment{0,    80,   0x9c, 0x40, 0, 0, 0, 7, 0, 0, 0, 9,   0x60,
                                         0x18, 0x10, 0,    0,    0, 0, 0, 1, 1, 1, 1, 'x', 'y'};

TEST(packet_text, of_tcp_has_ports_flags_and_numbers)
{
    const packet p = with(wire::ip_protocol::tcp, segment);
    const std::string expected = "192.0.2.1:80 > 192.0.2.2:40000 tcp [P.] seq 7 ack 9 win 4096, 2 octets";
    EXPECT_EQ(packet_text(p), expected);
    packet framed = p;
    wire::push_ethernet(framed, our_mac, our_mac, wire::ether_type::ipv4);
    EXPECT_EQ(packet_text(framed), expected);
}

TEST(packet_text, of_udp_and_icmp)
{
    EXPECT_EQ(packet_text(with(wire::ip_protocol::udp, {0, 53, 0, 99, 0, 10, 0, 0, 1, 2})),
              "192.0.2.1:53 > 192.0.2.2:99 udp 2 octets");
    EXPECT_EQ(packet_text(with(wire::ip_protocol::icmp, {8, 0, 0, 0, 0, 0, 0, 0})), "192.0.2.1 > 192.0.2.2 icmp type 8 code 0");
    EXPECT_EQ(packet_text(with(wire::ip_protocol::igmp, {1})), "192.0.2.1 > 192.0.2.2 protocol 2");
}

TEST(packet_text, of_arp)
{
    const auto framed = [](const wire::arp_packet& a) {
        packet p = wire::make_arp(a);
        wire::push_ethernet(p, mac_address::broadcast(), our_mac, wire::ether_type::arp);
        return packet_text(p);
    };
    EXPECT_EQ(framed({wire::arp_operation::request, our_mac, ours, {}, theirs}), "arp who has 192.0.2.2, tell 192.0.2.1");
    EXPECT_EQ(framed({wire::arp_operation::request, our_mac, ours, {}, ours}), "arp announces 192.0.2.1");
    EXPECT_EQ(framed({wire::arp_operation::reply, our_mac, ours, {}, theirs}), "arp 192.0.2.1 is at 02:00:00:00:00:01");
}

TEST(packet_text, of_what_is_cut_short_or_none_of_ours_reads_no_further)
{
    std::vector<unsigned char> all{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
    for (const int kind : {0x00, 0x06, 0xdd, 0x55}) {
        all[13] = static_cast<unsigned char>(kind);
        for (std::size_t n = 0; n <= all.size(); ++n) {
            const packet p(core::slice::copy_of(std::as_bytes(std::span(all)).first(n)));
            (void)packet_text(p);
        }
    }
    EXPECT_EQ(packet_text(packet()), "");
}

} // namespace
} // namespace tapio
