// A kernel router between tapio and another kernel: a narrow path for which it sends "fragmentation needed" (RFC 1191), one that
// drops large packets silently (a black hole), and one with an outage.
//
//     tapio 198.18.0.2 -- peer0 198.18.0.1, the router, 198.18.1.1 v0 -- v1 198.18.1.2, the far host
#include "support/kernel/kernel_host.hpp"

#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tapio::test::path_mtu_cases {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using kernel_tcp = asio::ip::tcp;
using path_mtu_option = asio::detail::socket_option::integer<IPPROTO_IP, IP_MTU>;

const auto our_address = asio::ip::make_address_v4("198.18.0.2"), far_address = asio::ip::make_address_v4("198.18.1.2");
constexpr std::uint16_t port = 5006;
constexpr std::size_t much = 3'000'000; // octets

std::string some_text(std::size_t size)
{
    std::string text(size, 0);
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761U >> 24);
    return text;
}

struct routed : testing::Test
{
    void set_up(const core::offload_features& offload = {})
    {
        try {
            far.emplace();
            router.emplace("198.18.0.1", "sysctl -qw net.ipv4.ip_forward=1", offload);
        } catch (const std::runtime_error& e) {
            GTEST_SKIP() << "SKIPPED: " << e.what();
        }
        ASSERT_TRUE(router->run("ip link add v0 type veth peer name v1 netns " + far->path() +
                                " && ip address add 198.18.1.1/24 dev v0 && ip link set v0 up"));
        ASSERT_TRUE(far->run("ip address add 198.18.1.2/24 dev v1 && ip link set v1 up && ip route add default via 198.18.1.1"));
        stack.emplace(io, std::move(router->tap));
        stack->add_address(our_address, 24);
        stack->add_route(asio::ip::make_address("198.18.1.0"), 24, asio::ip::make_address("198.18.0.1"));
        far->inside([this] { listener.emplace(theirs, kernel_tcp::endpoint(far_address, port)); }).join();
    }
    void TearDown() override
    {
        if (stack) stack->shutdown();
    }
    /// Limits the MTU of the router's route to the far host, or of the one to us.
    void narrow_towards_far(unsigned mtu)
    {
        EXPECT_TRUE(router->run("ip route replace 198.18.1.0/24 dev v0 mtu lock " + std::to_string(mtu)));
    }
    void narrow_back(unsigned mtu)
    {
        EXPECT_TRUE(router->run("ip route replace 198.18.0.0/24 dev peer0 mtu lock " + std::to_string(mtu)));
    }
    void connect()
    {
        ours.emplace(*stack);
        ours->async_connect({far_address, port}, [](error_code ec) { EXPECT_FALSE(ec) << ec.message(); });
        listener->async_accept([this](error_code ec, kernel_tcp::socket s) {
            EXPECT_FALSE(ec) << ec.message();
            accepted.emplace(std::move(s));
        });
        EXPECT_TRUE(run_until([this] { return accepted.has_value(); }, 10s));
    }
    template <class Done>
    bool run_until(Done&& done, std::chrono::steady_clock::duration at_most)
    {
        for (const auto end = std::chrono::steady_clock::now() + at_most; !done() && std::chrono::steady_clock::now() < end;) {
            io.run_for(1ms);
            theirs.poll();
            io.restart(), theirs.restart();
        }
        return done();
    }
    struct transfer
    {
        explicit transfer(std::size_t size) : text(some_text(size)), got(size, 0) {}
        std::string text, got;
        bool over = false;

        bool right() const { return over && got == text; }
    };
    /// Starts sending `size` octets from one socket to the other.
    template <class From, class To>
    const transfer& begin(From& from, To& to, std::size_t size)
    {
        transfer& t = *transfers.emplace_back(std::make_unique<transfer>(size));
        asio::async_write(from, asio::buffer(t.text), [](error_code, std::size_t) {});
        asio::async_read(to, asio::buffer(t.got), [&t](error_code ec, std::size_t) { t.over = !ec; });
        return t;
    }
    /// @return whether the octets arrive unchanged within 30 s
    template <class From, class To>
    bool passes(From& from, To& to)
    {
        const transfer& t = begin(from, to, much);
        return run_until([&] { return t.over; }, 30s) && t.right();
    }
    int path_mtu()
    {
        path_mtu_option o;
        ours->get_option(o);
        return o.value();
    }
    /// Packets that the router has received from us.
    std::uint64_t packets_from_us() const
    {
        std::uint64_t octets = 0, packets = 0;
        router
            ->inside([&] {
                std::ifstream in("/proc/thread-self/net/dev");
                for (std::string line; std::getline(in, line);)
                    if (line.find("peer0:") != std::string::npos)
                        std::istringstream(line.substr(line.find(':') + 1)) >> octets >> packets;
            })
            .join();
        return packets;
    }

    std::vector<std::unique_ptr<transfer>> transfers; ///< must outlive pending operations
    asio::io_context io{1}, theirs{1};
    std::optional<network_namespace> far;
    std::optional<kernel_host> router;
    std::optional<tapio::stack> stack;
    std::optional<kernel_tcp::acceptor> listener;
    std::optional<kernel_tcp::socket> accepted;
    std::optional<ip::tcp::socket> ours;
};

struct narrow : routed, testing::WithParamInterface<std::tuple<unsigned, bool>>
{
    void SetUp() override
    {
        const bool cuts = std::get<1>(GetParam());
        set_up({.checksum = cuts, .tso_v4 = cuts});
    }
    const unsigned mtu = std::get<0>(GetParam());
    const int least = 552; // octets; for a smaller path MTU we send segments of this size without DF, as Linux does
};

TEST_P(narrow, from_the_beginning)
{
    narrow_towards_far(mtu);
    connect();
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_EQ(path_mtu(), std::max<int>(mtu, least));
}

TEST_P(narrow, while_data_flows)
{
    connect();
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_EQ(path_mtu(), 1500);
    narrow_towards_far(mtu);
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_EQ(path_mtu(), std::max<int>(mtu, least));
    EXPECT_TRUE(passes(*accepted, *ours)) << "data the other way, with our ACKs on the narrow path";
}

/// As on Linux: a connection that is there hears of it when it next sends, a new one begins with it (RFC 8201 §5.2).
TEST_P(narrow, for_one_connection_is_so_for_others)
{
    connect();
    auto idle = std::move(ours);
    auto idle_accepted = std::exchange(accepted, std::nullopt);
    connect();
    narrow_towards_far(mtu);
    EXPECT_TRUE(passes(*ours, *accepted));
    const auto first = std::move(ours);
    const auto first_accepted = std::exchange(accepted, std::nullopt);
    connect();
    EXPECT_EQ(path_mtu(), std::max<int>(mtu, least)) << "before any data";
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_EQ(path_mtu(), std::max<int>(mtu, least));
    ours = std::move(idle), accepted = std::move(idle_accepted);
    EXPECT_EQ(path_mtu(), 1500);
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_EQ(path_mtu(), std::max<int>(mtu, least));
}

/// The far host gets the ICMP errors. MTUs for which it would send fragments, which we do not reassemble, are left out.
struct narrow_towards_us : narrow
{
};

TEST_P(narrow_towards_us, is_received)
{
    narrow_back(mtu);
    connect();
    EXPECT_TRUE(passes(*accepted, *ours));
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_EQ(path_mtu(), 1500);
}

std::string name_of(const testing::TestParamInfo<std::tuple<unsigned, bool>>& p)
{
    return "of_" + std::to_string(std::get<0>(p.param)) + (std::get<1>(p.param) ? "_vnet" : "");
}
INSTANTIATE_TEST_SUITE_P(path, narrow, testing::Combine(testing::Values(1400U, 1280U, 552U, 300U), testing::Bool()), name_of);
INSTANTIATE_TEST_SUITE_P(path, narrow_towards_us, testing::Combine(testing::Values(1400U, 1280U, 552U), testing::Bool()),
                         name_of);

struct silent_path : routed
{
    void SetUp() override { set_up(); }
};

TEST_F(silent_path, segments_are_full_sized_again_after_an_outage)
{
    connect();
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_TRUE(router->run("ip route add blackhole 198.18.1.2/32 && ip route add blackhole 198.18.0.2/32"));
    const transfer& t = begin(*ours, *accepted, much);
    EXPECT_FALSE(run_until([&] { return t.over; }, 3s));
    EXPECT_LT(path_mtu(), 1500) << "a black hole is suspected";
    EXPECT_TRUE(router->run("ip route del blackhole 198.18.1.2/32 && ip route del blackhole 198.18.0.2/32"));
    EXPECT_TRUE(run_until([&] { return t.over; }, 10s) && t.right());
    EXPECT_EQ(path_mtu(), 1500);
    const std::uint64_t before = packets_from_us();
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_LT(packets_from_us() - before, much / 1448 * 11 / 10);
}

TEST_F(silent_path, a_narrow_one_is_found_and_small_segments_pass)
{
    connect();
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_TRUE(far->run("ip link set v1 mtu 1100")); // silently drops larger packets
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_TRUE(passes(*ours, *accepted));
    EXPECT_LE(path_mtu(), 1100);
    EXPECT_GE(path_mtu(), 1100 - 16) << "the search finds it but for 16 octets";
    EXPECT_TRUE(passes(*accepted, *ours));
}

} // namespace
} // namespace tapio::test::path_mtu_cases
