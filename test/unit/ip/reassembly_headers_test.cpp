// Reassembly: the headers that a first fragment must have, and the headers of the result.
#include "reassembling.hpp"
#include "wire/tcp.hpp"
#include "wire/udp.hpp"

#include <algorithm>
#include <vector>

namespace tapio::core::ip {
namespace {

// -- transport headers ----------------------------------------------------------------------------------------------------

TEST(reassembly_v4, tiny_first_fragment_is_refused)
{
    ip_counters counters;
    reassembly all({}, counters);
    const auto dropped = [&](ip_protocol protocol, std::uint32_t offset, std::uint32_t size, bool more = true) {
        rx_packet p = make({.offset = offset, .size = size, .more = more, .protocol = protocol});
        return all.add(p, {}).dropped;
    };
    EXPECT_EQ(dropped(ip_protocol::tcp, 0, 8), reason::ip_fragment_tiny);
    EXPECT_EQ(dropped(ip_protocol::tcp, 8, 1000), reason::ip_fragment_tiny) << "RFC 3128: it would replace the flags";
    EXPECT_EQ(dropped(ip_protocol::tcp, 0, 16), std::nullopt);
    EXPECT_EQ(dropped(ip_protocol::tcp, 16, 8), std::nullopt);
    EXPECT_EQ(dropped(ip_protocol::udp, 0, 8), std::nullopt);
    EXPECT_EQ(dropped(ip_protocol::udp, 8, 8), std::nullopt);
    EXPECT_EQ(dropped(ip_protocol::icmp, 0, 8), std::nullopt);
}

struct chain_case
{
    octets start;       ///< of the first fragment's payload
    std::uint8_t first; ///< number of the header at its start
    std::size_t size;   ///< octets of the fragment's payload
    bool accepted;
};

TEST(reassembly_v6, first_fragment_must_have_all_headers)
{
    constexpr std::uint8_t tcp = 6, udp = 17, icmpv6 = 58, none = 59, options = 60, fragment = 44;
    const auto extension = [](std::uint8_t next, std::size_t size) {
        octets o(size);
        o[0] = std::byte{next};
        o[1] = static_cast<std::byte>(size / 8 - 1);
        for (std::size_t at = 2; at < size; at += 2 + std::to_integer<std::size_t>(o[at + 1])) {
            o[at] = std::byte{0x1e}; // an unknown option to be skipped
            o[at + 1] = static_cast<std::byte>(std::min<std::size_t>(size - at - 2, 255));
        }
        return o;
    };
    const octets nested{std::byte{udp}, {}, {}, std::byte{8}, {}, {}, {}, {}}; // fragment header, offset 8
    const std::vector<chain_case> cases{
        {{}, tcp, 24, true},
        {{}, tcp, 16, false},
        {{}, udp, 8, true},
        {{}, icmpv6, 8, true},
        {{}, none, 8, true},
        {{}, 253, 8, true},
        {extension(udp, 8), options, 16, true},
        {extension(udp, 8), options, 8, false},
        {extension(tcp, 16), options, 32, false},
        {extension(tcp, 16), options, 40, true},
        {extension(udp, 24), options, 16, false},
        {extension(none, 16), options, 16, true},
        {nested, fragment, 16, false},
    };
    for (const chain_case& c : cases) {
        ip_counters counters;
        reassembly all({}, counters);
        octets content(c.size);
        std::copy_n(c.start.begin(), std::min(c.start.size(), c.size), content.begin());
        fragment_of f{.family = family::v6, .more = true};
        f.protocol = static_cast<ip_protocol>(c.first);
        rx_packet p = make(f, content);
        ASSERT_FALSE(p.flaw);
        const auto r = all.add(p, {});
        if (c.accepted) {
            EXPECT_FALSE(r.dropped) << &c - cases.data();
            continue;
        }
        EXPECT_EQ(r.dropped, reason::ip_fragment_tiny) << &c - cases.data();
        ASSERT_TRUE(r.problem); // RFC 7112 §5
        EXPECT_EQ(r.problem->code, wire::incomplete_header_chain);
        EXPECT_EQ(r.problem->pointer, 0);
    }
}

TEST(reassembly_v6, fragment_within_a_fragment_is_refused)
{
    ip_counters counters;
    reassembly all({}, counters);
    octets inner = payload(0, 24);
    const octets nested{std::byte{253}, {}, {}, std::byte{1}, {}, {}, {}, {}}; // fragment header, offset 0, more
    std::copy(nested.begin(), nested.end(), inner.begin());
    fragment_of f{.family = family::v6, .more = true, .protocol = static_cast<ip_protocol>(44)};
    rx_packet a = make(f, octets(inner.begin(), inner.begin() + 16));
    ASSERT_FALSE(all.add(a, {}).dropped);
    f.offset = 16, f.more = false;
    rx_packet b = make(f, octets(inner.begin() + 16, inner.end()));
    const auto r = all.add(b, {});
    EXPECT_EQ(r.dropped, reason::ip_bad_fragment);
    EXPECT_FALSE(r.whole);
    EXPECT_EQ(all.size(), 0U);
    EXPECT_EQ(counters.reasm_fails, 1U);
}

// -- headers of the result ------------------------------------------------------------------------------------------------

TEST(reassembly_v4, header_is_that_of_a_packet_in_one_piece)
{
    ip_counters counters;
    reassembly all({}, counters);
    fragment_of first{.size = 16, .more = true}, last{.offset = 16, .size = 3};
    first.ip_options = {std::byte{1}, std::byte{1}, std::byte{1}, std::byte{0}};
    last.ip_options = {std::byte{148}, std::byte{4}, std::byte{0}, std::byte{0}};
    fragment_of expected{.size = 19, .ip_options = first.ip_options};
    for (const bool reverse : {false, true}) {
        rx_packet a = make(reverse ? last : first), b = make(reverse ? first : last);
        all.add(a, {});
        const auto r = all.add(b, {});
        ASSERT_TRUE(r.whole);
        EXPECT_EQ(flat(r.whole->contents), octets_of(expected, payload(0, 19))) << "options are those of the first fragment";
        EXPECT_EQ(r.whole->transport_at, 24);
    }
}

TEST(reassembly_v6, header_is_that_of_a_packet_in_one_piece)
{
    for (const std::size_t extension : {0UL, 8UL, 64UL}) {
        ip_counters counters;
        reassembly all({}, counters);
        const auto with = [&](fragment_of f, std::uint8_t next) {
            f.family = family::v6;
            if (extension == 0) return f;
            f.extensions.resize(extension); // hop-by-hop: one unknown option to be skipped
            f.extensions[0] = std::byte{next};
            f.extensions[1] = static_cast<std::byte>(extension / 8 - 1);
            f.extensions[2] = std::byte{0x1e};
            f.extensions[3] = static_cast<std::byte>(extension - 4);
            f.first_extension = 0;
            return f;
        };
        rx_packet a = make(with({.offset = 16, .size = 3}, 44)), b = make(with({.size = 16, .more = true}, 44));
        all.add(a, {});
        const auto r = all.add(b, {});
        ASSERT_TRUE(r.whole);
        EXPECT_FALSE(r.whole->flaw);
        EXPECT_EQ(flat(r.whole->contents), octets_of(with({.size = 19}, 253), payload(0, 19)));
        EXPECT_EQ(r.whole->transport_at, 40 + extension);
        EXPECT_EQ(r.whole->flow.protocol(), experimental);
    }
}

TEST_P(reassembling, transport_is_parsed_and_its_checksum_verified)
{
    const octets text = payload(0, 3000);
    packet p(slice::copy_of(text));
    const bool four = !v6();
    const rx_packet sample = make(fragment(0, 8));
    const address from = sample.flow.source_address(), to = sample.flow.destination_address();
    wire::push_udp(p, 1000, 53, from, to);
    const octets datagram = flat(p);
    for (const bool corrupt : {false, true}) {
        reassembly::result r;
        for (std::uint32_t at = 0; at < datagram.size(); at += 1000) {
            fragment_of f = fragment(at, 0, at + 1000 < datagram.size());
            f.protocol = ip_protocol::udp;
            octets part(datagram.begin() + at, datagram.begin() + std::min<long>(at + 1000, static_cast<long>(datagram.size())));
            if (corrupt && at == 1000) part[5] ^= std::byte{1};
            rx_packet in = make(f, part);
            in.contents.offload.checksum = offload_info::checksum_state::verified;
            r = add(std::move(in));
        }
        ASSERT_TRUE(r.whole);
        EXPECT_EQ(r.whole->verified, !corrupt);
        EXPECT_EQ(r.whole->contents.offload.checksum, offload_info::checksum_state::complete);
        EXPECT_EQ(r.whole->flow, flow_key({from, 1000}, {to, 53}, ip_protocol::udp));
        EXPECT_EQ(r.whole->payload_at, (four ? 20 : 40) + 8);
    }
}

// RFC 3168 §5.3; every combination of ECN fields of three fragments
TEST_P(reassembling, ecn_of_all_fragments_counts)
{
    constexpr unsigned ce = 3;
    for (unsigned combination = 0; combination < 64; ++combination) {
        const unsigned ecn[] = {combination & 3, combination >> 2 & 3, combination >> 4};
        bool mixed = false, marked = false;
        for (const unsigned e : ecn) mixed = mixed || (e == 0) != (ecn[0] == 0), marked = marked || e == ce;
        std::optional<reason> why;
        reassembly::result r;
        for (std::uint32_t i = 0; i < 3 && !why; ++i) {
            fragment_of f = fragment(i * 8, 8, i < 2);
            f.tos = static_cast<std::uint8_t>(0x50 | ecn[i]);
            f.id = combination;
            r = add(f);
            why = r.dropped;
        }
        if (mixed) {
            EXPECT_EQ(why, reason::ip_fragment_ecn) << combination;
        } else {
            expect_whole(r, 24);
            EXPECT_EQ(r.whole->tos, 0x50 | (marked ? ce : ecn[0])) << combination;
        }
    }
}

} // namespace
} // namespace tapio::core::ip
