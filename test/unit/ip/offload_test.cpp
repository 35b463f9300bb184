// GRO and GSO in software: coalesced segments cut again are the original ones, and packets that must not be coalesced are
// unchanged.
#include "base/checksum.hpp"
#include "ip/gro.hpp"
#include "link/gso.hpp"
#include "support/flat.hpp"
#include "wire/ethernet.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <iterator>
#include <string>
#include <vector>

namespace tapio::core::ip::offload_test {
namespace {

using test::flat;
using test::octets;

const address_v4 here = boost::asio::ip::make_address_v4("192.0.2.1"), there = boost::asio::ip::make_address_v4("192.0.2.2");

/// A segment to build; the defaults are those of a bulk transfer.
struct segment
{
    std::uint32_t seq = 0xffff'ff00;
    std::string data = std::string(100, 'a');
    std::uint8_t flags = wire::tcp_ack;
    std::uint32_t ack = 7, timestamp = 11;
    std::uint16_t port = 5001, window = 1000, gso_size = 0;
    std::uint8_t tos = 0, ttl = 64;
    link_type link = link_type::ethernet;
    bool dont_fragment = true;
    std::uint16_t identification = 0;

    packet build() const
    {
        packet p;
        p.append(slice::copy_of(std::as_bytes(std::span(data))));
        wire::tcp_fields f;
        f.source_port = 999;
        f.destination_port = port;
        f.sequence = seq;
        f.acknowledgement = ack;
        f.flags = flags;
        f.window = window;
        f.options.timestamps = wire::tcp_timestamps{timestamp, 5};
        wire::push_tcp(p, f, there, here, gso_size != 0);
        wire::ipv4_fields ip;
        ip.source = there;
        ip.destination = here;
        ip.protocol = wire::ip_protocol::tcp;
        ip.tos = tos;
        ip.ttl = ttl;
        ip.dont_fragment = dont_fragment;
        ip.identification = identification;
        wire::push_ipv4(p, ip);
        p.offload.header_in_front(sizeof(wire::ipv4_header));
        if (link == link_type::ethernet) p.offload.header_in_front(sizeof(wire::ethernet_header));
        if (link == link_type::ethernet)
            wire::push_ethernet(p, mac_address{{2, 0, 0, 0, 0, 1}}, mac_address{{2, 0, 0, 0, 0, 2}}, wire::ether_type::ipv4);
        p.offload.header_length = static_cast<std::uint16_t>(p.size() - data.size());
        if (gso_size != 0) p.offload.gso = offload_info::gso_type::tcp_v4;
        p.offload.gso_size = gso_size;
        return p;
    }
    /// In one slice, as a device delivers it.
    packet received() const { return packet(slice::copy_of(flat(build()))); }
};

struct parsed
{
    std::uint32_t seq;
    std::uint8_t flags;
    std::string data;
    std::uint16_t identification;
};

/// Parses a packet and checks all checksums (not that of TCP if `offload` says it is verified or partial).
parsed read(packet p, link_type link = link_type::ethernet)
{
    if (link == link_type::ethernet) p.consume(sizeof(wire::ethernet_header));
    p.pull(40);
    const auto ip = wire::parse_ipv4(p.front(), p.size());
    EXPECT_TRUE(ip.has_value());
    EXPECT_EQ(ip->total_length, p.size());
    p.consume(ip->header_length);
    if (p.offload.checksum == offload_info::checksum_state::complete) {
        auto sum = pseudo_header(address(ip->source), address(ip->destination), 6, p.size());
        add(sum, p);
        EXPECT_EQ(sum.folded(), 0xffff);
    }
    p.pull(std::min<std::size_t>(60, p.size()));
    const auto tcp = wire::parse_tcp(p.front(), p.size());
    EXPECT_TRUE(tcp.has_value());
    p.consume(tcp->header_length);
    const octets rest = flat(p);
    return {tcp->sequence, tcp->flags, std::string(reinterpret_cast<const char*>(rest.data()), rest.size()), ip->identification};
}

/// A coalescer that knows `here` as an address of ours.
coalescer for_us(link_type link)
{
    coalescer c(link);
    c.note_ours(flow_key({there, 0}, {here, 0}, ip_protocol::tcp));
    return c;
}

std::vector<packet> coalesced(std::vector<packet> batch, link_type link = link_type::ethernet)
{
    coalescer all = for_us(link);
    for (packet& p : batch) all.add(std::move(p));
    std::vector<packet> out;
    for (const auto part : {all.openings(), all.finish()})
        for (rx_packet& a : part) out.push_back(std::move(a.contents));
    return out;
}

std::vector<parsed> joined(std::vector<packet> batch, link_type link = link_type::ethernet)
{
    std::vector<parsed> out;
    for (packet& p : coalesced(std::move(batch), link)) out.push_back(read(std::move(p), link));
    return out;
}

segment after(const segment& s, std::string data)
{
    segment next = s;
    next.seq += static_cast<std::uint32_t>(s.data.size());
    next.data = std::move(data);
    return next;
}

// -- joining ----------------------------------------------------------------------------------------------------------

TEST(gro, segments_that_follow_one_another_become_one_across_the_wrap)
{
    const segment a, b = after(a, std::string(100, 'b'));
    const segment c = after(b, std::string(100, 'c'));
    segment d = after(c, "end");
    d.flags |= wire::tcp_psh;
    std::vector<packet> batch = coalesced({a.received(), b.received(), c.received(), d.received()});
    ASSERT_EQ(batch.size(), 1U);
    EXPECT_EQ(batch[0].offload.gso_size, 100);
    EXPECT_EQ(batch[0].offload.gso, offload_info::gso_type::tcp_v4);
    EXPECT_EQ(batch[0].offload.checksum, offload_info::checksum_state::verified);
    const parsed got = read(std::move(batch[0]));
    EXPECT_EQ(got.seq, a.seq);
    EXPECT_EQ(got.flags, wire::tcp_ack | wire::tcp_psh);
    EXPECT_EQ(got.data, a.data + b.data + c.data + "end");
}

// Linux joins the first three. RFC 6864 §4.1 allows any value in atomic datagrams, and §4.3 requires no order of the others.
TEST(gro, identifications_do_not_matter)
{
    for (const bool atomic : {true, false})
        for (const auto& ids : {std::array{0, 0, 0}, {7, 8, 9}, {0xffff, 0, 1}, {9, 8, 4711}}) {
            segment s{.dont_fragment = atomic};
            std::vector<packet> batch;
            for (const int id : ids) {
                s.identification = static_cast<std::uint16_t>(id);
                batch.push_back(s.received());
                s = after(s, s.data);
            }
            EXPECT_EQ(joined(std::move(batch)).size(), 1U) << ids[0] << ' ' << ids[1] << ' ' << ids[2];
        }
}

TEST(gro, bare_ip_too)
{
    segment a;
    a.link = link_type::ip;
    const segment b = after(a, "b");
    EXPECT_EQ(joined({a.received(), b.received()}, link_type::ip).size(), 1U);
}

TEST(gro, a_short_segment_ends_it)
{
    const segment a, b = after(a, "short");
    const segment c = after(b, "short");
    const auto got = joined({a.received(), b.received(), c.received()});
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].data, a.data + "short");
    EXPECT_EQ(got[1].data, "short");
}

TEST(gro, streams_do_not_disturb_one_another)
{
    segment a, x;
    x.port = 5002;
    const segment b = after(a, std::string(100, 'b')), y = after(x, std::string(100, 'y'));
    const auto got = joined({a.received(), x.received(), b.received(), y.received()});
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].data, a.data + b.data);
    EXPECT_EQ(got[1].data, x.data + y.data);
}

TEST(gro, more_streams_at_a_time_than_it_looks_at_lose_nothing)
{
    constexpr std::size_t streams = 40;
    std::vector<packet> batch;
    for (const char* const data : {"first", "other"}) {
        for (std::size_t i = 0; i < streams; ++i) {
            segment s{.data = data};
            s.port = static_cast<std::uint16_t>(1000 + i);
            if (*data == 'o') s.seq += 5;
            batch.push_back(s.received());
        }
    }
    EXPECT_EQ(joined(std::move(batch)).size(), 2 * streams);
}

TEST(gro, nothing_is_joined_or_thinned_that_may_be_for_others)
{
    const segment a, b = after(a, std::string(100, 'b'));
    const segment ack{.data = ""}, later{.data = "", .ack = 8};
    coalescer all(link_type::ethernet);
    const auto left_of = [&all](std::initializer_list<segment> batch) {
        for (const segment& s : batch) all.add(s.received());
        const std::size_t n = all.openings().size() + all.finish().size();
        all.clear();
        return n;
    };
    EXPECT_EQ(left_of({a, b}), 2U);
    EXPECT_EQ(left_of({ack, later}), 2U);
    all.note_ours(flow_key({there, 1}, {here, 2}, ip_protocol::udp));
    EXPECT_EQ(left_of({a, b}), 1U);
    EXPECT_EQ(left_of({ack, later}), 1U);
    all.forget_ours(7);
    EXPECT_EQ(left_of({a, b}), 2U);
    all.note_ours(flow_key({there, 1}, {here, 2}, ip_protocol::udp));
    all.forget_ours(7);
    EXPECT_EQ(left_of({a, b}), 1U) << "same generation: the addresses have not changed";
    all.note_ours(flow_key({there, 1}, {there, 2}, ip_protocol::udp));
    EXPECT_EQ(left_of({a, b}), 1U) << "another destination does not displace the first";
}

TEST(gro, a_batch_can_be_followed_by_another)
{
    coalescer all = for_us(link_type::ethernet);
    const segment a, b = after(a, std::string(100, 'b'));
    all.add(a.received());
    EXPECT_EQ(all.finish().size(), 1U);
    EXPECT_EQ(all.packets(), 1U);
    EXPECT_EQ(all.octets(), a.received().size());
    all.clear();
    all.add(b.received());
    const auto left = all.finish();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(flat(left[0].contents), flat(b.build())) << "no state of the first batch is left";
}

TEST(gro, what_opens_a_connection_comes_first_unless_something_of_it_was_there_before)
{
    const segment data, reset{.data = "", .flags = wire::tcp_rst, .port = 2};
    const segment syn{.data = "", .flags = wire::tcp_syn, .port = 3}, second_life{.data = "", .flags = wire::tcp_syn, .port = 2};
    coalescer all = for_us(link_type::ethernet);
    for (int batch = 0; batch < 2; ++batch) {
        for (const segment& s : {data, reset, syn, second_life}) all.add(s.received());
        ASSERT_EQ(all.openings().size(), 1U);
        EXPECT_EQ(flat(all.openings()[0].contents), flat(syn.build()));
        const auto rest = all.finish();
        ASSERT_EQ(rest.size(), 3U);
        EXPECT_EQ(flat(rest[1].contents), flat(reset.build()));
        EXPECT_EQ(flat(rest[2].contents), flat(second_life.build())) << "after the RST that ends the first connection";
        all.clear();
    }
}

TEST(gro, ethernet_padding_is_no_data)
{
    const segment a{.data = "1"}, b = after(a, "2");
    octets padded = flat(a.build());
    padded.resize(80);
    const auto got = joined({packet(slice::copy_of(padded)), b.received()});
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].data, "12");
}

bool is_verified(packet p, link_type link = link_type::ethernet)
{
    coalescer all = for_us(link);
    all.add(packet(p));
    const auto left = all.openings().empty() ? all.finish() : all.openings();
    EXPECT_EQ(left.size(), 1U);
    rx_packet alone(std::move(p));
    parse(alone, link);
    EXPECT_EQ(left[0].verified, alone.verified) << "the same in a batch and alone";
    EXPECT_EQ(left[0].flow, alone.flow);
    return left[0].verified;
}

TEST(gro, a_segment_is_verified_whatever_its_flags)
{
    for (const unsigned flags : {0x02U, 0x10U, 0x04U, 0x11U}) { // SYN, ACK, RST, FIN with ACK
        for (const char* const data : {"", "1", "12"}) {
            for (const link_type link : {link_type::ethernet, link_type::ip}) {
                const segment s{.data = data, .flags = static_cast<std::uint8_t>(flags), .link = link};
                EXPECT_TRUE(is_verified(s.received(), link)) << flags << data;
                EXPECT_TRUE(is_verified(s.build(), link)) << "headers and payload in two slices";
            }
        }
    }
    octets padded = flat(segment{.data = "123"}.build());
    padded.resize(200);
    EXPECT_TRUE(is_verified(packet(slice::copy_of(padded))));
    EXPECT_TRUE(is_verified(segment{.data = std::string(300, 'x'), .gso_size = 100}.build())) << "a GSO segment from a device";
}

/// An octet whose change prevents the fast verification of a segment.
struct not_right : testing::TestWithParam<std::pair<std::size_t, unsigned>>
{
};

TEST_P(not_right, whether_the_ip_checksum_tells_or_not)
{
    constexpr std::size_t ip = sizeof(wire::ethernet_header);
    const auto [at, value] = GetParam();
    octets o = flat(segment{.data = "123"}.build());
    EXPECT_NE(o[at], std::byte(value)) << "the change must have an effect";
    o[at] = std::byte(value);
    EXPECT_FALSE(is_verified(packet(slice::copy_of(o))));
    if (at == ip + offsetof(wire::ipv4_header, checksum)) return;
    const auto header = const_bytes(o).subspan(ip, sizeof(wire::ipv4_header));
    o[ip + 10] = o[ip + 11] = std::byte(0);
    const auto sum = static_cast<std::uint16_t>(~ones_sum(header));
    o[ip + 10] = std::byte(sum >> 8);
    o[ip + 11] = std::byte(sum & 0xff);
    EXPECT_FALSE(is_verified(packet(slice::copy_of(o))));
}

INSTANTIATE_TEST_SUITE_P(octets, not_right,
                         testing::Values(std::pair{12UL, 0x86U},      // another EtherType than IPv4
                                         std::pair{14UL, 0x46U},      // IP options
                                         std::pair{14UL, 0x65U},      // IPv6
                                         std::pair{16UL, 0xffU},      // total length beyond the packet
                                         std::pair{17UL, 51U},        // total length too small for the headers
                                         std::pair{20UL, 0x20U},      // a fragment
                                         std::pair{21UL, 1U},         // a later fragment
                                         std::pair{23UL, 17U},        // UDP
                                         std::pair{24UL, 0x12U},      // IP checksum wrong
                                         std::pair{46UL, 0x40U},      // a TCP header that is too short
                                         std::pair{46UL, 0xf0U},      // a TCP header that is too long
                                         std::pair{50UL, 0x12U},      // TCP checksum wrong
                                         std::pair{14UL + 52, 0x00U}) // data changed
);

/// Segments that must not be coalesced, and are delivered unchanged.
struct not_joined : testing::TestWithParam<std::pair<const char*, void (*)(segment&)>>
{
};

TEST_P(not_joined, stays_apart)
{
    const segment a;
    segment b = after(a, std::string(100, 'b'));
    GetParam().second(b);
    const std::vector<packet> batch = coalesced({a.received(), b.received()});
    ASSERT_EQ(batch.size(), 2U);
    EXPECT_EQ(flat(batch[0]), flat(a.build()));
    EXPECT_EQ(flat(batch[1]), flat(b.build()));
}

INSTANTIATE_TEST_SUITE_P(gro, not_joined,
                         testing::Values(std::pair(
                                             "hole", +[](segment& s) { ++s.seq; }),
                                         std::pair(
                                             "repetition", +[](segment& s) { s.seq -= 100; }),
                                         std::pair(
                                             "fin", +[](segment& s) { s.flags |= wire::tcp_fin; }),
                                         std::pair(
                                             "rst", +[](segment& s) { s.flags |= wire::tcp_rst; }),
                                         std::pair(
                                             "urgent", +[](segment& s) { s.flags |= wire::tcp_urg; }),
                                         std::pair(
                                             "ece", +[](segment& s) { s.flags |= wire::tcp_ece; }),
                                         std::pair(
                                             "cwr", +[](segment& s) { s.flags |= wire::tcp_cwr; }),
                                         std::pair(
                                             "acknowledgement", +[](segment& s) { ++s.ack; }),
                                         std::pair(
                                             "window", +[](segment& s) { ++s.window; }),
                                         std::pair(
                                             "timestamp", +[](segment& s) { ++s.timestamp; }),
                                         std::pair(
                                             "congestion", +[](segment& s) { s.tos = 3; }),
                                         std::pair(
                                             "ttl", +[](segment& s) { s.ttl = 63; }),
                                         std::pair(
                                             "longer", +[](segment& s) { s.data += "!"; }),
                                         std::pair(
                                             "empty", +[](segment& s) { s.data = ""; })),
                         [](const auto& i) { return std::string(i.param.first); });

TEST(gro, what_is_not_joined_ends_the_stream_before_it)
{
    const segment a;
    segment pure = after(a, "");
    const segment b = after(a, std::string(100, 'b'));
    const auto got = joined({a.received(), pure.received(), b.received()});
    ASSERT_EQ(got.size(), 3U); // otherwise the ACK would be delivered after data sent later
    EXPECT_EQ(got[1].data, "");
}

segment bare(std::uint32_t ack)
{
    segment s{.data = ""};
    s.ack = ack;
    return s;
}

std::vector<std::uint32_t> acknowledged(const std::vector<segment>& in, link_type link = link_type::ethernet)
{
    std::vector<packet> batch;
    for (segment s : in) {
        s.link = link;
        batch.push_back(s.received());
    }
    std::vector<std::uint32_t> out;
    for (const packet& p : coalesced(std::move(batch), link)) {
        const std::size_t at = (link == link_type::ethernet ? sizeof(wire::ethernet_header) : 0) + sizeof(wire::ipv4_header);
        out.push_back(wire::read<wire::tcp_header>(p.front().subspan(at)).acknowledgement.value());
    }
    return out;
}

TEST(gro, of_bare_acknowledgements_the_last_is_left)
{
    using numbers = std::vector<std::uint32_t>;
    EXPECT_EQ(acknowledged({bare(0xffff'fff0), bare(0xffff'ffff), bare(5)}), numbers{5});
    EXPECT_EQ(acknowledged({bare(7), bare(8)}, link_type::ip), numbers{8});
    EXPECT_EQ(acknowledged({bare(7), bare(7), bare(7)}), (numbers{7, 7, 7})) << "duplicate ACKs are counted by the sender";
    EXPECT_EQ(acknowledged({bare(7), bare(8), bare(8), bare(9), bare(10)}), (numbers{8, 8, 10}));
    EXPECT_EQ(acknowledged({bare(7), bare(8), bare(8), bare(8), bare(8), bare(9)}), (numbers{8, 8, 8, 8, 9}))
        << "all three duplicates are kept";
    EXPECT_EQ(acknowledged({bare(8), bare(7)}), (numbers{8, 7})) << "an old ACK is kept";
}

TEST(gro, an_acknowledgement_that_says_more_than_the_next_is_left)
{
    const segment a = bare(7);
    for (const auto& [why, change] :
         std::initializer_list<std::pair<const char*, void (*)(segment&)>>{{"sequence", [](segment& s) { ++s.seq; }},
                                                                           {"timestamp", [](segment& s) { ++s.timestamp; }},
                                                                           {"ece", [](segment& s) { s.flags |= wire::tcp_ece; }},
                                                                           {"fin", [](segment& s) { s.flags |= wire::tcp_fin; }},
                                                                           {"push", [](segment& s) { s.flags |= wire::tcp_psh; }},
                                                                           {"congestion", [](segment& s) { s.tos = 3; }},
                                                                           {"ttl", [](segment& s) { s.ttl = 63; }},
                                                                           {"data", [](segment& s) { s.data = "x"; }},
                                                                           {"port", [](segment& s) { ++s.port; }}}) {
        segment b = bare(8);
        change(b);
        EXPECT_EQ(acknowledged({a, b}).size(), 2U) << why;
        EXPECT_EQ(acknowledged({b, a, bare(9)}), (std::vector<std::uint32_t>{8, 9})) << why;
    }
    segment wider = bare(8);
    wider.window = 2000; // the newer window is kept
    EXPECT_EQ(acknowledged({a, wider}).size(), 1U);
    segment other = a; // an ACK of another connection in between
    ++other.port;
    EXPECT_EQ(acknowledged({a, other, bare(9)}), (std::vector<std::uint32_t>{9, 7}));
}

TEST(gro, an_acknowledgement_with_a_wrong_checksum_supersedes_nothing)
{
    octets broken = flat(bare(8).build());
    broken.back() ^= std::byte{1};
    EXPECT_EQ(coalesced({bare(7).received(), packet(slice::copy_of(broken)), bare(9).received()}).size(), 3U);
}

TEST(gro, a_wrong_checksum_is_left_for_others_to_find)
{
    const segment a, b = after(a, std::string(100, 'b'));
    for (const std::size_t wrong :
         {std::size_t{24}, std::size_t{54}, std::size_t{120}}) { // in the IP header, the TCP header, the data
        octets bad = flat(b.build());
        bad[wrong] ^= std::byte{1};
        const std::vector<packet> batch = coalesced({a.received(), packet(slice::copy_of(bad))});
        ASSERT_EQ(batch.size(), 2U);
        EXPECT_EQ(flat(batch[1]), bad);
        EXPECT_EQ(batch[1].offload.checksum, offload_info::checksum_state::complete);
    }
}

TEST(gro, no_more_than_an_ip_packet_holds)
{
    std::vector<packet> batch;
    std::string all;
    for (segment s{.data = std::string(1448, 'x')}; batch.size() < 64; s = after(s, s.data)) {
        batch.push_back(s.received());
        all += s.data;
    }
    std::string got;
    const auto pieces = joined(std::move(batch));
    for (const parsed& p : pieces) got += p.data;
    EXPECT_EQ(pieces.size(), 2U);
    EXPECT_EQ(got, all);
}

TEST(gro, anything_may_come)
{
    std::vector<packet> batch;
    const octets whole = flat(segment().build());
    for (std::size_t size = 0; size <= whole.size(); ++size) // truncated at every length
        batch.push_back(packet(slice::copy_of(const_bytes(whole).first(size))));
    std::vector<octets> before;
    for (const packet& p : batch) before.push_back(flat(p));
    batch = coalesced(std::move(batch));
    ASSERT_EQ(batch.size(), before.size());
    for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(flat(batch[i]), before[i]);
}

// -- cutting ----------------------------------------------------------------------------------------------------------

std::vector<packet> cut(packet large, link_type link = link_type::ethernet)
{
    link::segmenter s;
    s.start(std::move(large), link == link_type::ethernet ? sizeof(wire::ethernet_header) : 0);
    std::vector<packet> out;
    for (packet p; s.next(p);) out.push_back(p);
    EXPECT_EQ(out.back().offload.gso, offload_info::gso_type::none);
    return out;
}

std::string counted(std::size_t size)
{
    std::string out(size, ' ');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7 + i / 251);
    return out;
}

TEST(gso, pieces_carry_the_whole)
{
    for (const std::size_t size : {101U, 200U, 250U, 1448U, 9'999U, 65'000U}) { // with and without a remainder
        const segment s{
            .data = counted(size), .flags = wire::tcp_ack | wire::tcp_psh | wire::tcp_fin | wire::tcp_cwr, .gso_size = 100};
        const auto pieces = cut(s.build());
        EXPECT_EQ(pieces.size(), (size + 99) / 100);
        std::string all;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const parsed p = read(pieces[i]);
            EXPECT_EQ(p.seq, s.seq + static_cast<std::uint32_t>(all.size()));
            const bool last = i + 1 == pieces.size();
            EXPECT_EQ(p.flags, wire::tcp_ack | (last ? wire::tcp_psh | wire::tcp_fin : 0) | (i == 0 ? wire::tcp_cwr : 0));
            all += p.data;
        }
        EXPECT_EQ(all, s.data);
    }
}

TEST(gso, pieces_that_may_be_fragmented_are_numbered)
{
    segment s{.data = counted(450), .gso_size = 100, .dont_fragment = false, .identification = 0xfffe};
    std::vector<std::uint16_t> numbers;
    for (const packet& p : cut(s.build())) numbers.push_back(read(p).identification);
    EXPECT_EQ(numbers, (std::vector<std::uint16_t>{0xfffe, 0xffff, 0, 1, 2}));
    s.dont_fragment = true;
    s.identification = 0;
    for (const packet& p : cut(s.build())) EXPECT_EQ(read(p).identification, 0) << "atomic datagrams (RFC 6864 §4.1)";
}

TEST(gso, payload_in_many_slices)
{
    segment s{.data = "", .gso_size = 10};
    packet large = segment{.data = counted(3), .gso_size = 10}.build();
    for (int i = 0; i < 20; ++i) large.append(slice::copy_of(std::as_bytes(std::span("abcdefg", 7))));
    std::string all;
    for (const packet& piece : cut(std::move(large))) { // the header was built for three octets, so only the payload is compared
        packet p = piece;
        p.consume(p.offload.header_length != 0 ? p.offload.header_length : 14 + 20 + 32);
        const octets data = flat(p);
        all.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
    std::string wanted = counted(3);
    for (int i = 0; i < 20; ++i) wanted += "abcdefg";
    EXPECT_EQ(all, wanted);
}

TEST(gso, joined_again_it_is_the_same)
{
    const segment s{.data = counted(60'000), .gso_size = 1448};
    std::vector<packet> received;
    for (const packet& p : cut(s.build())) received.push_back(packet(slice::copy_of(flat(p))));
    const auto got = joined(std::move(received));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].data, s.data);
    EXPECT_EQ(got[0].seq, s.seq);
}

} // namespace
} // namespace tapio::core::ip::offload_test
