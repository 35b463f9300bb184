// The transmit queue: limits, and the segmentation and checksums done for a device without offload.
#include "base/checksum.hpp"
#include "link/transmit_queue.hpp"
#include "wire/ipv4.hpp"
#include "wire/tcp.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tapio::core::link::transmit_queue_test {
namespace {

constexpr std::size_t capacity = 8; // packets

packet of_size(std::size_t octets) { return packet(slice::copy_of(std::vector<std::byte>(octets))); }

/// A TCP segment with a partial checksum, and with GSO if it is larger than `piece`.
packet segment(std::size_t payload, std::uint16_t piece)
{
    const address_v4 here = boost::asio::ip::make_address_v4("192.0.2.1"), there = boost::asio::ip::make_address_v4("192.0.2.2");
    packet p;
    p.append(slice::copy_of(std::vector<std::byte>(payload)));
    wire::tcp_fields f;
    f.flags = wire::tcp_ack;
    wire::push_tcp(p, f, here, there, true);
    wire::ipv4_fields ip;
    ip.source = here;
    ip.destination = there;
    ip.protocol = wire::ip_protocol::tcp;
    wire::push_ipv4(p, ip);
    p.offload = {.checksum = offload_info::checksum_state::partial, .checksum_start = 20, .checksum_offset = 16};
    if (payload > piece) {
        p.offload.gso = offload_info::gso_type::tcp_v4;
        p.offload.gso_size = piece;
        p.offload.header_length = 40;
    }
    return p;
}

bool is_summed(const packet& p)
{
    packet copy = p;
    copy.pull(copy.size());
    const const_bytes tcp = copy.front().subspan(20);
    auto sum =
        pseudo_header(boost::asio::ip::make_address("192.0.2.1"), boost::asio::ip::make_address("192.0.2.2"), 6, tcp.size());
    sum.add(tcp);
    return sum.folded() == 0xffff;
}

device_info bare_ip(bool offload)
{
    device_info d;
    d.link = link_type::ip;
    d.mtu = 1000;
    d.offload.checksum = d.offload.tso_v4 = offload;
    return d;
}

std::vector<packet> drain(transmit_queue& q)
{
    std::vector<packet> out;
    while (!q.empty()) {
        for (packet* const p : q.first(transmit_queue::most_first, [](const packet&) {})) out.push_back(*p), q.pop(1);
    }
    return out;
}

TEST(transmit_queue, a_full_one_refuses_and_leaves_the_packet_as_it_was)
{
    transmit_queue q(capacity, bare_ip(true));
    for (std::size_t n = 0; n < capacity; ++n) EXPECT_TRUE(q.push(of_size(100)));
    packet p = of_size(100);
    EXPECT_FALSE(q.push(std::move(p)));
    EXPECT_EQ(p.size(), 100U);
    EXPECT_EQ(drain(q).size(), capacity);
}

TEST(transmit_queue, keeps_its_last_quarter_for_what_is_short_until_one_half_has_left)
{
    // limited by the number of packets, and by the octets of large segments
    for (const std::size_t size : {std::size_t{100}, std::size_t{2000}}) {
        transmit_queue q(capacity, bare_ip(true));
        std::size_t n = 0;
        for (; q.has_room(true); ++n) ASSERT_TRUE(q.push(of_size(size)));
        EXPECT_EQ(n, size == 100 ? 6U : 3U);
        EXPECT_TRUE(q.is_congested());
        EXPECT_TRUE(q.has_room(false));
        for (const std::size_t half = size == 100 ? 4 : 2; n > half + 1; --n) {
            (void)q.first(1, [](const packet&) {});
            EXPECT_FALSE(q.pop(1));
            EXPECT_FALSE(q.has_room(true));
        }
        (void)q.first(1, [](const packet&) {});
        EXPECT_TRUE(q.pop(1)) << "there is room again, which is reported once";
        EXPECT_TRUE(q.has_room(true));
        (void)q.first(1, [](const packet&) {});
        EXPECT_FALSE(q.pop(1));
    }
}

TEST(transmit_queue, octets_count_also_where_the_device_has_moved_from_the_packet)
{
    transmit_queue q(capacity, bare_ip(true));
    for (int round = 0; round < 20; ++round) {
        ASSERT_TRUE(q.push(of_size(2000)));
        const packet taken = std::move(*q.first(1, [](const packet&) {}).front());
        q.pop(1);
        EXPECT_FALSE(q.is_congested());
        EXPECT_TRUE(q.has_room(true));
    }
}

TEST(transmit_queue, each_packet_is_shown_once)
{
    transmit_queue q(capacity, bare_ip(false));
    q.push(of_size(10)), q.push(segment(2500, 1000)), q.push(of_size(20));
    std::vector<std::size_t> shown;
    const auto leaves = [&](const packet& p) { shown.push_back(p.size()); };
    (void)q.first(1, leaves);
    for (int again = 0; again < 2; ++again)
        EXPECT_EQ(q.first(32, leaves).size(), 1U) << "the next packet must be segmented first";
    q.pop(1);
    for (int again = 0; again < 2; ++again) EXPECT_EQ(q.first(32, leaves).size(), 3U);
    q.pop(2);
    EXPECT_EQ(q.first(32, leaves).size(), 1U);
    q.pop(1);
    EXPECT_EQ(q.first(32, leaves).size(), 1U);
    EXPECT_EQ(shown, (std::vector<std::size_t>{10, 1040, 1040, 540, 20}));
    q.pop(1);
    EXPECT_TRUE(q.empty());
}

TEST(transmit_queue, does_what_the_device_cannot)
{
    for (const bool offload : {true, false}) {
        transmit_queue q(capacity, bare_ip(offload));
        q.push(segment(500, 1000)), q.push(segment(2500, 1000));
        const auto out = drain(q);
        ASSERT_EQ(out.size(), offload ? 2U : 4U);
        for (const packet& p : out) EXPECT_EQ(is_summed(p), !offload);
    }
}

TEST(transmit_queue, what_waits_leaves_as_the_next_device_takes_it)
{
    transmit_queue q(capacity, bare_ip(true));
    q.push(segment(500, 1000)), q.push(segment(2500, 1000));
    EXPECT_EQ(q.first(32, [](const packet&) {}).size(), 2U) << "offered to a device with offload";
    q.set_device(bare_ip(false));
    const auto out = drain(q);
    ASSERT_EQ(out.size(), 4U);
    for (const packet& p : out) EXPECT_TRUE(is_summed(p));
}

TEST(transmit_queue, an_emptied_one_begins_anew)
{
    transmit_queue q(capacity, bare_ip(false));
    q.push(segment(4500, 1000));
    for (std::size_t n = 1; n < capacity; ++n) q.push(of_size(100));
    (void)q.first(32, [](const packet&) {});
    q.pop(2);
    std::size_t discarded = 0;
    q.clear([&](const packet&) { ++discarded; });
    EXPECT_EQ(discarded, 3U + capacity - 1);
    EXPECT_TRUE(q.empty());
    EXPECT_FALSE(q.is_congested());
    q.push(of_size(7));
    EXPECT_EQ(drain(q).size(), 1U);
}

} // namespace
} // namespace tapio::core::link::transmit_queue_test
