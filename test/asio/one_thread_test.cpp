// An io_context with concurrency_hint 1: its stack uses no locks and runs handlers in batches. How the hint is found changed in
// Boost 1.87; without this test a wrong answer would only cost speed, and go unnoticed.
#include <tapio/device/pipe.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>

#include <gtest/gtest.h>

namespace one_thread_test {
namespace {

namespace asio = boost::asio;
using tapio::ip::tcp;

/// Whether the stack of this io_context relies on a single thread.
bool stack_relies_on(asio::io_context& io)
{
    tapio::stack stack(io);
    EXPECT_EQ(tapio::detail::promises_one_thread(stack.context()), tapio::detail::runs_on_one_thread(io));
    return tapio::detail::promises_one_thread(stack.context());
}

TEST(one_thread, is_promised_by_the_concurrency_hint)
{
    for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_UNSAFE}) {
        asio::io_context io(hint);
        EXPECT_TRUE(stack_relies_on(io)) << hint;
    }
    for (const int hint : {0, 2, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT, BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO}) {
        asio::io_context io(hint);
        EXPECT_FALSE(stack_relies_on(io)) << hint;
    }
    asio::io_context io;
    EXPECT_FALSE(stack_relies_on(io));
}

TEST(one_thread, is_not_promised_by_a_stack_with_a_thread_of_its_own)
{
    tapio::stack stack(std::move(tapio::make_pipe().first));
    EXPECT_FALSE(tapio::detail::promises_one_thread(stack.context()));
}

// A visible effect: handlers of operations that completed together run in one handler of the io_context.
TEST(one_thread, runs_what_has_finished_together_in_one_go)
{
    const auto handlers_in_one_go = [](int hint) {
        asio::io_context io(hint);
        tapio::stack stack(io);
        tcp::socket first(stack, tcp::v4()), second(stack, tcp::v4());
        int ran = 0;
        for (tcp::socket* s : {&first, &second})
            s->async_wait(tcp::socket::wait_error, [&](boost::system::error_code) { ++ran; });
        first.close();
        second.close();
        io.poll_one();
        return ran;
    };
    EXPECT_EQ(handlers_in_one_go(1), 2);
    EXPECT_EQ(handlers_in_one_go(BOOST_ASIO_CONCURRENCY_HINT_DEFAULT), 1);
}

} // namespace
} // namespace one_thread_test
