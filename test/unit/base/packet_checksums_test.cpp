// // update_checksums, complete_checksums and overwrite: checksums in packets that were changed or come from a device with
// offload.
#include "base/checksum.hpp"

#include <tapio/core/checksum.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace tapio::core {
namespace {

using octets = std::vector<std::byte>;
using state = offload_info::checksum_state;

octets from(std::initializer_list<unsigned> list)
{
    octets out;
    for (const unsigned n : list) out.push_back(static_cast<std::byte>(n));
    return out;
}

octets operator+(octets a, const octets& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

packet packet_of(const octets& o) { return packet(slice::copy_of(o)); }

octets octets_of(const packet& p)
{
    octets out(p.size());
    p.copy_to(out);
    return out;
}

unsigned word(const packet& p, std::size_t at)
{
    const octets o = octets_of(p);
    return std::to_integer<unsigned>(o[at]) << 8 | std::to_integer<unsigned>(o[at + 1]);
}

const octets ethernet = octets(12) + from({8, 0}), tagged = octets(12) + from({0x81, 0, 0, 7, 8, 0});
// 192.0.2.1 to 192.0.2.2, with wrong checksum fields. The right checksums were computed by hand (RFC 1071).
const octets ip_udp = from({0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0xbe, 0xef, 192, 0, 2, 1, 192, 0, 2, 2}),
             udp_datagram = from({0x04, 0xd2, 0x00, 0x35, 0, 12, 0xbe, 0xef, 'a', 'b', 'c', 'd'});
constexpr unsigned ip_sum = 0xb6c9, udp_sum = 0xb204;

TEST(update_checksums, of_the_ip_header_and_of_udp)
{
    for (const octets& link : {octets(), ethernet, tagged}) {
        packet p = packet_of(link + ip_udp + udp_datagram);
        ASSERT_TRUE(update_checksums(p, link.empty() ? link_type::ip : link_type::ethernet));
        EXPECT_EQ(word(p, link.size() + 10), ip_sum);
        EXPECT_EQ(word(p, link.size() + 26), udp_sum);
    }
}

TEST(update_checksums, of_tcp_makes_the_sum_over_everything_ones)
{
    octets ip = ip_udp;
    ip[9] = std::byte{6};
    ip[3] = std::byte{20 + 20 + 3};
    const octets tcp = from({0, 80, 4, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 2, 0, 0xde, 0xad, 0, 0, 'o', 'd', 'd'});
    packet p = packet_of(ip + tcp);
    p.offload.checksum = state::partial;
    ASSERT_TRUE(update_checksums(p, link_type::ip));
    EXPECT_EQ(p.offload.checksum, state::complete);
    checksum_accumulator sum;
    const octets all = octets_of(p);
    sum.add(const_bytes(all).subspan(12));
    sum.add_word(6);
    sum.add_word(23);
    EXPECT_EQ(sum.folded(), 0xffff);
    EXPECT_EQ(ones_sum(const_bytes(all).first(20)), 0xffff);
}

TEST(update_checksums, over_ipv6)
{
    octets ip = from({0x60, 0, 0, 0, 0, 12, 17, 64}) + octets(32);
    ip[23] = std::byte{1}, ip[39] = std::byte{2}; // ::1 to ::2
    packet p = packet_of(ip + udp_datagram);
    ASSERT_TRUE(update_checksums(p, link_type::ip));
    checksum_accumulator sum;
    const octets all = octets_of(p);
    sum.add(const_bytes(all).subspan(8));
    sum.add_word(17);
    sum.add_word(12);
    EXPECT_EQ(sum.folded(), 0xffff);
}

TEST(update_checksums, leaves_alone_what_has_no_checksum_or_is_a_fragment_or_padding)
{
    octets no_sum = udp_datagram;
    no_sum[6] = no_sum[7] = std::byte{0};
    packet none = packet_of(ip_udp + no_sum);
    ASSERT_TRUE(update_checksums(none, link_type::ip));
    EXPECT_EQ(word(none, 26), 0U);

    octets fragment = ip_udp;
    fragment[6] = std::byte{0x20}; // more fragments
    packet first = packet_of(fragment + udp_datagram);
    ASSERT_TRUE(update_checksums(first, link_type::ip));
    EXPECT_EQ(word(first, 26), 0xbeefU);

    packet padded = packet_of(ethernet + ip_udp + udp_datagram + from({9, 9, 9}));
    ASSERT_TRUE(update_checksums(padded, link_type::ethernet));
    EXPECT_EQ(word(padded, 14 + 26), udp_sum);
    EXPECT_EQ(padded.size(), 14U + 32 + 3);
}

TEST(update_checksums, changes_nothing_where_it_says_no)
{
    const octets arp = octets(12) + from({8, 6}) + octets(28);
    for (const octets& o : {arp, ethernet + from({0x45}), ethernet + octets(40), octets(), ethernet + ip_udp + from({1, 2}),
                            octets(12) + from({0x81, 0, 0, 7, 0x81, 0, 0, 8, 0x81, 0, 0, 9, 8, 0})}) {
        packet p = packet_of(o);
        EXPECT_FALSE(update_checksums(p, link_type::ethernet));
        EXPECT_EQ(octets_of(p), o);
    }
}

TEST(complete_checksums, sums_a_partial_one_and_leaves_others)
{
    // The checksum field contains the sum of the pseudo-header.
    octets partial = udp_datagram;
    partial[6] = std::byte{0x84}, partial[7] = std::byte{0x21};
    packet p = packet_of(ethernet + ip_udp + partial);
    p.offload = {.checksum = state::partial, .checksum_start = 34, .checksum_offset = 6};
    const packet shared = p;
    packet left = p;
    left.offload.checksum = state::verified;
    complete_checksums(left);
    EXPECT_EQ(word(left, 40), 0x8421U);
    complete_checksums(p);
    EXPECT_EQ(word(p, 40), udp_sum);
    EXPECT_EQ(p.offload.checksum, state::complete);
    EXPECT_EQ(word(shared, 40), 0x8421U) << "a copy that shares the octets must not change";
}

TEST(complete_checksums, write_zero_as_ones_for_udp_alone)
{
    for (const std::uint16_t offset : {std::uint16_t{6}, std::uint16_t{16}}) {
        packet p = packet_of(octets(20) + from({0xff, 0xff})); // the sum is 0xffff, so the checksum is 0
        p.offload = {.checksum = state::partial, .checksum_start = 0, .checksum_offset = offset};
        complete_checksums(p);
        EXPECT_EQ(word(p, offset), offset == 6 ? 0xffffU : 0U);
    }
}

TEST(overwrite, gives_the_packet_octets_of_its_own_near_the_front_and_far_behind)
{
    for (const std::size_t at : {std::size_t{0}, std::size_t{100}, std::size_t{158}, std::size_t{159}, std::size_t{1000}}) {
        const octets before(1500, std::byte{1});
        packet p = packet_of(before);
        p.push_front(from({7})[0]);
        const packet shared = p;
        overwrite(p, at, from({2, 3}));
        octets expected = octets_of(shared);
        expected[at] = std::byte{2}, expected[at + 1] = std::byte{3};
        EXPECT_EQ(octets_of(p), expected) << at;
        EXPECT_EQ(octets_of(shared), from({7}) + before);
    }
}

} // namespace
} // namespace tapio::core
