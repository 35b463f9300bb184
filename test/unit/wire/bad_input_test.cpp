// Every header, truncated at every length and malformed in every way its RFC names: parsing fails with the right drop_reason.
// Also round trips of all fields, and the Internet checksum.
#include "base/checksum.hpp"
#include "base/flow_key.hpp"
#include "support/flat.hpp"
#include "wire/arp.hpp"
#include "wire/ethernet.hpp"
#include "wire/icmpv4.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"
#include "wire/transport_checksum.hpp"
#include "wire/udp.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <tuple>
#include <vector>

namespace tapio::core::wire {

void PrintTo(const tcp_timestamps& t, std::ostream* out) { *out << t.value << ' ' << t.echo; }

namespace {

using test::flat;
using test::octets;

const address_v4 alice(0xc000'0201U), bob(0xc000'0202U); // 192.0.2.1, 192.0.2.2

bool is_right(const packet& p, ip_protocol protocol)
{
    return verify_checksum(p, p.front(), 0, p.size(), pseudo_header(alice, bob, static_cast<std::uint8_t>(protocol), p.size()));
}

packet with_payload(std::size_t n) { return packet(slice::copy_of(octets(n, std::byte{'x'}))); }

octets ipv4_packet()
{
    packet p = with_payload(16);
    ipv4_fields f;
    f.source = alice;
    f.destination = bob;
    f.protocol = ip_protocol::udp;
    push_ipv4(p, f);
    return flat(p);
}

/// Recomputes the header checksum, so that only the change under test is wrong.
void resum(octets& p, std::size_t header)
{
    p[10] = p[11] = std::byte{0};
    const std::uint16_t s = static_cast<std::uint16_t>(~ones_sum(const_bytes(p).first(header)));
    p[10] = static_cast<std::byte>(s >> 8);
    p[11] = static_cast<std::byte>(s & 0xff);
}

TEST(ipv4, a_round_trip_keeps_every_field)
{
    const octets p = ipv4_packet();
    const auto f = parse_ipv4(p, p.size());
    ASSERT_TRUE(f);
    EXPECT_EQ(f->source, alice);
    EXPECT_EQ(f->destination, bob);
    EXPECT_EQ(f->total_length, 36);
    EXPECT_EQ(f->ttl, 64);
    EXPECT_FALSE(f->is_fragment());
}

TEST(ipv4, cut_at_every_length)
{
    const octets p = ipv4_packet();
    for (std::size_t n = 0; n < p.size(); ++n) {
        const auto f = parse_ipv4(const_bytes(p).first(n), n);
        ASSERT_FALSE(f) << n;
        EXPECT_EQ(f.error(), drop_reason::ipv4_truncated) << n;
    }
}

struct broken
{
    const char* what;
    std::function<void(octets&)> breaks;
    drop_reason reason;
};
void PrintTo(const broken& b, std::ostream* out) { *out << b.what; }

struct ipv4_broken : testing::TestWithParam<broken>
{
};

TEST_P(ipv4_broken, is_dropped_for_its_reason)
{
    octets p = ipv4_packet();
    GetParam().breaks(p);
    const auto f = parse_ipv4(p, p.size());
    ASSERT_FALSE(f);
    EXPECT_EQ(f.error(), GetParam().reason);
}

octets& with_options(octets& p, std::initializer_list<unsigned> options)
{
    octets o;
    for (const unsigned b : options) o.push_back(static_cast<std::byte>(b));
    while (o.size() % 4 != 0) o.push_back(std::byte{0});
    p.insert(p.begin() + 20, o.begin(), o.end());
    p[0] = static_cast<std::byte>(0x40 + (20 + o.size()) / 4);
    p[3] = static_cast<std::byte>(p.size());
    resum(p, 20 + o.size());
    return p;
}

INSTANTIATE_TEST_SUITE_P(
    rfc_791, ipv4_broken,
    testing::Values(broken{"version 6",
                           [](octets& p) {
                               p[0] = std::byte{0x65};
                               resum(p, 20);
                           },
                           drop_reason::ipv4_bad_version},
                    broken{"version 0",
                           [](octets& p) {
                               p[0] = std::byte{0x05};
                               resum(p, 20);
                           },
                           drop_reason::ipv4_bad_version},
                    broken{"IHL 4",
                           [](octets& p) {
                               p[0] = std::byte{0x44};
                               resum(p, 20);
                           },
                           drop_reason::ipv4_bad_header_length},
                    broken{"IHL beyond the packet", [](octets& p) { p[0] = std::byte{0x4f}; },
                           drop_reason::ipv4_bad_header_length},
                    broken{"total length below the header",
                           [](octets& p) {
                               p[3] = std::byte{19};
                               resum(p, 20);
                           },
                           drop_reason::ipv4_bad_total_length},
                    broken{"total length beyond the packet",
                           [](octets& p) {
                               p[3] = std::byte{37};
                               resum(p, 20);
                           },
                           drop_reason::ipv4_truncated},
                    broken{"checksum", [](octets& p) { p[10] ^= std::byte{1}; }, drop_reason::ipv4_bad_checksum},
                    broken{"a flipped bit", [](octets& p) { p[16] ^= std::byte{4}; }, drop_reason::ipv4_bad_checksum},
                    broken{"an option of length 0",
                           [](octets& p) {
                               with_options(p, {7, 0, 0, 0});
                           },
                           drop_reason::ipv4_bad_options},
                    broken{"an option of length 1",
                           [](octets& p) {
                               with_options(p, {7, 1, 0, 0});
                           },
                           drop_reason::ipv4_bad_options},
                    broken{"an option beyond the header",
                           [](octets& p) {
                               with_options(p, {7, 9, 0, 0});
                           },
                           drop_reason::ipv4_bad_options},
                    broken{"an option without length",
                           [](octets& p) {
                               with_options(p, {1, 1, 1, 7});
                           },
                           drop_reason::ipv4_bad_options}));

TEST(ipv4, options_are_walked)
{
    octets p = ipv4_packet();
    with_options(p, {1, 148, 4, 0, 0, 131, 3, 4, 0});
    const auto f = parse_ipv4(p, p.size());
    ASSERT_TRUE(f) << name(f.error());
    EXPECT_TRUE(f->router_alert);
    EXPECT_TRUE(f->source_routed);
}

TEST(ethernet, cut_at_every_length)
{
    packet p = with_payload(0);
    push_ethernet(p, mac_address::broadcast(), {{2, 0, 0, 0, 0, 1}}, ether_type::arp);
    const octets whole = flat(p);
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_EQ(parse_ethernet(const_bytes(whole).first(n)).error(), drop_reason::ethernet_truncated);
    EXPECT_EQ(parse_ethernet(whole)->type, ether_type::arp);
}

TEST(ethernet, a_tag_is_read_and_a_cut_one_refused)
{
    octets f(18);
    f[12] = std::byte{0x81};
    f[15] = std::byte{7};
    f[16] = std::byte{0x08};
    EXPECT_EQ(parse_ethernet(f)->vlan, 7);
    EXPECT_EQ(parse_ethernet(f)->header_length, 18U);
    for (std::size_t n = 14; n < 18; ++n)
        EXPECT_EQ(parse_ethernet(const_bytes(f).first(n)).error(), drop_reason::ethernet_truncated);
    f[6] = std::byte{1};
    EXPECT_EQ(parse_ethernet(f).error(), drop_reason::ethernet_bad_source);
}

TEST(arp, round_trip_and_everything_that_may_be_wrong)
{
    const arp_packet in{arp_operation::reply, {{2, 0, 0, 0, 0, 1}}, alice, {{2, 0, 0, 0, 0, 2}}, bob};
    const octets good = flat(make_arp(in));
    ASSERT_EQ(good.size(), 28U);
    EXPECT_EQ(parse_arp(good)->sender_ip, alice);
    EXPECT_EQ(parse_arp(good)->target_mac, in.target_mac);
    for (std::size_t n = 0; n < good.size(); ++n)
        EXPECT_EQ(parse_arp(const_bytes(good).first(n)).error(), drop_reason::arp_truncated);
    const auto with = [&](std::size_t at, unsigned value) {
        octets p = good;
        p[at] = static_cast<std::byte>(value);
        return parse_arp(p).error();
    };
    EXPECT_EQ(with(1, 6), drop_reason::arp_unsupported);
    EXPECT_EQ(with(2, 0x86), drop_reason::arp_unsupported);
    EXPECT_EQ(with(4, 8), drop_reason::arp_unsupported);
    EXPECT_EQ(with(5, 16), drop_reason::arp_unsupported);
    EXPECT_EQ(with(7, 3), drop_reason::arp_unknown_operation);
    EXPECT_EQ(with(8, 1), drop_reason::arp_bad_address) << "a multicast MAC address as sender";
    EXPECT_EQ(with(14, 224), drop_reason::arp_bad_address) << "a multicast sender";
    EXPECT_EQ(with(14, 127), drop_reason::arp_bad_address) << "a loopback sender";
    EXPECT_EQ(with(14, 0), drop_reason::arp_bad_address) << "a sender on network 0";
}

TEST(udp, round_trip_and_everything_that_may_be_wrong)
{
    packet p = with_payload(5);
    push_udp(p, 1000, 2000, alice, bob);
    EXPECT_TRUE(is_right(p, ip_protocol::udp));
    const octets good = flat(p);
    EXPECT_EQ(parse_udp(good, good.size())->length, 13);
    for (std::size_t n = 0; n < 8; ++n) EXPECT_EQ(parse_udp(const_bytes(good).first(n), n).error(), drop_reason::udp_truncated);
    for (std::size_t n = 8; n < good.size(); ++n)
        EXPECT_EQ(parse_udp(const_bytes(good).first(n), n).error(), drop_reason::udp_bad_length);
    const auto with = [&](std::size_t at, unsigned value) {
        octets o = good;
        o[at] = static_cast<std::byte>(value);
        return parse_udp(o, o.size());
    };
    EXPECT_EQ(with(5, 7).error(), drop_reason::udp_bad_length);
    octets zero = good;
    zero[2] = zero[3] = std::byte{0};
    EXPECT_EQ(parse_udp(zero, zero.size()).error(), drop_reason::udp_zero_port);
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        octets o = good;
        o[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        EXPECT_FALSE(is_right(packet(slice::copy_of(o)), ip_protocol::udp)) << bit;
    }
}

tcp_fields syn()
{
    tcp_fields f;
    f.source_port = 1000;
    f.destination_port = 80;
    f.sequence = 0xffff'fff0;
    f.flags = tcp_syn;
    f.window = 65535;
    f.options.max_segment = 1460;
    f.options.window_scale = 7;
    f.options.sack_permitted = true;
    f.options.timestamps = tcp_timestamps{0x0102'0304, 0};
    return f;
}

TEST(tcp, a_round_trip_keeps_every_field_and_option) // RFC 9293 MUST-2, MUST-4, MUST-14, MUST-68
{
    packet p = with_payload(3);
    tcp_fields in = syn();
    in.flags = tcp_ack | tcp_psh;
    in.options.sack.push_back({1, 2});
    in.options.sack_permitted = false;
    in.options.max_segment.reset();
    in.options.window_scale.reset();
    push_tcp(p, in, alice, bob);
    EXPECT_TRUE(is_right(p, ip_protocol::tcp));
    const octets o = flat(p);
    const auto f = parse_tcp(o, o.size());
    ASSERT_TRUE(f);
    EXPECT_EQ(f->header_length, 20 + 12 + 12);
    EXPECT_EQ(f->sequence, in.sequence);
    EXPECT_EQ(f->flags, in.flags);
    EXPECT_EQ(f->options.timestamps, in.options.timestamps);
    EXPECT_EQ(f->options.sack, in.options.sack);
}

TEST(tcp, options_lie_at_any_octet_and_unknown_ones_are_skipped) // RFC 9293 MUST-4, MUST-6, MUST-64
{
    packet p;
    tcp_fields bare = syn();
    bare.options = {};
    push_tcp(p, bare, alice, bob);
    octets o = flat(p);
    for (const unsigned v :
         {1U, 253U, 5U, 1U, 2U, 3U, 2U, 4U, 5U, 0xb4U, 8U, 10U, 0U, 0U, 0U, 7U, 0U, 0U, 0U, 0U, 0U, 99U, 1U, 0U})
        o.push_back(static_cast<std::byte>(v));
    o[12] = std::byte{0xb0};
    const auto f = parse_tcp(o, o.size());
    ASSERT_TRUE(f);
    EXPECT_EQ(f->options.max_segment, 1460);
    EXPECT_EQ(f->options.timestamps, (tcp_timestamps{7, 0}));
    EXPECT_FALSE(f->options.window_scale);
}

TEST(tcp, the_header_is_padded_with_zeros) // RFC 9293 MUST-69
{
    packet p;
    tcp_fields in = syn();
    in.options = {};
    in.options.fast_open = fast_open_cookie(8, std::byte{0xaa}); // 10 octets
    push_tcp(p, in, alice, bob);
    const octets o = flat(p);
    ASSERT_EQ(o.size(), 32U);
    EXPECT_EQ(o[30], std::byte{0});
    EXPECT_EQ(o[31], std::byte{0});
    const auto f = parse_tcp(o, o.size());
    ASSERT_TRUE(f);
    EXPECT_EQ(f->options.fast_open, in.options.fast_open);
}

TEST(tcp, timestamps_as_most_segments_have_them_are_read_and_written_as_any_option_is)
{
    for (const bool partial : {false, true}) {
        for (const std::size_t text : {0, 1, 2, 3}) {
            tcp_fields f;
            f.source_port = 65535, f.destination_port = 0x8001;
            f.sequence = 0xffff'fffe, f.acknowledgement = 0x8765'4321;
            f.flags = tcp_ack | tcp_psh | tcp_fin | tcp_urg;
            f.window = 0xfffd, f.urgent = 0xfff1;
            f.options.timestamps = tcp_timestamps{0xdead'beef, 0xffff'0001};
            tcp_option_words words;
            words.add(*f.options.timestamps);
            packet a = with_payload(text), b = with_payload(text);
            push_tcp(a, f, alice, bob, partial);
            const flow_key flow({alice, f.source_port}, {bob, f.destination_port}, ip_protocol::tcp);
            push_tcp(b, f, words, flow.pseudo_header(32 + text), partial);
            const octets o = flat(b);
            EXPECT_EQ(o, flat(a)) << partial << text;
            EXPECT_EQ(b.offload.checksum, a.offload.checksum);
            EXPECT_EQ(b.offload.checksum_offset, a.offload.checksum_offset);
            if (!partial) {
                EXPECT_TRUE(is_right(b, ip_protocol::tcp)) << text;
            }
            const auto read = parse_tcp(o, o.size());
            ASSERT_TRUE(read);
            EXPECT_EQ(read->urgent, f.urgent);
            EXPECT_EQ(only_timestamps(const_bytes(o).subspan(20, 12)), read->options.timestamps);
        }
    }
}

TEST(tcp, only_timestamps_says_what_reading_all_options_says_or_nothing)
{
    tcp_option_words words;
    words.add(tcp_timestamps{1, 2});
    octets whole;
    for (const std::uint32_t w : words)
        for (int shift = 24; shift >= 0; shift -= 8) whole.push_back(static_cast<std::byte>(w >> shift));
    unsigned read = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (unsigned value = 0; value < 256; ++value) {
            octets o = whole;
            o[at] = std::byte(value);
            const auto t = only_timestamps(o);
            if (!t) continue;
            ++read;
            tcp_options_field all;
            ASSERT_TRUE(read_options(o, all));
            EXPECT_EQ(all.timestamps, t);
            EXPECT_FALSE(all.max_segment || all.window_scale || all.sack_permitted || all.fast_open || !all.sack.empty());
        }
    }
    EXPECT_EQ(read, 8U * 256 + 4) << "each timestamp value was read, and no other input";
    for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(only_timestamps(const_bytes(whole).first(n)));
}

TEST(tcp, cut_at_every_length)
{
    packet p;
    push_tcp(p, syn(), alice, bob);
    const octets o = flat(p);
    ASSERT_EQ(o.size(), 40U);
    for (std::size_t n = 0; n < 20; ++n) EXPECT_EQ(parse_tcp(const_bytes(o).first(n), n).error(), drop_reason::tcp_truncated);
    for (std::size_t n = 20; n < o.size(); ++n)
        EXPECT_EQ(parse_tcp(const_bytes(o).first(n), n).error(), drop_reason::tcp_bad_offset);
    EXPECT_TRUE(parse_tcp(o, o.size()));
}

struct tcp_broken : testing::TestWithParam<broken>
{
};

TEST_P(tcp_broken, is_dropped_for_its_reason)
{
    packet p;
    push_tcp(p, syn(), alice, bob);
    octets o = flat(p);
    GetParam().breaks(o);
    const auto f = parse_tcp(o, o.size());
    ASSERT_FALSE(f);
    EXPECT_EQ(f.error(), GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    rfc_9293, tcp_broken,
    testing::Values(
        broken{"offset 4", [](octets& p) { p[12] = std::byte{0x40}; }, drop_reason::tcp_bad_offset},
        broken{"offset beyond", [](octets& p) { p[12] = std::byte{0xc0}; }, drop_reason::tcp_bad_offset},
        broken{"port 0", [](octets& p) { p[0] = p[1] = std::byte{0}; }, drop_reason::tcp_zero_port},
        broken{"SYN and RST", [](octets& p) { p[13] = std::byte{6}; }, drop_reason::tcp_bad_flags},
        broken{"MSS of length 3", [](octets& p) { p[21] = std::byte{3}; }, drop_reason::tcp_bad_options},
        broken{"an option of length 0", [](octets& p) { p[21] = std::byte{0}; }, drop_reason::tcp_bad_options}, // RFC 9293 MUST-7
        broken{"an option of length 1", [](octets& p) { p[21] = std::byte{1}; }, drop_reason::tcp_bad_options},
        broken{"an option beyond the header", [](octets& p) { p[20] = std::byte{99}, p[21] = std::byte{25}; },
               drop_reason::tcp_bad_options},
        broken{"SACK of 3 octets", [](octets& p) { p[20] = std::byte{5}, p[21] = std::byte{5}; }, drop_reason::tcp_bad_options}));

TEST(icmpv4, round_trip_and_everything_that_may_be_wrong)
{
    packet p = with_payload(9);
    push_icmpv4(p, icmpv4_type::echo_request, 0, 0x0001'0002);
    ASSERT_TRUE(parse_icmpv4(p));
    EXPECT_EQ(parse_icmpv4(p)->rest, 0x0001'0002U);
    const octets good = flat(p);
    for (std::size_t n = 0; n < 8; ++n)
        EXPECT_EQ(parse_icmpv4(packet(slice::copy_of(const_bytes(good).first(n)))).error(), drop_reason::icmp_truncated);
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        octets o = good;
        o[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        EXPECT_EQ(parse_icmpv4(packet(slice::copy_of(o))).error(), drop_reason::icmp_bad_checksum) << bit;
    }
}

TEST(icmpv4, a_quote_must_hold_a_header_and_eight_octets)
{
    const octets quoted = ipv4_packet();
    for (std::size_t n = 0; n < 28; ++n) EXPECT_FALSE(parse_icmpv4_quote(const_bytes(quoted).first(n))) << n;
    ASSERT_TRUE(parse_icmpv4_quote(const_bytes(quoted).first(28)));
    EXPECT_EQ(parse_icmpv4_quote(quoted)->destination, bob);
}

TEST(checksum, the_example_of_rfc_1071)
{
    const std::array<std::uint8_t, 8> words{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(ones_sum(std::as_bytes(std::span(words))), 0xddf2);
}

TEST(checksum, pieces_of_odd_length_sum_as_the_whole)
{
    octets all(1001);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i * 7 + 1);
    const std::uint16_t whole = ones_sum(all);
    for (std::size_t cut = 0; cut <= all.size(); cut += 13) {
        checksum_accumulator sum;
        sum.add(const_bytes(all).first(cut));
        sum.add(const_bytes(all).subspan(cut));
        EXPECT_EQ(sum.folded(), whole) << cut;
    }
}

// The definition of RFC 1071 §1, taken literally.
std::uint16_t sum_by_the_book(const_bytes bytes)
{
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(sum);
}

TEST(checksum, is_that_of_the_book_for_every_length_and_place)
{
    octets all(70'000);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i % 3 == 0 ? 0xff : (i * 2'654'435'761U) >> 13);
    for (std::size_t size = 0; size < 1600; ++size)
        ASSERT_EQ(ones_sum(const_bytes(all).subspan(size % 67, size)), sum_by_the_book(const_bytes(all).subspan(size % 67, size)))
            << size;
    EXPECT_EQ(ones_sum(all), sum_by_the_book(all));
    const octets ones(65'536, std::byte{0xff}); // every addition carries
    EXPECT_EQ(ones_sum(ones), 0xffff);
}

TEST(checksum, copied_on_the_way_the_octets_are_the_same_and_so_is_the_sum)
{
    octets all(1600);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i * 11 + 3);
    for (std::size_t size = 0; size <= all.size(); ++size) {
        const auto from = const_bytes(all).last(size);
        octets into(size + 1, std::byte{0xee});
        EXPECT_EQ(ones_sum_copying(from, into.data()), ones_sum(from)) << size;
        EXPECT_TRUE(std::equal(from.begin(), from.end(), into.begin())) << size;
        EXPECT_EQ(into[size], std::byte{0xee}) << size;
    }
}

TEST(checksum, an_update_is_what_summing_anew_gives)
{
    octets p = ipv4_packet();
    const auto before = static_cast<std::uint16_t>((std::to_integer<unsigned>(p[10]) << 8) | std::to_integer<unsigned>(p[11]));
    p[8] = std::byte{63}; // as a router decrements the TTL
    resum(p, 20);
    const auto after = static_cast<std::uint16_t>((std::to_integer<unsigned>(p[10]) << 8) | std::to_integer<unsigned>(p[11]));
    EXPECT_EQ(updated_checksum(before, 0x4011, 0x3f11), after);
}

} // namespace
} // namespace tapio::core::wire
