// Requirements of RFC 4861, RFC 4862 and RFC 3810 that no other test shows: which messages are valid, what an advertisement
// changes, which groups an address needs, what is sent. The lists of all requirements: test/checklists.
#include "link/ethernet.hpp"
#include "raw_host.hpp"
#include "wire/icmpv6.hpp"
#include "wire/ipv6.hpp"
#include "wire/mld.hpp"
#include "wire/ndp.hpp"
#include "wire/router_advertisement.hpp"

#include <algorithm>
#include <cstring>

namespace tapio::core {
namespace {

/// A host on an Ethernet with 2001:db8::1/64; the peer is 2001:db8::2.
class neighbor_discovery : public raw_host
{
protected:
    using state = neighbor_state;
    using type = wire::icmpv6_type;

    /// An ICMPv6 message that the host has sent.
    struct sent_message
    {
        mac_address to_mac;
        wire::ipv6_fields ip;
        flow_key flow;
        wire::icmpv6_message icmp;
        octets body;
    };

    neighbor_discovery()
    {
        EXPECT_FALSE(h->add_address(1, ours6, 64, now));
        settle();
    }
    void settle() ///< lets duplicate address detection end
    {
        for (int i = 0; i < 30; ++i, now += 100ms) drain();
    }

    /// A message of the peer. `code`, `hop_limit` and `to_mac` are those of a valid one.
    void hear(type t, std::uint32_t rest, packet body, const address_v6& from, const address_v6& to)
    {
        const flow_key flow({from, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(body, t, code, rest, flow);
        wire::push_ipv6(body, {ip_protocol::icmpv6, hop_limit, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(body), wire::ether_type::ipv6, to.is_multicast() ? link::group_mac(to) : our_mac);
    }
    void solicit(const address_v6& target, const address_v6& from, const address_v6& to,
                 const std::optional<mac_address>& mac = their_mac)
    {
        hear(type::neighbor_solicitation, 0, wire::make_neighbor_solicitation({target, mac, 0}), from, to);
    }
    void advertise(const wire::neighbor_advertisement& a, const address_v6& to)
    {
        hear(type::neighbor_advertisement, rest_of(a), wire::make_neighbor_advertisement(a), a.target, to);
    }
    /// The same with more octets behind the message.
    void solicit_with(const octets& option)
    {
        octets body = flat(wire::make_neighbor_solicitation({ours6, their_mac, 0}));
        body.insert(body.end(), option.begin(), option.end());
        hear(type::neighbor_solicitation, 0, packet(slice::copy_of(body)), theirs6, ours6);
    }
    void ask_for_peer() ///< sends a datagram, which waits for the peer's link-layer address
    {
        const socket_id s = h->udp().open(family::v6).value();
        const std::array<const_bytes, 1> text{bytes_of("hello")};
        const endpoint to{theirs6, 9};
        ASSERT_TRUE(h->udp().send(s, text, &to, now));
        drain();
    }

    /// The next ICMPv6 message that the host sends.
    std::optional<sent_message> next6()
    {
        h->advance(now);
        for (packet p; h->next_packet(1, p, now);) {
            const octets all = flat(p);
            const auto frame = wire::parse_ethernet(all).value();
            const auto bytes = const_bytes(all).subspan(frame.header_length);
            sent_message m;
            m.to_mac = frame.destination;
            if (frame.type != wire::ether_type::ipv6 || wire::read_ipv6(bytes, bytes.size(), m.ip)) continue;
            if (m.ip.protocol != ip_protocol::icmpv6) continue;
            m.flow = flow_key::v6(bytes.data() + 8, 0, ip_protocol::icmpv6);
            m.icmp = wire::parse_icmpv6(bytes.subspan(m.ip.header_length)).value();
            const auto body = bytes.subspan(m.ip.header_length + sizeof(wire::icmpv6_header));
            m.body.assign(body.begin(), body.end());
            return m;
        }
        return std::nullopt;
    }
    std::optional<sent_message> next6(type wanted)
    {
        auto m = next6();
        while (m && m->icmp.type != wanted) m = next6();
        return m;
    }
    std::optional<state> state_of_peer() const { return h->net().interface(1).neighbors.state_of(theirs6); }
    std::optional<mac_address> mac_of_peer() const { return h->net().interface(1).neighbors.address_of(theirs6); }

    std::uint8_t code = 0, hop_limit = 255;
    const address_v6 ours6 = at6("2001:db8::1"), theirs6 = at6("2001:db8::2");
    const address_v6 our_node = at6("ff02::1:ff00:1"), all_nodes = at6("ff02::1");
    const mac_address other_mac{{2, 0, 0, 0, 0, 9}};
};

// -- which messages are valid ---------------------------------------------------------------------------------------------

TEST_F(neighbor_discovery, messages_with_another_code_are_ignored) // RFC 4861 §6.1.2, §7.1.1, §7.1.2
{
    code = 1;
    solicit(ours6, theirs6, ours6);
    advertise({theirs6, false, true, true, their_mac}, ours6);
    wire::router_advertisement ra;
    ra.source_link = their_mac;
    hear(type::router_advertisement, wire::rest_of(ra), wire::make_router_advertisement(ra), at6("fe80::2"), all_nodes);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 3U);
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
}

TEST_F(neighbor_discovery, advertisements_that_a_router_passed_on_are_ignored) // RFC 4861 §7.1.2
{
    ask_for_peer();
    hop_limit = 254;
    advertise({theirs6, false, true, true, their_mac}, ours6);
    EXPECT_EQ(state_of_peer(), state::incomplete);
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 1U);
}

TEST_F(neighbor_discovery, a_solicitation_of_a_group_is_ignored) // RFC 4861 §7.1.1
{
    solicit(all_nodes, theirs6, all_nodes);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 1U);
}

TEST_F(neighbor_discovery, a_probe_has_no_link_layer_address_and_goes_to_the_solicited_node) // RFC 4861 §7.1.1
{
    solicit(ours6, address_v6::any(), our_node, their_mac);
    solicit(ours6, address_v6::any(), all_nodes, std::nullopt);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 2U);
}

TEST_F(neighbor_discovery, a_solicited_advertisement_is_not_multicast) // RFC 4861 §7.1.2
{
    ask_for_peer();
    advertise({theirs6, false, true, true, their_mac}, all_nodes);
    EXPECT_EQ(state_of_peer(), state::incomplete);
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 1U);
}

TEST_F(neighbor_discovery, unknown_options_are_skipped_and_an_empty_or_cut_one_spoils_the_message) // RFC 4861 §4.6, §7.1.1
{
    const auto option = [](unsigned number, unsigned length) {
        octets o(8);
        o[0] = static_cast<std::byte>(number), o[1] = static_cast<std::byte>(length);
        return o;
    };
    solicit_with(option(200, 1));
    EXPECT_TRUE(next6(type::neighbor_advertisement));
    solicit_with(option(200, 0));
    solicit_with(option(200, 2));
    EXPECT_FALSE(next6());
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 2U);
}

TEST_F(neighbor_discovery, messages_of_unknown_types_are_ignored) // RFC 3810 §5, RFC 4443 §2.4 (b)
{
    hear(type(200), 0, packet(), theirs6, ours6);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::icmp_unknown_type), 1U);
}

TEST_F(neighbor_discovery, a_host_ignores_router_solicitations) // RFC 4861 §6.2.6
{
    hear(type::router_solicitation, 0, wire::make_router_solicitation({their_mac}), at6("fe80::2"), all_nodes);
    EXPECT_TRUE(silent());
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
}

// -- solicitations that are received --------------------------------------------------------------------------------------

TEST_F(neighbor_discovery, a_solicitation_for_another_node_is_ignored) // RFC 4861 §7.2.3
{
    solicit(at6("2001:db8::7"), theirs6, ours6);
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::ndp_not_for_us), 1U);
    EXPECT_EQ(state_of_peer(), std::nullopt);
}

TEST_F(neighbor_discovery, a_solicitation_makes_a_stale_entry_of_its_sender) // RFC 4861 §7.2.3
{
    solicit(ours6, theirs6, our_node);
    EXPECT_EQ(state_of_peer(), state::stale);
    EXPECT_EQ(mac_of_peer(), their_mac);
    solicit(ours6, theirs6, our_node, other_mac);
    EXPECT_EQ(state_of_peer(), state::stale);
    EXPECT_EQ(mac_of_peer(), other_mac);
}

TEST_F(neighbor_discovery, a_unicast_solicitation_without_link_layer_address_is_answered) // RFC 4861 §7.2.4: as NUD asks
{
    solicit(ours6, theirs6, ours6, std::nullopt);
    EXPECT_EQ(state_of_peer(), std::nullopt);
    const auto answer = next6(type::neighbor_advertisement);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->to_mac, their_mac);
    EXPECT_EQ(answer->flow.destination_address(), address(theirs6));
}

TEST_F(neighbor_discovery, a_probe_teaches_nothing_and_is_answered_to_all) // RFC 4861 §7.2.3, §7.2.4
{
    solicit(ours6, address_v6::any(), our_node, std::nullopt);
    const auto answer = next6(type::neighbor_advertisement);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flow.destination_address(), address(all_nodes));
    const auto a = wire::parse_neighbor_advertisement(answer->icmp.rest, answer->body);
    ASSERT_TRUE(a);
    EXPECT_FALSE(a->solicited);
    EXPECT_TRUE(a->override);
    EXPECT_EQ(a->target, ours6);
    EXPECT_EQ(a->target_link, our_mac);
    EXPECT_EQ(h->net().interface(1).neighbors.size(), 0U);
}

// -- advertisements that are received: RFC 4861 §7.2.5 --------------------------------------------------------------------

TEST_F(neighbor_discovery, an_answer_without_link_layer_address_does_not_resolve)
{
    ask_for_peer();
    advertise({theirs6, false, true, true, std::nullopt}, ours6);
    EXPECT_EQ(state_of_peer(), state::incomplete);
    advertise({theirs6, false, true, false, their_mac}, ours6); // the override flag does not matter
    EXPECT_EQ(state_of_peer(), state::reachable);
    EXPECT_EQ(mac_of_peer(), their_mac);
}

TEST_F(neighbor_discovery, an_unsolicited_advertisement_resolves_to_stale)
{
    ask_for_peer();
    advertise({theirs6, false, false, true, their_mac}, all_nodes);
    EXPECT_EQ(state_of_peer(), state::stale);
}

TEST_F(neighbor_discovery, without_override_another_address_makes_a_reachable_neighbour_stale)
{
    ask_for_peer();
    advertise({theirs6, false, true, true, their_mac}, ours6);
    ASSERT_EQ(state_of_peer(), state::reachable);
    advertise({theirs6, false, true, false, other_mac}, ours6);
    EXPECT_EQ(state_of_peer(), state::stale);
    EXPECT_EQ(mac_of_peer(), their_mac);
    advertise({theirs6, false, true, false, other_mac}, ours6);
    EXPECT_EQ(mac_of_peer(), their_mac);
    advertise({theirs6, false, true, false, their_mac}, ours6);
    EXPECT_EQ(state_of_peer(), state::reachable);
}

TEST_F(neighbor_discovery, with_override_another_address_is_stale_unless_it_was_solicited)
{
    ask_for_peer();
    advertise({theirs6, false, true, true, their_mac}, ours6);
    advertise({theirs6, false, false, true, other_mac}, all_nodes);
    EXPECT_EQ(state_of_peer(), state::stale);
    EXPECT_EQ(mac_of_peer(), other_mac);
    advertise({theirs6, false, true, true, their_mac}, ours6);
    EXPECT_EQ(state_of_peer(), state::reachable);
    EXPECT_EQ(mac_of_peer(), their_mac);
    advertise({theirs6, false, false, true, their_mac}, all_nodes); // nothing new
    EXPECT_EQ(state_of_peer(), state::reachable);
}

TEST_F(neighbor_discovery, a_router_that_says_that_it_is_none_is_no_default_router_any_more)
{
    const auto default_routes = [this] {
        const auto all = h->net().list_routes();
        return std::count_if(all.begin(), all.end(),
                             [](const route_info& r) { return r.network.is_v6() && r.prefix_length == 0 && r.gateway; });
    };
    const address_v6 router = at6("fe80::2");
    ASSERT_FALSE(h->autoconfigure(1, {}, now));
    wire::router_advertisement ra;
    ra.router_lifetime = 1800;
    ra.source_link = their_mac;
    hear(type::router_advertisement, wire::rest_of(ra), wire::make_router_advertisement(ra), router, all_nodes);
    EXPECT_EQ(h->net().interface(1).neighbors.state_of(router), state::stale); // RFC 4861 §6.3.4
    EXPECT_EQ(default_routes(), 1);
    advertise({router, true, false, true, their_mac}, all_nodes);
    EXPECT_EQ(default_routes(), 1);
    advertise({router, false, false, true, their_mac}, all_nodes);
    EXPECT_EQ(default_routes(), 0);
}

// -- what is sent -----------------------------------------------------------------------------------------------------------

TEST_F(neighbor_discovery, an_address_needs_the_group_of_its_solicited_node_as_long_as_it_is_there) // RFC 4861 §7.2.1
{
    const address_v6 one = at6("2001:db8::7:5"), another = at6("2001:db8:1::7:5"); // their last 24 bits are equal
    const address_v6 node = at6("ff02::1:ff07:5");
    EXPECT_FALSE(h->net().interface(1).is_member(node));
    ASSERT_FALSE(h->add_address(1, one, 64, now));
    ASSERT_FALSE(h->add_address(1, another, 64, now));
    ASSERT_FALSE(h->remove_address(one, now));
    EXPECT_TRUE(h->net().interface(1).is_member(node));
    ASSERT_FALSE(h->remove_address(another, now));
    EXPECT_FALSE(h->net().interface(1).is_member(node));
    EXPECT_TRUE(h->net().addresses().hears(h->net().interface(1), all_nodes)) << "of this group every node is a member";
}

TEST_F(neighbor_discovery, a_router_solicitation_goes_to_all_routers_with_our_link_layer_address) // RFC 4861 §6.3.7
{
    ASSERT_FALSE(h->autoconfigure(1, {}, now));
    std::optional<sent_message> m;
    for (int i = 0; i < 100 && !m; ++i, now += 100ms) m = next6(type::router_solicitation);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->flow.destination_address(), address(at6("ff02::2")));
    EXPECT_EQ(m->to_mac, (mac_address{{0x33, 0x33, 0, 0, 0, 2}}));
    EXPECT_EQ(m->ip.hop_limit, 255);
    EXPECT_TRUE(m->flow.source_address().to_v6().is_link_local());
    EXPECT_EQ(wire::parse_router_solicitation(m->body)->source_link, our_mac);
}

TEST_F(neighbor_discovery, a_router_solicitation_carries_no_address_that_is_still_being_verified) // RFC 4429 §3.3
{
    start();
    ASSERT_FALSE(h->autoconfigure(1, {}, now));
    std::optional<sent_message> m;
    for (int i = 0; i < 100 && !m; ++i, now += 10ms) m = next6(type::router_solicitation);
    ASSERT_TRUE(m);
    EXPECT_TRUE(m->flow.source_address().is_unspecified());
    EXPECT_EQ(wire::parse_router_solicitation(m->body)->source_link, std::nullopt);
}

TEST_F(neighbor_discovery, without_probes_an_address_is_not_verified) // RFC 4862 §5.1: DupAddrDetectTransmits
{
    const auto probes = [this](unsigned wanted) {
        options.duplicate_address_probes = wanted;
        start();
        EXPECT_FALSE(h->add_address(1, ours6, 64, now));
        unsigned n = 0;
        for (int i = 0; i < 60; ++i, now += 100ms)
            while (const auto m = next6(type::neighbor_solicitation))
                if (wire::parse_neighbor_solicitation(m->body)->target == ours6) ++n;
        return n;
    };
    EXPECT_EQ(probes(0), 0U);
    EXPECT_EQ(probes(1), 1U);
    EXPECT_EQ(probes(3), 3U);
}

// -- multicast listener discovery ---------------------------------------------------------------------------------------------

TEST_F(neighbor_discovery, a_listener_report_is_alerting_and_does_not_leave_the_link) // RFC 3810 §5, §5.2.14
{
    const socket_id s = h->udp().open(family::v6).value();
    ASSERT_FALSE(h->udp().join_group(s, at6("ff05::77"), 1));
    const auto m = next6(type::listener_report_v2);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->flow.destination_address(), address(at6("ff02::16")));
    EXPECT_EQ(m->to_mac, (mac_address{{0x33, 0x33, 0, 0, 0, 0x16}}));
    EXPECT_TRUE(m->flow.source_address().to_v6().is_link_local());
    EXPECT_EQ(m->ip.hop_limit, 1);
    EXPECT_TRUE(m->ip.router_alert);
    unsigned records = 0;
    EXPECT_TRUE(wire::for_each_mld_record(m->icmp.rest, m->body, [&](const wire::group_record& r) {
        ++records;
        EXPECT_EQ(r.group, address(at6("ff05::77")));
        EXPECT_EQ(r.type, wire::group_record_type::to_exclude);
    }));
    EXPECT_EQ(records, 1U);
}

TEST_F(neighbor_discovery, a_listener_report_has_no_source_while_the_address_is_verified) // RFC 3810 §5.2.13
{
    start();
    EXPECT_FALSE(h->add_address(1, ours6, 64, now));
    const auto m = next6(type::listener_report_v2);
    ASSERT_TRUE(m);
    EXPECT_TRUE(m->flow.source_address().is_unspecified());
}

TEST_F(neighbor_discovery, messages_in_fragments_are_ignored) // RFC 6980 §5
{
    packet whole = wire::make_neighbor_solicitation({ours6, their_mac, 0});
    const address_v6 from = theirs6;
    const flow_key flow({from, 0}, {ours6, 0}, ip_protocol::icmpv6);
    wire::push_icmpv6(whole, type::neighbor_solicitation, 0, 0, flow);
    const octets message = flat(whole);
    for (const std::size_t at : {std::size_t{0}, std::size_t{16}}) {
        packet p(slice::copy_of(const_bytes(message).subspan(at, at == 0 ? 16 : message.size() - 16)));
        wire::ipv6_fragment_header f{};
        f.next_header = static_cast<std::uint8_t>(ip_protocol::icmpv6);
        f.offset_more = static_cast<std::uint16_t>(at | (at == 0 ? 1 : 0));
        f.identification = 7;
        p.push_front(f);
        wire::push_ipv6(p, {ip_protocol{44}, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(p), wire::ether_type::ipv6);
    }
    EXPECT_FALSE(next6(type::neighbor_advertisement));
    EXPECT_EQ(h->counters().ip6.reasm_oks, 1U);
    EXPECT_EQ(drops(drop_reason::ndp_malformed), 1U);
}

TEST_F(neighbor_discovery, a_router_says_that_it_is_one) // RFC 4861 §7.2.4
{
    h->set_forwarding();
    solicit(ours6, theirs6, ours6);
    const auto m = next6(type::neighbor_advertisement);
    ASSERT_TRUE(m);
    const auto a = wire::parse_neighbor_advertisement(m->icmp.rest, m->body);
    ASSERT_TRUE(a);
    EXPECT_TRUE(a->router);
}

TEST_F(neighbor_discovery, a_listener_query_from_beyond_the_link_is_ignored) // RFC 3810 §6.2
{
    const auto answers = [this](const address_v6& from, std::uint8_t limit, const address_v6& to, bool alerting = true) {
        packet p = wire::make_mld(address_v6()); // a general query of MLDv1, whose body has the same form
        const flow_key flow({from, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(p, type::listener_query, 0, std::uint32_t{100} << 16, flow);
        const auto& alert = wire::mld_hop_by_hop_header;
        if (alerting) std::memcpy(p.push_front(alert.size()), alert.data(), alert.size());
        wire::push_ipv6(p, {alerting ? ip_protocol{0} : ip_protocol::icmpv6, limit, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        in(std::move(p), wire::ether_type::ipv6, to.is_multicast() ? link::group_mac(to) : our_mac);
        unsigned n = 0;
        for (int i = 0; i < 3; ++i, now += 100ms)
            while (next6()) ++n;
        return n;
    };
    EXPECT_EQ(answers(theirs6, 1, all_nodes), 0U);
    EXPECT_EQ(answers(address_v6::any(), 1, all_nodes), 0U);
    EXPECT_EQ(answers(at6("fe80::2"), 64, all_nodes), 0U);
    EXPECT_EQ(answers(at6("fe80::2"), 1, all_nodes, false), 0U) << "without a router alert";
    EXPECT_EQ(drops(drop_reason::mld_malformed), 4U);
    EXPECT_NE(answers(at6("fe80::2"), 1, all_nodes), 0U);
    EXPECT_NE(answers(at6("fe80::2"), 1, ours6), 0U) << "RFC 3810 §5.1.15";
}

} // namespace
} // namespace tapio::core
