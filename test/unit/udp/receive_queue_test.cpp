// The receive queue of a UDP socket: limited in octets; when it is full, new datagrams are dropped.
#include "udp/receive_queue.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tapio::core::udp {
namespace {

datagram of(std::size_t size) { return {{}, packet(slice::copy_of(std::vector<std::byte>(size)))}; }

TEST(receive_queue, first_in_first_out)
{
    receive_queue q(10'000);
    EXPECT_TRUE(q.empty());
    EXPECT_TRUE(q.push(of(1)));
    EXPECT_TRUE(q.push(of(2)));
    EXPECT_EQ(q.front().payload.size(), 1U);
    q.pop();
    EXPECT_EQ(q.front().payload.size(), 2U);
    q.pop();
    EXPECT_TRUE(q.empty());
}

TEST(receive_queue, at_the_bound_the_new_one_is_refused_and_room_comes_back)
{
    receive_queue q(3 * (1000 + receive_queue::overhead));
    for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(q.push(of(1000)));
    EXPECT_FALSE(q.push(of(0)));
    q.pop();
    EXPECT_TRUE(q.push(of(1000)));
    EXPECT_FALSE(q.push(of(0)));
}

TEST(receive_queue, empty_datagrams_are_not_free)
{
    receive_queue q(1000 * receive_queue::overhead);
    unsigned n = 0;
    while (q.push(of(0))) ++n;
    EXPECT_EQ(n, 1000U);
}

TEST(receive_queue, one_datagram_fits_however_small_the_queue)
{
    receive_queue q(1);
    EXPECT_TRUE(q.push(of(1000)));
    EXPECT_FALSE(q.push(of(1)));
}

TEST(receive_queue, a_smaller_bound_holds_for_what_comes_later)
{
    receive_queue q(10'000);
    for (unsigned i = 0; i < 5; ++i) q.push(of(1000));
    q.set_capacity(2000);
    EXPECT_FALSE(q.push(of(1)));
    for (unsigned i = 0; i < 4; ++i) q.pop();
    EXPECT_TRUE(q.push(of(100)));
    q.clear();
    EXPECT_TRUE(q.empty());
    EXPECT_TRUE(q.push(of(1872)));
}

} // namespace
} // namespace tapio::core::udp
