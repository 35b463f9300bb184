// stdexec's use_sender as a completion token turns a socket operation into a sender. Built if its header
// <exec/asio/use_sender.hpp> is found (CMake: TAPIO_STDEXEC).
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

#include <exec/asio/use_sender.hpp>
#include <exec/when_any.hpp>
#include <stdexec/execution.hpp>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
using exec::asio::use_sender;
using tapio::ip::tcp;

struct senders : testing::Test
{
    senders() : runner([this] { io.run(); })
    {
        client.connect(listener.local_endpoint());
        listener.accept(server);
    }
    ~senders() override
    {
        work.reset();
        asio::post(io, [this] { stack.shutdown(); });
        runner.join();
    }

    asio::io_context io;
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    tapio::stack stack{io};
    tcp::acceptor listener{stack, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    tcp::socket client{stack}, server{stack};
    std::thread runner;
};

TEST_F(senders, operations_follow_one_another)
{
    std::string got(5, ' ');
    const auto sent = stdexec::sync_wait(asio::async_write(client, asio::buffer("hello", 5), use_sender));
    ASSERT_TRUE(sent);
    EXPECT_EQ(std::get<0>(*sent), 5U);
    const auto received = stdexec::sync_wait(asio::async_read(server, asio::buffer(got), use_sender) |
                                             stdexec::then([&](std::size_t n) { return got.substr(0, n); }));
    ASSERT_TRUE(received);
    EXPECT_EQ(std::get<0>(*received), "hello");
}

TEST_F(senders, an_error_is_an_exception)
{
    client.close();
    char octet = 0;
    try {
        (void)stdexec::sync_wait(server.async_read_some(asio::buffer(&octet, 1), use_sender));
        FAIL() << "the read must fail: the stream has ended";
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), asio::error::eof);
    }
}

TEST_F(senders, a_stop_request_cancels)
{
    char octet = 0;
    const auto first = stdexec::sync_wait(
        exec::when_any(server.async_read_some(asio::buffer(&octet, 1), use_sender), stdexec::just(std::size_t{77})));
    ASSERT_TRUE(first) << "the read must be cancelled; otherwise sync_wait() would block forever";
    EXPECT_EQ(std::get<0>(*first), 77U);
}

} // namespace
