// Fairness between two stacks on one thread, and between a stack and the handlers of its user.
#include <tapio/device/device.hpp>
#include <tapio/device/pipe.hpp>
#include <tapio/ip/tcp.hpp>
#include <tapio/ip/udp.hpp>
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
using tapio::ip::udp;

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

/// Each connection takes more handlers on the accepting than on the connecting side. @return the most connections that were
/// waiting to be accepted
std::size_t furthest_behind(std::size_t connecting, std::size_t wanted)
{
    asio::io_context io{1};
    auto [l, r] = tapio::make_pipe();
    tapio::stack left(io, std::move(l)), right(io, std::move(r));
    left.add_address(asio::ip::make_address("198.18.0.1"), 24);
    right.add_address(asio::ip::make_address("198.18.0.2"), 24);
    const tcp::endpoint there(asio::ip::make_address("198.18.0.2"), 80);
    std::size_t begun = 0, connected = 0, accepted = 0, furthest = 0;
    tcp::acceptor acceptor(right, there);
    const auto session = [](tcp::socket s) -> asio::awaitable<void> {
        char x = 0;
        (void)co_await s.async_read_some(asio::buffer(&x, 1), asio::as_tuple(asio::use_awaitable));
    };
    const auto accept = [&]() -> asio::awaitable<void> {
        for (; accepted < wanted; ++accepted)
            asio::co_spawn(right, session(co_await acceptor.async_accept(asio::use_awaitable)), asio::detached);
    };
    const auto connect = [&]() -> asio::awaitable<void> {
        while (begun++ < wanted) {
            tcp::socket s(left);
            co_await s.async_connect(there, asio::use_awaitable);
            furthest = std::max(furthest, ++connected - std::min(connected, accepted));
        }
    };
    asio::co_spawn(right, accept(), asio::detached);
    for (std::size_t i = 0; i < connecting; ++i) asio::co_spawn(left, connect(), asio::detached);
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (accepted < wanted && std::chrono::steady_clock::now() < limit) io.run_one_for(std::chrono::milliseconds(100));
    EXPECT_EQ(accepted, wanted);
    EXPECT_EQ(right.counters().tcp.listen_overflows, 0U);
    return furthest;
}

TEST(turns, who_serves_keeps_pace_with_one_who_connects) { EXPECT_LE(furthest_behind(1, 3000), 4U); }
TEST(turns, who_serves_keeps_pace_with_several_who_connect) { EXPECT_LE(furthest_behind(8, 3000), 4 * 8U); }

/// One end of a wire whose packets arrive in handlers of their own, as with a descriptor.
class posted_end final : public tapio::device
{
public:
    struct side
    {
        asio::any_io_executor executor;
        tapio::device_receiver* receiver = nullptr;
        std::vector<tapio::core::packet> coming;
        std::size_t looks = 0, found = 0; ///< calls of poll(), and packets it returned
    };

    posted_end(std::shared_ptr<side> own, std::shared_ptr<side> other) : own_(std::move(own)), other_(std::move(other)) {}

    tapio::device_info info() const override { return {}; }
    void start(asio::any_io_executor executor, tapio::device_receiver& receiver) override
    {
        own_->executor = std::move(executor);
        own_->receiver = &receiver;
    }
    bool transmit(tapio::core::packet& p) override
    {
        other_->coming.push_back(std::move(p));
        if (other_->coming.size() == 1) asio::post(other_->executor, [to = other_] { deliver(*to); });
        return true;
    }
    void stop() override { own_->receiver = nullptr; }
    void poll() override
    {
        ++own_->looks;
        own_->found += own_->coming.size();
        if (!own_->coming.empty()) deliver(*own_);
    }

private:
    static void deliver(side& to)
    {
        auto batch = std::exchange(to.coming, {});
        if (to.receiver == nullptr) return;
        for (tapio::core::packet& p : batch) to.receiver->receive(std::move(p));
        to.receiver->end_batch();
    }

    const std::shared_ptr<side> own_, other_;
};

std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>>
posted_wire(const std::shared_ptr<posted_end::side>& a = std::make_shared<posted_end::side>())
{
    const auto b = std::make_shared<posted_end::side>();
    return {std::make_unique<posted_end>(a, b), std::make_unique<posted_end>(b, a)};
}

/// A server that gets two full segments, which require an immediate ACK, and then answers.
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
        std::uint64_t before, answers; ///< packets sent by the server: when the handler ran, and in total
    };
    /// Sends a question. @return what the server has sent for it
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
    /// Repeated, because on a busy machine any handler may be slow.
    bool go_out_together()
    {
        for (int i = 0; i < 5000; ++i)
            if (const counted c = ask([] {}); c.before == 0 && c.answers == 1) return true;
        return false;
    }
    std::uint64_t sent() const { return right.counters(1).out_packets; }

    asio::io_context io{1};
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = posted_wire();
    tapio::stack left{io, std::move(wire.first)}, right{io, std::move(wire.second)};
    tcp::socket client{left}, server{right};
};

TEST_F(answers, go_out_with_the_acknowledgement) { EXPECT_TRUE(go_out_together()); }

/// If the ACK waited for a slow handler, it would be late.
TEST_F(answers, are_not_waited_for_after_a_slow_one)
{
    (void)ask([] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
    const counted c = ask([] {});
    EXPECT_EQ(c.before, 1U);
    EXPECT_EQ(c.answers, 2U);
    EXPECT_TRUE(go_out_together()) << "handlers have been fast again for a while";
}

/// A synchronous writer is not delayed by the handlers of the other end.
TEST(turns, a_write_in_one_go_is_answered_while_a_reader_waits)
{
    asio::io_context io{1};
    auto [l, r] = tapio::make_pipe();
    tapio::stack left(io, std::move(l)), right(io, std::move(r));
    left.add_address(asio::ip::make_address("198.18.0.1"), 24);
    right.add_address(asio::ip::make_address("198.18.0.2"), 24);
    tcp::acceptor acceptor(right, {asio::ip::make_address("198.18.0.2"), 80});
    tcp::socket client(left), server(right);
    acceptor.async_accept(server, [](error_code ec) { EXPECT_FALSE(ec); });
    client.connect(acceptor.local_endpoint());
    io.poll();
    std::string heard(1, ' ');
    bool done = false;
    asio::async_read(server, asio::buffer(heard), [&](error_code ec, std::size_t) { done = !ec; });
    client.non_blocking(true); // on an error the test must not block forever
    const std::string text(40'000, 'x');
    std::size_t sent = 0;
    for (int i = 0; i < 100 && sent < text.size(); ++i) {
        error_code ec;
        sent += client.write_some(asio::buffer(text) + sent, ec);
    }
    EXPECT_EQ(sent, text.size());
    EXPECT_GT(server.available(), 30'000U) << "more than an initial window";
    io.poll();
    EXPECT_TRUE(done);
}

/// Datagrams received in a batch. The handler of one may send more.
struct batches : testing::Test
{
    batches()
    {
        a.add_address(asio::ip::make_address("198.18.0.1"), 24);
        b.add_address(asio::ip::make_address("198.18.0.2"), 24);
        receiver.bind({asio::ip::make_address("198.18.0.1"), 53});
        sender.connect(receiver.local_endpoint());
        receive();
        send(1); // resolves the neighbour
        io.poll();
        heard = side->looks = side->found = 0;
    }

    void send(std::size_t n)
    {
        while (n-- > 0) sender.send(asio::buffer("x", 1));
    }
    void receive()
    {
        receiver.async_receive(asio::buffer(&octet, 1), [this](error_code ec, std::size_t) {
            if (ec) return;
            if (++heard == more_after) send(7);
            const bool waits = heard == waits_after;
            receive();
            if (!waits) return;
            const std::size_t before = heard;
            send(3);
            for (int i = 0; i < 1000 && heard < before + 3; ++i) io.poll_one();
            heard_meanwhile = heard - before;
        });
    }

    asio::io_context io{1};
    std::shared_ptr<posted_end::side> side = std::make_shared<posted_end::side>();
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire = posted_wire(side);
    tapio::stack a{io, std::move(wire.first)}, b{io, std::move(wire.second)};
    udp::socket receiver{a, udp::v4()}, sender{b, udp::v4()};
    char octet = 0;
    std::size_t heard = 0, more_after = 0;
    std::size_t waits_after = 0, heard_meanwhile = 0; ///< a handler that runs the io_context until more datagrams have arrived
};

TEST_F(batches, are_followed_by_a_look_for_the_next)
{
    more_after = 2;
    send(5);
    io.poll();
    EXPECT_EQ(heard, 12U);
    EXPECT_GT(side->looks, 0U);
    EXPECT_EQ(side->found, 7U) << "all packets that arrived while the handlers ran";
    EXPECT_LE(side->looks, 16U);
}

TEST_F(batches, are_heard_by_a_handler_that_runs_the_io_context)
{
    more_after = waits_after = 2;
    send(5);
    io.poll();
    EXPECT_GE(heard_meanwhile, 3U);
    EXPECT_EQ(heard, 15U);
}

TEST_F(batches, are_heard_by_a_handler_that_does_so_behind_a_look_for_the_next)
{
    more_after = 2;
    waits_after = 8; // this datagram was found by poll()
    send(5);
    io.poll();
    EXPECT_GE(heard_meanwhile, 3U);
    EXPECT_EQ(heard, 15U);
}

TEST_F(batches, of_one_are_not)
{
    for (int i = 0; i < 10; ++i) {
        send(1);
        io.poll();
    }
    EXPECT_EQ(heard, 10U);
    EXPECT_EQ(side->looks, 0U);
}

} // namespace
