// Packets that the device refuses stay at the head of the transmit queue, in order.
#include "support/flat.hpp"
#include "support/two_hosts.hpp"
#include "wire/header.hpp"
#include "wire/tcp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace tapio::core::transmit_queue_test {
namespace {

using test::flat;

device_info of(bool cuts)
{
    device_info eth;
    eth.offload.checksum = eth.offload.tso_v4 = cuts;
    eth.offload.gso = !cuts;
    return eth;
}

/// With a device that cuts large segments (true), and with one for which the host cuts them (false).
struct transmit_queue : testing::TestWithParam<bool>, two_hosts
{
    transmit_queue() : two_hosts({}, of(GetParam())) {}

    const connected both = connect();
};

TEST_P(transmit_queue, a_packet_that_was_refused_is_offered_again)
{
    const std::string text(20'000, 'x');
    const const_bytes piece = octets(text);
    for (int i = 0; i < 10; ++i) {
        (void)a.tcp().send(both.client, std::span(&piece, 1), now);
        settle();
        std::vector<slice> all;
        (void)b.tcp().receive(both.server, all, 1'000'000, now);
        settle();
    }
    EXPECT_TRUE(a.first_packets(1, now).empty());
    (void)a.tcp().send(both.client, std::span(&piece, 1), now);
    a.advance(now);
    const std::uint64_t before = a.net().interface(1).counters().out_packets;
    std::size_t packets = 0, payload = 0;
    while (!a.first_packets(1, now).empty()) {
        const auto all = a.first_packets(1, now);
        const std::vector<std::byte> offered = flat(*all.front());
        const std::size_t seen = packets + all.size();
        EXPECT_EQ(flat(*a.first_packets(1, now).front()), offered) << "the same packet is offered again";
        EXPECT_TRUE(a.has_next_packet(1));
        EXPECT_EQ(a.net().interface(1).counters().out_packets, before + seen)
            << "out_packets counts a packet once, however often it is offered";
        a.drop_first_packets(1, 0);
        a.drop_first_packets(1, 1);
        ++packets;
        payload += offered.size() - 66;
    }
    EXPECT_EQ(payload, text.size());
    EXPECT_EQ(packets, GetParam() ? 1U : 14U);
    EXPECT_FALSE(a.has_next_packet(1));
}

/// Packets leave in order of their sequence numbers whatever number the device takes at once.
TEST_P(transmit_queue, leaves_in_order_however_many_are_taken)
{
    const std::string text(100'000, 'x');
    const const_bytes piece = octets(text);
    for (int i = 0; i < 20; ++i) { // grows the congestion window
        (void)a.tcp().send(both.client, std::span(&piece, 1), now);
        settle();
        std::vector<slice> all;
        (void)b.tcp().receive(both.server, all, 1'000'000, now);
        settle();
    }
    (void)a.tcp().send(both.client, std::span(&piece, 1), now);
    a.advance(now);
    (void)a.tcp().send(both.client, std::span(&piece, 1), now);
    a.advance(now);
    std::size_t payload = 0, wanted = 1, most_offered = 0;
    std::optional<std::uint32_t> next; // sequence number
    while (true) {
        const auto all = a.first_packets(1, now);
        if (all.empty()) break;
        most_offered = std::max(most_offered, all.size());
        const std::size_t taken = std::min(wanted++, all.size());
        for (const packet* const p : all.first(taken)) {
            const std::vector<std::byte> o = flat(*p);
            const std::uint32_t sequence = wire::load_32(o.data() + 14 + 20 + offsetof(wire::tcp_header, sequence));
            EXPECT_EQ(sequence, next.value_or(sequence));
            next = sequence + static_cast<std::uint32_t>(o.size() - 66);
            payload += o.size() - 66;
        }
        a.drop_first_packets(1, taken);
    }
    EXPECT_GT(payload, text.size()) << "as much as the window permits";
    EXPECT_GT(most_offered, 1U) << "packets are offered to the device in batches";
    EXPECT_FALSE(a.has_next_packet(1));
}

INSTANTIATE_TEST_SUITE_P(devices, transmit_queue, testing::Bool(),
                         [](const auto& p) { return p.param ? "that_cuts" : "for_which_it_is_cut"; });

} // namespace
} // namespace tapio::core::transmit_queue_test
