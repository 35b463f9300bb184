// A host configured by DHCPv6, frame by frame, with a router that is a scripted server (RFC 8415).
#include "core/name_client.hpp"
#include "dhcpv6_link.hpp"

namespace tapio::core::dhcpv6_test {
namespace {

using enum wire::dhcpv6_type;

class dhcpv6 : public dhcpv6_link
{
protected:
    std::optional<error_code> why_not(const char* destination) const ///< none: there is a route
    {
        const auto found = h->net().routes().find(boost::asio::ip::make_address(destination), std::nullopt);
        return found ? std::nullopt : std::optional(found.error());
    }
    std::size_t probes(const address_v6& a) const
    {
        return static_cast<std::size_t>(std::count(probed.begin(), probed.end(), a));
    }
    void pull_the_cable()
    {
        h->set_link(1, false, 1500, now);
        run(1s);
        h->set_link(1, true, 1500, now);
    }
};

TEST_F(dhcpv6, gets_an_address_when_routers_say_so) // RFC 4861 §4.2, flag M
{
    configure(only_v6());
    run(5s);
    EXPECT_TRUE(heard.empty()) << "no router has said anything";
    advertise(true, false);
    run(5s);
    EXPECT_EQ(own(), std::vector{leased});
    const interface_configuration c = configuration();
    EXPECT_EQ(c.dhcpv6, dhcpv6_state::bound);
    ASSERT_TRUE(c.lease_v6);
    EXPECT_EQ(c.lease_v6->server, duid);
    EXPECT_EQ(c.lease_v6->addresses.at(0).valid_until, c.lease_v6->obtained + 7200s);
    EXPECT_EQ(c.dns_servers, std::vector<address>{v6("2001:db8::53")});
    EXPECT_EQ(c.search_domains, std::vector<std::string>{"corp.example"});
    const interface_configuration::own_address expected{leased, 128, address_origin::dhcpv6};
    EXPECT_NE(std::find(c.addresses.begin(), c.addresses.end(), expected), c.addresses.end());
    EXPECT_EQ(drops(drop_reason::dhcp_unexpected) + drops(drop_reason::dhcp_malformed), 0U);
}

TEST_F(dhcpv6, asks_for_servers_alone_when_routers_say_so) // flag O
{
    configure(only_v6());
    advertise(false, true);
    run(5s);
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard[0].m.type, information_request);
    EXPECT_TRUE(own().empty());
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::informed);
    EXPECT_TRUE(configuration().lease_v6->addresses.empty());
    EXPECT_EQ(h->names().status().servers, (std::vector<endpoint>{{v6("2001:db8::53"), 53}}));
    advertise(false, true);
    run(5s);
    EXPECT_EQ(heard.size(), 1U) << "nothing new";
    advertise(true, true);
    run(5s);
    EXPECT_EQ(own(), std::vector{leased});
}

TEST_F(dhcpv6, follows_routers_that_spoke_before)
{
    EXPECT_FALSE(h->autoconfigure(1, {}, now));
    run(2s);
    advertise(true, true);
    run(1s);
    EXPECT_TRUE(heard.empty());
    configure_options o = only_v6();
    o.slaac = false;
    configure(o);
    run(5s);
    EXPECT_EQ(own(), std::vector{leased});
}

TEST_F(dhcpv6, is_switched_off_by_the_user)
{
    configure_options o = only_v6();
    o.dhcpv6 = dhcpv6_use::off;
    configure(o);
    advertise(true, true);
    run(1h);
    EXPECT_TRUE(heard.empty());
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::off);
}

TEST_F(dhcpv6, needs_no_router_if_the_user_wants_it)
{
    configure_options o = only_v6();
    o.slaac = false;
    bind(o);
    EXPECT_EQ(configuration().addresses.size(), 2U) << "with a link-local one";
}

TEST_F(dhcpv6, speaks_from_its_link_local_address_to_all_servers) // RFC 8415 §7.1, §7.2, §14
{
    bind();
    ASSERT_EQ(heard.size(), 2U);
    for (const message& m : heard) {
        EXPECT_TRUE(m.from.is_link_local());
        EXPECT_EQ(m.to, v6("ff02::1:2"));
        EXPECT_TRUE((m.station == mac_address{{0x33, 0x33, 0, 1, 0, 2}}));
    }
    EXPECT_NE(heard[0].m.xid, heard[1].m.xid);
    EXPECT_NE(heard[0].m.xid, 0U);
}

TEST_F(dhcpv6, names_itself_by_the_link_layer_address) // RFC 8415 §11.4, §12
{
    bind();
    const auto& m = heard[0].m;
    const std::vector<unsigned> expected{0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
    ASSERT_EQ(m.client_id.size(), expected.size());
    for (std::size_t n = 0; n < expected.size(); ++n) EXPECT_EQ(std::to_integer<unsigned>(m.client_id[n]), expected[n]) << n;
    EXPECT_EQ(m.addresses.at(0).id, 1U) << "the interface";
}

TEST_F(dhcpv6, has_the_name_that_the_user_gives)
{
    configure_options o = only_v6();
    o.duid = {std::byte{0}, std::byte{4}, std::byte{7}};
    bind(o);
    EXPECT_EQ(heard[0].m.client_id, o.duid);
}

TEST_F(dhcpv6, takes_an_address_in_two_messages_if_the_server_can)
{
    rapid = true;
    bind();
    EXPECT_EQ(heard.size(), 1U);
}

TEST_F(dhcpv6, an_address_is_checked_for_duplicates) // RFC 8415 §18.2.10.1
{
    bind();
    EXPECT_EQ(probes(leased), 1U);
    EXPECT_EQ(count(decline), 0U);
}

TEST_F(dhcpv6, declines_an_address_that_another_node_has) // RFC 8415 §18.2.8
{
    taken = {leased};
    configure_options o = only_v6();
    o.dhcpv6 = dhcpv6_use::stateful;
    configure(o);
    const address_v6 first = leased;
    for (unsigned n = 0; n < 50 && count(decline) == 0; ++n) run(100ms);
    EXPECT_EQ(count(decline), 1U);
    EXPECT_EQ(last(decline).m.addresses.at(0).resources.at(0).address, first);
    EXPECT_EQ(last(decline).m.server_id, duid);
    EXPECT_TRUE(last(decline).from.is_link_local());
    EXPECT_TRUE(own().empty());
    leased = v6("2001:db8:1::78");
    run(10s);
    EXPECT_EQ(own(), std::vector{leased});
    EXPECT_EQ(probes(leased), 1U);
}

TEST_F(dhcpv6, defends_its_address_afterwards) // RFC 4862 §5.4.4: a conflict later on is no reason to give it up
{
    bind();
    claim(leased);
    run(5s);
    EXPECT_EQ(own(), std::vector{leased});
    EXPECT_EQ(count(decline), 0U);
}

TEST_F(dhcpv6, renews_and_the_address_stays_what_it_is)
{
    bind();
    const time_point until = configuration().lease_v6->addresses[0].valid_until;
    heard.clear();
    run(1800s);
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard[0].m.type, renew);
    EXPECT_GT(configuration().lease_v6->addresses[0].valid_until, until);
    run(24h);
    EXPECT_EQ(own(), std::vector{leased});
    EXPECT_EQ(probes(leased), 1U) << "once";
    EXPECT_LE(heard.size(), 50U);
}

TEST_F(dhcpv6, rebinds_when_its_server_is_silent_and_then_its_address_ends)
{
    bind();
    silent = true;
    run(2900s);
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::rebinding);
    EXPECT_TRUE(last(rebind).m.server_id.empty());
    run(800s);
    ASSERT_EQ(own().size(), 1U);
    EXPECT_TRUE(h->net().addresses().find(leased)->deprecated);
    run(3600s);
    EXPECT_TRUE(own().empty());
    EXPECT_FALSE(configuration().lease_v6);
    EXPECT_TRUE(configuration().dns_servers.empty());
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::soliciting);
    silent = false;
    run(3600s);
    EXPECT_EQ(own(), std::vector{leased});
    EXPECT_FALSE(h->net().addresses().find(leased)->deprecated);
}

TEST_F(dhcpv6, another_server_may_extend_it)
{
    bind();
    silent = true;
    run(2870s);
    duid.back() = std::byte{77};
    silent = false;
    run(1300s);
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::bound);
    EXPECT_EQ(configuration().lease_v6->server, duid);
}

TEST_F(dhcpv6, a_renewal_may_change_the_address)
{
    bind();
    const address_v6 before = leased;
    adapt = [&](wire::dhcpv6_message& m) {
        if (m.addresses.empty()) return;
        m.addresses[0].resources.push_back({before, 128, 0, 0, {}});
    };
    leased = v6("2001:db8:2::99");
    const auto version = configuration().version;
    run(1800s);
    EXPECT_EQ(own(), std::vector{leased});
    EXPECT_NE(configuration().version, version);
    run(2s);
    EXPECT_EQ(probes(leased), 1U);
}

TEST_F(dhcpv6, asks_whether_its_addresses_are_right_when_the_link_comes_back) // RFC 8415 §18.2.3
{
    bind();
    heard.clear();
    pull_the_cable();
    EXPECT_EQ(own(), std::vector{leased}) << "it stays meanwhile";
    run(5s);
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard[0].m.type, confirm);
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::bound);
    EXPECT_EQ(probes(leased), 2U) << "there may be another node there";
}

TEST_F(dhcpv6, begins_anew_on_another_link)
{
    bind();
    h->set_link(1, false, 1500, now);
    run(1s);
    silent = true;
    h->set_link(1, true, 1500, now);
    run(1500ms);
    ASSERT_EQ(heard.back().m.type, confirm);
    wire::dhcpv6_message a = answer_to(heard.back().m, reply);
    a.addresses.clear();
    a.status = wire::dhcpv6_status::not_on_link;
    say(a, heard.back().from);
    settle();
    EXPECT_TRUE(own().empty());
    silent = false;
    leased = v6("2001:db8:3::1");
    run(5s);
    EXPECT_EQ(own(), std::vector{leased});
}

TEST_F(dhcpv6, confirms_its_addresses_when_the_device_is_replaced)
{
    bind();
    device_info other;
    other.name = "eth9";
    other.mac = h->net().interface(1).info().mac;
    h->replace_device(1, other, now);
    run(5s);
    EXPECT_EQ(count(confirm), 1U);
}

TEST_F(dhcpv6, gets_a_prefix_that_is_unreachable_until_it_is_used) // RFC 7084 §4.3 WPD-5
{
    configure_options o = only_v6();
    o.delegate_prefix = true;
    bind(o);
    advertise(false, false); // a default route, towards the router that delegates the prefix
    run(1s);
    ASSERT_EQ(configuration().lease_v6->prefixes.size(), 1U);
    EXPECT_EQ(configuration().lease_v6->prefixes[0].address, delegated);
    EXPECT_EQ(configuration().lease_v6->prefixes[0].length, 56U);
    EXPECT_EQ(why_not("2001:db8:7700:1::5"), errno_code(EHOSTUNREACH));
    EXPECT_FALSE(why_not("2001:db8:8800::5")) << "the default route";
}

TEST_F(dhcpv6, a_part_of_the_prefix_serves_another_interface)
{
    configure_options o = only_v6();
    o.delegate_prefix = true;
    bind(o);
    advertise(false, false);
    auto octets = configuration().lease_v6->prefixes.at(0).address.to_bytes();
    octets[7] = 5, octets[15] = 1; // the sixth network of 64 bits, and the first address there
    ASSERT_FALSE(h->add_address(2, address_v6(octets), 64, now));
    h->set_forwarding();
    run(5s);
    const auto there = h->net().routes().find_way(v6("2001:db8:7700:5::99"));
    ASSERT_TRUE(there.route);
    EXPECT_EQ(there.route->interface, 2U);
    EXPECT_EQ(h->net().routes().find_way(v6("2001:db8:7700:6::99")).kind, route_kind::unreachable);

    // A packet from outside to a network that is not in use does not go back where it came from.
    errors.clear();
    udp(packet(slice::copy_of(std::vector<std::byte>(8))), v6("2001:db8:ffff::1"), v6("2001:db8:7700:6::99"), 1000, 2000);
    settle();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].type, wire::icmpv6_type::destination_unreachable);
}

TEST_F(dhcpv6, a_prefix_that_ends_leaves_nothing_behind)
{
    configure_options o = only_v6();
    o.delegate_prefix = true;
    bind(o);
    advertise(false, false);
    settle();
    silent = true;
    const auto version = configuration().version;
    run(3h);
    EXPECT_NE(configuration().version, version);
    EXPECT_FALSE(configuration().lease_v6);
    for (const route_info& r : h->net().list_routes()) EXPECT_EQ(r.kind, route_kind::unicast);
}

TEST_F(dhcpv6, asks_for_a_prefix_although_routers_say_nothing_of_it)
{
    configure_options o = only_v6();
    o.delegate_prefix = true;
    o.wanted_prefix_length = 48;
    configure(o);
    run(5s);
    ASSERT_FALSE(heard.empty());
    EXPECT_EQ(heard[0].m.prefixes.at(0).resources.at(0).length, 48);
    EXPECT_FALSE(configuration().lease_v6->prefixes.empty());
}

TEST_F(dhcpv6, gives_everything_back_when_the_user_removes_an_address) // RFC 8415 §18.2.7
{
    configure_options o = only_v6();
    o.delegate_prefix = true;
    bind(o);
    ASSERT_FALSE(h->remove_address(leased, now));
    EXPECT_TRUE(own().empty());
    run(1s);
    EXPECT_EQ(count(release), 1U);
    EXPECT_EQ(last(release).m.addresses.at(0).resources.at(0).address, leased);
    EXPECT_EQ(last(release).m.prefixes.at(0).resources.at(0).address, delegated);
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::off);
    EXPECT_EQ(h->remove_address(leased, now), errno_code(EADDRNOTAVAIL));
    EXPECT_EQ(h->release_lease(1, now), errno_code(ENOENT)) << "the client has ended";
}

TEST_F(dhcpv6, gives_everything_back) // RFC 8415 §18.2.7
{
    configure_options o = only_v6();
    o.delegate_prefix = true;
    bind(o);
    ASSERT_FALSE(h->release_lease(1, now));
    EXPECT_TRUE(own().empty()) << "before the first message";
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::releasing);
    EXPECT_FALSE(configuration().lease_v6);
    run(1s);
    EXPECT_EQ(count(release), 1U);
    EXPECT_EQ(last(release).m.addresses.at(0).resources.at(0).address, leased);
    EXPECT_EQ(last(release).m.prefixes.at(0).resources.at(0).address, delegated);
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::off);
    for (const route_info& r : h->net().list_routes()) EXPECT_EQ(r.kind, route_kind::unicast);
    EXPECT_EQ(h->release_lease(1, now), errno_code(ENOENT));
    advertise(true, true);
    run(1h);
    EXPECT_EQ(count(solicit), 1U) << "over for good";
}

TEST_F(dhcpv6, may_be_configured_again_while_it_gives_back)
{
    bind();
    silent = true;
    ASSERT_FALSE(h->release_lease(1, now));
    settle();
    silent = false;
    configure_options o = only_v6();
    o.slaac = false;
    o.dhcpv6 = dhcpv6_use::stateful;
    configure(o);
    run(5s);
    EXPECT_EQ(own(), std::vector{leased});
    EXPECT_EQ(drops(drop_reason::dhcp_unexpected), 0U);
    EXPECT_EQ(h->configure(1, o, now), errno_code(EALREADY));
}

TEST_F(dhcpv6, gives_back_at_shutdown_what_is_to_be_given_back)
{
    configure_options o = only_v6();
    o.release_on_shutdown = true;
    bind(o);
    h->say_goodbye(now);
    settle();
    EXPECT_EQ(count(release), 1U);
}

TEST_F(dhcpv6, what_is_whose_is_kept_apart)
{
    router_dns = {{v6("2001:db8::aaaa"), 3600}, {v6("2001:db8::53"), 3600}};
    ASSERT_FALSE(h->add_address(1, v6("2001:db8:1::1"), 64, now));
    bind();
    advertise(true, true);
    run(1s);
    EXPECT_EQ(configuration().dns_servers, (std::vector<address>{v6("2001:db8::53"), v6("2001:db8::aaaa")}))
        << "those of DHCP first, each once";
    ASSERT_FALSE(h->release_lease(1, now));
    run(1s);
    EXPECT_EQ(configuration().dns_servers, (std::vector<address>{v6("2001:db8::aaaa"), v6("2001:db8::53")}));
    EXPECT_TRUE(h->net().addresses().is_ours(v6("2001:db8:1::1")));
}

TEST_F(dhcpv6, an_address_that_the_user_has_stays_the_users)
{
    ASSERT_FALSE(h->add_address(1, leased, 64, now));
    configure_options o = only_v6();
    o.dhcpv6 = dhcpv6_use::stateful;
    configure(o);
    run(5s);
    EXPECT_TRUE(own().empty());
    EXPECT_EQ(configuration().dhcpv6, dhcpv6_state::bound);
    ASSERT_FALSE(h->release_lease(1, now));
    EXPECT_TRUE(h->net().addresses().is_ours(leased));
}

TEST_F(dhcpv6, refuses_what_is_no_answer)
{
    silent = true;
    configure_options o = only_v6();
    o.dhcpv6 = dhcpv6_use::stateful;
    configure(o);
    run(1s);
    ASSERT_FALSE(heard.empty());
    wire::dhcpv6_message a = answer_to(heard[0].m, wire::dhcpv6_type::advertise);
    a.xid ^= 1;
    say(a, heard[0].from);
    a = answer_to(heard[0].m, reconfigure);
    say(a, heard[0].from);
    settle();
    EXPECT_EQ(drops(drop_reason::dhcp_unexpected), 2U);
    udp(packet(slice::copy_of(std::vector<std::byte>(3))), server, heard[0].from, 547, 546);
    settle();
    EXPECT_EQ(drops(drop_reason::dhcp_malformed), 1U);
}

TEST_F(dhcpv6, a_port_in_use_is_an_error_and_nothing_has_begun)
{
    const socket_id s = *h->udp().open(family::v6);
    ASSERT_FALSE(h->udp().bind(s, {address_v6::any(), 546}));
    EXPECT_EQ(h->configure(1, {}, now), errno_code(EADDRINUSE));
    EXPECT_EQ(h->release_lease(1, now), errno_code(ENOENT));
    h->udp().close(s, now);
    EXPECT_FALSE(h->configure(1, {}, now));
}

TEST_F(dhcpv6, options_that_cannot_be_are_errors)
{
    const auto refused = [&](auto change) {
        configure_options o;
        change(o);
        return h->configure(1, o, now) == errno_code(EINVAL);
    };
    EXPECT_TRUE(refused([](auto& o) { o.duid.resize(2); }));
    EXPECT_TRUE(refused([](auto& o) { o.duid.resize(131); }));
    EXPECT_TRUE(refused([](auto& o) { o.wanted_prefix_length = 129; }));
    EXPECT_TRUE(refused([](auto& o) { o.dhcpv4 = o.slaac = false; }));
    EXPECT_TRUE(refused([](auto& o) {
        o.dhcpv6 = dhcpv6_use::off;
        o.delegate_prefix = true;
    }));
}

} // namespace
} // namespace tapio::core::dhcpv6_test
