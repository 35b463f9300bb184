// adopt_tap() and adopt_tun(): TAP and TUN devices whose descriptors were opened by another process.
#include <tapio/device/tap.hpp>
#include <tapio/device/tun.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

namespace tapio::test::adopt_cases {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

/// A network namespace with one device, opened as a privileged parent process would. The test itself runs outside of it.
class adopted : public testing::Test
{
protected:
    ~adopted() override
    {
        if (fd >= 0 && still_ours) ::close(fd);
        if (network >= 0) ::close(network);
    }
    /// @param flags IFF_TAP or IFF_TUN, and further flags of TUNSETIFF
    void make(int flags)
    {
        std::thread([&] {
            if (::unshare(CLONE_NEWNET) != 0) return;
            network = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
            fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
            ifreq wanted{};
            std::strcpy(wanted.ifr_name, "given0");
            wanted.ifr_flags = static_cast<short>(flags);
            if (::ioctl(fd, TUNSETIFF, &wanted) != 0) return;
            made = std::system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip link set given0 up mtu 1400 && "
                               "ip address add 198.18.0.1/24 dev given0") == 0;
        }).join();
        if (!made) GTEST_SKIP() << "SKIPPED: no network namespace with a TAP: are we root, and is there /dev/net/tun?";
    }
    /// Sends a UDP datagram from a kernel socket to the stack. @return the echo
    std::string kernel_asks()
    {
        std::string answer(100, '\0');
        std::thread([&] {
            if (::setns(network, CLONE_NEWNET) != 0) return;
            asio::io_context theirs;
            asio::ip::udp::socket s(theirs, asio::ip::udp::v4());
            s.send_to(asio::buffer("hello", 5), {asio::ip::make_address_v4("198.18.0.2"), 7});
            std::size_t size = 0;
            s.async_receive(asio::buffer(answer), [&](error_code, std::size_t n) { size = n; });
            theirs.run_for(5s);
            answer.resize(size);
        }).join();
        return answer;
    }
    /// Runs a UDP echo on a stack with this device, and checks that the kernel gets its answer.
    void expect_that_it_works(std::unique_ptr<device> medium)
    {
        asio::io_context io;
        tapio::stack stack(io, std::move(medium));
        stack.add_address(asio::ip::make_address_v4("198.18.0.2"), 24);
        ip::udp::socket echo(stack, {ip::udp::v4(), 7});
        std::array<char, 100> data{};
        ip::udp::endpoint peer;
        echo.async_receive_from(asio::buffer(data), peer, [&](error_code ec, std::size_t n) {
            if (!ec) echo.send_to(asio::buffer(data, n), peer);
        });
        std::thread runner([&] { io.run_for(10s); });
        EXPECT_EQ(kernel_asks(), "hello");
        io.stop();
        runner.join();
    }
    template <class Adopt>
    void expect_refused(Adopt&& adopt, const tuntap_options& options = {})
    {
        error_code ec;
        EXPECT_EQ(adopt(fd, options, ec), nullptr);
        EXPECT_EQ(ec, boost::system::errc::invalid_argument) << ec.message();
        EXPECT_TRUE(is_open(fd)) << "the caller keeps the descriptor";
    }
    static auto tap()
    {
        return [](int fd, const tuntap_options& o, error_code& ec) { return adopt_tap(fd, o, ec); };
    }
    static auto tun()
    {
        return [](int fd, const tuntap_options& o, error_code& ec) { return adopt_tun(fd, o, ec); };
    }

    int network = -1, fd = -1;
    bool made = false, still_ours = true;
};

TEST_F(adopted, a_tap_is_a_device_like_one_opened)
{
    ASSERT_NO_FATAL_FAILURE(make(IFF_TAP | IFF_NO_PI));
    if (IsSkipped()) return;
    auto medium = adopt_tap(fd);
    still_ours = false;
    EXPECT_EQ(medium->info().name, "given0");
    EXPECT_EQ(medium->info().link, core::link_type::ethernet);
    expect_that_it_works(std::move(medium));
    EXPECT_FALSE(is_open(fd)) << "the device owns the descriptor and has closed it";
}

TEST_F(adopted, a_tun_too)
{
    ASSERT_NO_FATAL_FAILURE(make(IFF_TUN | IFF_NO_PI));
    if (IsSkipped()) return;
    auto medium = adopt_tun(fd);
    still_ours = false;
    EXPECT_EQ(medium->info().link, core::link_type::ip);
    expect_that_it_works(std::move(medium));
    EXPECT_FALSE(is_open(fd));
}

TEST_F(adopted, with_offload_if_it_was_opened_for_it)
{
    ASSERT_NO_FATAL_FAILURE(make(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR));
    if (IsSkipped()) return;
    auto medium = adopt_tap(fd, {.offload = {.checksum = true, .tso_v4 = true}});
    still_ours = false;
    EXPECT_TRUE(medium->info().offload.tso_v4);
    expect_that_it_works(std::move(medium));
}

TEST_F(adopted, the_mtu_of_another_namespace_is_what_the_caller_says)
{
    ASSERT_NO_FATAL_FAILURE(make(IFF_TAP | IFF_NO_PI));
    if (IsSkipped()) return;
    std::unique_ptr<device> medium;
    std::thread([&] { // inside the namespace the MTU can be queried
        if (::setns(network, CLONE_NEWNET) == 0) medium = adopt_tap(::dup(fd));
    })
        .join();
    ASSERT_NE(medium, nullptr);
    EXPECT_EQ(medium->info().mtu, 1400U);
}

TEST_F(adopted, another_kind_is_refused_and_stays_the_callers)
{
    ASSERT_NO_FATAL_FAILURE(make(IFF_TUN | IFF_NO_PI));
    if (IsSkipped()) return;
    expect_refused(tap());
    expect_refused(tun(), {.offload = {.checksum = true}}); // the device was opened without IFF_VNET_HDR
    EXPECT_THROW(adopt_tap(fd), boost::system::system_error);
    EXPECT_TRUE(is_open(fd));
}

TEST_F(adopted, what_is_no_such_device_is_refused)
{
    fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    expect_refused(tap());
    expect_refused(tun());
    EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0) << "the descriptor is unchanged";
    error_code ec;
    EXPECT_EQ(adopt_tap(-1, {}, ec), nullptr);
    EXPECT_EQ(ec, boost::system::errc::invalid_argument);
}

} // namespace
} // namespace tapio::test::adopt_cases
