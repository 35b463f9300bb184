// Long datagrams between two hosts, in both families: fragments, reassembly, path MTUs (RFC 791, RFC 8200 §4.5, RFC 1191, RFC
// 8201).
#include "support/too_big.hpp"
#include "support/two_hosts.hpp"
#include "wire/ipv4.hpp"
#include "wire/ipv6.hpp"
#include "wire/udp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;

/// Two hosts on a wire with an MTU of 1500, each with an address of both families; a UDP socket of each is connected to the
/// other.
class fragments : public testing::TestWithParam<family>
{
protected:
    fragments()
    {
        EXPECT_FALSE(hosts.a.add_address(1, a6, 64, hosts.now));
        EXPECT_FALSE(hosts.b.add_address(1, b6, 64, hosts.now));
        for (int i = 0; i < 30; ++i, hosts.now += 100ms) hosts.settle(); // duplicate address detection
        EXPECT_FALSE(hosts.a.udp().bind(from, {mine(), 1000}));
        EXPECT_FALSE(hosts.b.udp().bind(to, {theirs(), 53}));
        EXPECT_FALSE(hosts.a.udp().connect(from, {theirs(), 53}, hosts.now));
    }
    bool v4() const { return GetParam() == family::v4; }
    address mine() const { return v4() ? hosts.here.address : a6; }
    address theirs() const { return v4() ? hosts.there.address : b6; }
    std::size_t headers() const { return sizes_of(GetParam()).ip_header + sizeof(wire::udp_header); } // octets

    result<std::size_t> send(const std::string& text)
    {
        const std::array<const_bytes, 1> octets{two_hosts::octets(text)};
        return hosts.a.udp().send(from, octets, nullptr, hosts.now);
    }
    std::string received()
    {
        std::string text(70000, 0);
        const std::array<mutable_bytes, 1> into{std::as_writable_bytes(std::span(text))};
        const auto n = hosts.b.udp().receive(to, into, {}, nullptr, hosts.now);
        text.resize(n ? *n : 0);
        return text;
    }
    static std::string text_of(std::size_t size)
    {
        std::string s(size, 0);
        for (std::size_t i = 0; i < size; ++i) s[i] = static_cast<char>(i * 31 + i / 251);
        return s;
    }
    /// What a router with a smaller link says about a datagram from us.
    void too_big(std::uint16_t mtu)
    {
        packet quote(slice::copy_of(two_hosts::octets(std::string(100, 'x'))));
        wire::push_udp(quote, 1000, 53, mine(), theirs());
        const flow_key flow({mine(), 0}, {theirs(), 0}, ip_protocol::udp);
        wire::ipv4_fields f;
        if (v4()) {
            f.source = mine().to_v4();
            f.destination = theirs().to_v4();
            f.protocol = ip_protocol::udp;
            wire::push_ipv4(quote, f);
        } else {
            wire::push_ipv6(quote, {ip_protocol::udp, 64, 0, 0}, flow.v6_words(0), flow.v6_words(1));
        }
        hosts.a.receive(1, test::too_big(quote, mtu), hosts.now);
    }
    /// Sizes of the packets that a has queued, octets; they are delivered to b.
    std::vector<std::size_t> sent()
    {
        std::vector<std::size_t> sizes;
        hosts.a.advance(hosts.now);
        for (packet p; hosts.a.next_packet(1, p, hosts.now);) {
            sizes.push_back(p.size());
            hosts.b.receive(1, std::move(p), hosts.now);
        }
        return sizes;
    }

    two_hosts hosts{{}, device()};
    const address a6 = boost::asio::ip::make_address("2001:db8::1"), b6 = boost::asio::ip::make_address("2001:db8::2");
    const socket_id from = *hosts.a.udp().open(GetParam()), to = *hosts.b.udp().open(GetParam());

private:
    static device_info device()
    {
        device_info d;
        d.link = link_type::ip;
        d.mtu = 1500;
        return d;
    }
};

TEST_P(fragments, a_datagram_of_any_size_arrives)
{
    const std::size_t longest = v4() ? 65507 : 65527;
    for (const std::size_t size : {std::size_t{1473}, std::size_t{1500}, std::size_t{4000}, std::size_t{60000}, longest}) {
        ASSERT_TRUE(send(text_of(size))) << size;
        hosts.settle();
        EXPECT_EQ(received(), text_of(size)) << size;
    }
    EXPECT_EQ(send(text_of(longest + 1)).error(), errno_code(EMSGSIZE));
    const ip_counters& c = v4() ? hosts.b.counters().ip : hosts.b.counters().ip6;
    EXPECT_EQ(c.reasm_oks, 5U);
    const ip_counters& s = v4() ? hosts.a.counters().ip : hosts.a.counters().ip6;
    EXPECT_EQ(s.out_frag_oks, 5U);
    EXPECT_EQ(s.out_frag_creates, c.reasm_reqds);
}

TEST_P(fragments, a_datagram_that_fits_is_not_split)
{
    ASSERT_TRUE(send(text_of(1500 - headers())));
    EXPECT_EQ(sent(), std::vector<std::size_t>{1500});
    ASSERT_TRUE(send(text_of(1501 - headers())));
    EXPECT_EQ(sent().size(), 2U);
}

TEST_P(fragments, a_socket_may_forbid_them) // IP_PMTUDISC_DO
{
    ASSERT_FALSE(hosts.a.udp().set_option(from, socket_option::mtu_discover, 2, hosts.now));
    EXPECT_EQ(send(text_of(1501 - headers())).error(), errno_code(EMSGSIZE));
    EXPECT_TRUE(send(text_of(1500 - headers())));
}

TEST_P(fragments, fit_the_paths_mtu_once_a_router_has_told_it) // RFC 1191, RFC 8201
{
    too_big(1300);
    EXPECT_EQ(hosts.a.udp().get_option(from, socket_option::path_mtu).value(), 1300);
    EXPECT_EQ(hosts.a.udp().take_error(from), errno_code(EMSGSIZE)); // as Linux: a connected socket is told
    ASSERT_TRUE(send(text_of(1400)));
    const auto sizes = sent();
    ASSERT_EQ(sizes.size(), 2U);
    EXPECT_LE(sizes[0], 1300U);
    EXPECT_EQ(received(), text_of(1400));
    too_big(1400); // later and larger: ignored
    EXPECT_EQ(hosts.a.udp().get_option(from, socket_option::path_mtu).value(), 1300);
    (void)hosts.a.udp().take_error(from);
    hosts.now += 11min;
    hosts.a.advance(hosts.now);
    EXPECT_EQ(hosts.a.udp().get_option(from, socket_option::path_mtu).value(), 1500);
}

TEST_P(fragments, a_paths_mtu_has_a_floor)
{
    too_big(100);
    EXPECT_EQ(hosts.a.udp().get_option(from, socket_option::path_mtu).value(), v4() ? 552 : 1280);
}

TEST_P(fragments, that_do_not_all_arrive_are_given_up_and_the_sender_is_told) // RFC 792, RFC 8200 §4.5
{
    ASSERT_TRUE(send(text_of(3000)));
    hosts.a.advance(hosts.now);
    packet p;
    ASSERT_TRUE(hosts.a.next_packet(1, p, hosts.now));
    hosts.b.receive(1, std::move(p), hosts.now); // the first fragment alone
    while (hosts.a.next_packet(1, p, hosts.now)) {}
    hosts.now += 61s;
    hosts.b.advance(hosts.now);
    const host_counters& c = hosts.b.counters();
    EXPECT_EQ((v4() ? c.ip : c.ip6).reasm_timeout, 1U);
    EXPECT_EQ((v4() ? c.icmp : c.icmp6).out_time_excds, 1U);
    EXPECT_EQ(c.drops[drop_reason::ip_fragment_timeout], 1U);
    hosts.settle();
    EXPECT_EQ((v4() ? hosts.a.counters().icmp : hosts.a.counters().icmp6).in_time_excds, 1U);
}

INSTANTIATE_TEST_SUITE_P(of_both_families, fragments, testing::Values(family::v4, family::v6),
                         [](const auto& f) { return f.param == family::v4 ? "v4" : "v6"; });

} // namespace
} // namespace tapio::core
