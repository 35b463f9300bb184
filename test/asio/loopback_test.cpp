// // TCP sockets over a stack's loopback: coroutines, errors, cancellation, moves, synchronous calls, options, lifetimes.
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;
using tapio::ip::udp;

asio::ip::address local() { return asio::ip::address_v4::loopback(); }

struct loopback : testing::Test
{
    asio::io_context io{1};
    tapio::stack stack{io};
    tcp::acceptor acceptor{stack, {local(), 7}};

    /// Runs the io_context until `done`, at most 100,000 handlers.
    void run_until(const bool& done)
    {
        for (int i = 0; i < 100'000 && !done; ++i) io.poll_one();
        EXPECT_TRUE(done);
    }
};

asio::awaitable<void> echo_once(tcp::acceptor& acceptor)
{
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    std::array<char, 1024> data;
    for (;;) {
        const auto [ec, n] = co_await socket.async_read_some(asio::buffer(data), asio::as_tuple(asio::use_awaitable));
        if (ec) break;
        co_await asio::async_write(socket, asio::buffer(data, n), asio::use_awaitable);
    }
}

TEST_F(loopback, a_coroutine_talks_to_a_coroutine)
{
    bool done = false;
    std::string answer(5, ' ');
    asio::co_spawn(stack, echo_once(acceptor), asio::detached);
    asio::co_spawn(
        stack,
        [&]() -> asio::awaitable<void> {
            tcp::socket socket(co_await asio::this_coro::executor);
            co_await socket.async_connect({local(), 7}, asio::use_awaitable);
            co_await asio::async_write(socket, asio::buffer("hello", 5), asio::use_awaitable);
            co_await asio::async_read(socket, asio::buffer(answer), asio::use_awaitable);
        },
        [&](std::exception_ptr e) {
            if (e) std::rethrow_exception(e);
            done = true;
        });
    run_until(done);
    EXPECT_EQ(answer, "hello");
}

TEST_F(loopback, a_refused_connection_says_so_and_leaves_the_socket_open)
{
    bool done = false;
    tcp::socket socket(stack);
    socket.async_connect({local(), 9}, [&](error_code ec) {
        EXPECT_EQ(ec, asio::error::connection_refused);
        done = true;
    });
    EXPECT_FALSE(done) << "the handler must not run inside the initiating function";
    run_until(done);
    EXPECT_TRUE(socket.is_open());
}

TEST_F(loopback, the_end_of_the_stream_is_eof)
{
    bool done = false;
    tcp::socket client(stack), server(stack);
    client.async_connect({local(), 7}, [](error_code ec) { EXPECT_FALSE(ec); });
    std::array<char, 8> data;
    acceptor.async_accept(server, [&](error_code ec) {
        EXPECT_FALSE(ec);
        client.close();
        server.async_read_some(asio::buffer(data), [&](error_code end, std::size_t n) {
            EXPECT_EQ(end, asio::error::eof);
            EXPECT_EQ(n, 0U);
            done = true;
        });
    });
    run_until(done);
}

TEST_F(loopback, cancel_close_and_slots_abort)
{
    int aborted = 0;
    const auto count = [&](error_code ec, auto&&...) { aborted += ec == asio::error::operation_aborted ? 1 : 0; };
    asio::cancellation_signal signal;
    tcp::socket a(stack), b(stack);
    acceptor.async_accept(a, asio::bind_cancellation_slot(signal.slot(), count));
    acceptor.async_accept(b, count);
    signal.emit(asio::cancellation_type::terminal);
    io.poll();
    EXPECT_EQ(aborted, 1) << "only the operation with the slot is cancelled";
    io.restart();
    acceptor.cancel();
    io.poll();
    EXPECT_EQ(aborted, 2);
    udp::socket u(stack, {local(), 5000});
    std::array<char, 8> data;
    u.async_receive(asio::buffer(data), count);
    u.close();
    io.restart();
    io.poll();
    EXPECT_EQ(aborted, 3);
}

TEST_F(loopback, a_pending_operation_survives_a_move_of_the_socket)
{
    bool done = false;
    udp::socket receiver(stack, {local(), 5000});
    std::array<char, 8> data;
    udp::endpoint sender;
    receiver.async_receive_from(asio::buffer(data), sender, [&](error_code ec, std::size_t n) {
        EXPECT_FALSE(ec);
        EXPECT_EQ(n, 3U);
        done = true;
    });
    udp::socket moved(std::move(receiver));
    udp::socket other(stack, {local(), 5001});
    EXPECT_EQ(other.send_to(asio::buffer("abc", 3), {local(), 5000}), 3U);
    run_until(done);
    EXPECT_EQ(sender.port(), 5001);
}

TEST_F(loopback, closed_sockets_give_bad_descriptor)
{
    bool done = false;
    tcp::socket s(stack);
    error_code ec;
    s.send(asio::buffer("x", 1), 0, ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
    s.close(ec);
    EXPECT_FALSE(ec);
    s.async_send(asio::buffer("x", 1), [&](error_code e, std::size_t) {
        EXPECT_EQ(e, asio::error::bad_descriptor);
        done = true;
    });
    run_until(done);
}

TEST_F(loopback, synchronous_calls_need_nobody_in_run)
{
    tcp::socket client(stack);
    client.connect({local(), 7});
    tcp::socket server = acceptor.accept();
    EXPECT_EQ(asio::write(client, asio::buffer("ping", 4)), 4U);
    std::array<char, 4> data;
    EXPECT_EQ(asio::read(server, asio::buffer(data)), 4U);
    EXPECT_EQ(std::string(data.data(), 4), "ping");
    EXPECT_EQ(server.remote_endpoint(), client.local_endpoint());
}

TEST_F(loopback, options_get_and_set)
{
    tcp::socket s(stack, tcp::v4());
    s.set_option(tcp::no_delay(true));
    tcp::no_delay option;
    s.get_option(option);
    EXPECT_TRUE(option.value());
    s.set_option(asio::socket_base::linger(true, 0));
    asio::socket_base::linger l;
    s.get_option(l);
    EXPECT_TRUE(l.enabled());
    EXPECT_EQ(l.timeout(), 0);
}

TEST(stack, a_socket_may_outlive_its_stack)
{
    asio::io_context io;
    auto stack = std::make_unique<tapio::stack>(io);
    tcp::acceptor acceptor(*stack, {local(), 7});
    error_code result;
    acceptor.async_accept([&](error_code ec, tcp::socket) { result = ec; });
    stack.reset();
    io.poll();
    EXPECT_EQ(result, asio::error::operation_aborted);
    error_code ec;
    acceptor.listen(5, ec);
    EXPECT_EQ(ec, asio::error::bad_descriptor);
}

TEST(stack, an_io_context_may_end_with_operations_pending)
{
    auto io = std::make_unique<asio::io_context>();
    auto stack = std::make_unique<tapio::stack>(*io);
    auto acceptor = std::make_shared<tcp::acceptor>(*stack, tcp::endpoint{local(), 7});
    acceptor->async_accept([acceptor](error_code, tcp::socket) { FAIL() << "the handler was called"; });
    auto* const raw = acceptor.get();
    acceptor.reset();
    EXPECT_TRUE(raw->is_open());
    io->poll();
    std::exchange(stack, nullptr)->get_executor(); // the stack object is destroyed before the io_context
    io.reset();
}

TEST(default_stack, plain_io_contexts_share_one_loopback)
{
    asio::io_context a, b;
    tcp::acceptor acceptor(a, {local(), 0});
    auto accepted = acceptor.async_accept(asio::use_future);
    tcp::socket client(b);
    auto connected = client.async_connect(acceptor.local_endpoint(), asio::use_future);
    std::thread ta([&] { a.run(); });
    b.run();
    ta.join();
    connected.get();
    EXPECT_TRUE(accepted.get().is_open());
}

TEST(native_handle, is_not_a_file_descriptor)
{
    asio::io_context io;
    tapio::stack stack(io);
    tcp::socket s(stack, tcp::v4());
    EXPECT_GE(static_cast<int>(s.native_handle()), 0x4000'0000);
    const int released = s.release();
    EXPECT_FALSE(s.is_open());
    tcp::socket again(stack, tcp::v4(), released);
    EXPECT_TRUE(again.is_open());
    again.bind({local(), 1234});
}

} // namespace
