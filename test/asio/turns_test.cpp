// Two stacks on one thread: neither takes all its time.
#include <tapio/device/pipe.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;

TEST(turns, who_accepts_keeps_pace_with_who_connects)
{
    constexpr std::size_t wanted = 2000, at_once = 32;
    asio::io_context io{1};
    auto [l, r] = tapio::make_pipe({.queue_length = 10'000});
    tapio::stack left(io, std::move(l)), right(io, std::move(r));
    left.add_address(asio::ip::make_address("198.18.0.1"), 24);
    right.add_address(asio::ip::make_address("198.18.0.2"), 24);
    const tcp::endpoint there(asio::ip::make_address("198.18.0.2"), 80);

    std::vector<tcp::socket> accepted, connected;
    std::size_t begun = 0, furthest_behind = 0;
    tcp::acceptor acceptor(right, there);
    const std::function<void()> accept = [&] {
        acceptor.async_accept([&](error_code ec, tcp::socket s) {
            if (ec) return;
            accepted.push_back(std::move(s));
            accept();
        });
    };
    const std::function<void()> connect = [&] {
        if (begun++ >= wanted) return;
        const auto s = std::make_shared<tcp::socket>(left);
        s->async_connect(there, [&, s](error_code ec) {
            EXPECT_FALSE(ec);
            connected.push_back(std::move(*s));
            furthest_behind = std::max(furthest_behind, connected.size() - std::min(connected.size(), accepted.size()));
            connect();
        });
    };
    for (std::size_t i = 0; i < at_once; ++i) accept(), connect();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (accepted.size() < wanted && std::chrono::steady_clock::now() < limit) io.run_one_for(std::chrono::milliseconds(100));
    EXPECT_EQ(accepted.size(), wanted);
    EXPECT_EQ(connected.size(), wanted);
    EXPECT_LE(furthest_behind, 4 * at_once);
}

} // namespace
