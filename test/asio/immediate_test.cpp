// Operations that complete immediately: the handler is posted, or, if it has an associated immediate executor (Boost 1.82 and
// later), dispatched on that, perhaps within the initiating function.
#include <tapio/ip/zero_copy.hpp>
#include <tapio/tapio.hpp>

#include <boost/asio.hpp>
#include <boost/asio/version.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tapio::ip::tcp;

struct at_once : testing::Test
{
    at_once()
    {
        client.connect(listener.local_endpoint());
        listener.accept(server);
    }
    /// Where the handler passed to `start` runs: "inside" the initiating function, "later", or "never".
    template <class Start>
    std::string handler_runs(Start&& start)
    {
        bool inside = true;
        std::string when = "never";
        start([&](error_code, auto&&...) { when = inside ? "inside" : "later"; });
        inside = false;
        io.restart();
        io.poll();
        return when;
    }

    asio::io_context io;
    tapio::stack stack{io};
    tcp::acceptor listener{stack, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    tcp::socket client{stack}, server{stack};
    char octet = 0;
};

TEST_F(at_once, a_handler_is_posted)
{
    EXPECT_EQ(handler_runs([&](auto h) { client.async_write_some(asio::buffer("x", 1), std::move(h)); }), "later");
    EXPECT_EQ(handler_runs([&](auto h) { server.async_read_some(asio::buffer(&octet, 1), std::move(h)); }), "later");
    tcp::socket closed(stack);
    EXPECT_EQ(handler_runs([&](auto h) { closed.async_read_some(asio::buffer(&octet, 1), std::move(h)); }), "later");
}

#if BOOST_ASIO_VERSION >= 102800 // Boost 1.82

template <class Handler>
auto bound(Handler h)
{
    return asio::bind_immediate_executor(asio::system_executor(), std::move(h));
}

TEST_F(at_once, a_handler_with_an_immediate_executor_runs_inside_the_call)
{
    EXPECT_EQ(handler_runs([&](auto h) { client.async_write_some(asio::buffer("x", 1), bound(h)); }), "inside");
    EXPECT_EQ(handler_runs([&](auto h) { server.async_wait(tcp::socket::wait_read, bound(h)); }), "inside");
    EXPECT_EQ(handler_runs([&](auto h) { server.async_read_some(asio::buffer(&octet, 1), bound(h)); }), "inside");
    EXPECT_EQ(octet, 'x');
    EXPECT_EQ(handler_runs([&](auto h) { asio::async_write(client, asio::buffer("y", 1), bound(h)); }), "inside");
    tcp::socket closed(stack);
    EXPECT_EQ(handler_runs([&](auto h) { closed.async_read_some(asio::buffer(&octet, 1), bound(h)); }), "inside");
    EXPECT_EQ(handler_runs([&](auto h) { listener.async_accept(server, bound(h)); }), "inside")
        << "the peer socket is already open";
    std::vector<tapio::core::slice> slices;
    EXPECT_EQ(handler_runs([&](auto h) { tapio::ip::async_receive_slices(server, slices, 1, bound(h)); }), "inside");
}

TEST_F(at_once, what_has_to_wait_does_not_use_the_immediate_executor)
{
    bool posted_first = false;
    server.async_read_some(asio::buffer(&octet, 1), bound([&](error_code, std::size_t) { EXPECT_TRUE(posted_first); }));
    asio::post(io, [&] { posted_first = true; });
    client.write_some(asio::buffer("x", 1));
    io.poll();
    EXPECT_EQ(octet, 'x');
}

TEST_F(at_once, the_handlers_own_executor_counts_more)
{
    asio::thread_pool elsewhere(1);
    std::thread::id ran_on;
    client.async_write_some(asio::buffer("x", 1), asio::bind_executor(elsewhere, bound([&](error_code, std::size_t) {
                                                                          ran_on = std::this_thread::get_id();
                                                                      })));
    elsewhere.join();
    EXPECT_NE(ran_on, std::thread::id());
    EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST_F(at_once, the_default_immediate_executor_posts)
{
    const auto usual = asio::require(client.get_executor(), asio::execution::blocking.never);
    EXPECT_EQ(handler_runs([&](auto h) {
                  client.async_write_some(asio::buffer("x", 1), asio::bind_immediate_executor(usual, std::move(h)));
              }),
              "later");
}

TEST_F(at_once, a_handler_may_close_its_socket_and_start_again)
{
    int writes = 0;
    std::function<void()> write = [&] {
        client.async_write_some(asio::buffer("x", 1), bound([&](error_code ec, std::size_t) {
                                    EXPECT_FALSE(ec);
                                    if (++writes < 100) return write();
                                    client.close();
                                }));
    };
    write();
    EXPECT_EQ(writes, 100);
    EXPECT_FALSE(client.is_open());
}

#endif

} // namespace
