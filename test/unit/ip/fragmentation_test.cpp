// Fragmentation: the headers of fragments, what is refused, and round trips through reassembly.
#include "fragments.hpp"
#include "ip/fragmentation.hpp"
#include "ip/reassembly.hpp"
#include "wire/udp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace tapio::core::ip::fragmentation_test {
namespace {

using reason = drop_reason;

constexpr std::uint32_t id = 0x1234'5678;

octets whole(family f, std::uint32_t size) { return octets_of({.family = f, .size = size}, payload(0, size)); }
packet packet_of(const octets& o) { return packet(slice::copy_of(o)); }

/// All fragments, each parsed.
std::vector<rx_packet> split(packet p, std::size_t mtu)
{
    fragmenter f;
    EXPECT_FALSE(f.start(p, mtu, id));
    std::vector<rx_packet> out;
    std::size_t left = f.count();
    for (packet fragment; f.next(fragment);) {
        EXPECT_LE(fragment.size(), mtu);
        out.push_back(received(std::move(fragment)));
        EXPECT_FALSE(out.back().flaw);
        EXPECT_EQ(f.count(), --left);
    }
    EXPECT_EQ(left, 0U);
    return out;
}

std::optional<reason> refused(const octets& o, std::size_t mtu)
{
    packet p = packet_of(o);
    fragmenter f;
    const auto why = f.start(p, mtu, id);
    packet none;
    if (why) {
        EXPECT_EQ(flat(p), o) << "the packet is still there";
        EXPECT_FALSE(f.next(none));
        EXPECT_EQ(f.count(), 0U);
    }
    return why;
}

class fragmenting : public testing::TestWithParam<family>
{
protected:
    bool v6() const { return GetParam() == family::v6; }
    std::size_t header() const { return v6() ? 48 : 20; } // of a fragment
};

INSTANTIATE_TEST_SUITE_P(families, fragmenting, testing::Values(family::v4, family::v6),
                         [](const auto& p) { return p.param == family::v4 ? "v4" : "v6"; });

TEST_P(fragmenting, packet_that_fits_stays_as_it_is)
{
    const octets o = whole(GetParam(), 1'300);
    packet p = packet_of(o);
    p.offload.checksum = offload_info::checksum_state::partial;
    fragmenter f;
    EXPECT_FALSE(f.start(p, o.size()));
    EXPECT_EQ(f.count(), 1U);
    packet out;
    EXPECT_TRUE(f.next(out));
    EXPECT_EQ(flat(out), o);
    EXPECT_EQ(out.offload.checksum, offload_info::checksum_state::partial);
    EXPECT_FALSE(f.next(out));
}

TEST_P(fragmenting, fragments_are_as_long_as_the_mtu_allows)
{
    for (const std::size_t mtu : {1'280UL, 1'283UL, 1'284UL, 1'492UL, 1'500UL}) {
        const auto all = split(packet_of(whole(GetParam(), 4'000)), mtu);
        const std::size_t room = (mtu - header()) / 8 * 8;
        std::size_t at = 0;
        for (const rx_packet& p : all) {
            const bool last = &p == &all.back();
            EXPECT_TRUE(p.fragment);
            EXPECT_EQ(p.place.identification, v6() ? id : 7);
            EXPECT_EQ(p.place.offset, at);
            EXPECT_EQ(p.place.more, !last);
            EXPECT_EQ(p.flow, all[0].flow);
            EXPECT_EQ(flat(p.transport_part()), payload(at, p.transport_size()));
            EXPECT_TRUE(last || p.transport_size() == room);
            at += p.transport_size();
        }
        EXPECT_EQ(at, 4'000U);
        EXPECT_EQ(all.size(), (4'000 + room - 1) / room);
    }
}

// The last fragment may use what is lost to the others by rounding
TEST_P(fragmenting, last_fragment_need_not_be_a_multiple_of_8)
{
    const std::size_t mtu = 1'400 + header() + 5;
    const auto all = split(packet_of(whole(GetParam(), 1'400 + 1'405)), mtu);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[1].transport_size(), 1'405U);
    EXPECT_EQ(all[1].contents.size(), mtu);
}

TEST_P(fragmenting, payload_is_shared)
{
    const slice text = slice::copy_of(payload(0, 5'000));
    packet p(text);
    octets headers = whole(GetParam(), 5'000);
    headers.resize(headers.size() - 5'000);
    std::copy(headers.begin(), headers.end(), p.push_front(headers.size()));
    fragmenter f;
    EXPECT_FALSE(f.start(p, 1'500));
    std::size_t at = 0;
    for (packet fragment; f.next(fragment); at += fragment.size() - header()) {
        bool shared = false;
        fragment.for_each_piece([&](const_bytes o) { shared = shared || o.data() == text.data() + at; });
        EXPECT_TRUE(shared) << at;
    }
    EXPECT_EQ(at, 5'000U);
}

TEST_P(fragmenting, partial_checksum_is_completed)
{
    const rx_packet sample = make({.family = GetParam(), .size = 8});
    const auto from = sample.flow.source_address(), to = sample.flow.destination_address();
    const auto push_ip = [&](packet& p) {
        const octets o = octets_of({.family = GetParam(), .protocol = ip_protocol::udp}, flat(p));
        const std::size_t size = o.size() - p.size();
        p.offload.header_in_front(size);
        std::copy_n(o.begin(), size, p.push_front(size));
    };
    packet complete(slice::copy_of(payload(0, 3'001))), partial = complete;
    wire::push_udp(complete, 1, 2, from, to);
    wire::push_udp(partial, 1, 2, from, to, true);
    push_ip(complete);
    push_ip(partial);
    ASSERT_EQ(partial.offload.checksum, offload_info::checksum_state::partial);
    const auto expected = split(std::move(complete), 1'280), all = split(std::move(partial), 1'280);
    ASSERT_EQ(all.size(), 3U);
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(flat(all[i].contents), flat(expected[i].contents));
        EXPECT_EQ(all[i].contents.offload.checksum, offload_info::checksum_state::complete);
    }
}

TEST_P(fragmenting, mtu_below_the_minimum_is_refused)
{
    const std::size_t least = v6() ? 1'280 : 68; // RFC 8200 §5, RFC 791 §3.2
    EXPECT_EQ(refused(whole(GetParam(), 3'000), least - 1), reason::too_big);
    EXPECT_EQ(refused(whole(GetParam(), 3'000), least), std::nullopt);
}

TEST_P(fragmenting, invalid_header_is_refused)
{
    octets o = whole(GetParam(), 3'000);
    EXPECT_EQ(refused(octets(o.begin(), o.end() - 1), 1'280), v6() ? reason::ipv6_truncated : reason::ipv4_truncated);
    o.push_back({});
    EXPECT_EQ(refused(o, 1'280), v6() ? reason::ipv6_truncated : reason::ipv4_bad_total_length);
    EXPECT_EQ(refused(octets(3'000), 1'280), reason::ipv4_bad_version);
}

// -- IPv4 -----------------------------------------------------------------------------------------------------------------

TEST(fragmenting_v4, dont_fragment_is_obeyed)
{
    octets o = whole(family::v4, 3'000);
    o[6] |= std::byte{0x40};
    octets header(o.begin(), o.begin() + 20);
    write_checksum(header);
    std::copy(header.begin(), header.end(), o.begin());
    EXPECT_EQ(refused(o, 1'500), reason::ipv4_too_big);
    EXPECT_EQ(refused(o, o.size()), std::nullopt);
}

// RFC 791 §3.1: record route (7) is in the first fragment only, router alert (148) and security (130) in all
TEST(fragmenting_v4, options_are_copied_if_they_have_the_copied_flag)
{
    fragment_of f{.size = 200};
    const auto octet = [](int n) { return static_cast<std::byte>(n); };
    for (const int n : {7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 1, 130, 3, 9, 0}) f.ip_options.push_back(octet(n));
    const auto all = split(packet_of(octets_of(f, payload(0, 200))), 100);
    ASSERT_EQ(all.size(), 3U);
    const octets first = flat(all[0].contents);
    EXPECT_EQ(octets(first.begin() + 20, first.begin() + 36), f.ip_options);
    EXPECT_EQ(all[0].transport_size(), 64U);
    octets copied;
    for (const int n : {148, 4, 0, 0, 130, 3, 9, 0}) copied.push_back(octet(n));
    for (std::size_t i = 1; i < all.size(); ++i) {
        const octets later = flat(all[i].contents);
        EXPECT_EQ(all[i].transport_at, 28);
        EXPECT_EQ(octets(later.begin() + 20, later.begin() + 28), copied);
    }
}

TEST(fragmenting_v4, fragment_of_a_fragment_keeps_its_place)
{
    for (const bool more : {false, true}) {
        const fragment_of f{.offset = 4'000, .size = 1'000, .more = more};
        const auto all = split(packet_of(octets_of(f, payload(f.offset, f.size))), 576);
        ASSERT_EQ(all.size(), 2U);
        EXPECT_EQ(all[0].place.offset, 4'000);
        EXPECT_EQ(all[0].transport_size(), 552U);
        EXPECT_TRUE(all[0].place.more);
        EXPECT_EQ(all[1].place.offset, 4'552);
        EXPECT_EQ(all[1].place.more, more);
    }
    const fragment_of odd{.offset = 8, .size = 1'001, .more = true};
    EXPECT_EQ(refused(octets_of(odd, payload(8, 1'001)), 576), reason::ip_bad_fragment);
}

// -- IPv6 -----------------------------------------------------------------------------------------------------------------

constexpr int hop_by_hop = 0, routing = 43, destination = 60, last_header = 253;

/// Extension headers of 8 octets each.
octets chain(const std::vector<int>& types)
{
    octets out;
    for (std::size_t i = 0; i < types.size(); ++i) {
        const auto next = static_cast<std::byte>(i + 1 < types.size() ? types[i + 1] : last_header);
        const octets options{next, {}, std::byte{1}, std::byte{4}, {}, {}, {}, {}}; // PadN
        const octets route{next, {}, std::byte{4}, {}, {}, {}, {}, {}};             // Segments Left 0
        const octets& header = types[i] == routing ? route : options;
        out.insert(out.end(), header.begin(), header.end());
    }
    return out;
}

// RFC 8200 §4.5
TEST(fragmenting_v6, headers_up_to_routing_or_hop_by_hop_are_in_every_fragment)
{
    const std::vector<std::pair<std::vector<int>, std::size_t>> cases{
        {{hop_by_hop}, 8},
        {{routing}, 8},
        {{destination}, 0},
        {{hop_by_hop, routing}, 16},
        {{destination, routing}, 16},
        {{hop_by_hop, destination}, 8},
        {{hop_by_hop, destination, routing, destination}, 24},
    };
    for (const auto& [types, kept] : cases) {
        fragment_of f{.family = family::v6, .size = 3'000};
        f.extensions = chain(types);
        f.first_extension = static_cast<std::uint8_t>(types[0]);
        const octets o = octets_of(f, payload(0, f.size));
        auto fragments = split(packet_of(o), 1'280);
        ASSERT_EQ(fragments.size(), 3U);
        ip_counters counters;
        reassembly all({}, counters);
        reassembly::result r;
        for (rx_packet& p : fragments) {
            EXPECT_EQ(p.transport_at, 40 + kept + 8) << testing::PrintToString(types);
            EXPECT_EQ(p.place.identification, id);
            r = all.add(p, {});
        }
        ASSERT_TRUE(r.whole);
        EXPECT_EQ(flat(r.whole->contents), o);
    }
}

TEST(fragmenting_v6, fragment_is_not_fragmented)
{
    const fragment_of f{.family = family::v6, .offset = 8, .size = 2'000, .more = true};
    EXPECT_EQ(refused(octets_of(f, payload(8, 2'000)), 1'280), reason::ip_bad_fragment);
}

// RFC 7112 §5
TEST(fragmenting_v6, headers_that_exceed_the_first_fragment_are_refused)
{
    fragment_of f{.family = family::v6};
    f.protocol = static_cast<ip_protocol>(destination);
    for (const std::size_t chain : {1'216U, 1'224U, 1'232U}) {
        octets content = payload(0, 3'000);
        content[0] = static_cast<std::byte>(ip_protocol::udp);
        content[1] = static_cast<std::byte>(chain / 8 - 1);
        EXPECT_EQ(refused(octets_of(f, content), 1'280), chain < 1'232 ? std::nullopt : std::optional(reason::ip_fragment_tiny));
    }
    octets content(3'000);
    content[0] = static_cast<std::byte>(hop_by_hop);
    content[1] = std::byte{255};
    f.protocol = static_cast<ip_protocol>(hop_by_hop);
    EXPECT_EQ(refused(octets_of(f, content), 1'280), reason::ipv6_bad_extension);
}

// -- round trips ----------------------------------------------------------------------------------------------------------

TEST_P(fragmenting, fragments_are_reassembled_to_the_same_packet)
{
    std::mt19937 random(791); // NOLINT: the same packets each time
    ip_counters counters;
    reassembly all({}, counters);
    const rx_packet sample = make({.family = GetParam(), .size = 8});
    const auto from = sample.flow.source_address(), to = sample.flow.destination_address();
    const std::uint32_t most = (v6() ? 65'535 : 65'515) - 8;
    for (unsigned i = 0; i < 400; ++i) {
        const std::size_t least = v6() ? 1'280 : 68;
        const std::size_t mtu = i == 0 ? least : least + random() % (i % 2 == 0 ? 100 : 9'000);
        packet udp(slice::copy_of(payload(i, i < 3 ? most : 1'300 + random() % (most - 1'300))));
        wire::push_udp(udp, 1, 2, from, to);
        fragment_of f{.family = GetParam(), .id = i, .protocol = ip_protocol::udp, .tos = static_cast<std::uint8_t>(random())};
        if (!v6() && i % 3 == 0 && udp.size() < 65'475) f.ip_options = octets(4 * (random() % 11), std::byte{1});
        const octets o = octets_of(f, flat(udp));
        auto fragments = split(packet_of(o), std::max(mtu, 68UL));
        std::shuffle(fragments.begin(), fragments.end(), random);
        reassembly::result r;
        for (rx_packet& p : fragments) {
            ASSERT_FALSE(r.whole);
            if (fragments.size() > 1) r = all.add(p, {});
            ASSERT_FALSE(r.dropped) << describe(*r.dropped);
        }
        if (fragments.size() == 1) continue;
        ASSERT_TRUE(r.whole);
        EXPECT_TRUE(r.whole->verified);
        ASSERT_EQ(flat(r.whole->contents), o) << i;
    }
    EXPECT_EQ(all.memory(), 0U);
    EXPECT_GE(counters.reasm_oks, 380U);
}

TEST(fragmenting_v4, fragments_that_routers_split_again_are_reassembled)
{
    ip_counters counters;
    reassembly all({}, counters);
    const octets o = whole(family::v4, 20'000);
    reassembly::result r;
    for (rx_packet& large : split(packet_of(o), 4'352))
        for (rx_packet& middle : split(std::move(large.contents), 1'500))
            for (rx_packet& small : split(std::move(middle.contents), 576)) r = all.add(small, {});
    ASSERT_TRUE(r.whole);
    EXPECT_EQ(flat(r.whole->contents), o);
}

} // namespace
} // namespace tapio::core::ip::fragmentation_test
