// interface: its state, transmit queue, MAC address and group memberships.
#include "base/random_source.hpp"
#include "link/interface_table.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace tapio::core::link {
namespace {

using change = interface::change;

const time_point now = time_point(std::chrono::seconds(100));

packet of_size(std::size_t octets) { return packet(slice::copy_of(std::vector<std::byte>(octets))); }

class interfaces : public ::testing::Test
{
protected:
    interface& ethernet(const char* name)
    {
        device_info d;
        d.name = name;
        d.mtu = 1500;
        return all.add(d);
    }

    random_source random{std::array<std::byte, random_source::seed_size>{}};
    host_counters counters;
    interface_table all{random, counters, 4};
};

TEST_F(interfaces, are_up_while_device_user_and_link_agree)
{
    interface& i = ethernet("tap0");
    EXPECT_TRUE(i.is_up());
    EXPECT_EQ(i.set_link(false, 1500, now), change::state);
    EXPECT_EQ(i.set_enabled(false, now), change::none) << "already down";
    EXPECT_EQ(i.set_link(true, 1500, now), change::none) << "disabled by the user";
    EXPECT_EQ(i.set_enabled(true, now), change::state);
    EXPECT_EQ(i.lost(errno_code(EIO), now), change::state);
    EXPECT_EQ(i.status().state, interface_state::not_present);
    EXPECT_EQ(i.status().why, errno_code(EIO));
    EXPECT_EQ(i.set_enabled(false, now), change::none);
    EXPECT_EQ(i.set_enabled(true, now), change::none) << "the device is gone";
    EXPECT_EQ(all.replace_device(i.id(), i.info(), now), change::state);
    EXPECT_EQ(all.replace_device(i.id(), i.info(), now), change::device) << "the state stays up";
    EXPECT_EQ(i.counters().state_changes, 4U);
}

TEST_F(interfaces, tell_of_another_mtu)
{
    interface& i = ethernet("tap0");
    EXPECT_EQ(i.set_link(true, 1500, now), change::none);
    EXPECT_EQ(i.set_link(true, 9000, now), change::mtu);
    EXPECT_EQ(i.status().mtu, 9000U);
    EXPECT_EQ(i.set_link(false, 1500, now), change::state) << "a change of state is reported rather than the new MTU";
}

TEST_F(interfaces, that_go_down_lose_what_waits)
{
    interface& i = ethernet("tap0");
    i.enqueue(of_size(100), now);
    i.enqueue(of_size(100), now);
    (void)i.set_enabled(false, now);
    EXPECT_TRUE(i.queue().empty());
    i.enqueue(of_size(100), now);
    EXPECT_TRUE(i.queue().empty());
    EXPECT_EQ(i.counters().out_discards, 3U);
    EXPECT_FALSE(i.takes(5, 500));
    EXPECT_EQ(i.counters().in_discards, 5U);
    EXPECT_EQ(i.counters().in_packets, 0U);
    EXPECT_EQ(counters.drops[drop_reason::interface_down], 8U);
}

TEST_F(interfaces, drop_what_a_full_queue_does_not_take)
{
    interface& i = ethernet("tap0");
    for (int n = 0; n < 6; ++n) i.enqueue(of_size(100), now);
    EXPECT_EQ(i.queue().size(), 4U);
    EXPECT_EQ(counters.drops[drop_reason::transmit_queue_full], 2U);
}

TEST_F(interfaces, get_a_mac_address_of_their_own_and_keep_it)
{
    interface &a = ethernet("a"), &b = ethernet("b");
    const mac_address of_a = a.info().mac;
    EXPECT_FALSE(of_a.is_unspecified());
    EXPECT_EQ(of_a.octets[0] & 3, 2) << "a locally administered unicast address";
    EXPECT_NE(of_a, b.info().mac);
    EXPECT_TRUE(all.has_mac(of_a));
    device_info d = a.info();
    d.mac = {};
    (void)all.replace_device(a.id(), d, now);
    EXPECT_EQ(a.info().mac, of_a);
    d.mac = mac_address{{2, 0, 0, 0, 0, 9}};
    (void)all.replace_device(a.id(), d, now);
    EXPECT_EQ(a.info().mac, d.mac) << "the device's own MAC address is used";
    EXPECT_FALSE(all.has_mac(of_a));
}

TEST_F(interfaces, are_members_as_long_as_anybody_is)
{
    interface& i = ethernet("tap0");
    const address group = boost::asio::ip::make_address("224.1.2.3");
    i.join_group(group);
    i.join_group(group);
    i.leave_group(group);
    EXPECT_TRUE(i.is_member(group));
    i.leave_group(group);
    EXPECT_FALSE(i.is_member(group));
    i.leave_group(group);
}

} // namespace
} // namespace tapio::core::link
