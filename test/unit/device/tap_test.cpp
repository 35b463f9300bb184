// A real TAP, taken down and up, deleted, with a changed MTU or refusing packets, while a program uses it. In a network namespace
// of the test's own; skipped, with a message, where that cannot be created.
#include "device/descriptor_device.hpp"
#include "support/kernel/kernel_host.hpp"
#include "unit/device/recorder.hpp"

#include <tapio/core/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <chrono>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <optional>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace tapio::test {
namespace {

using namespace std::chrono_literals;
using detail::unique_fd;

struct driven_by
{
    const char* name;
    bool vnet, io_uring;
};

// an EtherType for experiments
std::string frame(std::size_t size) { return std::string(12, '\xff') + "\x88\xb5" + std::string(size - 14, 'x'); }

struct tap : testing::TestWithParam<driven_by>
{
    void SetUp() override
    {
        if (GetParam().io_uring && !io_uring_available()) GTEST_SKIP() << "SKIPPED: no io_uring here";
        tuntap_options o;
        if (GetParam().vnet) o.offload = {.checksum = true, .tso_v4 = true};
        o.io_uring = GetParam().io_uring;
        try {
            kernel.emplace("198.18.0.1", "sysctl -qw net.ipv4.conf.peer0.arp_notify=0", o);
        } catch (const std::runtime_error& e) {
            GTEST_SKIP() << "SKIPPED: " << e.what();
        }
        ours = std::move(kernel->tap);
        ours->start(io.get_executor(), said);
        io.poll();
        said.heard.clear();
    }
    /// Runs the io_context until the receiver has recorded `word`, at most `limit`.
    bool hears(const std::string& word, std::chrono::seconds limit = 5s)
    {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (said.heard.find(word) == std::string::npos && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_for(10ms);
        }
        const bool found = said.heard.find(word) != std::string::npos;
        said.heard.clear();
        return found;
    }
    bool send(std::size_t size)
    {
        const bool taken = transmit(*ours, frame(size));
        return ours->flush() && taken;
    }

    boost::asio::io_context io;
    recorder said;
    std::optional<kernel_host> kernel;
    std::unique_ptr<device> ours;
};

TEST_P(tap, taken_down_and_up)
{
    EXPECT_TRUE(ours->info().link_up);
    EXPECT_TRUE(kernel->run("ip link set peer0 down"));
    EXPECT_TRUE(hears("changed"));
    EXPECT_FALSE(ours->info().link_up);
    EXPECT_TRUE(kernel->run("ip link set peer0 up"));
    EXPECT_TRUE(hears("changed"));
    EXPECT_TRUE(ours->info().link_up);
    EXPECT_TRUE(send(100));
    EXPECT_EQ(ours->transmit_errors(), 0U);
}

TEST_P(tap, without_a_carrier)
{
    if (!kernel->run("ip link set peer0 carrier off")) GTEST_SKIP() << "SKIPPED: this ip or kernel cannot";
    EXPECT_TRUE(hears("changed"));
    EXPECT_FALSE(ours->info().link_up);
    EXPECT_TRUE(kernel->run("ip link set peer0 carrier on"));
    EXPECT_TRUE(hears("changed"));
    EXPECT_TRUE(ours->info().link_up);
}

TEST_P(tap, deleted)
{
    EXPECT_TRUE(kernel->run("ip link del peer0"));
    EXPECT_TRUE(hears("failed"));
    EXPECT_EQ(said.error, core::errno_code(EBADFD));
    EXPECT_EQ(ours->poll_descriptor(), -1) << "a deleted device must not be polled: poll(2) would return at once";
    EXPECT_TRUE(send(100)) << "dropped silently, as on a medium";
    ours->poll();
    EXPECT_FALSE(hears("failed", 0s)) << "failed() is called once";
}

TEST_P(tap, deleted_while_a_blocked_caller_drives)
{
    EXPECT_TRUE(kernel->run("ip link del peer0"));
    ours->poll();
    EXPECT_EQ(said.error, core::errno_code(EBADFD));
    EXPECT_EQ(ours->poll_descriptor(), -1);
}

TEST_P(tap, taken_down_while_a_blocked_caller_drives)
{
    EXPECT_TRUE(kernel->run("ip link set peer0 down"));
    for (int i = 0; i < 100 && said.heard.find("changed") == std::string::npos; ++i) {
        std::this_thread::sleep_for(10ms); // the state is checked at most ten times per second
        ours->poll();
    }
    EXPECT_NE(said.heard.find("changed"), std::string::npos);
    EXPECT_FALSE(ours->info().link_up);
}

/// write(2) fails with EIO. The kernel's link notifications are not read before, so the failing write must reveal the state.
TEST_P(tap, refuses_packets_while_it_is_down)
{
    EXPECT_TRUE(kernel->run("ip link set peer0 down"));
    EXPECT_TRUE(send(100));
    EXPECT_TRUE(send(100));
    EXPECT_EQ(ours->transmit_errors(), 2U);
    EXPECT_EQ(said.heard, "") << "the receiver must not be called from within transmit()";
    EXPECT_TRUE(hears("changed"));
    EXPECT_FALSE(ours->info().link_up);
}

TEST_P(tap, another_mtu)
{
    EXPECT_TRUE(kernel->run("ip link set peer0 mtu 1000"));
    EXPECT_TRUE(hears("changed"));
    EXPECT_EQ(ours->info().mtu, 1000U);
    EXPECT_TRUE(kernel->run("ip link set peer0 mtu 9000"));
    EXPECT_TRUE(hears("changed"));
    EXPECT_EQ(ours->info().mtu, 9000U);
    EXPECT_TRUE(ours->info().link_up);
}

/// A read into a buffer of the old size would truncate the packet.
TEST_P(tap, packets_of_a_larger_mtu_are_read_whole)
{
    std::size_t largest = 0;
    said.on_receive = [&](const std::string& p) { largest = std::max(largest, p.size()); };
    EXPECT_TRUE(kernel->run("ip link set peer0 mtu 9000; ip neighbour add 198.18.0.2 lladdr 02:00:00:00:00:02 dev peer0"));
    EXPECT_TRUE(hears("changed"));
    EXPECT_TRUE(kernel->run("ping -q -c 1 -W 0.1 -M do -s 8000 198.18.0.2 >/dev/null; true"));
    EXPECT_TRUE(hears("|"));
    EXPECT_EQ(largest, 14U + 20U + 8U + 8000U);
}

/// A packet larger than the buffer, received before the new MTU is known, is dropped, not truncated.
TEST_P(tap, packets_larger_than_the_mtu_known_are_not_cut)
{
    std::size_t largest = 0;
    said.on_receive = [&](const std::string& p) { largest = std::max(largest, p.size()); };
    EXPECT_TRUE(kernel->run("ip link set peer0 mtu 9000; ip neighbour add 198.18.0.2 lladdr 02:00:00:00:00:02 dev peer0; "
                            "ping -q -c 1 -W 0.1 -M do -s 8000 198.18.0.2 >/dev/null; true"));
    ours->poll();
    EXPECT_TRUE(largest < 1514 || largest == 8042) << largest;
}

INSTANTIATE_TEST_SUITE_P(devices, tap,
                         testing::Values(driven_by{"plain", false, false}, driven_by{"vnet", true, false},
                                         driven_by{"uring", false, true}, driven_by{"vnet_uring", true, true}),
                         [](const auto& p) { return std::string(p.param.name); });

/// A TAP in another network namespace, whose link state cannot be queried: the result of write(2) must suffice.
TEST(tap_of_elsewhere, its_link_is_as_writing_to_it_says)
{
    std::optional<kernel_host> kernel;
    try {
        kernel.emplace("198.18.0.1");
    } catch (const std::runtime_error& e) {
        GTEST_SKIP() << "SKIPPED: " << e.what();
    }
    unique_fd fd;
    kernel
        ->inside([&] {
            fd = unique_fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
            ifreq request{};
            request.ifr_flags = IFF_TAP | IFF_NO_PI;
            std::snprintf(request.ifr_name, IFNAMSIZ, "other0");
            if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) fd = unique_fd();
        })
        .join();
    ASSERT_TRUE(fd);
    EXPECT_TRUE(kernel->run("ip link set other0 up"));
    boost::asio::io_context io;
    recorder said;
    const auto ours = adopt_tap(fd.release());
    ours->start(io.get_executor(), said);
    EXPECT_TRUE(ours->info().link_up);
    EXPECT_TRUE(transmit(*ours, frame(100)));
    EXPECT_TRUE(kernel->run("ip link set other0 down"));
    io.poll();
    EXPECT_EQ(said.heard.find("changed"), std::string::npos) << "the state cannot be known before a write";
    EXPECT_TRUE(transmit(*ours, frame(100)));
    io.restart();
    io.run_for(50ms);
    EXPECT_NE(said.heard.find("changed"), std::string::npos);
    EXPECT_FALSE(ours->info().link_up);
    said.heard.clear();
    EXPECT_TRUE(kernel->run("ip link set other0 up"));
    io.restart();
    io.run_for(500ms);
    EXPECT_NE(said.heard.find("changed"), std::string::npos);
    EXPECT_TRUE(ours->info().link_up);
    EXPECT_TRUE(kernel->run("ip link del other0"));
    io.restart();
    io.run_for(50ms);
    EXPECT_EQ(said.error, core::errno_code(EBADFD));
}

/// A packet socket on the kernel's side of a TAP: unlike a TAP, it can be made to return errors such as ENOBUFS at will.
struct packet_socket : testing::Test
{
    void SetUp() override
    {
        try {
            kernel.emplace("198.18.0.1");
        } catch (const std::runtime_error& e) {
            GTEST_SKIP() << "SKIPPED: " << e.what();
        }
        kernel
            ->inside([&] {
                fd = unique_fd(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
                sockaddr_ll at{};
                at.sll_family = AF_PACKET;
                at.sll_ifindex = static_cast<int>(::if_nametoindex("peer0"));
                if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) fd = unique_fd();
                watch = detail::link_watch::open("peer0");
            })
            .join();
        ASSERT_TRUE(fd);
        ASSERT_TRUE(watch);
        device_info info;
        info.name = "peer0";
        detail::driving d;
        d.watch = std::move(watch);
        ours = detail::make_descriptor_device(std::move(fd), info, std::move(d));
        ours->start(io.get_executor(), said);
    }
    std::optional<kernel_host> kernel;
    unique_fd fd;
    std::unique_ptr<detail::link_watch> watch;
    boost::asio::io_context io;
    recorder said;
    std::unique_ptr<device> ours;
};

TEST_F(packet_socket, without_memory_packets_are_dropped_and_counted) // ENOBUFS
{
    if (!kernel->run("tc qdisc replace dev peer0 root bfifo limit 1")) GTEST_SKIP() << "SKIPPED: no tc, or no bfifo";
    EXPECT_TRUE(transmit(*ours, frame(100))) << "dropped: the socket would never become writable for it";
    EXPECT_TRUE(transmit(*ours, frame(100)));
    EXPECT_EQ(ours->transmit_errors(), 2U);
    EXPECT_LE(io.run_for(50ms), 3U) << "the io_context must not spin";
    EXPECT_EQ(said.heard.find("writable"), std::string::npos);
}

TEST_F(packet_socket, too_large_a_packet_tells_of_another_mtu) // EMSGSIZE
{
    EXPECT_TRUE(kernel->run("ip link set peer0 mtu 1000"));
    EXPECT_TRUE(transmit(*ours, frame(1400)));
    EXPECT_EQ(ours->transmit_errors(), 1U);
    io.run_for(50ms);
    EXPECT_NE(said.heard.find("changed"), std::string::npos);
    EXPECT_EQ(ours->info().mtu, 1000U);
}

TEST_F(packet_socket, down_it_says_so) // ENETDOWN
{
    EXPECT_TRUE(kernel->run("ip link set peer0 down"));
    EXPECT_TRUE(transmit(*ours, frame(100)));
    EXPECT_EQ(ours->transmit_errors(), 1U);
    EXPECT_FALSE(ours->info().link_up);
}

TEST(opening_a_device, that_is_persistent_leaves_it_behind)
{
    std::optional<network_namespace> space;
    std::string why_not;
    bool stays = false, goes = false;
    try {
        space.emplace();
        space
            ->inside([&] {
                try {
                    open_tap({.name = "tap8", .persistent = true});
                    open_tap({.name = "tap9"});
                } catch (const boost::system::system_error& e) {
                    why_not = e.what();
                }
                stays = ::if_nametoindex("tap8") != 0;
                goes = ::if_nametoindex("tap9") == 0;
            })
            .join();
    } catch (const std::runtime_error& e) {
        GTEST_SKIP() << "SKIPPED: " << e.what();
    }
    if (!why_not.empty()) GTEST_SKIP() << "SKIPPED: " << why_not;
    EXPECT_TRUE(stays);
    EXPECT_TRUE(goes);
}

TEST(opening_a_device, names_the_option_that_the_kernel_refuses)
{
    std::optional<network_namespace> space;
    std::string said;
    try {
        space.emplace();
        space
            ->inside([&] {
                try {
                    open_tap({.name = "tap9"}); // fails if CAP_NET_ADMIN is missing
                } catch (const boost::system::system_error& e) {
                    said = std::string("SKIPPED: ") + e.what();
                    return;
                }
                try {
                    open_tap({.name = "tap9", .mtu = 100'000});
                } catch (const boost::system::system_error& e) {
                    said = e.what();
                    EXPECT_EQ(e.code(), boost::asio::error::invalid_argument);
                }
            })
            .join();
    } catch (const std::runtime_error& e) {
        GTEST_SKIP() << "SKIPPED: " << e.what();
    }
    if (said.starts_with("SKIPPED")) GTEST_SKIP() << said;
    EXPECT_NE(said.find("TAP device tap9: tuntap_options::mtu 100000"), std::string::npos) << said;
}

} // namespace
} // namespace tapio::test
