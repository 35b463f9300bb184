// Ethernet input and ARP of a host: accepted frames, replies, cache entries, address conflicts and resolution (RFC 826, RFC 1122
// §2.3, RFC 5227).
#include "raw_host.hpp"
#include "support/two_hosts.hpp"

namespace tapio::core {
namespace {

using wire::arp_operation;

class ethernet : public raw_host
{
protected:
    octets echo_request() const
    {
        packet p = icmp(wire::icmpv4_type::echo_request, 0, 1, octets(8));
        wire::push_ipv4(p, header(wire::ip_protocol::icmp));
        return flat(p);
    }
    void send(const octets& payload, wire::ether_type type, const mac_address& to, const mac_address& from = their_mac)
    {
        in(packet(slice::copy_of(payload)), type, to, from);
    }
};

TEST_F(ethernet, frames_to_others_and_from_groups_are_dropped)
{
    introduce();
    send(echo_request(), wire::ether_type::ipv4, {{2, 0, 0, 0, 0, 9}});
    EXPECT_EQ(drops(drop_reason::ethernet_other_host), 1U);
    send(echo_request(), wire::ether_type::ipv4, our_mac, {{3, 0, 0, 0, 0, 9}});
    EXPECT_EQ(drops(drop_reason::ethernet_bad_source), 1U);
    EXPECT_TRUE(silent());
}

TEST_F(ethernet, other_protocols_and_unknown_vlans_are_dropped)
{
    send(octets(46), static_cast<wire::ether_type>(0x88cc), our_mac);
    EXPECT_EQ(drops(drop_reason::ethernet_unknown_type), 1U);
    send(octets(46), wire::ether_type::ipv6, our_mac);
    EXPECT_EQ(drops(drop_reason::ipv6_bad_version), 1U);
    octets tagged{std::byte{0}, std::byte{7}, std::byte{8}, std::byte{0}}; // VLAN 7, IPv4
    const octets ip = echo_request();
    tagged.insert(tagged.end(), ip.begin(), ip.end());
    send(tagged, wire::ether_type::vlan, our_mac);
    EXPECT_EQ(drops(drop_reason::ethernet_unknown_vlan), 1U);
    EXPECT_TRUE(silent());
}

TEST_F(ethernet, a_priority_tag_is_no_vlan)
{
    introduce();
    octets tagged{std::byte{0xe0}, std::byte{0}, std::byte{8}, std::byte{0}}; // 802.1p priority 7, VLAN 0
    const octets ip = echo_request();
    tagged.insert(tagged.end(), ip.begin(), ip.end());
    send(tagged, wire::ether_type::vlan, our_mac);
    const auto reply = next();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->icmp->type, wire::icmpv4_type::echo_reply);
}

TEST_F(ethernet, padding_is_cut)
{
    introduce();
    octets padded = echo_request();
    padded.resize(60, std::byte{0xee});
    send(padded, wire::ether_type::ipv4, our_mac);
    const auto reply = next();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->payload.size(), 8U);
}

using arp_input = raw_host;

TEST_F(arp_input, a_new_address_is_announced)
{
    ASSERT_FALSE(h->add_address(1, at("192.0.2.77"), 24, now));
    const auto f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_EQ(f->link.destination, mac_address::broadcast());
    EXPECT_EQ(f->arp->operation, arp_operation::request);
    EXPECT_EQ(f->arp->sender_ip, at("192.0.2.77"));
    EXPECT_EQ(f->arp->target_ip, at("192.0.2.77"));
}

TEST_F(arp_input, who_has_us_is_answered_to_who_asked)
{
    arp(arp_operation::request, theirs, ours);
    const auto f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_EQ(f->link.destination, their_mac);
    EXPECT_EQ(f->link.source, our_mac);
    EXPECT_EQ(f->arp->operation, arp_operation::reply);
    EXPECT_EQ(f->arp->sender_ip, ours);
    EXPECT_EQ(f->arp->sender_mac, our_mac);
    EXPECT_EQ(f->arp->target_ip, theirs);
    EXPECT_EQ(f->arp->target_mac, their_mac);
    EXPECT_TRUE(silent());
}

TEST_F(arp_input, each_address_of_ours_is_answered_for)
{
    ASSERT_FALSE(h->add_address(1, at("198.51.100.1"), 24, now));
    drain();
    arp(arp_operation::request, at("198.51.100.2"), at("198.51.100.1"));
    const auto f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_EQ(f->arp->sender_ip, at("198.51.100.1"));
}

TEST_F(arp_input, an_address_probe_is_answered_and_teaches_nothing)
{
    arp(arp_operation::request, address_v4::any(), ours); // an ARP probe, RFC 5227 §2.1.1
    const auto f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_EQ(f->arp->operation, arp_operation::reply);
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
}

TEST_F(arp_input, who_has_another_is_not_answered_and_makes_no_entry)
{
    arp(arp_operation::request, theirs, at("192.0.2.9"));
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::arp_not_for_us), 1U);
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
}

TEST_F(arp_input, requests_by_the_thousand_make_a_bounded_cache)
{
    ASSERT_FALSE(h->add_address(1, at("198.18.0.1"), 15, now));
    for (std::uint32_t i = 0; i < 20'000; ++i)
        arp(arp_operation::request, address_v4(0xc612'0002U + i), at("198.18.0.1")), drain();
    EXPECT_EQ(h->net().interface(1).neighbors.size(), link::neighbor_cache::most_entries);
}

// As Linux with arp_accept 0: only a request for our address creates an entry
TEST_F(arp_input, what_nobody_asked_for_makes_no_entry)
{
    arp(arp_operation::reply, theirs, ours);
    EXPECT_EQ(drops(drop_reason::arp_unsolicited), 1U);
    arp(arp_operation::request, theirs, theirs); // an announcement by an unknown host: ignored, but not counted as a drop
    EXPECT_EQ(drops(drop_reason::arp_not_for_us), 0U);
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
    EXPECT_TRUE(silent());
}

// The reply needs no route to the sender, and no entry is made. (Linux with rp_filter 0 makes an entry, and with 1 does not
// reply.)
TEST_F(arp_input, who_asks_from_beyond_the_link_is_answered_and_makes_no_entry)
{
    arp(arp_operation::request, at("198.51.100.7"), ours);
    const auto f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_EQ(f->link.destination, their_mac);
    EXPECT_EQ(f->arp->target_ip, at("198.51.100.7"));
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
}

TEST_F(arp_input, a_sender_that_cannot_be_one_is_neither_answered_nor_remembered)
{
    for (const char* sender : {"192.0.2.255", "0.0.0.1", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"})
        arp(arp_operation::request, at(sender), ours);
    arp(arp_operation::reply, address_v4::any(), ours);
    for (const mac_address& mac : {mac_address{}, mac_address{{1, 0, 0, 0, 0, 2}}, mac_address::broadcast()})
        in(wire::make_arp({arp_operation::request, mac, theirs, {}, ours}), wire::ether_type::arp, mac_address::broadcast());
    EXPECT_EQ(drops(drop_reason::arp_bad_address), 10U);
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
    EXPECT_TRUE(silent());
}

class arp_conflict : public raw_host
{
protected:
    std::uint64_t conflicts() const { return drops(drop_reason::arp_conflict); }
    /// Expects one packet now: an ARP announcement of our address (RFC 5227 §2.3).
    void expect_announcement()
    {
        const auto f = next();
        ASSERT_TRUE(f && f->arp);
        EXPECT_EQ(f->link.destination, mac_address::broadcast());
        EXPECT_EQ(f->arp->operation, arp_operation::request);
        EXPECT_EQ(f->arp->sender_mac, our_mac);
        EXPECT_EQ(f->arp->sender_ip, ours);
        EXPECT_EQ(f->arp->target_mac, mac_address());
        EXPECT_EQ(f->arp->target_ip, ours);
        EXPECT_TRUE(silent());
    }
};

// RFC 5227 §2.4 (b): one defence per DEFEND_INTERVAL
TEST_F(arp_conflict, our_address_is_defended_once_in_ten_seconds)
{
    arp(arp_operation::request, ours, ours);
    expect_announcement();
    now += 9999ms;
    arp(arp_operation::request, ours, ours);
    EXPECT_TRUE(silent());
    now += 1ms;
    arp(arp_operation::request, ours, ours);
    expect_announcement();
    EXPECT_EQ(conflicts(), 3U);
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
}

TEST_F(arp_conflict, is_any_packet_with_our_address_as_its_sender)
{
    arp(arp_operation::request, ours, theirs);
    arp(arp_operation::reply, ours, theirs);
    arp(arp_operation::reply, ours, ours);
    expect_announcement();
    EXPECT_EQ(conflicts(), 3U);
}

TEST_F(arp_conflict, each_address_is_defended_by_itself)
{
    ASSERT_FALSE(h->add_address(1, at("198.51.100.1"), 24, now));
    drain();
    arp(arp_operation::request, ours, ours);
    expect_announcement();
    arp(arp_operation::request, at("198.51.100.1"), at("198.51.100.1"));
    const auto f = next();
    ASSERT_TRUE(f && f->arp);
    EXPECT_EQ(f->arp->sender_ip, at("198.51.100.1"));
}

TEST_F(arp_conflict, is_not_a_frame_of_ours_that_comes_back)
{
    arp(arp_operation::request, ours, ours, our_mac);
    EXPECT_EQ(conflicts(), 0U);
    EXPECT_TRUE(silent());
}

TEST_F(arp_conflict, is_not_a_probe_or_an_announcement_of_another_address)
{
    arp(arp_operation::request, address_v4::any(), theirs);
    arp(arp_operation::request, theirs, theirs);
    arp(arp_operation::reply, theirs, theirs);
    EXPECT_EQ(conflicts(), 0U);
    EXPECT_TRUE(silent());
}

TEST(two_hosts_with_one_address, defend_it_once_each_and_fall_silent)
{
    two_hosts net;
    ASSERT_FALSE(net.b.add_address(1, at("192.0.2.1"), 24, net.now));
    net.settle();
    EXPECT_EQ(net.a.counters().drops[drop_reason::arp_conflict], 2U) << "b's first announcement, then b's defence";
    EXPECT_EQ(net.b.counters().drops[drop_reason::arp_conflict], 1U) << "a's defence";
}

class resolving : public raw_host
{
protected:
    resolving()
    {
        socket = *h->udp().open(family::v4);
        EXPECT_FALSE(h->udp().bind(socket, {address_v4::any(), 1000}));
    }
    void send(const address_v4& to, const std::string& data)
    {
        const std::array<const_bytes, 1> list{bytes_of(data)};
        const endpoint destination{to, 2000};
        EXPECT_TRUE(h->udp().send(socket, list, &destination, now));
    }
    socket_id socket;
};

TEST_F(resolving, asks_everybody_and_sends_what_waited_in_order)
{
    send(theirs, "one");
    send(theirs, "two!");
    const auto question = next();
    ASSERT_TRUE(question && question->arp);
    EXPECT_EQ(question->link.destination, mac_address::broadcast());
    EXPECT_EQ(question->arp->operation, arp_operation::request);
    EXPECT_EQ(question->arp->sender_ip, ours);
    EXPECT_EQ(question->arp->target_ip, theirs);
    EXPECT_TRUE(silent());
    arp(arp_operation::reply, theirs, ours);
    const auto one = next(), two = next();
    ASSERT_TRUE(one && one->ip && two && two->ip);
    EXPECT_EQ(one->link.destination, their_mac);
    EXPECT_EQ(one->payload.size(), 8U + 3);
    EXPECT_EQ(two->payload.size(), 8U + 4);
    EXPECT_TRUE(silent());
}

// On failover or migration of a virtual machine the new owner of the address sends an announcement
TEST_F(resolving, an_announcement_moves_a_known_neighbor_at_once)
{
    constexpr mac_address new_mac{{2, 0, 0, 0, 0, 3}};
    introduce();
    send(theirs, "x");
    EXPECT_EQ(next()->link.destination, their_mac);
    arp(arp_operation::request, theirs, theirs, new_mac);
    send(theirs, "x");
    EXPECT_EQ(next()->link.destination, new_mac);
    now += 5s;
    const auto probe = next();
    ASSERT_TRUE(probe && probe->arp) << "the new link-layer address is verified by a unicast probe (RFC 4861 §7.2.5, §7.3.3)";
    EXPECT_EQ(probe->link.destination, new_mac);
}

TEST_F(resolving, an_unasked_reply_does_not_divert_what_goes_to_one_just_confirmed)
{
    constexpr mac_address intruder{{2, 0, 0, 0, 0, 3}};
    send(theirs, "x");
    drain();
    arp(arp_operation::reply, theirs, ours);
    drain();
    arp(arp_operation::reply, theirs, ours, intruder);
    EXPECT_EQ(drops(drop_reason::arp_unsolicited), 1U);
    send(theirs, "x");
    EXPECT_EQ(next()->link.destination, their_mac);
}

TEST_F(resolving, the_gateway_is_asked_for_when_the_destination_is_beyond)
{
    ASSERT_FALSE(h->add_route(address_v4::any(), 0, at("192.0.2.254"), 1));
    send(at("203.0.113.5"), "x");
    const auto question = next();
    ASSERT_TRUE(question && question->arp);
    EXPECT_EQ(question->arp->target_ip, at("192.0.2.254"));
    arp(arp_operation::reply, at("192.0.2.254"), ours);
    const auto sent = next();
    ASSERT_TRUE(sent && sent->ip);
    EXPECT_EQ(sent->ip->destination, at("203.0.113.5"));
    EXPECT_EQ(sent->ip->source, ours);
}

TEST_F(resolving, who_never_answers_is_host_unreachable)
{
    const socket_id connected = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().connect(connected, {theirs, 2000}, now));
    const std::string x = "x";
    const std::array<const_bytes, 1> list{bytes_of(x)};
    ASSERT_TRUE(h->udp().send(connected, list, nullptr, now));
    EXPECT_EQ(drain(), 1U);
    for (int i = 0; i < 2; ++i) {
        now += 1s;
        EXPECT_EQ(drain(), 1U);
    }
    now += 1s;
    EXPECT_TRUE(silent());
    EXPECT_EQ(h->udp().take_error(connected), errno_code(EHOSTUNREACH)); // RFC 1122 §2.3.2.2
    EXPECT_EQ(drops(drop_reason::neighbor_unreachable), 1U);
}

TEST_F(resolving, waiting_packets_are_bounded)
{
    for (int i = 0; i < 300; ++i) send(theirs, "x");
    EXPECT_EQ(drops(drop_reason::neighbor_queue_full), 300 - link::neighbor_cache::most_pending);
    drain();
    arp(arp_operation::reply, theirs, ours);
    EXPECT_EQ(drain(), link::neighbor_cache::most_pending);
}

TEST_F(resolving, a_connection_attempt_to_nobody_fails_with_host_unreachable)
{
    const tcp_id c = *h->tcp().open(family::v4);
    EXPECT_EQ(h->tcp().connect(c, {theirs, 80}, now), errno_code(EINPROGRESS));
    for (int i = 0; i < 400; ++i) drain(), now += 1s;
    EXPECT_EQ(h->tcp().take_error(c), errno_code(EHOSTUNREACH));
}

TEST_F(resolving, a_connection_that_hears_nothing_doubts_the_way) // RFC 9293 MUST-20
{
    send(theirs, "x");
    drain();
    arp(arp_operation::reply, theirs, ours);
    drain();
    const tcp_id c = *h->tcp().open(family::v4);
    EXPECT_EQ(h->tcp().connect(c, {theirs, 80}, now), errno_code(EINPROGRESS));
    EXPECT_EQ(drain(), 1U);
    for (const auto pause : {1s, 2s}) {
        now += pause;
        EXPECT_EQ(drain(), 1U) << "the retransmitted SYN";
    }
    now += 4s;
    bool probed = false;
    while (const auto f = next()) probed = probed || (f->arp && f->link.destination == their_mac);
    EXPECT_TRUE(probed);
}

TEST_F(resolving, broadcasts_and_groups_need_no_answer)
{
    ASSERT_FALSE(h->udp().set_option(socket, socket_option::broadcast, 1, now));
    send(address_v4::broadcast(), "a");
    send(at("192.0.2.255"), "b");
    ASSERT_FALSE(h->add_route(at("224.0.0.0"), 4, std::nullopt, 1));
    send(at("239.129.2.3"), "c");
    EXPECT_EQ(next()->link.destination, mac_address::broadcast());
    EXPECT_EQ(next()->link.destination, mac_address::broadcast());
    EXPECT_EQ(next()->link.destination, (mac_address{{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}})); // RFC 1112 §6.4
}

} // namespace
} // namespace tapio::core
