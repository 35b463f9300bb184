// The advertised receive window is limited to half of what the device's receive queue can hold, so that a sender cannot overflow
// it.
#include "support/two_hosts.hpp"

#include <gtest/gtest.h>

namespace tapio::core::device_queue_test {
namespace {

constexpr std::size_t places = 40;      // packets in the device's receive queue
constexpr std::size_t mss = 1460;       // octets
constexpr std::size_t most = 1'000'000; // octets; more than any window in these tests
constexpr std::size_t rounded = 256;    // octets: rounding of the window by window scaling

device_info queue_of(std::size_t length, bool cuts_segments)
{
    device_info eth;
    eth.queue_length = length;
    eth.offload.checksum = eth.offload.tso_v4 = cuts_segments;
    return eth;
}

/// Octets, of at most `most`, that a peer can send while the receiving user does not read.
std::size_t taken_unread(std::size_t queue_length, bool cuts_segments)
{
    two_hosts net({}, queue_of(queue_length, cuts_segments));
    const auto [client, server] = net.connect();
    const std::string text(most, 'x');
    const const_bytes all = two_hosts::octets(text);
    for (std::size_t sent = 0, still = 0; sent < most && still < 20; net.now += std::chrono::milliseconds(50)) {
        const const_bytes rest = all.subspan(sent);
        const auto n = net.a.tcp().send(client, std::span(&rest, 1), net.now);
        if (n) sent += *n;
        still = n ? 0 : still + 1;
        net.settle();
    }
    return *net.b.tcp().available(server);
}

TEST(device_queue, half_of_it_bounds_the_window)
{
    const std::size_t taken = taken_unread(places, false);
    EXPECT_LE(taken, places * mss / 2 + rounded);
    EXPECT_GT(taken, places * mss / 4);
}

TEST(device_queue, holds_more_where_the_peer_sends_large_segments)
{
    const std::size_t taken = taken_unread(places, true);
    EXPECT_LE(taken, 8 * places * mss / 2 + rounded);
    EXPECT_GT(taken, 8 * places * mss / 4);
}

TEST(device_queue, without_bound_does_not_bound_the_window) { EXPECT_GT(taken_unread(0, false), 200'000U); }

} // namespace
} // namespace tapio::core::device_queue_test
