// The network layer dispatches by protocol number to a table of transport protocols; the test adds one of its own.
#include "base/random_source.hpp"
#include "core/network.hpp"
#include "wire/icmpv4.hpp"
#include "wire/ipv4.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace tapio::core::transports_test {
namespace {

using ::testing::_;
using ::testing::StrictMock;

constexpr auto experimental = static_cast<ip_protocol>(253); // RFC 3692: reserved for experiments
const time_point now = time_point(std::chrono::seconds(100));
const address_v4 ours(0xc000'0201U), theirs(0xc000'0202U); // 192.0.2.1, 192.0.2.2

struct mock_transport : ip::transport
{
    MOCK_METHOD(void, receive, (ip::rx_packet & p, time_point at), (override));
    MOCK_METHOD(void, icmp_error, (const ip::icmp_error_report& report, time_point at), (override));
    MOCK_METHOD(void, transmit_room, (interface_id interface), (override));
};

packet with_header(packet p, const address_v4& from, const address_v4& to, ip_protocol protocol)
{
    wire::ipv4_fields f;
    f.source = from;
    f.destination = to;
    f.protocol = protocol;
    wire::push_ipv4(p, f);
    return p;
}

packet text() { return packet(slice::copy_of(std::vector<std::byte>(40, std::byte{'x'}))); }

/// A network layer on a TUN device, with the experimental protocol registered.
class transports : public ::testing::Test
{
protected:
    transports()
    {
        device_info tun;
        tun.link = link_type::ip;
        tun.mtu = 1500;
        EXPECT_EQ(net.add_interface(tun), 1U);
        EXPECT_FALSE(net.add_address(1, ours, 24, now));
    }
    std::size_t sent()
    {
        std::size_t n = 0;
        for (packet p; net.next_packet(1, p, now);) ++n;
        return n;
    }

    host_options options;
    random_source random{std::array<std::byte, random_source::seed_size>{}};
    host_counters counters;
    network net{options, random, counters};
    StrictMock<mock_transport> protocol;
};

TEST_F(transports, get_the_packets_of_their_number)
{
    net.receive(1, with_header(text(), theirs, ours, experimental), now);
    EXPECT_EQ(sent(), 1U) << "a protocol unreachable";
    EXPECT_EQ(counters.ip.in_unknown_protos, 1U);

    net.add_transport(experimental, protocol);
    EXPECT_CALL(protocol, receive(_, now)).WillOnce([](ip::rx_packet& p, time_point) {
        EXPECT_EQ(p.flow.source_address(), address(theirs));
        EXPECT_EQ(p.transport_size(), 40U);
    });
    net.receive(1, with_header(text(), theirs, ours, experimental), now);
    EXPECT_EQ(sent(), 0U);
}

TEST_F(transports, hear_of_errors_about_what_they_sent)
{
    net.add_transport(experimental, protocol);
    const flow_key flow({ours, 0}, {theirs, 0}, experimental);
    ASSERT_FALSE(net.send(text(), flow, {}, std::nullopt, now));
    packet came;
    ASSERT_TRUE(net.next_packet(1, came, now));
    wire::push_icmpv4(came, wire::icmpv4_type::destination_unreachable, wire::protocol_unreachable, 0);
    EXPECT_CALL(protocol, icmp_error(_, now)).WillOnce([&](const ip::icmp_error_report& r, time_point) {
        EXPECT_EQ(r.flow, flow);
        EXPECT_EQ(r.why, errno_code(ENOPROTOOPT));
        EXPECT_EQ(r.offender, address(theirs));
    });
    net.receive(1, with_header(std::move(came), theirs, ours, ip_protocol::icmp), now);
}

TEST_F(transports, are_told_when_routes_change)
{
    net.add_transport(experimental, protocol);
    const std::uint64_t before = net.routes().generation();
    EXPECT_CALL(protocol, transmit_room(_));
    ASSERT_FALSE(net.add_route({boost::asio::ip::make_address("0.0.0.0"), 0, address(theirs), 1, 0}));
    EXPECT_GT(net.routes().generation(), before);
    ASSERT_TRUE(net.add_route({boost::asio::ip::make_address("0.0.0.0"), 0, std::nullopt, 9, 0}))
        << "the interface does not exist";
}

} // namespace
} // namespace tapio::core::transports_test
