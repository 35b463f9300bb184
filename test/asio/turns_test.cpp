// Turns: of two stacks on one thread, which neither takes all its time, and of a stack and its user's handlers.
#include <tapio/device/pipe.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/stack.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
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

/// A server that answers what needs an acknowledgement at once, two full segments.
struct answers : testing::Test
{
    answers()
    {
        left.add_address(asio::ip::make_address("198.18.0.1"), 24);
        right.add_address(asio::ip::make_address("198.18.0.2"), 24);
        tcp::acceptor acceptor(right, {asio::ip::make_address("198.18.0.2"), 80});
        acceptor.async_accept(server, [](error_code ec) { EXPECT_FALSE(ec); });
        client.async_connect(acceptor.local_endpoint(), [](error_code ec) { EXPECT_FALSE(ec); });
        for (int i = 0; i < 1000 && !server.is_open(); ++i) io.poll_one();
        io.poll();
    }

    struct counted
    {
        std::uint64_t before, answers; ///< packets: when the handler ran, and in all
    };
    /// Asks, and looks what the server has sent.
    template <class Work>
    counted ask(Work&& work)
    {
        const std::string question(2 * 1448, 'q');
        std::string heard(question.size(), ' '), answer(1, ' ');
        std::uint64_t at_once = 0;
        bool done = false;
        const std::uint64_t before = sent();
        asio::async_read(server, asio::buffer(heard), [&](error_code ec, std::size_t) {
            EXPECT_FALSE(ec);
            at_once = sent() - before;
            work();
            asio::write(server, asio::buffer("a", 1));
        });
        asio::async_read(client, asio::buffer(answer), [&](error_code ec, std::size_t) { done = !ec; });
        asio::write(client, asio::buffer(question));
        for (int i = 0; i < 1000 && !done; ++i) io.poll_one();
        EXPECT_TRUE(done);
        return {at_once, sent() - before};
    }
    /// Soon: a busy machine may make any handler slow.
    bool go_out_together()
    {
        for (int i = 0; i < 5000; ++i)
            if (const counted c = ask([] {}); c.before == 0 && c.answers == 1) return true;
        return false;
    }
    std::uint64_t sent() const { return right.counters(1).out_packets; }

    asio::io_context io{1};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = tapio::make_pipe();
    tapio::stack left{io, std::move(wire.first)}, right{io, std::move(wire.second)};
    tcp::socket client{left}, server{right};
};

TEST_F(answers, go_out_with_the_acknowledgement) { EXPECT_TRUE(go_out_together()); }

/// An acknowledgement that waited for such a handler would come late.
TEST_F(answers, are_not_waited_for_after_a_slow_one)
{
    (void)ask([] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
    const counted c = ask([] {});
    EXPECT_EQ(c.before, 1U);
    EXPECT_EQ(c.answers, 2U);
    EXPECT_TRUE(go_out_together()) << "when it has been quick for long";
}

} // namespace
