// UDP segmentation offload (UDP_SEGMENT, UDP_GRO) between tapio and the Linux kernel, in both directions.
#include "support/kernel/beside_a_kernel.hpp"

#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <future>
#include <netinet/udp.h>
#include <optional>
#include <string>
#include <vector>

namespace tapio::test::udp_segmentation_cases {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

using segment = asio::detail::socket_option::integer<IPPROTO_UDP, UDP_SEGMENT>;
constexpr std::uint16_t port = 5003;
constexpr std::size_t each = 1000, total = 10'500;

std::string some_octets()
{
    std::string out;
    for (std::size_t i = 0; i < total; ++i) out += static_cast<char>(i * 7 + i / 256);
    return out;
}

/// Receives until all octets have arrived, or no more arrive.
template <class Udp>
asio::awaitable<std::vector<std::string>> receive_all(typename Udp::socket& s)
{
    std::vector<std::string> out;
    for (std::size_t got = 0; got < total;) {
        std::string datagram(65536, '\0');
        datagram.resize(co_await s.async_receive(asio::buffer(datagram), asio::use_awaitable));
        got += datagram.size();
        out.push_back(std::move(datagram));
    }
    co_return out;
}

class udp_segmentation : public testing::TestWithParam<bool>, protected beside_a_kernel
{
protected:
    udp_segmentation() : beside_a_kernel(1) {}

    void SetUp() override
    {
        const std::string why = start("true", core::offload_features{.checksum = GetParam(), .uso = GetParam()});
        if (!why.empty()) GTEST_SKIP() << why << " (or a kernel before 6.2)";
    }
    void TearDown() override { end(); }
    static void expect_whole(const std::vector<std::string>& got)
    {
        ASSERT_EQ(got.size(), total / each + 1);
        std::string all;
        for (std::size_t i = 0; i < got.size(); ++i) {
            EXPECT_EQ(got[i].size(), i + 1 < got.size() ? each : total % each);
            all += got[i];
        }
        EXPECT_EQ(all, some_octets());
    }
};

TEST_P(udp_segmentation, from_the_kernel)
{
    ip::udp::socket s(*stack, {ip::udp::v4(), port});
    std::vector<std::string> got;
    asio::co_spawn(
        io, [&]() -> asio::awaitable<void> { got = co_await receive_all<ip::udp>(s); }, [&](std::exception_ptr) { io.stop(); });
    kernels = kernel->inside([&] {
        asio::io_context theirs;
        asio::ip::udp::socket k(theirs, asio::ip::udp::v4());
        k.set_option(segment(static_cast<int>(each)));
        const std::string octets = some_octets();
        k.send_to(asio::buffer(octets), {asio::ip::make_address_v4("198.18.0.2"), port});
    });
    io.run_for(10s);
    expect_whole(got);
    EXPECT_EQ(stack->counters().ip.in_receives, GetParam() ? 1U : total / each + 1);
}

TEST_P(udp_segmentation, to_the_kernel)
{
    std::vector<std::string> got;
    std::promise<void> listening;
    kernels = kernel->inside([&] {
        asio::io_context theirs;
        asio::ip::udp::socket k(theirs, {asio::ip::udp::v4(), port});
        listening.set_value();
        asio::co_spawn(
            theirs, [&]() -> asio::awaitable<void> { got = co_await receive_all<asio::ip::udp>(k); }, asio::detached);
        theirs.run_for(10s);
        io.stop();
    });
    listening.get_future().wait();
    ip::udp::socket s(*stack, ip::udp::v4());
    s.set_option(segment(static_cast<int>(each)));
    const std::string octets = some_octets();
    EXPECT_EQ(s.send_to(asio::buffer(octets), {asio::ip::make_address_v4("198.18.0.1"), port}), total);
    io.run_for(12s);
    kernels.join();
    expect_whole(got);
    const std::uint64_t sent = stack->counters(1).out_packets; // with a few of ARP
    EXPECT_EQ(sent < 5, GetParam()) << sent;
    if (!GetParam()) {
        EXPECT_GE(sent, total / each + 1);
    }
    EXPECT_EQ(stack->counters().udp.out_datagrams, total / each + 1);
}

INSTANTIATE_TEST_SUITE_P(device, udp_segmentation, testing::Bool(),
                         [](const auto& i) { return i.param ? "that_cuts_and_joins" : "that_does_not"; });

} // namespace
} // namespace tapio::test::udp_segmentation_cases
