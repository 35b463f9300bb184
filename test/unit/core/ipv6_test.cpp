// IPv6, ICMPv6 and Neighbour Discovery of a host, frame by frame (RFC 8200, RFC 4443, RFC 4861, RFC 4862).
#include "raw_host.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/ndp.hpp"

namespace tapio::core {
namespace {

using wire::icmpv6_type;

octets hex(std::initializer_list<unsigned> from)
{
    octets out;
    for (const unsigned o : from) out.push_back(static_cast<std::byte>(o));
    return out;
}

/// An IPv6 packet sent by the host.
struct sent_v6
{
    wire::ethernet_frame link;
    wire::ipv6_fields ip;
    flow_key flow;
    std::optional<wire::icmpv6_message> icmp;
    octets payload; ///< after the ICMPv6 header, if it is one, else after the IPv6 headers
};

/// A host on an Ethernet with 2001:db8::1/64; the peer is 2001:db8::2.
class ipv6 : public raw_host
{
protected:
    ipv6()
    {
        EXPECT_FALSE(h->add_address(1, ours6, 64, now));
        settle();
    }

    /// Lets duplicate address detection end.
    void settle()
    {
        for (int i = 0; i < 30; ++i, now += 100ms) drain();
    }

    void ip6(packet p, ip_protocol protocol, const address_v6& from, const address_v6& to, std::uint8_t hop_limit = 64,
             const mac_address& mac = our_mac)
    {
        const flow_key flow({from, 0}, {to, 0}, protocol);
        wire::push_ipv6(p, {protocol, hop_limit, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(p), wire::ether_type::ipv6, mac);
    }
    void icmp6(icmpv6_type type, std::uint8_t code, std::uint32_t rest, packet body, const address_v6& from, const address_v6& to,
               std::uint8_t hop_limit = 255, const mac_address& mac = our_mac)
    {
        wire::push_icmpv6(body, type, code, rest, flow_key({from, 0}, {to, 0}, ip_protocol::icmpv6));
        ip6(std::move(body), ip_protocol::icmpv6, from, to, hop_limit, mac);
    }
    void solicit(const address_v6& target, const address_v6& from, const address_v6& to, bool link_address = true,
                 std::uint8_t hop_limit = 255)
    {
        const auto mac = link_address ? std::optional(their_mac) : std::nullopt;
        icmp6(icmpv6_type::neighbor_solicitation, 0, 0, wire::make_neighbor_solicitation({target, mac, 0}), from, to, hop_limit);
    }
    void advertise(const wire::neighbor_advertisement& a, const address_v6& to)
    {
        icmp6(icmpv6_type::neighbor_advertisement, 0, wire::rest_of(a), wire::make_neighbor_advertisement(a), a.target, to);
    }
    void meet() ///< the host learns the link-layer address of the peer
    {
        solicit(ours6, theirs6, ours6);
        drain();
    }
    /// A UDP datagram from port 1000 of the peer to port 53 of the host.
    packet datagram(const std::string& text = "x") const
    {
        packet p(slice::copy_of(bytes_of(text)));
        wire::push_udp(p, 1000, 53, theirs6, ours6);
        return p;
    }
    /// The same behind extension headers. @param first number of the first of them
    void chained(const octets& headers, std::uint8_t first)
    {
        packet p = datagram();
        std::copy(headers.begin(), headers.end(), p.push_front(headers.size()));
        ip6(std::move(p), ip_protocol{first}, theirs6, ours6);
    }
    socket_id listener()
    {
        const socket_id id = h->udp().open(family::v6).value();
        EXPECT_FALSE(h->udp().bind(id, {address_v6::any(), 53}));
        return id;
    }
    std::optional<sent_v6> next6()
    {
        packet p;
        h->advance(now);
        if (!h->next_packet(1, p, now)) return std::nullopt;
        const octets all = flat(p);
        constexpr std::size_t next_header = 14 + offsetof(wire::ipv6_header, next_header);
        if (all[12] == std::byte{0x86} && all[next_header] == std::byte{0}) return next6(); // a report of MLD
        sent_v6 out;
        out.link = wire::parse_ethernet(all).value();
        const auto ip = const_bytes(all).subspan(out.link.header_length);
        if (out.link.type != wire::ether_type::ipv6 || wire::read_ipv6(ip, ip.size(), out.ip)) return std::nullopt;
        out.flow = flow_key::v6(ip.data() + 8, 0, out.ip.protocol);
        auto rest = ip.subspan(out.ip.header_length);
        if (out.ip.protocol == ip_protocol::icmpv6) {
            checksum_accumulator sum = out.flow.pseudo_header(rest.size());
            sum.add(rest);
            EXPECT_EQ(sum.checksum(), 0) << "ICMPv6 checksum";
            out.icmp = wire::parse_icmpv6(rest).value();
            rest = rest.subspan(sizeof(wire::icmpv6_header));
        }
        out.payload.assign(rest.begin(), rest.end());
        return out;
    }

    const address_v6 ours6 = at6("2001:db8::1"), theirs6 = at6("2001:db8::2");
    const address_v6 link_local = at6("fe80::ff:fe00:1"); ///< made of our_mac
    const address_v6 all_nodes = at6("ff02::1");
};

// -- neighbours -----------------------------------------------------------------------------------------------------------

TEST_F(ipv6, a_solicitation_is_answered)
{
    solicit(ours6, theirs6, at6("ff02::1:ff00:1"));
    const auto reply = next6();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->icmp->type, icmpv6_type::neighbor_advertisement);
    EXPECT_EQ(reply->ip.hop_limit, 255);
    EXPECT_EQ(reply->link.destination, their_mac);
    EXPECT_EQ(reply->flow.destination_address(), theirs6);
    const auto a = wire::parse_neighbor_advertisement(reply->icmp->rest, reply->payload);
    ASSERT_TRUE(a);
    EXPECT_EQ(a->target, ours6);
    EXPECT_TRUE(a->solicited && a->override && !a->router);
    EXPECT_EQ(a->target_link, our_mac);
}

TEST_F(ipv6, a_solicitation_that_a_router_passed_on_is_ignored) // RFC 4861 §7.1.1
{
    solicit(ours6, theirs6, ours6, true, 254);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 1U);
}

TEST_F(ipv6, a_neighbour_is_solicited_before_the_first_packet) // RFC 4861 §7.2.2
{
    const socket_id id = listener();
    const std::array<const_bytes, 1> text{bytes_of("hello")};
    const endpoint to{theirs6, 9};
    ASSERT_TRUE(h->udp().send(id, text, &to, now));
    const auto question = next6();
    ASSERT_TRUE(question && question->icmp);
    EXPECT_EQ(question->icmp->type, icmpv6_type::neighbor_solicitation);
    EXPECT_EQ(question->flow.destination_address(), at6("ff02::1:ff00:2"));
    EXPECT_EQ(question->link.destination, (mac_address{{0x33, 0x33, 0xff, 0, 0, 2}}));
    EXPECT_EQ(wire::parse_neighbor_solicitation(question->payload)->source_link, our_mac);
    EXPECT_TRUE(silent());

    advertise({theirs6, false, true, true, their_mac}, ours6);
    const auto sent = next6();
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->ip.protocol, ip_protocol::udp);
    EXPECT_EQ(sent->link.destination, their_mac);
    EXPECT_NE(sent->ip.flow_label, 0U); // RFC 6437
}

TEST_F(ipv6, a_neighbour_that_does_not_answer_is_reported) // RFC 4861 §7.2.2
{
    const socket_id id = listener();
    ASSERT_FALSE(h->udp().connect(id, {theirs6, 9}, now));
    const std::array<const_bytes, 1> text{bytes_of("hello")};
    ASSERT_TRUE(h->udp().send(id, text, nullptr, now));
    std::size_t questions = 0;
    for (int i = 0; i < 50; ++i, now += 100ms)
        while (next6()) ++questions;
    EXPECT_EQ(questions, 3U);
    EXPECT_EQ(h->udp().take_error(id), errno_code(EHOSTUNREACH));
}

TEST_F(ipv6, an_advertisement_that_nobody_asked_for_makes_no_entry) // RFC 4861 §7.2.5
{
    advertise({theirs6, false, false, true, their_mac}, all_nodes);
    EXPECT_EQ(drops(drop_reason::ndp_not_for_us), 1U);
    EXPECT_TRUE(h->net().interface(1).neighbors.state_of(theirs6) == std::nullopt);
}

TEST_F(ipv6, an_advertisement_without_override_does_not_replace_an_address) // RFC 4861 §7.2.5
{
    meet();
    const mac_address other{{2, 0, 0, 0, 0, 9}};
    advertise({theirs6, false, false, false, other}, all_nodes);
    EXPECT_EQ(h->net().interface(1).neighbors.address_of(theirs6), their_mac);
    advertise({theirs6, false, false, true, other}, all_nodes);
    EXPECT_EQ(h->net().interface(1).neighbors.address_of(theirs6), other);
}

// -- duplicate address detection ------------------------------------------------------------------------------------------

TEST_F(ipv6, a_new_address_is_probed_and_used_meanwhile) // RFC 4862 §5.4.2, RFC 4429
{
    ASSERT_FALSE(h->add_address(1, at6("2001:db8::5"), 64, now));
    solicit(at6("2001:db8::5"), theirs6, at6("2001:db8::5"));
    const auto early = next6();
    ASSERT_TRUE(early && early->icmp);
    EXPECT_FALSE(wire::parse_neighbor_advertisement(early->icmp->rest, early->payload)->override); // RFC 4429 §3.3
    now += 1s;
    const auto probe = next6();
    ASSERT_TRUE(probe && probe->icmp);
    EXPECT_TRUE(probe->flow.source_address().is_unspecified());
    EXPECT_EQ(probe->flow.destination_address(), at6("ff02::1:ff00:5"));
    const auto s = wire::parse_neighbor_solicitation(probe->payload);
    ASSERT_TRUE(s);
    EXPECT_FALSE(s->source_link);
    EXPECT_NE(s->nonce, 0U); // RFC 7527
}

TEST_F(ipv6, an_address_that_another_node_defends_is_given_up) // RFC 4862 §5.4.4
{
    const address_v6 wanted = at6("2001:db8::5");
    ASSERT_FALSE(h->add_address(1, wanted, 64, now));
    EXPECT_TRUE(h->net().addresses().is_ours(wanted));
    advertise({wanted, false, false, true, their_mac}, all_nodes);
    EXPECT_FALSE(h->net().addresses().is_ours(wanted));
    EXPECT_EQ(drops(drop_reason::ndp_conflict), 1U);
}

TEST_F(ipv6, an_address_that_another_node_probes_at_the_same_time_is_given_up) // RFC 4862 §5.4.3
{
    const address_v6 wanted = at6("2001:db8::5");
    ASSERT_FALSE(h->add_address(1, wanted, 64, now));
    solicit(wanted, address_v6::any(), at6("ff02::1:ff00:5"), false);
    EXPECT_FALSE(h->net().addresses().is_ours(wanted));
}

TEST_F(ipv6, our_own_probe_that_the_network_returns_is_no_conflict) // RFC 7527 §4.2
{
    const address_v6 wanted = at6("2001:db8::5");
    ASSERT_FALSE(h->add_address(1, wanted, 64, now));
    now += 1s;
    packet probe;
    h->advance(now);
    ASSERT_TRUE(h->next_packet(1, probe, now));
    raw(flat(probe));
    EXPECT_TRUE(h->net().addresses().is_ours(wanted));
}

TEST_F(ipv6, an_address_in_use_is_defended_once_in_ten_seconds)
{
    for (int i = 0; i < 3; ++i) advertise({ours6, false, false, true, their_mac}, all_nodes);
    EXPECT_TRUE(h->net().addresses().is_ours(ours6));
    EXPECT_EQ(drain(), 1U);
    solicit(ours6, address_v6::any(), at6("ff02::1:ff00:1"), false); // another node probes it
    const auto answer = next6();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flow.destination_address(), all_nodes);
}

// -- headers --------------------------------------------------------------------------------------------------------------

TEST_F(ipv6, an_echo_request_is_answered) // RFC 4443 §4.2
{
    meet();
    icmp6(icmpv6_type::echo_request, 0, 0x0001'0002, packet(slice::copy_of(bytes_of("ping"))), theirs6, ours6);
    const auto reply = next6();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->icmp->type, icmpv6_type::echo_reply);
    EXPECT_EQ(reply->icmp->rest, 0x0001'0002U);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(reply->payload.data()), reply->payload.size()), "ping");
    EXPECT_EQ(reply->flow.source_address(), ours6);
}

TEST_F(ipv6, an_echo_request_to_all_nodes_is_answered_from_the_senders_scope)
{
    icmp6(icmpv6_type::echo_request, 0, 1, {}, at6("fe80::2"), all_nodes, 255, {{0x33, 0x33, 0, 0, 0, 1}});
    const auto question = next6(); // for the sender's link-layer address
    ASSERT_TRUE(question && question->icmp);
    EXPECT_EQ(question->icmp->type, icmpv6_type::neighbor_solicitation);
    advertise({at6("fe80::2"), false, true, true, their_mac}, link_local);
    const auto reply = next6();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->icmp->type, icmpv6_type::echo_reply);
    EXPECT_EQ(without_zone(reply->flow.source_address()), address(link_local));
}

TEST_F(ipv6, a_bad_icmp_checksum_is_dropped)
{
    meet();
    packet p;
    wire::push_icmpv6(p, icmpv6_type::echo_request, 0, 1, flow_key({theirs6, 0}, {at6("2001:db8::7"), 0}, ip_protocol::icmpv6));
    ip6(std::move(p), ip_protocol::icmpv6, theirs6, ours6);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::icmp_bad_checksum), 1U);
}

TEST_F(ipv6, a_datagram_is_delivered_behind_any_known_chain_of_headers) // RFC 8200 §4.1
{
    const socket_id id = listener();
    constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, for_us = 60, udp = 17;
    chained(hex({udp, 0, 1, 4, 0, 0, 0, 0}), hop_by_hop);                          // PadN
    chained(hex({udp, 0, 0x1e, 4, 1, 2, 3, 4}), for_us);                           // unknown option, to be skipped
    chained(hex({udp, 0, 0, 0, 0, 0, 0, 0}), routing);                             // type 0 that has ended
    chained(hex({udp, 0, 0, 0, 0, 0, 0, 7}), fragment);                            // atomic (RFC 6946)
    chained(hex({60, 0, 1, 4, 0, 0, 0, 0, udp, 0, 1, 4, 0, 0, 0, 0}), hop_by_hop); // two headers
    for (int i = 0; i < 5; ++i) {
        std::array<std::byte, 8> memory;
        const std::array<mutable_bytes, 1> into{memory};
        EXPECT_TRUE(h->udp().receive(id, into, {}, nullptr, now)) << i;
    }
}

struct refused_chain
{
    octets headers;
    std::uint8_t first;
    drop_reason why;
    std::optional<wire::ipv6_problem> told; ///< none: silently
};

TEST_F(ipv6, a_chain_that_cannot_be_processed_is_refused_and_the_sender_told) // RFC 8200 §4, RFC 4443 §3.4
{
    meet();
    (void)listener();
    using reason = drop_reason;
    constexpr std::uint8_t hop_by_hop = 0, routing = 43, for_us = 60, udp = 17;
    const refused_chain cases[] = {
        {hex({udp, 0, 0x5e, 4, 0, 0, 0, 0}), for_us, reason::ipv6_unknown_option, {}},
        {hex({udp, 0, 0x9e, 4, 0, 0, 0, 0}), for_us, reason::ipv6_unknown_option, {{wire::unknown_option, true, 42}}},
        {hex({udp, 0, 0xde, 4, 0, 0, 0, 0}), hop_by_hop, reason::ipv6_unknown_option, {{wire::unknown_option, false, 42}}},
        {hex({udp, 0, 0, 1, 0, 0, 0, 0}), routing, reason::ipv6_source_route, {{wire::erroneous_field, false, 42}}},
        {hex({0, 0, 1, 4, 0, 0, 0, 0, udp, 0, 1, 4, 0, 0, 0, 0}),
         for_us,
         reason::ipv6_unknown_protocol,
         {{wire::unknown_next_header, false, 40}}}, // hop-by-hop options that are not the first header
        {hex({udp, 0, 1, 9, 0, 0, 0, 0}), for_us, reason::ipv6_bad_extension, {{wire::erroneous_field, false, 42}}},
        {hex({udp, 200, 1, 4, 0, 0, 0, 0}), for_us, reason::ipv6_truncated, {}},
        {hex({udp, 0, 0, 0, 0, 0, 0, 0, udp, 0, 0, 0, 0, 0, 0, 0}),
         99,
         reason::ipv6_unknown_protocol,
         {{wire::unknown_next_header, false, 6}}},
        {hex({udp, 0, 0, 0, 0, 0, 0, 0}), 59, reason::ipv6_unknown_protocol, {}}, // no next header
    };
    for (const refused_chain& c : cases) {
        const std::uint64_t before = drops(c.why);
        chained(c.headers, c.first);
        EXPECT_EQ(drops(c.why), before + 1) << int(c.first) << ' ' << name(c.why);
        const auto told = next6();
        ASSERT_EQ(told.has_value(), c.told.has_value()) << int(c.first) << ' ' << name(c.why);
        now += 100ms; // the rate limit
        if (!told) continue;
        EXPECT_EQ(told->icmp->type, icmpv6_type::parameter_problem);
        EXPECT_EQ(told->icmp->code, c.told->code) << name(c.why);
        EXPECT_EQ(told->icmp->rest, c.told->pointer) << name(c.why);
    }
}

TEST_F(ipv6, options_beyond_the_bounds_are_dropped_silently) // RFC 8504 §5.3
{
    meet();
    (void)listener();
    constexpr std::uint8_t for_us = 60, udp = 17;
    const auto with_options = [&](unsigned unknown, unsigned padding) { // each unknown option, to be skipped, is 2 octets long
        octets o = hex({udp, 0});
        for (unsigned i = 0; i < unknown; ++i) o.insert(o.end(), {std::byte{0x1e}, std::byte{0}});
        o.resize(o.size() + padding);
        EXPECT_EQ(o.size() % 8, 0U);
        o[1] = static_cast<std::byte>(o.size() / 8 - 1);
        chained(o, for_us);
    };
    with_options(8, 6);
    with_options(5, 4);
    EXPECT_EQ(drops(drop_reason::ipv6_bad_extension), 0U);
    with_options(9, 4); // more than 8 options
    with_options(3, 8); // more than 7 octets of padding in a row
    EXPECT_EQ(drops(drop_reason::ipv6_bad_extension), 2U);
    EXPECT_TRUE(silent());
}

TEST_F(ipv6, a_packet_with_a_mapped_address_is_dropped) // RFC 4942 §2.2
{
    ip6(datagram(), ip_protocol::udp, at6("::ffff:192.0.2.9"), ours6);
    ip6(datagram(), ip_protocol::udp, theirs6, at6("::ffff:192.0.2.1"));
    EXPECT_EQ(drops(drop_reason::ipv6_bad_source), 1U);
    EXPECT_EQ(drops(drop_reason::ipv6_bad_destination), 1U);
}

TEST_F(ipv6, addresses_that_cannot_be_are_dropped) // RFC 4291 §2.5, §2.7
{
    ip6(datagram(), ip_protocol::udp, at6("ff02::9"), ours6);
    ip6(datagram(), ip_protocol::udp, at6("::1"), ours6);
    ip6(datagram(), ip_protocol::udp, ours6, ours6);
    ip6(datagram(), ip_protocol::udp, address_v6::any(), ours6);
    EXPECT_EQ(drops(drop_reason::ipv6_bad_source), 4U);
    ip6(datagram(), ip_protocol::udp, theirs6, at6("::1"));
    ip6(datagram(), ip_protocol::udp, theirs6, address_v6::any());
    ip6(datagram(), ip_protocol::udp, theirs6, at6("ff01::1"));
    ip6(datagram(), ip_protocol::udp, theirs6, ours6, 64, mac_address::broadcast());
    EXPECT_EQ(drops(drop_reason::ipv6_bad_destination), 4U);
    ip6(datagram(), ip_protocol::udp, theirs6, at6("2001:db8::77"));
    ip6(datagram(), ip_protocol::udp, theirs6, at6("ff02::77"), 64, {{0x33, 0x33, 0, 0, 0, 0x77}});
    EXPECT_EQ(drops(drop_reason::ipv6_not_for_us), 2U);
    EXPECT_TRUE(silent());
}

// -- UDP ------------------------------------------------------------------------------------------------------------------

TEST_F(ipv6, a_datagram_to_a_closed_port_is_answered_with_all_that_fits_into_1280_octets) // RFC 4443 §2.4 (c), §3.1
{
    meet();
    ip6(datagram(std::string(1400, 'x')), ip_protocol::udp, theirs6, ours6);
    const auto told = next6();
    ASSERT_TRUE(told && told->icmp);
    EXPECT_EQ(told->icmp->type, icmpv6_type::destination_unreachable);
    EXPECT_EQ(told->icmp->code, wire::v6_port_unreachable);
    EXPECT_EQ(told->ip.total_length, 1280U);
}

TEST_F(ipv6, errors_are_limited_by_the_senders_prefix) // RFC 4443 §2.4 (f)
{
    meet();
    for (unsigned i = 0; i < 100; ++i) {
        auto from = theirs6.to_bytes();
        from[15] = static_cast<std::uint8_t>(2 + i);
        packet p(slice::copy_of(bytes_of("x")));
        wire::push_udp(p, 1000, 53, address_v6(from), ours6);
        ip6(std::move(p), ip_protocol::udp, address_v6(from), ours6);
    }
    EXPECT_EQ(h->counters().icmp6.out_rate_limited, 94U); // a burst of 6 from one /64
}

TEST_F(ipv6, a_datagram_without_a_checksum_is_dropped) // RFC 8200 §8.1
{
    const socket_id id = listener();
    packet p = datagram();
    octets o = flat(p);
    o[6] = o[7] = std::byte{0};
    ip6(packet(slice::copy_of(o)), ip_protocol::udp, theirs6, ours6);
    EXPECT_EQ(drops(drop_reason::udp_bad_checksum), 1U);
    EXPECT_EQ(h->udp().available(id).value(), 0U);
}

TEST_F(ipv6, an_error_reaches_the_socket_whose_packet_it_quotes)
{
    meet();
    const socket_id id = listener();
    ASSERT_FALSE(h->udp().connect(id, {theirs6, 9}, now));
    packet quote;
    wire::push_udp(quote, 53, 9, ours6, theirs6);
    const flow_key flow({ours6, 0}, {theirs6, 0}, ip_protocol::udp);
    wire::push_ipv6(quote, {ip_protocol::udp, 64, 0, 0}, flow.v6_words(0), flow.v6_words(1));
    icmp6(icmpv6_type::destination_unreachable, wire::v6_port_unreachable, 0, std::move(quote), theirs6, ours6);
    EXPECT_EQ(h->udp().take_error(id), errno_code(ECONNREFUSED));
}

TEST_F(ipv6, a_link_local_peer_needs_a_zone) // RFC 4007 §6
{
    const socket_id id = listener();
    const std::array<const_bytes, 1> text{bytes_of("hello")};
    const endpoint nowhere{at6("fe80::2"), 9}, there{at6("fe80::2%2"), 9}, elsewhere{at6("fe80::2%9"), 9};
    EXPECT_EQ(h->udp().send(id, text, &nowhere, now).error(), errno_code(EINVAL));
    EXPECT_EQ(h->udp().send(id, text, &elsewhere, now).error(), errno_code(ENETUNREACH));
    ASSERT_TRUE(h->udp().send(id, text, &there, now));
    const auto question = next6();
    ASSERT_TRUE(question);
    EXPECT_EQ(without_zone(question->flow.source_address()), address(link_local));

    packet p(slice::copy_of(bytes_of("x")));
    wire::push_udp(p, 1000, 53, at6("fe80::2"), link_local);
    ip6(std::move(p), ip_protocol::udp, at6("fe80::2"), link_local);
    std::array<std::byte, 8> memory;
    const std::array<mutable_bytes, 1> into{memory};
    received_message about;
    ASSERT_TRUE(h->udp().receive(id, into, {}, &about, now));
    EXPECT_EQ(about.sender.address, address(at6("fe80::2%2")));
    EXPECT_EQ(about.destination.to_v6().scope_id(), 2U);
}

TEST_F(ipv6, a_group_is_heard_by_its_members)
{
    const socket_id id = listener();
    const address_v6 group = at6("ff02::77");
    ASSERT_FALSE(h->udp().join_group(id, group, 1));
    packet p(slice::copy_of(bytes_of("x")));
    wire::push_udp(p, 1000, 53, theirs6, group);
    ip6(std::move(p), ip_protocol::udp, theirs6, group, 64, {{0x33, 0x33, 0, 0, 0, 0x77}});
    EXPECT_EQ(h->udp().available(id).value(), 1U);

    const std::array<const_bytes, 1> text{bytes_of("hello")};
    const endpoint to{at6("ff02::77%2"), 9};
    ASSERT_TRUE(h->udp().send(id, text, &to, now));
    const auto sent = next6();
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->link.destination, (mac_address{{0x33, 0x33, 0, 0, 0, 0x77}}));
    EXPECT_EQ(sent->ip.hop_limit, 1);
}

// -- two families in one socket -------------------------------------------------------------------------------------------

TEST_F(ipv6, a_socket_bound_to_both_families_hears_both)
{
    introduce();
    const socket_id id = listener();
    ip(udp(header(ip_protocol::udp), 1000, 53, "v4"), header(ip_protocol::udp));
    ip6(datagram("v6"), ip_protocol::udp, theirs6, ours6);
    std::array<std::byte, 8> memory;
    const std::array<mutable_bytes, 1> into{memory};
    received_message about;
    ASSERT_TRUE(h->udp().receive(id, into, {}, &about, now));
    EXPECT_EQ(about.sender.address, address(theirs));
    ASSERT_TRUE(h->udp().receive(id, into, {}, &about, now));
    EXPECT_EQ(about.sender.address, address(theirs6));
}

TEST_F(ipv6, a_socket_for_ipv6_alone_leaves_the_port_to_ipv4)
{
    const socket_id six = h->udp().open(family::v6).value(), four = h->udp().open(family::v4).value();
    ASSERT_FALSE(h->udp().set_option(six, socket_option::v6_only, 1, now));
    ASSERT_FALSE(h->udp().bind(six, {address_v6::any(), 53}));
    ASSERT_FALSE(h->udp().bind(four, {address_v4::any(), 53}));
    EXPECT_EQ(h->udp().connect(six, {theirs, 9}, now), errno_code(ENETUNREACH));
    const socket_id both = h->udp().open(family::v6).value();
    EXPECT_EQ(h->udp().bind(both, {address_v6::any(), 53}), errno_code(EADDRINUSE));
}

} // namespace
} // namespace tapio::core
