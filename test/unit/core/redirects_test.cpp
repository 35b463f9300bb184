// Redirects: when they are followed, and when they are not (RFC 1122 §3.2.2.2, RFC 4861 §8.1, §8.3).
#include "raw_host.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/ndp.hpp"
#include "wire/redirect.hpp"

namespace tapio::core::redirects_test {
namespace {

constexpr mac_address router_mac{{2, 0, 0, 0, 0, 0xfe}}, other_mac{{2, 0, 0, 0, 0, 0xfd}};

/// A host whose default gateway is 192.0.2.254; another router is 192.0.2.253.
class redirects : public raw_host
{
protected:
    redirects() { begin(); }
    void begin()
    {
        start();
        EXPECT_FALSE(h->add_route(at("0.0.0.0"), 0, at("192.0.2.254"), 1));
        for (const auto& [who, mac] : {std::pair("192.0.2.254", router_mac), std::pair("192.0.2.253", other_mac)})
            arp(wire::arp_operation::request, at(who), ours, mac);
        drain();
        id = *h->udp().open(family::v4);
        EXPECT_FALSE(h->udp().bind(id, {ours, 1000}));
    }
    /// Sends a datagram to 203.0.113.5. @return where its frame goes
    mac_address next_hop(const char* to = "203.0.113.5")
    {
        const const_bytes data = bytes_of("x");
        const endpoint there{at(to), 2000};
        EXPECT_TRUE(h->udp().send(id, {&data, 1}, &there, now));
        const auto sent = next();
        return sent ? sent->link.destination : mac_address();
    }
    void redirect(const char* from, const char* gateway, const char* about = "203.0.113.5", const mac_address& mac = router_mac,
                  std::uint8_t code = 1)
    {
        wire::ipv4_fields f = header(ip_protocol::udp);
        f.source = ours;
        f.destination = at(about);
        packet quote = udp(f, 1000, 2000, "x");
        wire::push_ipv4(quote, f);
        packet p = icmp(wire::icmpv4_type::redirect, code, at(gateway).to_uint(), flat(quote));
        wire::ipv4_fields outer = header(ip_protocol::icmp);
        outer.source = at(from);
        wire::push_ipv4(p, outer);
        in(std::move(p), wire::ether_type::ipv4, our_mac, mac);
    }
    socket_id id;
};

TEST_F(redirects, a_better_gateway_is_used_for_that_destination)
{
    EXPECT_EQ(next_hop(), router_mac);
    redirect("192.0.2.254", "192.0.2.253");
    EXPECT_EQ(next_hop(), other_mac);
    EXPECT_EQ(next_hop("203.0.113.6"), router_mac) << "another destination";
    EXPECT_EQ(h->counters().icmp.in_redirects, 1U);
    redirect("192.0.2.253", "192.0.2.254", "203.0.113.5", other_mac); // back again, by the router that is the present one
    EXPECT_EQ(next_hop(), router_mac);
}

TEST_F(redirects, those_of_a_network_count_for_the_host)
{
    redirect("192.0.2.254", "192.0.2.253", "203.0.113.5", router_mac, 0);
    EXPECT_EQ(next_hop(), other_mac);
    EXPECT_EQ(next_hop("203.0.113.6"), router_mac);
}

TEST_F(redirects, are_believed_of_the_present_router_alone)
{
    redirect("192.0.2.253", "192.0.2.253", "203.0.113.5", other_mac);
    redirect("192.0.2.2", "192.0.2.253", "203.0.113.5", their_mac);
    EXPECT_EQ(next_hop(), router_mac);
    EXPECT_EQ(drops(drop_reason::icmp_bad_redirect), 2U);
}

TEST_F(redirects, to_what_cannot_be_a_gateway_are_ignored)
{
    for (const char* gateway : {"198.51.100.1", "192.0.2.1", "192.0.2.255", "224.0.0.1", "0.0.0.0", "127.0.0.1"}) {
        redirect("192.0.2.254", gateway);
        EXPECT_EQ(next_hop(), router_mac) << gateway;
    }
    EXPECT_EQ(drops(drop_reason::icmp_bad_redirect), 6U);
}

TEST_F(redirects, about_packets_of_others_are_ignored)
{
    wire::ipv4_fields f = header(ip_protocol::udp); // theirs to ours
    packet quote = udp(f, 1000, 2000, "x");
    wire::push_ipv4(quote, f);
    packet p = icmp(wire::icmpv4_type::redirect, 1, at("192.0.2.253").to_uint(), flat(quote));
    wire::ipv4_fields outer = header(ip_protocol::icmp);
    outer.source = at("192.0.2.254");
    wire::push_ipv4(p, outer);
    in(std::move(p), wire::ether_type::ipv4, our_mac, router_mac);
    EXPECT_EQ(drops(drop_reason::icmp_bad_redirect), 1U);
}

TEST_F(redirects, are_forgotten_after_ten_minutes)
{
    redirect("192.0.2.254", "192.0.2.253");
    now += 9min;
    arp(wire::arp_operation::request, at("192.0.2.253"), ours, other_mac);
    drain();
    EXPECT_EQ(next_hop(), other_mac);
    now += 61s;
    arp(wire::arp_operation::request, at("192.0.2.254"), ours, router_mac);
    drain();
    EXPECT_EQ(next_hop(), router_mac);
}

TEST_F(redirects, to_a_gateway_that_does_not_answer_are_forgotten)
{
    redirect("192.0.2.254", "192.0.2.77");
    EXPECT_TRUE(next_hop().is_broadcast()) << "a question for it";
    for (int i = 0; i < 50; ++i, now += 100ms) drain();
    EXPECT_EQ(next_hop(), router_mac);
}

TEST_F(redirects, are_not_followed_by_a_router_or_against_the_users_will)
{
    h->set_forwarding();
    drain(); // it joins the group of all routers
    redirect("192.0.2.254", "192.0.2.253");
    EXPECT_EQ(next_hop(), router_mac);
    options.accept_redirects = false;
    begin();
    redirect("192.0.2.254", "192.0.2.253");
    EXPECT_EQ(next_hop(), router_mac);
}

TEST_F(redirects, are_bounded)
{
    for (unsigned n = 0; n < 3000; ++n) {
        const std::string to = "203.0." + std::to_string(n / 250) + "." + std::to_string(n % 250);
        redirect("192.0.2.254", "192.0.2.253", to.c_str());
    }
    EXPECT_EQ(next_hop("203.0.11.249"), other_mac);
    EXPECT_EQ(next_hop("203.0.0.1"), router_mac) << "the oldest made room";
}

// -- IPv6 -------------------------------------------------------------------------------------------------------------------

class redirects_v6 : public raw_host
{
protected:
    redirects_v6()
    {
        EXPECT_FALSE(h->add_address(1, at6("2001:db8::1"), 64, now));
        for (int i = 0; i < 30; ++i, now += 100ms) drain();
        EXPECT_FALSE(h->add_route(at6("::"), 0, at6("fe80::fe"), 1));
        for (const auto& [who, mac] : {std::pair("fe80::fe", router_mac), std::pair("fe80::fd", other_mac)}) {
            packet p = wire::make_neighbor_solicitation({at6("2001:db8::1"), mac, 0});
            send_icmp(std::move(p), wire::icmpv6_type::neighbor_solicitation, who, mac);
        }
        drain();
        id = *h->udp().open(family::v6);
        EXPECT_FALSE(h->udp().bind(id, {at6("2001:db8::1"), 1000}));
    }
    void send_icmp(packet p, wire::icmpv6_type type, const char* from, const mac_address& mac, std::uint8_t hop_limit = 255)
    {
        const flow_key flow({at6(from), 0}, {at6("2001:db8::1"), 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(p, type, 0, 0, flow);
        wire::push_ipv6(p, {ip_protocol::icmpv6, hop_limit, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(p), wire::ether_type::ipv6, our_mac, mac);
    }
    void redirect(const wire::redirect& r, const char* from = "fe80::fe", std::uint8_t hop_limit = 255)
    {
        send_icmp(wire::make_redirect(r), wire::icmpv6_type::redirect, from, router_mac, hop_limit);
    }
    mac_address next_hop(const char* to)
    {
        const const_bytes data = bytes_of("x");
        const endpoint there{at6(to), 2000};
        EXPECT_TRUE(h->udp().send(id, {&data, 1}, &there, now));
        const auto sent = next();
        return sent ? sent->link.destination : mac_address();
    }
    const char* const far = "2001:db8:f::5";
    socket_id id;
};

TEST_F(redirects_v6, a_better_router_is_used_for_that_destination)
{
    EXPECT_EQ(next_hop(far), router_mac);
    redirect({at6("fe80::fd"), at6(far), other_mac});
    EXPECT_EQ(next_hop(far), other_mac);
    EXPECT_EQ(next_hop("2001:db8:f::6"), router_mac);
    EXPECT_EQ(h->counters().icmp6.in_redirects, 1U);
}

TEST_F(redirects_v6, a_destination_that_is_a_neighbour_is_reached_directly)
{
    constexpr mac_address neighbour{{2, 0, 0, 0, 0, 0x77}};
    redirect({at6(far), at6(far), neighbour}); // its link-layer address comes with the redirect
    EXPECT_EQ(next_hop(far), neighbour);
}

TEST_F(redirects_v6, wrong_ones_are_ignored)
{
    redirect({at6("fe80::fd"), at6(far), other_mac}, "fe80::fd");      // not the present router
    redirect({at6("fe80::fd"), at6(far), other_mac}, "2001:db8::2");   // not link-local
    redirect({at6("fe80::fd"), at6(far), other_mac}, "fe80::fe", 254); // a router has passed it on
    redirect({at6("2001:db8::9"), at6(far), other_mac});               // the target is neither
    redirect({at6("fe80::fd"), at6("ff02::5"), other_mac});            // a group
    EXPECT_EQ(next_hop(far), router_mac);
}

} // namespace
} // namespace tapio::core::redirects_test
