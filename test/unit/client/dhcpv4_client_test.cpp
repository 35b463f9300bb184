// The DHCPv4 client in virtual time, message by message (RFC 2131).
#include "dhcpv4_lease_holder.hpp"

#include <algorithm>

namespace tapio::core::client {
namespace {

using wire::dhcpv4_message;
using wire::dhcpv4_type;
using enum dhcpv4_state;

// -- from discovery to the bound state --------------------------------------------------------------------------------------

TEST_F(dhcpv4, gets_an_address_in_four_messages) // RFC 2131 §3.1
{
    client->link_up(now);
    const auto discover = next();
    EXPECT_EQ(discover.m.type, dhcpv4_type::discover);
    EXPECT_LE(now - start, 1s);
    offer(discover.m);
    const auto request = next();
    EXPECT_EQ(request.m.type, dhcpv4_type::request);
    EXPECT_EQ(client->state(), requesting);
    acknowledge(request.m);
    EXPECT_EQ(client->state(), probing);
    EXPECT_EQ(owner.probed, theirs);
    EXPECT_FALSE(owner.lease);
    client->address_is_free(now);
    EXPECT_EQ(client->state(), bound);
    ASSERT_TRUE(owner.lease);
    EXPECT_EQ(owner.lease->address, theirs);
    EXPECT_EQ(owner.lease->prefix_length, 24U);
    EXPECT_EQ(owner.lease->server, server);
}

TEST_F(dhcpv4, the_messages_have_what_the_rfc_wants) // RFC 2131 §4.4.1, table 5; RFC 6842; RFC 3442
{
    options.host_name = "host-1";
    make();
    client->link_up(now);
    EXPECT_EQ(next().m.secs, 0);
    const dhcpv4_message d = next().m;
    EXPECT_GE(d.secs, 3);
    EXPECT_FALSE(d.from_server);
    EXPECT_TRUE(d.broadcast);
    EXPECT_TRUE(d.ciaddr.is_unspecified());
    EXPECT_EQ(d.chaddr, options.mac);
    EXPECT_EQ(d.client_id, options.client_id);
    EXPECT_EQ(d.host_name, "host-1");
    EXPECT_EQ(d.max_message_size, 1500);
    EXPECT_FALSE(d.server_id);
    EXPECT_FALSE(d.requested_address);
    const auto place = [&](unsigned code) {
        return std::find(d.parameters.begin(), d.parameters.end(), code) - d.parameters.begin();
    };
    EXPECT_LT(place(121), place(3)) << "classless routes before routers";
    for (const unsigned code : {1U, 3U, 6U, 15U, 26U, 42U, 119U, 121U})
        EXPECT_LT(place(code), static_cast<std::ptrdiff_t>(d.parameters.size())) << code;
    offer(d);
    const sent r = next();
    EXPECT_EQ(r.m.xid, d.xid);
    EXPECT_EQ(r.m.secs, d.secs);
    EXPECT_EQ(r.m.requested_address, theirs);
    EXPECT_EQ(r.m.server_id, server);
    EXPECT_EQ(r.m.parameters, d.parameters);
    EXPECT_EQ(r.m.client_id, d.client_id);
    EXPECT_TRUE(r.m.ciaddr.is_unspecified());
    EXPECT_TRUE(r.from.is_unspecified());
    EXPECT_EQ(r.to, address_v4::broadcast());
}

TEST_F(dhcpv4, takes_an_address_in_two_messages_if_the_server_can) // RFC 4039
{
    client->link_up(now);
    dhcpv4_message d = next().m;
    EXPECT_TRUE(d.rapid_commit);
    dhcpv4_message a = answer(d, dhcpv4_type::ack);
    EXPECT_FALSE(client->received(a, now)) << "without the option the server has not understood";
    a.rapid_commit = true;
    EXPECT_TRUE(client->received(a, now));
    client->address_is_free(now);
    EXPECT_EQ(client->state(), bound);
}

TEST_F(dhcpv4, does_not_take_an_address_in_two_messages_unless_wanted)
{
    options.rapid_commit = false;
    make();
    client->link_up(now);
    const dhcpv4_message d = next().m;
    EXPECT_FALSE(d.rapid_commit);
    dhcpv4_message a = answer(d, dhcpv4_type::ack);
    a.rapid_commit = true;
    EXPECT_FALSE(client->received(a, now));
}

TEST_F(dhcpv4, starts_at_a_random_time_within_a_second)
{
    std::vector<time_point> starts;
    for (unsigned n = 0; n < 50; ++n) {
        make();
        client->link_up(start);
        starts.push_back(client->next_deadline());
    }
    const auto [first, last] = std::minmax_element(starts.begin(), starts.end());
    EXPECT_GE(*first, start);
    EXPECT_LE(*last, start + 1s);
    EXPECT_GT(*last - *first, 500ms);
}

// -- retransmission ---------------------------------------------------------------------------------------------------------

TEST_F(dhcpv4, repeats_a_discover_after_4_8_16_32_64_64_seconds) // RFC 2131 §4.1
{
    client->link_up(now);
    dhcpv4_message first = next().m;
    duration varied{};
    for (const duration expected : {4s, 8s, 16s, 32s, 64s, 64s, 64s}) {
        const time_point before = now;
        const dhcpv4_message m = next().m;
        EXPECT_EQ(m.type, dhcpv4_type::discover);
        EXPECT_EQ(m.xid, first.xid);
        EXPECT_GE(now - before, expected - 1s);
        EXPECT_LE(now - before, expected + 1s);
        varied += now - before > expected ? now - before - expected : expected - (now - before);
        const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - start).count();
        EXPECT_NEAR(static_cast<double>(m.secs), static_cast<double>(since), 1.0);
    }
    EXPECT_GT(varied, 100ms) << "random";
}

TEST_F(dhcpv4, is_patient_where_no_server_is)
{
    client->link_up(now);
    run(1h);
    EXPECT_GT(owner.messages.size(), 50U);
    EXPECT_LT(owner.messages.size(), 65U);
    EXPECT_EQ(client->state(), selecting);
}

TEST_F(dhcpv4, looks_for_another_server_if_the_chosen_one_is_silent) // RFC 2131 §3.1.5
{
    client->link_up(now);
    const dhcpv4_message d = next().m;
    offer(d);
    const time_point asked = now;
    for (unsigned n = 0; n < 4; ++n) EXPECT_EQ(next().m.type, dhcpv4_type::request);
    const dhcpv4_message again = next().m;
    EXPECT_EQ(again.type, dhcpv4_type::discover);
    EXPECT_NE(again.xid, d.xid);
    EXPECT_GE(now - asked, 56s);
    EXPECT_LE(now - asked, 64s);
}

// -- what is not accepted ---------------------------------------------------------------------------------------------------

struct bad_answer
{
    const char* what;
    void (*spoil)(dhcpv4_message&);
};
void PrintTo(const bad_answer& b, std::ostream* out) { *out << b.what; }

class dhcpv4_bad_answer : public dhcpv4_lease_holder, public testing::WithParamInterface<bad_answer>
{
};

TEST_P(dhcpv4_bad_answer, is_no_offer)
{
    client->link_up(now);
    const dhcpv4_message d = next().m;
    dhcpv4_message bad = answer(d, dhcpv4_type::offer);
    GetParam().spoil(bad);
    EXPECT_FALSE(client->received(bad, now));
    EXPECT_EQ(client->state(), selecting);
    EXPECT_TRUE(client->received(answer(d, dhcpv4_type::offer), now)) << "a good one";
}

TEST_P(dhcpv4_bad_answer, is_no_acknowledgement)
{
    client->link_up(now);
    offer(next().m);
    const dhcpv4_message r = next().m;
    dhcpv4_message bad = answer(r, dhcpv4_type::ack);
    GetParam().spoil(bad);
    EXPECT_FALSE(client->received(bad, now));
    EXPECT_EQ(client->state(), requesting);
    EXPECT_TRUE(client->received(answer(r, dhcpv4_type::ack), now)) << "a good one";
}

INSTANTIATE_TEST_SUITE_P(
    answers, dhcpv4_bad_answer,
    testing::Values(bad_answer{"another transaction", [](dhcpv4_message& m) { ++m.xid; }},
                    bad_answer{"another station", [](dhcpv4_message& m) { ++m.chaddr.octets[5]; }},
                    bad_answer{"another identifier",
                               [](dhcpv4_message& m) {
                                   m.client_id = {std::byte{1}, std::byte{2}};
                               }},
                    bad_answer{"from a client", [](dhcpv4_message& m) { m.from_server = false; }},
                    bad_answer{"no server", [](dhcpv4_message& m) { m.server_id.reset(); }},
                    bad_answer{"server 0.0.0.0", [](dhcpv4_message& m) { m.server_id = address_v4(); }},
                    bad_answer{"a server of many", [](dhcpv4_message& m) { m.server_id = address_v4::broadcast(); }},
                    bad_answer{"no lease time", [](dhcpv4_message& m) { m.lease_time.reset(); }},
                    bad_answer{"lease time 0", [](dhcpv4_message& m) { m.lease_time = 0; }},
                    bad_answer{"a lease shorter than its acquisition", [](dhcpv4_message& m) { m.lease_time = 29; }},
                    bad_answer{"0.0.0.0", [](dhcpv4_message& m) { m.yiaddr = address_v4(); }},
                    bad_answer{"broadcast", [](dhcpv4_message& m) { m.yiaddr = address_v4::broadcast(); }},
                    bad_answer{"multicast", [](dhcpv4_message& m) { m.yiaddr = v4("233.252.0.1"); }},
                    bad_answer{"loopback", [](dhcpv4_message& m) { m.yiaddr = v4("127.0.0.2"); }},
                    bad_answer{"reserved", [](dhcpv4_message& m) { m.yiaddr = v4("240.0.0.1"); }},
                    bad_answer{"the subnet itself", [](dhcpv4_message& m) { m.yiaddr = v4("192.0.2.0"); }},
                    bad_answer{"the subnet's broadcast", [](dhcpv4_message& m) { m.yiaddr = v4("192.0.2.255"); }},
                    bad_answer{"another type", [](dhcpv4_message& m) { m.type = dhcpv4_type::inform; }}));

TEST_F(dhcpv4, an_acknowledgement_of_another_address_or_server_is_not_accepted)
{
    client->link_up(now);
    offer(next().m);
    const dhcpv4_message r = next().m;
    dhcpv4_message bad = answer(r, dhcpv4_type::ack);
    bad.yiaddr = v4("192.0.2.8");
    EXPECT_FALSE(client->received(bad, now));
    bad = answer(r, dhcpv4_type::ack);
    bad.server_id = v4("192.0.2.8");
    EXPECT_FALSE(client->received(bad, now));
}

TEST_F(dhcpv4, a_second_offer_comes_too_late)
{
    client->link_up(now);
    const dhcpv4_message d = next().m;
    offer(d);
    dhcpv4_message other = answer(d, dhcpv4_type::offer);
    other.yiaddr = v4("192.0.2.8");
    EXPECT_FALSE(client->received(other, now));
    EXPECT_EQ(next().m.requested_address, theirs);
}

TEST_F(dhcpv4, an_answer_comes_too_late_when_bound)
{
    const dhcpv4_message r = bind();
    EXPECT_FALSE(client->received(answer(r, dhcpv4_type::ack), now));
    EXPECT_FALSE(client->received(answer(r, dhcpv4_type::nak), now));
    EXPECT_FALSE(client->received(answer(r, dhcpv4_type::offer), now));
    EXPECT_EQ(client->state(), bound);
}

// -- the lease --------------------------------------------------------------------------------------------------------------

TEST_F(dhcpv4, its_time_begins_when_the_request_is_sent) // RFC 2131 §4.4.1
{
    client->link_up(now);
    offer(next().m);
    const dhcpv4_message r = next().m;
    const time_point asked = now;
    run(2s);
    acknowledge(r);
    run(500ms);
    client->address_is_free(now);
    EXPECT_EQ(owner.lease->obtained, asked);
    EXPECT_EQ(owner.lease->expires, asked + 3600s);
}

struct times
{
    std::uint32_t lease;
    std::optional<std::uint32_t> t1, t2;
    double first, second; ///< the expected T1 and T2, s
};
void PrintTo(const times& t, std::ostream* out) { *out << t.lease << " s"; }

class dhcpv4_times : public dhcpv4_lease_holder, public testing::WithParamInterface<times>
{
};

TEST_P(dhcpv4_times, are_the_servers_or_those_of_the_rfc) // RFC 2131 §4.4.5
{
    const times& t = GetParam();
    lease_time = t.lease;
    t1 = t.t1;
    t2 = t.t2;
    bind();
    const auto seconds = [&](time_point at) { return std::chrono::duration<double>(at - owner.lease->obtained).count(); };
    EXPECT_LE(seconds(owner.lease->renewal), t.first);
    EXPECT_GE(seconds(owner.lease->renewal), t.first * 0.95 - 0.001);
    EXPECT_LE(seconds(owner.lease->rebinding), t.second);
    EXPECT_GE(seconds(owner.lease->rebinding), t.second - (t.second - t.first) * 0.05 - 0.001);
    EXPECT_LT(owner.lease->renewal, owner.lease->rebinding);
    EXPECT_LT(owner.lease->rebinding, owner.lease->expires);
}

INSTANTIATE_TEST_SUITE_P(leases, dhcpv4_times,
                         testing::Values(times{3600, {}, {}, 1800, 3150}, times{3600, 60, 120, 60, 120},
                                         times{3600, 60, {}, 60, 3150}, times{3600, {}, 1000, 500, 1000},
                                         times{3600, 2000, 1000, 500, 1000}, times{3600, 5000, 4000, 1800, 3150},
                                         times{3600, 3600, 3600, 1800, 3150}, times{3600, 0, 0, 1800, 3150},
                                         times{3600, 0, 1000, 500, 1000}, times{30, {}, {}, 15, 27},
                                         times{0xffff'fffe, {}, {}, 2147483647.0, 3758096383.0}));

TEST_F(dhcpv4, extends_a_lease_every_two_seconds_at_most)
{
    t1 = 1;
    bind();
    const time_point end = now + 60s;
    unsigned asked = 0;
    for (; now < end; ++asked) acknowledge(next().m);
    EXPECT_LE(asked, 31U);
    EXPECT_GE(asked, 20U);
}

TEST_F(dhcpv4, hosts_that_start_together_do_not_renew_together)
{
    std::vector<time_point> renewals;
    for (unsigned n = 0; n < 50; ++n) {
        make();
        now = start;
        bind();
        renewals.push_back(owner.lease->obtained + (owner.lease->renewal - owner.lease->obtained));
    }
    const auto [first, last] = std::minmax_element(renewals.begin(), renewals.end());
    EXPECT_GT(*last - *first, 30s);
}

TEST_F(dhcpv4, an_infinite_lease_is_kept_without_a_word) // RFC 2131 §3.3
{
    lease_time = wire::infinite_lease;
    bind();
    EXPECT_EQ(owner.lease->expires, never);
    EXPECT_EQ(client->next_deadline(), never);
    owner.messages.clear();
    run(24h * 365);
    EXPECT_TRUE(owner.messages.empty());
    EXPECT_TRUE(owner.lease);
}

TEST_F(dhcpv4, keeps_what_the_server_says_besides)
{
    client->link_up(now);
    offer(next().m);
    dhcpv4_message a = answer(next().m, dhcpv4_type::ack);
    a.routers = {v4("0.0.0.0"), v4("192.0.2.254"), v4("192.0.2.253")};
    a.dns_servers = {v4("233.252.0.1"), v4("192.0.2.53"), v4("255.255.255.255")};
    a.ntp_servers = {v4("192.0.2.123")};
    a.search_domains = {"example.com"};
    a.domain_name = "example.org";
    a.host_name = "host-1";
    a.mtu = 1400;
    ASSERT_TRUE(client->received(a, now));
    client->address_is_free(now);
    const dhcpv4_lease& l = *owner.lease;
    EXPECT_EQ(l.routers, (std::vector{v4("192.0.2.254"), v4("192.0.2.253")})) << "those that can be addresses of hosts";
    EXPECT_EQ(l.routes, (std::vector<leased_route>{{v4("0.0.0.0"), 0, v4("192.0.2.254")}}));
    EXPECT_EQ(l.dns_servers, std::vector{v4("192.0.2.53")});
    EXPECT_EQ(l.ntp_servers, std::vector{v4("192.0.2.123")});
    EXPECT_EQ(l.search_domains, std::vector<std::string>{"example.com"});
    EXPECT_EQ(l.domain_name, "example.org");
    EXPECT_EQ(l.host_name, "host-1");
    EXPECT_EQ(l.mtu, 1400);
}

TEST_F(dhcpv4, classless_routes_stand_in_for_the_routers) // RFC 3442
{
    client->link_up(now);
    offer(next().m);
    dhcpv4_message a = answer(next().m, dhcpv4_type::ack);
    a.routers = {v4("192.0.2.254")};
    a.classless_routes = {{v4("198.51.100.0"), 24, v4("192.0.2.253")}, {v4("203.0.113.0"), 24, v4("233.252.0.1")}};
    ASSERT_TRUE(client->received(a, now));
    client->address_is_free(now);
    EXPECT_EQ(owner.lease->routes, (std::vector<leased_route>{{v4("198.51.100.0"), 24, v4("192.0.2.253")}}))
        << "no default route, and none by what cannot be a gateway";
}

TEST_F(dhcpv4, an_mtu_below_576_octets_is_ignored) // RFC 791 §3.1
{
    for (const auto& [told, used] : {std::pair<std::uint16_t, std::uint16_t>{575, 0}, {576, 576}, {68, 0}}) {
        make();
        client->link_up(now);
        offer(next().m);
        dhcpv4_message a = answer(next().m, dhcpv4_type::ack);
        a.mtu = told;
        ASSERT_TRUE(client->received(a, now));
        client->address_is_free(now);
        EXPECT_EQ(owner.lease->mtu.value_or(0), used);
    }
}

TEST_F(dhcpv4, without_a_mask_the_classes_of_addresses_apply)
{
    for (const auto& [a, bits] : {std::pair("10.1.2.3", 8U), {"172.16.2.3", 16U}, {"192.0.2.2", 24U}}) {
        make();
        client->link_up(now);
        const dhcpv4_message d = next().m;
        dhcpv4_message o = answer(d, dhcpv4_type::offer);
        o.yiaddr = v4(a);
        o.prefix_length.reset();
        ASSERT_TRUE(client->received(o, now));
        o.type = dhcpv4_type::ack;
        ASSERT_TRUE(client->received(o, now));
        client->address_is_free(now);
        EXPECT_EQ(owner.lease->prefix_length, bits);
    }
}

// -- conflicts --------------------------------------------------------------------------------------------------------------

TEST_F(dhcpv4, declines_an_address_that_another_station_has) // RFC 2131 §3.1.5, §4.4.4
{
    client->link_up(now);
    offer(next().m);
    acknowledge(next().m);
    client->address_is_taken(now);
    const sent d = next();
    EXPECT_EQ(d.m.type, dhcpv4_type::decline);
    EXPECT_EQ(d.m.requested_address, theirs);
    EXPECT_EQ(d.m.server_id, server);
    EXPECT_EQ(d.m.client_id, options.client_id);
    EXPECT_TRUE(d.m.ciaddr.is_unspecified());
    EXPECT_TRUE(d.m.parameters.empty());
    EXPECT_TRUE(d.from.is_unspecified());
    EXPECT_EQ(d.to, address_v4::broadcast());
    EXPECT_FALSE(owner.lease);
    const time_point declined = now;
    const sent again = next();
    EXPECT_EQ(again.m.type, dhcpv4_type::discover);
    EXPECT_FALSE(again.m.requested_address);
    EXPECT_GE(now - declined, 10s);
    EXPECT_LE(now - declined, 11s);
}

TEST_F(dhcpv4, is_slow_where_everything_is_taken) // RFC 5227 §2.1.1
{
    client->link_up(now);
    for (unsigned n = 0; n < 10; ++n) {
        offer(next().m);
        acknowledge(next().m);
        client->address_is_taken(now);
        EXPECT_EQ(next().m.type, dhcpv4_type::decline);
    }
    const time_point declined = now;
    EXPECT_EQ(next().m.type, dhcpv4_type::discover);
    EXPECT_GE(now - declined, 60s);
}

TEST_F(dhcpv4, declines_an_address_that_the_host_has_already)
{
    owner.refuses = true;
    bind();
    EXPECT_EQ(next().m.type, dhcpv4_type::decline);
    EXPECT_FALSE(client->lease());
    EXPECT_EQ(client->state(), init);
}

TEST_F(dhcpv4, gives_up_an_address_on_which_another_station_insists) // RFC 5227 §2.4
{
    bind();
    owner.messages.clear();
    client->address_is_contested(now);
    EXPECT_FALSE(owner.lease);
    EXPECT_EQ(owner.lost, dhcpv4_loss::conflict);
    EXPECT_EQ(next().m.type, dhcpv4_type::decline);
    EXPECT_EQ(next().m.type, dhcpv4_type::discover);
}

TEST_F(dhcpv4, probes_nothing_unless_wanted)
{
    options.detect_conflicts = false;
    make();
    client->link_up(now);
    offer(next().m);
    acknowledge(next().m);
    EXPECT_EQ(client->state(), bound);
    EXPECT_TRUE(owner.lease);
    EXPECT_TRUE(owner.probed.is_unspecified());
}

} // namespace
} // namespace tapio::core::client
