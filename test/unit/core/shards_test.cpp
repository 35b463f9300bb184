// Two hosts share one address (shards), a third is on the same Ethernet: a packet delivered to the wrong shard is passed on to
// the shard that owns its connection or socket.
#include "core/host.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace tapio::core::shards_test {
namespace {

using namespace std::chrono_literals;

address at(const char* text) { return boost::asio::ip::make_address(text); }

host_options shard(unsigned n)
{
    host_options o;
    o.shards = 2;
    o.shard = n;
    return o;
}

std::array<std::byte, 32> seed(unsigned n)
{
    std::array<std::byte, 32> s{};
    s[0] = static_cast<std::byte>(n);
    return s;
}

struct two_shards : testing::Test
{
    two_shards()
    {
        device_info eth;
        eth.name = "tap0";
        eth.mac = mac_address{{2, 0, 0, 0, 0, 1}};
        for (host* h : {&first, &second}) {
            h->add_interface(eth);
            EXPECT_FALSE(h->add_address(1, at("192.0.2.1"), 24, now));
        }
        eth.mac = mac_address{{2, 0, 0, 0, 0, 2}};
        peer.add_interface(eth);
        EXPECT_FALSE(peer.add_address(1, at("192.0.2.2"), 24, now));
        settle();
    }

    /// Exchanges all packets; `steer` chooses the shard that gets a packet of the peer.
    void settle()
    {
        for (bool more = true; more;) {
            more = false;
            packet p;
            for (host* h : {&first, &second, &peer}) h->advance(now);
            for (host* h : {&first, &second})
                while (h->next_packet(1, p, now)) ++from_us, peer.receive(1, std::move(p), now), more = true;
            while (peer.next_packet(1, p, now)) {
                (steer == 0 ? first : second).receive(1, std::move(p), now);
                more = true;
            }
            while (auto m = first.next_misdirected()) ++passed_on, second.receive_misdirected(std::move(*m), now), more = true;
            while (auto m = second.next_misdirected()) ++passed_on, first.receive_misdirected(std::move(*m), now), more = true;
        }
    }
    tcp_id listener(host& h, std::uint16_t port)
    {
        const tcp_id id = *h.tcp().open(family::v4);
        EXPECT_FALSE(h.tcp().bind(id, {at("0.0.0.0"), port}));
        EXPECT_FALSE(h.tcp().listen(id, 5, now));
        return id;
    }
    static std::array<const_bytes, 1> octets(const char* text) { return {std::as_bytes(std::span(text, 1))}; }

    time_point now{1s};
    host first{shard(0), seed(1)}, second{shard(1), seed(2)}, peer{{}, seed(3)};
    int steer = 0;
    unsigned from_us = 0, passed_on = 0;
};

TEST_F(two_shards, an_answer_to_arp_reaches_who_has_asked)
{
    const tcp_id server = listener(peer, 80);
    const tcp_id client = *second.tcp().open(family::v4);
    EXPECT_EQ(second.tcp().connect(client, {at("192.0.2.2"), 80}, now), errno_code(EINPROGRESS));
    settle(); // the first shard receives the ARP reply and the SYN,ACK
    EXPECT_EQ(second.tcp().info(client, now)->state, tcp_state::established);
    endpoint who;
    EXPECT_TRUE(peer.tcp().accept(server, who, now).has_value());
    EXPECT_GE(passed_on, 2U);
}

TEST_F(two_shards, a_connection_goes_on_though_its_segments_come_to_the_other)
{
    const tcp_id server = listener(second, 80);
    steer = 1;
    const tcp_id client = *peer.tcp().open(family::v4);
    (void)peer.tcp().connect(client, {at("192.0.2.1"), 80}, now);
    settle();
    endpoint who;
    const auto child = second.tcp().accept(server, who, now);
    ASSERT_TRUE(child.has_value());
    steer = 0;
    EXPECT_TRUE(peer.tcp().send(client, octets("x"), now).has_value());
    settle();
    EXPECT_EQ(second.tcp().available(*child).value(), 1U);
    EXPECT_EQ(second.counters().tcp.curr_estab, 1U);
    EXPECT_EQ(first.counters().tcp.out_rsts, 0U);
}

TEST_F(two_shards, a_syn_is_answered_by_the_shard_that_listens_and_refused_once_if_none_does)
{
    listener(second, 80);
    for (const std::uint16_t port : {std::uint16_t{80}, std::uint16_t{81}}) {
        const tcp_id client = *peer.tcp().open(family::v4);
        (void)peer.tcp().connect(client, {at("192.0.2.1"), port}, now);
        settle();
        EXPECT_EQ(peer.tcp().take_error(client), port == 80 ? error_code() : errno_code(ECONNREFUSED));
    }
    EXPECT_EQ(first.counters().tcp.out_rsts + second.counters().tcp.out_rsts, 1U);
}

TEST_F(two_shards, datagrams_too_and_port_unreachable_is_said_once)
{
    const socket_id socket = *second.udp().open(family::v4);
    EXPECT_FALSE(second.udp().bind(socket, {at("0.0.0.0"), 53}));
    const socket_id sender = *peer.udp().open(family::v4);
    const endpoint there{at("192.0.2.1"), 53}, nowhere{at("192.0.2.1"), 54};
    EXPECT_TRUE(peer.udp().send(sender, octets("x"), &there, now).has_value());
    EXPECT_TRUE(peer.udp().send(sender, octets("x"), &nowhere, now).has_value());
    settle();
    EXPECT_EQ(second.udp().available(socket).value(), 1U);
    EXPECT_EQ(first.counters().icmp.out_dest_unreachs + second.counters().icmp.out_dest_unreachs, 1U);
}

TEST_F(two_shards, an_icmp_error_reaches_whose_datagram_it_is_about)
{
    const socket_id socket = *second.udp().open(family::v4);
    EXPECT_FALSE(second.udp().connect(socket, {at("192.0.2.2"), 9}, now));
    EXPECT_TRUE(second.udp().send(socket, octets("x"), nullptr, now).has_value());
    settle();
    std::array<std::byte, 1> memory;
    const std::array<mutable_bytes, 1> into{memory};
    EXPECT_EQ(second.udp().receive(socket, into, {}, nullptr, now).error(), errno_code(ECONNREFUSED));
}

TEST_F(two_shards, ports_chosen_are_of_each_ones_own_share)
{
    for (int i = 0; i < 50; ++i)
        for (host* h : {&first, &second}) {
            const tcp_id client = *h->tcp().open(family::v4);
            (void)h->tcp().connect(client, {at("192.0.2.2"), 80}, now);
            EXPECT_EQ(h->tcp().local_endpoint(client)->port % 2, h == &first ? 0 : 1);
        }
}

TEST_F(two_shards, a_ping_is_answered_once)
{
    steer = 1;
    const socket_id raw = *peer.raw().open(family::v4, 1);
    const std::array<std::byte, 8> echo{std::byte{8}, std::byte{0}, std::byte{0xf7}, std::byte{0xff}};
    const std::array<const_bytes, 1> from{const_bytes(echo)};
    const endpoint there{at("192.0.2.1"), 0};
    EXPECT_TRUE(peer.raw().send(raw, from, &there, now).has_value());
    settle();
    EXPECT_EQ(first.counters().icmp.out_echo_reps + second.counters().icmp.out_echo_reps, 1U);
}

} // namespace
} // namespace tapio::core::shards_test
