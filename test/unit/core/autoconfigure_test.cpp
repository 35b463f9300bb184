// IPv6 autoconfiguration and multicast reports of a host, frame by frame (RFC 4861 §6.3, RFC 4862, RFC 3810, RFC 3376).
#include "core/name_client.hpp"
#include "raw_host.hpp"
#include "wire/icmpv6.hpp"
#include "wire/igmp.hpp"
#include "wire/ipv6.hpp"
#include "wire/mld.hpp"
#include "wire/ndp.hpp"
#include "wire/router_advertisement.hpp"

#include <algorithm>

namespace tapio::core {
namespace {

using wire::icmpv6_type;

/// A host that autoconfigures its Ethernet; the test is the router fe80::2.
class autoconfigured : public raw_host
{
protected:
    autoconfigured() { EXPECT_FALSE(h->autoconfigure(1, {}, now)); }

    void wait(duration d)
    {
        for (const time_point end = now + d; now < end; now += 100ms) drain();
    }
    /// @return ICMPv6 types of the messages sent in the next while, each once
    std::vector<icmpv6_type> heard(duration d)
    {
        std::vector<icmpv6_type> types;
        for (const time_point end = now + d; now < end; now += 100ms) {
            h->advance(now);
            for (packet p; h->next_packet(1, p, now);) {
                const octets all = flat(p);
                wire::ipv6_fields f;
                const auto ip = const_bytes(all).subspan(14);
                if (all[12] != std::byte{0x86} || wire::read_ipv6(ip, ip.size(), f)) continue;
                if (f.protocol == ip_protocol::icmpv6) types.push_back(wire::parse_icmpv6(ip.subspan(f.header_length))->type);
            }
        }
        return types;
    }
    void advertise(const wire::router_advertisement& ra, std::uint8_t hop_limit = 255)
    {
        packet p = wire::make_router_advertisement(ra);
        const flow_key flow({router, 0}, {at6("ff02::1"), 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(p, icmpv6_type::router_advertisement, 0, wire::rest_of(ra), flow);
        wire::push_ipv6(p, {ip_protocol::icmpv6, hop_limit, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(p), wire::ether_type::ipv6, {{0x33, 0x33, 0, 0, 0, 1}});
    }
    wire::router_advertisement usual() const
    {
        wire::router_advertisement ra;
        ra.router_lifetime = 1800;
        ra.source_link = their_mac;
        ra.prefixes = {{at6("2001:db8:1::"), 64, true, true, 7200, 3600}};
        return ra;
    }
    std::vector<address_v6> addresses(const char* prefix) const
    {
        std::vector<address_v6> out;
        for (const auto& a : h->net().interface(1).addresses)
            if (a.address.is_v6() && ip::same_prefix(without_zone(a.address), at6(prefix), 64)) out.push_back(a.address.to_v6());
        return out;
    }
    bool has_default_route() const
    {
        const auto all = h->net().list_routes();
        return std::any_of(all.begin(), all.end(), [](const route_info& r) { return r.network.is_v6() && r.prefix_length == 0; });
    }
    address source_to(const char* destination) const
    {
        const auto found = h->net().routes().find(at6(destination), std::nullopt);
        return found ? found->source : address();
    }

    const address_v6 router = at6("fe80::2");
};

TEST_F(autoconfigured, has_a_link_local_address_and_solicits_routers) // RFC 4861 §6.3.7
{
    EXPECT_EQ(addresses("fe80::").size(), 1U);
    const auto types = heard(15s);
    EXPECT_EQ(std::count(types.begin(), types.end(), icmpv6_type::router_solicitation), 3);
}

TEST_F(autoconfigured, has_an_address_of_an_advertised_prefix_and_a_default_route) // RFC 4862 §5.5.3
{
    wait(2s);
    advertise(usual());
    ASSERT_EQ(addresses("2001:db8:1::").size(), 1U);
    EXPECT_TRUE(has_default_route());
    EXPECT_EQ(source_to("2001:db8:ffff::1"), address(addresses("2001:db8:1::").front()));
    EXPECT_EQ(h->net().interface(1).neighbors.address_of(router), their_mac);
}

TEST_F(autoconfigured, does_not_believe_what_a_router_passed_on) // RFC 4861 §6.1.2
{
    wait(2s);
    advertise(usual(), 254);
    EXPECT_TRUE(addresses("2001:db8:1::").empty());
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 1U);
}

TEST_F(autoconfigured, is_renumbered) // RFC 4862 §5.5.3 (e), §5.5.4
{
    wait(2s);
    advertise(usual());
    auto next = usual();
    next.prefixes[0].preferred_lifetime = 0;
    next.prefixes.push_back({at6("2001:db8:2::"), 64, true, true, 7200, 3600});
    advertise(next);
    ASSERT_EQ(addresses("2001:db8:2::").size(), 1U);
    ASSERT_EQ(addresses("2001:db8:1::").size(), 1U); // deprecated, and still there
    EXPECT_EQ(source_to("2001:db8:ffff::1"), address(addresses("2001:db8:2::").front()));
    wait(7201s);
    EXPECT_TRUE(addresses("2001:db8:1::").empty());
}

/// With a temporary address besides the stable one, which sockets may prefer (RFC 5014, RFC 6724 §5 rule 7).
class autoconfigured_twice : public autoconfigured
{
protected:
    autoconfigured_twice()
    {
        start();
        autoconfigure_options with_temporary;
        with_temporary.temporary_addresses = true;
        EXPECT_FALSE(h->autoconfigure(1, with_temporary, now));
        wait(2s);
        advertise(usual());
        wait(2s);
        for (const auto& a : h->net().interface(1).addresses)
            if (!needs_zone(a.address) && a.address.is_v6()) (a.temporary ? temporary : stable) = a.address;
        EXPECT_TRUE(temporary.is_v6() && stable.is_v6());
    }
    /// The source of a socket that has chosen `flags`, when it is connected.
    template <class Protocol>
    address source_with(Protocol& sockets, int flags)
    {
        const socket_id id = *sockets.open(family::v6, 0);
        EXPECT_FALSE(sockets.set_option(id, socket_option::source_preferences, flags, now));
        (void)sockets.connect(id, there, now);
        return sockets.local_endpoint(id)->address;
    }
    address sent_from(socket_id id) ///< the source of the next datagram that an unconnected socket sends
    {
        drain();
        const std::array<const_bytes, 1> list{bytes_of("x")};
        EXPECT_TRUE(h->udp().send(id, list, &there, now));
        packet p;
        h->advance(now);
        while (h->next_packet(1, p, now)) {
            ip::rx_packet sent(std::move(p));
            ip::parse(sent, link_type::ethernet);
            if (sent.protocol() == ip_protocol::udp) return sent.flow.source_address();
        }
        return {};
    }

    address stable, temporary;
    const endpoint there{at6("2001:db8:ffff::1"), 9};
    static constexpr int by_default = 0x100, prefer_temporary = 1, prefer_public = 2, care_of = 4;
};

TEST_F(autoconfigured_twice, sends_from_the_kind_of_address_that_a_socket_prefers)
{
    for (const auto& [flags, expected] :
         {std::pair(by_default, temporary), {prefer_temporary, temporary}, {prefer_public, stable}, {care_of, temporary}}) {
        EXPECT_EQ(source_with(h->udp(), flags), expected) << flags;
        EXPECT_EQ(source_with(h->tcp(), flags), expected) << flags;
    }
    EXPECT_EQ(*h->net().addresses().interface_of(stable), 1U);
}

TEST_F(autoconfigured_twice, follows_a_preference_that_changes_between_two_datagrams)
{
    const socket_id id = *h->udp().open(family::v6);
    const auto prefer = [&](int flags) { return h->udp().set_option(id, socket_option::source_preferences, flags, now); };
    EXPECT_EQ(sent_from(id), temporary);
    EXPECT_FALSE(prefer(prefer_public));
    EXPECT_EQ(sent_from(id), stable);
    EXPECT_EQ(prefer(prefer_public | prefer_temporary), errno_code(EINVAL));
    EXPECT_EQ(sent_from(id), stable) << "nothing has changed";
    EXPECT_FALSE(prefer(prefer_public | care_of));
    EXPECT_EQ(*h->udp().get_option(id, socket_option::source_preferences), prefer_public | care_of);
    EXPECT_EQ(sent_from(id), stable);
    EXPECT_FALSE(prefer(care_of));
    EXPECT_EQ(sent_from(id), temporary) << "as on Linux: what is not spoken of gets its default";
    const socket_id bound = *h->udp().open(family::v6);
    ASSERT_FALSE(h->udp().bind(bound, {stable, 1000}));
    EXPECT_EQ(sent_from(bound), stable) << "its address is no choice";
}

TEST_F(autoconfigured_twice, prefers_scope_to_a_public_address) // RFC 6724 §5: rule 2 before rule 7
{
    const socket_id id = *h->udp().open(family::v6);
    ASSERT_FALSE(h->udp().set_option(id, socket_option::source_preferences, prefer_public, now));
    ASSERT_FALSE(h->udp().connect(id, {in_zone(router, 2), 9}, now));
    EXPECT_TRUE(needs_zone(h->udp().local_endpoint(id)->address));
}

TEST_F(autoconfigured, loses_its_default_route_when_the_router_ceases_to_be_one) // RFC 4861 §6.2.5
{
    wait(2s);
    advertise(usual());
    auto last = usual();
    last.router_lifetime = 0;
    advertise(last);
    EXPECT_FALSE(has_default_route());
}

TEST_F(autoconfigured, makes_another_address_if_another_node_has_the_first) // RFC 7217 §6
{
    wait(2s);
    advertise(usual());
    const address_v6 first = addresses("2001:db8:1::").front();
    const wire::neighbor_advertisement a{first, false, false, true, their_mac};
    packet p = wire::make_neighbor_advertisement(a);
    const flow_key flow({first, 0}, {at6("ff02::1"), 0}, ip_protocol::icmpv6);
    wire::push_icmpv6(p, icmpv6_type::neighbor_advertisement, 0, wire::rest_of(a), flow);
    wire::push_ipv6(p, {ip_protocol::icmpv6, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
    in(std::move(p), wire::ether_type::ipv6, {{0x33, 0x33, 0, 0, 0, 1}});
    wait(3s);
    ASSERT_EQ(addresses("2001:db8:1::").size(), 1U);
    EXPECT_NE(addresses("2001:db8:1::").front(), first);
}

TEST_F(autoconfigured, keeps_its_addresses_when_the_link_comes_back) // and has them verified again
{
    wait(2s);
    advertise(usual());
    wait(2s);
    const address_v6 before = addresses("2001:db8:1::").front(), link_local = addresses("fe80::").front();
    h->set_link(1, false, 1500, now);
    now += 10s;
    h->set_link(1, true, 1500, now);
    const auto types = heard(3s);
    EXPECT_GE(std::count(types.begin(), types.end(), icmpv6_type::neighbor_solicitation), 2);
    EXPECT_EQ(addresses("2001:db8:1::"), std::vector<address_v6>{before});
    EXPECT_EQ(addresses("fe80::"), std::vector<address_v6>{link_local});
}

TEST_F(autoconfigured, follows_the_advertised_mtu) // RFC 4861 §6.3.4
{
    wait(2s);
    auto ra = usual();
    ra.mtu = 1400;
    advertise(ra);
    EXPECT_EQ(h->net().routes().find(at6("2001:db8:ffff::1"), std::nullopt)->route->mtu, 1400U);
}

TEST_F(autoconfigured, reports_its_groups_to_multicast_listener_queries) // RFC 3810 §6.2
{
    wait(5s);
    packet p = wire::make_mld(address_v6()); // a general query of MLDv1, whose body has the same form
    const flow_key flow({router, 0}, {at6("ff02::1"), 0}, ip_protocol::icmpv6);
    wire::push_icmpv6(p, icmpv6_type::listener_query, 0, std::uint32_t{1000} << 16, flow);
    const auto& alert = wire::mld_hop_by_hop_header;
    std::memcpy(p.push_front(alert.size()), alert.data(), alert.size());
    wire::push_ipv6(p, {ip_protocol{0}, 1, 0, 0}, flow.v6_words(0), flow.v6_words(1));
    in(std::move(p), wire::ether_type::ipv6, {{0x33, 0x33, 0, 0, 0, 1}});
    const auto types = heard(2s);
    EXPECT_NE(std::count(types.begin(), types.end(), icmpv6_type::listener_report), 0); // MLDv1, as the querier
}

TEST_F(raw_host, a_group_that_a_socket_joins_is_reported) // RFC 3376 §5.1
{
    const socket_id id = h->udp().open(family::v4).value();
    ASSERT_FALSE(h->udp().join_group(id, at("233.252.0.1"), 1));
    h->advance(now);
    packet p;
    ASSERT_TRUE(h->next_packet(1, p, now));
    const octets all = flat(p);
    const auto ip = wire::parse_ipv4(const_bytes(all).subspan(14), all.size() - 14);
    ASSERT_TRUE(ip);
    EXPECT_EQ(ip->protocol, ip_protocol::igmp);
    EXPECT_EQ(ip->ttl, 1);
    EXPECT_TRUE(ip->router_alert);
    EXPECT_EQ(ip->destination, at("224.0.0.22"));
    EXPECT_EQ(wire::parse_ethernet(all)->destination, (mac_address{{0x01, 0x00, 0x5e, 0, 0, 0x16}}));
    EXPECT_EQ(wire::parse_igmp(const_bytes(all).subspan(14 + ip->header_length, ip->total_length - ip->header_length)).value(),
              wire::igmp_type::report_v3);
}

TEST_F(autoconfigured, advertised_dns_servers_are_the_resolvers)
{
    wait(3s);
    auto ra = usual();
    ra.dns_servers = {{at6("2001:db8:1::53"), 600}, {at6("fe80::53"), 600}};
    ra.dns_search_domains = {{"corp.example", 600}};
    advertise(ra);
    const auto s = h->names().status();
    const address zoned = address_v6(at6("fe80::53").to_bytes(), 2);
    EXPECT_EQ(s.servers, (std::vector<endpoint>{{at6("2001:db8:1::53"), 53}, {zoned, 53}}));
    EXPECT_EQ(s.search, std::vector<std::string>{"corp.example"});
    wait(601s);
    EXPECT_TRUE(h->names().status().servers.empty());
}

} // namespace
} // namespace tapio::core
