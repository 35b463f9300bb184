// Hooks, any-IP, proxies and the strong host model.
#include "router.hpp"

namespace tapio::core::hooks_test {
namespace {

/// Notes what it sees, and answers as it is told.
struct watching : packet_hook
{
    struct seen
    {
        std::string at;
        endpoint from, to;
        std::uint32_t in, out, mark;
        std::size_t size;
    };
    hook_verdict note(const char* where, hooked_packet& p)
    {
        all.push_back({where, p.source(), p.destination(), p.in(), p.out(), p.mark(), p.size()});
        p.set_mark(p.mark() + 1);
        return where == refuses && p.in() != hooked_packet::none ? answer : hook_verdict::accept;
    }
    hook_verdict input(hooked_packet& p, time_point) override
    {
        if (new_destination) p.set_destination(*new_destination);
        return note("input", p);
    }
    hook_verdict forward(hooked_packet& p, time_point) override { return note("forward", p); }
    hook_verdict output(hooked_packet& p, time_point) override
    {
        if (new_source) p.set_source(*new_source);
        return note("output", p);
    }
    bool needs_whole_datagrams() const noexcept override { return whole; }

    std::vector<seen> all;
    std::string refuses;
    hook_verdict answer = hook_verdict::accept;
    std::optional<endpoint> new_source, new_destination;
    bool whole = false;
};

endpoint ep(const char* a, std::uint16_t port) { return {boost::asio::ip::make_address(a), port}; }

class hooks : public router
{
protected:
    hooks() { h->add_hook(w); }
    std::shared_ptr<watching> w = std::make_shared<watching>();
};

TEST_F(hooks, see_a_forwarded_packet_three_times)
{
    for (const auto& [from, to, size] :
         {std::tuple("198.18.0.9", "198.18.1.9", 128U), std::tuple("2001:db8:0:1::9", "2001:db8:0:2::9", 148U)}) {
        w->all.clear();
        in(1, udp({from, to}));
        EXPECT_EQ(sent(2).size(), 1U);
        ASSERT_EQ(w->all.size(), 3U);
        const char* const names[] = {"input", "forward", "output"};
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(w->all[i].at, names[i]);
            EXPECT_EQ(w->all[i].from, ep(from, 1000));
            EXPECT_EQ(w->all[i].to, ep(to, 2000));
            EXPECT_EQ(w->all[i].in, 1U);
            EXPECT_EQ(w->all[i].out, i == 0 ? hooked_packet::none : 2U);
            EXPECT_EQ(w->all[i].mark, i);
            EXPECT_EQ(w->all[i].size, size);
        }
    }
}

TEST_F(hooks, see_packets_of_and_for_this_host)
{
    in(1, udp({"198.18.0.9", "198.18.0.1"}));
    ASSERT_EQ(w->all.size(), 2U);
    EXPECT_EQ(w->all[0].at, "input");
    EXPECT_EQ(w->all[1].at, "output") << "port unreachable";
    EXPECT_EQ(w->all[1].in, hooked_packet::none);
    EXPECT_EQ(w->all[1].out, 1U);
    w->all.clear();
    const auto id = *h->udp().open(family::v4); // the loopback is no business of theirs
    ASSERT_FALSE(h->udp().bind(id, ep("127.0.0.1", 5)));
    const const_bytes data = bytes_of("x");
    const endpoint self = ep("127.0.0.1", 5);
    EXPECT_TRUE(h->udp().send(id, {&data, 1}, &self, now));
    h->advance(now);
    EXPECT_TRUE(w->all.empty());
}

TEST_F(hooks, drop_and_reject)
{
    for (const bool v4 : {true, false}) {
        const char* const from = v4 ? "198.18.0.9" : "2001:db8:0:1::9";
        const char* const to = v4 ? "198.18.1.9" : "2001:db8:0:2::9";
        for (const char* where : {"input", "forward", "output"}) {
            w->refuses = where;
            w->answer = hook_verdict::drop;
            in(1, udp({from, to}));
            EXPECT_TRUE(nothing_sent()) << where;
            now += 1s;
            w->answer = hook_verdict::reject;
            in(1, udp({from, to}));
            EXPECT_TRUE(sent(2).empty()) << where;
            const auto told = sent(1);
            if (where == std::string("output")) {
                EXPECT_TRUE(told.empty());
                continue;
            }
            ASSERT_EQ(told.size(), 1U) << where;
            EXPECT_EQ(std::pair(error_in(told[0]).type, error_in(told[0]).code), v4 ? std::pair(3, 13) : std::pair(1, 1));
        }
    }
    EXPECT_EQ(drops(drop_reason::hook_dropped), 6U);
    EXPECT_EQ(drops(drop_reason::hook_rejected), 6U);
    h->remove_hook(w);
    in(1, udp({"198.18.0.9", "198.18.1.9"}));
    EXPECT_EQ(sent(2).size(), 1U);
}

TEST_F(hooks, rewrite_addresses_and_ports)
{
    for (const bool v4 : {true, false}) {
        const char* const from = v4 ? "198.18.0.9" : "2001:db8:0:1::9";
        const char* const first = v4 ? "203.0.113.77" : "2001:db8:77::77";
        const char* const to = v4 ? "198.18.1.9" : "2001:db8:0:2::9";
        const char* const source = v4 ? "198.18.1.1" : "2001:db8:0:2::1";
        w->new_destination = ep(to, 4242);
        w->new_source = ep(source, 5);
        in(1, udp({from, first})); // without the hook there is no route
        const packet out = one(2);
        EXPECT_TRUE(sums_right(out));
        ip::rx_packet r{packet(out)};
        ip::parse_ip(r);
        EXPECT_EQ(r.flow.source(), ep(source, 5));
        EXPECT_EQ(r.flow.destination(), ep(to, 4242));
        EXPECT_TRUE(r.verified);
        w->new_destination.reset();
        w->new_source.reset();
    }
}

TEST_F(hooks, rewriting_a_destination_makes_a_packet_ours_or_not)
{
    const auto id = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().bind(id, ep("198.18.0.1", 2000)));
    w->new_destination = ep("198.18.0.1", 2000);
    in(1, udp({"198.18.0.9", "203.0.113.1"}));
    EXPECT_EQ(*h->udp().available(id), 100U);
    w->new_destination = ep("198.18.1.9", 2000);
    in(1, udp({"198.18.0.9", "198.18.0.1"}));
    EXPECT_EQ(*h->udp().available(id), 100U);
    EXPECT_EQ(sent(2).size(), 1U);
}

TEST_F(hooks, a_changed_copy_leaves_the_original_alone)
{
    const packet before = udp({"198.18.0.9", "203.0.113.1"});
    const octets octets_before = flat(before);
    packet shared = before; // as one that a capture has kept
    w->new_destination = ep("198.18.1.9", 1);
    in(1, std::move(shared));
    EXPECT_EQ(flat(before), octets_before);
}

TEST_F(hooks, a_datagram_without_a_checksum_stays_without)
{
    packet p = udp({"198.18.0.9", "203.0.113.1"});
    wire::store_16(p.own_front(28) + 26, 0);
    w->new_destination = ep("198.18.1.9", 1);
    in(1, p);
    EXPECT_EQ(wire::load_16(flat(one(2)).data() + 26), 0);
}

TEST_F(hooks, may_ask_for_whole_datagrams)
{
    w->whole = true;
    w->new_destination = ep("198.18.1.9", 4242);
    const octets whole = flat(udp({"198.18.0.9", "203.0.113.1", 2000}));
    ASSERT_EQ(whole.size(), 2028U);
    for (const auto& [at, end] : {std::pair(1480U, 2008U), std::pair(0U, 1480U)}) { // the last one first
        packet p(slice::copy_of(const_bytes(whole).subspan(20 + at, end - at)));
        wire::ipv4_fields f;
        f.source = boost::asio::ip::make_address_v4("198.18.0.9");
        f.destination = boost::asio::ip::make_address_v4("203.0.113.1");
        f.protocol = ip_protocol::udp;
        f.identification = 99;
        f.fragment_offset = static_cast<std::uint16_t>(at);
        f.more_fragments = at == 0;
        wire::push_ipv4(p, f);
        in(1, std::move(p));
    }
    ASSERT_EQ(w->all.size(), 3U);
    EXPECT_EQ(w->all[0].size, 2028U);
    const auto out = sent(2);
    ASSERT_EQ(out.size(), 2U) << "fragmented again";
    EXPECT_EQ(out[0].size(), 1500U);
    EXPECT_EQ(wire::load_16(flat(out[0]).data() + 4), 99) << "the identification";
    octets joined = flat(out[0]);
    const octets rest = flat(out[1]);
    joined.insert(joined.end(), rest.begin() + 20, rest.end());
    joined.resize(whole.size());
    wire::store_16(joined.data() + 2, static_cast<std::uint16_t>(joined.size()));
    wire::store_16(joined.data() + 6, 0);
    packet again(slice::copy_of(joined));
    EXPECT_TRUE(update_checksums(again, link_type::ip));
    const octets sum = flat(again);
    EXPECT_EQ(wire::load_16(sum.data() + 26), wire::load_16(joined.data() + 26)) << "the UDP checksum was right";
    EXPECT_EQ(wire::load_16(sum.data() + 22), 4242);
}

TEST_F(hooks, see_fragments_otherwise)
{
    packet p(slice::copy_of(octets(80, std::byte{1})));
    wire::ipv4_fields f;
    f.source = boost::asio::ip::make_address_v4("198.18.0.9");
    f.destination = boost::asio::ip::make_address_v4("198.18.1.9");
    f.protocol = ip_protocol::udp;
    f.more_fragments = true;
    wire::push_ipv4(p, f);
    in(1, p);
    ASSERT_EQ(w->all.size(), 3U);
    EXPECT_EQ(w->all[0].from.port, 0);
    EXPECT_EQ(one(2).size(), 100U);
}

TEST_F(hooks, rewriting_a_later_fragment_leaves_its_payload_alone)
{
    w->new_source = ep("2001:db8:77::77", 0);
    packet p(slice::copy_of(octets(40, std::byte{'p'})));
    wire::ipv6_fragment_header f{};
    f.next_header = static_cast<std::uint8_t>(ip_protocol::icmpv6);
    f.offset_more = std::uint16_t{80};
    f.identification = 7;
    p.push_front(f);
    push_ip(p, at6("2001:db8:0:1::9"), at6("2001:db8:0:2::9"), ip_protocol{44}, 64, false);
    in(1, p);
    const octets out = flat(one(2));
    ASSERT_EQ(out.size(), 88U);
    EXPECT_TRUE(std::all_of(out.begin() + 48, out.end(), [](std::byte b) { return b == std::byte{'p'}; }));
}

TEST_F(hooks, rewriting_the_first_fragment_updates_the_checksum_of_the_datagram)
{
    const octets whole = flat(udp({"198.18.0.9", "198.18.1.9", 200}));
    packet p(slice::copy_of(const_bytes(whole).subspan(20, 104)));
    wire::ipv4_fields f;
    f.source = boost::asio::ip::make_address_v4("198.18.0.9");
    f.destination = boost::asio::ip::make_address_v4("198.18.1.9");
    f.protocol = ip_protocol::udp;
    f.more_fragments = true;
    wire::push_ipv4(p, f);
    w->new_source = ep("198.18.1.1", 0);
    in(1, p);
    const octets out = flat(one(2));
    const octets wanted = flat(udp({"198.18.1.1", "198.18.1.9", 200}));
    EXPECT_EQ(wire::load_16(out.data() + 26), wire::load_16(wanted.data() + 26));
}

TEST_F(hooks, an_icmp_message_that_becomes_all_zero_has_a_right_checksum)
{
    struct zeroing : packet_hook
    {
        hook_verdict forward(hooked_packet& p, time_point) override
        {
            p.rewrite(24, std::array<std::byte, 2>{});
            return hook_verdict::accept;
        }
    };
    h->add_hook(std::make_shared<zeroing>());
    packet p;
    wire::push_icmpv4(p, wire::icmpv4_type::echo_reply, 0, 5U << 16);
    push_ip(p, at("198.18.0.9"), at("198.18.1.9"), ip_protocol::icmp, 64, false);
    in(1, p);
    const octets out = flat(one(2));
    ASSERT_EQ(out.size(), 28U);
    EXPECT_EQ(out[20], std::byte{0});
    EXPECT_EQ(wire::load_16(out.data() + 24), 0U);
    EXPECT_EQ(wire::load_16(out.data() + 22), 0xffffU) << "not 0, the other zero (RFC 1624 §3)";
}

TEST_F(hooks, rewriting_behind_a_long_chain_of_headers)
{
    octets header(200);
    header[0] = std::byte{17};   // UDP
    header[1] = std::byte{24};   // 200 octets
    header[2] = std::byte{0x1e}; // an option for experiments (RFC 4727 §3.3), skipped by who does not know it
    header[3] = std::byte{196};
    const address from = at6("2001:db8:0:1::9"), to = at6("2001:db8:0:2::9"), instead = at6("2001:db8:77::77");
    packet p(slice::copy_of(octets(32, std::byte{'x'})));
    wire::push_udp(p, 1000, 2000, from, to);
    p = packet(slice::copy_of(flat(p)));
    packet chained(slice::copy_of(header));
    chained.append(std::move(p));
    push_ip(chained, from, to, ip_protocol{60}, 64, false);
    w->new_source = endpoint{instead, 5};
    in(1, chained);
    ip::rx_packet r{one(2)};
    ip::parse_ip(r);
    ASSERT_FALSE(r.flaw);
    EXPECT_EQ(r.flow.source(), (endpoint{instead, 5}));
    EXPECT_TRUE(r.verified);
}

// -- any-IP ---------------------------------------------------------------------------------------------------------------

TEST_F(router, any_destination_is_ours_on_the_interface_that_says_so)
{
    ASSERT_FALSE(h->accept_any_destination(1, true));
    for (const bool v4 : {true, false}) {
        const char* const from = v4 ? "198.18.0.9" : "2001:db8:0:1::9";
        const char* const any = v4 ? "203.0.113.5" : "2001:db8:5::5";
        const auto id = *h->udp().open(v4 ? family::v4 : family::v6);
        ASSERT_FALSE(h->udp().bind(id, {v4 ? address(address_v4()) : address(address_v6()), 2000}));
        in(1, udp({from, any}));
        EXPECT_EQ(*h->udp().available(id), 100U);
        in(2, udp({v4 ? "198.18.1.9" : "2001:db8:0:2::9", any}));
        EXPECT_EQ(*h->udp().available(id), 100U) << "only there";
        EXPECT_EQ(error_sent(2).code, 0);
        EXPECT_TRUE(sent(1).empty());
        // An echo request to anybody is answered by him.
        packet echo(slice::copy_of(octets(8)));
        const flow_key flow({boost::asio::ip::make_address(from), 0}, {boost::asio::ip::make_address(any), 0},
                            ip_protocol::icmpv6);
        v4 ? wire::push_icmpv4(echo, wire::icmpv4_type::echo_request, 0, 1)
           : wire::push_icmpv6(echo, wire::icmpv6_type::echo_request, 0, 1, flow);
        push_ip(echo, flow.source_address(), flow.destination_address(), v4 ? ip_protocol::icmp : ip_protocol::icmpv6, 64, false);
        in(1, echo);
        const error reply = error_sent(1);
        EXPECT_EQ(reply.type, v4 ? 0 : 129);
        EXPECT_EQ(reply.source, boost::asio::ip::make_address(any));
        h->udp().close(id, now);
        now += 1s;
    }
    ASSERT_FALSE(h->accept_any_destination(1, false));
    in(1, udp({"198.18.0.9", "203.0.113.5"}));
    EXPECT_EQ(error_sent(1).type, 3);
    EXPECT_EQ(h->accept_any_destination(9, true), boost::system::errc::no_such_device);
}

// -- the strong host model ----------------------------------------------------------------------------------------------------

TEST_F(router, of_a_weak_host_every_address_answers_everywhere_and_of_a_strong_one_does_not)
{
    for (const bool strong : {false, true}) {
        options.strong_host = strong;
        start();
        h->set_forwarding({.v4 = false, .v6 = false});
        const auto id = *h->udp().open(family::v4);
        ASSERT_FALSE(h->udp().bind(id, ep("0.0.0.0", 2000)));
        in(1, udp({"198.18.0.9", "198.18.1.1"})); // the other interface's address
        EXPECT_EQ(*h->udp().available(id), strong ? 0U : 100U);
        in(1, udp({"198.18.0.9", "198.18.0.1"}));
        EXPECT_EQ(*h->udp().available(id), 100U);
        // A packet leaves only by the interface that has its source.
        const auto other = *h->udp().open(family::v4);
        ASSERT_FALSE(h->udp().bind(other, ep("198.18.1.1", 3000)));
        const const_bytes data = bytes_of("x");
        const endpoint to = ep("198.18.0.9", 1);
        EXPECT_EQ(h->udp().send(other, {&data, 1}, &to, now).has_value(), !strong);
        EXPECT_EQ(sent(1).size(), strong ? 0U : 1U);
    }
}

// -- proxy ARP and NDP ----------------------------------------------------------------------------------------------------

TEST_F(router, answers_for_what_is_behind_it_if_it_is_a_proxy)
{
    device_info ethernet;
    ethernet.name = "eth0";
    start(ethernet);
    const mac_address theirs{{2, 0, 0, 0, 0, 9}}, ours = h->net().interface(1).info().mac;
    const auto ask4 = [&](const char* who) {
        packet p = wire::make_arp({wire::arp_operation::request, theirs, at("198.18.0.9"), {}, at(who)});
        wire::push_ethernet(p, mac_address::broadcast(), theirs, wire::ether_type::arp);
        in(1, p);
        return sent(1);
    };
    const auto ask6 = [&](const char* who) {
        packet p = wire::make_neighbor_solicitation({at6(who), theirs, 0});
        const address_v6 group = ip::solicited_node(at6(who));
        const flow_key flow({at6("2001:db8:0:1::9"), 0}, {group, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(p, wire::icmpv6_type::neighbor_solicitation, 0, 0, flow);
        wire::push_ipv6(p, {ip_protocol::icmpv6, 255, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        wire::push_ethernet(p, mac_address{{0x33, 0x33, 0xff, group.to_bytes()[13], group.to_bytes()[14], group.to_bytes()[15]}},
                            theirs, wire::ether_type::ipv6);
        in(1, p);
        return sent(1);
    };
    EXPECT_TRUE(ask4("198.18.1.9").empty());
    EXPECT_TRUE(ask6("2001:db8:0:2::9").empty());
    ASSERT_FALSE(h->proxy_neighbors(1, true));
    const auto arp = ask4("198.18.1.9");
    ASSERT_EQ(arp.size(), 1U);
    const auto said = wire::parse_arp(const_bytes(flat(arp[0])).subspan(14)).value();
    EXPECT_EQ(said.sender_ip, at("198.18.1.9"));
    EXPECT_EQ(said.sender_mac, ours);
    const auto na = ask6("2001:db8:0:2::9");
    ASSERT_EQ(na.size(), 1U);
    const octets frame = flat(na[0]);
    const auto advertised =
        wire::parse_neighbor_advertisement(wire::load_32(frame.data() + 58), const_bytes(frame).subspan(62)).value();
    EXPECT_EQ(advertised.target, at6("2001:db8:0:2::9"));
    EXPECT_EQ(advertised.target_link, ours);
    EXPECT_FALSE(advertised.override) << "the node's own answer wins";
    EXPECT_TRUE(advertised.router);
    EXPECT_TRUE(ask4("198.18.0.77").empty()) << "a neighbour of theirs";
    EXPECT_TRUE(ask6("2001:db8:0:1::77").empty());
    EXPECT_TRUE(ask4("203.0.113.1").empty()) << "no route";
}

// -- VLANs ------------------------------------------------------------------------------------------------------------------

class vlan : public raw_host
{
protected:
    vlan()
    {
        tagged = *h->add_vlan(1, 7);
        EXPECT_FALSE(h->add_address(tagged, at("198.18.7.1"), 24, now));
        drain();
    }
    void in_vlan(packet p, wire::ether_type type, std::uint16_t id, const mac_address& to = our_mac)
    {
        wire::push_tagged(p, to, their_mac, id, type);
        raw(flat(p));
    }
    packet echo(const char* from, const char* to) const
    {
        packet p = icmp(wire::icmpv4_type::echo_request, 0, 1, octets(8));
        wire::ipv4_fields f = header(ip_protocol::icmp);
        f.source = at(from);
        f.destination = at(to);
        wire::push_ipv4(p, f);
        return p;
    }
    interface_id tagged = 0;
};

TEST_F(vlan, has_addresses_and_neighbours_of_its_own)
{
    in_vlan(wire::make_arp({wire::arp_operation::request, their_mac, at("198.18.7.2"), {}, at("198.18.7.1")}),
            wire::ether_type::arp, 7, mac_address::broadcast());
    auto reply = next();
    ASSERT_TRUE(reply && reply->arp);
    EXPECT_EQ(reply->link.vlan, 7);
    EXPECT_EQ(reply->arp->sender_ip, at("198.18.7.1"));
    in_vlan(echo("198.18.7.2", "198.18.7.1"), wire::ether_type::ipv4, 7);
    reply = next();
    ASSERT_TRUE(reply && reply->icmp);
    EXPECT_EQ(reply->link.vlan, 7);
    EXPECT_EQ(reply->icmp->type, wire::icmpv4_type::echo_reply);
    EXPECT_EQ(h->net().interface(tagged).counters().in_packets, 2U);
    EXPECT_GE(h->net().interface(tagged).counters().out_packets, 2U);
    const auto list = h->net().list_interfaces();
    EXPECT_EQ(list[tagged].vlan, 7);
    EXPECT_EQ(list[tagged].carrier, 1U);
    EXPECT_EQ(list[tagged].status.name, "eth0.7");
    EXPECT_EQ(list[tagged].mac, our_mac);
    // ARP of another VLAN, and without a tag, does not concern it.
    in_vlan(wire::make_arp({wire::arp_operation::request, their_mac, at("198.18.7.2"), {}, at("198.18.7.1")}),
            wire::ether_type::arp, 8, mac_address::broadcast());
    EXPECT_TRUE(silent());
    EXPECT_EQ(drops(drop_reason::ethernet_unknown_vlan), 1U);
    arp(wire::arp_operation::request, at("198.18.7.2"), at("198.18.7.1"));
    EXPECT_TRUE(silent());
}

TEST_F(vlan, its_frames_are_cut_behind_the_tag)
{
    in_vlan(wire::make_arp({wire::arp_operation::request, their_mac, at("198.18.7.2"), {}, at("198.18.7.1")}),
            wire::ether_type::arp, 7, mac_address::broadcast());
    drain();
    const auto id = *h->udp().open(family::v4);
    ASSERT_FALSE(h->udp().connect(id, ep("198.18.7.2", 9), now));
    ASSERT_FALSE(h->udp().set_option(id, socket_option::segment_size, 100, now));
    const std::string data(250, 'x');
    const const_bytes all = bytes_of(data);
    ASSERT_TRUE(h->udp().send(id, {&all, 1}, nullptr, now));
    for (const std::size_t expected : {100U, 100U, 50U}) {
        packet p;
        h->advance(now);
        ASSERT_TRUE(h->next_packet(1, p, now));
        ip::rx_packet r{packet(p)};
        ip::parse(r, link_type::ethernet);
        EXPECT_EQ(r.vlan, 7);
        EXPECT_EQ(r.network_at, 18);
        EXPECT_TRUE(r.verified);
        EXPECT_EQ(r.contents.size() - r.payload_at, expected);
    }
}

TEST_F(vlan, follows_its_carrier)
{
    using state = interface_state;
    const auto status = [&] { return h->net().interface(tagged).status(); };
    EXPECT_EQ(status().state, state::up);
    h->set_link(1, false, 1500, now);
    EXPECT_EQ(status().state, state::down);
    h->set_link(1, true, 1400, now);
    EXPECT_EQ(status().state, state::up);
    EXPECT_EQ(status().mtu, 1400U);
    h->set_enabled(tagged, false, now);
    EXPECT_EQ(status().state, state::down);
    EXPECT_EQ(h->net().interface(1).status().state, state::up);
    drain();
    in_vlan(echo("198.18.7.2", "198.18.7.1"), wire::ether_type::ipv4, 7);
    EXPECT_TRUE(silent());
    h->set_enabled(tagged, true, now);
    h->lost(1, {}, now);
    EXPECT_EQ(status().state, state::not_present);
}

TEST_F(vlan, wrong_ones_are_refused)
{
    EXPECT_EQ(h->add_vlan(1, 7).error(), boost::system::errc::file_exists);
    EXPECT_EQ(h->add_vlan(1, 0).error(), boost::system::errc::invalid_argument);
    EXPECT_EQ(h->add_vlan(1, 4095).error(), boost::system::errc::invalid_argument);
    EXPECT_EQ(h->add_vlan(tagged, 8).error(), boost::system::errc::invalid_argument) << "a VLAN in a VLAN";
    EXPECT_EQ(h->add_vlan(0, 8).error(), boost::system::errc::no_such_device);
    EXPECT_EQ(h->add_vlan(77, 8).error(), boost::system::errc::no_such_device);
}

} // namespace
} // namespace tapio::core::hooks_test
