// Gateways that do not answer (RFC 1122 §3.3.1.5, RFC 4861 §6.3.6, RFC 4191 §3.2).
#include "raw_host.hpp"

namespace tapio::core::silent_gateway_test {
namespace {

constexpr mac_address first_mac{{2, 0, 0, 0, 0, 0xfe}}, second_mac{{2, 0, 0, 0, 0, 0xfd}};

/// A host with two default gateways, both known; the first one's metric is lower.
class silent_gateway : public raw_host
{
protected:
    silent_gateway()
    {
        add_default(first, 0);
        add_default(second, 100);
        answer(first, first_mac);
        answer(second, second_mac);
        drain();
        id = *h->udp().open(family::v4);
        EXPECT_FALSE(h->udp().bind(id, {ours, 1000}));
    }
    void add_default(const address_v4& gateway, std::uint32_t metric)
    {
        EXPECT_FALSE(h->add_route({at("0.0.0.0"), 0, gateway, 1, metric, route_kind::unicast}));
    }
    void answer(const address_v4& who, const mac_address& mac) { arp(wire::arp_operation::request, who, ours, mac); }

    /// Sends a datagram to `to`. @return where its frame goes
    mac_address next_hop(const char* to = "203.0.113.5")
    {
        const const_bytes data = bytes_of("x");
        const endpoint there{at(to), 2000};
        if (h->udp().send(id, {&data, 1}, &there, now) != 1U) return {};
        const auto sent = next();
        return sent ? sent->link.destination : mac_address();
    }
    /// Time passes, in which only the second gateway answers. @return how often `who` was asked for its address
    unsigned pass(duration how_long, const address_v4& who)
    {
        unsigned asked = 0;
        for (const time_point end = now + how_long; now < end; now += 100ms)
            while (const auto f = next()) {
                if (!f->arp) continue;
                if (f->arp->target_ip == who) ++asked;
                if (f->arp->target_ip == second && second_answers) arp(wire::arp_operation::reply, second, ours, second_mac);
            }
        return asked;
    }
    void first_falls_silent()
    {
        EXPECT_EQ(next_hop(), first_mac);
        pass(10s, first); // 5 s until it is asked, three questions
    }

    const address_v4 first = at("192.0.2.254"), second = at("192.0.2.253");
    bool second_answers = true;
    socket_id id;
};

TEST_F(silent_gateway, is_replaced_by_another)
{
    first_falls_silent();
    EXPECT_EQ(next_hop(), second_mac);
}

TEST_F(silent_gateway, is_used_again_when_it_answers)
{
    first_falls_silent();
    EXPECT_EQ(next_hop(), second_mac);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(pass(10min, first), 0U) << "nobody needs it";
        EXPECT_EQ(next_hop(), second_mac);
        EXPECT_EQ(pass(5s, first), 3U) << "a packet has passed it over";
        EXPECT_EQ(next_hop(), second_mac);
        EXPECT_EQ(pass(30s, first), 0U) << "once a minute";
    }
    pass(1min, first);
    EXPECT_EQ(next_hop(), second_mac);
    while (pass(100ms, first) == 0) continue;
    arp(wire::arp_operation::reply, first, ours, first_mac);
    pass(5s, first);
    EXPECT_EQ(next_hop(), first_mac);
}

TEST_F(silent_gateway, is_asked_for_all_the_same_if_there_is_no_other)
{
    EXPECT_FALSE(h->remove_route({at("0.0.0.0"), 0, second, 1, 100, route_kind::unicast}));
    first_falls_silent();
    EXPECT_TRUE(next_hop().is_broadcast()) << "a question for it";
}

TEST_F(silent_gateway, without_a_route_is_no_longer_asked_for)
{
    first_falls_silent();
    EXPECT_FALSE(h->remove_route({at("0.0.0.0"), 0, first, 1, 0, route_kind::unicast}));
    EXPECT_EQ(pass(2min, first), 0U);
    EXPECT_EQ(h->net().next_deadline(), never);
}

TEST_F(silent_gateway, does_not_open_a_way_that_a_route_refuses)
{
    EXPECT_FALSE(h->add_route({at("203.0.113.0"), 24, std::nullopt, 0, 0, route_kind::blackhole}));
    EXPECT_FALSE(h->add_route({at("203.0.113.0"), 25, first, 1, 0, route_kind::unicast}));
    first_falls_silent();
    EXPECT_TRUE(next_hop().is_broadcast()) << "the shorter route refuses, so the gateway is asked again";
    EXPECT_EQ(next_hop("203.0.113.200"), mac_address()) << "refused";
}

TEST_F(silent_gateway, a_neighbor_that_is_none_changes_nothing)
{
    EXPECT_TRUE(next_hop("192.0.2.77").is_broadcast());
    const auto before = h->net().next_deadline();
    pass(10s, at("192.0.2.77"));
    EXPECT_GT(before, now - 10s);
    EXPECT_EQ(h->net().next_deadline(), never);
}

TEST_F(silent_gateway, both_of_them_leave_the_better_one)
{
    first_falls_silent();
    EXPECT_EQ(next_hop(), second_mac);
    second_answers = false;
    pass(10s, second);
    const const_bytes data = bytes_of("x");
    const endpoint there{at("203.0.113.5"), 2000};
    EXPECT_EQ(h->udp().send(id, {&data, 1}, &there, now), 1U);
    const auto sent = next();
    ASSERT_TRUE(sent && sent->arp);
    EXPECT_EQ(sent->arp->target_ip, first);
}

} // namespace
} // namespace tapio::core::silent_gateway_test
