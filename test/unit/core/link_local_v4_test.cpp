// IPv4 link-local addresses of a host, frame by frame (RFC 3927, RFC 5227).
#include "raw_host.hpp"

#include <algorithm>

namespace tapio::core::link_local_v4_test {
namespace {

using wire::arp_operation;

class link_local_host : public raw_host
{
protected:
    struct sent_arp
    {
        wire::arp_packet said;
        mac_address to;
        time_point when;
    };

    link_local_host() { EXPECT_FALSE(h->autoconfigure(1, {.v4_link_local = true}, now)); }

    std::vector<sent_arp> watch(duration d) ///< the ARP packets that the host sends in the next while
    {
        std::vector<sent_arp> all;
        for (const time_point end = now + d; now < end; now += 10ms)
            while (const auto f = next())
                if (f->arp) all.push_back({*f->arp, f->link.destination, now});
        return all;
    }
    std::optional<address_v4> own() const ///< the link-local address
    {
        for (const auto& a : h->net().interface(1).addresses)
            if (a.address.is_v4() && ip::same_prefix(a.address, at("169.254.0.0"), 16)) return a.address.to_v4();
        return std::nullopt;
    }
    /// The address that the host probes at present.
    address_v4 probed()
    {
        for (;;)
            for (const sent_arp& s : watch(100ms))
                if (s.said.sender_ip.is_unspecified()) return s.said.target_ip;
    }
    void use_one() ///< until the host has an address, and has announced it
    {
        watch(15s);
        ASSERT_TRUE(own());
    }
    void take(const address_v4& a) { arp(arp_operation::request, a, a); } ///< another station announces the address
    address source_to(const char* destination) const
    {
        const auto found = h->net().routes().find(at(destination), std::nullopt);
        return found ? found->source : address();
    }
};

TEST_F(link_local_host, probes_an_address_before_it_is_used) // RFC 5227 §2.1.1, §2.3
{
    const auto all = watch(15s);
    ASSERT_EQ(all.size(), 5U);
    ASSERT_TRUE(own());
    EXPECT_GE(*own(), at("169.254.1.0"));
    EXPECT_LE(*own(), at("169.254.254.255"));
    for (unsigned n = 0; n < 5; ++n) {
        EXPECT_EQ(all[n].said.operation, arp_operation::request);
        EXPECT_EQ(all[n].said.target_ip, *own());
        EXPECT_EQ(all[n].said.sender_ip, n < 3 ? address_v4() : *own());
        EXPECT_EQ(all[n].said.sender_mac, our_mac);
        EXPECT_EQ(all[n].said.target_mac, mac_address());
        EXPECT_TRUE(all[n].to == mac_address::broadcast());
    }
    EXPECT_EQ(all[3].when - all[2].when, 2s);
    EXPECT_EQ(all[4].when - all[3].when, 2s);
}

TEST_F(link_local_host, has_no_such_address_unless_it_is_wanted)
{
    start();
    ASSERT_FALSE(h->autoconfigure(1, {}, now));
    EXPECT_TRUE(watch(15s).empty());
    EXPECT_FALSE(own());
}

TEST_F(link_local_host, does_not_answer_for_an_address_that_it_probes)
{
    const address_v4 a = probed();
    arp(arp_operation::request, theirs, a);
    EXPECT_TRUE(silent());
}

TEST_F(link_local_host, takes_another_address_if_the_probed_one_is_in_use) // RFC 5227 §2.1.1
{
    const address_v4 first = probed();
    arp(arp_operation::reply, first, address_v4()); // its owner answers the probe
    watch(15s);
    ASSERT_TRUE(own());
    EXPECT_NE(*own(), first);
    EXPECT_EQ(drops(drop_reason::arp_conflict), 0U);
}

TEST_F(link_local_host, takes_another_address_if_another_station_probes_the_same)
{
    const address_v4 first = probed();
    arp(arp_operation::request, address_v4(), first);
    watch(15s);
    ASSERT_TRUE(own());
    EXPECT_NE(*own(), first);
}

TEST_F(link_local_host, is_not_disturbed_by_its_own_probe_that_a_switch_sends_back)
{
    const address_v4 first = probed();
    arp(arp_operation::request, address_v4(), first, our_mac);
    watch(15s);
    EXPECT_EQ(own(), first);
}

TEST_F(link_local_host, defends_its_address_once_in_ten_seconds) // RFC 5227 §2.4 (b)
{
    use_one();
    const address_v4 a = *own();
    for (unsigned n = 0; n < 3; ++n) {
        take(a);
        const auto said = watch(10s);
        ASSERT_EQ(said.size(), 1U) << n;
        EXPECT_EQ(said[0].said.sender_ip, a);
        EXPECT_EQ(said[0].said.target_ip, a);
        EXPECT_EQ(own(), a);
    }
}

TEST_F(link_local_host, gives_its_address_up_at_a_second_conflict) // RFC 3927 §2.5 (b)
{
    use_one();
    const address_v4 a = *own();
    take(a);
    watch(9s);
    take(a);
    drain();
    EXPECT_FALSE(own());
    EXPECT_EQ(source_to("169.254.7.7"), address()) << "the route is gone, too";
    watch(15s);
    ASSERT_TRUE(own());
    EXPECT_NE(*own(), a);
}

TEST_F(link_local_host, keeps_an_address_of_the_users_at_a_second_conflict) // RFC 5227 §2.4 (c)
{
    use_one();
    take(ours);
    take(ours);
    drain();
    EXPECT_TRUE(h->net().addresses().is_ours(ours));
}

TEST_F(link_local_host, broadcasts_its_replies) // RFC 3927 §2.5
{
    use_one();
    arp(arp_operation::request, at("169.254.7.7"), *own());
    auto f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_EQ(f->arp->operation, arp_operation::reply);
    EXPECT_EQ(f->arp->target_ip, at("169.254.7.7"));
    EXPECT_TRUE(f->link.destination == mac_address::broadcast());
    arp(arp_operation::request, theirs, ours);
    f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_TRUE(f->link.destination == their_mac) << "of another address it is unicast";
}

TEST_F(link_local_host, prefers_another_address_as_source_elsewhere) // RFC 3927 §1.9, §2.6.1
{
    ASSERT_FALSE(h->remove_address(ours, now));
    use_one(); // the first address of the interface
    ASSERT_FALSE(h->add_address(1, ours, 24, now));
    ASSERT_FALSE(h->add_route(at("0.0.0.0"), 0, address(theirs), 1));
    EXPECT_EQ(source_to("169.254.7.7"), address(*own()));
    EXPECT_EQ(source_to("192.0.2.7"), address(ours));
    EXPECT_EQ(source_to("203.0.113.7"), address(ours));
    EXPECT_EQ(h->net().routes().find(at("169.254.7.7"), std::nullopt)->route->next_hop.address(), address(at("169.254.7.7")));
}

TEST_F(link_local_host, probes_again_when_the_link_comes_back) // RFC 3927 §2.2
{
    use_one();
    const address_v4 a = *own();
    h->set_link(1, false, 1500, now);
    EXPECT_FALSE(own());
    now += 10s;
    drain();
    h->set_link(1, true, 1500, now);
    const auto all = watch(15s);
    EXPECT_EQ(std::count_if(all.begin(), all.end(), [&](const auto& s) { return s.said.sender_ip.is_unspecified(); }), 3);
    EXPECT_EQ(own(), a);
}

TEST_F(link_local_host, autoconfigures_ipv6_too)
{
    use_one();
    const auto& all = h->net().interface(1).addresses;
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const auto& a) { return needs_zone(a.address); }));
}

TEST_F(link_local_host, takes_another_address_if_the_user_has_given_it_the_first)
{
    const address_v4 first = probed();
    ASSERT_FALSE(h->add_address(1, first, 16, now));
    watch(20s);
    const auto& all = h->net().interface(1).addresses;
    EXPECT_EQ(
        std::count_if(all.begin(), all.end(), [&](const auto& a) { return ip::same_prefix(a.address, at("169.254.0.0"), 16); }),
        2);
}

} // namespace
} // namespace tapio::core::link_local_v4_test
