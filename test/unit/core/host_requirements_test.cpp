// Requirements of RFC 1122 that no other test shows: meaning of received ICMP errors, fields of what is sent, messages that a
// host does not answer. The list of all requirements: test/checklists/rfc1122.md.
#include "raw_host.hpp"

#include <cerrno>

namespace tapio::core {
namespace {

using wire::icmpv4_type;
using wire::ip_protocol;

class host_requirements : public raw_host
{
protected:
    struct icmp_meaning
    {
        icmpv4_type type;
        std::uint8_t code;
        int error; ///< errno
    };

    host_requirements() { introduce(); }

    /// The peer sends an ICMP error about a datagram from port 1000 of ours to its port 2000.
    void error_about_a_datagram(icmpv4_type type, std::uint8_t code)
    {
        wire::ipv4_fields f;
        f.source = ours;
        f.destination = theirs;
        f.protocol = ip_protocol::udp;
        packet quoted = udp(f, 1000, 2000, "x");
        wire::push_ipv4(quoted, f);
        ip(icmp(type, code, 0, flat(quoted)), header(ip_protocol::icmp));
    }
    /// The peer sends a datagram to port 9, to which no socket is bound.
    void knock(std::uint8_t tos)
    {
        wire::ipv4_fields f = header(ip_protocol::udp);
        f.tos = tos;
        ip(udp(f, 5000, 9, "knock"), f);
    }
    error_code send(socket_id id, const endpoint& to)
    {
        const std::string x = "x";
        const std::array<const_bytes, 1> list{bytes_of(x)};
        const auto sent = h->udp().send(id, list, &to, now);
        return sent ? error_code{} : sent.error();
    }
};

// RFC 1122 §3.2.2.1, §3.2.2.4, §3.2.2.5, §4.1.3.3
TEST_F(host_requirements, an_icmp_error_reaches_the_connected_socket_with_its_meaning)
{
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().bind(s, {ours, 1000}));
    ASSERT_FALSE(h->udp().connect(s, {theirs, 2000}, now));
    constexpr auto unreachable = icmpv4_type::destination_unreachable;
    for (const auto& [type, code, error] : {icmp_meaning{unreachable, wire::host_unreachable, EHOSTUNREACH},
                                            {unreachable, wire::protocol_unreachable, ENOPROTOOPT},
                                            {unreachable, wire::port_unreachable, ECONNREFUSED},
                                            {unreachable, wire::fragmentation_needed, EMSGSIZE},
                                            {icmpv4_type::time_exceeded, 0, EHOSTUNREACH},
                                            {icmpv4_type::time_exceeded, 1, EHOSTUNREACH},
                                            {icmpv4_type::parameter_problem, 0, EPROTO}}) {
        error_about_a_datagram(type, code);
        EXPECT_EQ(h->udp().take_error(s), errno_code(error)) << int(type) << ' ' << int(code);
    }
    EXPECT_TRUE(silent());
}

TEST_F(host_requirements, an_icmp_error_has_the_type_of_service_0_and_a_ttl_of_its_own) // RFC 1122 §3.2.2
{
    knock(0xb8);
    const auto e = next();
    ASSERT_TRUE(e && e->icmp);
    EXPECT_EQ(e->ip->tos, 0);
    EXPECT_EQ(e->ip->ttl, 64);
    EXPECT_EQ(e->ip->source, ours);
}

// RFC 1122 §3.2.2.7 (information), §3.2.2.8 (timestamps: optional), §3.2.2.9 (address masks: only an authorized agent answers)
TEST_F(host_requirements, questions_for_time_information_and_address_mask_are_not_answered)
{
    constexpr unsigned timestamp = 13, information = 15, address_mask = 17;
    for (const unsigned type : {timestamp, information, address_mask})
        ip(icmp(static_cast<icmpv4_type>(type), 0, 1, octets(12)), header(ip_protocol::icmp));
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::icmp_unknown_type), 3U);
}

TEST_F(host_requirements, echo_requests_are_ignored_if_that_is_wanted) // RFC 1812 §4.3.3.6
{
    options.answer_echo = false;
    start(), introduce();
    ip(icmp(icmpv4_type::echo_request, 0, 1, octets(8)), header(ip_protocol::icmp));
    EXPECT_TRUE(silent());
    EXPECT_EQ(h->counters().icmp.in_echos, 1U);
}

TEST_F(host_requirements, a_socket_sets_ttl_and_type_of_service) // RFC 1122 §3.2.1.6, §3.2.1.7, §4.1.4
{
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(send(s, {theirs, 9}));
    EXPECT_EQ(next()->ip->ttl, 64);
    ASSERT_FALSE(h->udp().set_option(s, socket_option::ttl, 7, now));
    ASSERT_FALSE(h->udp().set_option(s, socket_option::tos, 0x48, now));
    ASSERT_FALSE(send(s, {theirs, 9}));
    const auto sent = next();
    ASSERT_TRUE(sent && sent->ip);
    EXPECT_EQ(sent->ip->ttl, 7);
    EXPECT_EQ(sent->ip->tos, 0x48);
    EXPECT_EQ(h->udp().set_option(s, socket_option::ttl, 0, now), errno_code(EINVAL)) << "no packet leaves with a TTL of 0";
}

TEST_F(host_requirements, a_multicast_with_a_ttl_of_0_reaches_this_host_alone) // RFC 1122 §3.2.1.7
{
    const socket_id s = *h->udp().open(family::v4), member = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().bind(member, {address_v4::any(), 9}));
    ASSERT_FALSE(h->udp().join_group(member, at("233.252.0.1"), 1));
    drain();
    ASSERT_FALSE(h->udp().set_option(s, socket_option::multicast_hops, 0, now));
    ASSERT_FALSE(send(s, {at("233.252.0.1"), 9}));
    h->advance(now);
    EXPECT_GT(*h->udp().available(member), 0U);
    while (const auto sent = next()) EXPECT_NE(sent->ip ? sent->ip->protocol : ip_protocol{}, ip_protocol::udp);
}

TEST_F(host_requirements, the_default_ttl_can_be_configured) // RFC 1122 §3.2.1.7
{
    options.ttl = 99;
    start(), introduce();
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(send(s, {theirs, 9}));
    EXPECT_EQ(next()->ip->ttl, 99);
    knock(0);
    EXPECT_EQ(next()->ip->ttl, 99);
}

TEST_F(host_requirements, a_packet_for_another_host_is_not_forwarded) // RFC 1122 §3.1, §3.3.5: hosts do not, unless told to
{
    ASSERT_FALSE(h->add_route(address_v4::any(), 0, theirs, 1));
    wire::ipv4_fields f = header(ip_protocol::udp);
    f.destination = at("203.0.113.5");
    ip(udp(f, 5000, 9, "x"), f);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::ipv4_not_for_us), 1U);
}

TEST_F(host_requirements, of_several_default_gateways_one_is_used_and_another_when_it_is_removed) // RFC 1122 §3.3.1.2, §3.3.1.6
{
    const address first = at("192.0.2.253"), second = at("192.0.2.254");
    ASSERT_FALSE(h->add_route(address_v4::any(), 0, first, 1));
    ASSERT_FALSE(h->add_route(address_v4::any(), 0, second, 1));
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(send(s, {at("203.0.113.5"), 9}));
    EXPECT_EQ(next()->arp->target_ip, first);
    ASSERT_FALSE(h->remove_route(address_v4::any(), 0, first, 1));
    ASSERT_FALSE(send(s, {at("203.0.113.5"), 9}));
    EXPECT_EQ(next()->arp->target_ip, second);
}

TEST_F(host_requirements, a_broadcast_address_is_never_the_source) // RFC 1122 §3.2.1.3
{
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().bind(s, {at("192.0.2.255"), 1000}));
    ASSERT_FALSE(send(s, {theirs, 9}));
    EXPECT_EQ(next()->ip->source, ours);
}

TEST_F(host_requirements, a_query_of_igmp_that_a_router_passed_on_is_ignored) // RFC 3376 §4: TTL 1; §4.1.12
{
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().join_group(s, at("233.252.0.1"), 1));
    for (int i = 0; i < 30; ++i, now += 100ms) drain(); // the reports of having joined
    const auto answers = [&](std::uint8_t ttl, const address_v4& to, const address_v4& from) {
        octets q{std::byte{0x11}, std::byte{0}, std::byte{0}, std::byte{0}}; // of IGMPv1: answered within 10 s
        q.resize(8);
        const auto sum = static_cast<std::uint16_t>(~ones_sum(q));
        q[2] = static_cast<std::byte>(sum >> 8), q[3] = static_cast<std::byte>(sum & 0xff);
        wire::ipv4_fields f = header(ip_protocol::igmp);
        f.source = from;
        f.destination = to;
        f.ttl = ttl;
        ip(packet(slice::copy_of(q)), f, to == ours ? our_mac : mac_address{{1, 0, 0x5e, 0, 0, 1}});
        now += 10s;
        return drain();
    };
    EXPECT_EQ(answers(64, at("224.0.0.1"), theirs), 0U);
    EXPECT_EQ(drops(drop_reason::igmp_malformed), 1U);
    EXPECT_EQ(answers(1, at("224.0.0.1"), theirs), 1U);
    EXPECT_EQ(answers(1, ours, theirs), 1U);
    EXPECT_EQ(drops(drop_reason::ipv4_bad_source), 0U);
    EXPECT_EQ(answers(1, at("224.0.0.1"), address_v4()), 1U) << "of a switch without an address (RFC 4541 §2.1.1)";
    EXPECT_EQ(answers(1, ours, address_v4()), 0U);
    EXPECT_EQ(drops(drop_reason::ipv4_bad_source), 1U);
}

TEST_F(host_requirements, a_report_of_igmp_has_precedence_and_a_source_of_its_interface) // RFC 3376 §4, §4.2.13
{
    const socket_id s = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().join_group(s, at("233.252.0.1"), 1));
    const auto report = next();
    ASSERT_TRUE(report && report->ip);
    EXPECT_EQ(report->ip->protocol, ip_protocol::igmp);
    EXPECT_EQ(report->ip->tos, 0xc0);
    EXPECT_EQ(report->ip->source, ours);

    device_info nameless;
    nameless.mac = their_mac;
    ASSERT_EQ(h->add_interface(nameless), 2U);
    ASSERT_FALSE(h->udp().join_group(s, at("233.252.0.2"), 2));
    h->advance(now);
    packet p;
    ASSERT_TRUE(h->next_packet(2, p, now));
    const octets all = flat(p);
    EXPECT_EQ(wire::parse_ipv4(const_bytes(all).subspan(14), all.size() - 14)->source, address_v4::any());
}

} // namespace
} // namespace tapio::core
