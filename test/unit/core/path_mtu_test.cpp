// Path MTUs that routers tell (RFC 1191, RFC 8201), what sockets of all kinds make of them, and IPV6_MTU.
#include "support/too_big.hpp"
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace tapio::core {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;

device_info of_1500_octets()
{
    device_info d;
    d.link = link_type::ip;
    d.mtu = 1500;
    return d;
}

constexpr int trial_protocol = 253;                                          // RFC 3692: for experiments
constexpr int dont = 0, discover = 2, probe = 3, by_interface = 4, omit = 5; // IP_MTU_DISCOVER

/// Two hosts on a wire with an MTU of 1500; a router between them may have a narrower link.
class path_mtu : public testing::TestWithParam<family>
{
protected:
    path_mtu()
    {
        EXPECT_FALSE(hosts.a.add_address(1, a6, 64, hosts.now));
        EXPECT_FALSE(hosts.b.add_address(1, b6, 64, hosts.now));
        pass(3s); // duplicate address detection
        EXPECT_FALSE(hosts.b.tcp().bind(listener, {theirs(), 80}));
        EXPECT_FALSE(hosts.b.tcp().listen(listener, 10, hosts.now));
    }
    bool v4() const { return GetParam() == family::v4; }
    address mine() const { return v4() ? hosts.here.address : a6; }
    address theirs() const { return v4() ? hosts.there.address : b6; }
    int headers() const { return static_cast<int>(sizes_of(GetParam()).ip_header); } // octets

    void pass(duration d)
    {
        for (const time_point end = hosts.now + d; hosts.now < end; hosts.now += 10ms) hosts.settle();
    }
    template <class Protocol>
    void send(Protocol& sockets, socket_id id, int size, error_code expected = {})
    {
        const std::string text(static_cast<std::size_t>(size), 'x');
        const std::array<const_bytes, 1> octets{two_hosts::octets(text)};
        const auto sent = sockets.send(id, octets, nullptr, hosts.now);
        EXPECT_EQ(sent ? error_code() : sent.error(), expected) << size;
    }
    /// The packets that a has to send now; they go on to b unless `to_b` is false.
    std::vector<packet> sent(bool to_b = true)
    {
        std::vector<packet> all;
        hosts.a.advance(hosts.now);
        for (packet p; hosts.a.next_packet(1, p, hosts.now);) {
            all.push_back(p);
            if (to_b) hosts.b.receive(1, packet(p), hosts.now);
        }
        return all;
    }
    std::vector<std::size_t> sizes()
    {
        std::vector<std::size_t> out;
        for (const packet& p : sent()) out.push_back(p.size());
        return out;
    }
    std::size_t longest(const std::vector<std::size_t>& of) { return of.empty() ? 0 : *std::max_element(of.begin(), of.end()); }
    void router_refuses(const packet& p, std::uint16_t mtu) { hosts.a.receive(1, test::too_big(p, mtu), hosts.now); }

    tcp_id connect()
    {
        const tcp_id id = *hosts.a.tcp().open(GetParam());
        EXPECT_EQ(hosts.a.tcp().connect(id, {theirs(), 80}, hosts.now), boost::asio::error::in_progress);
        hosts.settle();
        endpoint peer;
        EXPECT_TRUE(hosts.b.tcp().accept(listener, peer, hosts.now));
        return id;
    }
    template <class Protocol>
    socket_id datagram_socket(Protocol& sockets, int mtu_discover = 1, int protocol = 0)
    {
        const socket_id id = *sockets.open(GetParam(), protocol);
        EXPECT_FALSE(sockets.set_option(id, socket_option::mtu_discover, mtu_discover, hosts.now));
        EXPECT_FALSE(sockets.connect(id, {theirs(), protocol == 0 ? std::uint16_t{9} : std::uint16_t{0}}, hosts.now));
        return id;
    }
    socket_id udp_socket(int mtu_discover = 1) { return datagram_socket(hosts.a.udp(), mtu_discover); }
    socket_id raw_socket(int mtu_discover = 1) { return datagram_socket(hosts.a.raw(), mtu_discover, trial_protocol); }
    int of_tcp(tcp_id id) { return *hosts.a.tcp().get_option(id, socket_option::path_mtu); }
    int of_udp(socket_id id) { return *hosts.a.udp().get_option(id, socket_option::path_mtu); }

    two_hosts hosts{{}, of_1500_octets()};
    const address a6 = make_address("2001:db8::1"), b6 = make_address("2001:db8::2");
    const tcp_id listener = *hosts.b.tcp().open(GetParam());
};

// -- connections ----------------------------------------------------------------------------------------------------------

TEST_P(path_mtu, of_one_connection_is_that_of_all_to_the_host) // RFC 8201 §5.2
{
    const tcp_id first = connect(), second = connect();
    send(hosts.a.tcp(), first, 5000);
    const auto lost = sent(false);
    ASSERT_EQ(lost.at(0).size(), 1500U);
    router_refuses(lost[0], 1300);
    EXPECT_EQ(of_tcp(first), 1300);
    EXPECT_EQ(longest(sizes()), 1300U) << "sent again";

    send(hosts.a.tcp(), second, 5000);
    EXPECT_EQ(longest(sizes()), 1300U);
    EXPECT_EQ(of_tcp(second), 1300);
    EXPECT_EQ(of_udp(udp_socket()), 1300);

    const tcp_id third = connect();
    EXPECT_EQ(of_tcp(third), 1300);
    send(hosts.a.tcp(), third, 5000);
    EXPECT_EQ(longest(sizes()), 1300U);
    const int offered = static_cast<int>(hosts.a.tcp().info(third, hosts.now)->advertised_mss);
    EXPECT_EQ(offered, 1500 - headers() - 20) << "the path back may be another (RFC 9293 §3.7.1)";
}

TEST_P(path_mtu, is_forgotten_by_all_after_ten_minutes) // RFC 1191 §6.3, RFC 8201 §5.3
{
    const tcp_id first = connect(), second = connect();
    send(hosts.a.tcp(), first, 5000);
    router_refuses(sent(false).at(0), 1300);
    hosts.settle();
    send(hosts.a.tcp(), second, 2000);
    hosts.settle();
    const tcp_id third = connect();
    hosts.now += 11min;
    hosts.settle();
    for (const tcp_id id : {first, second, third, connect()}) {
        send(hosts.a.tcp(), id, 5000);
        EXPECT_EQ(longest(sizes()), 1500U);
        EXPECT_EQ(of_tcp(id), 1500);
        hosts.settle();
    }
}

TEST_P(path_mtu, segments_of_others_that_are_in_flight_are_sent_again_at_once)
{
    const tcp_id first = connect(), second = connect();
    send(hosts.a.tcp(), first, 5000);
    send(hosts.a.tcp(), second, 5000);
    const auto lost = sent(false); // of both
    ASSERT_GE(lost.size(), 6U);
    router_refuses(lost[0], 1300);
    send(hosts.a.tcp(), second, 1);              // hears of it
    router_refuses(lost[lost.size() / 2], 1300); // says nothing new
    pass(100ms);                                 // less than a retransmission timeout
    EXPECT_EQ(of_tcp(second), 1300);
    EXPECT_EQ(hosts.a.tcp().info(second, hosts.now)->unacked, 0U);
    EXPECT_EQ(hosts.a.tcp().info(first, hosts.now)->unacked, 0U);
}

TEST_P(path_mtu, for_a_segment_that_is_not_in_flight_is_not_believed) // RFC 5927 §4.1
{
    const tcp_id id = connect();
    send(hosts.a.tcp(), id, 5000);
    const auto delivered = sent();
    hosts.settle();
    router_refuses(delivered.at(0), 1300);
    EXPECT_EQ(of_tcp(id), 1500);
    EXPECT_EQ(of_tcp(connect()), 1500);
    EXPECT_EQ(of_udp(udp_socket()), 1500);
}

TEST_P(path_mtu, of_datagrams_is_that_of_connections)
{
    const tcp_id idle = connect();
    const socket_id u = udp_socket();
    send(hosts.a.udp(), u, 1400);
    router_refuses(sent(false).at(0), 1300);
    EXPECT_EQ(of_udp(u), 1300);
    send(hosts.a.tcp(), idle, 5000);
    EXPECT_EQ(longest(sizes()), 1300U);
    EXPECT_EQ(of_tcp(connect()), 1300);
}

TEST_P(path_mtu, of_another_host_stays)
{
    ASSERT_FALSE(
        hosts.b.add_address(1, v4() ? make_address("192.0.2.3") : make_address("2001:db8::3"), v4() ? 24 : 64, hosts.now));
    pass(3s);
    const tcp_id id = connect();
    send(hosts.a.tcp(), id, 5000);
    router_refuses(sent(false).at(0), 1300);
    const socket_id other = *hosts.a.udp().open(GetParam());
    ASSERT_FALSE(hosts.a.udp().connect(other, {v4() ? make_address("192.0.2.3") : make_address("2001:db8::3"), 9}, hosts.now));
    EXPECT_EQ(of_udp(other), 1500);
}

// -- datagrams ------------------------------------------------------------------------------------------------------------

TEST_P(path_mtu, does_not_bind_a_socket_that_probes) // IP_PMTUDISC_PROBE (RFC 8899, RFC 4821)
{
    const socket_id ordinary = udp_socket(), strict = udp_socket(discover), probing = udp_socket(probe);
    send(hosts.a.udp(), ordinary, 1400);
    router_refuses(sent(false).at(0), 1300);
    (void)hosts.a.udp().take_error(ordinary);
    send(hosts.a.udp(), strict, 1400, errno_code(EMSGSIZE));
    const int whole = 1500 - headers() - 8;
    send(hosts.a.udp(), probing, whole);
    const auto probes = sent(false);
    ASSERT_EQ(probes.size(), 1U);
    EXPECT_EQ(probes[0].size(), 1500U);
    if (v4()) {
        std::array<std::byte, 20> header;
        probes[0].copy_to(header);
        EXPECT_NE(std::to_integer<unsigned>(header[6]) & 0x40, 0U) << "DF";
    }
    send(hosts.a.udp(), probing, whole + 1, errno_code(EMSGSIZE));
    router_refuses(probes[0], 1400); // the answer to the probe is an error of the probing socket, and binds nobody
    EXPECT_EQ(hosts.a.udp().take_error(probing), errno_code(EMSGSIZE));
    EXPECT_EQ(of_udp(ordinary), 1300);
    send(hosts.a.udp(), probing, whole);
    EXPECT_EQ(longest(sizes()), 1500U);
}

TEST_P(path_mtu, that_a_probe_was_refused_by_stands_in_the_error_queue)
{
    const socket_id probing = udp_socket(probe);
    ASSERT_FALSE(hosts.a.udp().set_option(probing, socket_option::receive_errors, 1, hosts.now));
    send(hosts.a.udp(), probing, 1450);
    router_refuses(sent(false).at(0), 1400);
    const auto error = hosts.a.udp().take_error_message(probing);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->mtu, 1400U);
    EXPECT_EQ(error->why, errno_code(EMSGSIZE));
    EXPECT_GT(error->payload.size(), 0U) << "by which the application knows its probe";
}

/// DPLPMTUD (RFC 8899) as an application does it: a router drops what is longer than 1400 octets and says nothing; the peer
/// acknowledges probes. The sizes are those of UDP datagrams, as the application sees them.
TEST_P(path_mtu, is_found_by_an_application_whose_peer_acknowledges_probes)
{
    const socket_id probing = udp_socket(probe), peer = *hosts.b.udp().open(GetParam());
    ASSERT_FALSE(hosts.b.udp().bind(peer, {theirs(), 9}));
    const auto acknowledged = [&](int size) {
        send(hosts.a.udp(), probing, size);
        for (packet& p : sent(false))
            if (p.size() <= 1400) hosts.b.receive(1, std::move(p), hosts.now);
        std::string into(2000, 0);
        const std::array<mutable_bytes, 1> buffer{std::as_writable_bytes(std::span(into))};
        const auto n = hosts.b.udp().receive(peer, buffer, {}, nullptr, hosts.now);
        return n && static_cast<int>(*n) == size;
    };
    int passes = 1200, lost = 1500 - headers() - 8 + 1; // BASE_PLPMTU (RFC 8899 §5.1.2), and what the link does not take
    EXPECT_TRUE(acknowledged(passes));
    int probes = 1;
    while (lost - passes > 1) {
        const int size = passes + (lost - passes) / 2;
        ++probes, acknowledged(size) ? passes = size : lost = size;
    }
    EXPECT_EQ(passes, 1400 - headers() - 8);
    EXPECT_LE(probes, 10);
    EXPECT_EQ(of_udp(udp_socket()), 1500) << "what one application has found binds no other socket";
}

TEST_P(path_mtu, of_the_interface_is_that_of_sockets_that_do_not_discover)
{
    const socket_id ordinary = udp_socket(), interface = udp_socket(by_interface), omitting = udp_socket(omit);
    send(hosts.a.udp(), ordinary, 1400);
    router_refuses(sent(false).at(0), 1300);
    send(hosts.a.udp(), interface, 1400);
    send(hosts.a.udp(), omitting, 1400);
    EXPECT_EQ(sizes(), std::vector<std::size_t>(2, static_cast<std::size_t>(1400 + headers() + 8)));
    send(hosts.a.udp(), interface, 1500, errno_code(EMSGSIZE));
    send(hosts.a.udp(), omitting, 1500);
    EXPECT_EQ(sizes().size(), 2U) << "in fragments";
}

// -- raw sockets ----------------------------------------------------------------------------------------------------------

TEST_P(path_mtu, that_a_raw_packet_met_is_that_of_raw_sockets)
{
    const socket_id s = raw_socket(), strict = raw_socket(discover);
    send(hosts.a.raw(), s, 1400);
    router_refuses(sent(false).at(0), 1300);
    send(hosts.a.raw(), s, 1400, v4() ? errno_code(EMSGSIZE) : error_code()); // IPv6: told with IPV6_PMTUDISC_DO only
    if (v4()) send(hosts.a.raw(), s, 1400);
    const auto pieces = sizes();
    EXPECT_EQ(pieces.size(), 2U);
    EXPECT_LE(longest(pieces), 1300U);
    EXPECT_EQ(hosts.a.raw().take_error(strict), errno_code(EMSGSIZE));
    send(hosts.a.raw(), strict, 1300 - headers());
    EXPECT_EQ(sizes(), std::vector<std::size_t>{1300});
    send(hosts.a.raw(), strict, 1301 - headers(), errno_code(EMSGSIZE));
    send(hosts.a.raw(), raw_socket(probe), 1500 - headers());
    EXPECT_EQ(sizes(), std::vector<std::size_t>{1500});
}

TEST_P(path_mtu, that_a_raw_packet_met_stands_in_the_error_queue_of_its_sockets)
{
    auto& raw = hosts.a.raw();
    const auto reporting = [&](int protocol) {
        const socket_id id = *raw.open(GetParam(), protocol);
        EXPECT_FALSE(raw.set_option(id, socket_option::receive_errors, 1, hosts.now));
        return id;
    };
    const socket_id unconnected = reporting(trial_protocol), with_header = reporting(trial_protocol), other = reporting(254);
    const socket_id elsewhere = reporting(trial_protocol);
    ASSERT_FALSE(raw.connect(elsewhere, {v4() ? make_address("192.0.2.9") : make_address("2001:db8::9"), 0}, hosts.now));
    ASSERT_FALSE(raw.set_option(with_header, socket_option::header_included, 1, hosts.now));
    send(raw, raw_socket(), 1400);
    router_refuses(sent(false).at(0), 1300);
    for (const socket_id id : {unconnected, with_header}) {
        EXPECT_EQ(raw.poll(id) & readiness::error, readiness::error);
        EXPECT_EQ(raw.take_error(id), errno_code(EMSGSIZE));
        const auto m = raw.take_error_message(id);
        ASSERT_TRUE(m);
        EXPECT_EQ(m->peer, (endpoint{theirs(), 0}));
        EXPECT_EQ(m->mtu, 1300U);
        EXPECT_EQ(m->offender, theirs());
        std::array<std::byte, 1> first{};
        ASSERT_EQ(m->payload.copy_to(first), 1U);
        const unsigned version = v4() ? 0x45 : 0x60;
        EXPECT_EQ(std::to_integer<unsigned>(first[0]), id == with_header ? version : unsigned{'x'});
        EXPECT_EQ(raw.take_error_message(id).error(), errno_code(EAGAIN)) << "one error, one message";
    }
    EXPECT_EQ(raw.take_error_message(other).error(), errno_code(EAGAIN)) << "another protocol";
    EXPECT_EQ(raw.take_error_message(elsewhere).error(), errno_code(EAGAIN)) << "connected to another host";
}

TEST_P(path_mtu, queue_of_errors_is_bounded_and_cleared_when_it_is_switched_off)
{
    auto& raw = hosts.a.raw();
    const socket_id id = raw_socket();
    ASSERT_FALSE(raw.set_option(id, socket_option::receive_errors, 1, hosts.now));
    send(raw, id, 1400);
    const auto packets = sent(false);
    for (int i = 0; i < 200; ++i) router_refuses(packets.at(0), 1300);
    int taken = 0;
    while (raw.take_error_message(id)) ++taken;
    EXPECT_EQ(taken, 64);
    router_refuses(packets[0], 1300);
    ASSERT_FALSE(raw.set_option(id, socket_option::receive_errors, 0, hosts.now));
    EXPECT_EQ(raw.take_error_message(id).error(), errno_code(EAGAIN));
}

// -- IPV6_MTU -------------------------------------------------------------------------------------------------------------

TEST_P(path_mtu, may_be_limited_by_the_socket_over_v6)
{
    for (const int how : {dont, 1, omit}) {
        const socket_id s = udp_socket(how);
        ASSERT_FALSE(hosts.a.udp().set_option(s, socket_option::longest_packet, 1300, hosts.now));
        send(hosts.a.udp(), s, 1300 - headers() - 8);
        EXPECT_EQ(sizes(), std::vector<std::size_t>{1300});
        send(hosts.a.udp(), s, 1400);
        EXPECT_EQ(sizes().size(), v4() ? 1U : 2U) << "it says nothing of what is sent over IPv4";
        EXPECT_EQ(of_udp(s), 1500) << "the path's";
    }
    for (const int how : {discover, probe, by_interface}) {
        const socket_id s = raw_socket(how);
        ASSERT_FALSE(hosts.a.raw().set_option(s, socket_option::longest_packet, 1300, hosts.now));
        send(hosts.a.raw(), s, 1300 - headers());
        send(hosts.a.raw(), s, 1301 - headers(), v4() ? error_code() : errno_code(EMSGSIZE));
        EXPECT_EQ(longest(sizes()), v4() ? 1301U : 1300U);
        ASSERT_FALSE(hosts.a.raw().set_option(s, socket_option::longest_packet, 0, hosts.now));
        send(hosts.a.raw(), s, 1400);
        EXPECT_EQ(longest(sizes()), 1400U + static_cast<unsigned>(headers())) << "limited no longer";
    }
    const socket_id wide = udp_socket(discover);
    ASSERT_FALSE(hosts.a.udp().set_option(wide, socket_option::longest_packet, 9000, hosts.now));
    send(hosts.a.udp(), wide, 1501 - headers() - 8, errno_code(EMSGSIZE));
    EXPECT_EQ(hosts.a.udp().set_option(wide, socket_option::longest_packet, 1279, hosts.now), errno_code(EINVAL));
}

INSTANTIATE_TEST_SUITE_P(of_both_families, path_mtu, testing::Values(family::v4, family::v6),
                         [](const auto& f) { return f.param == family::v4 ? "v4" : "v6"; });

} // namespace
} // namespace tapio::core
