// Reassembly: fragments that make a datagram, fragments that do not fit together, timeouts.
#include "reassembling.hpp"

#include <algorithm>
#include <vector>

namespace tapio::core::ip {
namespace {

INSTANTIATE_TEST_SUITE_P(families, reassembling, testing::Values(family::v4, family::v6),
                         [](const auto& p) { return p.param == family::v4 ? "v4" : "v6"; });

TEST_P(reassembling, fragments_complete_a_datagram_in_every_order)
{
    for (std::uint32_t n = 2; n <= 5; ++n) {
        std::vector<std::uint32_t> order(n);
        for (std::uint32_t i = 0; i < n; ++i) order[i] = i;
        const auto size = [n](std::uint32_t i) { return i + 1 == n ? 5U : 16U; };
        do {
            for (std::uint32_t i = 0; i < n; ++i) {
                const auto r = add(fragment(order[i] * 16, size(order[i]), order[i] + 1 < n));
                if (i + 1 == n)
                    expect_whole(r, 16 * (n - 1) + 5);
                else
                    EXPECT_FALSE(r.whole || r.dropped);
            }
            EXPECT_EQ(all.memory(), 0U);
        } while (std::next_permutation(order.begin(), order.end()));
    }
    EXPECT_EQ(counters.reasm_oks, 2U + 6 + 24 + 120);
    EXPECT_EQ(counters.reasm_reqds, 2U * 2 + 3 * 6 + 4 * 24 + 5 * 120);
    EXPECT_EQ(counters.reasm_fails, 0U);
    EXPECT_EQ(all.next_deadline(), never);
}

TEST_P(reassembling, packets_in_any_pieces_are_reassembled)
{
    for (const std::size_t piece : {1UL, 7UL, 20UL, 48UL, 50UL, 1000UL}) {
        for (const std::size_t link : {0UL, 14UL}) { // octets in front of the IP header
            reassembly::result r;
            for (const fragment_of& f : {fragment(0, 800), fragment(800, 333, false)}) {
                octets o = octets_of(f, payload(f.offset, f.size));
                o.insert(o.begin(), link, std::byte{0});
                packet p;
                for (std::size_t at = 0; at < o.size(); at += piece)
                    p.append(slice::copy_of(const_bytes(o).subspan(at, std::min(piece, o.size() - at))));
                rx_packet in(std::move(p), 3);
                in.network_at = static_cast<std::uint16_t>(link);
                parse_ip(in);
                r = add(std::move(in));
            }
            expect_whole(r, 1133);
            EXPECT_EQ(r.whole->network_at, 0);
        }
    }
}

TEST_P(reassembling, payload_is_shared_not_copied)
{
    fragment_of f = fragment(0, 1480);
    f.protocol = ip_protocol::udp;
    const octets o = octets_of(f, payload(0, 1480));
    block b(2048);
    std::copy(o.begin(), o.end(), b.data());
    add(received(packet(b.share(0, o.size()))));
    f.offset = 1480, f.size = 8, f.more = false;
    const auto r = add(f);
    expect_whole(r, 1488);
    bool shared = false;
    r.whole->contents.for_each_piece(
        [&](const_bytes p) { shared = shared || (p.data() > b.data() && p.data() < b.data() + 2048); });
    EXPECT_TRUE(shared);
}

TEST_P(reassembling, facts_that_ip_input_has_found_are_passed_on)
{
    rx_packet first = make({.family = GetParam(), .size = 8, .more = true, .interface = 9});
    first.from_us = true;
    first.hops = 3;
    add(std::move(first));
    rx_packet last = make({.family = GetParam(), .offset = 8, .size = 8, .interface = 9});
    last.link_group = last.to_group = true;
    const auto r = add(std::move(last));
    ASSERT_TRUE(r.whole);
    EXPECT_EQ(r.whole->interface, 9U);
    EXPECT_TRUE(r.whole->from_us && r.whole->link_group && r.whole->to_group);
    EXPECT_EQ(r.whole->hops, 3);
}

// -- what belongs together ------------------------------------------------------------------------------------------------

TEST_P(reassembling, datagrams_are_told_apart)
{
    const auto with = [&](auto change) {
        fragment_of f = fragment(8, 8, false);
        change(f);
        return f;
    };
    keep({fragment(0, 8)});
    keep({with([](auto& f) { f.id = 8; }), with([](auto& f) { f.host = 2; }), with([](auto& f) { f.interface = 2; })});
    const auto other = add(with([](auto& f) { f.protocol = static_cast<ip_protocol>(254); }));
    if (v6())
        expect_whole(other, 16); // RFC 8200 §4.5: the first fragment says what the protocol is
    else
        EXPECT_FALSE(other.whole || other.dropped); // RFC 791 §3.2
    EXPECT_EQ(all.size(), v6() ? 3U : 5U);
}

TEST(reassembly_v6, all_bits_of_the_identification_count)
{
    ip_counters counters;
    reassembly all({}, counters);
    rx_packet a = make({.family = family::v6, .size = 8, .more = true, .id = 0x1'0007});
    rx_packet b = make({.family = family::v6, .offset = 8, .size = 8, .id = 0x2'0007});
    all.add(a, {});
    EXPECT_FALSE(all.add(b, {}).whole);
}

// -- fragments that do not fit together -----------------------------------------------------------------------------------

TEST_P(reassembling, exact_duplicate_is_ignored)
{
    keep({fragment(0, 16), fragment(32, 5, false)});
    EXPECT_EQ(dropped(fragment(0, 16)), reason::ip_fragment_duplicate);
    EXPECT_EQ(dropped(fragment(32, 5, false)), reason::ip_fragment_duplicate);
    EXPECT_EQ(counters.reasm_fails, 0U);
    expect_whole(add(fragment(16, 16)), 37);
}

TEST_P(reassembling, overlap_discards_the_datagram)
{
    for (const auto& [offset, size] : {std::pair{0U, 24U}, {8U, 16U}, {8U, 8U}, {16U, 8U}, {16U, 16U}, {24U, 16U}, {0U, 48U}}) {
        keep({fragment(8, 24)});
        if (offset == 8 && size == 24) continue;
        EXPECT_EQ(dropped(fragment(offset, size)), reason::ip_fragment_overlap) << offset << ' ' << size;
        ASSERT_EQ(all.lost().size(), 1U);
        EXPECT_EQ(all.lost()[0].why, reason::ip_fragment_overlap);
        EXPECT_EQ(all.lost()[0].fragments, 1U);
        expect_discarded();
    }
    EXPECT_EQ(counters.reasm_fails, 7U);
}

// The second fragment lies within the first, and would end before it
TEST_P(reassembling, teardrop_discards_the_datagram)
{
    keep({fragment(0, 40)});
    EXPECT_EQ(dropped(fragment(24, 4, false)), reason::ip_fragment_overlap);
    expect_discarded();
}

TEST_P(reassembling, same_place_without_being_the_last_is_no_duplicate)
{
    keep({fragment(8, 8, false)});
    EXPECT_EQ(dropped(fragment(8, 8)), reason::ip_fragment_overlap);
    expect_discarded();
    now += v6() ? 60s : 30s;
    keep({fragment(24, 8)});
    EXPECT_EQ(dropped(fragment(24, 8, false)), reason::ip_fragment_overlap);
}

TEST_P(reassembling, second_last_fragment_with_another_end_discards_the_datagram)
{
    keep({fragment(16, 8, false)});
    EXPECT_EQ(dropped(fragment(24, 8, false)), reason::ip_fragment_overlap);
    expect_discarded();
    now += v6() ? 60s : 30s;
    keep({fragment(16, 8, false)});
    EXPECT_EQ(dropped(fragment(8, 8, false)), reason::ip_fragment_overlap);
}

TEST_P(reassembling, data_beyond_the_last_fragment_discards_the_datagram)
{
    keep({fragment(16, 8, false)});
    EXPECT_EQ(dropped(fragment(32, 8)), reason::ip_fragment_overlap);
    expect_discarded();
    now += v6() ? 60s : 30s;
    keep({fragment(32, 8)});
    EXPECT_EQ(dropped(fragment(16, 8, false)), reason::ip_fragment_overlap);
}

TEST_P(reassembling, fragment_without_payload_is_refused)
{
    EXPECT_EQ(dropped(fragment(8, 0)), reason::ip_bad_fragment);
    EXPECT_EQ(dropped(fragment(8, 0, false)), reason::ip_bad_fragment);
    EXPECT_EQ(all.size(), 0U);
    EXPECT_EQ(counters.reasm_fails, 2U);
}

TEST(reassembly_v4, fragment_of_odd_length_that_is_not_the_last_is_refused)
{
    ip_counters counters;
    reassembly all({}, counters);
    rx_packet p = make({.size = 12, .more = true});
    EXPECT_EQ(all.add(p, {}).dropped, reason::ip_bad_fragment);
    EXPECT_EQ(p.contents.size(), 32U) << "it is still there, for the trace";
}

TEST(reassembly_v6, fragment_of_odd_length_that_is_not_the_last_is_reported_by_the_parser)
{
    const rx_packet p = make({.family = family::v6, .size = 12, .more = true});
    EXPECT_EQ(p.flaw, reason::ip_bad_fragment);
    ASSERT_TRUE(p.problem);
    EXPECT_EQ(p.problem->code, wire::erroneous_field);
}

TEST_P(reassembling, too_many_fragments_discard_the_datagram)
{
    for (std::uint32_t i = 0; i < options.fragments; ++i) keep({fragment(i * 16, 8)});
    EXPECT_EQ(dropped(fragment(65'000, 8)), reason::ip_fragment_too_many);
    expect_discarded();
}

// -- size -----------------------------------------------------------------------------------------------------------------

// The ping of death: the last fragment ends beyond the largest packet
TEST_P(reassembling, fragment_that_ends_too_far_is_refused)
{
    const fragment_of f = fragment(65'528, v6() ? 7 : 8, false);
    if (v6()) {
        const rx_packet parsed = make({.family = family::v6, .offset = 65'528, .size = 8});
        EXPECT_EQ(parsed.flaw, reason::ip_bad_fragment) << "the parser has refused it already";
        keep({f}); // 65,535 octets are allowed
        return;
    }
    EXPECT_EQ(dropped(f), reason::ip_fragment_too_long);
    EXPECT_EQ(dropped(fragment(65'512, 4, false)), reason::ip_fragment_too_long) << "20 octets of header count";
    EXPECT_EQ(all.size(), 0U);
    keep({fragment(65'512, 3, false)});
}

TEST(reassembly_v6, extension_headers_count_and_the_sender_is_told)
{
    ip_counters counters;
    reassembly all({}, counters);
    fragment_of f{.family = family::v6, .offset = 65'520, .size = 8};
    f.extensions = octets(8); // destination options with padding
    f.extensions[0] = std::byte{44}, f.extensions[2] = std::byte{1}, f.extensions[3] = std::byte{4};
    f.first_extension = 60;
    rx_packet p = make(f);
    ASSERT_FALSE(p.flaw);
    const auto r = all.add(p, {});
    EXPECT_EQ(r.dropped, reason::ip_fragment_too_long);
    ASSERT_TRUE(r.problem); // RFC 8200 §4.5
    EXPECT_EQ(r.problem->code, wire::erroneous_field);
    EXPECT_EQ(r.problem->pointer, 40 + 8 + 2);
}

TEST(reassembly_v4, options_of_the_first_fragment_may_make_the_datagram_too_long)
{
    for (const bool options_first : {false, true}) {
        ip_counters counters;
        reassembly all({}, counters);
        fragment_of first{.size = 8, .more = true}, last{.offset = 65'512, .size = 1};
        first.ip_options = octets(4, std::byte{1});
        rx_packet a = make(options_first ? first : last), b = make(options_first ? last : first);
        EXPECT_FALSE(all.add(a, {}).dropped);
        EXPECT_EQ(all.add(b, {}).dropped, reason::ip_fragment_too_long);
    }
}

TEST_P(reassembling, largest_datagram_is_reassembled)
{
    const std::uint32_t largest = v6() ? 65'535 : 65'515;
    std::uint32_t at = 0;
    for (; at + 1'400 < largest; at += 1'400) keep({fragment(at, 1'400)});
    expect_whole(add(fragment(at, largest - at, false)), largest);
}

// -- time -----------------------------------------------------------------------------------------------------------------

TEST_P(reassembling, incomplete_datagram_expires_with_its_first_fragment)
{
    const duration timeout = v6() ? 60s : 30s; // RFC 8200 §4.5; as Linux
    const time_point began = now;
    keep({fragment(8, 8)});
    now += timeout / 2;
    keep({fragment(0, 8)});
    EXPECT_EQ(all.next_deadline(), began + timeout) << "later fragments do not prolong it";
    all.advance(began + timeout - 1ns, [](auto&&) { FAIL(); });
    unsigned expired = 0;
    all.advance(began + timeout, [&](reassembly::expired_datagram&& d) {
        ++expired;
        EXPECT_EQ(d.why, reason::ip_fragment_timeout);
        EXPECT_EQ(d.interface, 1U);
        EXPECT_EQ(d.fragments, 2U);
        ASSERT_TRUE(d.first);
        EXPECT_EQ(flat(d.first->contents), octets_of(fragment(0, 8), payload(0, 8))) << "as it was received";
        EXPECT_TRUE(d.first->fragment);
        EXPECT_EQ(d.first->flow, make(fragment(0, 8)).flow);
    });
    EXPECT_EQ(expired, 1U);
    EXPECT_EQ(counters.reasm_timeout, 1U);
    EXPECT_EQ(counters.reasm_fails, 1U);
    EXPECT_EQ(all.memory(), 0U);
    EXPECT_EQ(all.next_deadline(), never);
}

TEST_P(reassembling, expired_datagram_without_its_first_fragment_has_nothing_to_report)
{
    keep({fragment(8, 8), fragment(16, 8, false)});
    unsigned expired = 0;
    all.advance(now + 60s, [&](reassembly::expired_datagram&& d) {
        ++expired;
        EXPECT_FALSE(d.first);
        EXPECT_EQ(d.fragments, 2U);
    });
    EXPECT_EQ(expired, 1U);
}

TEST(reassembly_time, families_have_their_own_timeouts)
{
    ip_counters counters;
    reassembly all({}, counters);
    rx_packet six = make({.family = family::v6, .size = 8, .more = true}), four = make({.size = 8, .more = true});
    all.add(six, time_point(1s));
    all.add(four, time_point(2s));
    EXPECT_EQ(all.next_deadline(), time_point(32s));
    std::vector<bool> v4;
    const auto note = [&](reassembly::expired_datagram&& d) { v4.push_back(d.first->flow.is_v4()); };
    all.advance(time_point(32s), note);
    EXPECT_EQ(all.next_deadline(), time_point(61s));
    all.advance(time_point(61s), note);
    EXPECT_EQ(v4, (std::vector{true, false}));
}

} // namespace
} // namespace tapio::core::ip
