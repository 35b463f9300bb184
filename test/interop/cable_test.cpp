// The kernel as the peer over a TAP that is taken down, gets another MTU, is deleted and replaced, with established connections.
#include "support/kernel/kernel_host.hpp"

#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <thread>

namespace tapio::test::cable_cases {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

const auto our_address = asio::ip::make_address_v4("198.18.0.2"), kernels_address = asio::ip::make_address_v4("198.18.0.1");
constexpr std::uint16_t port = 5004;

struct driven_by
{
    const char* name;
    bool vnet, io_uring, own_thread;
};

/// An echo server on our stack, and a kernel socket connected to it.
struct cable : testing::TestWithParam<driven_by>
{
    void SetUp() override
    {
        if (GetParam().io_uring && !io_uring_available()) GTEST_SKIP() << "SKIPPED: no io_uring here";
        try {
            kernel.emplace("198.18.0.1", "true", options());
        } catch (const std::runtime_error& e) {
            GTEST_SKIP() << "SKIPPED: " << e.what();
        }
        if (GetParam().own_thread) {
            stack.emplace(std::move(kernel->tap));
        } else {
            stack.emplace(io, std::move(kernel->tap));
            runner = std::thread([this] { io.run(); });
        }
        stack->add_address(our_address, 24);
        asio::co_spawn(*stack, echo(tcp::acceptor(*stack, {our_address, port})), asio::detached);
        kernel
            ->inside([&] {
                client.emplace(theirs);
                client->connect({our_address, port});
            })
            .join();
    }
    void TearDown() override
    {
        if (stack) stack->shutdown();
        io.stop();
        if (runner.joinable()) runner.join();
    }
    static tuntap_options options()
    {
        tuntap_options o;
        if (GetParam().vnet) o.offload = {.checksum = true, .tso_v4 = true};
        o.io_uring = GetParam().io_uring;
        return o;
    }
    static asio::awaitable<void> echo(tcp::acceptor a)
    {
        for (;;) {
            auto [ec, s] = co_await a.async_accept(asio::as_tuple(asio::use_awaitable));
            if (ec) co_return;
            asio::co_spawn(a.get_executor(), serve(std::move(s)), asio::detached);
        }
    }
    static asio::awaitable<void> serve(tcp::socket s)
    {
        std::string octets(65536, ' ');
        for (;;) {
            const auto [ec, n] = co_await s.async_read_some(asio::buffer(octets), asio::as_tuple(asio::use_awaitable));
            if (ec) co_return;
            co_await asio::async_write(s, asio::buffer(octets, n), asio::as_tuple(asio::use_awaitable));
        }
    }
    /// The kernel's socket sends `size` octets and reads the echo. @return false if not complete within 20 s
    bool echoes(std::size_t size)
    {
        std::string sent(size, 0), got(size, 0);
        for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<char>(i * 2654435761U >> 24);
        bool back = false;
        theirs.restart();
        asio::async_write(*client, asio::buffer(sent), [](error_code, std::size_t) {});
        asio::async_read(*client, asio::buffer(got), [&](error_code ec, std::size_t) { back = !ec; });
        theirs.run_for(20s);
        return back && sent == got;
    }
    std::future<interface_state> change_from(interface_state known)
    {
        return stack->async_wait_interface(1, known, asio::use_future);
    }
    /// @return the result of connecting our stack to the kernel, which must take less than 1 s
    error_code connects()
    {
        const auto began = std::chrono::steady_clock::now();
        error_code ec;
        tcp::socket s(*stack);
        s.connect({kernels_address, 9}, ec);
        EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
        return ec;
    }
    error_code sends()
    {
        error_code ec;
        udp::socket u(*stack, udp::v4());
        u.send_to(asio::buffer("x", 1), {kernels_address, 9}, 0, ec);
        return ec;
    }

    asio::io_context io, theirs{1};
    std::optional<kernel_host> kernel;
    std::optional<tapio::stack> stack;
    std::thread runner;
    std::optional<asio::ip::tcp::socket> client;
};

TEST_P(cable, taken_down_and_up_connections_go_on)
{
    EXPECT_TRUE(echoes(1'000'000));
    auto down = change_from(interface_state::up);
    EXPECT_TRUE(kernel->run("ip link set peer0 down"));
    ASSERT_EQ(down.wait_for(5s), std::future_status::ready);
    EXPECT_EQ(down.get(), interface_state::down);
    EXPECT_EQ(connects(), asio::error::network_down);
    EXPECT_EQ(sends(), asio::error::network_down);
    auto up = change_from(interface_state::down);
    EXPECT_TRUE(kernel->run("ip link set peer0 up"));
    ASSERT_EQ(up.wait_for(5s), std::future_status::ready);
    EXPECT_EQ(up.get(), interface_state::up);
    EXPECT_TRUE(echoes(1'000'000));
    EXPECT_EQ(connects(), asio::error::connection_refused);
}

TEST_P(cable, deleted_and_replaced_connections_go_on)
{
    EXPECT_TRUE(echoes(100'000));
    auto gone = change_from(interface_state::up);
    EXPECT_TRUE(kernel->run("ip link del peer0"));
    ASSERT_EQ(gone.wait_for(5s), std::future_status::ready);
    interface_state state = gone.get();
    if (state == interface_state::down) { // the kernel takes a device down before it deletes it
        auto removed = change_from(state);
        ASSERT_EQ(removed.wait_for(5s), std::future_status::ready);
        state = removed.get();
    }
    EXPECT_EQ(state, interface_state::not_present);
    EXPECT_EQ(stack->interface_status().why, error_code(EBADFD, boost::system::system_category()));
    EXPECT_EQ(connects(), asio::error::network_down);
    EXPECT_EQ(sends(), asio::error::network_down);
    std::unique_ptr<device> other;
    tuntap_options o;
    o.name = "peer1";
    o.offload = {.checksum = true, .tso_v4 = true}; // other features than those of the plain devices before
    kernel->inside([&] { other = open_tap(o); }).join();
    EXPECT_TRUE(kernel->run("ip link set peer1 up && ip address add 198.18.0.1/24 dev peer1"));
    stack->replace_device(1, std::move(other));
    EXPECT_EQ(stack->interface_status().state, interface_state::up);
    EXPECT_EQ(stack->interface_status().name, "peer1");
    EXPECT_TRUE(echoes(3'000'000));
    EXPECT_EQ(connects(), asio::error::connection_refused);
}

TEST_P(cable, another_mtu_is_followed)
{
    EXPECT_TRUE(echoes(100'000));
    for (const unsigned mtu : {1000U, 4000U}) {
        EXPECT_TRUE(kernel->run("ip link set peer0 mtu " + std::to_string(mtu)));
        for (int i = 0; i < 500 && stack->interface_status().mtu != mtu; ++i) std::this_thread::sleep_for(10ms);
        EXPECT_EQ(stack->interface_status().mtu, mtu);
        EXPECT_TRUE(echoes(1'000'000));
        std::optional<asio::ip::tcp::socket> fresh;
        int announced = 0; // TCP_MAXSEG of the kernel's socket: the smaller MSS of both ends
        kernel
            ->inside([&] {
                fresh.emplace(theirs);
                fresh->connect({our_address, port});
                asio::detail::socket_option::integer<IPPROTO_TCP, TCP_MAXSEG> mss;
                fresh->get_option(mss);
                announced = mss.value();
            })
            .join();
        EXPECT_EQ(announced, static_cast<int>(mtu) - 40 - 12) << "the MSS less 12 octets of timestamps";
    }
}

INSTANTIATE_TEST_SUITE_P(driven, cable,
                         testing::Values(driven_by{"plain", false, false, false}, driven_by{"vnet", true, false, false},
                                         driven_by{"uring", false, true, false}, driven_by{"vnet_uring", true, true, false},
                                         driven_by{"plain_own_thread", false, false, true},
                                         driven_by{"vnet_uring_own_thread", true, true, true}),
                         [](const auto& p) { return std::string(p.param.name); });

/// No thread runs the io_context: the synchronous call itself must notice the loss of the device.
TEST(blocked_caller, notices_that_its_device_is_gone)
{
    std::optional<kernel_host> kernel;
    try {
        kernel.emplace("198.18.0.1");
    } catch (const std::runtime_error& e) {
        GTEST_SKIP() << "SKIPPED: " << e.what();
    }
    asio::io_context io(1);
    tapio::stack stack(io, std::move(kernel->tap));
    stack.add_address(our_address, 24);
    std::thread later([&] {
        std::this_thread::sleep_for(300ms);
        kernel->run("ip link del peer0");
    });
    tcp::socket s(stack, tcp::v4());
    s.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_SYNCNT>(1));
    error_code ec;
    s.connect({asio::ip::make_address("198.18.0.99"), 80}, ec);
    later.join();
    EXPECT_TRUE(ec) << ec.message();
    EXPECT_EQ(stack.interface_status().state, interface_state::not_present);
}

} // namespace
} // namespace tapio::test::cable_cases
