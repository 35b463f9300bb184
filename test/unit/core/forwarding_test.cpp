// Forwarding, packet by packet (RFC 1812 §5, RFC 8200 §3, RFC 4443).
#include "router.hpp"

namespace tapio::core::forwarding_test {
namespace {

/// The two ends of a packet through the router.
struct ends
{
    const char *from, *to, *near; ///< `near`: the router's address on the sender's side
    const char* name;
};
constexpr ends v4{"198.18.0.9", "198.18.1.9", "198.18.0.1", "v4"};
constexpr ends v6{"2001:db8:0:1::9", "2001:db8:0:2::9", "2001:db8:0:1::1", "v6"};

class forwarding : public router, public testing::WithParamInterface<ends>
{
protected:
    packet datagram(std::size_t payload = 100, std::uint8_t ttl = 64, bool dont_fragment = false) const
    {
        return udp({GetParam().from, GetParam().to, payload, ttl, dont_fragment});
    }
    bool is_v4() const { return GetParam().name == std::string("v4"); }
    const ip_counters& counters() const { return is_v4() ? h->counters().ip : h->counters().ip6; }
    address near_address() const { return boost::asio::ip::make_address(GetParam().near); }
    address to() const { return boost::asio::ip::make_address(GetParam().to); }
};
INSTANTIATE_TEST_SUITE_P(families, forwarding, testing::Values(v4, v6), [](const auto& p) { return std::string(p.param.name); });

TEST_P(forwarding, takes_one_hop_and_changes_nothing_else)
{
    for (int i = 0; i < 2; ++i) { // the second by the remembered way
        in(1, datagram());
        EXPECT_EQ(flat(one(2)), flat(datagram(100, 63)));
    }
    EXPECT_TRUE(nothing_sent());
    EXPECT_EQ(counters().in_forw_datagrams, 2U);
    EXPECT_EQ(counters().out_forw_datagrams, 2U);
    EXPECT_EQ(counters().in_delivers, 0U);
}

TEST_P(forwarding, is_off_until_it_is_asked_for)
{
    h->set_forwarding({.v4 = !is_v4(), .v6 = is_v4()});
    in(1, datagram());
    EXPECT_TRUE(nothing_sent());
    EXPECT_EQ(drops(is_v4() ? drop_reason::ipv4_not_for_us : drop_reason::ipv6_not_for_us), 1U);
}

TEST_P(forwarding, ends_when_the_ttl_does)
{
    for (const int ttl : {1, 0}) {
        now += 1s;
        in(1, datagram(100, static_cast<std::uint8_t>(ttl)));
        const error e = error_sent(1);
        EXPECT_EQ(e.type, is_v4() ? 11 : 3);
        EXPECT_EQ(e.code, 0);
        EXPECT_EQ(e.source, near_address());
        EXPECT_EQ(e.quote, flat(datagram(100, static_cast<std::uint8_t>(ttl)))) << "as it was received";
        EXPECT_TRUE(sent(2).empty());
    }
    in(1, datagram(100, 2));
    EXPECT_EQ(flat(one(2)), flat(datagram(100, 1)));
}

TEST_P(forwarding, tells_that_there_is_no_route)
{
    const char* const far = is_v4() ? "203.0.113.1" : "2001:db8:f::1";
    in(1, udp({GetParam().from, far}));
    const error e = error_sent(1);
    EXPECT_EQ(std::pair(e.type, e.code), is_v4() ? std::pair(3, 0) : std::pair(1, 0));
    EXPECT_EQ(e.source, near_address());
    EXPECT_EQ(counters().in_no_routes, 1U);
}

TEST_P(forwarding, obeys_routes_that_refuse)
{
    const auto refuse = [&](route_kind kind) {
        now += 1s;
        EXPECT_FALSE(h->replace_route({to(), is_v4() ? 32U : 128U, std::nullopt, 2, 0, kind}));
        in(1, datagram());
        EXPECT_TRUE(sent(2).empty());
        const auto told = sent(1);
        const error e = told.empty() ? error{} : error_in(told.front());
        return std::pair(e.type, e.code);
    };
    EXPECT_EQ(refuse(route_kind::blackhole), std::pair(-1, -1));
    EXPECT_EQ(refuse(route_kind::unreachable), is_v4() ? std::pair(3, 1) : std::pair(1, 3));
    EXPECT_EQ(refuse(route_kind::prohibit), is_v4() ? std::pair(3, 13) : std::pair(1, 1));
    EXPECT_EQ(drops(drop_reason::ip_route_refuses), 3U);
    EXPECT_FALSE(h->replace_route({to(), is_v4() ? 32U : 128U, std::nullopt, 2, 0}));
    in(1, datagram());
    EXPECT_EQ(sent(2).size(), 1U);
}

TEST_P(forwarding, tells_the_mtu_of_the_next_link)
{
    device_info narrow;
    narrow.name = "tun1";
    narrow.link = link_type::ip;
    narrow.mtu = 1280;
    start({}, narrow);
    in(1, datagram(1300, 64, true));
    const error e = error_sent(1);
    EXPECT_EQ(std::pair(e.type, e.code), is_v4() ? std::pair(3, 4) : std::pair(2, 0));
    EXPECT_EQ(e.rest, 1280U);
    EXPECT_TRUE(sent(2).empty());
    in(1, datagram(1280 - (is_v4() ? 28 : 48), 64, true));
    EXPECT_EQ(one(2).size(), 1280U);
}

TEST_P(forwarding, keeps_what_belongs_to_a_link_on_it)
{
    if (is_v4()) {
        in(1, udp({"169.254.1.1", "198.18.1.9"}));
        in(1, udp({"198.18.0.9", "169.254.1.1"}));
        EXPECT_TRUE(nothing_sent());
    } else {
        in(1, udp({"fe80::9", "2001:db8:0:2::9"}));
        in(1, udp({"2001:db8:0:1::9", "fe80::77"}));
        const auto told = sent(1);
        ASSERT_EQ(told.size(), 1U) << "only the first can be told";
        EXPECT_EQ(std::pair(error_in(told[0]).type, error_in(told[0]).code), std::pair(1, 2)) << "beyond the scope of the source";
        EXPECT_TRUE(sent(2).empty());
    }
    EXPECT_EQ(drops(drop_reason::ip_not_forwardable), 2U);
}

TEST_P(forwarding, does_not_pass_groups_and_martians)
{
    std::vector<std::pair<const char*, const char*>> bad;
    if (is_v4())
        bad = {{"198.18.0.9", "239.1.2.3"},  {"198.18.0.9", "255.255.255.255"}, {"127.0.0.1", "198.18.1.9"},
               {"0.0.0.0", "198.18.1.9"},    {"224.0.0.1", "198.18.1.9"},       {"240.0.0.1", "198.18.1.9"},
               {"198.18.0.9", "127.0.0.1"},  {"198.18.0.9", "0.1.2.3"},         {"198.18.0.9", "240.0.0.1"},
               {"198.18.0.1", "198.18.1.9"}, {"198.18.1.255", "198.18.1.9"}};
    else
        bad = {{"2001:db8:0:1::9", "ff0e::1"}, {"::1", "2001:db8:0:2::9"}, {"::", "2001:db8:0:2::9"},
               {"ff02::1", "2001:db8:0:2::9"}, {"2001:db8:0:1::9", "::1"}, {"2001:db8:0:1::1", "2001:db8:0:2::9"}};
    for (const auto& [from, destination] : bad) {
        in(1, udp({from, destination}));
        EXPECT_TRUE(nothing_sent()) << from << " to " << destination;
    }
    EXPECT_EQ(counters().out_forw_datagrams, 0U);
}

TEST_P(forwarding, may_ask_whether_an_answer_would_come_back)
{
    const bool four = is_v4();
    const char* const elsewhere = four ? "203.0.113.1" : "2001:db8:f::1";
    const char* const other_side = four ? "198.18.1.77" : "2001:db8:0:2::77";
    const auto passes = [&](const char* from) {
        in(1, udp({from, GetParam().to}));
        return !sent(2).empty();
    };
    h->set_forwarding({.reverse_path = reverse_path_filter::loose});
    EXPECT_TRUE(passes(GetParam().from));
    EXPECT_TRUE(passes(other_side));
    EXPECT_FALSE(passes(elsewhere));
    h->set_forwarding({.reverse_path = reverse_path_filter::strict});
    EXPECT_TRUE(passes(GetParam().from));
    EXPECT_FALSE(passes(other_side));
    EXPECT_FALSE(passes(elsewhere));
    EXPECT_EQ(drops(drop_reason::ip_reverse_path), 3U);
    h->set_forwarding();
    EXPECT_TRUE(passes(elsewhere));
    EXPECT_TRUE(sent(1).empty());
}

TEST_P(forwarding, follows_a_change_of_routes_at_once)
{
    in(1, datagram());
    EXPECT_EQ(sent(2).size(), 1U);
    EXPECT_FALSE(h->add_route({to(), is_v4() ? 32U : 128U, std::nullopt, 1, 0}));
    in(1, datagram());
    EXPECT_TRUE(sent(2).empty());
    EXPECT_EQ(sent(1).size(), 1U);
    h->set_enabled(1, false, now);
    h->set_enabled(1, true, now);
    h->set_enabled(2, false, now);
    EXPECT_FALSE(h->remove_route({to(), is_v4() ? 32U : 128U, std::nullopt, 1, 0}));
    in(1, datagram());
    EXPECT_TRUE(sent(2).empty());
    EXPECT_EQ(error_sent(1).code, 0) << "no route while its interface is down";
}

TEST_P(forwarding, does_not_answer_errors_and_later_fragments)
{
    // An ICMP error whose TTL ends here.
    packet p(slice::copy_of(octets(40, std::byte{0x45})));
    const address from = boost::asio::ip::make_address(GetParam().from);
    const flow_key flow({from, 0}, {to(), 0}, ip_protocol::icmpv6);
    is_v4() ? wire::push_icmpv4(p, wire::icmpv4_type::time_exceeded, 0, 0)
            : wire::push_icmpv6(p, wire::icmpv6_type::time_exceeded, 0, 0, flow);
    push_ip(p, from, to(), is_v4() ? ip_protocol::icmp : ip_protocol::icmpv6, 1, false);
    in(1, p);
    EXPECT_TRUE(nothing_sent());
    if (!is_v4()) return;
    for (const std::uint16_t offset : {std::uint16_t{0}, std::uint16_t{8}}) { // a first fragment, and a later one
        packet f(slice::copy_of(octets(64, std::byte{'x'})));
        wire::ipv4_fields h4;
        h4.source = from.to_v4();
        h4.destination = to().to_v4();
        h4.protocol = ip_protocol::udp;
        h4.ttl = 1;
        h4.fragment_offset = offset;
        h4.more_fragments = true;
        wire::push_ipv4(f, h4);
        in(1, f);
        EXPECT_EQ(sent(1).size(), offset == 0 ? 1U : 0U);
        f.own_front(20)[8] = std::byte{64};
        f.own_front(20)[10] = f.own_front(20)[11] = std::byte{0};
        wire::store_16(f.own_front(20) + 10, static_cast<std::uint16_t>(~ones_sum(const_bytes(f.own_front(20), 20))));
        in(1, f);
        EXPECT_EQ(one(2).size(), f.size()) << "fragments are forwarded as they are";
    }
}

class forwarding_v4 : public router
{
};

TEST_F(forwarding_v4, fragments_what_may_be_fragmented)
{
    device_info narrow;
    narrow.name = "tun1";
    narrow.link = link_type::ip;
    narrow.mtu = 600;
    start({}, narrow);
    const packet whole = udp({v4.from, v4.to, 1400});
    in(1, whole);
    const auto pieces = sent(2);
    ASSERT_EQ(pieces.size(), 3U);
    octets joined;
    for (const packet& p : pieces) {
        EXPECT_LE(p.size(), 600U);
        EXPECT_TRUE(sums_right(p));
        const octets all = flat(p);
        wire::ipv4_fields f;
        EXPECT_FALSE(wire::read_ipv4(all, all.size(), f));
        EXPECT_EQ(f.identification, 7);
        EXPECT_EQ(f.ttl, 63);
        EXPECT_EQ(f.fragment_offset, joined.size());
        joined.insert(joined.end(), all.begin() + 20, all.end());
    }
    const octets sent_first = flat(whole);
    EXPECT_TRUE(std::equal(joined.begin(), joined.end(), sent_first.begin() + 20, sent_first.end()));
    EXPECT_EQ(h->counters().ip.out_frag_creates, 3U);
    in(1, pieces[0]);
    EXPECT_EQ(one(2).size(), pieces[0].size()) << "it fits";
    in(1, udp({v4.from, v4.to, 600, 64, true}));
    EXPECT_EQ(error_sent(1).rest, 600U);
}

/// Headers and a short message that lie in pieces are joined in the headroom, where the link header must have room, too.
TEST_F(forwarding_v4, what_was_joined_in_the_headroom_gets_a_link_header)
{
    device_info ethernet;
    ethernet.name = "eth1";
    start({}, ethernet);
    const address_v6 from = at6("2001:db8:0:1::9"), to = at6("2001:db8:0:2::9");
    const mac_address theirs{{2, 0, 0, 0, 0, 9}}, ours = h->net().interface(2).info().mac;
    const wire::neighbor_advertisement a{to, false, true, true, theirs};
    for (const std::size_t data : {90U, 100U, 104U, 112U}) {
        packet p(slice::copy_of(octets(data, std::byte{'e'})));
        const flow_key flow({from, 0}, {to, 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(p, wire::icmpv6_type::echo_request, 0, 1, flow);
        push_ip(p, from, to, ip_protocol::icmpv6, 64, false);
        const octets came = flat(p);
        in(1, std::move(p)); // not copied: its pieces are those of a wire in memory
        packet reply = wire::make_neighbor_advertisement(a);
        const flow_key back({to, 0}, {at6("2001:db8:0:2::1"), 0}, ip_protocol::icmpv6);
        wire::push_icmpv6(reply, wire::icmpv6_type::neighbor_advertisement, 0, wire::rest_of(a), back);
        wire::push_ipv6(reply, {ip_protocol::icmpv6, 255, 0, 0}, back.v6_words(0), back.v6_words(1));
        wire::push_ethernet(reply, ours, theirs, wire::ether_type::ipv6);
        in(2, reply);
        const auto out = sent(2);
        ASSERT_FALSE(out.empty());
        const octets frame = flat(out.back());
        ASSERT_EQ(frame.size(), came.size() + 14);
        EXPECT_TRUE(std::equal(came.begin() + 8, came.end(), frame.begin() + 22));
    }
}

/// A UDP header without data behind an IPv4 header with one option of eight octets.
packet with_option(std::uint8_t type, std::initializer_list<unsigned> rest)
{
    octets header = flat(router::udp({v4.from, v4.to, 0}));
    header.resize(20);
    header.push_back(std::byte{type});
    for (const unsigned o : rest) header.push_back(static_cast<std::byte>(o));
    header.resize(28);
    header[0] = std::byte{0x47};
    wire::store_16(header.data() + 2, static_cast<std::uint16_t>(header.size() + 16));
    wire::store_16(header.data() + 10, 0);
    wire::store_16(header.data() + 10, static_cast<std::uint16_t>(~ones_sum(const_bytes(header))));
    packet p(slice::copy_of(octets(16)));
    std::copy(header.begin(), header.end(), p.push_front(header.size()));
    return p;
}

TEST_F(forwarding_v4, refuses_source_routes)
{
    in(1, with_option(131, {7, 4, 198, 18, 1, 1, 0}));
    const error e = error_sent(1);
    EXPECT_EQ(std::pair(e.type, e.code), std::pair(3, 5));
    EXPECT_TRUE(sent(2).empty());
}

TEST_F(forwarding_v4, options_are_passed_on_unchanged)
{
    const octets came = flat(with_option(94, {8, 1, 2, 3, 4, 5, 6})); // an experiment's (RFC 4727)
    in(1, with_option(94, {8, 1, 2, 3, 4, 5, 6}));
    const octets left = flat(one(2));
    EXPECT_TRUE(std::equal(came.begin() + 20, came.end(), left.begin() + 20, left.end()));
    EXPECT_EQ(ones_sum(const_bytes(left).first(28)), 0xffff);
}

TEST_F(forwarding_v4, what_came_in_a_broadcast_frame_goes_no_further)
{
    device_info ethernet;
    ethernet.name = "eth0";
    start(ethernet);
    packet p = udp({v4.from, v4.to});
    wire::push_ethernet(p, mac_address::broadcast(), mac_address{{2, 0, 0, 0, 0, 9}}, wire::ether_type::ipv4);
    in(1, p);
    EXPECT_TRUE(nothing_sent());
    EXPECT_EQ(drops(drop_reason::ipv4_bad_destination), 1U);
    packet directed = udp({v4.from, "198.18.1.255"}); // a broadcast of the far network
    wire::push_ethernet(directed, h->net().interface(1).info().mac, mac_address{{2, 0, 0, 0, 0, 9}}, wire::ether_type::ipv4);
    in(1, directed);
    EXPECT_TRUE(nothing_sent());
}

TEST_F(forwarding_v4, tells_that_the_last_neighbour_does_not_answer)
{
    device_info ethernet;
    ethernet.name = "eth1";
    start({}, ethernet);
    in(1, udp({v4.from, v4.to}));
    EXPECT_EQ(sent(2).size(), 1U) << "an ARP request";
    EXPECT_TRUE(sent(1).empty());
    for (int i = 0; i < 40; ++i, now += 100ms) h->advance(now);
    const error e = error_sent(1);
    EXPECT_EQ(std::pair(e.type, e.code), std::pair(3, 1));
    EXPECT_EQ(e.source, at("198.18.0.1"));
    EXPECT_EQ(e.quote.size(), 128U);
}

TEST_F(forwarding_v4, redirects_only_if_it_is_asked_to)
{
    device_info ethernet;
    ethernet.name = "eth0";
    start(ethernet);
    EXPECT_FALSE(h->add_route(at("203.0.113.0"), 24, at("198.18.0.254"), 1));
    const auto frame = [&](packet p) {
        wire::push_ethernet(p, h->net().interface(1).info().mac, mac_address{{2, 0, 0, 0, 0, 9}}, wire::ether_type::ipv4);
        return p;
    };
    const auto answer = [&](const char* who) {
        packet p = wire::make_arp({wire::arp_operation::request,
                                   mac_address{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(who[9])}},
                                   at(who),
                                   {},
                                   at("198.18.0.1")});
        wire::push_ethernet(p, mac_address::broadcast(), mac_address{{2, 0, 0, 0, 0, 9}}, wire::ether_type::arp);
        in(1, p);
    };
    answer("198.18.0.254");
    answer("198.18.0.9");
    sent(1);
    in(1, frame(udp({v4.from, "203.0.113.5"})));
    EXPECT_EQ(sent(1).size(), 1U) << "forwarded, and nobody told";
    h->set_forwarding({.send_redirects = true});
    in(1, frame(udp({v4.from, "203.0.113.5"})));
    const auto both = sent(1);
    ASSERT_EQ(both.size(), 2U);
    packet told = both[0];
    told.consume(14);
    const error e = error_in(told);
    EXPECT_EQ(std::pair(e.type, e.code), std::pair(5, 1));
    EXPECT_EQ(e.rest, at("198.18.0.254").to_uint());
    EXPECT_EQ(h->counters().icmp.out_redirects, 1U);
}

} // namespace
} // namespace tapio::core::forwarding_test
