// A host configured by DHCPv4, frame by frame, with a scripted server (RFC 2131).
#include "core/name_client.hpp"
#include "dhcp_link.hpp"

namespace tapio::core::dhcp_test {
namespace {

using enum wire::dhcpv4_type;
using enum dhcpv4_state;

class dhcp : public dhcp_link
{
};

TEST_F(dhcp, gets_an_address_a_route_and_servers)
{
    configure(only_v4());
    run(10s);
    EXPECT_EQ(own(), v4("192.0.2.2"));
    EXPECT_EQ(gateway_to("192.0.2.9"), address(v4("192.0.2.9")));
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("192.0.2.254")));
    const interface_configuration c = configuration();
    EXPECT_EQ(c.dhcpv4, bound);
    ASSERT_TRUE(c.lease);
    EXPECT_EQ(c.lease->server, v4("192.0.2.254"));
    EXPECT_EQ(c.dns_servers, std::vector<address>{v4("192.0.2.254")});
    ASSERT_EQ(c.addresses.size(), 1U);
    EXPECT_EQ(c.addresses[0], (interface_configuration::own_address{v4("192.0.2.2"), 24, address_origin::dhcpv4}));
    EXPECT_EQ(drops(drop_reason::dhcp_unexpected) + drops(drop_reason::dhcp_malformed), 0U);
}

TEST_F(dhcp, its_servers_answer_for_names_unless_the_user_has_named_others)
{
    first().adapt = [](wire::dhcpv4_message& m) { m.search_domains = {"corp.example"}; };
    bind();
    EXPECT_EQ(h->names().status().servers, (std::vector<endpoint>{{v4("192.0.2.254"), 53}}));
    EXPECT_EQ(h->names().status().search, std::vector<std::string>{"corp.example"});
    dns_options users;
    users.servers = {{v4("192.0.2.9"), 0}};
    h->set_dns(users, now);
    EXPECT_EQ(h->names().status().servers, (std::vector<endpoint>{{v4("192.0.2.9"), 53}}));
    EXPECT_TRUE(h->names().status().search.empty());
    h->set_dns({}, now);
    EXPECT_EQ(h->names().status().search, std::vector<std::string>{"corp.example"});
    ASSERT_FALSE(h->release_lease(1, now));
    EXPECT_TRUE(h->names().status().servers.empty());
}

TEST_F(dhcp, speaks_from_no_address_to_everybody) // RFC 2131 §4.1
{
    first().rapid = false;
    bind();
    ASSERT_EQ(first().heard.size(), 2U);
    for (const message& m : first().heard) {
        EXPECT_TRUE(m.from.is_unspecified());
        EXPECT_EQ(m.to, address_v4::broadcast());
        EXPECT_TRUE(m.station == mac_address::broadcast());
        EXPECT_TRUE(m.m.broadcast);
    }
    EXPECT_EQ(first().heard[1].m.type, request);
}

TEST_F(dhcp, probes_and_announces_its_address) // RFC 5227 §2.1.1, §2.3
{
    configure(only_v4());
    run(3s);
    EXPECT_FALSE(own());
    EXPECT_EQ(configuration().dhcpv4, probing);
    run(10s);
    EXPECT_EQ(own(), v4("192.0.2.2"));
    ASSERT_EQ(first().arp.size(), 5U);
    EXPECT_EQ(first().probes(v4("192.0.2.2")), 3U);
    for (const std::size_t n : {3U, 4U}) {
        EXPECT_EQ(first().arp[n].sender_ip, v4("192.0.2.2"));
        EXPECT_EQ(first().arp[n].target_ip, v4("192.0.2.2"));
    }
}

TEST_F(dhcp, names_itself_by_the_link_layer_address) // RFC 4361 §6.1
{
    configure_options o = only_v4();
    o.hostname = "Host-1";
    bind(o);
    const auto& m = first().heard[0].m;
    const std::vector<unsigned> expected{255, 0, 0, 0, 1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
    ASSERT_EQ(m.client_id.size(), expected.size());
    for (std::size_t n = 0; n < expected.size(); ++n) EXPECT_EQ(std::to_integer<unsigned>(m.client_id[n]), expected[n]) << n;
    EXPECT_EQ(m.host_name, "host-1");
    EXPECT_EQ(m.max_message_size, 1500);
}

TEST_F(dhcp, declines_an_address_that_another_station_has) // RFC 2131 §4.4.4
{
    first().taken = {v4("192.0.2.2")};
    configure(only_v4());
    run(6s);
    EXPECT_EQ(first().count(decline), 1U);
    EXPECT_EQ(first().last(decline).m.requested_address, v4("192.0.2.2"));
    EXPECT_TRUE(first().last(decline).from.is_unspecified());
    EXPECT_FALSE(own());
    first().leased = v4("192.0.2.3");
    run(20s);
    EXPECT_EQ(own(), v4("192.0.2.3"));
    EXPECT_GE(first().last(discover).when - first().last(decline).when, 10s);
}

TEST_F(dhcp, defends_its_address_once_then_declines_it) // RFC 5227 §2.4 (b)
{
    bind();
    first().arp.clear();
    insist(first(), v4("192.0.2.2"));
    EXPECT_EQ(first().arp.size(), 1U) << "the defence";
    EXPECT_EQ(own(), v4("192.0.2.2"));
    run(5s);
    insist(first(), v4("192.0.2.2"));
    EXPECT_FALSE(own());
    EXPECT_FALSE(gateway_to("203.0.113.9"));
    EXPECT_EQ(first().count(decline), 1U);
    first().leased = v4("192.0.2.3");
    run(30s);
    EXPECT_EQ(own(), v4("192.0.2.3"));
}

TEST_F(dhcp, renews_by_unicast) // RFC 2131 §4.4.5
{
    bind();
    const time_point until = configuration().lease->expires;
    first().heard.clear();
    run(1800s);
    ASSERT_EQ(first().heard.size(), 1U);
    const message& m = first().heard[0];
    EXPECT_EQ(m.from, v4("192.0.2.2"));
    EXPECT_EQ(m.to, v4("192.0.2.254"));
    EXPECT_TRUE(m.station == first().mac);
    EXPECT_EQ(m.m.ciaddr, v4("192.0.2.2"));
    EXPECT_GT(configuration().lease->expires, until);
    EXPECT_EQ(own(), v4("192.0.2.2"));
    run(24h);
    EXPECT_EQ(own(), v4("192.0.2.2"));
    EXPECT_LE(first().heard.size(), 53U);
    EXPECT_EQ(first().count(discover), 0U);
    EXPECT_EQ(first().probes(v4("192.0.2.2")), 3U) << "probed once";
}

TEST_F(dhcp, rebinds_by_broadcast_although_there_is_a_default_route)
{
    bind();
    first().silent = true;
    run(3150s);
    EXPECT_EQ(configuration().dhcpv4, rebinding);
    const message& m = first().last(request);
    EXPECT_EQ(m.from, v4("192.0.2.2"));
    EXPECT_EQ(m.to, address_v4::broadcast());
    EXPECT_TRUE(m.station == mac_address::broadcast());
    first().silent = false;
    first().address = v4("192.0.2.253"); // another server answers the next one
    run(400s);
    EXPECT_EQ(configuration().dhcpv4, bound);
    EXPECT_EQ(configuration().lease->server, v4("192.0.2.253"));
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("192.0.2.253")));
}

TEST_F(dhcp, an_expired_lease_leaves_nothing_behind)
{
    first().adapt = [](wire::dhcpv4_message& m) {
        m.mtu = 1000;
        m.ntp_servers = {v4("192.0.2.1")};
        m.domain_name = "example.com";
    };
    bind();
    EXPECT_EQ(h->net().interface(1).mtu(family::v4), 1000U);
    EXPECT_EQ(configuration().ntp_servers.size(), 1U);
    EXPECT_EQ(configuration().search_domains, std::vector<std::string>{"example.com"});
    first().silent = true;
    run(3600s);
    EXPECT_FALSE(own());
    EXPECT_EQ(addresses(), 0U);
    EXPECT_TRUE(h->net().list_routes().empty());
    EXPECT_EQ(h->net().interface(1).mtu(family::v4), 1500U);
    const interface_configuration c = configuration();
    EXPECT_FALSE(c.lease);
    EXPECT_TRUE(c.dns_servers.empty() && c.ntp_servers.empty() && c.search_domains.empty());
    EXPECT_EQ(c.dhcpv4, selecting);
    EXPECT_TRUE(first().last(discover).from.is_unspecified());
    first().silent = false;
    run(80s);
    EXPECT_EQ(own(), v4("192.0.2.2")) << "and again";
}

TEST_F(dhcp, a_refusal_removes_the_address_and_begins_anew)
{
    bind();
    first().rapid = false;
    first().refuses = true;
    first().leased = v4("192.0.2.7");
    run(1801s);
    EXPECT_FALSE(own());
    EXPECT_TRUE(h->net().list_routes().empty());
    first().refuses = false;
    run(80s);
    EXPECT_EQ(own(), v4("192.0.2.7"));
    EXPECT_EQ(addresses(), 1U);
}

TEST_F(dhcp, does_not_flood_a_server_that_always_refuses)
{
    first().rapid = false;
    first().refuses = true;
    configure(only_v4());
    run(1h);
    EXPECT_LT(first().heard.size(), 140U);
    EXPECT_GT(first().heard.size(), 100U);
}

TEST_F(dhcp, a_silent_server_hears_little_in_an_hour)
{
    first().silent = true;
    configure(only_v4());
    run(1h);
    EXPECT_GT(first().heard.size(), 50U);
    EXPECT_LT(first().heard.size(), 65U);
    EXPECT_EQ(addresses(), 0U);
    first().silent = false;
    run(80s);
    EXPECT_EQ(own(), v4("192.0.2.2"));
}

TEST_F(dhcp, asks_for_its_address_when_the_link_comes_back) // RFC 2131 §3.7
{
    bind();
    h->set_link(1, false, 1500, now);
    run(60s);
    EXPECT_EQ(own(), v4("192.0.2.2")) << "kept, as the user's addresses are";
    EXPECT_EQ(configuration().dhcpv4, off);
    first().heard.clear();
    first().arp.clear();
    h->set_link(1, true, 1500, now);
    settle();
    EXPECT_TRUE(first().arp.empty()) << "it is not announced before it has been confirmed";
    run(2s);
    ASSERT_EQ(first().arp.size(), 1U);
    EXPECT_EQ(first().arp[0].sender_ip, v4("192.0.2.2"));
    ASSERT_EQ(first().heard.size(), 1U);
    const message& m = first().heard[0];
    EXPECT_EQ(m.m.type, request);
    EXPECT_EQ(m.m.requested_address, v4("192.0.2.2"));
    EXPECT_TRUE(m.from.is_unspecified()) << "although the interface has an address";
    EXPECT_EQ(m.to, address_v4::broadcast());
    EXPECT_EQ(configuration().dhcpv4, bound);
    EXPECT_EQ(configuration().lease->obtained, m.when);
}

TEST_F(dhcp, gives_its_address_up_on_another_network)
{
    bind();
    h->set_link(1, false, 1500, now);
    first().address = v4("203.0.113.254");
    first().leased = v4("203.0.113.2");
    first().refuses = true; // does not know the address
    h->set_link(1, true, 1500, now);
    run(2s);
    EXPECT_FALSE(own());
    first().refuses = false;
    run(20s);
    EXPECT_EQ(own(), v4("203.0.113.2"));
    EXPECT_EQ(gateway_to("198.51.100.9"), address(v4("203.0.113.254")));
    EXPECT_EQ(addresses(), 1U);
}

TEST_F(dhcp, verifies_its_address_when_the_device_is_replaced)
{
    bind();
    first().heard.clear();
    device_info eth;
    eth.name = "eth1";
    eth.mac = {{2, 0, 0, 0, 0, 9}};
    h->replace_device(1, eth, now);
    run(2s);
    ASSERT_EQ(first().heard.size(), 1U);
    EXPECT_EQ(first().heard[0].m.requested_address, v4("192.0.2.2"));
    EXPECT_TRUE(first().heard[0].m.chaddr == eth.mac);
    EXPECT_EQ(configuration().dhcpv4, bound);
}

TEST_F(dhcp, waits_for_the_link)
{
    h->set_link(1, false, 1500, now);
    configure(only_v4());
    run(1h);
    EXPECT_TRUE(first().heard.empty());
    h->set_link(1, true, 1500, now);
    run(10s);
    EXPECT_EQ(own(), v4("192.0.2.2"));
}

TEST_F(dhcp, another_address_comes_before_the_present_one_goes)
{
    bind();
    ASSERT_FALSE(h->add_route(v4("198.18.0.0"), 16, address(v4("192.0.2.77")), 1));
    h->set_link(1, false, 1500, now);
    h->set_link(1, true, 1500, now);
    first().silent = true;
    run(13s); // nobody confirms the address
    first().silent = false;
    first().leased = v4("192.0.2.3");
    run(80s);
    EXPECT_EQ(own(), v4("192.0.2.3"));
    EXPECT_EQ(addresses(), 1U);
    EXPECT_EQ(gateway_to("198.18.0.1"), address(v4("192.0.2.77"))) << "the user's route";
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("192.0.2.254")));
    EXPECT_EQ(h->net().list_routes().size(), 3U);
}

TEST_F(dhcp, a_renewal_may_change_the_routes_and_the_prefix)
{
    bind();
    first().adapt = [](wire::dhcpv4_message& m) {
        m.prefix_length = 25;
        m.classless_routes = {{v4("198.51.100.0"), 24, v4("192.0.2.77")}, {v4("203.0.113.0"), 24, v4("0.0.0.0")}};
    };
    run(1800s);
    EXPECT_EQ(own(), v4("192.0.2.2"));
    EXPECT_EQ(gateway_to("198.51.100.9"), address(v4("192.0.2.77")));
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("203.0.113.9"))) << "on the link";
    EXPECT_FALSE(gateway_to("198.18.0.1")) << "no default route";
    EXPECT_FALSE(gateway_to("192.0.2.200"));
    EXPECT_EQ(configuration().addresses[0].prefix_length, 25U);
}

TEST_F(dhcp, reaches_a_gateway_outside_of_its_subnet)
{
    first().adapt = [](wire::dhcpv4_message& m) { m.prefix_length = 32; };
    bind();
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("192.0.2.254")));
    EXPECT_EQ(gateway_to("192.0.2.254"), address(v4("192.0.2.254")));
    first().silent = true;
    run(3600s);
    EXPECT_TRUE(h->net().list_routes().empty());
}

TEST_F(dhcp, an_infinite_lease_is_kept)
{
    first().lease_time = wire::infinite_lease;
    bind();
    first().heard.clear();
    run(24h * 30);
    EXPECT_TRUE(first().heard.empty());
    EXPECT_EQ(own(), v4("192.0.2.2"));
    EXPECT_EQ(h->next_deadline(), never);
}

TEST_F(dhcp, what_the_user_gave_stays)
{
    ASSERT_FALSE(h->add_address(1, v4("192.0.2.9"), 24, now));
    ASSERT_FALSE(h->add_route(v4("0.0.0.0"), 0, address(v4("192.0.2.1")), 1));
    bind();
    EXPECT_TRUE(first().heard[0].from.is_unspecified()) << "although the interface has an address";
    EXPECT_EQ(addresses(), 2U);
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("192.0.2.1"))) << "is preferred";
    first().silent = true;
    run(3600s);
    EXPECT_EQ(addresses(), 1U);
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("192.0.2.1")));
    EXPECT_EQ(configuration().addresses[0].origin, address_origin::manual);
}

TEST_F(dhcp, a_route_that_refuses_everything_does_not_stop_it)
{
    route_info refusing;
    refusing.network = v4("0.0.0.0");
    refusing.kind = route_kind::unreachable;
    ASSERT_FALSE(h->add_route(refusing));
    bind();
}

TEST_F(dhcp, the_users_routes_outlive_the_lease)
{
    bind();
    ASSERT_FALSE(h->add_route(v4("203.0.113.0"), 24, address(v4("192.0.2.1")), 1));
    ASSERT_FALSE(h->add_route(v4("0.0.0.0"), 0, address(v4("192.0.2.254")), 1)); // as the leased one, but for the metric
    first().silent = true;
    run(3600s);
    EXPECT_FALSE(own());
    std::size_t users = 0, leased = 0;
    for (const route_info& r : h->net().list_routes())
        if (r.interface == 1 && r.gateway) ++(r.metric == 0 ? users : leased);
    EXPECT_EQ(users, 2U);
    EXPECT_EQ(leased, 0U);
}

TEST_F(dhcp, an_address_is_used_although_the_one_before_it_expired_while_it_was_probed)
{
    bind();
    first().silent = true;
    const time_point expires = configuration().lease->expires;
    run(expires - 16500ms - now);
    h->set_link(1, false, 1500, now);
    h->set_link(1, true, 1500, now);
    first().silent = false;
    first().leased = v4("192.0.2.3"); // requests for the address of before get no answer that fits
    run(expires - 1ms - now);
    ASSERT_EQ(configuration().dhcpv4, probing);
    ASSERT_EQ(own(), v4("192.0.2.2"));
    run(10s);
    EXPECT_EQ(own(), v4("192.0.2.3"));
}

TEST_F(dhcp, an_address_that_the_user_removes_is_given_back_and_the_client_ends) // RFC 2131 §4.4.6
{
    bind();
    first().heard.clear();
    ASSERT_FALSE(h->add_address(1, v4("192.0.2.7"), 24, now));
    ASSERT_FALSE(h->remove_address(v4("192.0.2.2"), now));
    EXPECT_EQ(addresses(), 1U) << "the user's other one";
    run(1s);
    ASSERT_EQ(first().heard.size(), 1U);
    EXPECT_EQ(first().heard[0].m.type, wire::dhcpv4_type::release);
    EXPECT_EQ(first().heard[0].from, v4("192.0.2.2"));
    EXPECT_FALSE(configuration().lease);
    EXPECT_EQ(configuration().dhcpv4, dhcpv4_state::off);
    EXPECT_EQ(h->remove_address(v4("192.0.2.2"), now), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(h->release_lease(1, now), errno_code(ENOENT)) << "the client has ended";
    run(5h);
    EXPECT_EQ(first().heard.size(), 1U) << "it asks for nothing any more";
    ASSERT_FALSE(h->remove_address(v4("192.0.2.7"), now));
    bind();
}

TEST_F(dhcp, an_address_of_the_user_that_is_removed_does_not_concern_the_client)
{
    bind();
    first().heard.clear();
    ASSERT_FALSE(h->add_address(1, v4("192.0.2.7"), 24, now));
    ASSERT_FALSE(h->remove_address(v4("192.0.2.7"), now));
    run(1s);
    EXPECT_TRUE(first().heard.empty());
    EXPECT_EQ(own(), v4("192.0.2.2"));
}

TEST_F(dhcp, an_address_that_the_user_has_made_his_own_stays)
{
    bind();
    ASSERT_FALSE(h->remove_address(v4("192.0.2.2"), now));
    ASSERT_FALSE(h->add_address(1, v4("192.0.2.2"), 24, now));
    first().silent = true;
    run(3600s);
    EXPECT_FALSE(configuration().lease);
    EXPECT_EQ(addresses(), 1U);
}

TEST_F(dhcp, declines_an_address_that_the_user_gave)
{
    ASSERT_FALSE(h->add_address(1, v4("192.0.2.2"), 24, now));
    configure(only_v4());
    run(10s);
    EXPECT_EQ(first().count(decline), 1U);
    EXPECT_EQ(configuration().addresses.at(0).origin, address_origin::manual);
    first().leased = v4("192.0.2.3");
    run(20s);
    EXPECT_EQ(own(), v4("192.0.2.3"));
    EXPECT_EQ(addresses(), 2U);
}

TEST_F(dhcp, configures_two_interfaces_of_which_each_has_its_own)
{
    start(2);
    configure(only_v4(), 1);
    configure(only_v4(), 2);
    run(10s);
    EXPECT_EQ(own(1), v4("192.0.2.2"));
    EXPECT_EQ(own(2), v4("198.51.100.2"));
    EXPECT_EQ(gateway_to("198.51.100.9"), address(v4("198.51.100.9")));
    EXPECT_EQ(configuration(2).dns_servers, std::vector<address>{v4("198.51.100.254")});
    EXPECT_NE(servers[0].heard[0].m.client_id, servers[1].heard[0].m.client_id);
    servers[0].silent = true;
    run(3600s);
    EXPECT_FALSE(own(1));
    EXPECT_EQ(own(2), v4("198.51.100.2"));
    EXPECT_EQ(gateway_to("203.0.113.9"), address(v4("198.51.100.254"))) << "the other default route";
    EXPECT_EQ(drops(drop_reason::dhcp_unexpected), 0U) << "each client hears its own link";
}

TEST_F(dhcp, a_lease_is_given_back) // RFC 2131 §4.4.6
{
    bind();
    first().heard.clear();
    ASSERT_FALSE(h->release_lease(1, now));
    run(1s);
    ASSERT_EQ(first().heard.size(), 1U);
    const message& m = first().heard[0];
    EXPECT_EQ(m.m.type, wire::dhcpv4_type::release);
    EXPECT_EQ(m.from, v4("192.0.2.2"));
    EXPECT_EQ(m.to, v4("192.0.2.254"));
    EXPECT_EQ(addresses(), 0U);
    run(1h);
    EXPECT_EQ(first().heard.size(), 1U);
    EXPECT_EQ(h->release_lease(1, now), errno_code(ENOENT));
    bind();
}

TEST_F(dhcp, leases_are_given_back_at_the_end_only_if_that_is_wanted)
{
    start(2);
    configure_options o = only_v4();
    configure(o, 1);
    o.release_on_shutdown = true;
    configure(o, 2);
    run(10s);
    h->say_goodbye(now);
    run(1s);
    EXPECT_EQ(servers[0].count(wire::dhcpv4_type::release), 0U);
    EXPECT_EQ(servers[1].count(wire::dhcpv4_type::release), 1U);
}

TEST_F(dhcp, the_version_of_the_configuration_changes_with_it)
{
    const auto before = configuration().version;
    configure(only_v4());
    run(10s);
    const auto with_lease = configuration().version;
    EXPECT_GT(with_lease, before);
    run(100s);
    EXPECT_EQ(configuration().version, with_lease) << "nothing has happened";
    run(1800s);
    const auto renewed = configuration().version;
    EXPECT_GT(renewed, with_lease);
    ASSERT_FALSE(h->add_address(1, v4("203.0.113.1"), 24, now));
    EXPECT_GT(configuration().version, renewed);
}

TEST_F(dhcp, knows_what_it_cannot_do)
{
    EXPECT_EQ(h->configure(0, only_v4(), now), errno_code(ENODEV));
    EXPECT_EQ(h->configure(9, only_v4(), now), errno_code(ENODEV));
    configure_options bad = only_v4();
    bad.hostname = "not a name";
    EXPECT_EQ(h->configure(1, bad, now), errno_code(EINVAL));
    bad = only_v4();
    bad.client_id = {std::byte{1}};
    EXPECT_EQ(h->configure(1, bad, now), errno_code(EINVAL));
    bad.client_id.assign(256, std::byte{1});
    EXPECT_EQ(h->configure(1, bad, now), errno_code(EINVAL));
    bad = only_v4();
    bad.vendor_class = "\n";
    EXPECT_EQ(h->configure(1, bad, now), errno_code(EINVAL));
    bad = only_v4();
    bad.dhcpv4 = false;
    EXPECT_EQ(h->configure(1, bad, now), errno_code(EINVAL));
    const socket_id taken = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().bind(taken, {address_v4::any(), 68}));
    EXPECT_EQ(h->configure(1, only_v4(), now), errno_code(EADDRINUSE));
    h->udp().close(taken, now);
    EXPECT_FALSE(h->configure(1, only_v4(), now));
    EXPECT_EQ(h->configure(1, only_v4(), now), errno_code(EALREADY));
    device_info tun;
    tun.link = link_type::ip;
    EXPECT_EQ(h->configure(h->add_interface(tun), only_v4(), now), errno_code(EOPNOTSUPP));
}

TEST_F(dhcp, autoconfigures_ipv6_too_unless_unwanted)
{
    bind({});
    const auto all = configuration().addresses;
    EXPECT_EQ(all.size(), 2U);
    EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& a) { return a.origin == address_origin::link_local; }), 1);
    start();
    bind(only_v4());
    EXPECT_EQ(configuration().addresses.size(), 1U);
}

TEST_F(dhcp, any_program_may_speak_from_no_address) // as Linux: with SO_BINDTODEVICE
{
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::broadcast, 1, now));
    ASSERT_FALSE(h->udp().set_option(s, socket_option::bound_interface, 2, now));
    ASSERT_FALSE(h->udp().bind(s, {address_v4::any(), 68}));
    const endpoint to{address_v4::broadcast(), 67}, one{v4("192.0.2.254"), 67};
    wire::dhcpv4_message m;
    m.type = discover;
    const auto payload = wire::make_dhcpv4(m);
    const std::array<const_bytes, 1> list{const_bytes(payload)};
    EXPECT_TRUE(h->udp().send(s, list, &to, now));
    settle();
    ASSERT_EQ(first().heard.size(), 1U);
    EXPECT_TRUE(first().heard[0].from.is_unspecified());
    EXPECT_EQ(h->udp().send(s, list, &one, now).error(), errno_code(ENETUNREACH)) << "but to everybody only";
    send_hints hints;
    hints.info = packet_info{1, address(address_v4())};
    EXPECT_EQ(h->udp().send(s, list, &one, now, hints).error(), errno_code(ENETUNREACH));
}

/// Answers that are damaged, doubled, late, or other people's: the host does not come into disorder, and what is no answer of a
/// server's is counted.
TEST_F(dhcp, survives_damaged_answers)
{
    std::uint64_t state = 3;
    const auto below = [&state](std::uint64_t n) { return split_mix(state) % n; };
    configure(only_v4());
    std::size_t bindings = 0;
    for (unsigned n = 0; n < 20'000; ++n) {
        first().silent = below(4) != 0;
        run(std::chrono::milliseconds(below(60'000) >> below(12)));
        if (first().heard.empty()) continue;
        auto octets = wire::make_dhcpv4(answer_to(first(), first().heard.back().m, static_cast<wire::dhcpv4_type>(1 + below(8))));
        for (std::uint64_t damage = below(3); damage > 0; --damage)
            octets[below(octets.size())] = static_cast<std::byte>(below(256));
        if (below(8) == 0) octets.resize(below(octets.size()));
        udp(first(), packet(slice::copy_of(octets)), address_v4::broadcast(), mac_address::broadcast());
        settle();
        bindings += own().has_value();
        ASSERT_LE(addresses(), 1U);
        ASSERT_LE(h->net().list_routes().size(), 3U);
        if (below(64) == 0) h->set_link(1, below(4) != 0, 1500, now);
        first().heard.erase(first().heard.begin(), first().heard.end() - 1);
        first().arp.clear();
    }
    EXPECT_GT(bindings, 2000U);
    EXPECT_GT(drops(drop_reason::dhcp_unexpected), 5000U);
    EXPECT_GT(drops(drop_reason::dhcp_malformed), 500U);
}

} // namespace
} // namespace tapio::core::dhcp_test
