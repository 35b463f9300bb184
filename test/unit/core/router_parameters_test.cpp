// What routers say of a link besides addresses, routes and the MTU (RFC 4861 §6.3.4): hop limit, reachable time, and the interval
// of solicitations.
#include "raw_host.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/ndp.hpp"
#include "wire/router_advertisement.hpp"

#include <algorithm>

namespace tapio::core::router_parameters_test {
namespace {

using wire::icmpv6_type;

/// A host that autoconfigures its Ethernet and has made an address of 2001:db8:1::/64; the test is the router fe80::2, and the
/// neighbour 2001:db8:1::2.
class router_parameters : public raw_host
{
protected:
    struct sent
    {
        wire::ipv6_fields ip;
        flow_key flow;
        std::optional<icmpv6_type> type;
        time_point when;
    };

    router_parameters()
    {
        EXPECT_FALSE(h->autoconfigure(1, {}, now));
        (void)watch(5s);
        ra.router_lifetime = 1800;
        ra.source_link = their_mac;
        ra.prefixes = {{at6("2001:db8:1::"), 64, true, true, 86'400, 86'400}};
        advertise();
        (void)watch(5s);
    }

    /// The IPv6 packets that the host sends in the next while.
    std::vector<sent> watch(duration d)
    {
        std::vector<sent> all;
        for (const time_point end = now + d; now < end; now += 10ms) {
            h->advance(now);
            for (packet p; h->next_packet(1, p, now);)
                if (const auto s = read(flat(p))) all.push_back(*s);
        }
        return all;
    }
    std::optional<sent> read(const octets& frame) const
    {
        sent s;
        const auto bytes = const_bytes(frame).subspan(14);
        if (wire::parse_ethernet(frame)->type != wire::ether_type::ipv6 || wire::read_ipv6(bytes, bytes.size(), s.ip)) return {};
        s.flow = flow_key::v6(bytes.data() + 8, 0, s.ip.protocol);
        if (s.ip.protocol == ip_protocol::icmpv6) s.type = wire::parse_icmpv6(bytes.subspan(s.ip.header_length))->type;
        s.when = now;
        return s;
    }
    static std::vector<time_point> solicitations(const std::vector<sent>& all)
    {
        std::vector<time_point> times;
        for (const sent& s : all)
            if (s.type == icmpv6_type::neighbor_solicitation) times.push_back(s.when);
        return times;
    }
    void message(icmpv6_type type, std::uint32_t rest, packet body, const address_v6& from, const address_v6& to)
    {
        const flow_key flow({from, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(body, type, 0, rest, flow);
        wire::push_ipv6(body, {ip_protocol::icmpv6, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(body), wire::ether_type::ipv6, to.is_multicast() ? mac_address{{0x33, 0x33, 0, 0, 0, 1}} : our_mac);
    }
    void advertise()
    {
        message(icmpv6_type::router_advertisement, wire::rest_of(ra), wire::make_router_advertisement(ra), at6("fe80::2"),
                at6("ff02::1"));
    }
    void answer_solicitation() ///< of the neighbour
    {
        const wire::neighbor_advertisement a{neighbor, false, true, true, their_mac};
        message(icmpv6_type::neighbor_advertisement, wire::rest_of(a), wire::make_neighbor_advertisement(a), neighbor, own());
    }
    address_v6 own() const
    {
        for (const auto& a : h->net().interface(1).addresses)
            if (a.address.is_v6() && ip::same_prefix(a.address, at6("2001:db8:1::"), 64)) return a.address.to_v6();
        return {};
    }
    void send(socket_id s, const address& to)
    {
        const std::array<const_bytes, 1> text{bytes_of("hello")};
        const endpoint there{to, 9};
        EXPECT_TRUE(h->udp().send(s, text, &there, now));
    }
    std::optional<std::uint8_t> hop_limit_of(ip_protocol protocol)
    {
        for (const sent& s : watch(20ms))
            if (s.ip.protocol == protocol && s.type != icmpv6_type::neighbor_solicitation) return s.ip.hop_limit;
        return std::nullopt;
    }
    /// How long the neighbour counts as reachable.
    duration reachable_for()
    {
        const socket_id s = h->udp().open(family::v6).value();
        send(s, neighbor);
        (void)watch(10ms);
        answer_solicitation();
        const time_point began = now;
        while (now < began + 1h) {
            now += 100ms;
            send(s, neighbor);
            (void)h->advance(now);
            drain();
            if (h->net().interface(1).neighbors.state_of(neighbor) != neighbor_state::reachable) break;
        }
        const duration took = now - began;
        h->set_link(1, false, 1500, now); // forgets the neighbours
        h->set_link(1, true, 1500, now);
        (void)watch(5s);
        return took;
    }

    wire::router_advertisement ra;
    const address_v6 neighbor = at6("2001:db8:1::2"), far = at6("2001:db8:ffff::1");
};

TEST_F(router_parameters, packets_have_the_advertised_hop_limit)
{
    const socket_id s = h->udp().open(family::v6).value();
    send(s, far);
    EXPECT_EQ(hop_limit_of(ip_protocol::udp), 64);
    ra.hop_limit = 33;
    advertise();
    send(s, far);
    EXPECT_EQ(hop_limit_of(ip_protocol::udp), 33);
    ra.hop_limit = 0; // unspecified by this router
    advertise();
    send(s, far);
    EXPECT_EQ(hop_limit_of(ip_protocol::udp), 33);
}

TEST_F(router_parameters, tcp_and_icmp_have_the_advertised_hop_limit)
{
    ra.hop_limit = 33;
    advertise();
    const tcp_id client = h->tcp().open(family::v6).value();
    EXPECT_EQ(h->tcp().connect(client, {far, 7}, now), errno_code(EINPROGRESS));
    EXPECT_EQ(hop_limit_of(ip_protocol::tcp), 33);
    EXPECT_EQ(h->tcp().get_option(client, socket_option::ttl), 33);
    const octets data(8);
    message(icmpv6_type::echo_request, 1, packet(slice::copy_of(data)), at6("fe80::2"), own());
    EXPECT_EQ(hop_limit_of(ip_protocol::icmpv6), 33);
}

TEST_F(router_parameters, a_hop_limit_set_by_the_user_is_kept)
{
    ra.hop_limit = 33;
    advertise();
    const socket_id s = h->udp().open(family::v6).value();
    ASSERT_FALSE(h->udp().set_option(s, socket_option::ttl, 64, now)); // the default, but chosen
    send(s, far);
    EXPECT_EQ(hop_limit_of(ip_protocol::udp), 64);
    EXPECT_EQ(h->udp().set_option(s, socket_option::ttl, 256, now), errno_code(EINVAL));
    send(s, far);
    EXPECT_EQ(hop_limit_of(ip_protocol::udp), 64);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::ttl, -1, now));
    send(s, far);
    EXPECT_EQ(hop_limit_of(ip_protocol::udp), 33);

    const tcp_id client = h->tcp().open(family::v6).value();
    ASSERT_FALSE(h->tcp().set_option(client, socket_option::ttl, 12, now));
    EXPECT_EQ(h->tcp().connect(client, {far, 7}, now), errno_code(EINPROGRESS));
    EXPECT_EQ(hop_limit_of(ip_protocol::tcp), 12);
    EXPECT_EQ(h->tcp().get_option(client, socket_option::ttl), 12);
}

TEST_F(router_parameters, multicasts_keep_their_own_hop_limit)
{
    ra.hop_limit = 33;
    advertise();
    send(h->udp().open(family::v6).value(), at6("ff0e::db8:1"));
    EXPECT_EQ(hop_limit_of(ip_protocol::udp), 1); // IPV6_MULTICAST_HOPS
}

TEST_F(router_parameters, a_connected_socket_says_the_hop_limit_of_its_packets) // as on Linux
{
    const socket_id s = h->udp().open(family::v6).value();
    ra.hop_limit = 33;
    advertise();
    EXPECT_EQ(h->udp().get_option(s, socket_option::ttl), 64);
    ASSERT_FALSE(h->udp().connect(s, {far, 9}, now));
    EXPECT_EQ(h->udp().get_option(s, socket_option::ttl), 33);
}

TEST_F(router_parameters, ipv4_does_not_follow)
{
    ra.hop_limit = 33;
    advertise();
    introduce();
    send(h->udp().open(family::v4).value(), theirs);
    const auto f = next();
    ASSERT_TRUE(f && f->ip);
    EXPECT_EQ(f->ip->ttl, 64);
}

TEST_F(router_parameters, solicitations_are_repeated_at_the_advertised_interval)
{
    ra.retransmit_time = 250;
    advertise();
    send(h->udp().open(family::v6).value(), neighbor);
    const auto times = solicitations(watch(5s));
    ASSERT_EQ(times.size(), 3U); // MAX_MULTICAST_SOLICIT
    EXPECT_EQ(times[1] - times[0], 250ms);
    EXPECT_EQ(times[2] - times[1], 250ms);
}

TEST_F(router_parameters, duplicate_address_detection_has_the_advertised_interval) // RFC 4862 §5.1
{
    ra.retransmit_time = 3000;
    advertise();
    const address own = at6("2001:db8:1::77");
    ASSERT_FALSE(h->add_address(1, own, 64, now));
    const auto times = solicitations(watch(1100ms)); // the probe is delayed by up to 1 s
    ASSERT_EQ(times.size(), 1U);
    const auto tentative = [&] { return h->net().addresses().find(own)->is_optimistic(); };
    (void)watch(times[0] + 2900ms - now);
    EXPECT_TRUE(tentative());
    (void)watch(200ms);
    EXPECT_FALSE(tentative());
}

TEST_F(router_parameters, the_reachable_time_is_random_around_the_advertised_one)
{
    ra.reachable_time = 8000;
    advertise();
    const duration first = reachable_for();
    EXPECT_GE(first, 4s);
    EXPECT_LE(first, 12100ms);
    EXPECT_EQ(reachable_for(), first); // not drawn anew for each neighbour
    ra.reachable_time = 600'000;
    advertise();
    EXPECT_GE(reachable_for(), 300s);
}

} // namespace
} // namespace tapio::core::router_parameters_test
