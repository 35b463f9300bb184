// Packets from inside to a mapped outside endpoint (RFC 4787 REQ-9).
#include "nat44_router.hpp"

namespace tapio::core::ip::nat44_hairpin_test {
namespace {

constexpr std::uint8_t syn = wire::tcp_syn, ack = wire::tcp_ack;

/// Sends from inside, and returns the ends as the receiver sees them; expects it to stay inside.
std::pair<endpoint, endpoint> hairpinned(nat44_router& r, packet p)
{
    const outcome o = r.from_inside(std::move(p));
    if (o.fate != fate::sent) return {};
    EXPECT_EQ(o.by, 1U);
    EXPECT_TRUE(has_valid_checksums(o.contents));
    return ends(o.contents);
}

const std::pair<endpoint, endpoint> refused;

TEST(nat44_hairpin, hosts_that_send_to_each_other_open_the_filter)
{
    nat44_router r;
    const endpoint a = r.mapped(udp(alice, server)), b = r.mapped(udp(bob, server));
    EXPECT_EQ(hairpinned(r, udp(bob, a)), refused) << "alice has not sent to that address";
    EXPECT_EQ(r.nat.counters().filtered, 1U);
    EXPECT_EQ(hairpinned(r, udp(alice, b)), std::pair(a, bob)) << "bob has";
    EXPECT_EQ(hairpinned(r, udp(bob, a)), std::pair(b, alice)) << "and now alice has, too";
}

TEST(nat44_hairpin, tcp_hosts_that_send_to_each_other_open_the_filter)
{
    nat44_router r;
    const endpoint a = r.mapped(tcp(alice, server, syn)), b = r.mapped(tcp(bob, server, syn));
    EXPECT_EQ(hairpinned(r, tcp(bob, a, syn)), refused);
    EXPECT_EQ(hairpinned(r, tcp(alice, b, syn)), std::pair(a, bob));
    EXPECT_EQ(hairpinned(r, tcp(bob, a, syn | ack)), std::pair(b, alice));
    EXPECT_EQ(hairpinned(r, tcp(alice, b, syn | ack)), std::pair(a, bob));
    r.pass(5min);
    EXPECT_EQ(r.nat.counters().sessions, 2U) << "a connection that both mappings know as established";
}

TEST(nat44_hairpin, endpoint_independent_filter_lets_hosts_meet)
{
    nat44_options o = nat44_router::defaults();
    o.filtering = nat44_filtering::endpoint_independent;
    nat44_router r(o);
    const endpoint a = r.mapped(udp(alice, server)), b = r.mapped(udp(bob, server));
    EXPECT_EQ(hairpinned(r, udp(alice, b)), std::pair(a, bob));
    EXPECT_EQ(hairpinned(r, udp(bob, a)), std::pair(b, alice));
    const endpoint carol = ep("198.18.0.12", 21000); // has no mapping yet
    EXPECT_EQ(hairpinned(r, udp(carol, a)), std::pair(endpoint(outside.address, 21000), alice));
    EXPECT_EQ(hairpinned(r, udp(alice, a)), std::pair(a, alice)) << "to itself";
}

TEST(nat44_hairpin, forward_is_reachable_from_inside)
{
    nat44_options o = nat44_router::defaults();
    const endpoint web = ep("198.18.0.80", 8080);
    o.forwards = {{6, 80, web, {}}};
    nat44_router r(o);
    const endpoint entry(outside.address, 80);
    const auto [a, to] = hairpinned(r, tcp(alice, entry, syn));
    EXPECT_EQ(a.address, outside.address) << "RFC 4787 REQ-9 a: not the inside address";
    EXPECT_EQ(to, web);
    EXPECT_EQ(hairpinned(r, tcp(web, a, syn | ack)), std::pair(entry, alice)) << "else alice could not tell whose it is";
    EXPECT_EQ(hairpinned(r, tcp(alice, entry, ack)), std::pair(a, web));
    r.pass(1h);
    EXPECT_EQ(hairpinned(r, tcp(web, a, ack)), std::pair(entry, alice)) << "established";
    r.pass(1h + 4min);
    EXPECT_EQ(r.nat.counters().mappings, 0U);
}

TEST(nat44_hairpin, state_of_a_connection_follows_both_directions_in_both_mappings)
{
    nat44_options o = nat44_router::defaults();
    o.filtering = nat44_filtering::endpoint_independent;
    nat44_router r(o);
    const endpoint a = r.mapped(tcp(alice, server, syn)), b = r.mapped(tcp(bob, server, syn));
    EXPECT_EQ(hairpinned(r, tcp(alice, b, syn)), std::pair(a, bob));
    EXPECT_EQ(hairpinned(r, tcp(bob, a, syn | ack)), std::pair(b, alice));
    EXPECT_EQ(hairpinned(r, tcp(alice, b, ack)), std::pair(a, bob));
    EXPECT_EQ(r.nat.counters().sessions, 4U);
    r.pass(4min);
    EXPECT_EQ(r.nat.counters().sessions, 2U) << "those with the server are gone";
    EXPECT_EQ(hairpinned(r, tcp(alice, b, wire::tcp_rst)), std::pair(a, bob));
    r.pass(4min);
    EXPECT_EQ(r.nat.counters().sessions, 0U);
}

TEST(nat44_hairpin, limits_hold)
{
    nat44_options o = nat44_router::defaults();
    o.filtering = nat44_filtering::endpoint_independent;
    o.max_mappings = 1;
    nat44_router r(o);
    const endpoint a = r.mapped(udp(alice, server));
    EXPECT_EQ(hairpinned(r, udp(bob, a)), refused);
    EXPECT_EQ(r.nat.counters().refused, 1U);
    EXPECT_EQ(hairpinned(r, udp(alice, a)), std::pair(a, alice));
}

TEST(nat44_hairpin, packet_that_claims_to_come_from_the_outside_address_is_left_to_the_router)
{
    nat44_router r;
    const endpoint a = r.mapped(udp(alice, server));
    EXPECT_EQ(r.from_inside(udp({outside.address, 5}, a)).fate, fate::local);
    EXPECT_EQ(r.nat.counters().mappings, 1U);
}

TEST(nat44_hairpin, partial_checksums_stay_partial)
{
    nat44_options o = nat44_router::defaults();
    o.filtering = nat44_filtering::endpoint_independent;
    nat44_router r(o);
    const endpoint b = r.mapped(udp(bob, server));
    const outcome h = r.from_inside(udp(alice, b, true));
    ASSERT_EQ(h.fate, fate::sent);
    EXPECT_EQ(h.contents.offload.checksum, offload_info::checksum_state::partial);
    EXPECT_TRUE(has_valid_checksums(h.contents));
}

TEST(nat44_hairpin, marks_tell_later_hooks)
{
    nat44_options o = nat44_router::defaults();
    o.forwards = {{17, 53, bob, {}}};
    nat44_router r(o);
    for (const std::uint32_t interface : {0U, 1U}) {
        rx_packet p(udp(interface == 0 ? server : alice, {outside.address, 53}));
        parse_ip(p);
        std::uint32_t mark = 5;
        hooked_packet h(p.contents, p.flow, 0, p.transport_at, true, interface, hooked_packet::none, mark);
        EXPECT_EQ(r.nat.input(h, r.now), hook_verdict::accept);
        EXPECT_EQ(mark, 5U | nat44::translated | (interface == 1 ? nat44::hairpin : 0U));
    }
}

} // namespace
} // namespace tapio::core::ip::nat44_hairpin_test
