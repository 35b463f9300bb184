// Multicast membership and delivery (RFC 1112), sockets bound to an interface (SO_BINDTODEVICE), per-datagram information
// (IP_PKTINFO), and the error queue (IP_RECVERR), as on Linux.
#include "raw_host.hpp"

#include <algorithm>

namespace tapio::core {
namespace {

using wire::icmpv4_type;
using wire::ip_protocol;

class groups : public raw_host
{
protected:
    groups() { introduce(); }

    socket_id bound(std::uint16_t port)
    {
        const socket_id id = *h->udp().open(family::v4);
        EXPECT_FALSE(h->udp().set_option(id, socket_option::reuse_address, 1, now));
        EXPECT_FALSE(h->udp().bind(id, {address_v4::any(), port}));
        return id;
    }
    void from_peer(const address_v4& destination, const std::string& data, std::uint8_t ttl = 64)
    {
        wire::ipv4_fields f = header(ip_protocol::udp);
        f.destination = destination;
        f.ttl = ttl;
        f.tos = 0x20;
        ip(udp(f, 5000, 7, data), f, destination == ours ? our_mac : mac_address{{1, 0, 0x5e, 0, 1, 1}});
    }
    std::string receive(socket_id id)
    {
        octets memory(100);
        const std::array<mutable_bytes, 1> into{memory};
        const auto got = h->udp().receive(id, into, {}, &info, now);
        if (!got) return got.error() == errno_code(EAGAIN) ? "nothing" : got.error().message();
        return std::string(reinterpret_cast<const char*>(memory.data()), *got);
    }
    error_code send(socket_id id, const endpoint& to, const send_hints& hints = {})
    {
        const std::string data = "out";
        const std::array<const_bytes, 1> list{bytes_of(data)};
        const auto sent = h->udp().send(id, list, &to, now, hints);
        return sent ? error_code{} : sent.error();
    }

    const address_v4 group = at("239.0.1.1");
    received_message info;
};

TEST_F(groups, a_group_is_heard_from_join_to_leave)
{
    const socket_id s = bound(7);
    from_peer(group, "before");
    EXPECT_EQ(receive(s), "nothing");
    EXPECT_EQ(drops(drop_reason::ipv4_not_for_us), 1U);
    EXPECT_FALSE(h->udp().join_group(s, group, 1));
    from_peer(group, "while");
    EXPECT_EQ(receive(s), "while");
    EXPECT_FALSE(h->udp().leave_group(s, group, 1));
    from_peer(group, "after");
    EXPECT_EQ(receive(s), "nothing");
}

TEST_F(groups, what_came_with_a_datagram_is_known)
{
    const socket_id s = bound(7);
    ASSERT_FALSE(h->udp().join_group(s, group, {}));
    from_peer(group, "x", 3);
    ASSERT_EQ(receive(s), "x");
    EXPECT_EQ(info.interface, 1U);
    EXPECT_EQ(info.destination, address(group));
    EXPECT_EQ(info.ttl, 3);
    EXPECT_EQ(info.tos, 0x20);
}

TEST_F(groups, memberships_are_counted_and_end_with_their_socket)
{
    const socket_id a = bound(7), b = bound(7);
    ASSERT_FALSE(h->udp().join_group(a, group, 1));
    ASSERT_FALSE(h->udp().join_group(b, group, 1));
    EXPECT_EQ(h->udp().join_group(a, group, 1), errno_code(EADDRINUSE));
    from_peer(group, "to both");
    EXPECT_EQ(receive(a), "to both");
    EXPECT_EQ(receive(b), "to both");
    h->udp().close(a, now);
    EXPECT_TRUE(h->net().interface(1).is_member(group));
    EXPECT_FALSE(h->udp().leave_group(b, group, {}));
    EXPECT_FALSE(h->net().interface(1).is_member(group));
    EXPECT_EQ(h->udp().leave_group(b, group, {}), errno_code(EADDRNOTAVAIL));
}

TEST_F(groups, refused_memberships)
{
    const socket_id s = bound(7);
    EXPECT_EQ(h->udp().join_group(s, theirs, 1), errno_code(EINVAL));
    EXPECT_EQ(h->udp().join_group(s, group, 9), errno_code(ENODEV));
    for (unsigned i = 0; i < 20; ++i) EXPECT_FALSE(h->udp().join_group(s, address_v4(0xef000200 + i), 1));
    EXPECT_EQ(h->udp().join_group(s, group, 1), errno_code(ENOBUFS));
}

TEST_F(groups, without_multicast_all_only_members_hear)
{
    const socket_id member = bound(7), other = bound(7);
    ASSERT_FALSE(h->udp().join_group(member, group, 1));
    ASSERT_FALSE(h->udp().set_option(other, socket_option::multicast_all, 0, now));
    from_peer(group, "x");
    EXPECT_EQ(receive(member), "x");
    EXPECT_EQ(receive(other), "nothing");
}

TEST_F(groups, what_is_sent_goes_to_the_groups_address_and_comes_back_to_members)
{
    const socket_id s = bound(7), member = bound(9);
    ASSERT_FALSE(h->udp().join_group(member, group, 1));
    drain(); // a report of IGMP
    EXPECT_FALSE(send(s, {group, 9}));
    const auto f = next();
    ASSERT_TRUE(f && f->ip);
    EXPECT_EQ(f->link.destination, (mac_address{{1, 0, 0x5e, 0, 1, 1}})); // RFC 1112 §6.4
    EXPECT_EQ(f->ip->source, ours);
    EXPECT_EQ(f->ip->ttl, 1); // RFC 1112 §6.1
    EXPECT_EQ(receive(member), "out");
    ASSERT_FALSE(h->udp().set_option(s, socket_option::multicast_loopback, 0, now));
    EXPECT_FALSE(send(s, {group, 9}));
    EXPECT_EQ(drain(), 1U);
    EXPECT_EQ(receive(member), "nothing");
}

TEST_F(groups, a_multicast_can_be_directed_to_an_interface)
{
    const socket_id s = bound(7);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::multicast_interface, 1, now)); // the loopback interface
    EXPECT_FALSE(send(s, {group, 9}));
    EXPECT_TRUE(silent());
    EXPECT_EQ(h->udp().set_option(s, socket_option::multicast_interface, 7, now), errno_code(ENODEV));
}

TEST_F(groups, a_socket_bound_to_a_device_hears_that_one_only)
{
    const socket_id s = bound(7);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::bound_interface, 1, now)); // the loopback interface
    from_peer(ours, "from outside");
    EXPECT_EQ(receive(s), "nothing");
    ASSERT_FALSE(h->udp().set_option(s, socket_option::bound_interface, 2, now));
    from_peer(ours, "from outside");
    EXPECT_EQ(receive(s), "from outside");
    EXPECT_EQ(h->udp().set_option(s, socket_option::bound_interface, 3, now), errno_code(ENODEV));
}

TEST_F(groups, a_socket_bound_to_a_device_sends_by_it_even_without_a_route)
{
    const socket_id s = bound(7);
    EXPECT_EQ(send(s, {at("203.0.113.9"), 9}), errno_code(ENETUNREACH));
    ASSERT_FALSE(h->udp().set_option(s, socket_option::bound_interface, 2, now));
    EXPECT_FALSE(send(s, {at("203.0.113.9"), 9}));
    const auto asks = next();
    ASSERT_TRUE(asks && asks->arp);
    EXPECT_EQ(asks->arp->target_ip, at("203.0.113.9"));
}

TEST_F(groups, a_listener_bound_to_a_device_is_not_found_by_another)
{
    const tcp_id l = *h->tcp().open(family::v4);
    ASSERT_FALSE(h->tcp().set_option(l, socket_option::bound_interface, 1, now));
    ASSERT_FALSE(h->tcp().bind(l, {address_v4::any(), 80}));
    ASSERT_FALSE(h->tcp().listen(l, 1, now));
    const wire::ipv4_fields f = header(ip_protocol::tcp);
    const auto syn = [&] {
        packet p;
        wire::tcp_fields t;
        t.source_port = 5000;
        t.destination_port = 80;
        t.flags = wire::tcp_syn;
        wire::push_tcp(p, t, f.source, f.destination);
        ip(std::move(p), f);
        const auto answer = next();
        EXPECT_TRUE(answer && answer->ip);
        return wire::parse_tcp(answer->payload, answer->payload.size())->flags;
    };
    EXPECT_EQ(syn(), wire::tcp_rst | wire::tcp_ack);
    ASSERT_FALSE(h->tcp().set_option(l, socket_option::bound_interface, 2, now));
    EXPECT_EQ(syn(), wire::tcp_syn | wire::tcp_ack);
}

TEST_F(groups, a_message_can_name_its_source)
{
    ASSERT_FALSE(h->add_address(1, at("192.0.2.7"), 24, now));
    drain();
    const socket_id s = bound(7);
    EXPECT_FALSE(send(s, {theirs, 9}, {packet_info{{}, address(at("192.0.2.7"))}}));
    const auto f = next();
    ASSERT_TRUE(f && f->ip);
    EXPECT_EQ(f->ip->source, at("192.0.2.7"));
    EXPECT_EQ(send(s, {theirs, 9}, {packet_info{{}, address(theirs)}}), errno_code(EINVAL));
    EXPECT_EQ(send(s, {theirs, 9}, {packet_info{9, {}}}), errno_code(ENODEV));
}

// -- IP_RECVERR -----------------------------------------------------------------------------------------------------

class error_queue : public groups
{
protected:
    /// The peer sends an ICMP destination unreachable that quotes `f`.
    void icmp_about(const sent_frame& f, std::uint8_t code, std::uint32_t rest = 0)
    {
        packet quoted{slice::copy_of(f.payload)};
        wire::push_ipv4(quoted, *f.ip);
        ip(icmp(icmpv4_type::destination_unreachable, code, rest, flat(quoted)), header(ip_protocol::icmp));
    }
    sent_frame sent(socket_id s)
    {
        EXPECT_FALSE(send(s, {theirs, 9}));
        return *next();
    }
};

TEST_F(error_queue, an_unconnected_socket_hears_of_errors_if_it_wants_to)
{
    const socket_id s = bound(7);
    icmp_about(sent(s), wire::port_unreachable);
    EXPECT_EQ(receive(s), "nothing");
    ASSERT_FALSE(h->udp().set_option(s, socket_option::receive_errors, 1, now));
    icmp_about(sent(s), wire::port_unreachable);
    EXPECT_TRUE(any(h->udp().poll(s) & readiness::error));
    EXPECT_EQ(receive(s), errno_code(ECONNREFUSED).message());
    const auto m = h->udp().take_error_message(s);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->why, errno_code(ECONNREFUSED));
    EXPECT_EQ(m->peer, (endpoint{theirs, 9}));
    EXPECT_EQ(m->offender, address(theirs));
    EXPECT_EQ(m->type, 3);
    EXPECT_EQ(m->code, 3);
    const std::string data = "out";
    EXPECT_TRUE(std::ranges::equal(flat(m->payload), bytes_of(data)));
    EXPECT_EQ(h->udp().take_error_message(s).error(), errno_code(EAGAIN));
    EXPECT_FALSE(any(h->udp().poll(s) & readiness::error));
}

TEST_F(error_queue, soft_errors_and_mtus_come_too)
{
    const socket_id s = bound(7);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::receive_errors, 1, now));
    const sent_frame one = sent(s), two = sent(s);
    icmp_about(one, wire::fragmentation_needed, 1280);
    icmp_about(two, wire::net_unreachable);
    const auto first = h->udp().take_error_message(s);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->why, errno_code(EMSGSIZE));
    EXPECT_EQ(first->mtu, 1280U);
    EXPECT_EQ(h->udp().take_error(s), errno_code(ENETUNREACH)) << "the next entry of the error queue becomes the socket's error";
    EXPECT_EQ(h->udp().take_error_message(s)->why, errno_code(ENETUNREACH));
}

TEST_F(error_queue, has_a_bound)
{
    const socket_id s = bound(7);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::receive_errors, 1, now));
    for (int i = 0; i < 100; ++i) {
        (void)h->udp().take_error(s);
        icmp_about(sent(s), wire::net_unreachable);
    }
    int n = 0;
    while (h->udp().take_error_message(s)) ++n;
    EXPECT_EQ(n, 64);
    EXPECT_FALSE(h->udp().set_option(s, socket_option::receive_errors, 0, now));
}

} // namespace
} // namespace tapio::core
