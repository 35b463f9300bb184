// Parsing of a received packet: on every link type, in slices of any size, truncated at every length, and with random octets
// changed.
#include "base/checksum.hpp"
#include "ip/rx_packet.hpp"
#include "support/flat.hpp"
#include "wire/ethernet.hpp"
#include "wire/icmpv4.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tapio::core::ip {
namespace {

using test::flat;
using test::octets;
constexpr auto ethernet = link_type::ethernet;

const address_v4 alice(0xc000'0201U), bob(0xc000'0202U); // 192.0.2.1, 192.0.2.2
const mac_address macs[] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};

packet with_ip(packet p, ip_protocol protocol)
{
    wire::ipv4_fields f;
    f.source = alice;
    f.destination = bob;
    f.protocol = protocol;
    f.ttl = 7;
    f.tos = 0x2f;
    wire::push_ipv4(p, f);
    return p;
}

packet segment(std::size_t text = 10)
{
    packet p(slice::copy_of(octets(text, std::byte{'x'})));
    wire::tcp_fields f;
    f.source_port = 1000, f.destination_port = 80;
    f.flags = wire::tcp_ack;
    f.options.timestamps = wire::tcp_timestamps{1, 2};
    wire::push_tcp(p, f, alice, bob);
    return with_ip(std::move(p), ip_protocol::tcp);
}

packet datagram()
{
    packet p(slice::copy_of(octets(10, std::byte{'x'})));
    wire::push_udp(p, 1000, 53, alice, bob);
    return with_ip(std::move(p), ip_protocol::udp);
}

packet framed(packet p, wire::ether_type type = wire::ether_type::ipv4)
{
    wire::push_ethernet(p, macs[0], macs[1], type);
    return p;
}

rx_packet read(packet p, link_type link = ethernet)
{
    rx_packet r(std::move(p));
    parse(r, link);
    return r;
}

rx_packet read(const octets& o, link_type link = ethernet) { return read(packet(slice::copy_of(o)), link); }

/// The packet in slices of `n` octets.
packet in_pieces(const octets& o, std::size_t n)
{
    packet p;
    for (std::size_t at = 0; at < o.size(); at += n)
        p.append(slice::copy_of(const_bytes(o).subspan(at, std::min(n, o.size() - at))));
    return p;
}

TEST(rx_packet, a_segment_on_every_link_and_in_any_pieces)
{
    for (const link_type link : {link_type::ethernet, link_type::ip}) {
        const octets o = flat(link == ethernet ? framed(segment()) : segment());
        const std::size_t frame = link == ethernet ? 14 : 0;
        for (const std::size_t piece : {1UL, 3UL, 20UL, 33UL, o.size()}) {
            const rx_packet p = read(in_pieces(o, piece), link);
            EXPECT_EQ(p.kind, packet_kind::ipv4);
            EXPECT_FALSE(p.flaw);
            EXPECT_EQ(p.flow, flow_key({alice, 1000}, {bob, 80}, ip_protocol::tcp));
            EXPECT_EQ(p.network_at, frame);
            EXPECT_EQ(p.transport_at, frame + 20);
            EXPECT_EQ(p.payload_at, frame + 52);
            EXPECT_EQ(p.ttl, 7);
            EXPECT_TRUE(p.marked());
            EXPECT_TRUE(p.verified) << piece;
            EXPECT_FALSE(p.fragment || p.source_routed || p.link_group);
            EXPECT_GE(p.contents.front().size(), p.payload_at) << "the headers are contiguous";
            EXPECT_EQ(flat(p.contents), o);
        }
    }
}

TEST(rx_packet, ip_options_move_what_follows)
{
    octets o = flat(segment());
    const octets options{std::byte{131}, std::byte{3}, std::byte{4}, std::byte{0}}; // loose source route without addresses
    o.insert(o.begin() + 20, options.begin(), options.end());
    o[0] = std::byte{0x46};
    o[3] = static_cast<std::byte>(o.size());
    o[10] = o[11] = std::byte{0};
    const auto sum = static_cast<std::uint16_t>(~ones_sum(const_bytes(o).first(24)));
    o[10] = std::byte(sum >> 8), o[11] = std::byte(sum & 0xff);
    const rx_packet p = read(o, link_type::ip);
    EXPECT_FALSE(p.flaw);
    EXPECT_TRUE(p.source_routed);
    EXPECT_EQ(p.transport_at, 24);
    EXPECT_EQ(p.payload_at, 56);
    EXPECT_TRUE(p.verified);
}

TEST(rx_packet, padding_is_cut_off_and_a_tag_of_priority_only_is_stepped_over)
{
    octets o = flat(framed(datagram()));
    const std::size_t size = o.size();
    o.resize(size + 9);
    EXPECT_EQ(read(o).contents.size(), size);
    EXPECT_TRUE(read(o).verified);

    const auto tagged = [&](unsigned control) {
        octets t = o;
        const octets tag{std::byte{0x81}, std::byte{0}, std::byte(control >> 8), std::byte(control & 0xff)};
        t.insert(t.begin() + 12, tag.begin(), tag.end());
        return read(t);
    };
    EXPECT_EQ(tagged(0xe000).network_at, 18);
    EXPECT_EQ(tagged(0xe000).payload_at, 18 + 28);
    EXPECT_TRUE(tagged(0xe000).verified);
    EXPECT_EQ(tagged(0xe000).vlan, 0);
    EXPECT_EQ(tagged(0xe001).kind, packet_kind::ipv4);
    EXPECT_EQ(tagged(0xe001).vlan, 1);
}

TEST(rx_packet, of_a_datagram_as_much_as_its_header_says_is_summed)
{
    octets o = flat(datagram());
    o.push_back(std::byte{'y'}); // belongs to the IP payload, but not to the UDP datagram
    o[3] = static_cast<std::byte>(o.size());
    o[10] = o[11] = std::byte{0};
    const auto sum = static_cast<std::uint16_t>(~ones_sum(const_bytes(o).first(20)));
    o[10] = std::byte(sum >> 8), o[11] = std::byte(sum & 0xff);
    EXPECT_TRUE(read(o, link_type::ip).verified);
    o[30] ^= std::byte{1};
    EXPECT_FALSE(read(o, link_type::ip).verified);
    o[26] = o[27] = std::byte{0}; // no checksum (RFC 768)
    EXPECT_TRUE(read(o, link_type::ip).verified);
}

TEST(rx_packet, what_a_device_vouches_for_is_not_summed)
{
    using state = offload_info::checksum_state;
    for (const state s : {state::complete, state::partial, state::verified}) {
        octets o = flat(segment());
        o[40] ^= std::byte{1}; // changes an option
        packet p(slice::copy_of(o));
        p.offload.checksum = s;
        EXPECT_EQ(read(std::move(p), link_type::ip).verified, s != state::complete);
    }
}

TEST(rx_packet, of_a_fragment_nothing_is_known_but_ip)
{
    wire::ipv4_fields f;
    f.source = alice, f.destination = bob, f.protocol = ip_protocol::tcp;
    f.more_fragments = true;
    packet p = segment();
    p.consume(20);
    wire::push_ipv4(p, f);
    const rx_packet r = read(std::move(p), link_type::ip);
    EXPECT_TRUE(r.fragment);
    EXPECT_EQ(r.flow, flow_key({alice, 0}, {bob, 0}, ip_protocol::tcp));
    EXPECT_EQ(r.payload_at, 0);
    EXPECT_FALSE(r.verified || r.is_segment());
}

TEST(rx_packet, why_it_cannot_be_read)
{
    EXPECT_EQ(read(octets{}, link_type::ip).flaw, drop_reason::ipv4_truncated);
    EXPECT_EQ(read(octets(20, std::byte{0x60}), link_type::ip).flaw, drop_reason::ipv6_truncated);
    EXPECT_EQ(read(octets(20, std::byte{0x50}), link_type::ip).flaw, drop_reason::ipv4_bad_version);
    EXPECT_EQ(read(octets(13)).flaw, drop_reason::ethernet_truncated);
    EXPECT_EQ(read(octets(13)).kind, packet_kind::unreadable);
    EXPECT_EQ(read(flat(framed(packet(slice::copy_of(octets(28))), wire::ether_type::arp))).kind, packet_kind::arp);
    EXPECT_EQ(read(flat(framed(packet(slice::copy_of(octets(40))), wire::ether_type::ipv6))).kind, packet_kind::ipv6);
    octets group = flat(framed(segment()));
    group[0] = std::byte{0xff};
    EXPECT_TRUE(read(group).link_group);
    group[6] = std::byte{0x01};
    EXPECT_EQ(read(group).flaw, drop_reason::ethernet_bad_source);
}

/// Checks that offsets are in order and within the packet.
void expect_sound(const rx_packet& p)
{
    const std::size_t size = p.contents.size();
    ASSERT_LE(p.network_at, size);
    if (p.kind != packet_kind::ipv4 || p.flaw) return;
    ASSERT_LE(p.network_at + 20, p.transport_at);
    ASSERT_LE(p.transport_at, size);
    if (p.payload_at == 0) {
        ASSERT_FALSE(p.verified);
    } else {
        ASSERT_LE(p.transport_at + 8, p.payload_at);
        ASSERT_LE(p.payload_at, size);
    }
    ASSERT_GE(p.contents.front().size(), std::max(p.transport_at, p.payload_at));
}

TEST(rx_packet, cut_anywhere_and_changed_at_will)
{
    std::mt19937 random(4711); // NOLINT: the same packets each time
    for (const packet& whole : {framed(segment()), framed(datagram()), framed(with_ip(packet(), ip_protocol::icmp))}) {
        const octets o = flat(whole);
        for (std::size_t n = 0; n <= o.size(); ++n) expect_sound(read(octets(o.begin(), o.begin() + static_cast<long>(n))));
        for (unsigned i = 0; i < 20'000; ++i) {
            octets changed = o;
            for (unsigned k = 0; k < 1 + i % 3; ++k)
                changed[random() % std::min<std::size_t>(o.size(), 60)] = static_cast<std::byte>(random());
            if (i % 2 == 0) changed.resize(random() % (o.size() + 1));
            if (changed.size() > 14 + 12 && i % 4 != 0) { // with a valid IP checksum more of the packet is parsed
                octets& c = changed;
                const std::size_t length = std::min<std::size_t>((std::to_integer<unsigned>(c[14]) & 15) * 4, c.size() - 14);
                c[24] = c[25] = std::byte{0};
                const auto sum = static_cast<std::uint16_t>(~ones_sum(const_bytes(c).subspan(14, length)));
                c[24] = std::byte(sum >> 8), c[25] = std::byte(sum & 0xff);
            }
            expect_sound(read(in_pieces(changed, 1 + i % 40)));
        }
    }
}

} // namespace
} // namespace tapio::core::ip
