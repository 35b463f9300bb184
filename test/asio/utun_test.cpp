// Two stacks on the two ends of a socket pair, each with a utun device: as a stack and macOS's kernel would be.
#include <tapio/device/utun.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace tapio::test::utun_cases {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

/// A socket pair that keeps packets apart.
std::array<int, 2> wire()
{
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends.data()), 0);
    return ends;
}

asio::awaitable<void> echo_once(tcp::acceptor& from)
{
    tcp::socket s = co_await from.async_accept(asio::use_awaitable);
    std::array<char, 8192> data{};
    for (;;) {
        const auto [error, size] = co_await s.async_read_some(asio::buffer(data), asio::as_tuple(asio::use_awaitable));
        if (error) co_return;
        co_await asio::async_write(s, asio::buffer(data, size), asio::use_awaitable);
    }
}

asio::awaitable<void> send_all(tcp::socket& s, const std::string& what)
{
    co_await asio::async_write(s, asio::buffer(what), asio::use_awaitable);
    s.shutdown(tcp::socket::shutdown_send);
}

asio::awaitable<std::string> ask(stack& from, tcp::endpoint to, const std::string& what)
{
    tcp::socket s(from);
    co_await s.async_connect(to, asio::use_awaitable);
    asio::co_spawn(s.get_executor(), send_all(s, what), asio::detached);
    std::string heard(what.size(), '\0');
    co_await asio::async_read(s, asio::buffer(heard), asio::use_awaitable);
    co_return heard;
}

class utun : public testing::TestWithParam<const char*>
{
};

INSTANTIATE_TEST_SUITE_P(, utun, testing::Values("198.18.0.", "2001:db8::"),
                         [](const auto& i) { return i.param[0] == '1' ? "v4" : "v6"; });

TEST_P(utun, a_stack_on_each_end_of_a_socket_pair_exchanges_a_megabyte)
{
    const auto ends = wire();
    asio::io_context io;
    stack a(io, adopt_utun(ends[0], {.name = "utun7", .mtu = 1400})), b(io, adopt_utun(ends[1]));
    const std::string network = GetParam();
    const unsigned prefix = network == "2001:db8::" ? 64 : 24;
    a.add_address(asio::ip::make_address(network + "1"), prefix);
    b.add_address(asio::ip::make_address(network + "2"), prefix);
    const tcp::endpoint echo(asio::ip::make_address(network + "2"), 7);
    tcp::acceptor at(b, echo);
    asio::co_spawn(io, echo_once(at), asio::detached);
    std::string sent(1'000'000, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * i >> 7);
    bool same = false;
    asio::co_spawn(io, ask(a, echo, sent), [&](std::exception_ptr failed, const std::string& heard) {
        same = !failed && heard == sent;
        io.stop();
    });
    io.run_for(30s);
    EXPECT_TRUE(same);
}

TEST(utun_device, says_what_it_was_told)
{
    const auto ends = wire();
    const auto ours = adopt_utun(ends[0], {.name = "utun7", .mtu = 1400}), plain = adopt_utun(ends[1]);
    EXPECT_EQ(ours->info().name, "utun7");
    EXPECT_EQ(ours->info().mtu, 1400U);
    EXPECT_EQ(ours->info().link, core::link_type::ip);
    EXPECT_EQ(plain->info().mtu, 1500U);
    EXPECT_NE(::fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
}

TEST(utun_device, a_descriptor_that_is_none_is_refused)
{
    error_code ec;
    EXPECT_EQ(adopt_utun(-1, {}, ec), nullptr);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    EXPECT_THROW((void)adopt_utun(-1), boost::system::system_error);
}

#ifndef __APPLE__
TEST(utun_device, none_can_be_opened_elsewhere)
{
    error_code ec;
    EXPECT_EQ(open_utun({}, ec), nullptr);
    EXPECT_EQ(ec, asio::error::operation_not_supported);
    EXPECT_THROW((void)open_utun(), boost::system::system_error);
}
#endif

} // namespace
} // namespace tapio::test::utun_cases
