// NAPT of ICMP (RFC 5508): queries, and errors in both directions with the packets that they quote.
#include "nat44_router.hpp"

namespace tapio::core::ip::nat44_icmp_test {
namespace {

const endpoint far_router = ep("198.51.100.1"), near_router = ep("198.18.0.1");

octets first(const packet& p, std::size_t n)
{
    octets o = flat(p);
    o.resize(std::min(o.size(), n));
    return o;
}

// -- queries ----------------------------------------------------------------------------------------------------------------

TEST(nat44_icmp, identifiers_are_mapped_like_ports)
{
    nat44_router r;
    const endpoint a = r.mapped(echo({alice.address, 7}, server)), b = r.mapped(echo({bob.address, 7}, server));
    EXPECT_EQ(a.address, outside.address);
    EXPECT_NE(a.port, b.port);
    EXPECT_EQ(r.delivered(echo(server, a, true)), endpoint(alice.address, 7));
    EXPECT_EQ(r.delivered(echo(server, b, true)), endpoint(bob.address, 7));
    EXPECT_EQ(r.from_outside(echo(other_server, a, true)).fate, fate::dropped) << "the filter";
    EXPECT_EQ(r.mapped(echo({alice.address, 7}, other_server)), a);
}

TEST(nat44_icmp, queries_last_for_a_minute)
{
    nat44_router r;
    const endpoint m = r.mapped(echo(alice, server));
    r.pass(60s - 1ns);
    EXPECT_EQ(r.delivered(echo(server, m, true)), alice);
    r.pass(1ns);
    EXPECT_EQ(r.from_outside(echo(server, m, true)).fate, fate::local);
}

TEST(nat44_icmp, other_messages_from_inside_are_dropped)
{
    nat44_router r;
    EXPECT_EQ(r.from_inside(echo(alice, server, true)).fate, fate::dropped) << "a reply to nothing";
    EXPECT_EQ(r.from_inside(error(alice, server, udp(server, alice), 28, wire::icmpv4_type::redirect)).fate, fate::dropped);
    EXPECT_EQ(r.nat.counters().unsupported, 2U);
}

// -- errors -----------------------------------------------------------------------------------------------------------------

/// Whole packets are quoted, only what RFC 792 demands, or TCP up to its checksum.
class nat44_icmp_error : public ::testing::TestWithParam<std::size_t>
{
protected:
    std::size_t quoted_size() const { return GetParam(); }
    nat44_router r;
};

TEST_P(nat44_icmp_error, from_outside_quotes_what_the_inside_host_has_sent)
{
    const packet sent[] = {udp(alice, server), tcp(alice, server, wire::tcp_syn), echo(alice, server)};
    for (const packet& original : sent) {
        const outcome o = r.from_inside(original);
        ASSERT_EQ(o.fate, fate::sent);
        const outcome e = r.from_outside(error(far_router, outside, o.contents, quoted_size()));
        ASSERT_EQ(e.fate, fate::sent);
        EXPECT_TRUE(has_valid_checksums(e.contents));
        EXPECT_EQ(source_of(e.contents), far_router) << "a router is not filtered: RFC 4787 REQ-12 a";
        EXPECT_EQ(destination_of(e.contents).address, alice.address);
        EXPECT_EQ(flat(quoted(e.contents)), first(original, quoted_size())) << "RFC 5508 REQ-4";
    }
}

TEST_P(nat44_icmp_error, from_inside_quotes_what_the_remote_has_sent)
{
    const endpoint u = r.mapped(udp(alice, server)), t = r.mapped(tcp(alice, server, wire::tcp_syn)),
                   i = r.mapped(echo(alice, server));
    const packet received[] = {udp(server, u), tcp(server, t), echo(server, i, true)};
    for (const packet& original : received) {
        const outcome o = r.from_outside(original);
        ASSERT_EQ(o.fate, fate::sent);
        for (const endpoint& from : {alice, near_router}) {
            const outcome e = r.from_inside(error({from.address, 0}, server, o.contents, quoted_size()));
            ASSERT_EQ(e.fate, fate::sent);
            EXPECT_TRUE(has_valid_checksums(e.contents));
            EXPECT_EQ(source_of(e.contents), outside);
            EXPECT_EQ(destination_of(e.contents).address, server.address);
            EXPECT_EQ(flat(quoted(e.contents)), first(original, quoted_size())) << "RFC 5508 REQ-5";
        }
    }
}

TEST_P(nat44_icmp_error, of_the_router_itself_does_not_disclose_inside_addresses)
{
    const packet original = udp(server, r.mapped(udp(alice, server)));
    const outcome o = r.from_outside(original);
    const packet e = r.send(error(outside, server, o.contents, quoted_size(), wire::icmpv4_type::time_exceeded));
    EXPECT_TRUE(has_valid_checksums(e));
    EXPECT_EQ(flat(quoted(e)), first(original, quoted_size()));
}

TEST_P(nat44_icmp_error, about_a_hairpinned_packet_goes_back_through_both_mappings)
{
    const endpoint a = r.mapped(udp(alice, server)), b = r.mapped(udp(bob, server));
    EXPECT_EQ(r.from_inside(udp(bob, a)).fate, fate::dropped); // but opens the filter
    const packet original = udp(alice, b);
    const outcome o = r.from_inside(original);
    ASSERT_EQ(o.fate, fate::sent);
    const outcome e = r.from_inside(error({bob.address, 0}, outside, o.contents, quoted_size()));
    ASSERT_EQ(e.fate, fate::sent) << "RFC 5508 REQ-7";
    EXPECT_TRUE(has_valid_checksums(e.contents));
    EXPECT_EQ(source_of(e.contents), outside);
    EXPECT_EQ(destination_of(e.contents).address, alice.address);
    EXPECT_EQ(flat(quoted(e.contents)), first(original, quoted_size()));
}

INSTANTIATE_TEST_SUITE_P(quoted, nat44_icmp_error, ::testing::Values(28, 38, 1500));

TEST(nat44_icmp, errors_about_unknown_packets_are_for_the_router_or_dropped)
{
    nat44_options o = nat44_router::defaults();
    o.outside_addresses = {a4("192.0.2.1"), a4("192.0.2.2")};
    nat44_router r(o);
    const endpoint m = r.mapped(udp(alice, server)), to(m.address, 0);
    const endpoint other = m.address == outside.address ? ep("192.0.2.2") : outside;
    r.mapped(echo({alice.address, 0}, server));
    EXPECT_EQ(r.from_outside(error(far_router, to, udp({to.address, 40000}, server))).fate, fate::local);
    EXPECT_EQ(r.from_outside(error(far_router, to, tcp(m, server))).fate, fate::local) << "another protocol";
    EXPECT_EQ(r.from_outside(error(far_router, to, echo(m, server, true))).fate, fate::local) << "a reply of the router";
    EXPECT_EQ(r.from_outside(error(far_router, other, udp(m, server))).fate, fate::local) << "not to the quoted source";
    EXPECT_EQ(r.from_inside(error({alice.address, 0}, server, udp(server, bob))).fate, fate::dropped) << "RFC 5508 REQ-5";
    EXPECT_EQ(r.from_inside(error({alice.address, 0}, server, echo(server, alice))).fate, fate::dropped)
        << "a query from outside";
    EXPECT_EQ(r.nat.counters().unsupported, 2U);
}

TEST(nat44_icmp, errors_do_not_refresh_or_delete_mappings)
{
    nat44_router r;
    const packet sent = r.from_inside(udp(alice, server)).contents;
    r.pass(4min);
    EXPECT_EQ(r.from_outside(error(far_router, outside, sent)).fate, fate::sent);
    EXPECT_EQ(r.delivered(udp(server, source_of(sent))), alice); // RFC 5508 REQ-6
    r.pass(1min);
    EXPECT_EQ(r.from_outside(error(far_router, outside, sent)).fate, fate::local);
}

TEST(nat44_icmp, errors_with_wrong_checksums_are_not_translated)
{
    nat44_router r;
    const packet sent = r.from_inside(udp(alice, server)).contents;
    const auto damaged = [&](std::size_t at, bool repair) {
        packet e = error(far_router, outside, sent);
        const std::array<std::byte, 1> other{std::byte{0x77}};
        overwrite(e, at, other);
        if (repair) update_checksums(e, link_type::ip);
        return e;
    };
    EXPECT_EQ(r.from_outside(damaged(20 + 5, false)).fate, fate::local) << "RFC 5508 REQ-3";
    EXPECT_EQ(r.from_outside(damaged(28 + 8, true)).fate, fate::local) << "REQ-3 a: the quoted TTL has changed";
    EXPECT_EQ(r.from_outside(damaged(28 + 25, true)).fate, fate::sent) << "REQ-3 c: the quoted UDP length has changed";
}

TEST(nat44_icmp, quoted_options_are_skipped)
{
    nat44_router r;
    const packet sent = r.from_inside(udp(alice, server)).contents;
    octets o = flat(sent);
    o.insert(o.begin() + 20, 4, std::byte{1}); // no operation
    o[0] = std::byte{0x46};
    wire::store_16(o.data() + 2, static_cast<std::uint16_t>(o.size()));
    packet about(slice::copy_of(o));
    update_checksums(about, link_type::ip);
    const outcome e = r.from_outside(error(far_router, outside, about, 1500));
    ASSERT_EQ(e.fate, fate::sent) << "RFC 5508 REQ-3 b";
    EXPECT_TRUE(has_valid_checksums(e.contents));
    packet q = quoted(e.contents);
    EXPECT_TRUE(has_valid_checksums(q));
    EXPECT_EQ(wire::load_16(flat(q).data() + 24), alice.port);
}

TEST(nat44_icmp, errors_about_connections_through_a_forward_are_translated)
{
    nat44_options o = nat44_router::defaults();
    o.forwards = {{6, 80, alice, {}}};
    nat44_router r(o);
    const packet original = tcp(alice, server, wire::tcp_syn | wire::tcp_ack);
    const outcome sent = r.from_inside(original);
    const outcome e = r.from_outside(error(far_router, outside, sent.contents));
    ASSERT_EQ(e.fate, fate::sent);
    EXPECT_EQ(flat(quoted(e.contents)), first(original, 28));
}

} // namespace
} // namespace tapio::core::ip::nat44_icmp_test
