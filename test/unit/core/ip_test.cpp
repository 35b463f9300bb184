// IPv4 and ICMP input of a host: which packets are dropped and with which drop_reason, which are answered, and which must not be
// answered (RFC 791, RFC 792, RFC 1122 §3.2).
#include "raw_host.hpp"

#include <set>

namespace tapio::core {
namespace {

using wire::icmpv4_type;
using wire::ip_protocol;

class ipv4 : public raw_host
{
protected:
    ipv4() { introduce(); }

    /// Receives an echo request with this IPv4 header.
    void echo(const wire::ipv4_fields& f, const mac_address& to = our_mac)
    {
        ip(icmp(icmpv4_type::echo_request, 0, 0x0001'0002, data), f, to);
    }

    /// Receives an echo request with modified octets. @param resum recompute the header checksum after the change
    template <class Change>
    void changed(Change&& change, bool resum = true)
    {
        packet p = icmp(icmpv4_type::echo_request, 0, 1, data);
        wire::push_ipv4(p, header(ip_protocol::icmp));
        octets o = flat(p);
        change(o);
        if (resum) {
            o[10] = o[11] = std::byte{0};
            const std::size_t n = std::min<std::size_t>((std::to_integer<std::size_t>(o[0]) & 15) * 4, o.size());
            const auto sum = static_cast<std::uint16_t>(~ones_sum(const_bytes(o).first(n)));
            o[10] = static_cast<std::byte>(sum >> 8);
            o[11] = static_cast<std::byte>(sum & 0xff);
        }
        in(packet(slice::copy_of(o)), wire::ether_type::ipv4);
    }
    /// Expects no reply, and exactly `times` drops, all with reason `why`.
    void expect_dropped(drop_reason why, std::uint64_t times = 1)
    {
        EXPECT_TRUE(silent()) << name(why);
        EXPECT_EQ(drops(why), times) << name(why);
        std::uint64_t all = 0;
        for (const std::uint64_t n : h->counters().drops.by_reason) all += n;
        EXPECT_EQ(all, times) << "another reason was counted, not " << name(why);
    }

    const octets data = octets(32, std::byte{0x5a});
};

TEST_F(ipv4, an_echo_request_is_answered_with_its_data)
{
    wire::ipv4_fields f = header(ip_protocol::icmp);
    f.tos = 0x48;
    echo(f);
    const auto reply = next();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->icmp->type, icmpv4_type::echo_reply);
    EXPECT_EQ(reply->icmp->rest, 0x0001'0002U);
    EXPECT_EQ(reply->payload, data);
    EXPECT_EQ(reply->ip->source, ours);
    EXPECT_EQ(reply->ip->destination, theirs);
    EXPECT_EQ(reply->ip->ttl, 64);
    EXPECT_EQ(reply->ip->tos, 0x48); // RFC 1122 §3.2.2.6: the reply has the TOS of the request
    EXPECT_EQ(reply->link.destination, their_mac);
}

TEST_F(ipv4, an_answer_that_may_be_fragmented_has_a_number_of_its_peers) // RFC 6864 §4.1, §4.3
{
    const auto number = [this](const address_v4& from) {
        wire::ipv4_fields f = header(ip_protocol::icmp);
        f.source = from;
        echo(f);
        const auto reply = next();
        EXPECT_TRUE(reply && reply->icmp && !reply->ip->dont_fragment);
        return reply->ip->identification;
    };
    const address_v4 other = at("192.0.2.3");
    arp(wire::arp_operation::request, other, ours);
    drain();
    const std::uint16_t first = number(theirs);
    const std::uint16_t first_of_other = number(other);
    EXPECT_NE(first_of_other, static_cast<std::uint16_t>(first + 1));
    EXPECT_EQ(number(theirs), static_cast<std::uint16_t>(first + 1));
    EXPECT_EQ(number(other), static_cast<std::uint16_t>(first_of_other + 1));
}

TEST_F(ipv4, a_datagram_that_may_not_be_fragmented_has_the_number_0) // RFC 6864 §4.1
{
    const socket_id socket = *h->udp().open(family::v4);
    const endpoint to{theirs, 2000};
    const std::string x = "x";
    const std::array<const_bytes, 1> list{bytes_of(x)};
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(h->udp().send(socket, list, &to, now));
        const auto sent = next();
        ASSERT_TRUE(sent && sent->ip);
        EXPECT_TRUE(sent->ip->dont_fragment);
        EXPECT_EQ(sent->ip->identification, 0);
    }
    ASSERT_FALSE(h->udp().set_option(socket, socket_option::mtu_discover, 0, now));
    std::set<std::uint16_t> numbers;
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(h->udp().send(socket, list, &to, now));
        numbers.insert(next()->ip->identification);
    }
    EXPECT_EQ(numbers.size(), 2U);
}

TEST_F(ipv4, headers_that_are_wrong_are_dropped_each_under_its_reason)
{
    const auto set = [](std::size_t at, unsigned value) { return [=](octets& o) { o[at] = static_cast<std::byte>(value); }; };
    changed(set(0, 0x55));
    expect_dropped(drop_reason::ipv4_bad_version);
    start(), introduce();
    changed(set(0, 0x44));
    expect_dropped(drop_reason::ipv4_bad_header_length);
    start(), introduce();
    changed(set(0, 0x4f), false); // IHL 15: the header extends over the payload, and its checksum is wrong
    EXPECT_TRUE(silent());
    start(), introduce();
    changed([](octets& o) { o[2] = std::byte{0}, o[3] = std::byte{19}; });
    expect_dropped(drop_reason::ipv4_bad_total_length);
    start(), introduce();
    changed(set(3, 0xff)); // total length beyond the end of the frame
    expect_dropped(drop_reason::ipv4_truncated);
    start(), introduce();
    changed(set(8, 1), false); // TTL modified, checksum not updated
    expect_dropped(drop_reason::ipv4_bad_checksum);
    EXPECT_EQ(h->counters().ip.in_hdr_errors, 1U);
}

TEST_F(ipv4, a_ttl_of_one_is_enough_for_a_host)
{
    wire::ipv4_fields f = header(ip_protocol::icmp);
    f.ttl = 1;
    echo(f);
    EXPECT_FALSE(silent());
}

TEST_F(ipv4, sources_that_cannot_be_one_are_dropped) // RFC 9293 MUST-63
{
    std::uint64_t times = 0;
    for (const char* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
                               "192.0.2.255", "192.0.2.1"}) {
        wire::ipv4_fields f = header(ip_protocol::icmp);
        f.source = at(source);
        echo(f);
        expect_dropped(drop_reason::ipv4_bad_source, ++times);
    }
    EXPECT_EQ(h->counters().ip.in_addr_errors, times);
}

TEST_F(ipv4, destinations_that_are_not_ours_are_dropped) // RFC 9293 MUST-57
{
    for (const auto& [destination, why] : {std::pair{"192.0.2.9", drop_reason::ipv4_not_for_us},
                                           {"127.0.0.1", drop_reason::ipv4_bad_destination},
                                           {"0.0.0.0", drop_reason::ipv4_bad_destination},
                                           {"240.0.0.1", drop_reason::ipv4_bad_destination},
                                           {"239.1.2.3", drop_reason::ipv4_not_for_us}}) {
        start(), introduce();
        wire::ipv4_fields f = header(ip_protocol::icmp);
        f.destination = at(destination);
        echo(f);
        expect_dropped(why);
    }
}

TEST_F(ipv4, a_syn_to_or_from_no_single_host_says_nothing) // RFC 9293 MUST-57, MUST-63
{
    const tcp_id l = *h->tcp().open(family::v4);
    ASSERT_FALSE(h->tcp().bind(l, {address_v4::any(), 80}));
    ASSERT_FALSE(h->tcp().listen(l, 5, now));
    const auto syn = [&](const char* source, const char* destination) {
        wire::ipv4_fields f = header(ip_protocol::tcp);
        f.source = at(source), f.destination = at(destination);
        wire::tcp_fields t;
        t.source_port = 1000, t.destination_port = 80, t.flags = wire::tcp_syn;
        packet p;
        wire::push_tcp(p, t, f.source, f.destination);
        ip(std::move(p), f, mac_address::broadcast());
    };
    syn("192.0.2.2", "192.0.2.255");
    syn("192.0.2.2", "255.255.255.255");
    EXPECT_EQ(drops(drop_reason::tcp_group_address), 2U);
    syn("224.0.0.1", "192.0.2.1");
    syn("192.0.2.255", "192.0.2.1");
    EXPECT_TRUE(silent());
    EXPECT_EQ(h->counters().tcp.passive_opens, 0U);
}

// RFC 1122 §3.3.6: a link-layer broadcast must carry a broadcast or multicast IP destination
TEST_F(ipv4, our_address_in_a_broadcast_frame_is_dropped)
{
    echo(header(ip_protocol::icmp), mac_address::broadcast());
    expect_dropped(drop_reason::ipv4_bad_destination);
}

TEST_F(ipv4, an_echo_to_a_broadcast_is_ignored_unless_wanted)
{
    wire::ipv4_fields f = header(ip_protocol::icmp);
    for (const char* to : {"255.255.255.255", "192.0.2.255", "224.0.0.1"}) {
        f.destination = at(to);
        echo(f, mac_address::broadcast());
    }
    EXPECT_TRUE(silent());
    EXPECT_EQ(h->counters().icmp.in_echos, 3U);
    options.answer_broadcast_echo = true;
    start(), introduce();
    echo(f, mac_address::broadcast());
    const auto reply = next();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->ip->source, ours); // RFC 1122 §3.2.2.6: the source is a unicast address, not the broadcast address
}

TEST_F(ipv4, fragments_that_cannot_be_are_dropped_and_nothing_is_said) // RFC 791 §3.2
{
    wire::ipv4_fields f = header(ip_protocol::udp);
    f.more_fragments = true;
    ip(udp(f, 1, 9, "x"), f); // 9 octets, and not the last
    expect_dropped(drop_reason::ip_bad_fragment);
}

TEST_F(ipv4, options_are_walked_and_source_routes_refused) // RFC 9293 MUST-50
{
    const auto with_options = [&](const octets& extra) {
        packet p = icmp(icmpv4_type::echo_request, 0, 1, data);
        wire::push_ipv4(p, header(ip_protocol::icmp));
        octets o = flat(p);
        o.insert(o.begin() + 20, extra.begin(), extra.end());
        o[0] = static_cast<std::byte>(0x40 | (5 + extra.size() / 4));
        o[3] = static_cast<std::byte>(o.size());
        o[10] = o[11] = std::byte{0};
        const auto sum = static_cast<std::uint16_t>(~ones_sum(const_bytes(o).first(20 + extra.size())));
        o[10] = static_cast<std::byte>(sum >> 8);
        o[11] = static_cast<std::byte>(sum & 0xff);
        in(packet(slice::copy_of(o)), wire::ether_type::ipv4);
    };
    const auto octets_of = [](std::initializer_list<unsigned> list) {
        octets o;
        for (const unsigned v : list) o.push_back(static_cast<std::byte>(v));
        return o;
    };
    with_options(octets_of({1, 1, 1, 0}));             // no-operation, end of list
    with_options(octets_of({7, 7, 4, 0, 0, 0, 0, 0})); // record route
    with_options(octets_of({68, 4, 5, 0}));            // timestamp, already full
    with_options(octets_of({148, 4, 0, 0}));           // router alert
    EXPECT_EQ(drain(), 4U);
    with_options(octets_of({131, 7, 4, 198, 51, 100, 1, 0})); // loose source route
    expect_dropped(drop_reason::ipv4_source_route);
    start(), introduce();
    with_options(octets_of({7, 0, 4, 0}));  // option length 0
    with_options(octets_of({7, 40, 4, 0})); // option length beyond the header
    expect_dropped(drop_reason::ipv4_bad_options, 2);
}

TEST_F(ipv4, an_unknown_protocol_is_unreachable_and_quoted)
{
    wire::ipv4_fields f = header(static_cast<ip_protocol>(99));
    ip(packet(slice::copy_of(data)), f);
    const auto e = next();
    ASSERT_TRUE(e && e->icmp);
    EXPECT_EQ(e->icmp->type, icmpv4_type::destination_unreachable);
    EXPECT_EQ(e->icmp->code, wire::protocol_unreachable);
    ASSERT_EQ(e->payload.size(), 20 + data.size());
    const auto quoted = wire::parse_ipv4(e->payload, e->payload.size());
    ASSERT_TRUE(quoted); // quoted unchanged: its checksum is still valid
    EXPECT_EQ(quoted->source, theirs);
    EXPECT_EQ(h->counters().ip.in_unknown_protos, 1U);
}

class icmp_errors : public ipv4
{
protected:
    /// The peer sends a datagram to port 9, to which no socket is bound.
    void knock(wire::ipv4_fields f, const std::string& text = "knock", const mac_address& to = our_mac)
    {
        ip(udp(f, 5000, 9, text), f, to);
    }
    wire::ipv4_fields from_peer() const { return header(ip_protocol::udp); }
};

TEST_F(icmp_errors, a_closed_port_is_unreachable_and_the_datagram_quoted)
{
    knock(from_peer());
    const auto e = next();
    ASSERT_TRUE(e && e->icmp);
    EXPECT_EQ(e->icmp->type, icmpv4_type::destination_unreachable);
    EXPECT_EQ(e->icmp->code, wire::port_unreachable);
    EXPECT_EQ(e->icmp->rest, 0U);
    EXPECT_EQ(e->ip->destination, theirs);
    ASSERT_EQ(e->payload.size(), 20U + 8 + 5);
    const auto q = wire::parse_icmpv4_quote(e->payload);
    ASSERT_TRUE(q);
    EXPECT_EQ(q->source_port, 5000);
    EXPECT_EQ(q->destination_port, 9);
    EXPECT_EQ(h->counters().udp.no_ports, 1U);
    EXPECT_EQ(h->counters().icmp.out_dest_unreachs, 1U);
}

/// The checksum of a datagram from a device with offload may be partial; the ICMP quote must contain the complete one.
TEST_F(icmp_errors, a_partial_checksum_is_completed_in_the_quote)
{
    constexpr std::size_t ethernet = 14, udp_at = ethernet + 20, checksum_at = udp_at + 6;
    const wire::ipv4_fields f = from_peer();
    packet p = udp(f, 5000, 9, "knock");
    const std::uint16_t pseudo =
        pseudo_header(f.source, f.destination, static_cast<std::uint8_t>(ip_protocol::udp), p.size()).folded();
    wire::push_ipv4(p, f);
    wire::push_ethernet(p, our_mac, their_mac, wire::ether_type::ipv4);
    const octets complete = flat(p);
    octets partial = complete;
    partial[checksum_at] = static_cast<std::byte>(pseudo >> 8);
    partial[checksum_at + 1] = static_cast<std::byte>(pseudo & 0xff);
    packet in(slice::copy_of(partial));
    in.offload = {.checksum = offload_info::checksum_state::partial, .checksum_start = udp_at, .checksum_offset = 6};
    h->receive(1, std::move(in), now);
    const auto e = next();
    ASSERT_TRUE(e && e->icmp);
    EXPECT_EQ(octets(e->payload.begin(), e->payload.end()), octets(complete.begin() + ethernet, complete.end()));
}

TEST_F(icmp_errors, the_quote_makes_576_octets_at_most)
{
    knock(from_peer(), std::string(1400, 'x'));
    const auto e = next();
    ASSERT_TRUE(e && e->icmp);
    EXPECT_EQ(e->ip->total_length, 576); // RFC 1812 §4.3.2.3
}

// RFC 1122 §3.2.2: no ICMP error about a broadcast or multicast datagram
TEST_F(icmp_errors, none_about_a_datagram_to_a_group)
{
    for (const char* to : {"255.255.255.255", "192.0.2.255", "224.0.0.1"}) {
        wire::ipv4_fields f = from_peer();
        f.destination = at(to);
        knock(f, "x", mac_address::broadcast());
    }
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::udp_no_socket), 3U);
}

TEST_F(icmp_errors, none_about_one_that_came_from_nobody)
{
    wire::ipv4_fields f = from_peer();
    f.source = address_v4::any();
    f.destination = address_v4::broadcast();
    knock(f, "x", mac_address::broadcast());
    EXPECT_TRUE(silent());
}

TEST_F(icmp_errors, none_about_an_icmp_error_or_anything_icmp)
{
    const octets junk(28, std::byte{0x11});
    for (const unsigned type : {0U, 3U, 4U, 5U, 11U, 12U, 77U, 255U})
        ip(icmp(static_cast<icmpv4_type>(type), 0, 0, junk), header(ip_protocol::icmp));
    EXPECT_TRUE(silent());
    EXPECT_EQ(h->counters().icmp.out_errors, 0U);
}

TEST_F(icmp_errors, one_peer_gets_few_of_them)
{
    for (int i = 0; i < 1000; ++i) knock(from_peer());
    const std::size_t said = drain();
    EXPECT_GE(said, 1U);
    EXPECT_LE(said, 10U);
    EXPECT_EQ(h->counters().icmp.out_rate_limited, 1000 - said);
    EXPECT_EQ(drops(drop_reason::icmp_rate_limited), 1000 - said);
    now += 1s;
    knock(from_peer());
    EXPECT_EQ(drain(), 1U);
}

TEST_F(icmp_errors, echo_replies_are_not_limited_with_them)
{
    for (int i = 0; i < 1000; ++i) knock(from_peer());
    drain();
    for (int i = 0; i < 1000; ++i) echo(header(ip_protocol::icmp)), drain();
    EXPECT_EQ(h->counters().icmp.out_echo_reps, 1000U);
}

TEST_F(icmp_errors, a_wrong_checksum_says_nothing)
{
    packet p = icmp(icmpv4_type::echo_request, 0, 1, data);
    octets o = flat(p);
    o.back() ^= std::byte{1};
    ip(packet(slice::copy_of(o)), header(ip_protocol::icmp));
    expect_dropped(drop_reason::icmp_bad_checksum);
    EXPECT_EQ(h->counters().icmp.in_errors, 1U);
}

/// ICMP errors received about datagrams that our sockets sent.
class icmp_reports : public icmp_errors
{
protected:
    icmp_reports()
    {
        socket = *h->udp().open(family::v4);
        EXPECT_FALSE(h->udp().bind(socket, {ours, 1000}));
        EXPECT_FALSE(h->udp().connect(socket, {theirs, 2000}, now));
    }
    /// The peer reports destination unreachable about a datagram of ours with these ports.
    void unreachable(std::uint8_t code, std::uint16_t from, std::uint16_t to, const char* source = "192.0.2.1")
    {
        wire::ipv4_fields f;
        f.source = at(source);
        f.destination = theirs;
        f.protocol = ip_protocol::udp;
        packet quoted = udp(f, from, to, "x");
        wire::push_ipv4(quoted, f);
        ip(icmp(icmpv4_type::destination_unreachable, code, 0, flat(quoted)), header(ip_protocol::icmp));
    }
    socket_id socket;
};

TEST_F(icmp_reports, port_unreachable_reaches_its_connected_socket_once)
{
    unreachable(wire::port_unreachable, 1000, 2000);
    const auto ready = h->udp().poll(socket);
    EXPECT_TRUE(any(ready & readiness::error) && any(ready & readiness::readable));
    std::array<std::byte, 10> memory{};
    const std::array<mutable_bytes, 1> into{memory};
    EXPECT_EQ(h->udp().receive(socket, into, {}, nullptr, now).error(), errno_code(ECONNREFUSED));
    EXPECT_EQ(h->udp().receive(socket, into, {}, nullptr, now).error(), errno_code(EAGAIN));
}

TEST_F(icmp_reports, others_are_not_touched)
{
    unreachable(wire::port_unreachable, 1001, 2000);
    unreachable(wire::port_unreachable, 1000, 2001);
    EXPECT_FALSE(h->udp().take_error(socket));
}

TEST_F(icmp_reports, source_quench_is_taken_and_does_nothing) // RFC 6633; RFC 9293 MUST-55
{
    const tcp_id c = *h->tcp().open(family::v4);
    ASSERT_EQ(h->tcp().connect(c, {theirs, 80}, now), errno_code(EINPROGRESS));
    const auto syn = next();
    ASSERT_TRUE(syn && syn->ip);
    wire::ipv4_fields f = *syn->ip;
    packet quoted(slice::copy_of(syn->payload));
    wire::push_ipv4(quoted, f);
    ip(icmp(icmpv4_type::source_quench, 0, 0, flat(quoted)), header(ip_protocol::icmp));
    EXPECT_TRUE(silent());
    EXPECT_FALSE(h->tcp().take_error(c));
    EXPECT_EQ(h->tcp().info(c, now)->state, tcp_state::syn_sent);
}

TEST_F(icmp_reports, about_packets_that_are_not_ours_is_counted_as_a_bad_quote)
{
    unreachable(wire::port_unreachable, 1000, 2000, "192.0.2.99");
    EXPECT_FALSE(h->udp().take_error(socket));
    EXPECT_EQ(drops(drop_reason::icmp_bad_quote), 1U);
}

TEST_F(icmp_reports, an_unconnected_socket_hears_nothing)
{
    ASSERT_FALSE(h->udp().disconnect(socket));
    unreachable(wire::port_unreachable, 1000, 2000);
    EXPECT_FALSE(h->udp().take_error(socket)); // RFC 1122 §4.1.3.3 permits it; Linux does not report the error
}

TEST_F(icmp_reports, a_quote_cut_short_is_dropped_at_each_length)
{
    wire::ipv4_fields f;
    f.source = ours;
    f.destination = theirs;
    f.protocol = ip_protocol::udp;
    packet quoted = udp(f, 1000, 2000, "x");
    wire::push_ipv4(quoted, f);
    const octets whole = flat(quoted);
    for (std::size_t n = 0; n < 28; ++n)
        ip(icmp(icmpv4_type::destination_unreachable, wire::port_unreachable, 0,
                octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n))),
           header(ip_protocol::icmp));
    EXPECT_FALSE(h->udp().take_error(socket));
    EXPECT_EQ(drops(drop_reason::icmp_bad_quote), 28U);
}

} // namespace
} // namespace tapio::core
