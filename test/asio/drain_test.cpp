// stack::async_drain: all data written is delivered before the stack is shut down.
#include "connected_hosts.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using namespace std::chrono_literals;

/// A client and a server that is behind a slow wire with packet loss.
struct draining : testing::Test, tapio::test::connected_hosts
{
    draining() : connected_hosts({.drop = 0.05, .delay = 50ms}) {}

    /// Reads on the client until the end of the stream.
    void read_all()
    {
        asio::async_read(*client, asio::dynamic_buffer(got), [this](error_code e, std::size_t) { end = e; });
    }
    /// Writes more on the server than the client, which does not read, accepts.
    void fill()
    {
        asio::async_write(*server, asio::buffer(much), [](error_code, std::size_t) {});
        time.run_for(10s);
    }
    void drain(tapio::core::duration timeout = 1min)
    {
        server_host->async_drain(timeout, [this](error_code e) { drained = e; });
    }
    bool run_until_drained()
    {
        return time.run_until([&] { return drained.has_value(); }, 1h);
    }

    const std::string much = std::string(20'000'000, 'x');
    std::string got;
    error_code end;
    std::optional<error_code> drained;
};

TEST_F(draining, what_has_been_written_is_delivered_and_then_the_stack_is_shut_down)
{
    const std::string text(200'000, 'x');
    asio::async_write(*server, asio::buffer(text), [](error_code ec, std::size_t) { EXPECT_FALSE(ec); });
    read_all();
    drain();
    ASSERT_TRUE(run_until_drained());
    EXPECT_FALSE(*drained);
    error_code ec;
    server->write_some(asio::buffer("x", 1), ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor) << "the stack is shut down";
    server_host.reset();
    time.run_for(1min);
    EXPECT_EQ(end, asio::error::eof);
    EXPECT_EQ(got, text);
}

TEST_F(draining, sockets_that_have_been_closed_are_waited_for)
{
    const std::string text(200'000, 'x');
    asio::async_write(*server, asio::buffer(text), [&](error_code, std::size_t) { server->close(); });
    time.run_until([&] { return !server->is_open(); }, 1min);
    drain();
    ASSERT_TRUE(run_until_drained());
    server_host.reset();
    read_all();
    time.run_for(1min);
    EXPECT_EQ(end, asio::error::eof);
    EXPECT_EQ(got, text);
}

TEST_F(draining, a_large_write_that_goes_on_in_parts_is_not_cut)
{
    const std::string text(5'000'000, 'x'); // more than the send buffer
    std::optional<error_code> written;
    asio::async_write(*server, asio::buffer(text), [&](error_code ec, std::size_t) { written = ec; });
    read_all();
    drain(1h);
    ASSERT_TRUE(run_until_drained());
    EXPECT_FALSE(*drained);
    EXPECT_EQ(written, error_code());
    server_host.reset();
    time.run_for(1min);
    EXPECT_EQ(end, asio::error::eof);
    EXPECT_EQ(got.size(), text.size());
}

TEST_F(draining, a_reader_that_is_slow_keeps_what_it_has_not_read)
{
    asio::write(*server, asio::buffer(std::string(50'000, 'x')));
    drain();
    ASSERT_TRUE(run_until_drained());
    server_host.reset();
    time.run_for(1min);
    read_all();
    time.run_for(1min);
    EXPECT_EQ(end, asio::error::eof) << "no RST was received";
    EXPECT_EQ(got.size(), 50'000U);
}

TEST_F(draining, times_out_when_the_peer_does_not_read)
{
    std::optional<error_code> written;
    asio::async_write(*server, asio::buffer(much), [&](error_code ec, std::size_t) { written = ec; });
    time.run_for(10s);
    const auto begin = time.now();
    drain(7s);
    ASSERT_TRUE(run_until_drained());
    EXPECT_EQ(*drained, asio::error::timed_out);
    EXPECT_EQ(time.now() - begin, 7s);
    time.run_for(1s);
    EXPECT_EQ(written, error_code(asio::error::operation_aborted));
    read_all();
    time.run_for(1min);
    EXPECT_NE(end, asio::error::eof);
    EXPECT_LT(got.size(), much.size());
}

/// The device's peer is gone: the data cannot be delivered any more.
TEST_F(draining, times_out_when_the_device_is_gone)
{
    std::optional<error_code> written;
    asio::async_write(*server, asio::buffer(much), [&](error_code ec, std::size_t) { written = ec; });
    time.run_for(1s);
    client_host.reset(); // destroys the other end of the pipe
    time.run_for(1ms);
    EXPECT_NE(server_host->interface_status().state, tapio::interface_state::up);
    const auto begin = time.now();
    drain(7s);
    ASSERT_TRUE(run_until_drained());
    EXPECT_EQ(*drained, asio::error::timed_out);
    EXPECT_EQ(time.now() - begin, 7s);
    time.run_for(1s);
    EXPECT_EQ(written, error_code(asio::error::operation_aborted));
}

TEST_F(draining, nothing_to_wait_for_takes_no_time_without_a_device)
{
    server.reset();
    client.reset();
    time.run_for(1min);
    client_host.reset();
    const auto begin = time.now();
    drain(7s);
    ASSERT_TRUE(run_until_drained());
    EXPECT_FALSE(*drained);
    EXPECT_EQ(time.now(), begin);
}

TEST_F(draining, nothing_to_wait_for_takes_no_time)
{
    tapio::stack idle(io, nullptr, {.time = &time});
    const auto begin = time.now();
    idle.async_drain(1s, [this](error_code e) { drained = e; });
    ASSERT_TRUE(run_until_drained());
    EXPECT_FALSE(*drained);
    EXPECT_EQ(time.now(), begin);
}

TEST_F(draining, listeners_take_no_more)
{
    std::optional<error_code> accepted, connected;
    acceptor->async_accept([&](error_code ec, tcp::socket) { accepted = ec; });
    drain();
    tcp::socket late(*client_host);
    late.async_connect(there, [&](error_code ec) { connected = ec; });
    time.run_for(1min);
    EXPECT_EQ(accepted, error_code(asio::error::operation_aborted));
    ASSERT_TRUE(connected);
    EXPECT_TRUE(*connected);
}

TEST_F(draining, a_peer_may_go_on_sending_until_it_is_over)
{
    std::string heard;
    error_code heard_end;
    asio::async_read(*server, asio::dynamic_buffer(heard), [&](error_code ec, std::size_t) { heard_end = ec; });
    asio::write(*client, asio::buffer("before", 6));
    drain();
    ASSERT_TRUE(run_until_drained());
    EXPECT_FALSE(*drained);
    time.run_for(1s);
    EXPECT_EQ(heard, "before");
    EXPECT_EQ(heard_end, asio::error::operation_aborted);
}

TEST_F(draining, is_cancelled_by_its_slot_and_the_stack_lives_on)
{
    asio::cancellation_signal signal;
    fill();
    server_host->async_drain(1h, asio::bind_cancellation_slot(signal.slot(), [this](error_code e) { drained = e; }));
    time.run_for(1s);
    EXPECT_FALSE(drained);
    signal.emit(asio::cancellation_type::total);
    time.run_for(1s);
    EXPECT_EQ(drained, error_code(asio::error::operation_aborted));
    tcp::acceptor another(*server_host, {asio::ip::make_address("192.0.2.2"), 81});
    tcp::socket s(*client_host);
    EXPECT_NO_THROW(s.connect({asio::ip::make_address("192.0.2.2"), 81}));
}

TEST_F(draining, is_aborted_by_shutdown)
{
    fill();
    drain(1h);
    server_host->shutdown();
    time.run_for(1s);
    EXPECT_EQ(drained, error_code(asio::error::operation_aborted));
    drained.reset();
    drain(1h);
    time.run_for(1s);
    EXPECT_EQ(drained, error_code(asio::error::operation_aborted));
}

TEST_F(draining, two_at_a_time_both_complete)
{
    asio::write(*server, asio::buffer("x", 1));
    std::optional<error_code> second;
    drain();
    server_host->async_drain(2min, [&](error_code e) { second = e; });
    ASSERT_TRUE(run_until_drained());
    time.run_for(1s);
    EXPECT_EQ(drained, error_code());
    EXPECT_EQ(second, error_code());
}

TEST_F(draining, two_at_a_time_do_not_shorten_the_10_ms_without_a_write)
{
    const std::string text(1000, 'x');
    constexpr unsigned pieces = 50;
    tapio::steady_timer pause(*server_host);
    unsigned written = 0;
    std::function<void()> write = [&] {
        asio::async_write(*server, asio::buffer(text), [&](error_code, std::size_t) {
            if (++written == pieces) return;
            pause.expires_after(7ms);
            pause.async_wait([&](error_code) { write(); });
        });
    };
    write();
    read_all();
    drain();
    time.run_for(5ms);
    std::optional<error_code> second;
    server_host->async_drain(1min, [&](error_code e) { second = e; });
    ASSERT_TRUE(run_until_drained());
    server_host.reset();
    time.run_for(1min);
    EXPECT_EQ(end, asio::error::eof);
    EXPECT_EQ(got.size(), pieces * text.size());
}

TEST_F(draining, takes_coroutines_and_tuples)
{
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
            const auto [ec] = co_await server_host->async_drain(1min, asio::as_tuple(asio::use_awaitable));
            drained = ec;
        },
        asio::detached);
    ASSERT_TRUE(run_until_drained());
    EXPECT_FALSE(*drained);
}

TEST(draining_in_real_time, a_stack_with_a_thread_of_its_own_gives_a_future)
{
    auto [l, r] = tapio::make_pipe();
    const tapio::core::impairment_options slow{.delay = 10ms};
    tapio::stack left(tapio::impaired(std::move(l), {slow, slow})), right(std::move(r));
    left.add_address(asio::ip::make_address("192.0.2.1"), 24);
    right.add_address(asio::ip::make_address("192.0.2.2"), 24);
    tcp::acceptor acceptor(right, {tcp::v4(), 80});
    tcp::socket client(left);
    client.connect({asio::ip::make_address("192.0.2.2"), 80});
    tcp::socket server = acceptor.accept();
    asio::write(server, asio::buffer(std::string(100'000, 'x')));
    EXPECT_NO_THROW(right.async_drain(10s, asio::use_future).get());
    std::string got;
    error_code ec;
    asio::read(client, asio::dynamic_buffer(got), ec);
    EXPECT_EQ(ec, asio::error::eof);
    EXPECT_EQ(got.size(), 100'000U);
}

/// Two stacks on one io_context, and a connection from left to right.
class two_stacks
{
    std::pair<std::unique_ptr<tapio::device>, std::unique_ptr<tapio::device>> wire_ = tapio::make_pipe();

public:
    two_stacks(int concurrency_hint, tapio::core::duration delay)
        : io(concurrency_hint),
          left(io, tapio::impaired(std::move(wire_.first), {{.delay = delay}, {.delay = delay}})),
          right(io, std::move(wire_.second))
    {
        left.add_address(asio::ip::make_address("192.0.2.1"), 24);
        right.add_address(there.address(), 24);
        acceptor = tcp::acceptor(right, there);
    }

    const tcp::endpoint there{asio::ip::make_address("192.0.2.2"), 80};
    asio::io_context io;
    tapio::stack left, right;
    tcp::acceptor acceptor{right};
    tcp::socket server{right}, client{left};
};

/// A composed write starts its next part in the handler of the previous one, which may run late: async_drain must wait for it.
TEST(draining_in_real_time, a_write_in_parts_is_not_cut_where_handlers_come_late)
{
    for (const int hint : {1, 2}) {
        two_stacks net(hint, 0ms);
        auto& io = net.io;
        auto &server = net.server, &client = net.client;
        const std::string text(2'000'000, 'x');
        std::string got;
        bool over = false;
        std::function<void()> slow = [&] {
            for (const auto end = std::chrono::steady_clock::now() + 12ms; std::chrono::steady_clock::now() < end;) {}
            if (!over) asio::post(io, slow);
        };
        net.acceptor.async_accept(server, [&](error_code) {
            asio::async_write(server, asio::buffer(text), [](error_code, std::size_t) {});
            net.right.async_drain(20s, [&](error_code ec) {
                over = true;
                EXPECT_FALSE(ec);
                if (got.size() == text.size()) io.stop();
            });
            for (int i = 0; i < 3; ++i) asio::post(io, slow);
        });
        client.async_connect(net.there, [&](error_code) {
            asio::async_read(client, asio::dynamic_buffer(got), [&](error_code, std::size_t) {
                client.close();
                if (over) io.stop();
            });
        });
        io.run_for(20s);
        EXPECT_TRUE(over) << hint;
        EXPECT_EQ(got.size(), text.size()) << hint;
    }
}

TEST(draining_in_real_time, run_returns_when_it_is_over)
{
    for (const int hint : {1, 2}) {
        two_stacks net(hint, 5ms);
        auto& io = net.io;
        auto &server = net.server, &client = net.client;
        const std::string text(1'000'000, 'x');
        std::string got;
        bool over = false;
        net.acceptor.async_accept(server, [&](error_code) {
            asio::async_write(server, asio::buffer(text), [](error_code ec, std::size_t) { EXPECT_FALSE(ec); });
            net.right.async_drain(10s, [&](error_code ec) {
                EXPECT_FALSE(ec);
                over = true;
                net.left.shutdown();
            });
        });
        client.async_connect(net.there, [&](error_code) {
            asio::async_read(client, asio::dynamic_buffer(got), [&](error_code ec, std::size_t) {
                EXPECT_EQ(ec, asio::error::eof);
                client.close();
            });
        });
        io.run_for(20s);
        EXPECT_TRUE(over) << hint;
        EXPECT_TRUE(io.stopped()) << "no outstanding work is left";
        EXPECT_EQ(got.size(), text.size());
    }
}

} // namespace
