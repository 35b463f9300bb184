// NAPT of UDP: mappings, ports, filtering, timeouts and limits (RFC 4787), and port forwards.
#include "ip/nat44_ports.hpp"
#include "nat44_router.hpp"

#include <boost/system/system_error.hpp>

#include <array>
#include <set>

namespace tapio::core::ip {
namespace {

endpoint with_port(const endpoint& e, int port) { return {e.address, static_cast<std::uint16_t>(port)}; }
endpoint inside_host(unsigned n, int port)
{
    return with_port({address(address_v4(alice.address.to_v4().to_uint() + n)), 0}, port);
}

// -- mapping ----------------------------------------------------------------------------------------------------------------

TEST(nat44, a_packet_from_inside_gets_an_outside_source_and_the_answer_finds_back)
{
    nat44_router r;
    const endpoint mapped = r.mapped(udp(alice, server));
    EXPECT_EQ(mapped.address, outside.address);
    EXPECT_GE(mapped.port, 20000);
    EXPECT_LE(mapped.port, 32767);
    EXPECT_EQ(r.delivered(udp(server, mapped)), alice);
    EXPECT_EQ(r.nat.counters().mappings, 1U);
    EXPECT_EQ(r.nat.counters().created, 1U);
}

TEST(nat44, mapping_does_not_depend_on_the_remote)
{
    nat44_router r;
    const endpoint mapped = r.mapped(udp(alice, server));
    EXPECT_EQ(r.mapped(udp(alice, other_server)), mapped) << "RFC 4787 REQ-1";
    EXPECT_EQ(r.mapped(udp(alice, with_port(server, 81))), mapped);
    EXPECT_NE(r.mapped(tcp(alice, server, wire::tcp_syn)), endpoint());
    EXPECT_EQ(r.nat.counters().mappings, 2U) << "protocols have ports of their own";
}

TEST(nat44, partial_checksums_stay_partial)
{
    nat44_router r;
    const outcome u = r.from_inside(udp(alice, server, true)), t = r.from_inside(tcp(alice, server, wire::tcp_syn, true));
    for (const outcome& o : {u, t}) {
        EXPECT_EQ(o.contents.offload.checksum, offload_info::checksum_state::partial);
        EXPECT_TRUE(has_valid_checksums(o.contents));
        EXPECT_EQ(source_of(o.contents).address, outside.address);
    }
}

TEST(nat44, udp_without_checksum_stays_without)
{
    nat44_router r;
    packet p = udp(alice, server);
    const std::array<std::byte, 2> none{};
    overwrite(p, 26, none);
    const octets sent = flat(r.from_inside(std::move(p)).contents);
    EXPECT_EQ(wire::load_16(sent.data() + 26), 0);
}

TEST(nat44, a_free_port_of_the_range_is_preserved)
{
    nat44_router r;
    EXPECT_EQ(r.mapped(udp(with_port(alice, 20001), server)).port, 20001);
    EXPECT_EQ(r.mapped(udp(with_port(bob, 32767), server)).port, 32767);
    EXPECT_NE(r.mapped(udp(with_port(bob, 20001), server)).port, 20001) << "it is alice's";
}

TEST(nat44, parity_of_udp_ports_is_kept_while_it_can_be)
{
    nat44_options o = nat44_router::defaults();
    o.first_port = 20000, o.last_port = 20009;
    nat44_router r(o);
    for (unsigned n = 0; n < 5; ++n) EXPECT_EQ(r.mapped(udp(inside_host(n, 40001), server)).port % 2, 1) << "RFC 4787 REQ-4";
    EXPECT_EQ(r.mapped(udp(inside_host(5, 40001), server)).port % 2, 0) << "no odd one is left";
}

TEST(nat44, no_two_inside_endpoints_share_a_port_and_a_full_range_refuses)
{
    nat44_options o = nat44_router::defaults();
    o.first_port = 20000, o.last_port = 20099;
    nat44_router r(o);
    std::set<std::uint16_t> ports;
    for (unsigned n = 0; n < 100; ++n) ports.insert(r.mapped(udp(inside_host(n, 40001), server)).port);
    EXPECT_EQ(ports.size(), 100U) << "RFC 4787 REQ-3";
    EXPECT_EQ(*ports.begin(), 20000);
    EXPECT_EQ(*ports.rbegin(), 20099);
    EXPECT_EQ(r.from_inside(udp(inside_host(100, 40001), server)).fate, fate::dropped);
    EXPECT_EQ(r.nat.counters().refused, 1U);
    r.pass(5min);
    EXPECT_NE(r.mapped(udp(inside_host(100, 40001), server)), endpoint()) << "ports of expired mappings are free";
}

TEST(nat44, ports_are_not_predictable_from_those_before)
{
    nat44_router r;
    unsigned consecutive = 0;
    std::uint16_t last = 0;
    for (unsigned n = 0; n < 200; ++n) {
        const std::uint16_t port = r.mapped(udp(inside_host(n, 40001), server)).port;
        consecutive += port == last + 2 || port == last + 1 ? 1 : 0;
        last = port;
    }
    EXPECT_LT(consecutive, 5U);
}

TEST(nat44, with_several_addresses_a_host_has_always_the_same)
{
    nat44_options o = nat44_router::defaults();
    o.outside_addresses.push_back(a4("192.0.2.2"));
    nat44_router r(o);
    std::set<address> used;
    for (unsigned n = 0; n < 20; ++n) {
        const endpoint first = r.mapped(udp(inside_host(n, 40001), server));
        for (int port = 1; port < 10; ++port)
            EXPECT_EQ(r.mapped(udp(inside_host(n, port), server)).address, first.address) << "RFC 4787 REQ-2";
        EXPECT_EQ(r.delivered(udp(server, first)), inside_host(n, 40001));
        used.insert(first.address);
    }
    EXPECT_EQ(used.size(), 2U);
}

// -- packets that are none of its business ------------------------------------------------------------------------------------

TEST(nat44, packets_of_the_router_and_for_it_are_left_alone)
{
    nat44_router r;
    const packet own = udp(with_port(outside, 40000), server), answer = udp(server, with_port(outside, 40000));
    EXPECT_EQ(flat(r.send(own)), flat(own));
    const outcome o = r.from_outside(answer);
    EXPECT_EQ(o.fate, fate::local);
    EXPECT_EQ(flat(o.contents), flat(answer));
    EXPECT_EQ(r.from_outside(echo(server, outside)).fate, fate::local);
    EXPECT_EQ(r.from_inside(echo(alice, outside)).fate, fate::local);
    EXPECT_EQ(r.from_inside(udp(alice, with_port(outside, 53))).fate, fate::local);
    EXPECT_EQ(r.nat.counters().created, 0U);
}

TEST(nat44, packets_between_inside_hosts_are_left_alone)
{
    nat44_router r;
    const packet p = udp(alice, bob);
    const outcome o = r.from_inside(p);
    EXPECT_EQ(o.fate, fate::sent);
    EXPECT_EQ(flat(o.contents), flat(p));
}

TEST(nat44, packets_from_outside_to_inside_addresses_are_dropped_unless_allowed)
{
    nat44_router r;
    EXPECT_EQ(r.from_outside(udp(server, alice)).fate, fate::dropped);
    EXPECT_EQ(r.from_outside(udp(server, other_server)).fate, fate::dropped) << "and are not masqueraded";
    EXPECT_EQ(r.nat.counters().filtered, 2U);
    nat44_options o = nat44_router::defaults();
    o.block_untranslated = false;
    nat44_router open(o);
    EXPECT_EQ(open.from_outside(udp(server, alice)).fate, fate::sent);
    const packet p = udp(server, other_server);
    EXPECT_EQ(flat(open.from_outside(p).contents), flat(p));
    EXPECT_EQ(open.nat.counters().created, 0U);
}

TEST(nat44, other_protocols_from_inside_are_dropped)
{
    nat44_router r;
    EXPECT_EQ(r.from_inside(ip_packet(with_payload(20), alice, server, static_cast<ip_protocol>(47))).fate, fate::dropped);
    EXPECT_EQ(r.from_inside(ip_packet(with_payload(3), alice, server, ip_protocol::udp)).fate, fate::dropped) << "no UDP header";
    EXPECT_EQ(r.from_inside(ip_packet(with_payload(3), alice, server, ip_protocol::icmp)).fate, fate::dropped);
    EXPECT_EQ(r.nat.counters().unsupported, 3U);
    EXPECT_EQ(r.from_outside(ip_packet(with_payload(20), server, outside, static_cast<ip_protocol>(47))).fate, fate::local);
}

// -- filtering --------------------------------------------------------------------------------------------------------------

TEST(nat44, address_dependent_filter_admits_any_port_of_known_addresses_only)
{
    nat44_router r;
    const endpoint mapped = r.mapped(udp(alice, server));
    EXPECT_EQ(r.delivered(udp(with_port(server, 12345), mapped)), alice);
    EXPECT_EQ(r.from_outside(udp(other_server, mapped)).fate, fate::dropped);
    EXPECT_EQ(r.nat.counters().filtered, 1U);
    r.mapped(udp(alice, other_server));
    EXPECT_EQ(r.delivered(udp(other_server, mapped)), alice);
}

TEST(nat44, endpoint_independent_filter_admits_all)
{
    nat44_options o = nat44_router::defaults();
    o.filtering = nat44_filtering::endpoint_independent;
    nat44_router r(o);
    EXPECT_EQ(r.delivered(udp(other_server, r.mapped(udp(alice, server)))), alice);
    EXPECT_EQ(r.delivered(tcp(other_server, r.mapped(tcp(alice, server, wire::tcp_syn)), wire::tcp_syn)), alice);
}

TEST(nat44, a_remote_is_admitted_as_long_as_it_is_sent_to)
{
    nat44_router r;
    const endpoint mapped = r.mapped(udp(alice, server));
    r.pass(3min);
    r.mapped(udp(alice, other_server));
    r.pass(2min);
    EXPECT_EQ(r.from_outside(udp(server, mapped)).fate, fate::dropped);
    EXPECT_EQ(r.delivered(udp(other_server, mapped)), alice);
}

// -- timeouts ---------------------------------------------------------------------------------------------------------------

TEST(nat44, a_mapping_lasts_five_minutes_after_the_last_packet_from_inside)
{
    nat44_router r;
    const endpoint mapped = r.mapped(udp(alice, server));
    r.pass(4min);
    r.mapped(udp(alice, server)); // RFC 4787 REQ-6
    r.pass(4min);
    EXPECT_EQ(r.delivered(udp(server, mapped)), alice) << "does not refresh";
    r.pass(1min - 1ns);
    EXPECT_EQ(r.delivered(udp(server, mapped)), alice);
    r.pass(1ns);
    EXPECT_EQ(r.from_outside(udp(server, mapped)).fate, fate::local);
    EXPECT_EQ(r.nat.counters().expired, 1U);
    EXPECT_EQ(r.nat.counters().mappings, 0U);
    EXPECT_EQ(r.nat.counters().sessions, 0U);
    EXPECT_EQ(r.nat.next_deadline(), never);
}

TEST(nat44, expired_sessions_do_not_admit_although_advance_was_not_called)
{
    nat44_router r;
    std::vector<endpoint> mapped;
    for (unsigned n = 0; n < 50; ++n) mapped.push_back(r.mapped(udp(inside_host(n, 40001), server)));
    r.now += 5min;
    std::reverse(mapped.begin(), mapped.end()); // a packet evicts the oldest
    for (const endpoint& m : mapped) EXPECT_NE(r.from_outside(udp(server, m)).fate, fate::sent);
}

TEST(nat44, next_deadline_is_that_of_the_shortest_session)
{
    nat44_router r;
    EXPECT_EQ(r.nat.next_deadline(), never);
    r.mapped(udp(alice, server));
    EXPECT_EQ(r.nat.next_deadline(), r.now + 5min);
    r.mapped(echo(alice, server));
    EXPECT_EQ(r.nat.next_deadline(), r.now + 60s);
    r.pass(60s);
    EXPECT_EQ(r.nat.counters().mappings, 1U);
    EXPECT_EQ(r.nat.next_deadline(), r.now + 4min);
}

TEST(nat44, a_packet_evicts_few_expired_mappings_and_advance_many)
{
    nat44_router r;
    for (unsigned n = 0; n < 3000; ++n) r.mapped(udp(inside_host(n, 40001), server));
    r.now += 5min;
    r.mapped(udp(inside_host(5000, 1), server));
    EXPECT_GT(r.nat.counters().mappings, 2990U);
    EXPECT_LT(r.nat.counters().mappings, 3001U);
    r.nat.advance(r.now);
    EXPECT_GT(r.nat.counters().mappings, 1000U) << "work per call is bounded";
    EXPECT_LE(r.nat.next_deadline(), r.now);
    for (int i = 0; i < 3; ++i) r.nat.advance(r.now);
    EXPECT_EQ(r.nat.counters().mappings, 1U);
}

// -- limits -----------------------------------------------------------------------------------------------------------------

TEST(nat44, a_host_gets_its_share_of_mappings)
{
    nat44_options o = nat44_router::defaults();
    o.max_mappings = 10, o.max_mappings_per_host = 4;
    nat44_router r(o);
    for (int port = 1; port <= 4; ++port) EXPECT_NE(r.mapped(udp(with_port(alice, port), server)), endpoint());
    EXPECT_EQ(r.mapped(udp(with_port(alice, 5), server)), endpoint());
    EXPECT_NE(r.mapped(udp(with_port(alice, 4), other_server)), endpoint()) << "has a mapping";
    for (unsigned n = 1; n <= 6; ++n) EXPECT_NE(r.mapped(udp(inside_host(n, 1), server)), endpoint());
    EXPECT_EQ(r.mapped(udp(inside_host(7, 1), server)), endpoint()) << "all are used";
    EXPECT_EQ(r.nat.counters().refused, 2U);
    EXPECT_EQ(r.nat.counters().mappings, 10U);
    r.pass(5min);
    EXPECT_NE(r.mapped(udp(with_port(alice, 5), server)), endpoint());
}

TEST(nat44, at_the_limit_of_sessions_a_mapping_replaces_its_oldest)
{
    nat44_options o = nat44_router::defaults();
    o.max_sessions = 5, o.max_sessions_per_host = 3;
    nat44_router r(o);
    const endpoint mapped = r.mapped(udp(alice, ep("203.0.113.1", 1)));
    r.mapped(udp(alice, ep("203.0.113.2", 1)));
    r.mapped(udp(alice, ep("203.0.113.3", 1)));
    r.mapped(udp(alice, ep("203.0.113.1", 1))); // used again
    EXPECT_EQ(r.mapped(udp(alice, ep("203.0.113.4", 1))), mapped);
    EXPECT_EQ(r.delivered(udp(ep("203.0.113.1", 1), mapped)), alice);
    EXPECT_EQ(r.from_outside(udp(ep("203.0.113.2", 1), mapped)).fate, fate::dropped);
    EXPECT_EQ(r.delivered(udp(ep("203.0.113.3", 1), mapped)), alice);
    EXPECT_EQ(r.delivered(udp(ep("203.0.113.4", 1), mapped)), alice);
    EXPECT_EQ(r.mapped(udp(with_port(alice, 1), server)), endpoint()) << "no session is left for another mapping of the host";
    EXPECT_NE(r.mapped(udp(bob, server)), endpoint());
    EXPECT_NE(r.mapped(udp(bob, other_server)), endpoint());
    EXPECT_EQ(r.mapped(udp(inside_host(9, 1), server)), endpoint()) << "none at all is left";
    EXPECT_EQ(r.nat.counters().sessions, 5U);
    r.pass(5min);
    EXPECT_EQ(r.nat.counters().sessions, 0U);
    EXPECT_NE(r.mapped(udp(inside_host(9, 1), server)), endpoint());
}

TEST(nat44, a_session_limit_of_one_works)
{
    nat44_options o = nat44_router::defaults();
    o.max_sessions = 1;
    nat44_router r(o);
    for (const endpoint& to : {server, other_server}) {
        const endpoint mapped = r.mapped(tcp(alice, to, wire::tcp_syn));
        EXPECT_EQ(r.delivered(tcp(to, mapped, wire::tcp_syn | wire::tcp_ack)), alice);
    }
    EXPECT_EQ(r.nat.counters().created, 1U);
}

// -- forwards ---------------------------------------------------------------------------------------------------------------

nat44_options with_forward()
{
    nat44_options o = nat44_router::defaults();
    o.forwards = {{17, 53, with_port(alice, 5353), {}}, {6, 25000, with_port(alice, 80), {}}};
    return o;
}

TEST(nat44, a_forward_is_open_to_all_and_never_expires)
{
    nat44_router r(with_forward());
    r.pass(24h);
    EXPECT_EQ(r.delivered(udp(server, with_port(outside, 53))), with_port(alice, 5353));
    EXPECT_EQ(r.delivered(tcp(other_server, with_port(outside, 25000), wire::tcp_syn)), with_port(alice, 80));
    EXPECT_EQ(r.mapped(udp(with_port(alice, 5353), server)), with_port(outside, 53));
    EXPECT_EQ(r.from_outside(tcp(server, with_port(outside, 53), wire::tcp_syn)).fate, fate::local) << "another protocol";
    EXPECT_EQ(r.nat.counters().mappings, 0U);
    EXPECT_EQ(r.nat.counters().sessions, 0U);
    EXPECT_EQ(r.nat.mappings().size(), 2U);
}

TEST(nat44, the_port_of_a_forward_is_given_to_nobody_else)
{
    nat44_options o = with_forward();
    o.first_port = 25000, o.last_port = 25001;
    nat44_router r(o);
    EXPECT_EQ(r.mapped(tcp(with_port(bob, 25000), server, wire::tcp_syn)).port, 25001);
    EXPECT_EQ(r.mapped(tcp(with_port(bob, 1), server, wire::tcp_syn)), endpoint());
    EXPECT_EQ(r.mapped(udp(with_port(bob, 25000), server)).port, 25000);
}

TEST(nat44, new_outside_addresses_delete_mappings_and_keep_forwards)
{
    nat44_router r(with_forward());
    const endpoint mapped = r.mapped(udp(bob, server));
    r.nat.set_outside_addresses({outside.address.to_v4()});
    EXPECT_EQ(r.mapped(udp(bob, server)), mapped) << "nothing has changed";
    r.nat.set_outside_addresses({});
    EXPECT_EQ(r.mapped(udp(bob, server)), endpoint());
    EXPECT_EQ(r.nat.mappings().size(), 0U);
    r.nat.set_outside_addresses({a4("192.0.2.2")});
    EXPECT_EQ(r.mapped(udp(bob, server)).address, ep("192.0.2.2").address);
    EXPECT_EQ(r.from_outside(udp(server, mapped)).fate, fate::local);
    EXPECT_EQ(r.delivered(udp(server, ep("192.0.2.2", 53))), with_port(alice, 5353));
}

TEST(nat44, mappings_are_listed)
{
    nat44_router r(with_forward());
    const endpoint mapped = r.mapped(udp(bob, server));
    r.mapped(udp(bob, other_server));
    const auto list = r.nat.mappings();
    ASSERT_EQ(list.size(), 3U);
    const auto m = std::find_if(list.begin(), list.end(), [](const nat44_mapping& i) { return !i.forward; });
    ASSERT_NE(m, list.end());
    EXPECT_EQ(m->protocol, 17);
    EXPECT_EQ(m->inside, bob);
    EXPECT_EQ(m->outside, mapped);
    EXPECT_EQ(m->sessions, 2U);
    EXPECT_EQ(m->expires, r.now + 5min);
}

TEST(nat44, options_that_cannot_work_are_refused)
{
    const auto refused = [](auto change) {
        nat44_options o = with_forward();
        change(o);
        EXPECT_THROW(nat44(o, {}), boost::system::system_error);
    };
    refused([](nat44_options& o) { o.first_port = 0; });
    refused([](nat44_options& o) { o.last_port = 19999; });
    refused([](nat44_options& o) { o.max_sessions = 0; });
    refused([](nat44_options& o) { o.udp_timeout = 0s; });
    refused([](nat44_options& o) { o.outside_addresses.push_back(o.outside_addresses.front()); });
    refused([](nat44_options& o) { o.outside_addresses.push_back({}); });
    refused([](nat44_options& o) { o.forwards[0].protocol = 1; });
    refused([](nat44_options& o) { o.forwards[0].outside_port = 0; });
    refused([](nat44_options& o) { o.forwards[0].inside.address = boost::asio::ip::make_address("2001:db8::1"); });
    refused([](nat44_options& o) { o.forwards[0].protocol = 6, o.forwards[0].outside_port = 25000; });
    refused([](nat44_options& o) { o.forwards[0].protocol = 6, o.forwards[0].inside.port = 80; });
    EXPECT_NO_THROW(nat44(with_forward(), {}));
}

// -- ports ------------------------------------------------------------------------------------------------------------------

TEST(nat44_ports, all_of_the_widest_range_are_given_once_and_can_come_back)
{
    const std::array<std::byte, random_source::seed_size> seed{};
    random_source random(seed);
    nat44_ports ports(1, 65535);
    for (int round = 0; round < 2; ++round) {
        std::vector<bool> given(65536);
        for (int i = 0; i < 65535; ++i) {
            const auto p = ports.take(0, i % 2 == 0, random);
            ASSERT_TRUE(p && *p != 0 && !given[*p]);
            given[*p] = true;
        }
        EXPECT_FALSE(ports.take(7, true, random));
        for (int p = 65535; p > 0; --p) ports.give_back(static_cast<std::uint16_t>(p));
    }
    EXPECT_EQ(ports.free(), 65535U);
    EXPECT_TRUE(ports.take(65535));
    EXPECT_FALSE(ports.take(65535));
    EXPECT_FALSE(ports.take(0));
}

} // namespace
} // namespace tapio::core::ip
